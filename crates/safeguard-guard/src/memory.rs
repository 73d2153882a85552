//! Settings of memory, of which a session may take so much: a server that runs out of it ends with everybody's sessions.

const KB: f64 = 1024.0;
const BYTES_MAX: f64 = KB * KB * KB;

/// Settings that anybody may set, with what a number without a unit counts; the last is a factor of the first.
const MEMORY: &[(&str, f64)] = &[
    ("work_mem", KB),
    ("maintenance_work_mem", KB),
    ("logical_decoding_work_mem", KB),
    ("temp_buffers", 8.0 * KB),
    ("hash_mem_multiplier", BYTES_MAX / 10.0),
];

/// What a number without a unit counts; none where a setting is not about memory.
pub(crate) fn unit(setting: &str) -> Option<f64> {
    MEMORY
        .iter()
        .find(|(name, _)| *name == setting)
        .map(|(_, unit)| *unit)
}

/// Whether so much is understood, and within the limit.
pub(crate) fn is_moderate(text: &str, unit: f64) -> bool {
    let text = text.trim();
    let at = text.find(|char: char| !char.is_ascii_digit() && char != '.');
    let (number, suffix) = text.split_at(at.unwrap_or(text.len()));
    let per_unit = match suffix.trim_start() {
        "" => unit,
        "B" => 1.0,
        "kB" => KB,
        "MB" => KB * KB,
        "GB" => KB * KB * KB,
        _ => return false,
    };
    number
        .parse::<f64>()
        .is_ok_and(|number| number * per_unit <= BYTES_MAX)
}

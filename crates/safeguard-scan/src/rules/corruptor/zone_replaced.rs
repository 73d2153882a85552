//! A moment that is read from a text with an offset gets another zone put in its place, where it had to be converted.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "zone-replaced",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: ALL_LANGUAGES,
    run,
};

const FILES_MAX: usize = 400;
const BYTES_MAX: usize = 200_000;
const SURE: &str =
    "the offset that the text has is thrown away, not converted: the moment is shifted by hours";
const LIKELY: &str = "if the text has an offset, it is thrown away here and not converted; ask `tzinfo is None` first, or use `astimezone`";

/// How much is known of a text that a moment is read from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offset {
    /// It has one.
    Always,
    /// It may have one.
    Perhaps,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let offset = match source.tree.language() {
            Language::Python => python(code, call),
            Language::Java => java(code, call),
            Language::Go => go(code, call),
            Language::JavaScript | Language::TypeScript | Language::Tsx => script(code, call),
            Language::Rust => rust(code, call),
            Language::Dockerfile
            | Language::Hcl
            | Language::Settings
            | Language::Shell
            | Language::Sql
            | Language::Yaml => None,
        };
        let Some(offset) = offset.filter(|_| !undoes_or_tests(code, call)) else {
            continue;
        };
        if offset == Offset::Always
            || python_text(code, call).is_some_and(|text| is_shown(code, project, text))
        {
            reports.add(call, SURE);
        } else {
            reports.note(call, LIKELY);
        }
    }
}

/// `datetime.fromisoformat(text).replace(tzinfo=timezone.utc)`
fn python(code: Code<'_>, call: NodeId) -> Option<Offset> {
    if code.called(call) != "replace" || asks_for_zone(code, call) {
        return None;
    }
    let zone = code.option(call, "tzinfo").filter(|zone| !code.is_null(*zone))?;
    // A zone that the moment has itself.
    if code.mentions(zone, |name| name == "tzinfo") {
        return None;
    }
    let read = read_by(code, call)?;
    // `strip`, `[:19]`: no offset is left, and whoever wrote that knows.
    let text = code.arg(read, 0)?;
    let cuts = |id: NodeId| {
        code.tree.subtree(id).any(|part| match code.kind(part) {
            Kind::Slice => true,
            Kind::Call => {
                matches!(
                    code.called(part),
                    "rstrip"
                        | "removesuffix"
                        | "split"
                        | "partition"
                        | "rsplit"
                        | "isoformat"
                        | "strftime"
                        | "sub"
                ) || code.called(part) == "replace"
                    && code.arg(part, 1).and_then(|new| code.text(new)) == Some("")
            }
            _ => false,
        })
    };
    if cuts(code.set_to(text).unwrap_or(text)) || cuts(text) {
        return None;
    }
    match code.called(read) {
        "strptime" => code
            .arg(read, 1)
            .and_then(|form| code.text(form))
            .filter(|form| form.contains("%z"))
            .map(|_| Offset::Always),
        "fromisoformat" | "isoparse" | "parse_datetime" => Some(Offset::Perhaps),
        "parse" if code.path(read).contains("dateutil") => Some(Offset::Perhaps),
        _ => None,
    }
}

/// What reads the moment that a method is called on.
fn read_by(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let of = code.receiver(call)?;
    let read = code.set_to(of).unwrap_or(of);
    (code.kind(read) == Kind::Call).then_some(read)
}

/// The text that Python's moment is read from.
fn python_text(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    (code.tree.language() == Language::Python)
        .then(|| code.arg(read_by(code, call)?, 0))
        .flatten()
}

/// Whether somebody asks whether there is a zone before another is put in its place.
fn asks_for_zone(code: Code<'_>, call: NodeId) -> bool {
    let scope = code.function(call).unwrap_or(NodeId::ROOT);
    code.tree.subtree(scope).any(|id| match code.kind(id) {
        Kind::If | Kind::Conditional | Kind::Assert | Kind::While => {
            code.child(id, Role::Condition).is_some_and(|condition| {
                code.mentions(condition, |name| {
                    matches!(name, "tzinfo" | "utcoffset" | "is_naive" | "is_aware")
                })
            })
        }
        _ => false,
    })
}

/// Whether the repository shows such a text with an offset other than zero: beside the key that it stands under, if it has one.
fn is_shown(code: Code<'_>, project: &Project, text: NodeId) -> bool {
    let key = code.last_name(code.set_to(text).unwrap_or(text));
    let quoted = [format!("\"{key}\""), format!("'{key}'")];
    let shows = |text: &str| {
        text.lines().any(|line| {
            has_offset(line) && (key.is_empty() || quoted.iter().any(|quoted| line.contains(quoted.as_str())))
        })
    };
    if shows(code.tree.text()) {
        return true;
    }
    const ENDINGS: &[&str] = &[
        ".md", ".rst", ".txt", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".csv", ".py",
    ];
    project
        .files()
        .filter(|path| ENDINGS.iter().any(|ending| path.ends_with(ending)) && !path.contains("lock"))
        .take(FILES_MAX)
        .filter_map(|path| project.text(path))
        .any(|text| text.len() < BYTES_MAX && shows(&text))
}

/// `2031-04-05T06:07:08+02:00`
fn has_offset(line: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices('T').any(|(at, _)| {
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let begins = at >= 10 && digit(at - 1) && bytes.get(at - 3) == Some(&b'-') && digit(at + 1);
        let rest = line.get(at + 1..).unwrap_or("");
        let end = rest
            .find(|char: char| !(char.is_ascii_digit() || matches!(char, ':' | '.')))
            .unwrap_or(rest.len());
        let offset = rest.get(end..end + 3).unwrap_or("");
        begins
            && end >= 4
            && offset.starts_with(['+', '-'])
            && offset.bytes().skip(1).all(|byte| byte.is_ascii_digit())
            && !offset.ends_with("00")
    })
}

/// `OffsetDateTime.parse(text).toLocalDateTime().atZone(zone)`, `ZonedDateTime.parse(text).withZoneSameLocal(zone)`
fn java(code: Code<'_>, call: NodeId) -> Option<Offset> {
    let read = |id: NodeId| {
        let read = code.set_to(id).unwrap_or(id);
        (code.kind(read) == Kind::Call && code.called(read) == "parse").then_some(read)
    };
    let with_offset = |read: NodeId| {
        code.receiver(read)
            .is_some_and(|class| matches!(code.last_name(class), "OffsetDateTime" | "ZonedDateTime"))
    };
    // The zone of a text that names none, by the format that it is read with.
    let own_zone = |read: NodeId| code.tree.source(read).contains("withZone(");
    match code.called(call) {
        "withZoneSameLocal" | "withOffsetSameLocal" => {
            let read = read(code.receiver(call)?)?;
            (with_offset(read) && !own_zone(read)).then_some(Offset::Always)
        }
        "atZone" | "atOffset" | "toInstant" | "toEpochSecond" => {
            let of = code.receiver(call)?;
            let local = code.set_to(of).unwrap_or(of);
            if code.kind(local) != Kind::Call || code.args(call).is_empty() {
                return None;
            }
            if code.called(local) == "toLocalDateTime" {
                let read = read(code.receiver(local)?)?;
                return (with_offset(read) && !own_zone(read)).then_some(Offset::Always);
            }
            let drops = code.called(local) == "parse"
                && code
                    .receiver(local)
                    .is_some_and(|class| code.last_name(class) == "LocalDateTime")
                && code.arg(local, 1).is_some_and(|form| {
                    matches!(
                        code.last_name(form),
                        "ISO_OFFSET_DATE_TIME" | "ISO_ZONED_DATE_TIME"
                    )
                });
            drops.then_some(Offset::Always)
        }
        _ => None,
    }
}

/// `t, err := time.Parse(time.RFC3339, text)`, `time.Date(t.Year(), …, t.Hour(), …, time.UTC)`
fn go(code: Code<'_>, call: NodeId) -> Option<Offset> {
    if code.path(call) != "time.Date" {
        return None;
    }
    let args = code.args(call);
    let (hour, zone) = (*args.get(3)?, *args.get(7)?);
    if code.kind(hour) != Kind::Call
        || code.called(hour) != "Hour"
        || code.mentions(zone, |name| name == "Location")
    {
        return None;
    }
    let moment = code.receiver(hour)?;
    let read = code.set_to(moment)?;
    if code.kind(read) != Kind::Call || !matches!(code.path(read), "time.Parse" | "time.ParseInLocation") {
        return None;
    }
    let form = code.arg(read, 0)?;
    let has_zone = match code.text(form) {
        Some(text) => ["Z07", "-07", "MST"].iter().any(|part| text.contains(part)),
        None => matches!(
            code.last_name(form),
            "RFC3339" | "RFC3339Nano" | "RFC1123Z" | "RFC822Z" | "RubyDate"
        ),
    };
    has_zone.then_some(Offset::Always)
}

/// `text.replace(/[+-]\d\d:\d\d$/, 'Z')`: the digits stay, and are said to be UTC.
fn script(code: Code<'_>, call: NodeId) -> Option<Offset> {
    if !matches!(code.called(call), "replace" | "replaceAll") {
        return None;
    }
    let (pattern, new) = (code.arg(call, 0)?, code.arg(call, 1)?);
    let pattern = code.literal(pattern);
    let flat: String = match code.kind(pattern) {
        Kind::Regex => code
            .name(pattern)
            .replace("[0-9]", "\\d")
            .replace("\\d{2}", "\\d\\d"),
        _ => return None,
    };
    let is_offset = ["[+-]", "[-+]", "[+\\-]", "[\\-+]", "(?:\\+|-)", "(\\+|-)", "\\+"]
        .iter()
        .any(|sign| {
            flat.split_once(sign)
                .is_some_and(|(_, rest)| rest.starts_with("\\d\\d:") || rest.starts_with("\\d\\d\\:"))
        });
    let is_utc = code
        .text(new)
        .is_some_and(|text| matches!(text, "Z" | "+00:00" | "+0000" | ".000Z"));
    // `+00:00` is `Z`.
    (is_offset && is_utc).then_some(Offset::Always)
}

/// `DateTime::parse_from_rfc3339(text)?.naive_local().and_utc()`
fn rust(code: Code<'_>, call: NodeId) -> Option<Offset> {
    let local = match code.called(call) {
        "and_utc" | "and_local_timezone" => code.receiver(call)?,
        "from_utc_datetime" => code.bare(code.arg(call, 0)?),
        _ => return None,
    };
    let local = code.set_to(local).unwrap_or(local);
    let of = (code.kind(local) == Kind::Call && code.called(local) == "naive_local")
        .then(|| code.receiver(local))
        .flatten()?;
    let whole = code.set_to(of).unwrap_or(of);
    code.tree
        .subtree(whole)
        .any(|id| {
            code.kind(id) == Kind::Call
                && matches!(code.called(id), "parse_from_rfc3339" | "parse_from_rfc2822")
        })
        .then_some(Offset::Always)
}

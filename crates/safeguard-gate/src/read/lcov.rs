//! LCOV: lines of text, of which `SF`, `DA` and `end_of_record` matter here.

use super::Read;
use super::coverage::Gathered;
use crate::unreadable::{Place, Unreadable, shown};

const HINT: &str = "it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it";

/// What a line of a tracefile can begin with, beyond those that are read.
const OTHER: &[&str] = &[
    "TN:", "VER:", "FN:", "FNDA:", "FNF:", "FNH:", "FNL:", "FNA:", "BRDA:", "BRF:", "BRH:", "LF:", "LH:",
    "MCDC:", "MCF:", "MCH:", "#",
];

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let mut gathered = Gathered::default();
    let mut file: Option<&str> = None;
    let mut records = 0;
    for (at, line) in text.lines().enumerate() {
        let refuse = |what: String| Unreadable::new(Place::Line(at + 1), what, HINT);
        let line = line.trim_end();
        if let Some(path) = line.strip_prefix("SF:") {
            gathered.file(path).map_err(refuse)?;
            file = Some(path);
        } else if let Some(data) = line.strip_prefix("DA:") {
            let path = file.ok_or_else(|| refuse("`DA` outside of a record".to_owned()))?;
            let (line, executed) = executions(data)
                .ok_or_else(|| refuse(format!("`DA:{}` is not a line and a count", shown(data, 40))))?;
            gathered.line(path, line, executed).map_err(refuse)?;
        } else if line == "end_of_record" {
            file = None;
            records += 1;
        } else if !line.is_empty() && !OTHER.iter().any(|known| line.starts_with(known)) {
            return Err(refuse(format!("`{}` is not a line of LCOV", shown(line, 60))));
        }
    }
    if file.is_some() {
        let what = format!("it ends within record {}", records + 1);
        return Err(Unreadable::new(
            Place::Whole,
            what,
            "look whether the tool was ended too early",
        ));
    }
    Ok(gathered.into_read())
}

/// `line,count[,checksum]`; a count may be a fraction, and of a tool with an error below zero.
fn executions(data: &str) -> Option<(u32, bool)> {
    let mut parts = data.split(',');
    let line = parts.next()?.parse().ok()?;
    let count: f64 = parts.next()?.parse().ok()?;
    count.is_finite().then_some((line, count > 0.0))
}

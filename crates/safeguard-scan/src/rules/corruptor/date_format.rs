//! A format of dates names another part than is meant.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

pub static FORMAT: Check = Check {
    id: "date-format",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-704"],
    languages: EVERY,
    run: format,
};

fn format(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let told = match (code.tree.language(), code.called(call)) {
            (Language::Python, "strftime" | "strptime") => code
                .args(call)
                .into_iter()
                .find_map(|arg| code.text(arg))
                .and_then(percent_format),
            (Language::Go, "Format" | "Parse" | "ParseInLocation" | "AppendFormat") => code
                .args(call)
                .into_iter()
                .take(1)
                .find_map(|arg| code.text(arg))
                .and_then(go_format),
            (
                Language::JavaScript | Language::TypeScript | Language::Tsx,
                "format" | "moment" | "dayjs" | "toFormat" | "formatDate" | "fromFormat" | "utc" | "parse",
            ) => code
                .args(call)
                .into_iter()
                .filter_map(|arg| code.text(arg))
                .find_map(letter_format),
            _ => None,
        };
        if let Some(told) = told
            && !undoes_or_tests(code, call)
        {
            reports.add(call, told);
        }
    }
}

pub(super) fn percent_format(format: &str) -> Option<&'static str> {
    let date = format.contains("%Y") || format.contains("%y") || format.contains("%d");
    if format.contains("%Y-%M-%d")
        || format.contains("%d/%M/%Y")
        || format.contains("%M/%d/%Y")
        || format.contains("%Y/%M/%d")
        || format.contains("%Y%M%d")
        || format.contains("%d.%M.%Y")
        || format.contains("%d-%M-%Y")
    {
        return Some("`%M` is the minute, not the month (`%m`)");
    }
    if format.contains("%H:%m") || format.contains("%H%m%S") {
        return Some("`%m` is the month, not the minute (`%M`)");
    }
    if format.contains("%I:%M") && !format.contains("%p") && !format.contains("%P") && date {
        return Some("`%I` without `%p` leaves out whether it is morning or afternoon");
    }
    if format.contains("%H:%M:%s") {
        return Some("`%s` is the second of the epoch, not of the minute (`%S`)");
    }
    None
}

fn go_format(format: &str) -> Option<&'static str> {
    if format.contains("YYYY") || format.contains("yyyy") || format.contains("%Y") {
        return Some(
            "Go's formats are written with the date `2006-01-02 15:04:05`; letters stay as they are",
        );
    }
    if format.contains("2006-02-01") {
        return Some("`02` is the day and `01` the month: both change places here");
    }
    if format.contains("2006") && format.contains("03:04") && !format.contains("PM") && !format.contains("pm")
    {
        return Some(
            "`03` without `PM` leaves out whether it is morning or afternoon; `15` is the hour of 24",
        );
    }
    if format.contains("15:05") || format.contains("15:04:04") {
        return Some("`04` is the minute and `05` the second");
    }
    None
}

fn letter_format(format: &str) -> Option<&'static str> {
    let day = format.contains("YYYY") || format.contains("yyyy");
    if !day {
        return None;
    }
    if format.contains("YYYY-mm-DD")
        || format.contains("YYYY-mm-dd")
        || format.contains("yyyy-mm-dd") && (format.contains("HH") || format == "yyyy-mm-dd")
        || format.contains("DD/mm/YYYY")
        || format.contains("dd/mm/yyyy")
        || format.contains("mm/DD/YYYY")
        || format.contains("YYYYmmDD")
    {
        return Some("`mm` is the minute, not the month (`MM`)");
    }
    if format.contains("HH:MM") || format.contains("hh:MM") {
        return Some("`MM` is the month, not the minute (`mm`)");
    }
    if format.contains("YYYY-MM-dd") {
        return Some("`dd` is the day of the week where `YYYY` is the year");
    }
    if format.contains("hh:mm") && !format.contains('A') && !format.contains('a') {
        return Some(
            "`hh` without `a` leaves out whether it is morning or afternoon; `HH` is the hour of 24",
        );
    }
    None
}

//! How long a version must have been out before it is taken: this program's own time, or the project's where that is longer.

use crate::package::Ecosystem;

/// A version that was uploaded an hour ago may be gone in another: most malicious releases are found within three days.
pub const VERSION_SECONDS_MIN: i64 = 72 * 3600;
/// Names that were made up are registered by others soon after.
pub const PACKAGE_SECONDS_MIN: i64 = 30 * 86_400;

/// What a project's own settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooling {
    /// Nothing where it is for all.
    pub ecosystem: Option<Ecosystem>,
    pub seconds: i64,
    /// Nothing that is newer than this, in seconds since 1970.
    pub until: Option<i64>,
    /// Packages that the project lets in at once; a star at the end stands for any.
    pub excepted: Vec<String>,
}

/// The rule for one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    pub seconds: i64,
    /// The project asks for longer than this program does.
    pub of_project: bool,
    /// The project's settings let this package in at once. They are the change's own author's to write, so that this is told and does not count.
    pub excepted: bool,
}

/// How long versions of a package must have been out.
pub fn rest(all: &[Cooling], ecosystem: Ecosystem, name: &str) -> Rest {
    let mut rest = Rest {
        seconds: VERSION_SECONDS_MIN,
        of_project: false,
        excepted: false,
    };
    for cooling in all {
        if cooling.ecosystem.is_some_and(|of| of != ecosystem) {
            continue;
        }
        if cooling.excepted.iter().any(|pattern| fits(pattern, name)) {
            rest.excepted = true;
        } else if cooling.seconds > rest.seconds {
            rest.seconds = cooling.seconds;
            rest.of_project = true;
        }
    }
    rest
}

/// Whether the project takes nothing that is newer than a day, and this is.
pub fn is_too_new(all: &[Cooling], ecosystem: Ecosystem, name: &str, published: i64) -> bool {
    all.iter().any(|cooling| {
        cooling.ecosystem.is_none_or(|of| of == ecosystem)
            && cooling.until.is_some_and(|until| published > until)
            && !cooling.excepted.iter().any(|pattern| fits(pattern, name))
    })
}

/// `@acme/*`, `name`, and pnpm's `name@1.2.3`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => {
            let version = pattern.get(1..).and_then(|rest| rest.find('@'));
            version.map_or(pattern, |at| &pattern[..=at]) == name
        }
    }
}

/// A span of time in words: `7 days`, `P7D`, `3d`, `24h`, `1 week`; in seconds.
pub fn span_of_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.trim_start_matches(['P', 'p', 'T', 't']);
    let end = digits.find(|char: char| !char.is_ascii_digit())?;
    let number: i64 = digits[..end].parse().ok()?;
    let unit = digits[end..].trim().to_lowercase();
    let minutes_in_iso = text.starts_with("PT") && unit == "m";
    let seconds = match unit.trim_end_matches('s') {
        "" | "second" | "sec" => 1,
        "m" | "minute" | "min" if minutes_in_iso || unit != "m" => 60,
        "m" => 60,
        "h" | "hour" | "hr" => 3600,
        "d" | "day" => 86_400,
        "w" | "week" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("7 days", Some(604_800)),
            ("P7D", Some(604_800)),
            ("3d", Some(259_200)),
            ("PT24H", Some(86_400)),
            ("1 week", Some(604_800)),
            ("2027-01-01", None),
            ("soon", None),
        ] {
            assert_eq!(span_of_time(text), seconds, "{text}");
        }
    }

    #[test]
    fn the_longer_time_holds_and_exceptions_are_told() {
        let week = Cooling {
            ecosystem: Some(Ecosystem::Npm),
            seconds: 604_800,
            until: None,
            excepted: vec!["@acme/*".to_owned(), "lodash@4.17.21".to_owned()],
        };
        let day = Cooling {
            seconds: 86_400,
            excepted: Vec::new(),
            ..week.clone()
        };
        let of = |all: &[Cooling], name| rest(all, Ecosystem::Npm, name);
        assert_eq!(of(std::slice::from_ref(&week), "left-pad").seconds, 604_800);
        assert_eq!(of(&[day], "left-pad").seconds, VERSION_SECONDS_MIN);
        assert_eq!(
            of(std::slice::from_ref(&week), "@acme/ui").seconds,
            VERSION_SECONDS_MIN
        );
        assert!(of(std::slice::from_ref(&week), "lodash").excepted);
        assert_eq!(rest(&[week], Ecosystem::Pypi, "six").seconds, VERSION_SECONDS_MIN);
    }
}

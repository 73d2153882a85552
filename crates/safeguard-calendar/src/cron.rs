//! Schedules of cron, as rules of RFC 5545.

use crate::error::Trouble;
use crate::rule::Rule;

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    words: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    min: 0,
    max: 59,
    words: &[],
};
const HOUR: Field = Field {
    name: "hour",
    min: 0,
    max: 23,
    words: &[],
};
const DAY: Field = Field {
    name: "day of the month",
    min: 1,
    max: 31,
    words: &[],
};
const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    words: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    min: 0,
    // 7 is Sunday too.
    max: 7,
    words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};
const DAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/// Reads `minute hour day month weekday`, or `@daily` and its like. When both days are restricted, either is enough, as
/// in cron; so there may be two rules.
pub(crate) fn parse(text: &str) -> Result<Vec<Rule>, Trouble> {
    let refuse = |why: String| Trouble::Rule {
        rule: text.chars().take(80).collect(),
        why,
    };
    let text_or_word = match text.trim() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other => other,
    };
    let fields: Vec<&str> = text_or_word.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(refuse(format!("{} fields, and five are wanted", fields.len())));
    };
    let read = |text: &str, field: &Field| numbers(text, field).map_err(&refuse);
    let (minutes, hours, months) = (read(minute, &MINUTE)?, read(hour, &HOUR)?, read(month, &MONTH)?);
    let (days, weekdays) = (read(day, &DAY)?, read(weekday, &WEEKDAY)?);
    let time = format!(
        "FREQ=DAILY;BYMONTH={};BYHOUR={};BYMINUTE={};BYSECOND=0",
        listed(&months),
        listed(&hours),
        listed(&minutes)
    );
    let names: Vec<&str> = weekdays
        .iter()
        .filter_map(|day| DAYS.get(*day as usize).copied())
        .collect();
    let by_day = format!("{time};BYMONTHDAY={}", listed(&days));
    let by_weekday = format!("{time};BYDAY={}", names.join(","));
    // A field that begins with a star does not restrict, whatever its step.
    let rules = match (restricts(day), restricts(weekday)) {
        (true, true) => vec![by_day, by_weekday],
        (true, false) | (false, false) => vec![format!("{by_day};BYDAY={}", names.join(","))],
        (false, true) => vec![format!("{by_weekday};BYMONTHDAY={}", listed(&days))],
    };
    rules.iter().map(|rule| Rule::parse(rule)).collect()
}

fn restricts(text: &str) -> bool {
    !text.starts_with(['*', '?'])
}

fn listed(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn numbers(text: &str, field: &Field) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let wrong = || format!("`{part}` can not be the {}", field.name);
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (field.min, field.max),
            Some((first, last)) => (
                number(first, field).ok_or_else(wrong)?,
                number(last, field).ok_or_else(wrong)?,
            ),
            None => {
                let first = number(range, field).ok_or_else(wrong)?;
                // `5/15` goes on to the end.
                (first, if step.is_some() { field.max } else { first })
            }
        };
        let step: usize = match step {
            Some(step) => step.parse().ok().filter(|step| 0 < *step).ok_or_else(wrong)?,
            None => 1,
        };
        if last < first {
            return Err(wrong());
        }
        all.extend((first..=last).step_by(step));
    }
    if field.max == WEEKDAY.max {
        all.iter_mut().filter(|day| **day == 7).for_each(|day| *day = 0);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn number(text: &str, field: &Field) -> Option<u32> {
    let word = field
        .words
        .iter()
        .position(|word| text.eq_ignore_ascii_case(word));
    let number = match word {
        Some(at) => u32::try_from(at).ok()? + field.min,
        None if text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (field.min <= number && number <= field.max).then_some(number)
}

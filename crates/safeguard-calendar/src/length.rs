//! How long a window lasts.

use chrono::Duration;
use safeguard_api::Timestamp;

use crate::error::Trouble;
use crate::moment::Moment;
use crate::zone;

/// A longer window is a mistake in writing.
const DAYS_MAX: i64 = 366;

/// A part by the clock on the wall and a part by the stopwatch: a day is as long as the zone makes it, an hour is an
/// hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    wall: Duration,
    exact: Duration,
}

impl Length {
    /// Reads an RFC 5545 duration, such as `P1D`, `PT8H30M` or `P2W`: weeks and days by the wall, the rest exact.
    pub fn parse(text: &str) -> Result<Length, Trouble> {
        let refuse = || Trouble::not_understood(text, "a duration such as `PT8H`, `P1D` or `P2W`");
        let rest = text.strip_prefix('+').unwrap_or(text);
        let rest = rest.strip_prefix('P').ok_or_else(refuse)?;
        let (days, time) = match rest.split_once('T') {
            Some((days, time)) => (days, Some(time)),
            None => (rest, None),
        };
        let mut wall = Duration::zero();
        let mut exact = Duration::zero();
        for (count, unit) in parts(days).ok_or_else(refuse)? {
            let days = match unit {
                'W' => count.checked_mul(7),
                'D' => Some(count),
                _ => None,
            };
            wall += days.and_then(Duration::try_days).ok_or_else(refuse)?;
        }
        for (count, unit) in parts(time.unwrap_or("")).ok_or_else(refuse)? {
            let part = match unit {
                'H' => Duration::try_hours(count),
                'M' => Duration::try_minutes(count),
                'S' => Duration::try_seconds(count),
                _ => None,
            };
            exact += part.ok_or_else(refuse)?;
        }
        let nothing_after_t = time == Some("");
        if nothing_after_t || (wall + exact).is_zero() {
            return Err(refuse());
        }
        Length { wall, exact }.checked()
    }

    pub fn exact_ms(ms: u64) -> Result<Length, Trouble> {
        let exact = i64::try_from(ms).ok().and_then(Duration::try_milliseconds);
        let exact = exact.ok_or(Trouble::TooLong {
            days: i64::MAX,
            max: DAYS_MAX,
        })?;
        Length {
            wall: Duration::zero(),
            exact,
        }
        .checked()
    }

    /// From a start to an end. In one zone it is what the clocks on the wall show, as calendars show it: from 22:00 to
    /// 06:00 ends at 06:00 on each day, also in the night in which the clocks are set.
    pub fn between(start: &Moment, end: &Moment) -> Result<Length, Trouble> {
        let length = if start.zone == end.zone {
            Length {
                wall: end.wall - start.wall,
                exact: Duration::zero(),
            }
        } else {
            Length {
                wall: Duration::zero(),
                exact: Duration::milliseconds(end.at()?.0 - start.at()?.0),
            }
        };
        if length.wall + length.exact <= Duration::zero() {
            return Err(Trouble::EndsBeforeStart {
                start: start.wall.to_string(),
                end: end.wall.to_string(),
            });
        }
        length.checked()
    }

    pub fn one_day() -> Length {
        Length {
            wall: Duration::days(1),
            exact: Duration::zero(),
        }
    }

    fn checked(self) -> Result<Length, Trouble> {
        let days = (self.wall + self.exact).num_days();
        if days > DAYS_MAX {
            return Err(Trouble::TooLong { days, max: DAYS_MAX });
        }
        Ok(self)
    }

    /// When a window that begins at `start` ends.
    pub fn after(&self, start: &Moment) -> Result<Timestamp, Trouble> {
        let wall = start.wall.checked_add_signed(self.wall);
        let end = wall.and_then(|wall| zone::moment(start.zone, wall));
        let end =
            end.ok_or_else(|| Trouble::not_understood(&start.wall.to_string(), "a time within reach"))?;
        Ok(Timestamp(end.0.saturating_add(self.exact.num_milliseconds())))
    }
}

/// Numbers, each with the letter of its unit.
fn parts(text: &str) -> Option<Vec<(i64, char)>> {
    let mut found = Vec::new();
    let mut number = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
        } else {
            // Seven digits are beyond every limit, and overflow nothing.
            let count = (number.len() <= 7).then(|| number.parse().ok()).flatten()?;
            found.push((count, letter));
            number.clear();
        }
    }
    number.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_rfc_5545_are_read() {
        for (text, hours) in [
            ("P1D", 24),
            ("P2W", 336),
            ("PT8H", 8),
            ("P1DT12H", 36),
            ("+PT90M", 1),
        ] {
            let length = Length::parse(text).unwrap();
            assert_eq!((length.wall + length.exact).num_hours(), hours, "{text}");
        }
        for wrong in [
            "",
            "P",
            "PT",
            "P0D",
            "-P1D",
            "8h",
            "P1DT",
            "PT1D",
            "P1H",
            "P8",
            "P400D",
            "P99999999W",
            "PT1H2",
        ] {
            assert!(Length::parse(wrong).is_err(), "{wrong}");
        }
    }
}

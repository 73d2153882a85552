//! Dates and times as RFC 5545 writes them, and as people do.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use safeguard_api::Timestamp;

use crate::error::Trouble;
use crate::zone;

/// A date, or a date with a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Date(NaiveDate),
    Local(NaiveDateTime),
    Utc(NaiveDateTime),
}

/// Wall-clock time together with the zone whose clocks it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub wall: NaiveDateTime,
    pub zone: Tz,
    /// Only a date was given: it stands for the whole day.
    pub is_date: bool,
}

impl When {
    /// Reads `20261219`, `20261219T180000`, `20261219T180000Z`, and the same with `-` and `:` as in RFC 3339.
    pub fn parse(text: &str) -> Result<When, Trouble> {
        let refuse = || Trouble::not_understood(text, "a date or time such as `2026-12-19T18:00:00`");
        let (rest, utc) = match text.strip_suffix('Z') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let Some((date, time)) = rest.split_once('T') else {
            return match (read_date(rest), utc) {
                (Some(date), false) => Ok(When::Date(date)),
                (Some(_) | None, _) => Err(refuse()),
            };
        };
        let both = read_date(date).zip(read_time(time)).ok_or_else(refuse)?;
        let wall = both.0.and_time(both.1);
        Ok(if utc { When::Utc(wall) } else { When::Local(wall) })
    }

    /// Puts it into a zone; a time in UTC has its own.
    pub fn within(self, text: &str, zone: Option<Tz>) -> Result<Moment, Trouble> {
        let zone = match self {
            When::Utc(_) => Tz::UTC,
            When::Date(_) | When::Local(_) => zone.ok_or_else(|| Trouble::NoZone(text.to_owned()))?,
        };
        Ok(match self {
            When::Date(date) => Moment {
                wall: date.and_time(NaiveTime::MIN),
                zone,
                is_date: true,
            },
            When::Local(wall) | When::Utc(wall) => Moment {
                wall,
                zone,
                is_date: false,
            },
        })
    }
}

impl Moment {
    pub fn parse(text: &str, zone: Option<Tz>) -> Result<Moment, Trouble> {
        When::parse(text)?.within(text, zone)
    }

    pub fn at(&self) -> Result<Timestamp, Trouble> {
        zone::moment(self.zone, self.wall)
            .ok_or_else(|| Trouble::not_understood(&self.wall.to_string(), "a time within reach"))
    }
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

fn read_date(text: &str) -> Option<NaiveDate> {
    let plain = match text.len() {
        8 => text.to_owned(),
        10 if text.get(4..5) == Some("-") && text.get(7..8) == Some("-") => text.replace('-', ""),
        _ => return None,
    };
    let year = i32::try_from(digits(plain.get(..4)?, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(plain.get(4..6)?, 2)?, digits(plain.get(6..)?, 2)?);
    // What lies beyond has no zone rules worth the name.
    date.filter(|_| (1970..=2999).contains(&year))
}

fn read_time(text: &str) -> Option<NaiveTime> {
    let plain = match text.len() {
        6 => text.to_owned(),
        5 if text.get(2..3) == Some(":") => format!("{}00", text.replace(':', "")),
        8 if text.get(2..3) == Some(":") && text.get(5..6) == Some(":") => text.replace(':', ""),
        _ => return None,
    };
    let part = |at: usize| digits(plain.get(at..at + 2)?, 2);
    let second = match part(4)? {
        // RFC 5545 reads a leap second as the second before it.
        60 => 59,
        other => other,
    };
    NaiveTime::from_hms_opt(part(0)?, part(2)?, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read() {
        let wall = "2026-12-19T18:00:00".parse().unwrap();
        for text in ["20261219T180000", "2026-12-19T18:00:00", "2026-12-19T18:00"] {
            assert_eq!(When::parse(text), Ok(When::Local(wall)), "{text}");
        }
        assert_eq!(When::parse("20261219T180000Z"), Ok(When::Utc(wall)));
        assert_eq!(When::parse("2026-12-19"), Ok(When::Date(wall.date())));
        let leap = When::parse("20161231T235960Z").unwrap();
        assert_eq!(leap, When::Utc("2016-12-31T23:59:59".parse().unwrap()));
        for wrong in [
            "",
            "T",
            "Z",
            "20260230",
            "20261301",
            "20261219Z",
            "20261219T1800",
            "20261219T250000",
            "2026-12-19 18:00",
            "20261219T235961",
            "19690101",
            "99991231T000000",
            "２０２６1219",
            "20261219T180000+0100",
            "2026-1219",
        ] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }
}

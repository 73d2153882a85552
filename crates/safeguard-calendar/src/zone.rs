//! Time zones by their IANA names, and by the names that Windows has for them.

use chrono::{Duration, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use safeguard_api::Timestamp;

use crate::error::Trouble;
use crate::windows_zones::WINDOWS_ZONES;

/// Steps in which the last wall-clock time before a gap is looked for; a gap of a whole day has been seen (Samoa, 2011).
const GAP_STEP: Duration = Duration::minutes(15);
const GAP_STEPS_MAX: u32 = 4 * 26;

/// The release of the IANA database that zones are looked up in.
#[must_use]
pub fn database_version() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// Finds a zone by an IANA name, a Windows name, or a globally unique `TZID` that ends in an IANA name, such as
/// `/mozilla.org/20050126_1/Europe/Berlin`.
pub(crate) fn find(name: &str) -> Result<Tz, Trouble> {
    let iana = |name: &str| name.parse::<Tz>().ok();
    let windows = || {
        let place = WINDOWS_ZONES.binary_search_by(|(known, _)| (*known).cmp(name));
        place.ok().and_then(|at| iana(WINDOWS_ZONES[at].1))
    };
    let unique = || {
        let mut rest = name.strip_prefix('/')?;
        while let Some((_, tail)) = rest.split_once('/') {
            if let Some(zone) = iana(tail) {
                return Some(zone);
            }
            rest = tail;
        }
        None
    };
    iana(name)
        .or_else(windows)
        .or_else(unique)
        .ok_or_else(|| Trouble::UnknownZone(name.chars().take(80).collect()))
}

/// The moment at which clocks in `zone` show `wall`. As RFC 5545 has it (3.3.5): a time that comes twice is the first
/// of the two, and one that never comes is read with the offset from before the gap. None is beyond all calendars.
pub(crate) fn moment(zone: Tz, wall: NaiveDateTime) -> Option<Timestamp> {
    let at = |wall: NaiveDateTime, offset: chrono::FixedOffset| {
        let utc = wall.checked_sub_offset(offset)?;
        Some(Timestamp(utc.and_utc().timestamp_millis()))
    };
    match zone.offset_from_local_datetime(&wall) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => at(wall, offset.fix()),
        LocalResult::None => {
            let before = (1..=GAP_STEPS_MAX).find_map(|step| {
                let earlier = wall.checked_sub_signed(GAP_STEP * i32::try_from(step).ok()?)?;
                zone.offset_from_local_datetime(&earlier).latest()
            })?;
            at(wall, before.fix())
        }
    }
}

/// What clocks in `zone` show at `at`.
pub(crate) fn wall(zone: Tz, at: Timestamp) -> Option<NaiveDateTime> {
    let utc = chrono::DateTime::from_timestamp_millis(at.0)?;
    Some(utc.with_timezone(&zone).naive_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_names_are_sorted_and_all_known() {
        for pair in WINDOWS_ZONES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
        }
        for (name, iana) in WINDOWS_ZONES {
            assert!(find(name).is_ok() && iana.parse::<Tz>().is_ok(), "{name}: {iana}");
        }
    }

    #[test]
    fn zones_are_found_by_the_names_that_files_have() {
        for name in [
            "Europe/Berlin",
            "W. Europe Standard Time",
            "/mozilla.org/20050126_1/Europe/Berlin",
            "/freeassociation.sourceforge.net/Europe/Berlin",
        ] {
            assert_eq!(find(name).unwrap(), Tz::Europe__Berlin, "{name}");
        }
        for name in [
            "",
            "/",
            "Europe/Berlin ",
            "Middle Earth",
            "//x/",
            "Customized Time Zone",
        ] {
            assert_eq!(find(name), Err(Trouble::UnknownZone(name.to_owned())));
        }
    }

    fn shown(zone: Tz, text: &str) -> String {
        moment(zone, text.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_time_that_never_comes_is_read_with_the_offset_from_before() {
        // Clocks in New York go from 02:00 EST to 03:00 EDT.
        assert_eq!(
            shown(Tz::America__New_York, "2026-03-08T02:30:00"),
            "2026-03-08T07:30:00.000Z"
        );
        // In Santiago they go from 24:00 to 01:00: midnight never comes.
        assert_eq!(
            shown(Tz::America__Santiago, "2026-09-06T00:00:00"),
            "2026-09-06T04:00:00.000Z"
        );
        // Samoa has had no 30 December 2011 at all.
        assert_eq!(
            shown(Tz::Pacific__Apia, "2011-12-30T12:00:00"),
            "2011-12-30T22:00:00.000Z"
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first() {
        assert_eq!(
            shown(Tz::America__New_York, "2026-11-01T01:30:00"),
            "2026-11-01T05:30:00.000Z"
        );
        // Clocks in Havana go back from 01:00 to midnight.
        assert_eq!(
            shown(Tz::America__Havana, "2026-11-01T00:00:00"),
            "2026-11-01T04:00:00.000Z"
        );
    }
}

//! The clocks: the wall's for what people read, the monotonic one for everything that is measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use safeguard_api::time::{Span, Timestamp};

pub(crate) fn wall() -> Timestamp {
    // A clock before 1970 is set wrongly; only what people read depends on it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

pub(crate) fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

//! The clocks of this process: the wall clock for people, the boot clock for leases.

use std::io;

use rustix::time::{ClockId, clock_gettime};
use safeguard_api::time::Timestamp;

/// Milliseconds by the wall clock.
pub fn wall() -> Timestamp {
    Timestamp(read(ClockId::Realtime))
}

/// Milliseconds since the machine started, its sleep included. Nobody can set this clock.
pub fn boot_ms() -> u64 {
    u64::try_from(read(ClockId::Boottime)).unwrap_or(0)
}

/// Names this run of the machine: boot times of different runs do not compare.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn read(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec
        .saturating_mul(1000)
        .saturating_add(now.tv_nsec / 1_000_000)
}

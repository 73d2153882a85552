//! What process groups use of memory and CPU, read from /proc once a second for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// A busy second is no excess; so many in a row are.
const CPU_WINDOW: Duration = Duration::from_secs(10);

/// What one process group uses. Memory that its processes share is counted for each of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub memory_bytes: u64,
    pub cpu_ms: u64,
}

pub(crate) type UsageByGroup = Arc<HashMap<u32, Usage>>;

/// The CPU time at the beginning of a window.
pub(crate) struct CpuWindow {
    since: Instant,
    cpu_ms: u64,
}

impl CpuWindow {
    pub fn new(since: Instant) -> CpuWindow {
        CpuWindow { since, cpu_ms: 0 }
    }

    /// At the end of a window, returns its use in percent of a core and begins the next.
    pub fn percent(&mut self, cpu_ms: u64) -> Option<u64> {
        let elapsed = self.since.elapsed();
        if elapsed < CPU_WINDOW {
            return None;
        }
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let percent = cpu_ms.saturating_sub(self.cpu_ms).saturating_mul(100) / elapsed_ms;
        *self = CpuWindow {
            since: Instant::now(),
            cpu_ms,
        };
        Some(percent)
    }
}

/// Samples until nobody listens.
pub(crate) async fn sample(publish: watch::Sender<UsageByGroup>) {
    let mut tick = tokio::time::interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !publish.is_closed() {
        tick.tick().await;
        match tokio::task::spawn_blocking(usage_by_group).await {
            Ok(Ok(usage)) => {
                publish.send_replace(Arc::new(usage));
            }
            Ok(Err(error)) => tracing::warn!(%error, "Cannot sample /proc"),
            Err(error) => tracing::warn!(%error, "Cannot sample /proc"),
        }
    }
}

fn usage_by_group() -> std::io::Result<HashMap<u32, Usage>> {
    let page_bytes = rustix::param::page_size() as u64;
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let mut groups: HashMap<u32, Usage> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        if !entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
        {
            continue;
        }
        // A process may end between the listing and this line; then it uses nothing.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((group, ticks, pages)) = parse(&stat) {
            let usage = groups.entry(group).or_default();
            usage.memory_bytes += pages * page_bytes;
            usage.cpu_ms += ticks * 1000 / ticks_per_second;
        }
    }
    Ok(groups)
}

/// Returns group, CPU ticks (with those of children that ended) and resident pages; proc_pid_stat(5).
fn parse(stat: &str) -> Option<(u32, u64, u64)> {
    // The name before it may hold spaces and parentheses.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let group = fields.nth(2)?.parse().ok()?;
    let mut ticks = 0;
    let mut times = fields.by_ref().skip(8);
    for _ in 0..4 {
        ticks += times.next()?.parse::<u64>().ok()?;
    }
    let pages = times.nth(6)?.parse().ok()?;
    Some((group, ticks, pages))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_line_of_proc() {
        let line = "42 (a) b) S 1 40 40 0 -1 4194304 100 200 0 0 5 6 7 8 20 0 1 0 999 1000000 321 184467";
        assert_eq!(parse(line), Some((40, 26, 321)));
        assert_eq!(parse("42 (x) S 1"), None);
    }

    #[test]
    fn finds_itself() {
        let group = rustix::process::getpgrp().as_raw_nonzero().get().cast_unsigned();
        assert!(usage_by_group().unwrap()[&group].memory_bytes > 1 << 20);
    }
}

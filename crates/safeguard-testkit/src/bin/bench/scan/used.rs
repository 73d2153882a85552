//! What a command takes: time, processor time with that of its children, and memory at its peak.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// How often the peak is looked at: it can only grow, and the last moments are missed.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// proc(5): times are in ticks of 1/100 s on every Linux that there is.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub seconds: f64,
    pub processor_seconds: f64,
    /// Of the command itself, without its children.
    pub peak_mebibytes: f64,
}

/// How many milliseconds a command takes that is only waited for: to look at a process every millisecond holds it up.
pub fn waited(mut command: Command, codes: &[i32]) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let ended = command.stdin(Stdio::null()).output();
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
    let ended = ended.with_context(|| format!("cannot start {command:?}"))?;
    let code = ended.status.code().unwrap_or(-1);
    ensure!(codes.contains(&code), "{command:?} ended with {code}");
    Ok(milliseconds)
}

/// Runs a command that may end with any of these codes; what it prints is thrown away.
pub fn used(mut command: Command, codes: &[i32]) -> anyhow::Result<Used> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let about = format!("/proc/{}", child.id());
    let mut peak_kibibytes = 0.0_f64;
    // A process that has ended stays until it is waited for, and tells its times until then.
    let (seconds, ticks) = loop {
        let stat = fs::read_to_string(format!("{about}/stat"))?;
        let fields: Vec<&str> = stat
            .rsplit_once(") ")
            .context("/proc stat has another form")?
            .1
            .split(' ')
            .collect();
        if fields.first() == Some(&"Z") {
            // utime, stime, cutime, cstime are fields 14 to 17.
            let times = fields.iter().skip(11).take(4);
            break (
                begin.elapsed().as_secs_f64(),
                times.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>(),
            );
        }
        let status = fs::read_to_string(format!("{about}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak_kibibytes = peak_kibibytes.max(peak.unwrap_or(0.0));
        std::thread::sleep(LOOK_EVERY);
    };
    let status = child.wait()?;
    let code = status.code().with_context(|| format!("{command:?}: {status}"))?;
    ensure!(codes.contains(&code), "{command:?} ended with {code}");
    Ok(Used {
        seconds,
        processor_seconds: ticks / TICKS_PER_SECOND,
        peak_mebibytes: peak_kibibytes / 1024.0,
    })
}

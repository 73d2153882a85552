//! Processes that a bench starts, pins to cores, measures from outside and ends.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

const START_LONGEST: Duration = Duration::from_secs(10);
const STOP_LONGEST: Duration = Duration::from_secs(10);
/// proc(5): times are in ticks of 1/100 s on every Linux that there is.
const TICK_MS: u64 = 10;

/// A process that ends with this value.
pub struct Running {
    child: Child,
    /// After which it is killed.
    stop_longest: Duration,
}

impl Running {
    /// Starts a program on one core; what it prints is thrown away.
    pub fn on_core(core: usize, program: &str, args: &[&str]) -> anyhow::Result<Running> {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string(), program]).args(args);
        Running::start(command)
    }

    pub fn start(mut command: Command) -> anyhow::Result<Running> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if std::env::var_os("BENCH_VERBOSE").is_none() {
            command.stderr(Stdio::null());
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        Ok(Running {
            child,
            stop_longest: STOP_LONGEST,
        })
    }

    /// Starts this program again in another role.
    pub fn role(core: usize, role: &str, args: &[&str]) -> anyhow::Result<Running> {
        let own = std::env::current_exe()?;
        let own = own.to_str().context("the path of this program is not text")?;
        let mut running = Running::on_core(core, own, &[&[super::ROLE, role], args].concat())?;
        // Nobody's requests are in flight any more; it need not drain.
        running.stop_longest = Duration::from_millis(50);
        Ok(running)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody listens.
    pub fn wait_for(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        until(START_LONGEST, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("what should listen on {address} ended: {status}");
            }
            Ok(TcpStream::connect(address).is_ok())
        })
        .with_context(|| format!("nobody listens on {address}"))
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name in parentheses may have spaces; user and system time are fields 14 and 15.
        let after = stat.rsplit_once(") ").context("/proc stat has another form")?.1;
        let ticks: u64 = after
            .split(' ')
            .skip(11)
            .take(2)
            .map_while(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * TICK_MS))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let asked = Pid::from_raw(self.child.id().cast_signed()).map(|id| kill_process(id, Signal::TERM));
        let deadline = Instant::now() + self.stop_longest;
        while matches!(asked, Some(Ok(()))) && Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("cannot end process {}: {error}", self.child.id());
        }
    }
}

/// Waits for a state, with a deadline.
pub fn until(longest: Duration, mut state: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + longest;
    while !state()? {
        if Instant::now() > deadline {
            bail!("waited {longest:?} in vain");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// An address that was free a moment ago.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The core of what is measured, and the one of everything around it.
pub fn cores() -> (usize, usize) {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    (0, usize::from(count > 1))
}

/// Memory of a process in bytes: its proportional share where the kernel tells, else all that is resident.
pub fn memory_bytes(id: u32) -> anyhow::Result<u64> {
    let file = |name: &str| fs::read_to_string(format!("/proc/{id}/{name}"));
    let field = |text: String, name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
            .map(|kilobytes| kilobytes << 10)
    };
    if let Some(bytes) = file("smaps_rollup").ok().and_then(|text| field(text, "Pss:")) {
        return Ok(bytes);
    }
    field(file("status")?, "VmRSS:").context("the process has no memory")
}

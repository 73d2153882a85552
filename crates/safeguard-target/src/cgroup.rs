//! Control groups: limits of memory and CPU that the kernel holds, version 2 or 1, wherever this process may make them.
//!
//! cgroups(7); Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of the kernel.

mod find;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use safeguard_api::config::InstanceLimits;

const PREFIX: &str = "safeguard.";
const PERIOD_US: u64 = 100_000;
const REMOVE_ATTEMPTS_MAX: u32 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Memory,
    Cpu,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
        }
    }
}

/// A folder below which control groups can be made.
#[derive(Debug, Clone)]
struct Place {
    version: Version,
    folder: PathBuf,
}

/// Where control groups can be made, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct Cgroups {
    memory: Option<Place>,
    cpu: Option<Place>,
}

/// The control groups of one instance.
#[derive(Debug, Default)]
pub(crate) struct InstanceCgroup {
    memory: Option<Place>,
    cpu: Option<Place>,
}

impl Cgroups {
    /// Finds where this process may make control groups, and removes what dead supervisors left there, with whatever
    /// still runs inside.
    pub fn find() -> Cgroups {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_else(|error| {
            tracing::warn!(%error, "Cannot read /proc/self/cgroup");
            String::new()
        });
        let found = find::below(&own);
        for place in [&found.memory, &found.cpu].into_iter().flatten() {
            remove_stale(&place.folder);
        }
        found
    }

    /// Makes the control groups of an instance; a limit that can not be set so is left to the sampler.
    pub fn create(&self, instance: &str, limits: &InstanceLimits) -> InstanceCgroup {
        let name = format!("{PREFIX}{}.{instance}", std::process::id());
        let create = |place: &Option<Place>, controller| {
            let place = place.as_ref()?;
            let made = Place {
                version: place.version,
                folder: place.folder.join(&name),
            };
            match made.create(controller, limits) {
                Ok(()) => Some(made),
                Err(error) => {
                    tracing::warn!(instance, controller = controller.name(), %error, "Cannot make a control group");
                    None
                }
            }
        };
        InstanceCgroup {
            memory: create(&self.memory, Controller::Memory),
            cpu: create(&self.cpu, Controller::Cpu),
        }
    }
}

impl Place {
    fn create(&self, controller: Controller, limits: &InstanceLimits) -> io::Result<()> {
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let set = |file: &str, value: String| fs::write(self.folder.join(file), value);
        let quota_us = u64::from(limits.cpu_percent_max) * PERIOD_US / 100;
        match (controller, self.version) {
            (Controller::Memory, Version::One) => {
                set("memory.limit_in_bytes", limits.memory_bytes_max.to_string())?;
                set_if_there(
                    &self.folder,
                    "memory.memsw.limit_in_bytes",
                    &limits.memory_bytes_max.to_string(),
                )
            }
            (Controller::Memory, Version::Two) => {
                set("memory.max", limits.memory_bytes_max.to_string())?;
                set_if_there(&self.folder, "memory.swap.max", "0")
            }
            (Controller::Cpu, Version::One) => {
                set("cpu.cfs_period_us", PERIOD_US.to_string())?;
                set("cpu.cfs_quota_us", quota_us.to_string())
            }
            (Controller::Cpu, Version::Two) => set("cpu.max", format!("{quota_us} {PERIOD_US}")),
        }
    }
}

/// Sets what only kernels with swap accounting have.
fn set_if_there(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    let path = folder.join(file);
    if path.exists() {
        fs::write(path, value)
    } else {
        Ok(())
    }
}

impl InstanceCgroup {
    /// The folders whose `cgroup.procs` the app has to join.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = [&self.memory, &self.cpu]
            .into_iter()
            .flatten()
            .map(|place| place.folder.clone())
            .collect();
        folders.dedup();
        folders
    }

    pub fn limits_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub fn limits_cpu(&self) -> bool {
        self.cpu.is_some()
    }

    /// How often the kernel killed something here for want of memory; none where it does not say.
    pub fn oom_kills(&self) -> Option<u64> {
        let place = self.memory.as_ref()?;
        let file = match place.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        match fs::read_to_string(place.folder.join(file)) {
            Ok(text) => text
                .lines()
                .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()),
            Err(error) => {
                tracing::warn!(%error, "Cannot read whether memory ran out");
                None
            }
        }
    }

    /// Kills whatever runs here, processes that left their process group included.
    pub fn kill(&self) {
        for folder in self.folders() {
            kill_members(&folder);
        }
    }

    /// Removes the folders once they are empty.
    pub async fn remove(self) {
        for folder in self.folders() {
            for attempt in 1..=REMOVE_ATTEMPTS_MAX {
                match fs::remove_dir(&folder) {
                    // A killed process leaves its group only when it is gone entirely.
                    Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BUSY.raw_os_error()) => {
                        if attempt == REMOVE_ATTEMPTS_MAX {
                            tracing::warn!(path = %folder.display(), "A control group is left behind");
                        }
                        kill_members(&folder);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => {
                        tracing::warn!(path = %folder.display(), %error, "A control group is left behind");
                        break;
                    }
                    Ok(()) => break,
                }
            }
        }
    }

    /// Says what holds each limit, as [`safeguard_api::instance::InstanceReport::limits`].
    pub fn in_force(&self, limits: &InstanceLimits) -> Vec<String> {
        let by = |place: &Option<Place>| match place.as_ref().map(|place| place.version) {
            Some(Version::One) => "cgroup v1",
            Some(Version::Two) => "cgroup v2",
            None => "sampled each second",
        };
        vec![
            format!(
                "memory: {}, {} MiB",
                by(&self.memory),
                limits.memory_bytes_max >> 20
            ),
            format!("cpu: {}, {} % of a core", by(&self.cpu), limits.cpu_percent_max),
            format!("open files: rlimit, {}", limits.open_files_max),
        ]
    }
}

fn remove_stale(place: &Path) {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(path = %place.display(), %error, "Cannot look for old control groups");
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse::<u32>().ok());
        let Some(owner) = owner else { continue };
        if Path::new("/proc").join(owner.to_string()).exists() {
            continue;
        }
        kill_members(&entry.path());
        if let Err(error) = fs::remove_dir(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "An old control group is left behind");
        }
    }
}

fn kill_members(folder: &Path) {
    // A group that is gone has no members.
    let Ok(members) = fs::read_to_string(folder.join("cgroup.procs")) else {
        return;
    };
    for pid in members
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter_map(Pid::from_raw)
    {
        crate::process::kill(rustix::process::kill_process(pid, Signal::KILL));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn says_what_is_in_force_and_removes_what_it_made() {
        let cgroups = Cgroups::find();
        let limits = InstanceLimits {
            memory_bytes_max: 64 << 20,
            cpu_percent_max: 50,
            open_files_max: 64,
        };
        let instance = cgroups.create("test-0", &limits);
        let folders = instance.folders();
        assert!(folders.iter().all(|folder| folder.is_dir()));
        assert_eq!(instance.limits_memory(), cgroups.memory.is_some());
        if instance.limits_memory() {
            assert_eq!(instance.oom_kills(), Some(0));
        }
        instance.remove().await;
        assert!(folders.iter().all(|folder| !folder.exists()));
        assert_eq!(
            InstanceCgroup::default().in_force(&limits),
            [
                "memory: sampled each second, 64 MiB",
                "cpu: sampled each second, 50 % of a core",
                "open files: rlimit, 64"
            ]
        );
    }
}

//! Where control groups can be made: nothing tells it reliably, so it is tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use safeguard_api::config::InstanceLimits;

use super::{Cgroups, Controller, PREFIX, Place, Version};

const MOUNT: &str = "/sys/fs/cgroup";

/// Finds the groups below which others can be made, given /proc/self/cgroup.
pub fn below(own: &str) -> Cgroups {
    let mut unified = find_unified(own);
    if (unified.memory.is_none() || unified.cpu.is_none()) && make_room(own) {
        unified = find_unified(own);
    }
    let version_1 = |controller| find_of_version_1(controller, own);
    Cgroups {
        memory: unified.memory.or_else(|| version_1(Controller::Memory)),
        cpu: unified.cpu.or_else(|| version_1(Controller::Cpu)),
    }
}

/// Finds the nearest group of version 1, from the own one upwards, below which a group with this controller can be made.
fn find_of_version_1(controller: Controller, own: &str) -> Option<Place> {
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        if !controllers.split(',').any(|name| name == controller.name()) {
            continue;
        }
        let root = Path::new(MOUNT).join(controllers);
        if let Some(place) = upwards(&root, path)
            .map(|folder| Place {
                version: Version::One,
                folder,
            })
            .find(|place| can_limit(controller, place))
        {
            return Some(place);
        }
    }
    None
}

/// Finds the group of version 2 below which groups with both controllers, or one, can be made.
fn find_unified(own: &str) -> Cgroups {
    let Some(path) = unified_path(own) else {
        return Cgroups::default();
    };
    choose(upwards(&unified_root(), path).map(|folder| {
        let at = |controller| {
            let place = Place {
                version: Version::Two,
                folder: folder.clone(),
            };
            (may_join(&place.folder) && can_limit(controller, &place)).then_some(place)
        };
        Cgroups {
            memory: at(Controller::Memory),
            cpu: at(Controller::Cpu),
        }
    }))
}

/// Chooses among groups of version 2, the nearest first. A process is in one group alone there, so both limits must be
/// set on the same: one that holds both is better than a nearer one that does not.
fn choose(groups: impl Iterator<Item = Cgroups>) -> Cgroups {
    let mut best = Cgroups::default();
    for group in groups {
        if group.memory.is_some() && group.cpu.is_some() {
            return group;
        }
        let better = match (&best.memory, &best.cpu) {
            (Some(_), _) => false,
            (None, Some(_)) => group.memory.is_some(),
            (None, None) => true,
        };
        if better {
            best = group;
        }
    }
    best
}

/// A group with processes in it hands no controllers down (cgroup-v2.rst, "No Internal Process Constraint"). Where this
/// process is alone in a group that it may change, as in a unit of systemd with `Delegate=yes`, it moves into a group
/// below, so that others can be made beside it. Returns whether it did.
fn make_room(own: &str) -> bool {
    let Some(path) = unified_path(own) else {
        return false;
    };
    let group = unified_root().join(path.trim_start_matches('/'));
    let pid = std::process::id().to_string();
    let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_else(|_| String::new());
    let available = read("cgroup.controllers");
    let wanted: Vec<&str> = [Controller::Memory, Controller::Cpu]
        .map(Controller::name)
        .into_iter()
        .filter(|name| available.split_whitespace().any(|one| one == *name))
        .collect();
    if wanted.is_empty() || read("cgroup.procs").trim() != pid {
        return false;
    }
    let below = group.join(format!("{PREFIX}{pid}.supervisor"));
    if fs::create_dir(&below).is_err() {
        return false;
    }
    let moved = fs::write(below.join("cgroup.procs"), &pid).is_ok();
    let hand_down = |name: &&str| fs::write(group.join("cgroup.subtree_control"), format!("+{name}")).is_ok();
    if moved && wanted.iter().filter(|name| hand_down(name)).count() > 0 {
        return true;
    }
    let back = if moved {
        fs::write(group.join("cgroup.procs"), &pid)
    } else {
        Ok(())
    };
    if let Err(error) = back.and_then(|()| fs::remove_dir(&below)) {
        tracing::warn!(path = %below.display(), %error, "A control group is left behind");
    }
    false
}

fn unified_path(own: &str) -> Option<&str> {
    own.lines().find_map(|line| line.strip_prefix("0::"))
}

fn unified_root() -> PathBuf {
    let mount = Path::new(MOUNT);
    let beside_version_1 = mount.join("unified");
    if beside_version_1.is_dir() {
        beside_version_1
    } else {
        mount.to_owned()
    }
}

/// The folder of a group and of all above it. In a container the path may be one of the machine, which is not to be seen
/// there: then its ancestors are.
fn upwards(root: &Path, path: &str) -> impl Iterator<Item = PathBuf> {
    Path::new(path.trim_start_matches('/'))
        .ancestors()
        .map(|ancestor| root.join(ancestor))
}

/// Whether a process may be moved from this group of version 2, or from below it, to one below it.
fn may_join(folder: &Path) -> bool {
    fs::OpenOptions::new()
        .write(true)
        .open(folder.join("cgroup.procs"))
        .is_ok()
}

/// Makes a group and sets a limit on it.
fn can_limit(controller: Controller, place: &Place) -> bool {
    static PROBES: AtomicU64 = AtomicU64::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let probe = place
        .folder
        .join(format!("{PREFIX}{}.probe-{number}", std::process::id()));
    let place = Place {
        version: place.version,
        folder: probe,
    };
    if fs::create_dir(&place.folder).is_err() {
        return false;
    }
    let possible = place.create(controller, &InstanceLimits::default());
    if let Err(error) = fs::remove_dir(&place.folder) {
        tracing::warn!(path = %place.folder.display(), %error, "A control group is left behind");
    }
    possible.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_of_version_2_are_on_one_group() {
        let group = |memory: bool, cpu: bool, name: &str| {
            let place = Place {
                version: Version::Two,
                folder: PathBuf::from(name),
            };
            Cgroups {
                memory: memory.then(|| place.clone()),
                cpu: cpu.then_some(place),
            }
        };
        let chosen = |groups: &[(bool, bool)]| {
            let names = ["own", "slice", "root"];
            let groups = groups.iter().zip(names);
            let found = choose(groups.map(|((memory, cpu), name)| group(*memory, *cpu, name)));
            [found.memory, found.cpu].map(|place| place.map(|place| place.folder.display().to_string()))
        };
        let at = |name: &str| Some(name.to_owned());
        assert_eq!(chosen(&[(true, false), (true, true)]), [at("slice"), at("slice")]);
        assert_eq!(
            chosen(&[(true, true), (true, true)]),
            [at("own"), at("own")],
            "the nearest"
        );
        assert_eq!(
            chosen(&[(false, true), (false, false), (true, false)]),
            [at("root"), None],
            "memory before the processor"
        );
        assert_eq!(chosen(&[(true, false), (false, true)]), [at("own"), None]);
        assert_eq!(chosen(&[(false, false), (false, true)]), [None, at("slice")]);
        assert_eq!(chosen(&[]), [None, None]);
    }
}

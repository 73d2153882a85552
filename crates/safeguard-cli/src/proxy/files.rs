//! Open files of the proxy's process: as many as the system lets it have, and no more sessions than they suffice for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use safeguard_dataplane::pg::ProxySettings;

/// Towards the client, towards the database, and one for a cancel or for whoever is told that there are too many.
const FILES_PER_SESSION: usize = 3;
/// Of the process itself.
const FILES_OWN: usize = 64;

/// Raises the limit of open files to the hard one, and lowers the limits of sessions to what that suffices for: a session too
/// many is then refused, where it would otherwise wait for a file that does not come.
pub fn make_room(settings: &mut [ProxySettings]) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "The limit of open files could not be raised");
    }
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let wanted: Vec<usize> = settings.iter().map(|one| one.proxy.limits.sessions_max).collect();
    let granted = share(files, &wanted);
    tracing::info!(
        files,
        sessions = granted.iter().sum::<usize>(),
        "Open files that the process may have"
    );
    for ((one, granted), wanted) in settings.iter_mut().zip(granted).zip(wanted) {
        one.proxy.limits.sessions_max = granted;
        if granted < wanted {
            tracing::warn!(
                proxy = %one.name, files, wanted, sessions_max = granted,
                "Fewer sessions are let in than the configuration says: raise `ulimit -n`, or `LimitNOFILE=` of systemd"
            );
        }
    }
}

/// How many sessions each may have; where the files do not suffice, in proportion to what is wanted.
fn share(files: usize, wanted: &[usize]) -> Vec<usize> {
    let possible = files.saturating_sub(FILES_OWN) / FILES_PER_SESSION;
    let all: usize = wanted.iter().sum();
    let one = |wanted: usize| match all <= possible {
        true => wanted,
        false => (possible * wanted / all).max(1),
    };
    wanted.iter().map(|wanted| one(*wanted)).collect()
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn what_does_not_suffice_is_shared_out() {
        assert_eq!(share(usize::MAX, &[500, 100_000]), [500, 100_000]);
        assert_eq!(share(1_564, &[500]), [500]);
        assert_eq!(share(1_024, &[500]), [320]);
        assert_eq!(share(1_024, &[600, 300]), [213, 106]);
        assert_eq!(share(0, &[500, 1]), [1, 1]);
    }
}

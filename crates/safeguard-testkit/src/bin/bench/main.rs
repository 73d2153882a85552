//! Measures what the design promises, beside a peer where one runs; prints a table and writes `target/bench.json`.

mod backend;
mod decision;
mod dossier;
mod drill;
mod evidence;
mod flip;
mod guard;
mod guarded;
mod idle;
mod installation;
mod judge;
mod load;
mod log;
mod peers;
mod pgbench;
mod planner;
mod processes;
mod proxy;
mod report;
mod router;
mod router_process;
mod scan;
mod sessions;
mod tripwire;

use std::process::ExitCode;

use anyhow::{Context, bail};
use report::Row;

/// First argument of a child: this program in another role.
const ROLE: &str = "--role";

/// The machine's load above which somebody else must be at work.
const BUSY_LOAD: f64 = 0.7;

struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn() -> anyhow::Result<Vec<Row>>,
}

/// Sorted by name.
const BENCHES: &[Bench] = &[
    Bench {
        name: "append",
        about: "entries a second, durable and in a signed checkpoint",
        run: log::append,
    },
    Bench {
        name: "decision",
        about: "from the last evidence to the promotion, in a whole installation",
        run: decision::run,
    },
    Bench {
        name: "dossier",
        about: "the dossier of a change to 200 files",
        run: dossier::run,
    },
    Bench {
        name: "drill",
        about: "a rollback drill of the example's shop: 200 users at once, three faults",
        run: drill::run,
    },
    Bench {
        name: "evidence",
        about: "reports read into facts, by format",
        run: evidence::run,
    },
    Bench {
        name: "flip",
        about: "a weight changes under load",
        run: flip::run,
    },
    Bench {
        name: "guard",
        about: "statements read and judged on one core",
        run: guard::run,
    },
    Bench {
        name: "idle",
        about: "memory of `safeguard up` with nothing to do",
        run: idle::run,
    },
    Bench {
        name: "judge",
        about: "simulated fault to verdict: 1 → 6 % errors, 50 canary requests/s",
        run: judge::run,
    },
    Bench {
        name: "planner",
        about: "decisions a second",
        run: planner::run,
    },
    Bench {
        name: "proxy",
        about: "pgbench through the guard in front of PostgreSQL beside pgbouncer, and 5,000 idle sessions",
        run: proxy::run,
    },
    Bench {
        name: "releases",
        about: "how often `safeguard check` refuses releases of healthy packages",
        run: scan::releases::run,
    },
    Bench {
        name: "router",
        about: "requests/s and latency with one thread beside haproxy and nginx",
        run: router::run,
    },
    Bench {
        name: "scan",
        about: "`safeguard check` beside semgrep, bandit, ruff and ast-grep, and what it says of labelled changes",
        run: scan::run,
    },
    Bench {
        name: "tripwire",
        about: "a version fails in a real router: fault to off",
        run: tripwire::run,
    },
    Bench {
        name: "verify",
        about: "an export of 1,000,000 entries",
        run: log::verify,
    },
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [ROLE, "backend", address] => router_process::backend(address.parse()?),
        [ROLE, "router", folder] => router_process::router(folder.as_ref()),
        ["--list"] => {
            for bench in BENCHES {
                println!("{:<9} {}", bench.name, bench.about);
            }
            Ok(())
        }
        ref names => measure(names),
    }
}

fn measure(names: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = names
        .iter()
        .find(|name| BENCHES.iter().all(|bench| bench.name != **name))
    {
        bail!("there is no bench `{unknown}`; `./bench --list` names them");
    }
    if cfg!(debug_assertions) {
        eprintln!("warning: not a release build; these figures mean nothing");
    }
    warn_of_company();
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for bench in BENCHES
        .iter()
        .filter(|bench| names.is_empty() || names.contains(&bench.name))
    {
        eprintln!("==> {}: {}", bench.name, bench.about);
        match (bench.run)() {
            Ok(found) => rows.extend(found),
            Err(error) => {
                eprintln!("error: {}: {error:#}", bench.name);
                failed.push(bench.name);
            }
        }
    }
    print!("{}", report::table(&rows));
    let own = std::env::current_exe()?;
    let target = own
        .ancestors()
        .nth(2)
        .context("this program lies in no target directory")?;
    let file = target.join("bench.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&rows)?)?;
    eprintln!("written to {}", file.display());
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("could not measure: {}", failed.join(", "))
    }
}

/// Other work on the machine makes every figure wrong, a peer's as much as ours, and never by the same share.
fn warn_of_company() {
    let load = std::fs::read_to_string("/proc/loadavg");
    let load: Option<f64> = load.ok().and_then(|text| text.split(' ').next()?.parse().ok());
    match load {
        Some(load) if load < BUSY_LOAD => {}
        Some(load) => eprintln!("warning: the machine is busy (load {load}); measure again when it is idle"),
        None => eprintln!("warning: cannot tell whether the machine is idle"),
    }
}

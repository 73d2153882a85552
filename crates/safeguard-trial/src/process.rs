//! The drill's own process: a supervisor, a router, the load, and the drill itself, each on a thread of its own.
//!
//! It works in the folder that it was started in, and ends when its standard input does: whoever ordered the drill is
//! gone then.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use safeguard_api::Digest;
use safeguard_api::config::{RateLimits, TrafficSettings};
use safeguard_api::drill::{DrillOrder, DrillWord};
use safeguard_api::stage::Environment;
use safeguard_dataplane::{Injection, ListenerSettings, RouterSettings};
use safeguard_target::supervisor::{self, LimitsBy, SupervisorSettings};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::drill::{self, Scene};
use crate::town::{ROUTER_SOCKET, SUPERVISOR_SOCKET, router_state};

const ORDER_BYTES_MAX: u64 = 16 << 20;
const NICENESS: i32 = 10;
/// Supervisor and router have answered by then, or do not work.
const BEGIN_LONGEST: Duration = Duration::from_secs(10);
/// Supervisor and router can fail once each.
const FAILURES_MAX: usize = 2;
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// After the last word: what has not ended in order by then is killed with this process.
const END_LONGEST: Duration = Duration::from_secs(10);

/// Why no drill was begun.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("the order on standard input can not be read")]
    Order(#[source] io::Error),
    #[error("the order on standard input is none")]
    Unreadable(#[source] serde_json::Error),
    #[error("cannot {what}")]
    Begin {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Reads the order, holds the drill, and says its words on standard output. `launcher` is program and arguments that end
/// in [`safeguard_target::launch`]. To be called on the main thread: the apps go with the thread that started them.
///
/// # Errors
/// When nothing was begun. A drill that was begun says itself how it ended.
pub fn drill_process(launcher: Vec<String>) -> Result<(), ProcessError> {
    // Users of the same machine come first.
    rustix::process::nice(NICENESS).map_err(|error| begin("take a lower priority")(error.into()))?;
    let order = read_order()?;
    end_with_standard_input()?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(begin("listen on a loopback port"))?;
    let address = listener
        .local_addr()
        .map_err(begin("ask a listener for its address"))?;
    let injection = Arc::new(Injection::default());
    let (over, ended) = watch::channel(false);
    let (failed, failures) = mpsc::sync_channel(FAILURES_MAX);

    let router = RouterSettings {
        listeners: vec![ListenerSettings {
            name: format!("{}.{}", order.service, Environment::Staging),
            socket: listener,
            traffic: TrafficSettings {
                // All users of the load come from one address, and as fast as they are answered.
                rate_limits: RateLimits::default(),
                // What fails must be seen, and the candidate gets no other requests than its own.
                ..TrafficSettings::default()
            },
            tls: None,
        }],
        control: PathBuf::from(ROUTER_SOCKET),
        state: router_state(),
        supervisor: Some(PathBuf::from(SUPERVISOR_SOCKET)),
        limits: order.router.clone(),
        drain_longest: order.policy.rollback.drain_longest.into(),
        injection: Some(Arc::clone(&injection)),
    };
    let router_runtime = runtime(order.router.threads)?;
    let router_ended = until_over(ended.clone());
    let router_failed = failed.clone();
    start("router", move || {
        if let Err(error) = router_runtime.block_on(safeguard_dataplane::run(router, router_ended)) {
            tell_failure(&router_failed, "the drill's router", &error);
        }
    })?;
    let drill_runtime = runtime(1)?;
    start("drill", move || {
        say(&drill_runtime.block_on(drill(&order, address, injection, &failures)));
        over.send_replace(true);
        thread::sleep(END_LONGEST);
        std::process::exit(0);
    })?;

    let settings = SupervisorSettings {
        socket: PathBuf::from(SUPERVISOR_SOCKET),
        state: PathBuf::from("."),
        listeners: Vec::new(),
        roles: Vec::new(),
        launcher,
        limits: LimitsBy::BestAvailable,
    };
    let supervised = runtime(1)?.block_on(supervisor::run(settings, until_over(ended)));
    if let Err(error) = supervised {
        tell_failure(&failed, "the drill's supervisor", &error);
        // The thread of the drill says so, and ends the process.
        thread::sleep(END_LONGEST + BEGIN_LONGEST);
    }
    Ok(())
}

fn read_order() -> Result<DrillOrder, ProcessError> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(ORDER_BYTES_MAX)
        .read_line(&mut line)
        .map_err(ProcessError::Order)?;
    serde_json::from_str(&line).map_err(ProcessError::Unreadable)
}

/// Ends this process, and with it everything it started, when nobody is there any more to hear of it.
fn end_with_standard_input() -> Result<(), ProcessError> {
    start("input", || {
        let mut rest = Vec::new();
        // An error means the same as an end: nobody is there.
        if let Err(error) = io::stdin().lock().read_to_end(&mut rest) {
            tracing::warn!(%error, "Standard input can not be read");
        }
        std::process::exit(1);
    })
}

/// Waits until supervisor and router answer, and holds the drill.
async fn drill(
    order: &DrillOrder,
    address: std::net::SocketAddr,
    injection: Arc<Injection>,
    failures: &mpsc::Receiver<String>,
) -> DrillWord {
    let sockets = [SUPERVISOR_SOCKET, ROUTER_SOCKET].map(std::path::Path::new);
    let begun = std::time::Instant::now();
    while !sockets.iter().all(|socket| socket.exists()) {
        if let Ok(why) = failures.try_recv() {
            return DrillWord::Undecided { why };
        }
        if BEGIN_LONGEST <= begun.elapsed() {
            let why = "the drill's supervisor and router do not begin".to_owned();
            return DrillWord::Undecided { why };
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let scene = Scene {
        order,
        address,
        injection,
        mark: mark(order),
    };
    let tell = |step| say(&DrillWord::Step(step));
    let held = match order.comparison {
        None => drill::hold(scene, &tell)
            .await
            .map(|drill| DrillWord::Done { drill }),
        Some(comparison) => {
            let tried = drill::compare::hold_trial(scene, comparison, &tell).await;
            tried.map(|report| DrillWord::Tried {
                report: Box::new(report),
            })
        }
    };
    match held {
        Ok(word) => word,
        Err(error) => DrillWord::Undecided {
            why: failures.try_recv().unwrap_or_else(|_| with_sources(&error)),
        },
    }
}

/// Different for each drill of an installation: its process and its time are.
fn mark(order: &DrillOrder) -> String {
    let text = format!(
        "{}/{}/{}",
        order.candidate.release,
        std::process::id(),
        crate::clock::wall()
    );
    Digest::of(text.as_bytes()).hex()[..10].to_owned()
}

fn say(word: &DrillWord) {
    let line = serde_json::to_string(word).map_err(io::Error::from);
    let said = line.and_then(|line| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    });
    if said.is_err() {
        // Whoever ordered the drill does not listen any more.
        std::process::exit(1);
    }
}

async fn until_over(mut ended: watch::Receiver<bool>) {
    if ended.wait_for(|over| *over).await.is_err() {
        tracing::debug!("The drill's thread has ended");
    }
}

fn tell_failure(failed: &mpsc::SyncSender<String>, who: &str, error: &dyn std::error::Error) {
    let why = format!("{who} failed: {}", with_sources(error));
    tracing::error!(why);
    if failed.try_send(why).is_err() {
        tracing::warn!("The drill is over already");
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

fn runtime(threads: usize) -> Result<Runtime, ProcessError> {
    let mut builder = if threads == 1 {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    };
    builder.enable_all().build().map_err(begin("start a runtime"))
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ProcessError> {
    // Not waited for: the process ends without it.
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(begin("start a thread"))
}

fn begin(what: &'static str) -> impl FnOnce(io::Error) -> ProcessError {
    move |source| ProcessError::Begin { what, source }
}

//! The hidden subcommands: the processes that `safeguard up` starts.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use safeguard_api::config::TrafficSettings;
use safeguard_api::instance::{Role, SupervisorAnswer, SupervisorCall};
use safeguard_api::{Config, Name};
use safeguard_dataplane::ListenerSettings;
use safeguard_trial::DrillCommand;

use crate::args::Globals;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
pub struct ProcessArgs {
    #[arg(long)]
    pub supervisor_socket: PathBuf,
    #[arg(long)]
    pub router_socket: PathBuf,
}

const LISTENERS_LONGEST: Duration = Duration::from_secs(10);
pub const API_LISTENER: &str = "api";

pub fn server(globals: &Globals, args: &ProcessArgs) -> Result<(), Failure> {
    trace();
    let config = read_config(&globals.config)?;
    let runtime = runtime(2)?;
    runtime.block_on(async {
        let mut listeners = listeners(&args.supervisor_socket, Role::Server).await?;
        let listener = listeners
            .remove(API_LISTENER)
            .context("the supervisor has no listener for the API")?;
        let settings = safeguard_server::ServerSettings {
            config,
            listener,
            state: globals.state.clone(),
            supervisor_socket: args.supervisor_socket.clone(),
            router_socket: args.router_socket.clone(),
            drill: drill_command()?,
        };
        safeguard_server::run(settings, stop_signal()?)
            .await
            .context("the server ended")?;
        Ok(())
    })
}

pub fn router(globals: &Globals, args: &ProcessArgs) -> Result<(), Failure> {
    trace();
    let config = read_config(&globals.config)?;
    let runtime = runtime(config.router.threads)?;
    runtime.block_on(async {
        let listeners = listeners(&args.supervisor_socket, Role::Router).await?;
        let settings = safeguard_dataplane::RouterSettings {
            listeners: router_listeners(&config, listeners),
            control: args.router_socket.clone(),
            state: globals.state.join("router"),
            supervisor: Some(args.supervisor_socket.clone()),
            limits: config.router,
            injection: None,
            drain_longest: config.rollback.drain_longest.into(),
        };
        safeguard_dataplane::run(settings, stop_signal()?)
            .await
            .context("the router ended")?;
        Ok(())
    })
}

pub fn proxy(globals: &Globals, args: &ProcessArgs) -> Result<(), Failure> {
    trace();
    let mut config = read_config(&globals.config)?;
    config.proxies.retain(|_, proxy| !proxy.elsewhere);
    let mut sockets = runtime(1)?.block_on(listeners(&args.supervisor_socket, Role::Proxy))?;
    let settings = crate::proxy::settings(&config, |name, _| {
        let socket = sockets.remove(&proxy_listener(name));
        Ok(socket.with_context(|| format!("the supervisor has no listener for the proxy `{name}`"))?)
    })?;
    crate::proxy::serve(globals, config, settings, true)
}

/// The name of a proxy's listener, which no service has.
pub fn proxy_listener(name: &Name) -> String {
    format!("proxy:{name}")
}

/// Joins each socket with the settings of its service. A socket without a service keeps its name alone: the router
/// refuses what it does not know.
fn router_listeners(config: &Config, sockets: BTreeMap<String, TcpListener>) -> Vec<ListenerSettings> {
    let joined = sockets.into_iter().map(|(name, socket)| {
        let parts = name.split_once('.').and_then(|(service, environment)| {
            let found = config.services.iter().find(|(name, _)| name.as_str() == service);
            Some((found?.1, environment.parse().ok()?))
        });
        let service = parts.map(|(service, _)| service);
        ListenerSettings {
            socket,
            traffic: service.map_or_else(TrafficSettings::default, |service| service.traffic.clone()),
            tls: parts.and_then(|(service, environment)| service.tls.get(&environment).cloned()),
            name,
        }
    });
    joined.collect()
}

/// Holds one drill, as standard input orders it.
pub fn drill() -> Result<(), Failure> {
    // What its apps do is told on standard output; here only what is wrong with the drill itself belongs.
    trace_from("error");
    let DrillCommand { launcher, .. } = drill_command()?;
    safeguard_trial::drill_process(launcher).context("no drill was begun")?;
    Ok(())
}

/// How this program starts itself to hold a drill.
fn drill_command() -> anyhow::Result<DrillCommand> {
    Ok(DrillCommand {
        launcher: launcher()?,
        arguments: vec!["drill-process".to_owned()],
        program: std::env::current_exe().context("cannot find the own program")?,
    })
}

/// How this program starts itself to become another one, which goes with it.
pub fn launcher() -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe().context("cannot find the own program")?;
    let name = program.to_str().context("the own program's name is not UTF-8")?;
    Ok(vec![name.to_owned(), "launch".to_owned()])
}

/// Becomes the app; returns only when that fails.
pub fn launch() -> Failure {
    anyhow::Error::from(safeguard_target::launch::launch()).into()
}

/// Ends at SIGTERM or Ctrl-C.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

pub fn runtime(threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    };
    builder.enable_all().build().context("cannot start the runtime")
}

/// Writes log lines to stderr; `SAFEGUARD_LOG` says which, as `RUST_LOG` does elsewhere.
pub fn trace() {
    trace_from("info");
}

fn trace_from(least: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SAFEGUARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(least));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

fn read_config(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Config::parse(&text).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, ToString::to_string);
        anyhow!("`{}` can not be used: {first}", path.display())
    })
}

async fn listeners(supervisor: &Path, role: Role) -> anyhow::Result<BTreeMap<String, TcpListener>> {
    let question = SupervisorCall::Listeners { role };
    let (answer, sockets) =
        safeguard_link::call_for_sockets(supervisor, &question, LISTENERS_LONGEST).await?;
    let names = match answer {
        SupervisorAnswer::Listeners { names } => names,
        SupervisorAnswer::Refused { why } => bail!("the supervisor refused: {why}"),
        SupervisorAnswer::Report(_) => bail!("the supervisor answered another question"),
    };
    if names.len() != sockets.len() {
        bail!(
            "the supervisor named {} listeners and handed over {}",
            names.len(),
            sockets.len()
        );
    }
    Ok(names
        .into_iter()
        .zip(sockets.into_iter().map(TcpListener::from))
        .collect())
}

//! `safeguard up`: the supervisor, and what people are told while it starts.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use safeguard_api::config::Mode;
use safeguard_api::instance::Role;
use safeguard_api::{Config, Environment};
use safeguard_dataplane::check_tls;
use safeguard_target::supervisor::{self, LimitsBy, SupervisorError, SupervisorSettings};

use crate::args::Globals;
use crate::config_file;
use crate::failure::Failure;
use crate::installation::{Running, socket_folder, state_folder, write_private};
use crate::output::Output;
use crate::processes::{API_LISTENER, proxy_listener, runtime, stop_signal, trace};

const START_LONGEST: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_LONGEST: Duration = Duration::from_secs(2);

/// A listener, who gets it, and its name.
type Bound = (Role, String, TcpListener);

pub fn up(globals: &Globals, output: &Output) -> Result<(), Failure> {
    let (mut config, text) = config_file::load(&globals.config, output)?;
    config.proxies.retain(|_, proxy| !proxy.elsewhere);
    for (name, spec) in &config.calendars {
        if let Err(why) = safeguard_server::calendars::look(spec) {
            output.say(&format!(
                "calendar `{name}` is not understood, so it is closed: {why}"
            ));
        }
    }
    let state = state_folder(&globals.state)?;
    // Two installations on one state folder would fight over it; the supervisor holds its own lock besides, but what
    // is written before it starts must not be another's either.
    let lock = state.join("up.lock");
    let lock_file = fs::File::create(&lock).with_context(|| format!("cannot write `{}`", lock.display()))?;
    match lock_file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(already(&state)),
        Err(fs::TryLockError::Error(error)) => {
            return Err(anyhow::Error::from(error)
                .context(format!("cannot lock `{}`", lock.display()))
                .into());
        }
    }
    check_certificates(&config)?;
    crate::proxy::check_certificates(&config)?;
    trace();
    let bound = bind(&config)?;
    let addresses: BTreeMap<String, SocketAddr> = bound
        .iter()
        .map(|(_, name, listener)| Ok((name.clone(), listener.local_addr()?)))
        .collect::<std::io::Result<_>>()
        .context("cannot ask a listener for its address")?;
    let api = *addresses
        .get(API_LISTENER)
        .context("there is no listener for the API")?;
    // Server and router read a copy: a file that is edited meanwhile changes nothing when one of them starts again.
    let in_force = state.join("config.toml");
    write_private(&in_force, text.as_bytes())?;
    let link = state.join("login.link");
    remove_if_there(&link)?;
    Running {
        server: format!("http://{api}"),
        pid: std::process::id(),
    }
    .write(&state)?;
    let settings = settings(&state, &in_force, bound)?;
    let runtime = runtime(1)?;
    let ended = runtime.block_on(async {
        let stop = stop_signal()?;
        let running = supervisor::run(settings, stop);
        let telling = tell(&config, &addresses, api, &link, output);
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => return Ok::<_, Failure>(ended),
            told = telling => told?,
        }
        Ok(running.await)
    })?;
    remove_if_there(&state.join("run.json"))?;
    ended.map_err(|error| match error {
        SupervisorError::AlreadyRunning { .. } => already(&state),
        other => anyhow::Error::from(other).into(),
    })
}

fn already(state: &Path) -> Failure {
    Failure::refused(format!("another `safeguard up` runs on `{}`", state.display()))
        .hint("use that one, end it, or name another folder with `--state`")
}

/// The router refuses a certificate that it can not use; here the reader is still at the terminal.
fn check_certificates(config: &Config) -> Result<(), Failure> {
    for (name, service) in &config.services {
        for (environment, files) in &service.tls {
            check_tls(files).map_err(|error| {
                let hint = error.hint();
                let error = anyhow::Error::from(error);
                let causes = error.chain().map(ToString::to_string).collect();
                Failure::refused(format!("`services.{name}.tls.{environment}` can not be used"))
                    .details(causes)
                    .hint(hint)
            })?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn bind(config: &Config) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    let mut add = |role, name: String, address: SocketAddr| -> Result<(), Failure> {
        let listener = TcpListener::bind(address).map_err(|error| {
            Failure::undecided(format!("cannot listen on {address} for `{name}`: {error}"))
                .hint("end what listens there, or change the port in the configuration")
        })?;
        bound.push((role, name, listener));
        Ok(())
    };
    add(Role::Server, API_LISTENER.to_owned(), config.listen.api)?;
    for (name, service) in &config.services {
        for (environment, address) in &service.listen {
            add(Role::Router, format!("{name}.{environment}"), *address)?;
        }
    }
    for (name, proxy) in &config.proxies {
        add(Role::Proxy, proxy_listener(name), proxy.listen)?;
    }
    Ok(bound)
}

fn settings(state: &Path, config: &Path, listeners: Vec<Bound>) -> anyhow::Result<SupervisorSettings> {
    let sockets = socket_folder(state)?;
    let program = std::env::current_exe().context("cannot find the own program")?;
    let program = text(&program)?;
    let supervisor_socket = sockets.join("supervisor.sock");
    let router_socket = sockets.join("router.sock");
    let role = |role: &str| -> anyhow::Result<Vec<String>> {
        let words = [
            program.as_str(),
            role,
            "--config",
            &text(config)?,
            "--state",
            &text(state)?,
            "--supervisor-socket",
            &text(&supervisor_socket)?,
            "--router-socket",
            &text(&router_socket)?,
        ];
        Ok(words.map(str::to_owned).to_vec())
    };
    // The server ends first: a planner without a router would see silence.
    let mut roles = vec![(Role::Server, role("server")?), (Role::Router, role("router")?)];
    if listeners.iter().any(|(owner, _, _)| *owner == Role::Proxy) {
        roles.push((Role::Proxy, role("proxy-process")?));
    }
    Ok(SupervisorSettings {
        state: state.to_owned(),
        listeners,
        roles,
        launcher: vec![program.clone(), "launch".to_owned()],
        limits: LimitsBy::BestAvailable,
        socket: supervisor_socket,
    })
}

fn text(path: &Path) -> anyhow::Result<String> {
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("`{}` is not a name in UTF-8", path.display()),
    }
}

/// Waits until the server answers, then says what listens where, and how to log in.
async fn tell(
    config: &Config,
    addresses: &BTreeMap<String, SocketAddr>,
    api: SocketAddr,
    link: &PathBuf,
    output: &Output,
) -> Result<(), Failure> {
    let answers = async {
        while !healthy(api).await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(START_LONGEST, answers).await.is_err() {
        output.say(&format!(
            "The server has not answered at http://{api} for {} s; its messages are above. It is started again and again.",
            START_LONGEST.as_secs()
        ));
        return Ok(());
    }
    let login = fs::read_to_string(link).with_context(|| format!("cannot read `{}`", link.display()))?;
    let login = login.trim();
    let mut text = String::new();
    for (name, proxy) in &config.proxies {
        let name = proxy_listener(name);
        text.push_str(&format!(
            "  {name:<24} {}\n",
            crate::proxy::in_words(config, proxy)
        ));
    }
    let services = addresses.iter().filter(|(name, _)| !name.starts_with("proxy:"));
    for (name, address) in services {
        let scheme = if has_tls(config, name) { "https" } else { "http" };
        text.push_str(&format!("  {name:<24} {scheme}://{address}\n"));
    }
    if config.mode == Mode::Observe {
        text.push_str(
            "  mode                     observe: decisions are recorded, nothing is held or moved\n",
        );
    }
    text.push_str(&format!("  log in once at           {login}\n"));
    output.line(
        &serde_json::json!({ "listeners": addresses, "login": login, "pid": std::process::id() }),
        &format!("safeguard is up; Ctrl-C ends it\n{}", text.trim_end()),
    )
}

/// Whether the listener of this name, `SERVICE.ENVIRONMENT`, has a certificate.
fn has_tls(config: &Config, listener: &str) -> bool {
    config.services.iter().any(|(service, told)| {
        let with_tls = |environment: &Environment| listener == format!("{service}.{environment}");
        told.tls.keys().any(with_tls)
    })
}

async fn healthy(api: SocketAddr) -> bool {
    let ask = async {
        let stream = tokio::net::TcpStream::connect(api).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream))
                .await
                .ok()?;
        tokio::spawn(connection);
        let request = http::Request::get("/healthz")
            .header(http::header::HOST, api.to_string())
            .body(Empty::new())
            .ok()?;
        let answer = sender.send_request(request).await.ok()?;
        Some(answer.status().is_success())
    };
    matches!(tokio::time::timeout(LOOK_LONGEST, ask).await, Ok(Some(true)))
}

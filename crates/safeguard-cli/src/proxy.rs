//! `safeguard proxy …`

mod files;
mod issued;
mod told;

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::config::{GuardPolicy, Mode, Proxy, ProxyUpstream};
use safeguard_api::freeze::FreezeCheck;
use safeguard_api::status::Status;
use safeguard_api::{Config, Name};
use safeguard_dataplane::pg::{self, Desk, InForce, ProxySettings, Standing};

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::config_file;
use crate::failure::Failure;
use crate::output::Output;
use crate::processes::{runtime, stop_signal, trace};

/// How often the policy and the freezes are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A longer password is none.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// A server that takes longer does not answer.
const ANSWER_LONGEST: Duration = Duration::from_secs(3);

#[derive(Debug, Subcommand)]
pub enum ProxyVerb {
    /// Stand in front of the databases of the configuration, and judge each statement before they see it
    #[command(
        after_help = "`[proxies]` of the configuration says where each listens, what is behind it and who may log in. A changed `[guard]` counts
within a second, also in sessions that are open; other changes count when it is started again. Ctrl-C or SIGTERM ends it:
sessions end between two transactions, after ten seconds at most.

Examples:
  safeguard proxy run
  safeguard proxy run shop --with-server"
    )]
    Run(ProxyRunArgs),
    /// Make a verifier for a login from the password on standard input
    #[command(after_help = "Example:
  openssl rand -base64 24 | tee agent.password | safeguard proxy verifier")]
    Verifier,
}

#[derive(Debug, Args)]
pub struct ProxyRunArgs {
    /// Only these; unsaid: all
    #[arg(value_name = "NAME")]
    pub names: Vec<Name>,
    /// Ask the server for freezes, issued credentials and approvals, and have it log what is decided. As long as it does not
    /// answer, production counts as frozen, and agents and services write nothing
    #[arg(long)]
    pub with_server: bool,
}

pub fn proxy(globals: &Globals, verb: ProxyVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        ProxyVerb::Run(args) => run(globals, &args, output),
        ProxyVerb::Verifier => verifier(output),
    }
}

fn verifier(output: &Output) -> Result<(), Failure> {
    let mut password = String::new();
    std::io::stdin()
        .take(PASSWORD_BYTES_MAX)
        .read_to_string(&mut password)
        .context("cannot read standard input")?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::refused("there is no password on standard input")
            .hint("`safeguard proxy verifier < FILE`"));
    }
    output.data(&pg::verifier(password), |verifier| format!("{verifier}\n"))
}

fn run(globals: &Globals, args: &ProxyRunArgs, output: &Output) -> Result<(), Failure> {
    let (mut config, _) = config_file::load(&globals.config, output)?;
    if let Some(name) = args.names.iter().find(|name| !config.proxies.contains_key(*name)) {
        return Err(Failure::refused(format!("there is no proxy `{name}`"))
            .hint(format!("`[proxies.{name}]` of the configuration makes one")));
    }
    if config.proxies.is_empty() {
        return Err(Failure::refused("there is no proxy in the configuration")
            .hint("add a table `[proxies.NAME]`; docs/guides/postgres-guard.md has an example"));
    }
    config
        .proxies
        .retain(|name, _| args.names.is_empty() || args.names.contains(name));
    check_certificates(&config)?;
    if !args.with_server {
        check_users(&config)?;
    }
    let settings = settings(&config, |name, proxy| {
        TcpListener::bind(proxy.listen).map_err(|error| {
            Failure::undecided(format!("cannot listen on {} for `{name}`: {error}", proxy.listen))
                .hint("end what listens there, or change the port in the configuration")
        })
    })?;
    trace();
    for (name, proxy) in &config.proxies {
        output.say(&format!("  {name:<24} {}", in_words(&config, proxy)));
    }
    serve(globals, config, settings, args.with_server)
}

/// Where a proxy listens, what is behind it, and whether it refuses.
pub fn in_words(config: &Config, proxy: &Proxy) -> String {
    let mode = match proxy.mode.unwrap_or(config.mode) {
        Mode::Observe => "observe: nothing is refused, what would be is told",
        Mode::Enforce => "enforce",
    };
    let (listen, database) = (proxy.listen, &proxy.upstream.database);
    format!(
        "{listen} in front of `{database}` ({}), mode {mode}",
        proxy.environment
    )
}

/// A proxy refuses certificates that it can not use; here the reader is still at the terminal.
pub fn check_certificates(config: &Config) -> Result<(), Failure> {
    for (name, proxy) in &config.proxies {
        pg::check_certificates(proxy).map_err(|error| {
            let hint = error.hint();
            let error = anyhow::Error::from(error);
            let causes = error.chain().map(ToString::to_string).collect();
            Failure::refused(format!("a certificate of `proxies.{name}` can not be used"))
                .details(causes)
                .hint(hint)
        })?;
    }
    Ok(())
}

/// A user whom nothing lasting proves gets in by what the server issues, and by nothing else.
fn check_users(config: &Config) -> Result<(), Failure> {
    let mut users = config
        .proxies
        .iter()
        .flat_map(|(name, proxy)| proxy.users.iter().map(move |user| (name, user)));
    match users.find(|(_, (_, user))| user.is_only_issued()) {
        None => Ok(()),
        Some((name, (login, _))) => Err(Failure::refused(format!(
            "nothing lasting proves `{login}` of `{name}`, and without the server there are no credentials"
        ))
        .hint("ask the server with `--with-server`, or give it a `verifier` or a `certificate_name`")),
    }
}

/// Stands in front of the databases until it is told to end.
pub fn serve(
    globals: &Globals,
    config: Config,
    mut settings: Vec<ProxySettings>,
    with_server: bool,
) -> Result<(), Failure> {
    let standing = Standing {
        policy: config.guard.clone(),
        frozen: with_server,
    };
    let in_force = Arc::new(InForce::new(standing));
    let watched = Watched {
        globals: globals.clone(),
        with_server,
        in_force: Arc::clone(&in_force),
    };
    if with_server {
        let asked = issued::AskedForLogins {
            globals: globals.clone(),
            proxies: config.proxies.keys().cloned().collect(),
            in_force: Arc::clone(&in_force),
        };
        thread::Builder::new()
            .name("issued".to_owned())
            .spawn(move || asked.watch())
            .context("cannot start a thread")?;
        let desk = desk(globals)?;
        for settings in &mut settings {
            settings.desk = Some(Arc::clone(&desk));
        }
    }
    thread::Builder::new()
        .name("in-force".to_owned())
        .spawn(move || watched.watch(config.guard))
        .context("cannot start a thread")?;
    files::make_room(&mut settings);
    let runtime = runtime(config.router.threads)?;
    runtime.block_on(async {
        pg::run(settings, in_force, stop_signal()?)
            .await
            .context("the proxy ended")
    })?;
    Ok(())
}

/// Where the proxies tell what they decide; a thread carries it to the server.
fn desk(globals: &Globals) -> Result<Arc<Desk>, Failure> {
    let (desk, questions) = Desk::new();
    let desk = Arc::new(desk);
    let (globals, carried) = (globals.clone(), Arc::clone(&desk));
    thread::Builder::new()
        .name("told".to_owned())
        .spawn(move || told::carry(&globals, &carried, &questions))
        .context("cannot start a thread")?;
    Ok(desk)
}

/// Everything that the proxies need, each with the socket that is made or found for it.
pub fn settings(
    config: &Config,
    mut socket: impl FnMut(&Name, &Proxy) -> Result<TcpListener, Failure>,
) -> Result<Vec<ProxySettings>, Failure> {
    let settings = config.proxies.iter().map(|(name, proxy)| {
        Ok(ProxySettings {
            password: password(name, &proxy.upstream)?,
            socket: socket(name, proxy)?,
            name: name.clone(),
            proxy: proxy.clone(),
            mode: config.mode,
            desk: None,
        })
    });
    settings.collect()
}

/// The password of the proxy's role; none where the configuration names none.
fn password(name: &Name, upstream: &ProxyUpstream) -> Result<Option<String>, Failure> {
    let missing = |title: String| {
        Failure::undecided(title).hint(format!(
            "`[proxies.{name}.upstream]` says where the password of `{}` lies",
            upstream.user
        ))
    };
    if let Some(path) = &upstream.password_file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| missing(format!("cannot read `{}`: {error}", path.display())))?;
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    match &upstream.password_variable {
        None => Ok(None),
        Some(variable) => match std::env::var(variable) {
            Ok(password) => Ok(Some(password)),
            Err(_) => Err(missing(format!("the environment has no `{variable}`"))),
        },
    }
}

fn client(globals: &Globals) -> Result<ApiClient, Failure> {
    Ok(ApiClient::new(globals)?.with_answer_within(ANSWER_LONGEST))
}

/// What is looked at again and again.
struct Watched {
    globals: Globals,
    with_server: bool,
    in_force: Arc<InForce>,
}

impl Watched {
    /// Takes what changed into force, for ever. A file that can not be used changes nothing.
    fn watch(self, mut policy: GuardPolicy) {
        let mut last = None;
        let mut complained = false;
        loop {
            match self.policy() {
                Ok(found) => {
                    policy = found;
                    complained = false;
                }
                Err(why) if !complained => {
                    complained = true;
                    tracing::warn!(%why, "The changed configuration can not be used; the policy before stays");
                }
                Err(_) => {}
            }
            let standing = Standing {
                policy: policy.clone(),
                frozen: self.with_server && self.is_frozen(),
            };
            if last.as_ref() != Some(&standing) {
                tracing::info!(frozen = standing.frozen, "The policy in force was read");
                self.in_force.set(standing.clone());
                last = Some(standing);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn policy(&self) -> Result<GuardPolicy, String> {
        let text = std::fs::read_to_string(&self.globals.config).map_err(|error| error.to_string())?;
        let config = Config::parse(&text);
        config.map(|config| config.guard).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            first.unwrap_or_default()
        })
    }

    /// Whether a freeze is open, or releases of any service may not move. A server that does not answer could hold a freeze.
    fn is_frozen(&self) -> bool {
        let asked = client(&self.globals).and_then(|client| {
            let status: Status = client.get("/api/v1/status")?;
            let services: Vec<FreezeCheck> = client.get("/api/v1/freezes/check")?;
            Ok(!status.freezes.is_empty() || services.iter().any(|service| !service.open))
        });
        asked.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    #[test]
    fn without_the_server_only_what_lasts_opens_a_proxy() {
        let told = |user: &str| {
            let text = format!(
                "mode = \"enforce\"\n[proxies.shop]\nlisten = \"127.0.0.1:6432\"\nenvironment = \"production\"\n\
                 [proxies.shop.tls]\ncertificate = \"/c\"\nkey = \"/k\"\nclient_authority = \"/a\"\n\
                 [proxies.shop.upstream]\nhost = \"127.0.0.1\"\ndatabase = \"shop\"\nuser = \"guarded\"\n\
                 [proxies.shop.users.ops]\nprincipal = \"person\"\ncertificate_name = \"ops\"\n\
                 [proxies.shop.users.coder]\nprincipal = \"agent\"\n{user}"
            );
            let config = Config::parse(&text).expect("a configuration");
            check_users(&config).map_err(|failure| failure.title().to_owned())
        };
        assert_eq!(told("certificate_name = \"coder\""), Ok(()));
        let refused =
            "nothing lasting proves `coder` of `shop`, and without the server there are no credentials";
        assert_eq!(told(""), Err(refused.to_owned()));
    }
}

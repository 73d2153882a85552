//! The proxies in front of databases: where each listens, what is behind it, and who may log in as what.

mod credentials;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::within;
use super::{Config, ConfigProblem, Mode, TlsFiles};
use crate::credential::LOGIN_BYTES_MAX;
use crate::guard::Principal;
use crate::stage::Environment;
use crate::time::Span;

const PROXIES_MAX: usize = 16;
const USERS_MAX: usize = 1_000;

/// One PostgreSQL database, and the door in front of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// Which environment the database belongs to.
    pub environment: Environment,
    /// `safeguard up` does not open it: `safeguard proxy run` does, such as on another machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// `observe` tells what would be refused or measured, and lets it through. Unsaid: the mode of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether an approved statement runs only where `safeguard undo` keeps what it removes. Unsaid: in production it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_required: Option<bool>,
    pub upstream: ProxyUpstream,
    /// Who may log in, by the name of the login.
    pub users: BTreeMap<String, ProxyUser>,
    /// Its certificate; only with one may it be reachable from other machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProxyTls>,
    #[serde(default)]
    pub limits: ProxyLimits,
}

/// The certificate of a proxy, and whose clients' certificates it believes; the files are PEM, and are read again when they
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyTls {
    /// The server's certificate, followed by those that lead to a known authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Certificates of those who sign the certificates of clients; a user with `certificate_name` must show one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authority: Option<PathBuf>,
}

impl ProxyTls {
    #[must_use]
    pub fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }
}

impl From<TlsFiles> for ProxyTls {
    fn from(files: TlsFiles) -> ProxyTls {
        ProxyTls {
            certificate: files.certificate,
            key: files.key,
            client_authority: None,
        }
    }
}

/// The database behind a proxy, and the role that the proxy has there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyUpstream {
    /// A name or an address; the absolute path of a folder means the Unix socket in it.
    pub host: String,
    #[serde(default = "default_port")]
    pub port: u16,
    pub database: String,
    pub user: String,
    /// A file that holds the role's password and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The environment variable of the proxy that holds the role's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_variable: Option<String>,
    /// Certificates in PEM, one of which the database's own must lead to. With it the connection is ciphered and the name
    /// of the host is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_authority: Option<PathBuf>,
    /// The certificate in PEM that proves the proxy's role to the database. It is read when the proxy starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The key of `certificate`, in PEM and without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Whether the password is sent as it is, to a server that asks for it so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleartext_password: bool,
}

impl ProxyUpstream {
    /// What the proxy shows the database, if it shows something.
    #[must_use]
    pub fn own_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.certificate.clone().zip(self.key.clone())?;
        Some(TlsFiles { certificate, key })
    }
}

fn default_port() -> u16 {
    5432
}

/// A login. It is proved by a password, by a certificate, or by both where both are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyUser {
    /// Whose statements these are.
    pub principal: Principal,
    /// Whose login it is, or for whom the agent works, as `[[approvers]]` names the person; that one approves nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What proves the password without holding it, as `safeguard proxy verifier` and PostgreSQL itself write it. Without this
    /// and a `certificate_name` there is nothing lasting, and `safeguard credential issue` gives a login for minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// The name that the client's certificate must have: its common name, or an alternative name of a host, of mail or a URI.
    /// Every sign counts. The authority is `client_authority` of the proxy's `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<String>,
    /// The longest time for which a credential is issued, from `1m` to `24h`.
    #[serde(default = "default_credential_longest")]
    pub credential_longest: Span,
}

impl ProxyUser {
    /// Whether nothing lasting proves who it is: it opens by issued credentials alone.
    #[must_use]
    pub fn is_only_issued(&self) -> bool {
        self.verifier.is_none() && self.certificate_name.is_none()
    }
}

fn default_credential_longest() -> Span {
    Span::hours(1)
}

/// Limits of one proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyLimits {
    pub sessions_max: usize,
    /// From the connection to the end of the login, both sides.
    pub login_longest: Span,
    /// Prepared statements that are known of one session; the oldest are forgotten, and refused afterwards.
    pub statements_max: usize,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        ProxyLimits {
            sessions_max: 500,
            login_longest: Span::seconds(10),
            statements_max: 5_000,
        }
    }
}

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    if config.proxies.len() > PROXIES_MAX {
        let message = format!("{} proxies (limit {PROXIES_MAX})", config.proxies.len());
        found.push(ConfigProblem::new(&["proxies"], message));
    }
    for (name, proxy) in &config.proxies {
        check_proxy(&["proxies", name.as_str()], proxy, found);
    }
}

fn check_proxy(base: &[&str; 2], proxy: &Proxy, found: &mut Vec<ConfigProblem>) {
    check_upstream(base, &proxy.upstream, found);
    if let Some(tls) = &proxy.tls {
        tls.files().check(&[base[0], base[1], "tls"], found);
    }
    let limits = &proxy.limits;
    let at = |key: &'static str| [base[0], base[1], "limits", key];
    within(found, &at("sessions_max"), limits.sessions_max, 1, 100_000);
    within(
        found,
        &at("login_longest"),
        limits.login_longest,
        Span::seconds(1),
        Span::minutes(5),
    );
    within(found, &at("statements_max"), limits.statements_max, 10, 100_000);
    if proxy.users.is_empty() || proxy.users.len() > USERS_MAX {
        let message = format!("{} users (1 to {USERS_MAX} are possible)", proxy.users.len());
        let hint = "add a table `[proxies.NAME.users.LOGIN]`; nobody gets in without";
        found.push(ConfigProblem::new(&[base[0], base[1], "users"], message).with_hint(hint));
    }
    for (login, user) in &proxy.users {
        check_name(&[base[0], base[1], "users", login.as_str()], login, found);
        credentials::check_issuing(base, login, user, found);
    }
    credentials::check(base, proxy, found);
}

fn check_upstream(base: &[&str; 2], upstream: &ProxyUpstream, found: &mut Vec<ConfigProblem>) {
    let at = |key: &'static str| [base[0], base[1], "upstream", key];
    if upstream.host.is_empty() || upstream.host.chars().any(char::is_control) {
        found.push(ConfigProblem::new(
            &at("host"),
            "there is no name of a host, nor the folder of a socket",
        ));
    }
    if upstream.port == 0 {
        found.push(ConfigProblem::new(&at("port"), "nothing listens on port 0"));
    }
    check_name(&at("database"), &upstream.database, found);
    check_name(&at("user"), &upstream.user, found);
    if upstream.password_file.is_some() && upstream.password_variable.is_some() {
        let problem = ConfigProblem::new(&at("password_variable"), "the password is named twice");
        found.push(problem.with_hint("keep `password_file` or `password_variable`"));
    }
    if upstream.tls_authority.is_some() && upstream.host.starts_with('/') {
        let problem = ConfigProblem::new(&at("tls_authority"), "a Unix socket has no TLS");
        found.push(problem.with_hint("leave it out, or name a host"));
    }
    credentials::check_upstream(base, upstream, found);
    let files = [
        ("password_file", &upstream.password_file),
        ("tls_authority", &upstream.tls_authority),
        ("certificate", &upstream.certificate),
        ("key", &upstream.key),
    ];
    for (key, file) in files {
        let example = match key {
            "password_file" => "/etc/safeguard/shop.password",
            _ => "/etc/safeguard/shop.pem",
        };
        check_absolute(&at(key), file.as_deref(), example, found);
    }
}

fn check_name(path: &[&str], name: &str, found: &mut Vec<ConfigProblem>) {
    if name.is_empty() || name.len() > LOGIN_BYTES_MAX || name.chars().any(char::is_control) {
        let message = format!("{} bytes (1 to {LOGIN_BYTES_MAX} are possible)", name.len());
        found.push(ConfigProblem::new(path, message));
    }
}

fn check_absolute(path: &[&str], file: Option<&Path>, example: &str, found: &mut Vec<ConfigProblem>) {
    if let Some(file) = file.filter(|file| !file.is_absolute()) {
        let message = format!(
            "`{}` depends on the folder in which safeguard was started",
            file.display()
        );
        let problem = ConfigProblem::new(path, message);
        found.push(problem.with_hint(format!("write the absolute path, such as `{example}`")));
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn problems(listen: &str, upstream: &str, user: &str) -> String {
        let text = format!(
            "[proxies.shop]\nlisten = \"{listen}\"\nenvironment = \"production\"\n\
             [proxies.shop.upstream]\n{upstream}\n[proxies.shop.users]\n{user}\n"
        );
        match Config::parse(&text) {
            Ok(_) => "none\n".to_owned(),
            Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let upstream = "host = \"127.0.0.1\"\ndatabase = \"shop\"\nuser = \"guarded\"";
        let user = format!("coder = {{ principal = \"agent\", verifier = \"{VERIFIER}\" }}");
        let told = [
            problems("127.0.0.1:6432", upstream, &user),
            problems("0.0.0.0:6432", upstream, &user),
            problems("127.0.0.1:6432", upstream, ""),
            problems(
                "127.0.0.1:6432",
                upstream,
                "coder = { principal = \"agent\", verifier = \"hunter2\" }",
            ),
            problems(
                "127.0.0.1:6432",
                &format!("{upstream}\npasword_file = \"/x\""),
                &user,
            ),
            problems(
                "127.0.0.1:6432",
                &format!("{upstream}\npassword_file = \"x\"\npassword_variable = \"PW\""),
                &user,
            ),
        ];
        assert_snapshot!(told.join("--\n"), @r"
        none
        --
        2:10: `proxies.shop.listen`: 0.0.0.0:6432 is reachable from other machines, and there is no TLS (name its certificate and key in `[proxies.shop.tls]`, or use `127.0.0.1:6432`, and let a TLS proxy on this machine forward to it)
        --
        8:15: `proxies.shop.users`: 0 users (1 to 1000 are possible) (add a table `[proxies.NAME.users.LOGIN]`; nobody gets in without)
        --
        9:43: `proxies.shop.users.coder.verifier`: this is not a SCRAM verifier (`safeguard proxy verifier` makes one from a password)
        --
        8:1: `proxies.shop.upstream.pasword_file`: there is no key `pasword_file` here (did you mean `password_file`?)
        --
        8:17: `proxies.shop.upstream.password_file`: `x` depends on the folder in which safeguard was started (write the absolute path, such as `/etc/safeguard/shop.password`)
        9:21: `proxies.shop.upstream.password_variable`: the password is named twice (keep `password_file` or `password_variable`)
        ");
    }

    #[test]
    fn a_user_may_have_no_lasting_password() {
        let upstream = "host = \"127.0.0.1\"\ndatabase = \"shop\"\nuser = \"guarded\"";
        let told = [
            problems("127.0.0.1:6432", upstream, "coder = { principal = \"agent\" }"),
            problems(
                "127.0.0.1:6432",
                upstream,
                "coder = { principal = \"agent\", credential_longest = \"25h\" }",
            ),
            problems(
                "127.0.0.1:6432",
                upstream,
                "\"coder~1\" = { principal = \"agent\" }",
            ),
            problems(
                "127.0.0.1:6432",
                upstream,
                &format!("{} = {{ principal = \"agent\" }}", "c".repeat(55)),
            ),
        ];
        assert_snapshot!(told.join("--\n"), @r"
        none
        --
        9:53: `proxies.shop.users.coder.credential_longest`: 25h is out of range (1m to 24h)
        --
        9:1: `proxies.shop.users.coder~1`: `~` is in the names of issued credentials alone (name the login otherwise)
        --
        9:1: `proxies.shop.users.ccccccccccccccccccccccccccccccccccccccccccccccccccccccc`: 55 bytes (limit 54 without a verifier) (the login of a credential has nine bytes more, and PostgreSQL takes 63)
        ");
    }

    #[test]
    fn a_proxy_elsewhere_takes_no_port_here() {
        let proxy = |name: &str, more: &str| {
            format!(
                "[proxies.{name}]\nlisten = \"127.0.0.1:6432\"\nenvironment = \"production\"\n{more}\n\
                 [proxies.{name}.upstream]\nhost = \"127.0.0.1\"\ndatabase = \"shop\"\nuser = \"guarded\"\n\
                 [proxies.{name}.users]\ncoder = {{ principal = \"agent\" }}\n"
            )
        };
        let parsed = |more: &str| Config::parse(&(proxy("one", "") + &proxy("two", more)));
        assert!(parsed("").is_err());
        assert!(parsed("elsewhere = true").is_ok());
    }
}

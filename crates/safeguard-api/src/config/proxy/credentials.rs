//! What proves a login, on both sides of a proxy: nothing that proves nothing, and nothing that nobody asks for.

use super::super::check::within;
use super::{ConfigProblem, Proxy, ProxyUpstream, ProxyUser, check_absolute};

use crate::credential::{CREDENTIAL_LONGEST, CREDENTIAL_SHORTEST, ISSUING_USER_BYTES_MAX, LOGIN_SEPARATOR};

/// As long as the longest that is common, the name of a workload (SPIFFE).
const CERTIFICATE_NAME_BYTES_MAX: usize = 2_048;

pub(super) fn check(base: &[&str; 2], proxy: &Proxy, found: &mut Vec<ConfigProblem>) {
    let authority = proxy.tls.as_ref().and_then(|tls| tls.client_authority.as_deref());
    let path = [base[0], base[1], "tls", "client_authority"];
    check_absolute(&path, authority, "/etc/safeguard/clients.pem", found);
    let asks = |user: &ProxyUser| user.certificate_name.is_some();
    if authority.is_some() && !proxy.users.values().any(asks) {
        let problem = ConfigProblem::new(&path, "no user is asked for a certificate");
        found.push(problem.with_hint("give each user that must show one a `certificate_name`"));
    }
    for (login, user) in &proxy.users {
        let at = |key: &'static str| [base[0], base[1], "users", login.as_str(), key];
        if user
            .verifier
            .as_ref()
            .is_some_and(|verifier| !is_verifier(verifier))
        {
            // What stands there may be a password: it is not repeated.
            let problem = ConfigProblem::new(&at("verifier"), "this is not a SCRAM verifier");
            found.push(problem.with_hint("`safeguard proxy verifier` makes one from a password"));
        }
        let Some(name) = &user.certificate_name else {
            continue;
        };
        check_certificate_name(&at("certificate_name"), name, found);
        if authority.is_none() {
            let problem = ConfigProblem::new(
                &at("certificate_name"),
                "nobody is named whose certificates count",
            );
            let hint = format!(
                "name a file of certificates as `client_authority` in `[proxies.{}.tls]`",
                base[1]
            );
            found.push(problem.with_hint(hint));
        }
    }
}

/// What credentials for minutes need of a user.
pub(super) fn check_issuing(base: &[&str; 2], login: &str, user: &ProxyUser, found: &mut Vec<ConfigProblem>) {
    within(
        found,
        &[base[0], base[1], "users", login, "credential_longest"],
        user.credential_longest,
        CREDENTIAL_SHORTEST,
        CREDENTIAL_LONGEST,
    );
    let path = [base[0], base[1], "users", login];
    if login.contains(LOGIN_SEPARATOR) {
        let message = format!("`{LOGIN_SEPARATOR}` is in the names of issued credentials alone");
        found.push(ConfigProblem::new(&path, message).with_hint("name the login otherwise"));
    }
    if user.is_only_issued() && login.len() > ISSUING_USER_BYTES_MAX {
        let message = format!(
            "{} bytes (limit {ISSUING_USER_BYTES_MAX} without a verifier)",
            login.len()
        );
        let hint = "the login of a credential has nine bytes more, and PostgreSQL takes 63";
        found.push(ConfigProblem::new(&path, message).with_hint(hint));
    }
}

fn check_certificate_name(path: &[&str], name: &str, found: &mut Vec<ConfigProblem>) {
    if name.is_empty() || name.len() > CERTIFICATE_NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let message = format!(
            "{} bytes (1 to {CERTIFICATE_NAME_BYTES_MAX} are possible, without control characters)",
            name.len()
        );
        found.push(ConfigProblem::new(path, message));
    }
    if name.contains('*') {
        let problem = ConfigProblem::new(
            path,
            "a name is compared as it is, and `*` stands for nothing else",
        );
        found.push(problem.with_hint("write the whole name"));
    }
}

pub(super) fn check_upstream(base: &[&str; 2], upstream: &ProxyUpstream, found: &mut Vec<ConfigProblem>) {
    let (given, missing) = match (&upstream.certificate, &upstream.key) {
        (Some(_), None) => ("certificate", "key"),
        (None, Some(_)) => ("key", "certificate"),
        (Some(_), Some(_)) if upstream.tls_authority.is_none() => ("certificate", "tls_authority"),
        (Some(_), Some(_)) | (None, None) => return,
    };
    let path = [base[0], base[1], "upstream", given];
    let problem = ConfigProblem::new(&path, format!("without `{missing}` it is never shown"));
    found.push(problem.with_hint(format!("add `{missing}`, or leave it out")));
}

/// Whether it has the shape `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER`, the last three in Base64.
fn is_verifier(text: &str) -> bool {
    let is_base64 = |part: &str| {
        let signs = part.trim_end_matches('=');
        !signs.is_empty()
            && part.len().is_multiple_of(4)
            && signs
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    };
    let parts = text.strip_prefix("SCRAM-SHA-256$").and_then(|rest| {
        let (iterations, rest) = rest.split_once(':')?;
        let (salt, keys) = rest.split_once('$')?;
        let (stored, server) = keys.split_once(':')?;
        Some((iterations.parse::<u32>().ok()?, salt, stored, server))
    });
    parts.is_some_and(|(iterations, salt, stored, server)| {
        iterations >= 4096
            && is_base64(salt)
            && [stored, server]
                .iter()
                .all(|key| key.len() == 44 && is_base64(key))
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::Config;

    const VERIFIER: &str = "verifier = \"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\"";
    const TLS: &str = "tls = { certificate = \"/c\", key = \"/k\", client_authority = \"/a\" }\n";
    const AUTHORITY: &str = "tls_authority = \"/a\"";

    fn problems(tls: &str, upstream: &str, user: &str) -> String {
        let text = format!(
            "[proxies.shop]\nlisten = \"127.0.0.1:6432\"\nenvironment = \"production\"\n{tls}\
             [proxies.shop.upstream]\nhost = \"db\"\ndatabase = \"shop\"\nuser = \"guarded\"\n{upstream}\n\
             [proxies.shop.users.coder]\nprincipal = \"agent\"\n{user}\n"
        );
        match Config::parse(&text) {
            Ok(_) => "none\n".to_owned(),
            Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        }
    }

    #[test]
    fn a_login_is_proved_by_something_that_can_be_shown() {
        let named = |name: &str| format!("certificate_name = \"{name}\"");
        let told = [
            problems("", "", VERIFIER),
            problems(TLS, "", &named("coder")),
            problems(TLS, "", &format!("{VERIFIER}\n{}", named("coder"))),
            // Credentials are issued for it.
            problems("", "", ""),
            problems("", "", &named("coder")),
            problems(TLS, "", VERIFIER),
            problems(TLS, "", &named("*.acme.example")),
            problems(TLS, "", &named("")),
            problems(&TLS.replace("/a", "a"), "", &named("coder")),
        ];
        assert_snapshot!(told.join("--\n"), @r"
        none
        --
        none
        --
        none
        --
        none
        --
        11:20: `proxies.shop.users.coder.certificate_name`: nobody is named whose certificates count (name a file of certificates as `client_authority` in `[proxies.shop.tls]`)
        --
        4:60: `proxies.shop.tls.client_authority`: no user is asked for a certificate (give each user that must show one a `certificate_name`)
        --
        12:20: `proxies.shop.users.coder.certificate_name`: a name is compared as it is, and `*` stands for nothing else (write the whole name)
        --
        12:20: `proxies.shop.users.coder.certificate_name`: 0 bytes (1 to 2048 are possible, without control characters)
        --
        4:60: `proxies.shop.tls.client_authority`: `a` depends on the folder in which safeguard was started (write the absolute path, such as `/etc/safeguard/clients.pem`)
        ");
    }

    #[test]
    fn the_proxy_shows_the_database_a_certificate_and_its_key_or_nothing() {
        let both = "certificate = \"/c\"\nkey = \"/k\"";
        let told = [
            problems("", &format!("{AUTHORITY}\n{both}"), VERIFIER),
            problems("", both, VERIFIER),
            problems("", &format!("{AUTHORITY}\ncertificate = \"/c\""), VERIFIER),
            problems("", &format!("{AUTHORITY}\nkey = \"/k\""), VERIFIER),
            problems(
                "",
                &format!("{AUTHORITY}\ncertificate = \"c\"\nkey = \"/k\""),
                VERIFIER,
            ),
        ];
        assert_snapshot!(told.join("--\n"), @r"
        none
        --
        8:15: `proxies.shop.upstream.certificate`: without `tls_authority` it is never shown (add `tls_authority`, or leave it out)
        --
        9:15: `proxies.shop.upstream.certificate`: without `key` it is never shown (add `key`, or leave it out)
        --
        9:7: `proxies.shop.upstream.key`: without `certificate` it is never shown (add `certificate`, or leave it out)
        --
        9:15: `proxies.shop.upstream.certificate`: `c` depends on the folder in which safeguard was started (write the absolute path, such as `/etc/safeguard/shop.pem`)
        ");
    }
}

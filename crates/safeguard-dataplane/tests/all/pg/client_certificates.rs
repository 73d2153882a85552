//! Logins by certificate: alone, beside a password, and every certificate that is not the right one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use safeguard_api::config::{ProxyTls, ProxyUser};
use safeguard_api::guard::Principal;
use safeguard_dataplane::pg::verifier;

use super::authority::{Authority, Signed, host, mail, uri};
use super::town::{LOGIN_PASSWORD, Town};
use crate::tls::Certified;

const NAME: &str = "coder.acme.example";
const REFUSED: &str = "the user, the password or the certificate is not right";

struct Scene {
    town: Town,
    authority: Authority,
    _folder: tempfile::TempDir,
    _certified: Certified,
}

impl Scene {
    /// Logins `certificate`, `both` and `password`, named after what each must have; the certificate has this name.
    async fn new(name: &str) -> Scene {
        let (folder, certified) = (tempfile::tempdir().unwrap(), Certified::new());
        let authority = Authority::within(folder.path());
        let password = || Some(verifier(LOGIN_PASSWORD));
        let users: BTreeMap<String, ProxyUser> = [
            ("certificate", None, Some(name.to_owned())),
            ("both", password(), Some(name.to_owned())),
            ("password", password(), None),
        ]
        .into_iter()
        .map(|(login, verifier, certificate_name)| {
            let principal = Principal::Agent;
            let user = ProxyUser {
                person: None,
                credential_longest: safeguard_api::Span::hours(1),
                principal,
                verifier,
                certificate_name,
            };
            (login.to_owned(), user)
        })
        .collect();
        let town = Town::with("", |proxy| {
            proxy.users = users;
            proxy.tls = Some(ProxyTls {
                client_authority: Some(authority.file()),
                ..ProxyTls::from(certified.files.clone())
            });
        })
        .await;
        Scene {
            town,
            authority,
            _folder: folder,
            _certified: certified,
        }
    }

    async fn psql(&self, user: &str, password: &str, files: Option<&Signed>, words: &str) -> String {
        let shown = files.map_or_else(
            || "sslcert=none sslkey=none".to_owned(),
            |Signed { files, .. }| {
                format!(
                    "sslcert={} sslkey={}",
                    files.certificate.display(),
                    files.key.display()
                )
            },
        );
        let database = format!("dbname={} sslmode=require {shown} {words}", self.town.database);
        let said = self
            .town
            .psql_output(user, password, &database, &["-w", "-c", "SELECT 6 * 7"])
            .await;
        let said = [said.stdout, said.stderr].concat();
        String::from_utf8(said).unwrap().trim().to_owned()
    }

    /// What the login by certificate alone comes to.
    async fn alone(&self, files: &Signed) -> String {
        self.psql("certificate", "", Some(files), "").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_right_name_gets_in_without_a_password() {
    let scene = Scene::new(NAME).await;
    let sign = |name: &str| scene.authority.client(name);
    assert_eq!(scene.alone(&sign(NAME)).await, "42");
    for alternative in [host(NAME), mail(NAME), uri(NAME)] {
        let files = scene.authority.client_with("somebody", |made| {
            made.subject_alt_names = vec![host("other.example"), alternative];
        });
        assert_eq!(scene.alone(&files).await, "42");
    }
    for name in [
        "",
        "*",
        "*.acme.example",
        "CODER.acme.example",
        "coder.acme.example.",
        "coder.acme.example\0",
        "coder.acme.exampl",
        "other",
    ] {
        let said = scene.alone(&sign(name)).await;
        assert!(said.contains("no password supplied"), "{name:?}: {said}");
        let said = scene.psql("certificate", "guess", Some(&sign(name)), "").await;
        assert!(said.contains(REFUSED), "{name:?}: {said}");
    }
    let wildcard = scene.authority.client_with("somebody", |made| {
        made.subject_alt_names = vec![host("*.acme.example")];
    });
    assert!(scene.alone(&wildcard).await.contains("no password supplied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_both_is_let_in_with_both_alone() {
    let scene = Scene::new(NAME).await;
    let (right, other) = (scene.authority.client(NAME), scene.authority.client("other"));
    for (user, password, files, gets_in) in [
        ("both", LOGIN_PASSWORD, Some(&right), true),
        ("both", LOGIN_PASSWORD, Some(&other), false),
        ("both", LOGIN_PASSWORD, None, false),
        ("both", "another", Some(&right), false),
        ("password", LOGIN_PASSWORD, None, true),
        ("password", LOGIN_PASSWORD, Some(&other), true),
        ("password", "another", Some(&right), false),
        ("certificate", LOGIN_PASSWORD, None, false),
        ("nobody", LOGIN_PASSWORD, Some(&right), false),
    ] {
        for binding in ["disable", "require"] {
            let words = format!("channel_binding={binding}");
            let said = scene.psql(user, password, files, &words).await;
            let case = format!("{user}, {password}, {}, {binding}: {said}", files.is_some());
            assert_eq!(said == "42", gets_in, "{case}");
            // Whether there is such a login, and what it lacks, is not told.
            assert!(gets_in || said.contains(REFUSED), "{case}");
        }
    }
    let clear = format!("dbname={} sslmode=disable", scene.town.database);
    for user in ["certificate", "both"] {
        let output = scene
            .town
            .psql_output(user, LOGIN_PASSWORD, &clear, &["-c", "SELECT 1"])
            .await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(REFUSED), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_foreign_past_or_for_servers_are_refused() {
    let scene = Scene::new(NAME).await;
    let folder = tempfile::tempdir().unwrap();
    let foreign = Authority::within(folder.path());
    let own = |change: fn(&mut rcgen::CertificateParams)| scene.authority.client_with(NAME, change);
    for (what, files) in [
        ("unknown ca", foreign.client(NAME)),
        (
            "certificate expired",
            own(|made| made.not_after = date_time_ymd(2020, 1, 1)),
        ),
        (
            "certificate",
            own(|made| made.not_before = date_time_ymd(2100, 1, 1)),
        ),
        (
            "certificate",
            own(|made| made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
    ] {
        for (user, password) in [("certificate", ""), ("password", LOGIN_PASSWORD)] {
            let said = scene.psql(user, password, Some(&files), "").await;
            assert!(said.contains("alert") && said.contains(what), "{what}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_replaced_counts_while_the_proxy_runs() {
    let scene = Scene::new(NAME).await;
    let before = scene.authority.client(NAME);
    assert_eq!(scene.alone(&before).await, "42");
    let folder = tempfile::tempdir().unwrap();
    let next = Authority::within(folder.path());
    std::fs::copy(next.file(), scene.authority.file()).unwrap();
    let after = next.client(NAME);
    let begun = Instant::now();
    while scene.alone(&after).await != "42" {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not read again");
    }
    let said = scene.alone(&before).await;
    assert!(said.contains("alert"), "{said}");
}

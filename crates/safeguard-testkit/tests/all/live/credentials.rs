//! Credentials of the guard's proxies: issued, used with psql, rotated, revoked, and never kept.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::up::{DEADLINE, QUICK_STAGES, Up, binary, runtime};
use crate::ports::free_address;
use crate::postgres::{Postgres, psql};

/// A proxy that the server only knows of.
pub const ELSEWHERE: &str = "
[proxies.shop]
listen = \"127.0.0.1:6432\"
elsewhere = true
environment = \"production\"
[proxies.shop.upstream]
host = \"127.0.0.1\"
database = \"shop\"
user = \"guarded\"
[proxies.shop.users]
coder = { principal = \"agent\" }
kim = { principal = \"person\", credential_longest = \"5m\" }
migrations = { principal = \"migration\" }
";

/// Of no password that anybody knows.
pub const VERIFIER: &str = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn proxy(name: &str, environment: &str, listen: SocketAddr, postgres: &Postgres, more: &str) -> String {
    format!(
        "[proxies.{name}]\nlisten = \"{listen}\"\nenvironment = \"{environment}\"\n{more}\n\
        [proxies.{name}.upstream]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"shop\"\nuser = \"postgres\"\n\
        [proxies.{name}.users]\ncoder = {{ principal = \"agent\" }}\ncheckout = {{ principal = \"service\" }}\n",
        postgres.port
    )
}

fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    postgres.must(
        "postgres",
        "shop",
        "CREATE TABLE carts (id int PRIMARY KEY); INSERT INTO carts VALUES (1)",
    );
    postgres
}

/// What the command line answers, as JSON.
fn told(up: &Up, words: &[&str]) -> Value {
    let output = up.safeguard(&[words, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}\n{}", up.log());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect("a text")
}

fn asks(issued: &Value, sql: &str) -> Output {
    psql(word(issued, "url"), word(issued, "password"), sql)
}

/// Waits until the proxy has heard of it.
fn until_in(issued: &Value, log: impl Fn() -> String) {
    let begun = Instant::now();
    loop {
        let output = asks(issued, "SELECT 1");
        if output.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(begun.elapsed() < DEADLINE, "{said}\n{}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn refused(issued: &Value) -> String {
    let output = asks(issued, "SELECT 1");
    assert!(!output.status.success(), "{} opens", word(issued, "login"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("the user, the password or the certificate is not right"),
        "{said}"
    );
    said
}

/// A session of psql that stays open, after its first words.
struct Open(Child);

impl Open {
    fn new(issued: &Value, sql: &str) -> Open {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-t", "-A", word(issued, "url")])
            .env("PGPASSWORD", word(issued, "password"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let input = child.stdin.as_mut().expect("a pipe");
        writeln!(input, "{sql}\n\\echo ready").expect("it reads");
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe"))
            .read_line(&mut first)
            .expect("it writes");
        assert_eq!(first, "ready\n");
        Open(child)
    }

    /// What it is told when it asks once more.
    fn last(mut self) -> String {
        let input = self.0.stdin.as_mut().expect("a pipe");
        writeln!(input, "SELECT 1;").expect("it reads");
        let output = self.0.wait_with_output().expect("it ends");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn a_credential_is_issued_used_rotated_and_revoked_and_never_kept() {
    let postgres = shop();
    let listen = free_address();
    runtime().block_on(async {
        let config = proxy("shop", "production", listen, &postgres, "");
        let up = Up::start_with(QUICK_STAGES, |before| before + &config).await;
        let issue = [
            "credential",
            "issue",
            "--proxy",
            "shop",
            "--user",
            "checkout",
            "--for",
            "2m",
        ];
        let first = told(&up, &issue);
        assert_eq!(
            word(&first, "url"),
            format!("postgresql://{}@{listen}/shop", word(&first, "login"))
        );
        until_in(&first, || up.log());
        // The rights are those of a service: it adds, and deletes nothing.
        // Until the log is known to take what is decided, nothing is written.
        let added = async || {
            asks(&first, "INSERT INTO carts VALUES (2)")
                .status
                .success()
                .then_some(())
        };
        up.until("it may write", added).await;
        let deleted = asks(&first, "DELETE FROM carts WHERE id = 1");
        assert!(String::from_utf8_lossy(&deleted.stderr).contains("rule `delete`"));

        let rotate = ["credential", "rotate", word(&first, "id"), "--grace", "1s"];
        let second = told(&up, &rotate);
        assert_eq!(second["replaces"], first["id"]);
        assert_ne!(second["password"], first["password"]);
        until_in(&second, || up.log());
        up.until("the first has ended", async || {
            (!asks(&first, "SELECT 1").status.success()).then_some(())
        })
        .await;
        let nobody = refused(&first);
        let again = up.safeguard(&rotate);
        assert!(
            String::from_utf8_lossy(&again.stderr).contains("expired"),
            "{again:?}"
        );

        let open = Open::new(&second, "BEGIN; INSERT INTO carts VALUES (3);");
        let begun = Instant::now();
        told(&up, &["credential", "revoke", word(&second, "id")]);
        let sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()";
        up.until("its session has ended", async || {
            (postgres.must("postgres", "shop", sessions) == "0").then_some(())
        })
        .await;
        // A second to be heard of; the rest is what starting programs takes here.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let last = open.last();
        assert!(last.contains("was revoked"), "{last}");
        assert_eq!(
            postgres.must("postgres", "shop", "SELECT count(*) FROM carts"),
            "2"
        );
        let same = |said: &str, issued: &Value| said.replace(word(issued, "login"), "");
        assert_eq!(same(&refused(&second), &second), same(&nobody, &first));

        let list = told(&up, &["credential", "list"]);
        let states: Vec<&str> = list
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| word(one, "state"))
            .collect();
        assert_eq!(states, ["revoked", "expired"]);
        nothing_is_kept(&up, &[&first, &second]).await;
    });
}

/// Neither the log, nor what the processes say, nor the database of the server has a password or what proves it.
async fn nothing_is_kept(up: &Up, issued: &[&Value]) {
    let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
    let kinds: Vec<&str> = entries
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["event"]["kind"].as_str().expect("a kind"))
        .filter(|kind| ["credential.issued", "credential.revoked"].contains(kind))
        .collect();
    assert_eq!(
        kinds,
        ["credential.revoked", "credential.issued", "credential.issued"]
    );
    let exported = up.safeguard(&["audit", "export", "log"]);
    assert!(exported.status.success());
    let everything = Command::new("grep")
        .args(["-r", "-a", "-l", "-e", "SCRAM-SHA-256"])
        .args(issued.iter().flat_map(|one| ["-e", word(one, "password")]))
        .arg("log")
        .arg("up.log")
        .current_dir(up.state.path())
        .output()
        .expect("grep runs");
    assert_eq!(String::from_utf8_lossy(&everything.stdout), "");
    for one in issued {
        let in_state = Command::new("grep")
            .args(["-r", "-a", "-l", word(one, "password")])
            .arg(up.state_path())
            .output()
            .expect("grep runs");
        assert_eq!(String::from_utf8_lossy(&in_state.stdout), "");
    }
}

#[test]
fn a_credential_opens_one_environment_and_outlasts_the_server() {
    let postgres = shop();
    let (staging, production) = (free_address(), free_address());
    let proxies = [
        proxy("shop", "production", production, &postgres, "elsewhere = true"),
        proxy("shop-staging", "staging", staging, &postgres, "elsewhere = true"),
    ]
    .concat();
    runtime().block_on(async {
        let mut up = Up::start_with(QUICK_STAGES, |before| before + &proxies).await;
        // They run apart, with the same file, and a token that is no administrator's.
        let token = json!({ "name": "proxies", "scope": "operate" });
        let token = up.ok("POST", "/api/v1/tokens", Some(token)).await;
        let mut apart = Apart(
            Command::new(binary("safeguard"))
                .args([
                    "proxy",
                    "run",
                    "--with-server",
                    "--server",
                    &format!("http://{}", up.api),
                ])
                .env("SAFEGUARD_TOKEN", word(&token, "secret"))
                .current_dir(up.state.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the proxies run"),
        );
        let issued = told(
            &up,
            &[
                "credential",
                "issue",
                "--proxy",
                "shop-staging",
                "--user",
                "coder",
            ],
        );
        assert_eq!(issued["lasts"], "15m");
        until_in(&issued, || up.log());
        let mut moved = issued.clone();
        moved["url"] = json!(word(&issued, "url").replace(&staging.to_string(), &production.to_string()));
        refused(&moved);
        let other = told(
            &up,
            &["credential", "issue", "--proxy", "shop", "--user", "coder"],
        );
        until_in(&other, || up.log());
        refused(&moved);

        up.stop();
        until_in(&issued, String::new);
        std::thread::sleep(Duration::from_secs(2));
        assert!(
            asks(&issued, "SELECT 1").status.success(),
            "what is known holds without the server"
        );
        apart.0.kill().expect("it runs");
        up.start_again().await;
    });
}

struct Apart(Child);

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.0.kill());
        self.0.wait().expect("it has ended");
    }
}

#[test]
fn who_may_issue_and_for_how_long_is_limited() {
    runtime().block_on(async {
        let mut up = Up::start_with(QUICK_STAGES, |config| config + ELSEWHERE).await;
        let admin = up.token.clone();
        let token = async |up: &Up, scope: &str| {
            let token = json!({ "name": scope, "scope": scope });
            let token = up.ok("POST", "/api/v1/tokens", Some(token)).await;
            word(&token, "secret").to_owned()
        };
        let (proposes, operates) = (token(&up, "propose").await, token(&up, "operate").await);
        let spec = |user: &str, lasts: &str| json!({ "proxy": "shop", "user": user, "lasts": lasts, "verifier": VERIFIER });
        for (token, user, lasts, status, says) in [
            (&proposes, "coder", "15m", 403, "needs the scope operate"),
            (&operates, "coder", "15m", 200, ""),
            (&operates, "kim", "5m", 403, "needs the scope admin"),
            (&operates, "migrations", "5m", 403, "needs the scope admin"),
            (&admin, "kim", "5m", 200, ""),
            (&admin, "kim", "6m", 422, "1m to 5m are possible"),
            (&admin, "coder", "61m", 422, "1m to 1h are possible"),
            (&admin, "coder", "59s", 422, "1m to 1h are possible"),
            (&admin, "nobody", "5m", 404, "no such user"),
        ] {
            up.token.clone_from(token);
            let (found, answer) = up.call("POST", "/api/v1/credentials", Some(spec(user, lasts))).await;
            let text = answer.to_string();
            assert_eq!(found, status, "{user} {lasts}: {text}");
            assert!(text.contains(says), "{user} {lasts}: {text}");
            assert!(!text.contains("SCRAM"), "{text}");
        }
        up.token.clone_from(&admin);
        let unknown = json!({ "proxy": "stock", "user": "coder", "verifier": VERIFIER });
        assert_eq!(up.call("POST", "/api/v1/credentials", Some(unknown)).await.0, 404);
        let weak = json!({ "proxy": "shop", "user": "coder", "verifier": VERIFIER.replace("4096", "1") });
        let (status, answer) = up.call("POST", "/api/v1/credentials", Some(weak)).await;
        assert_eq!(status, 422, "{answer}");

        // Only a proxy gets what proves them, and only of itself.
        up.token.clone_from(&proposes);
        assert_eq!(up.call("GET", "/api/v1/credentials/live?proxy=shop", None).await.0, 403);
        assert_eq!(up.call("GET", "/api/v1/credentials", None).await.0, 403);
        up.token.clone_from(&operates);
        let list = up.ok("GET", "/api/v1/credentials", None).await;
        assert!(!list.to_string().contains("SCRAM"), "{list}");
        let live = up.ok("GET", "/api/v1/credentials/live?proxy=shop", None).await;
        assert_eq!(live["live"].as_array().map(Vec::len), Some(2));
        let other = up.ok("GET", "/api/v1/credentials/live?proxy=shop-2", None).await;
        assert_eq!(other["live"].as_array().map(Vec::len), Some(0));
        // A person's credential of production is rotated by whom it could be issued by; anybody who operates revokes it.
        let of_kim = list.as_array().expect("a list").iter().find(|one| one["user"] == "kim").expect("kim's");
        let path = |verb: &str| format!("/api/v1/credentials/{}/{verb}", word(of_kim, "id"));
        let next = json!({ "grace": "2h", "verifier": VERIFIER });
        assert_eq!(up.call("POST", &path("rotate"), Some(next)).await.0, 422);
        let next = json!({ "grace": "0s", "verifier": VERIFIER });
        assert_eq!(up.call("POST", &path("rotate"), Some(next.clone())).await.0, 403);
        up.ok("POST", &path("revoke"), None).await;
        assert_eq!(up.call("POST", &path("revoke"), None).await.0, 409);
        up.token.clone_from(&admin);
        assert_eq!(up.call("POST", &path("rotate"), Some(next)).await.0, 409);
        let live = up.ok("GET", "/api/v1/credentials/live?proxy=shop", None).await;
        assert_eq!(live["live"].as_array().map(Vec::len), Some(1));
    });
}

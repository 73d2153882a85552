//! A whole installation in a temporary folder: supervisor, server, router and the example's shop.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_address;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Long enough for the slowest machine; a test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One installation at a time: two would take each other's processor time, and these tests are about seconds.
pub static TURN: Mutex<()> = Mutex::const_new(());

pub struct Up {
    supervisor: Child,
    level: Option<&'static str>,
    _turn: MutexGuard<'static, ()>,
    pub state: tempfile::TempDir,
    pub api: SocketAddr,
    /// Dev, QA, staging, production.
    pub environments: [SocketAddr; 4],
    pub token: String,
}

/// Where cargo puts the workspace's binaries: beside the folder of this test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}

/// Soaks of a fraction of a second: the stages pass quickly, and every rule stays in force.
pub const QUICK_STAGES: &str = r#"
mode = "enforce"
[stages.dev]
soak = "300ms"
gates = []
[stages.qa]
soak = "300ms"
gates = []
[stages.staging]
soak = "300ms"
gates = []
[stages.canary]
steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]
margin_permille = 500.0
gates = []
[stages.production]
soak = "300ms"
gates = []
[judge]
warm_up = "100ms"
planned = "10m"
"#;

impl Up {
    pub async fn start(stages: &str) -> Up {
        Up::start_with(stages, |config| config).await
    }

    /// Starts with a configuration that the test has the last word on.
    pub async fn start_with(stages: &str, adapt: impl FnOnce(String) -> String) -> Up {
        Up::start_telling(stages, None, adapt).await
    }

    /// Starts with lines of the log down to a level, such as `trace`.
    pub async fn start_telling(
        stages: &str,
        level: Option<&'static str>,
        adapt: impl FnOnce(String) -> String,
    ) -> Up {
        let turn = TURN.lock().await;
        let state = tempfile::tempdir().expect("a temporary folder");
        let ports: [SocketAddr; 5] = std::array::from_fn(|_| free_address());
        let database = state.path().join("shop.db");
        let variables: String = ["dev", "qa", "staging", "production"]
            .map(|name| {
                format!(
                    "{name} = {{ SHOP_DATABASE = \"{}-{name}\" }}\n",
                    database.display()
                )
            })
            .concat();
        let config = format!(
            "{stages}\n[listen]\napi = \"{}\"\n[services.shop]\ncommand = [\"./shop\"]\nuser_key = {{ cookie = \"session\" }}\n\
             [services.shop.listen]\ndev = \"{}\"\nqa = \"{}\"\nstaging = \"{}\"\nproduction = \"{}\"\n\
             [services.shop.variables]\n{variables}",
            ports[0], ports[1], ports[2], ports[3], ports[4]
        );
        let config_path = state.path().join("safeguard.toml");
        std::fs::write(&config_path, adapt(config)).expect("the configuration is written");
        let mut supervisor = spawn(&state, level);
        let token = answers(&mut supervisor, &state, ports[0]).await;
        let environments = [ports[1], ports[2], ports[3], ports[4]];
        Up {
            supervisor,
            level,
            _turn: turn,
            state,
            api: ports[0],
            environments,
            token,
        }
    }

    /// Ends it as an administrator does; the state stays.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.supervisor);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it can be asked to end");
        let ended = self.supervisor.wait().expect("it ends");
        assert!(ended.success(), "{ended:?}\n{}", self.log());
    }

    /// Starts it on the same state.
    pub async fn start_again(&mut self) {
        self.supervisor = spawn(&self.state, self.level);
        answers(&mut self.supervisor, &self.state, self.api).await;
    }

    pub fn production(&self) -> SocketAddr {
        self.environments[3]
    }

    pub fn state_path(&self) -> PathBuf {
        self.state.path().join("state")
    }

    /// Asks the API; a server that is starting anew is asked again.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let begun = Instant::now();
        loop {
            match call_once(self.api, &self.token, method, path, body.clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(
                    begun.elapsed() < DEADLINE,
                    "{method} {path}: {error}\n{}",
                    self.log()
                ),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn ok(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer:#}\n{}", self.log());
        answer
    }

    /// Waits until `wanted` gives a value.
    pub async fn until<T>(&self, what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(value) = wanted().await {
                return value;
            }
            if begun.elapsed() > DEADLINE {
                let status = self.call("GET", "/api/v1/status", None).await.1;
                panic!("waited in vain until {what}\n{status:#}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs the command line against this installation.
    pub fn safeguard(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(binary("safeguard"))
            .args(arguments)
            .env("SAFEGUARD_SERVER", format!("http://{}", self.api))
            .env("SAFEGUARD_TOKEN_FILE", self.state_path().join("admin.token"))
            .current_dir(self.state.path())
            .stdin(Stdio::null())
            .output()
            .expect("safeguard runs")
    }

    /// Makes an artifact of one of the example's versions; `mark` makes its digest its own.
    pub fn artifact(&self, version: &str, mark: &str) -> PathBuf {
        let folder = self.state.path().join(format!("artifact-{version}-{mark}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(binary(version), folder.join("shop")).expect("the shop is there");
        std::fs::write(folder.join("MARK"), mark).expect("a mark");
        folder
    }

    /// Records a change and creates a release of it through the command line; returns the release's id.
    pub async fn release(&self, artifact: &Path, version: &str, more: &[&str]) -> String {
        let change = json!({
            "service": "shop", "title": format!("version {version}"), "base": "0123456789abcdef",
            "head": format!("{:040x}", version.bytes().fold(1_u128, |sum, byte| sum * 131 + u128::from(byte))),
            "author": "Ada", "ai_tool": "scribe", "ai_tool_version": "3.1",
        });
        let change = self.ok("POST", "/api/v1/changes", Some(change)).await;
        let change = change["id"].as_str().expect("an id").to_owned();
        let artifact = artifact.display().to_string();
        let mut arguments = vec![
            "release",
            "create",
            "--service",
            "shop",
            "--artifact",
            artifact.as_str(),
        ];
        arguments.extend(["--version", version, "--change", change.as_str(), "--json"]);
        arguments.extend(more);
        let output = self.safeguard(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "release create: {said}\n{}", self.log());
        let created: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        created["release"]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn phase(&self, release: &str) -> String {
        let shown = self.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        shown["rollout"]["phase"]["name"]
            .as_str()
            .expect("a phase")
            .to_owned()
    }

    pub async fn until_phase(&self, release: &str, wanted: &str) {
        self.until(&format!("{release} is {wanted}"), async || {
            let phase = self.phase(release).await;
            let over = ["live", "rolled_back", "rollback_failed", "superseded"].contains(&phase.as_str());
            assert!(
                phase == wanted || !over,
                "{release} is {phase}, not {wanted}\n{}",
                self.log()
            );
            (phase == wanted).then_some(())
        })
        .await;
    }

    /// The process id of `server` or `router`.
    pub async fn pid(&self, role: &str) -> u32 {
        self.until(&format!("{role} runs"), async || {
            let status = self.ok("GET", "/api/v1/status", None).await;
            let processes = status["processes"].as_array()?;
            let found = processes.iter().find(|process| process["role"] == role)?;
            found["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
        })
        .await
    }

    pub fn log(&self) -> String {
        read_log(&self.state)
    }
}

/// `safeguard up` on the configuration in the folder.
fn spawn(state: &tempfile::TempDir, level: Option<&'static str>) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(state.path().join("up.log"))
        .expect("a log");
    Command::new(binary("safeguard"))
        .args(["up", "--config"])
        .arg(state.path().join("safeguard.toml"))
        .arg("--state")
        .arg(state.path().join("state"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .envs(level.map(|level| ("SAFEGUARD_LOG", level)))
        .spawn()
        .expect("safeguard starts")
}

/// Waits until it answers, and returns the administrator's token.
async fn answers(supervisor: &mut Child, state: &tempfile::TempDir, api: SocketAddr) -> String {
    let token_file = state.path().join("state/admin.token");
    let begun = Instant::now();
    loop {
        if let Ok(token) = std::fs::read_to_string(&token_file)
            && let Ok(answer) = call_once(api, token.trim(), "GET", "/api/v1/status", None).await
            && answer.0 == 200
        {
            return token.trim().to_owned();
        }
        let ended = supervisor.try_wait().expect("a child can be asked");
        let log = || read_log(state);
        assert!(ended.is_none(), "`safeguard up` ended: {ended:?}\n{}", log());
        assert!(
            begun.elapsed() < DEADLINE,
            "`safeguard up` does not answer\n{}",
            log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn read_log(state: &tempfile::TempDir) -> String {
    let Ok(file) = std::fs::File::open(state.path().join("up.log")) else {
        return String::new();
    };
    let lines: Vec<String> = BufReader::new(file).lines().map_while(Result::ok).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
    match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
        // It may have ended by itself a moment ago.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("cannot kill {pid:?}: {error}"),
    }
}

async fn call_once(
    address: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, Value), Box<dyn std::error::Error>> {
    let asked = async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", address.to_string())
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes();
        connection.abort();
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok((status, value))
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await?
}

impl Drop for Up {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.supervisor);
        // SIGTERM lets it stop its children; the wait keeps the temporary folder until they are gone.
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok() {
            let begun = Instant::now();
            while matches!(self.supervisor.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(20)
            {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if let Err(error) = self.supervisor.kill() {
            eprintln!("cannot stop `safeguard up`: {error}");
        }
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

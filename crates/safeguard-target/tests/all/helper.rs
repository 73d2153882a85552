//! What the tests start: the "tests" of this file do something only when their environment says so.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use safeguard_api::config::{InstanceLimits, UpstreamProtocol};
use safeguard_api::instance::{
    InstanceReport, InstanceSpec, InstanceState, Role, Stopped, SupervisorAnswer, SupervisorCall,
    SupervisorReport,
};
use safeguard_api::stage::Environment;
use safeguard_api::{ReleaseId, Span};
use safeguard_link::{Link, call_for_sockets};
use safeguard_target::supervisor::{LimitsBy, SOCKET_VARIABLE, SupervisorSettings, run};
use safeguard_target::{artifact, launch};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const DEADLINE: Duration = Duration::from_secs(20);
const STATE_VARIABLE: &str = "TEST_SUPERVISOR_STATE";

pub fn this_program(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    [&program, test, "--exact", "--nocapture"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn launcher() {
    if std::env::var(launch::SPEC_VARIABLE).is_ok() {
        if let Ok(stdout) = std::fs::File::options().append(true).open("/proc/self/fd/3") {
            rustix::stdio::dup2_stdout(&stdout).unwrap();
        }
        panic!("{:?}", launch::launch());
    }
}

#[test]
fn app() {
    if let Ok(port) = std::env::var("PORT") {
        serve(TcpListener::bind((std::env::var("HOST").unwrap(), port.parse().unwrap())).unwrap());
    }
}

/// Answers each connection with the number of its process.
#[test]
fn role() {
    let Ok(path) = std::env::var(SOCKET_VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let question = SupervisorCall::Listeners { role: Role::Router };
    let (answer, mut sockets): (SupervisorAnswer, _) = runtime
        .block_on(call_for_sockets(Path::new(&path), &question, DEADLINE))
        .unwrap();
    assert_eq!(
        answer,
        SupervisorAnswer::Listeners {
            names: vec!["shop".to_owned()]
        }
    );
    let listener = TcpListener::from(sockets.pop().unwrap());
    listener.set_nonblocking(false).unwrap();
    for stream in listener.incoming() {
        write!(stream.unwrap(), "{}", std::process::id()).unwrap();
    }
}

#[test]
fn supervisor() {
    if let Ok(state) = std::env::var(STATE_VARIABLE) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let settings = settings(Path::new(&state), LimitsBy::Sampling);
        runtime.block_on(run(settings, std::future::pending())).unwrap();
    }
}

fn serve(listener: TcpListener) {
    let mut memory = Vec::new();
    let mut well = true;
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let answer = match line.split(' ').nth(1).unwrap() {
            "/health" => String::new(),
            "/sick" => {
                well = false;
                String::new()
            }
            "/crash" => std::process::abort(),
            "/grow" => {
                memory.push(vec![1_u8; 96 << 20]);
                memory.len().to_string()
            }
            "/burn" => {
                std::thread::spawn(|| {
                    loop {
                        std::hint::spin_loop();
                    }
                });
                String::new()
            }
            "/files" => {
                let files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok())
                    .take(5000)
                    .collect();
                files.len().to_string()
            }
            "/child" => Command::new("sleep")
                .arg("1000")
                .spawn()
                .unwrap()
                .id()
                .to_string(),
            "/escaped" => Command::new("setsid")
                .args(["sleep", "1000"])
                .spawn()
                .unwrap()
                .id()
                .to_string(),
            "/environment" => std::env::vars()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect(),
            other => panic!("{other}"),
        };
        let status = if well { "200 OK" } else { "500 Sick" };
        // Who asks for health does not read on.
        if let Err(error) = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{answer}") {
            println!("{error}");
        }
    }
}

pub fn settings(state: &Path, limits: LimitsBy) -> SupervisorSettings {
    SupervisorSettings {
        socket: state.join("s"),
        state: state.to_owned(),
        listeners: Vec::new(),
        roles: Vec::new(),
        launcher: launcher_argv(),
        limits,
    }
}

/// A test says on its stdout that it runs; what the launcher becomes must have a stdout without that.
pub fn launcher_argv() -> Vec<String> {
    let aside = ["/bin/sh", "-c", "exec 3>&1 1>/dev/null; exec \"$0\" \"$@\""].map(str::to_owned);
    [aside.to_vec(), this_program("helper::launcher")].concat()
}

/// A supervisor in this process, and an artifact that it can run.
pub struct World {
    pub folder: tempfile::TempDir,
    link: Link,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    generation: u64,
}

impl World {
    pub fn new(limits: LimitsBy) -> World {
        World::with(limits, |_| {})
    }

    pub fn with(limits: LimitsBy, change: impl FnOnce(&mut SupervisorSettings)) -> World {
        let folder = tempfile::tempdir().unwrap();
        make_app(folder.path());
        let mut settings = settings(folder.path(), limits);
        change(&mut settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let link = Link::new(&settings.socket);
        let task =
            tokio::spawn(async move { run(settings, async { stopped.await.unwrap() }).await.unwrap() });
        World {
            folder,
            link,
            stop,
            task,
            generation: 0,
        }
    }

    pub fn spec(&self, id: &str) -> InstanceSpec {
        spec(self.folder.path(), id)
    }

    pub async fn apply(&mut self, instances: Vec<InstanceSpec>) -> SupervisorReport {
        self.generation += 1;
        let generation = self.generation;
        match self
            .call(&SupervisorCall::Apply {
                generation,
                instances,
            })
            .await
        {
            SupervisorAnswer::Report(report) => report,
            other => panic!("{other:?}"),
        }
    }

    pub async fn call(&mut self, call: &SupervisorCall) -> SupervisorAnswer {
        ask(&mut self.link, call).await
    }

    pub async fn report(&mut self) -> SupervisorReport {
        match self.call(&SupervisorCall::Report).await {
            SupervisorAnswer::Report(report) => report,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the first instance is as wanted.
    /// Waits until an instance that nobody wants has ended, and returns how.
    pub async fn stopped(&mut self) -> Stopped {
        let limit = Instant::now() + DEADLINE;
        loop {
            let report = self.report().await;
            if let Some(stopped) = report.stopped.last() {
                return stopped.clone();
            }
            assert!(Instant::now() < limit, "{report:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn until(&mut self, wanted: impl Fn(&InstanceReport) -> bool) -> InstanceReport {
        let limit = Instant::now() + DEADLINE;
        loop {
            let report = self.report().await;
            if let Some(first) = report.instances.first()
                && wanted(first)
            {
                return first.clone();
            }
            assert!(Instant::now() < limit, "{report:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn healthy(&mut self) -> InstanceReport {
        self.until(|instance| matches!(instance.state, InstanceState::Healthy { .. }))
            .await
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        assert!(!self.folder.path().join("s").exists());
    }
}

/// Asks again until the supervisor listens.
pub async fn ask(link: &mut Link, call: &SupervisorCall) -> SupervisorAnswer {
    let limit = Instant::now() + DEADLINE;
    loop {
        match link.call(call, DEADLINE).await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < limit, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let limit = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < limit, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes the artifact: a script, so that it is small; what it runs is this program.
pub fn make_app(folder: &Path) -> PathBuf {
    let root = folder.join("artifact");
    std::fs::create_dir_all(&root).unwrap();
    let app = root.join("app");
    std::fs::write(
        &app,
        "#!/bin/sh\nexec \"$TEST_PROGRAM\" helper::app --exact --nocapture\n",
    )
    .unwrap();
    std::fs::set_permissions(&app, std::fs::Permissions::from_mode(0o755)).unwrap();
    root
}

pub fn spec(folder: &Path, id: &str) -> InstanceSpec {
    let root = folder.join("artifact");
    let program = std::env::current_exe().unwrap().display().to_string();
    InstanceSpec {
        id: id.to_owned(),
        service: "shop".parse().unwrap(),
        environment: Environment::Production,
        release: ReleaseId::new(1_700_000_000_000, 7),
        artifact: artifact::digest_of(&root).unwrap(),
        root,
        command: vec!["app".to_owned()],
        variables: BTreeMap::from([("TEST_PROGRAM".to_owned(), program)]),
        health_path: "/health".to_owned(),
        upstream: UpstreamProtocol::Http1,
        limits: InstanceLimits {
            memory_bytes_max: 256 << 20,
            ..InstanceLimits::default()
        },
        stop_grace: Span::seconds(5),
        target: None,
    }
}

/// Asks an app; none when it gives no whole answer.
pub async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\n\r\n");
    let exchange = move || {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

/// Whether a process runs; one that has ended and is not yet buried does not.
pub fn runs(pid: u32) -> bool {
    let is_zombie = |stat: &str| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    };
    // The first thread may be gone while another still takes what comes.
    let has_threads = || std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1);
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !is_zombie(&stat) || has_threads())
}

pub fn kill_9(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub fn supervisor_process(state: &Path) -> std::process::Child {
    let argv = this_program("helper::supervisor");
    Command::new(&argv[0])
        .args(&argv[1..])
        .env(STATE_VARIABLE, state)
        .spawn()
        .unwrap()
}

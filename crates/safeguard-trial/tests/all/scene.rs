//! A drill of the shop beside version 1.0, without a server: the order is made here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use safeguard_api::bisect::TrialReport;
use safeguard_api::config::Config;
use safeguard_api::drill::{ComparisonOrder, Drill, DrillOrder, DrillVersion, DrillWord};
use safeguard_api::{ReleaseId, Span};
use safeguard_trial::{DrillCommand, Keeper, drill_longest, trial_longest};
use tokio::sync::{Mutex, MutexGuard};

const DEADLINE: Duration = Duration::from_secs(60);
/// One drill at a time: two would take each other's processor time.
static TURN: Mutex<()> = Mutex::const_new(());

pub struct Scene {
    _turn: MutexGuard<'static, ()>,
    pub folder: tempfile::TempDir,
    pub order: DrillOrder,
}

const CONFIG: &str = r#"
[services.shop]
command = ["./shop"]
user_key = { cookie = "session" }
stop_grace = "5s"
[services.shop.listen]
dev = "127.0.0.1:0"
qa = "127.0.0.1:0"
staging = "127.0.0.1:0"
production = "127.0.0.1:0"
[services.shop.variables]
staging = { SHOP_DATABASE = "DATABASE" }
[services.shop.drill]
read = ["/", "/product/1"]
verify = { path = "/cart" }
[services.shop.drill.write]
path = "/cart"
headers = { content-type = "application/x-www-form-urlencoded" }
body = "article=1&greeting={key}"
[stages.staging]
gates = ["rollback-test"]
[stages.canary]
gates = []
[stages.production]
gates = []
[judge]
warm_up = "1s"
[rollback]
drain_longest = "5s"
deploy_longest = "20s"
"#;

impl Scene {
    pub async fn new(candidate: &str) -> Scene {
        let turn = TURN.lock().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("shop.db").display().to_string();
        let config = Config::parse(&CONFIG.replace("= \"DATABASE\"", &format!("= \"{database}\"")))
            .expect("a configuration");
        let policy = config.policy();
        let (service, settings) = config.services.into_iter().next().expect("one service");
        let version = |number, name: &str, binary_name: &str| {
            let root = folder.path().join(name);
            std::fs::create_dir_all(&root).expect("a folder");
            std::fs::copy(binary(binary_name), root.join("shop")).expect("the shop is there");
            std::fs::write(root.join("NAME"), name).expect("a mark");
            versioned(number, name, root)
        };
        let order = DrillOrder {
            service,
            configuration: settings.configuration(&policy, &config.router),
            router: config.router,
            candidate: version(2, "candidate", candidate),
            stable: Some(version(1, "stable", "shop-1-0")),
            comparison: None,
            settings,
            policy,
        };
        Scene {
            _turn: turn,
            folder,
            order,
        }
    }

    /// Puts a script in the place of the candidate's program, which is `./real` now.
    pub fn script(&mut self, text: &str) {
        self.order.candidate = scripted(2, "candidate", &self.order.candidate, text);
    }

    /// The same for the live release.
    pub fn script_of_stable(&mut self, text: &str) {
        let stable = self.order.stable.as_ref().expect("something is live");
        self.order.stable = Some(scripted(1, "stable", stable, text));
    }

    pub fn start(&self) -> Keeper {
        let program = binary("safeguard");
        let command = DrillCommand {
            launcher: vec![program.display().to_string(), "launch".to_owned()],
            program,
            arguments: vec!["drill-process".to_owned()],
        };
        let (policy, router) = (&self.order.policy, &self.order.router);
        let longest = match self.order.comparison {
            None => drill_longest(policy, router),
            Some(comparison) => trial_longest(policy, router, comparison),
        };
        Keeper::start(command, self.order.clone(), self.state(), longest).expect("a drill")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("drill")
    }

    /// Holds the drill until nothing of it is left.
    pub async fn held(&self) -> Drill {
        match self.last_word().await {
            DrillWord::Done { drill } => drill,
            other => panic!("no drill was held: {other:?}"),
        }
    }

    /// Holds a trial until nothing of it is left.
    pub async fn tried(&mut self) -> TrialReport {
        self.order.comparison = Some(ComparisonOrder {
            requests_min: 2000,
            shortest: Span::seconds(3),
            longest: Span::seconds(60),
        });
        match self.last_word().await {
            DrillWord::Tried { report } => *report,
            other => panic!("no trial was held: {other:?}"),
        }
    }

    /// What is said last, when nothing is left of the drill.
    pub async fn last_word(&self) -> DrillWord {
        let mut keeper = self.start();
        let mut last = None;
        while let Some(word) = keeper.word().await {
            println!("{word:#?}");
            last = Some(word);
        }
        assert!(!self.state().exists(), "the drill left its folder");
        // What was killed last is gone a moment after it was told.
        until("nothing of the drill runs", || {
            programs_in(self.folder.path()).is_empty()
        })
        .await;
        last.expect("a last word")
    }

    pub fn refusals(&self, drill: &Drill) -> String {
        drill.refusals(&self.order.policy.gates.rollback_test).join("; ")
    }
}

fn scripted(number: u32, name: &str, version: &DrillVersion, text: &str) -> DrillVersion {
    let root = version.root.clone();
    std::fs::rename(root.join("shop"), root.join("real")).expect("a new name");
    std::fs::write(root.join("shop"), format!("#!/bin/sh\n{text}\n")).expect("a script");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(root.join("shop"), executable).expect("a mode");
    versioned(number, name, root)
}

fn versioned(number: u32, version: &str, root: PathBuf) -> DrillVersion {
    DrillVersion {
        release: ReleaseId::new(1_700_000_000_000, number),
        version: version.to_owned(),
        artifact: safeguard_target::artifact::digest_of(&root).expect("an artifact"),
        root,
    }
}

/// Processes whose program lies below `folder`.
pub fn programs_in(folder: &Path) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("/proc");
    let pids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let inside = |pid: &u32| {
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.starts_with(folder))
    };
    pids.filter(inside).collect()
}

pub async fn until(what: &str, wanted: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wanted() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

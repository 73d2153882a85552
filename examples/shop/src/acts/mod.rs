//! The narrator of `./run`: safeguard, the shop and its users, seven releases that end as they must, an agent that is refused, and a change.

mod check;
mod drill;
pub mod follow;
mod incident;
pub mod installation;
mod pipeline;
pub mod plot;
mod refusal;
pub mod table;
pub mod telling;
pub mod users;
pub mod workplace;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Change, Environment, Freeze, Gate, Phase, Stage};
use tokio::time::Instant;

use crate::load::Call;
use crate::versions::{Version, v1_0};
use follow::{Followed, entry, stopped_by};
use installation::Installation;
use plot::{ACTS, Act, Outcome, Refuser, Result};
use telling::{BAD, GOOD, Telling};
use users::Crowd;
use workplace::Workplace;

const ACT_LONGEST: Duration = Duration::from_secs(60);
/// An act that passes all gates is held by a whole rollback drill before it leaves staging.
const GATES_LONGEST: Duration = Duration::from_secs(180);
/// After the last step the users' last answers are awaited.
const ANSWERS_LONGEST: Duration = Duration::from_millis(500);
/// How long the open freeze is watched before somebody asks for more.
const FREEZE_WATCHED: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct Options {
    pub once: bool,
    pub json: bool,
    /// The act of the agent alone.
    pub incident: bool,
    pub seed: u64,
    /// Where the binaries of the shop lie.
    pub binaries: PathBuf,
    pub safeguard: PathBuf,
}

/// Plays the acts and returns whether each ended as it must. Whatever was started is ended, also on Ctrl-C.
///
/// # Errors
/// Something could not be started, or stopped answering.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let telling = Telling::new(options.json);
        let place = Workplace::new(&options.binaries)?;
        let mut stage = StageOfActs {
            options,
            telling: &telling,
            place: &place,
            shop: None,
            crowd: None,
            head: None,
            frozen: None,
        };
        let played = tokio::select! {
            played = stage.play() => played,
            ended = interrupted() => ended.and_then(|()| bail!("interrupted")),
        };
        let played = match played {
            Ok(good) if !options.once && !options.incident => stage.stay().await.map(|()| good),
            played => played,
        };
        telling.still();
        stage.clear().await;
        played
    })
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

struct StageOfActs<'a> {
    options: &'a Options,
    telling: &'a Telling,
    place: &'a Workplace,
    shop: Option<Installation>,
    crowd: Option<Crowd>,
    /// The commit of the version that is live.
    head: Option<String>,
    /// The release that came back because of a freeze.
    frozen: Option<String>,
}

impl StageOfActs<'_> {
    async fn play(&mut self) -> anyhow::Result<bool> {
        let began = Instant::now();
        self.telling.head("The shop opens");
        // Kept before it is awaited, so that it is ended in order also when it is interrupted.
        let shop = self
            .shop
            .insert(Installation::spawn(&self.options.safeguard, self.place)?);
        shop.come_up(self.place).await?;
        self.telling
            .say("safeguard is up: a supervisor, a server and a router, each a process");
        if self.options.incident {
            return Ok(self.incident().await?.as_it_must());
        }
        self.crowd = Some(Crowd::start(
            &self.options.binaries.join("shop-load"),
            self.options.seed,
            shop,
        )?);
        let rates = Environment::ALL.map(|environment| format!("{environment} {}", users::rate(environment)));
        self.telling.say(&format!(
            "3000 users come to each environment; requests a second: {}",
            rates.join(", ")
        ));
        self.open().await?;

        let mut results = Vec::new();
        for act in &ACTS {
            let result = self.act(act).await?;
            self.tell(&result)?;
            results.push(result);
        }
        let incident = self.incident().await?;
        let checked = self.before_it_runs()?;
        self.telling.still();
        self.telling
            .head(&format!("Nine acts in {} s", began.elapsed().as_secs()));
        self.telling.line(&table::table(&results));
        self.telling.line(&incident.in_a_line());
        self.telling.line(&checked.in_a_line());
        self.telling.line(&format!("\n{}", table::legend(&results)));
        Ok(results.iter().all(Result::as_it_must) && incident.as_it_must() && checked.as_it_must())
    }

    /// Installs the first release; there is nothing yet to compare it with.
    async fn open(&mut self) -> anyhow::Result<()> {
        let (mut followed, head) = self.release(&v1_0::VERSION, None).await?;
        let deadline = Instant::now() + ACT_LONGEST;
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let over = followed
            .until(shop, self.telling, deadline, |status| {
                status.rollout.phase.is_final()
            })
            .await?;
        if !over || followed.status.rollout.phase != Phase::Live {
            bail!(
                "the first version did not go live: {}",
                described(&followed.status)
            );
        }
        self.head = Some(head);
        Ok(())
    }

    /// Records the change and creates the release, as a pipeline would.
    async fn release(
        &mut self,
        version: &'static Version,
        reports: Option<&Path>,
    ) -> anyhow::Result<(Followed, String)> {
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        let head = self.place.merge(version, self.head.as_deref())?;
        let words = [
            "change",
            "add",
            "--service",
            "shop",
            "--prompter",
            "Kim Doe",
            "--ai-tool",
            "claude-code",
            "--ai-tool-version",
            "2.1.300",
        ];
        self.telling.typed(&words);
        let change: Change = shop.must(&words).await?;
        if let (Some(reports), Some(base)) = (reports, &self.head) {
            self.give_evidence(reports, base, &head).await?;
        }
        let artifact = self.place.artifact(version.name);
        let artifact = artifact
            .to_str()
            .context("the temporary folder's name is not UTF-8")?;
        let words = [
            "release",
            "create",
            "--service",
            "shop",
            "--version",
            version.name,
            "--artifact",
            artifact,
            "--change",
            change.id.as_str(),
        ];
        self.telling.typed(&words);
        let status: ReleaseStatus = shop.must(&words).await?;
        Ok((Followed::new(status), head))
    }

    async fn act(&mut self, act: &'static Act) -> anyhow::Result<Result> {
        self.telling.head(&format!("Act {}: {}", act.number, act.title));
        if let Some(gates) = act.gates {
            self.ask_for(gates).await?;
        }
        let approved = act
            .gates
            .is_some_and(|gates| gates.contains(&Gate::HumanApproval));
        let reports = match approved {
            true => Some(self.check(act.version.name, v1_0::VERSION.name).await?),
            false => None,
        };
        let began = Instant::now();
        let longest = if approved {
            ACT_LONGEST + GATES_LONGEST
        } else {
            ACT_LONGEST
        };
        let deadline = began + longest;
        self.crowd.as_mut().context("no users")?.ask(Call::Mark).await?;
        if let Some(Refuser::Waiver(_)) = act.refuser {
            self.clear_the_frozen().await?;
        }
        let (mut followed, head) = self.release(act.version, reports.as_deref()).await?;
        let mut faults = Vec::new();
        if approved {
            self.approve(&mut followed, deadline, &mut faults).await?;
        }
        let refusal = match act.refuser {
            Some(Refuser::Freeze) => self.freeze(&mut followed, deadline, &mut faults).await?,
            Some(Refuser::Drill) => self.drill(&mut followed, deadline, &mut faults).await?,
            Some(Refuser::Waiver(gate)) => self.waiver(gate, &mut followed, deadline, &mut faults).await?,
            None => {
                let shop = self.shop.as_mut().context("safeguard is not up")?;
                followed
                    .until(shop, self.telling, deadline, |status| {
                        status.rollout.phase.is_final()
                    })
                    .await?;
                None
            }
        };
        tokio::time::sleep(ANSWERS_LONGEST).await;
        let counts = self.crowd.as_mut().context("no users")?.ask(Call::Counts).await?;

        let (all, own) = (
            users::all(&counts),
            users::of_release(&counts, followed.id.as_str()),
        );
        let status = &followed.status;
        let phase = &status.rollout.phase;
        let (outcome, evidence) = match (phase, &refusal) {
            (Phase::Live, _) => (Outcome::Promoted, entry(status, "deploy.live", true)),
            (Phase::RolledBack { .. }, Some(refused)) => (
                Outcome::Refused,
                refused.entry.or_else(|| entry(status, "deploy.refused", true)),
            ),
            (Phase::RolledBack { .. }, None) => (Outcome::RolledBack, entry(status, "rollback.", false)),
            _ => (Outcome::Unfinished, entry(status, "", true)),
        };
        if act.refuser == Some(Refuser::Freeze) {
            self.frozen = Some(followed.id.to_string());
        }
        if outcome == Outcome::Promoted {
            self.head = Some(head);
        }
        if outcome == Outcome::Unfinished {
            faults.push(described(status));
        }
        if outcome == Outcome::RolledBack && status.rollout.stage != Stage::Canary {
            faults.push(format!(
                "it came back from {}, not from the canary",
                status.rollout.stage
            ));
        }
        if matches!(outcome, Outcome::Promoted | Outcome::Refused) && all.failed + all.lost > 0 {
            faults.push(format!(
                "{} requests failed and {} were lost, and none should",
                all.failed, all.lost
            ));
        }
        if began.elapsed() > longest + ANSWERS_LONGEST {
            faults.push(format!(
                "it took {} s (limit {} s)",
                began.elapsed().as_secs(),
                longest.as_secs()
            ));
        }
        let stopped = match (outcome, act.refuser) {
            (Outcome::Refused, Some(refuser)) => Some(refuser.as_str().to_owned()),
            _ => stopped_by(phase),
        };
        let times = if own.failed + own.lost > 0 {
            own.bad
        } else {
            own.slow_times
        };
        Ok(Result {
            number: act.number,
            version: act.version.name,
            expected: act.expected,
            outcome,
            faults,
            stopped_by: stopped,
            seconds_to_safe: if outcome == Outcome::RolledBack {
                times.seconds()
            } else {
                None
            },
            failed: all.failed,
            lost: all.lost,
            bad_by_load: own.failed + own.lost,
            bad_by_router: followed.bad_by_router,
            evidence,
        })
    }

    /// What was rolled back stays away until somebody says that it may come again.
    async fn clear_the_frozen(&self) -> anyhow::Result<()> {
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        let frozen = self.frozen.as_deref().context("no version was frozen")?;
        let words = ["release", "clear", frozen];
        self.telling.typed(&words);
        shop.must::<ReleaseStatus>(&words).await?;
        Ok(())
    }

    /// Opens a freeze while the release is in the canary, asks for its promotion, and rolls it back.
    async fn freeze(
        &mut self,
        followed: &mut Followed,
        deadline: Instant,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Option<safeguard_api::Problem>> {
        let telling = self.telling;
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let in_canary = |status: &ReleaseStatus| {
            status.rollout.phase.is_final()
                || matches!(status.rollout.phase, Phase::Analyzing { step: 1.., .. })
        };
        if !followed.until(shop, telling, deadline, in_canary).await?
            || followed.status.rollout.phase.is_final()
        {
            return Ok(None);
        }
        let words = [
            "freeze",
            "open",
            "--service",
            "shop",
            "--reason",
            "year-end closing",
        ];
        telling.typed(&words);
        let freeze: Freeze = shop.must(&words).await?;
        let before = followed.status.rollout.phase.clone();
        followed
            .until(shop, telling, Instant::now() + FREEZE_WATCHED, |_| false)
            .await?;
        if followed.status.rollout.phase != before {
            faults.push(format!(
                "it moved during the freeze: {}",
                described(&followed.status)
            ));
        }

        let refusal = self.insist(followed, faults).await?;
        self.take_back(followed, deadline).await?;
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        let words = ["freeze", "close", freeze.id.as_str()];
        telling.typed(&words);
        shop.must::<Freeze>(&words).await?;
        Ok(refusal)
    }

    fn tell(&self, result: &Result) -> anyhow::Result<()> {
        let outcome = result.outcome.as_str();
        if result.as_it_must() {
            self.telling.say(&format!("{GOOD}{outcome}{GOOD:#}, as it must"));
        } else {
            let faults = result.faults.join("; ");
            self.telling.say(&format!(
                "{BAD}{outcome}{BAD:#}, expected {}: {faults}",
                result.expected.as_str()
            ));
        }
        self.telling.say(&format!(
            "{} requests failed, {} were lost",
            result.failed, result.lost
        ));
        if self.options.json {
            println!("{}", result.json()?);
        }
        Ok(())
    }

    /// Stays up until somebody ends it.
    async fn stay(&mut self) -> anyhow::Result<()> {
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let production = shop.address(Environment::Production)?;
        self.telling.head("It stays up until Ctrl-C. What to try:");
        self.telling.line(&format!(
            "  export SAFEGUARD_STATE={}\n  export PATH={}:$PATH\n  safeguard status\n  safeguard release list\n  \
             safeguard freeze open --reason \"my own\"\n  safeguard audit export /tmp/log && safeguard audit verify /tmp/log\n  \
             the shop          http://{production}/\n  the status page   {}",
            self.place.state().display(),
            self.options.safeguard.parent().map(|folder| folder.display().to_string()).unwrap_or_default(),
            shop.login,
        ));
        loop {
            tokio::select! {
                ended = interrupted() => return ended,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            if !shop.is_up() {
                bail!(
                    "`safeguard up` has ended; its last messages:\n{}",
                    installation::last_messages(self.place)
                );
            }
        }
    }

    /// Ends everything that was started.
    async fn clear(self) {
        if let Some(crowd) = self.crowd
            && let Err(error) = crowd.stop().await
        {
            eprintln!("the load process did not end in order: {error:#}");
        }
        if let Some(shop) = self.shop {
            shop.stop().await;
        }
    }
}

fn described(status: &ReleaseStatus) -> String {
    let rollout = &status.rollout;
    let blocks: Vec<String> = rollout.blocks.iter().map(ToString::to_string).collect();
    let mut text = format!("{} in {}", rollout.phase.name(), rollout.stage);
    if let Phase::Held { reason, .. } = &rollout.phase {
        text.push_str(&format!(", {reason}"));
    }
    if !blocks.is_empty() {
        text.push_str(&format!(": {}", blocks.join("; ")));
    }
    text
}

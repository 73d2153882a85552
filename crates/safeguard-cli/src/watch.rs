//! `safeguard rollout watch`: follows a release until its walk is over.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_api::release::{Block, Phase};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{ReleaseId, Span};

use crate::api_client::ApiClient;
use crate::args::{Globals, RolloutVerb};
use crate::failure::Failure;
use crate::output::{BAD, GOOD, Output};
use crate::releases::phase_text;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The server may restart meanwhile; a longer silence is no answer.
const SILENCE_LONGEST: Duration = Duration::from_secs(30);

pub fn rollout(globals: &Globals, verb: RolloutVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        RolloutVerb::Watch { id, longest } => watch(&ApiClient::new(globals)?, &id, longest, output),
    }
}

pub fn watch(
    client: &ApiClient,
    id: &ReleaseId,
    longest: Option<Span>,
    output: &Output,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut heard = Instant::now();
    let mut screen = Screen::new(output)?;
    loop {
        match client.get::<ReleaseStatus>(&format!("/api/v1/releases/{id}")) {
            Ok(status) => {
                heard = Instant::now();
                screen.show(&status, output)?;
                if status.rollout.phase.is_final() {
                    screen.bar.finish_and_clear();
                    return ended(&status, output);
                }
            }
            Err(Failure::Undecided(problem)) if heard.elapsed() < SILENCE_LONGEST => {
                screen.bar.set_message(format!("{}; trying again", problem.title));
            }
            Err(failure) => return Err(failure),
        }
        if let Some(longest) = longest.filter(|longest| started.elapsed() > (*longest).into()) {
            return Err(
                Failure::undecided(format!("the walk of {id} is not over after {longest}"))
                    .hint(format!("run `safeguard rollout watch {id}` again")),
            );
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn ended(status: &ReleaseStatus, output: &Output) -> Result<(), Failure> {
    let release = &status.release;
    if matches!(status.rollout.phase, Phase::Live) {
        output.say(&format!(
            "{GOOD}live{GOOD:#}: {} {} serves everyone",
            release.service, release.version
        ));
        return Ok(());
    }
    let phase = phase_text(&status.rollout.phase);
    output.say(&format!(
        "{BAD}not live{BAD:#}: {} {} {phase}",
        release.service, release.version
    ));
    for hint in &status.hints {
        output.say(&format!("  {hint}"));
    }
    Err(Failure::Told)
}

/// A bar on a terminal; elsewhere a line whenever something has changed.
struct Screen {
    bar: ProgressBar,
    lines: bool,
    last: String,
}

impl Screen {
    fn new(output: &Output) -> anyhow::Result<Screen> {
        let lines = output.json || !std::io::stderr().is_terminal();
        let bar = if lines {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(1)
        };
        let style = ProgressStyle::with_template("{spinner} {prefix} {bar:30} {msg}");
        bar.set_style(style.context("the progress bar's template")?);
        Ok(Screen {
            bar,
            lines,
            last: String::new(),
        })
    }

    fn show(&mut self, status: &ReleaseStatus, output: &Output) -> Result<(), Failure> {
        let headline = headline(status);
        if self.lines {
            if self.last != headline {
                output.line(&status.rollout, &headline)?;
                self.last = headline;
            }
            return Ok(());
        }
        if self.last != headline {
            self.bar.println(&headline);
            self.last = headline;
        }
        let (done, whole) = progress(status);
        self.bar.set_length(whole.max(1));
        self.bar.set_position(done);
        self.bar.set_prefix(format!(
            "{} {}",
            status.rollout.stage,
            status.rollout.phase.name()
        ));
        self.bar.set_message(figures(status));
        self.bar.tick();
        Ok(())
    }
}

/// What changes only when the release has moved, or something else stands in its way.
fn headline(status: &ReleaseStatus) -> String {
    let rollout = &status.rollout;
    let mut text = format!(
        "{} {:<10} {}",
        rollout.phase_since,
        rollout.stage,
        phase_text(&rollout.phase)
    );
    // Soak and proof change at every look; the bar and the figures show them.
    let standing = rollout.blocks.iter().filter(|block| {
        !matches!(
            block,
            Block::Soak { .. } | Block::Proof { .. } | Block::Silent { .. }
        )
    });
    for block in standing {
        text.push_str(&format!("; {block}"));
    }
    text
}

/// How far the soak is, in milliseconds.
fn progress(status: &ReleaseStatus) -> (u64, u64) {
    let soak = status.rollout.blocks.iter().find_map(|block| {
        let Block::Soak { elapsed, soak, .. } = block else {
            return None;
        };
        Some((elapsed.ms().min(soak.ms()), soak.ms()))
    });
    soak.unwrap_or((status.rollout.soak.elapsed.ms(), status.rollout.soak.elapsed.ms()))
}

fn figures(status: &ReleaseStatus) -> String {
    let soak = &status.rollout.soak;
    let mut text = format!("{} requests, {} errors", soak.requests, soak.errors);
    let environment = status.rollout.stage.environment();
    if let Some(route) = status
        .routes
        .iter()
        .find(|route| route.environment == environment)
    {
        text.push_str(&format!(
            ", weight {}, evidence {:.1} of {:.1}",
            route.weight, route.log_evidence, route.log_evidence_max
        ));
    }
    let waiting = status
        .rollout
        .blocks
        .iter()
        .find(|block| matches!(block, Block::Soak { .. } | Block::Proof { .. }));
    match waiting {
        Some(block) => format!("{text}; {block}"),
        None => text,
    }
}

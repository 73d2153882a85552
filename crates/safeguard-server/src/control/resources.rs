//! What instances use in staging, watched by safeguard itself: evidence for `resource-limits`. A release that became live before it was
//! watched for long enough goes on being watched, for the next one is compared with it.

use std::collections::HashMap;

use safeguard_api::audit::Actor;
use safeguard_api::config::Policy;
use safeguard_api::evidence::{
    About, EvidenceSpec, Facts, Format, PLAIN_REPORT_API, PlainReport, Resources, Tool,
};
use safeguard_api::release::Phase;
use safeguard_api::time::Span;
use safeguard_api::{
    Environment, Evidence, EvidenceId, Gate, Name, PolicyId, Release, ReleaseId, Rollout, Stage,
};
use safeguard_store::{EvidenceAbout, StoreError, Tx};

use super::Loop;
use crate::api::evidence;
use crate::record::{self, clocks, now};

/// A sample of each instance at most so often.
const SAMPLE_EVERY: Span = Span::seconds(1);
/// The processor is measured over a minute, or over the whole where that is shorter.
const MINUTE_MS: u64 = 60_000;
/// Over it, every second one is forgotten.
const SAMPLES_MAX: usize = 7200;

/// Samples of the releases that have passed their first moments in staging.
#[derive(Default)]
pub(super) struct Watched(HashMap<ReleaseId, Watch>);

struct Watch {
    every: Span,
    samples: Vec<Sample>,
    /// Recorded already: a release is watched once.
    told: bool,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            every: SAMPLE_EVERY,
            samples: Vec::new(),
            told: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at_ms: u64,
    /// Of the instance that has most.
    memory_bytes: u64,
    /// Of all instances together, since they started.
    cpu_ms: u64,
    instances: u64,
}

impl Watched {
    pub fn keep_only(&mut self, walks: &dyn Fn(&ReleaseId) -> bool) {
        self.0.retain(|release, _| walks(release));
    }
}

/// Whether its instances in staging do what they shall do in production.
pub(super) fn can_be_watched(rollout: &Rollout) -> bool {
    match rollout.stage {
        Stage::Dev | Stage::Qa => false,
        Stage::Staging => matches!(rollout.phase, Phase::Soaking | Phase::Verified),
        Stage::Canary | Stage::Production => true,
    }
}

/// How long an artifact has to be watched in staging; none where no stage asks for it.
pub(super) fn watched_min(policy: &Policy) -> Option<Span> {
    let stages = [Stage::Staging, Stage::Canary, Stage::Production];
    let asks = stages.map(|stage| policy.gates(stage).contains(&Gate::ResourceLimits));
    asks.contains(&true)
        .then_some(policy.gates.resource_limits.watched_min)
}

impl Loop {
    /// Watches what is live unless it was watched before. Each report voids approvals that did not see it, so there is only one.
    pub(super) async fn watch_live(
        &mut self,
        live: &Release,
        in_force: Option<&PolicyId>,
    ) -> Result<(), StoreError> {
        let is_told = self.watched.0.get(&live.id).is_some_and(|watch| watch.told);
        let Some(in_force) = in_force.filter(|_| !is_told) else {
            return Ok(());
        };
        let Some(watched_min) = watched_min(&self.policy(in_force).await?) else {
            return Ok(());
        };
        if !self.watched.0.contains_key(&live.id) {
            let (service, about) = (live.service.clone(), About::Artifact(live.artifact.clone()));
            let told = self
                .store
                .read(move |tx| was_watched(tx, &service, &about))
                .await?;
            let watch = Watch {
                told,
                ..Watch::default()
            };
            self.watched.0.insert(live.id.clone(), watch);
        }
        self.watch_resources(live, watched_min).await
    }

    /// Takes a sample, and records what was seen when it is long enough.
    pub(super) async fn watch_resources(
        &mut self,
        release: &Release,
        watched_min: Span,
    ) -> Result<(), StoreError> {
        if self.world.supervisor_silent > Span(0) {
            return Ok(());
        }
        let Some(sample) = self.sample(release) else {
            return Ok(());
        };
        let watch = self.watched.0.entry(release.id.clone()).or_default();
        if watch.told || !watch.take(sample) {
            return Ok(());
        }
        let Some(seen) = watch.seen().filter(|seen| watched_min <= seen.watched) else {
            return Ok(());
        };
        watch.told = true;
        self.tell(release, seen).await
    }

    fn sample(&self, release: &Release) -> Option<Sample> {
        let instances = self.world.instances_of(&release.service, &release.id);
        let here: Vec<_> = instances
            .iter()
            .filter(|one| one.environment == Environment::Staging)
            .collect();
        Some(Sample {
            at_ms: clocks().mono_ms,
            memory_bytes: here.iter().map(|one| one.memory_bytes).max()?,
            cpu_ms: here.iter().map(|one| one.cpu_ms).sum(),
            instances: here.len() as u64,
        })
    }

    async fn tell(&mut self, release: &Release, seen: Resources) -> Result<(), StoreError> {
        let report = PlainReport {
            api: PLAIN_REPORT_API.to_owned(),
            tool: Tool {
                name: "safeguard".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            },
            produced_at: Some(now()),
            facts: Facts::Resources(seen),
        };
        let kept = record::keep(&self.content, "report", &report).await;
        let kept = kept.and_then(|kept| Ok((kept, getrandom::u32().map_err(|error| error.to_string())?)));
        let (kept, chance) = match kept {
            Ok(kept) => kept,
            Err(why) => {
                self.complain("What instances use can not be kept", &why);
                return Ok(());
            }
        };
        let added_at = now();
        let about = About::Artifact(release.artifact.clone());
        let evidence = Evidence {
            id: EvidenceId::new(added_at.0.unsigned_abs(), chance),
            spec: EvidenceSpec {
                service: release.service.clone(),
                format: Format::Safeguard,
                about: about.clone(),
                layer: None,
                gate: Some(Gate::ResourceLimits),
                tool: Some(report.tool.name.clone()),
                tool_version: report.tool.version.clone(),
                measure: None,
                asked: None,
                produced_at: report.produced_at,
            },
            document: kept.sha256.clone(),
            bytes: kept.size,
            facts: report.facts,
            inconclusive: Vec::new(),
            added_at,
            added_by: "safeguard".to_owned(),
            entry: 0,
        };
        let subject = vec![
            evidence.id.to_string(),
            release.artifact.to_string(),
            release.service.to_string(),
        ];
        let text = format!("what its instances used in staging, about {about}");
        let mut event = record::event(
            "evidence.added",
            Actor::system("supervisor"),
            subject,
            serde_json::json!({ "text": text, "format": Format::Safeguard, "gate": Gate::ResourceLimits }),
        );
        event.refs.push(kept);
        self.store
            .write(move |tx| evidence::record(tx, evidence, &event).map(|_| ()))
            .await?
    }
}

fn was_watched(tx: &Tx<'_>, service: &Name, about: &About) -> Result<bool, StoreError> {
    let Some(known) = tx.get::<EvidenceAbout>(&EvidenceAbout::key_of(service, about))? else {
        return Ok(false);
    };
    for id in &known.evidence {
        let evidence = tx.get::<Evidence>(&format!("{service}/{id}"))?;
        if evidence.is_some_and(|evidence| matches!(evidence.facts, Facts::Resources(_))) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Watch {
    /// Returns whether the sample was taken.
    fn take(&mut self, sample: Sample) -> bool {
        if let Some(last) = self.samples.last() {
            if sample.at_ms < last.at_ms + self.every.0 {
                return false;
            }
            // Restarted, or another number of them: what was seen before is of other processes.
            if sample.cpu_ms < last.cpu_ms || sample.instances != last.instances {
                *self = Watch::default();
            }
        }
        if self.samples.len() == SAMPLES_MAX {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.every = Span(self.every.0 * 2);
        }
        self.samples.push(sample);
        true
    }

    fn seen(&self) -> Option<Resources> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let watched = Span(last.at_ms - first.at_ms);
        // After the first fifth: a process that warms up is not one that leaks.
        let early = self.floor(first.at_ms + watched.0 / 5, first.at_ms + watched.0 * 2 / 5)?;
        let late = self.floor(first.at_ms + watched.0 * 4 / 5, last.at_ms)?;
        let growth = (late as f64 - early as f64) / early.max(1) as f64;
        Some(Resources {
            watched,
            samples: self.samples.len() as u64,
            memory_bytes_max: self.samples.iter().map(|sample| sample.memory_bytes).max(),
            cpu_percent_max: self.busiest(watched.0.min(MINUTE_MS)),
            memory_growth_percent: Some(growth * 100.0),
        })
    }

    /// The least memory held between two times: a leak raises it, a request that needs much for a moment does not.
    fn floor(&self, from_ms: u64, to_ms: u64) -> Option<u64> {
        let between = self
            .samples
            .iter()
            .filter(|sample| (from_ms..=to_ms).contains(&sample.at_ms));
        between.map(|sample| sample.memory_bytes).min()
    }

    /// The greatest use of one instance over `window_ms`, in percent of a core.
    fn busiest(&self, window_ms: u64) -> Option<f64> {
        let mut busiest: Option<f64> = None;
        let mut from = 0;
        for (at, sample) in self.samples.iter().enumerate() {
            while from < at && self.samples[from + 1].at_ms + window_ms <= sample.at_ms {
                from += 1;
            }
            let since = &self.samples[from];
            let passed = sample.at_ms - since.at_ms;
            if passed < window_ms || passed == 0 {
                continue;
            }
            let used = (sample.cpu_ms - since.cpu_ms) as f64 / sample.instances.max(1) as f64;
            let percent = used / passed as f64 * 100.0;
            busiest = Some(busiest.map_or(percent, |known| known.max(percent)));
        }
        busiest
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample(second: u64, memory_bytes: u64, cpu_ms: u64) -> Sample {
        Sample {
            at_ms: second * 1000,
            memory_bytes,
            cpu_ms,
            instances: 1,
        }
    }

    #[test]
    fn the_greatest_minute_and_the_growth_after_the_warm_up_are_told() {
        let mut watch = Watch::default();
        for second in 0..=100 {
            // Half a core, and a whole one in the last minute; memory doubles at the very start alone.
            let cpu = if second <= 40 {
                second * 500
            } else {
                20_000 + (second - 40) * 1000
            };
            let memory = if second < 10 { 50 } else { 100 };
            assert!(watch.take(sample(second, memory, cpu)));
            assert!(!watch.take(sample(second, memory, cpu)), "twice in a second");
        }
        let seen = watch.seen().unwrap();
        assert_eq!((seen.watched, seen.samples), (Span::seconds(100), 101));
        assert_eq!(seen.memory_bytes_max, Some(100));
        assert_eq!(seen.cpu_percent_max, Some(100.0));
        assert_eq!(seen.memory_growth_percent, Some(0.0));
    }

    #[test]
    fn memory_grows_when_what_is_never_given_back_does() {
        // A password is hashed in 64 of memory every other second.
        let busy = |second: u64, kept: u64| kept + if second.is_multiple_of(2) { 64 } else { 0 };
        let growth = |kept: &dyn Fn(u64) -> u64| {
            let mut watch = Watch::default();
            for second in 0..=100 {
                watch.take(sample(second, busy(second, kept(second)), second));
            }
            watch.seen().unwrap().memory_growth_percent.unwrap()
        };
        assert_eq!(growth(&|_| 50), 0.0);
        assert_eq!(
            growth(&|second| 79 + second),
            60.0,
            "from 100 in second 21 to 160 in second 81"
        );
    }

    #[test]
    fn a_long_watch_has_fewer_samples_and_forgets_no_time() {
        let mut watch = Watch::default();
        for second in 0..=20_000 {
            watch.take(sample(second, 10, second));
        }
        let seen = watch.seen().unwrap();
        assert_eq!(seen.watched, Span::seconds(20_000));
        assert!(seen.samples <= SAMPLES_MAX as u64);
    }

    #[test]
    fn a_restart_begins_anew() {
        let mut watch = Watch::default();
        watch.take(sample(0, 10, 900));
        watch.take(sample(1, 10, 1000));
        watch.take(sample(2, 10, 5));
        assert_eq!(watch.seen().unwrap().watched, Span(0));
    }
}

//! What users do, as a service's `load.toml` and a case's `traffic.toml` describe it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// A whole `load.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub requests_per_second: f64,
    pub users: u32,
    /// There are fewer people in the test environments.
    pub users_testing: u32,
    /// Headers of every request; `{user}` is who asks.
    pub headers: BTreeMap<String, String>,
    pub staff_headers: BTreeMap<String, String>,
    pub journeys: Vec<Journey>,
}

/// What one user does, step after step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    pub name: String,
    pub weight: u32,
    #[serde(default)]
    pub staff: bool,
    /// It takes its time by design, and so says nothing of how fast the service is.
    #[serde(default)]
    pub untimed: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    get: Option<String>,
    post: Option<String>,
    put: Option<String>,
    delete: Option<String>,
    pub json: Option<String>,
    /// Statuses that users expect.
    #[serde(default = "ok")]
    pub expect: Vec<u16>,
    /// Names for later steps, each a key of the answer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    #[serde(default)]
    pub staff: bool,
    /// So many at the same time.
    #[serde(default = "once")]
    pub times: u32,
}

fn ok() -> Vec<u16> {
    vec![200]
}
fn once() -> u32 {
    1
}

/// A case's `traffic.toml`: what users do besides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    journeys: Vec<Journey>,
}

impl Description {
    /// Reads a service's load, and what the case adds to it where it does.
    pub fn load(service: &Path, case: &Path) -> anyhow::Result<Description> {
        let mut description: Description = read(&service.join("load.toml"))?;
        let more = case.join("traffic.toml");
        if more.is_file() {
            description.journeys.extend(read::<More>(&more)?.journeys);
        }
        ensure!(
            description.requests_per_second > 0.0 && description.users > 0 && description.users_testing > 0,
            "a load has users, and requests a second"
        );
        for journey in &description.journeys {
            ensure!(
                journey.weight > 0 && !journey.steps.is_empty(),
                "the journey `{}` is never made",
                journey.name
            );
            for step in &journey.steps {
                step.line()
                    .with_context(|| format!("a step of the journey `{}`", journey.name))?;
            }
        }
        Ok(description)
    }

    /// Requests of a journey, on average.
    pub fn steps_mean(&self) -> f64 {
        let steps = |journey: &Journey| journey.steps.iter().map(|step| step.times).sum::<u32>();
        let weighted: u32 = self
            .journeys
            .iter()
            .map(|journey| journey.weight * steps(journey))
            .sum();
        f64::from(weighted) / f64::from(self.weight())
    }

    pub fn weight(&self) -> u32 {
        self.journeys.iter().map(|journey| journey.weight).sum()
    }

    /// The journey at a place from 0 to [`weight`](Self::weight).
    pub fn journey(&self, mut place: u32) -> Option<&Journey> {
        self.journeys.iter().find(|journey| {
            let here = place < journey.weight;
            place = place.saturating_sub(journey.weight);
            here
        })
    }
}

impl Step {
    /// Method and path.
    pub fn line(&self) -> anyhow::Result<(&'static str, &str)> {
        let given = [
            ("GET", &self.get),
            ("POST", &self.post),
            ("PUT", &self.put),
            ("DELETE", &self.delete),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(method, path)| Some((method, path.as_deref()?)));
        let line = given
            .next()
            .context("it has none of `get`, `post`, `put` and `delete`")?;
        ensure!(given.next().is_none(), "it has two methods");
        Ok(line)
    }
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;

    #[test]
    fn every_load_of_the_corpus_can_be_read() {
        let corpus = Corpus::load().unwrap();
        for case in &corpus.cases {
            let description = Description::load(&corpus.service(case), &case.folder).unwrap();
            assert!(description.steps_mean() >= 1.0, "{}", case.id);
            let last = description.weight() - 1;
            let journey = description.journey(last).unwrap();
            assert_eq!(journey.name, description.journeys.last().unwrap().name);
            assert!(description.journey(last + 1).is_none());
        }
    }
}

//! Reading settings in YAML: entries by key, aliases followed, merged mappings included.

use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// In a file with more aliases times anchors than this they stand for nothing.
const STEPS_MAX: usize = 20_000_000;

#[derive(Clone, Copy)]
pub struct Yaml<'s> {
    pub source: &'s Source,
    pub tree: &'s Tree,
}

impl<'s> Yaml<'s> {
    pub fn of(source: &'s Source) -> Yaml<'s> {
        Yaml {
            source,
            tree: &source.tree,
        }
    }

    pub fn documents(self) -> Vec<NodeId> {
        self.tree.children(NodeId::ROOT).collect()
    }

    /// What an alias stands for; anything else is itself.
    pub fn resolve(self, id: NodeId) -> NodeId {
        if self.tree.kind(id) != Kind::Name {
            return id;
        }
        let named = self.source.of_kind(Kind::Name).len();
        let anchors = self.source.of_kind(Kind::Object).len() + self.source.of_kind(Kind::List).len();
        if named.saturating_mul(anchors) > STEPS_MAX {
            return id;
        }
        let name = self.tree.name(id);
        let anchored = [Kind::Object, Kind::List]
            .into_iter()
            .flat_map(|kind| self.source.of_kind(kind))
            .filter(|node| **node < id && self.tree.name(**node) == name)
            .max();
        anchored.copied().unwrap_or(id)
    }

    /// The entries of a mapping: key, the entry itself, its value.
    pub fn pairs(self, map: NodeId) -> Vec<(&'s str, NodeId, NodeId)> {
        self.pairs_within(map, 0)
    }

    fn pairs_within(self, map: NodeId, depth: usize) -> Vec<(&'s str, NodeId, NodeId)> {
        const DEPTH_MAX: usize = 8;
        let map = self.resolve(map);
        if self.tree.kind(map) != Kind::Object || depth > DEPTH_MAX {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut merged = Vec::new();
        for pair in self.tree.children(map) {
            let (Some(key), Some(value)) = (
                self.tree.child(pair, Role::Key),
                self.tree.child(pair, Role::Value),
            ) else {
                continue;
            };
            match self.tree.name(key) {
                "<<" => merged.extend(self.pairs_within(value, depth + 1)),
                name => found.push((name, pair, self.resolve(value))),
            }
        }
        for entry in merged {
            if found.iter().all(|(name, _, _)| *name != entry.0) {
                found.push(entry);
            }
        }
        found
    }

    pub fn entry(self, map: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        let pairs = self.pairs(map);
        pairs
            .into_iter()
            .find(|(name, _, _)| *name == key)
            .map(|(_, pair, value)| (pair, value))
    }

    pub fn get(self, map: NodeId, key: &str) -> Option<NodeId> {
        self.entry(map, key).map(|(_, value)| value)
    }

    /// The value at the end of a row of keys.
    pub fn at(self, map: NodeId, keys: &[&str]) -> Option<NodeId> {
        keys.iter().try_fold(map, |map, key| self.get(map, key))
    }

    /// The text of a scalar, empty for anything else.
    pub fn text(self, id: NodeId) -> &'s str {
        match self.tree.kind(id) {
            Kind::Str | Kind::Num | Kind::Bool => self.tree.name(id),
            _ => "",
        }
    }

    pub fn text_at(self, map: NodeId, key: &str) -> &'s str {
        self.get(map, key).map_or("", |value| self.text(value))
    }

    pub fn is(self, map: NodeId, key: &str, wanted: &str) -> bool {
        self.text_at(map, key).eq_ignore_ascii_case(wanted)
    }

    pub fn items(self, list: NodeId) -> Vec<NodeId> {
        let list = self.resolve(list);
        match self.tree.kind(list) {
            Kind::List => self.tree.children(list).map(|item| self.resolve(item)).collect(),
            _ => Vec::new(),
        }
    }

    /// A text, or the texts of a list or the keys of a mapping.
    pub fn words(self, id: NodeId) -> Vec<&'s str> {
        match self.tree.kind(id) {
            Kind::Str | Kind::Num | Kind::Bool => vec![self.tree.name(id)],
            Kind::List => self.items(id).into_iter().map(|item| self.text(item)).collect(),
            Kind::Object => self.pairs(id).into_iter().map(|(key, _, _)| key).collect(),
            _ => Vec::new(),
        }
    }
}

/// A workflow of GitHub's: what it runs on, its jobs with their steps.
pub struct Workflow<'s> {
    pub yaml: Yaml<'s>,
    pub root: NodeId,
    pub triggers: Vec<&'s str>,
    pub jobs: Vec<Job<'s>>,
}

pub struct Job<'s> {
    pub name: &'s str,
    /// The entry of the job, and its mapping.
    pub pair: NodeId,
    pub map: NodeId,
    pub steps: Vec<NodeId>,
}

impl<'s> Workflow<'s> {
    pub fn of(source: &'s Source) -> Option<Workflow<'s>> {
        let yaml = Yaml::of(source);
        let root = yaml.documents().into_iter().next()?;
        let on = yaml.get(root, "on").or_else(|| yaml.get(root, "true"))?;
        let jobs = yaml.get(root, "jobs")?;
        let jobs = yaml.pairs(jobs).into_iter().map(|(name, pair, map)| Job {
            name,
            pair,
            map,
            steps: yaml
                .get(map, "steps")
                .map_or(Vec::new(), |steps| yaml.items(steps)),
        });
        Some(Workflow {
            yaml,
            root,
            triggers: yaml.words(on),
            jobs: jobs.collect(),
        })
    }
}

/// The steps of an action that is put together of steps, or of all jobs.
pub fn steps(source: &Source) -> Vec<NodeId> {
    let yaml = Yaml::of(source);
    match Workflow::of(source) {
        Some(workflow) => workflow.jobs.into_iter().flat_map(|job| job.steps).collect(),
        None => yaml
            .documents()
            .first()
            .and_then(|root| yaml.at(*root, &["runs", "steps"]))
            .map_or(Vec::new(), |steps| yaml.items(steps)),
    }
}

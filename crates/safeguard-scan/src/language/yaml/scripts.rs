//! The scripts in YAML: by the shape of the file, as workflows, jobs and containers have them.

use super::nodes::Nodes;
use crate::language::script::Script;

pub(super) struct Found {
    pub key: usize,
    pub value: usize,
    pub script: Script,
    /// Whether it is certain that a shell runs it: what can not be read is then said.
    pub is_shell: bool,
}

pub(super) fn find(nodes: &Nodes, text: &str) -> Vec<Found> {
    let mut find = Find {
        nodes,
        text,
        found: Vec::new(),
    };
    for document in nodes.documents() {
        find.document(document);
    }
    find.found
}

/// The scripts of a `package.json`, which npm hands to a shell.
pub(super) fn of_package(nodes: &Nodes, text: &str) -> Vec<Found> {
    let mut find = Find {
        nodes,
        text,
        found: Vec::new(),
    };
    for root in nodes.documents() {
        let Some(scripts) = nodes
            .get(root, "scripts")
            .filter(|scripts| nodes.is_map(*scripts))
        else {
            continue;
        };
        for (key, value) in nodes.pairs(scripts) {
            if nodes.text(value).is_some() {
                find.add(key, value, false);
            }
        }
    }
    find.found
}

struct Find<'n> {
    nodes: &'n Nodes,
    text: &'n str,
    found: Vec<Found>,
}

impl Find<'_> {
    fn document(&mut self, root: usize) {
        let nodes = self.nodes;
        if !nodes.is_map(root) && !nodes.is_list(root) {
            return;
        }
        let shell = self.default_shell(root);
        if let Some(jobs) = nodes.get(root, "jobs") {
            for (_, job) in nodes.pairs(jobs) {
                let of_job = self.default_shell(job).or_else(|| shell.clone());
                let runner = self.runner(job);
                if let Some(steps) = nodes.get(job, "steps") {
                    self.steps(steps, of_job.as_deref(), runner);
                }
            }
        }
        if let Some(runs) = nodes.get(root, "runs")
            && let Some(steps) = nodes.get(runs, "steps")
        {
            self.steps(steps, None, Runner::Unix);
        }
        let end = nodes.all[root].next;
        for at in root..end {
            if nodes.is_map(at) {
                self.map(root, at);
            }
        }
    }

    fn default_shell(&self, of: usize) -> Option<String> {
        let nodes = self.nodes;
        let run = nodes.get(nodes.get(of, "defaults")?, "run")?;
        nodes.text(nodes.get(run, "shell")?).map(str::to_owned)
    }

    fn runner(&self, job: usize) -> Runner {
        let Some(on) = self.nodes.get(job, "runs-on") else {
            return Runner::Unknown;
        };
        let text = self.text.get(self.nodes.all[on].span.clone()).unwrap_or("");
        match text {
            _ if text.to_ascii_lowercase().contains("windows") => Runner::Windows,
            _ if text.contains("${{") => Runner::Unknown,
            _ => Runner::Unix,
        }
    }

    /// The steps of a job of GitHub's.
    fn steps(&mut self, steps: usize, shell: Option<&str>, runner: Runner) {
        let nodes = self.nodes;
        for step in nodes.children(steps) {
            let Some((key, value)) = nodes.entry(step, "run") else {
                continue;
            };
            let own = nodes.get(step, "shell").and_then(|at| nodes.text(at));
            let only_windows = nodes
                .get(step, "if")
                .and_then(|at| nodes.text(at))
                .is_some_and(|text| text.to_ascii_lowercase().contains("windows"));
            let is_shell = match own
                .or(shell)
                .map(|shell| shell.split_whitespace().next().unwrap_or(""))
            {
                Some("bash" | "sh") => true,
                Some(text) if text.starts_with("${{") => false,
                Some(_) => continue,
                None => match runner {
                    Runner::Windows => continue,
                    Runner::Unix => true,
                    Runner::Unknown if only_windows => continue,
                    Runner::Unknown => false,
                },
            };
            self.add(key, value, is_shell);
        }
    }

    /// What runs in other places than the steps of GitHub's jobs.
    fn map(&mut self, root: usize, map: usize) {
        let nodes = self.nodes;
        let is_kubernetes = nodes.get(root, "apiVersion").is_some() && nodes.get(root, "kind").is_some();
        let is_job = [
            "stage", "image", "tags", "rules", "only", "except", "needs", "extends",
        ]
        .iter()
        .any(|key| nodes.get(map, key).is_some());
        for name in ["script", "before_script", "after_script"] {
            if let Some((key, value)) = nodes.entry(map, name)
                && !is_kubernetes
            {
                self.add(key, value, is_job && nodes.is_list(value));
            }
        }
        if let Some((key, value)) = nodes.entry(map, "bash")
            && nodes
                .get(root, "steps")
                .or_else(|| nodes.get(root, "jobs"))
                .is_some()
        {
            self.add(key, value, false);
        }
        // CircleCI's long form.
        if let Some((_, run)) = nodes.entry(map, "run")
            && let Some((key, value)) = nodes.entry(run, "command")
        {
            let other = nodes.get(run, "shell").is_some();
            self.add(key, value, !other && nodes.get(root, "version").is_some());
        }
        self.arguments(map);
        if nodes.get(root, "services").is_some() {
            for name in ["command", "entrypoint"] {
                if let Some((key, value)) = nodes.entry(map, name)
                    && nodes.text(value).is_some()
                {
                    self.add(key, value, false);
                }
            }
        }
    }

    /// `command: [sh, -c]` with `args: [script]`, or all in one.
    fn arguments(&mut self, map: usize) {
        let nodes = self.nodes;
        let mut words: Vec<(usize, usize)> = Vec::new();
        for name in ["entrypoint", "command", "args"] {
            if let Some((key, list)) = nodes.entry(map, name)
                && nodes.is_list(list)
            {
                words.extend(nodes.children(list).map(|word| (key, word)));
            }
        }
        let text = |at: usize| {
            words
                .get(at)
                .and_then(|(_, word)| nodes.text(*word))
                .unwrap_or("")
        };
        let program = text(0).rsplit('/').next().unwrap_or("");
        if !matches!(program, "sh" | "bash" | "ash" | "dash") {
            return;
        }
        let flag = (1..words.len().min(6)).find(|at| {
            let word = text(*at);
            word.starts_with('-') && !word.starts_with("--") && word.contains('c')
        });
        if let Some((key, value)) = flag.and_then(|flag| words.get(flag + 1)) {
            self.add(*key, *value, true);
        }
    }

    fn add(&mut self, key: usize, value: usize, is_shell: bool) {
        if self.found.iter().any(|found| found.key == key) {
            return;
        }
        let mut script = Script::default();
        self.push(value, &mut script, 0);
        if script.text.trim().is_empty() {
            return;
        }
        script.find_holes("${{", "}}");
        script.find_holes("$[[", "]]");
        self.found.push(Found {
            key,
            value,
            script,
            is_shell,
        });
    }

    /// A script, or the lines of one.
    fn push(&self, at: usize, script: &mut Script, depth: usize) {
        const DEPTH_MAX: usize = 10;
        let nodes = self.nodes;
        let span = nodes.all[at].span.clone();
        if let Some(text) = nodes.text(at) {
            let source = self.text.get(span.clone()).unwrap_or("");
            // The head of a block scalar is no part of it.
            let head = match source.starts_with(['|', '>']) {
                true => source.find('\n').unwrap_or(0),
                false => 0,
            };
            script.push_decoded(text, &source[head..], span.start + head);
            if !script.text.ends_with('\n') {
                script.push("\n", script.at(script.text.len().saturating_sub(1)));
            }
        } else if nodes.is_list(at) && depth < DEPTH_MAX {
            for item in nodes.children(at) {
                self.push(item, script, depth + 1);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Runner {
    Unix,
    Windows,
    /// As a matrix or whoever calls says.
    Unknown,
}

//! The corpus: services, and changes to them with what is known of each.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

pub struct Corpus {
    pub root: PathBuf,
    /// Sorted by pattern, then by name.
    pub cases: Vec<Case>,
}

/// A change, as a folder of `corpus/cases`.
pub struct Case {
    pub id: String,
    pub folder: PathBuf,
    pub told: Told,
}

/// `case.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The service that it changes.
    pub service: String,
    pub pattern: Pattern,
    /// As the coding agent would have named the pull request, and written into it.
    pub title: String,
    pub intent: String,
    /// Where a bad change shows; a good one shows nowhere.
    pub shows: Option<String>,
    /// What the oracle does.
    pub oracle: String,
}

/// How a change destroys production; good ones do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pattern {
    X1,
    X2,
    X3,
    X4,
    X5,
    X6,
    #[serde(rename = "good")]
    Good,
}

impl Pattern {
    pub fn name(self) -> &'static str {
        match self {
            Pattern::X1 => "X1",
            Pattern::X2 => "X2",
            Pattern::X3 => "X3",
            Pattern::X4 => "X4",
            Pattern::X5 => "X5",
            Pattern::X6 => "X6",
            Pattern::Good => "good",
        }
    }
}

impl Corpus {
    /// Reads the corpus of this repository.
    pub fn load() -> anyhow::Result<Corpus> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
        let root = root
            .canonicalize()
            .with_context(|| format!("there is no corpus at {}", root.display()))?;
        let mut cases = Vec::new();
        for entry in std::fs::read_dir(root.join("cases"))? {
            let folder = entry?.path();
            cases.push(Case::load(&folder).with_context(|| format!("cannot read {}", folder.display()))?);
        }
        ensure!(!cases.is_empty(), "the corpus has no cases");
        cases.sort_by(|a, b| (a.told.pattern, &a.id).cmp(&(b.told.pattern, &b.id)));
        Ok(Corpus { root, cases })
    }

    pub fn service(&self, case: &Case) -> PathBuf {
        self.root.join("services").join(&case.told.service)
    }
}

impl Case {
    fn load(folder: &Path) -> anyhow::Result<Case> {
        let id = folder.file_name().and_then(|name| name.to_str());
        let told: Told = toml::from_str(&std::fs::read_to_string(folder.join("case.toml"))?)?;
        let bad = told.pattern != Pattern::Good;
        ensure!(
            bad == told.shows.is_some(),
            "`shows` says where a bad change shows, and belongs to bad changes alone"
        );
        for file in ["change.patch", "oracle.py"] {
            ensure!(folder.join(file).is_file(), "it has no {file}");
        }
        Ok(Case {
            id: id.context("its name is not text")?.to_owned(),
            folder: folder.to_owned(),
            told,
        })
    }

    pub fn is_bad(&self) -> bool {
        self.told.pattern != Pattern::Good
    }
}

//! A thousand packages against an index as large as npm's, and secrets in a large tree.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use safeguard_dependencies::osv::{
    Advisory, Affected, Builder, Event, Level, Loaded, Lookup, Range, RangeKind,
};
use safeguard_dependencies::package::Ecosystem;
use safeguard_secrets::gitleaks::Config;
use safeguard_secrets::{Place, Rules};

use crate::report::{Row, median};

const ROUNDS: usize = 20;
const PACKAGES: usize = 100_000;
const LOOKED_UP: usize = 1_000;

struct OnDisk(File);

impl Lookup for OnDisk {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(bytes, at)
    }
}

pub fn look_ups() -> anyhow::Result<Vec<Row>> {
    let mut builder = Builder::new(Ecosystem::Npm);
    for number in 0..PACKAGES {
        for _ in 0..3 {
            builder.add(&format!("package-{number}"), &advisory(number));
        }
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&builder.finish(0)?)?;
    let file = OnDisk(file);
    let mut milliseconds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let loaded = Loaded::open(&file)?;
        let mut found = 0;
        for number in 0..LOOKED_UP {
            // Half of them are there.
            let name = format!("package-{}", number * 2 * PACKAGES / LOOKED_UP);
            for advisory in loaded.look_up(&file, &name)? {
                found += usize::from(advisory.affects(Ecosystem::Npm, "0.9.0") == Some(true));
            }
        }
        milliseconds.push(begin.elapsed().as_secs_f64() * 1000.0);
        ensure!(found == 3 * LOOKED_UP / 2, "{found} advisories found");
    }
    let name = format!("{LOOKED_UP} packages looked up among {PACKAGES}");
    Ok(vec![
        Row::new(name, median(&mut milliseconds), "ms").at_most(20.0),
    ])
}

fn advisory(number: usize) -> Advisory {
    let range = Range {
        kind: RangeKind::Semver,
        events: vec![
            Event::Introduced("0".to_owned()),
            Event::Fixed(format!("1.{number}.0")),
        ],
    };
    Advisory {
        id: format!("GHSA-{number}"),
        aliases: vec![format!("CVE-2024-{number}")],
        summary: "a summary of the length that summaries have, which is not much more than this".to_owned(),
        level: Level::Unknown,
        affected: vec![Affected {
            ranges: vec![range],
            versions: Vec::new(),
        }],
    }
}

/// On one core, the texts being read before.
pub fn secrets(root: &Path) -> anyhow::Result<Row> {
    let rules = Rules::new(Config::default()).map_err(anyhow::Error::msg)?;
    let mut texts = Vec::new();
    for file in super::sources(root)? {
        if let Ok(text) = std::fs::read_to_string(&file) {
            texts.push((file.to_string_lossy().into_owned(), text));
        }
    }
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for (path, text) in &texts {
            let place = Place {
                path,
                commit: None,
                is_test: false,
                is_code: true,
            };
            std::hint::black_box(rules.find(text, place));
        }
        rates.push(bytes as f64 / 1e6 / begin.elapsed().as_secs_f64());
    }
    Ok(Row::new(
        "secrets in Django's sources, one core",
        median(&mut rates),
        "MB/s",
    )
    .at_least(200.0))
}

//! How long a look-up takes, in a file as large as that of npm.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use safeguard_dependencies::osv::{
    Advisory, Affected, Builder, Event, Level, Loaded, Lookup, Range, RangeKind,
};
use safeguard_dependencies::package::Ecosystem;

/// The goal is 20 ms for a program that is optimised; this one is not, and shares its machine. Whoever read the whole file would be far above it.
const LONGEST: Duration = Duration::from_secs(5);

struct OnDisk(File);

impl Lookup for OnDisk {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(bytes, at)
    }
}

#[test]
fn a_thousand_packages_are_looked_up_in_a_moment() {
    let mut builder = Builder::new(Ecosystem::Npm);
    for number in 0..100_000 {
        let range = Range {
            kind: RangeKind::Semver,
            events: vec![
                Event::Introduced("0".to_owned()),
                Event::Fixed(format!("1.{number}.0")),
            ],
        };
        let advisory = Advisory {
            id: format!("GHSA-{number}"),
            aliases: vec![format!("CVE-2024-{number}")],
            summary: "a summary of the length that summaries have, which is not much more than this"
                .to_owned(),
            level: Level::Unknown,
            affected: vec![Affected {
                ranges: vec![range],
                versions: Vec::new(),
            }],
        };
        for _ in 0..3 {
            builder.add(&format!("package-{number}"), &advisory);
        }
    }
    let bytes = builder.finish(0).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let file = OnDisk(file);
    let begin = Instant::now();
    let loaded = Loaded::open(&file).unwrap();
    let mut affected = 0;
    for number in 0..1_000 {
        // Every second one is there.
        let name = format!("package-{}", number * 200);
        for advisory in loaded.look_up(&file, &name).unwrap() {
            affected += usize::from(advisory.affects(Ecosystem::Npm, "1.0.0") == Some(true));
        }
    }
    let took = begin.elapsed();
    println!("1000 packages in {took:?}, a file of {} bytes", bytes.len());
    assert_eq!(affected, 500 * 3 - 3);
    assert!(took < LONGEST, "{took:?}");
}

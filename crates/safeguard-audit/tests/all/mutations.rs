//! Somebody alters an export: it is found, and what was altered is named as far as it can be known.

use insta::assert_snapshot;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safeguard_audit::hash::{leaf_hash, to_bytes};
use safeguard_audit::{Finding, TlogPath};

use crate::export::{Export, checkpoint, entries, entry, export};

const MUTATIONS: u64 = 3000;

#[test]
fn whole_logs_of_all_kinds_of_sizes_verify() {
    for size in [
        0, 1, 2, 3, 7, 255, 256, 257, 300, 511, 512, 513, 600, 65_535, 65_536, 65_537, 66_000,
    ] {
        let report = export(&entries(size)).verify(&[]);
        assert_eq!(report.findings, [], "{size}");
        assert_eq!(report.size, size);
    }
}

#[test]
fn every_mutation_is_found_and_named() {
    let originals: Vec<Export> = [1, 40, 256, 300, 700, 66_000]
        .map(|size| export(&entries(size)))
        .into();
    let mut mutated = 0;
    for seed in 0..MUTATIONS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The large one has three levels of tiles, and takes longer to verify.
        let which = if seed % 30 == 0 {
            5
        } else {
            random.random_range(0..5)
        };
        let original = &originals[which];
        let paths: Vec<&String> = original.files.keys().collect();
        let path = paths[random.random_range(0..paths.len())].clone();
        let mut altered = original.clone();
        let Some(at) = mutate(altered.files.get_mut(&path).unwrap(), &mut random) else {
            continue;
        };
        mutated += 1;
        let findings = altered.verify(&[]).findings;
        let named = findings
            .iter()
            .any(|finding| names(finding, &path, &original.files[&path], at));
        assert!(
            named,
            "seed {seed}: byte {at} of `{path}` was altered, and found was {findings:?}"
        );
        let only = findings
            .iter()
            .all(|finding| names(finding, &path, &original.files[&path], at));
        let shifted = findings
            .iter()
            .all(|finding| matches!(finding, Finding::Entry { path: found, .. } if *found == path));
        assert!(
            only || shifted,
            "seed {seed}: byte {at} of `{path}` was altered, and also found was {findings:?}"
        );
    }
    assert!(
        mutated > MUTATIONS * 9 / 10,
        "{mutated} of {MUTATIONS} changed anything"
    );
}

#[test]
fn a_missing_file_is_named() {
    let original = export(&entries(700));
    for path in original.files.keys() {
        let mut altered = original.clone();
        altered.files.remove(path);
        assert_eq!(
            altered.verify(&[]).findings,
            [Finding::Missing { path: path.clone() }]
        );
    }
}

#[test]
fn an_altered_entry_is_named_among_many() {
    let mut altered = export(&entries(66_000));
    alter(&mut altered, "tile/entries/007", 300);
    alter(&mut altered, "tile/1/000", 100);
    alter(&mut altered, "tile/entries/257.p/208", 5000);
    alter(&mut altered, "tile/0/008", 5);
    assert_snapshot!(altered.findings(&[]), @r"
    entry 1795 was altered, in `tile/entries/007`
    entry 65846 was altered, in `tile/entries/257.p/208`
    `tile/0/008` was altered, the entries under it were not: it has hashes that were not signed
    `tile/1/000` was altered, the entries under it were not: it has hashes that were not signed
    ");
}

#[test]
fn an_entry_altered_together_with_its_tile_is_named_by_its_tile() {
    let mut altered = export(&entries(1000));
    let mut other = entry(300);
    other[20] ^= 1;
    replace(&mut altered, 300, &other);
    assert_snapshot!(altered.findings(&[]), @"entries 256 to 511 do not lead to the signed root");
}

#[test]
fn pins_show_a_log_that_was_rewritten_and_signed_again() {
    let pins = [
        checkpoint(&entries(100)),
        checkpoint(&entries(300)),
        checkpoint(&entries(500)),
    ];
    let pins: Vec<&str> = pins.iter().map(String::as_str).collect();
    let mut others = entries(600);
    others[350][20] ^= 1;
    let rewritten = export(&others);
    assert_snapshot!(rewritten.findings(&[]), @"");
    assert_snapshot!(rewritten.findings(&pins), @"the log was rewritten and signed again: it differs between entries 300 and 499");
    assert_eq!(rewritten.verify(&pins).pins_continued, 2);
    let cut = export(&entries(400));
    assert_snapshot!(cut.findings(&pins), @"the log has 400 entries, and a pinned checkpoint of it has 500");
    assert_eq!(export(&entries(600)).verify(&pins).pins_continued, 3);
    let none = checkpoint(&[]);
    assert_eq!(export(&entries(600)).verify(&[none.as_str()]).pins_continued, 1);
    assert_snapshot!(export(&entries(5)).findings(&["nonsense"]), @"pin 1 proves nothing: the note is not a signed note: no blank line before the signatures");
}

#[test]
fn pins_narrow_what_cannot_be_proven() {
    let pin = checkpoint(&entries(512));
    let mut altered = export(&entries(600));
    let mut other = entry(550);
    other[20] ^= 1;
    replace(&mut altered, 550, &other);
    assert_snapshot!(altered.findings(&[]), @"entries 0 to 599 do not lead to the signed root");
    assert_snapshot!(altered.findings(&[&pin]), @"entries 512 to 599 do not lead to the signed root");
}

#[test]
fn a_key_that_is_not_the_one_to_trust_is_refused() {
    let export = export(&entries(3));
    let read = |path: &str| Ok::<_, String>(export.files.get(path).cloned());
    let own = String::from_utf8(export.files["vkey"].clone()).unwrap();
    let report = |vkey| {
        let expected = safeguard_audit::Expected {
            vkey: Some(vkey),
            pins: &[],
        };
        safeguard_audit::verify(&read, &expected).findings
    };
    assert_eq!(report(&own), []);
    let other = safeguard_audit::Signer::new("other", &[1; 32])
        .unwrap()
        .vkey()
        .to_string();
    assert!(matches!(&report(&other)[..], [Finding::Vkey { .. }]));
}

#[test]
fn without_a_signature_nothing_is_said_of_the_entries() {
    let mut export = export(&entries(3));
    let checkpoint = export.files.get_mut("checkpoint").unwrap();
    let text = String::from_utf8(checkpoint.clone()).unwrap();
    *checkpoint = text.split_once("\n\n").unwrap().0.as_bytes().to_vec();
    export.files.get_mut("tile/entries/000.p/3").unwrap()[3] ^= 1;
    let read = |path: &str| Ok::<_, String>(export.files.get(path).cloned());
    let found = safeguard_audit::verify(&read, &safeguard_audit::Expected::default()).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    let said = found[0].to_string();
    assert!(
        said.starts_with("the checkpoint cannot be trusted, so no entry was looked at: "),
        "{said}"
    );
}

/// Puts another entry of the same length in an entry's place, and its hash into the tile.
fn replace(export: &mut Export, index: u64, other: &[u8]) {
    let size = entries_in(export);
    let tile = safeguard_audit::Tile::at(0, index / 256, size).unwrap();
    let hash = to_bytes(&[leaf_hash(other)]);
    let at = (index % 256) as usize * 32;
    export.files.get_mut(&tile.path()).unwrap()[at..at + 32].copy_from_slice(&hash);
    let before: usize = (index / 256 * 256..index)
        .map(|index| 2 + entry(index).len())
        .sum();
    let bundle = export.files.get_mut(&tile.entries_path()).unwrap();
    bundle[before + 2..before + 2 + other.len()].copy_from_slice(other);
}

fn entries_in(export: &Export) -> u64 {
    safeguard_audit::note::parse_unverified(&export.files["checkpoint"])
        .unwrap()
        .size
}

fn alter(export: &mut Export, path: &str, at: usize) {
    export.files.get_mut(path).unwrap()[at] ^= 1;
}

/// Changes bytes and returns the first place that differs; none if nothing does.
fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) -> Option<usize> {
    let before = bytes.clone();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..5) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes.insert(at, random.random_range(0..=255)),
        2 => drop(bytes.remove(at)),
        3 => {
            let other = random.random_range(0..bytes.len());
            bytes.swap(at, other);
        }
        _ => bytes.truncate(at),
    }
    let same = before
        .iter()
        .zip(bytes.iter())
        .take_while(|(before, after)| before == after)
        .count();
    (before != *bytes).then_some(same)
}

/// Whether a finding is about the first altered byte.
fn names(finding: &Finding, path: &str, original: &[u8], at: usize) -> bool {
    match finding {
        Finding::Vkey { .. } => path == "vkey",
        Finding::Checkpoint { .. } => path == "checkpoint" || path == "vkey",
        Finding::Tile { path: found, .. } => found == path,
        Finding::Entry { path: found, index } => found == path && *index == entry_at(path, original, at),
        Finding::Bundle {
            path: found, from, ..
        } => found == path && *from == entry_at(path, original, at),
        _ => false,
    }
}

/// The number of the entry that has byte `at` of a bundle, its length included; one more than the last at the end.
fn entry_at(path: &str, bundle: &[u8], at: usize) -> u64 {
    let Some(TlogPath::Entries(tile)) = TlogPath::parse(path) else {
        return u64::MAX;
    };
    let (mut end, mut index) = (0, tile.index * 256);
    for entry in safeguard_audit::tile::entries_of(bundle) {
        end += 2 + entry.unwrap().len();
        if at < end {
            return index;
        }
        index += 1;
    }
    index
}

#[test]
#[ignore = "prints a figure"]
fn a_million_entries() {
    let text = vec![b'x'; 590];
    let entries: Vec<Vec<u8>> = (0..1_000_000)
        .map(|at| [format!("{at:010}").as_bytes(), &text].concat())
        .collect();
    let export = export(&entries);
    let start = std::time::Instant::now();
    assert_eq!(export.verify(&[]).findings, []);
    println!("{:?}", start.elapsed());
}

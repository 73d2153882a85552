//! Whatever is broken parses, is another program, and is the same whenever it is asked for.

use std::path::Path;

use proptest::prelude::*;
use safeguard_mutation::{Lines, mutants, probes};
use safeguard_scan::language;

use crate::cases::{blocks, read};

/// The code on the pages of the rules: much of it, and written for something else.
fn files() -> Vec<(String, String)> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../safeguard-scan/src/rules");
    let mut found = Vec::new();
    for family in std::fs::read_dir(rules).expect("the rules") {
        let family = family.expect("a family").path();
        if !family.is_dir() {
            continue;
        }
        let mut pages: Vec<_> = std::fs::read_dir(family)
            .expect("a family")
            .map(|entry| entry.expect("a page").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
            .collect();
        pages.sort();
        for page in pages {
            let text = std::fs::read_to_string(page).expect("a page");
            let code = blocks(&text).into_iter().map(|(fence, text)| {
                let language = fence.split(' ').next().unwrap_or("").to_owned();
                (language, text)
            });
            found.extend(code.filter(|(language, text)| read(language, text).is_some()));
        }
    }
    assert!(found.len() > 500, "{} files", found.len());
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_broken_parses_and_is_another_program(seed in any::<prop::sample::Index>(), first in 1usize..12, count in 1usize..30, most in 1usize..20) {
        let files = files();
        // A stretch of files for each seed, so that reading them all pays.
        let start = seed.index(files.len());
        for (language, text) in files.iter().cycle().skip(start).take(40) {
            let source = read(language, text).expect("read before");
            let lines = Lines::of(std::iter::once(first..first + count));
            let found = mutants(&source, &lines, most);
            prop_assert_eq!(&found, &mutants(&source, &lines, most));
            let outline = source.tree.outline();
            for mutant in &found {
                let broken = mutant.applied(text);
                let tree = language::parse(source.tree.language(), &broken);
                prop_assert!(tree.is_ok_and(|tree| tree.outline() != outline), "{:?}\n{}", mutant, broken);
                let begins = text[..mutant.span.start].matches('\n').count() + 1;
                let ends = begins + text[mutant.span.clone()].matches('\n').count();
                prop_assert!(lines.touch(begins, ends), "{:?} is not in lines {}", mutant, first);
                let of_function = found.iter().filter(|other| other.function == mutant.function).count();
                prop_assert!(of_function <= most, "{} of `{}`", of_function, mutant.function);
            }
            for probe in probes(&source, &found) {
                prop_assert!(language::parse(source.tree.language(), &probe.applied(text)).is_ok());
            }
        }
    }
}

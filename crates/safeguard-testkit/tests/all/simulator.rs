//! The simulator: every seed holds every invariant, and what is broken on purpose is found.

use std::time::Instant;

use safeguard_testkit::simulator::{Breakage, Candidate, Outcome, run};

/// Runs the seeds on two threads.
fn rollouts(seeds: std::ops::Range<u64>) -> Vec<Outcome> {
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    let each = |seeds: std::ops::Range<u64>| {
        move || {
            seeds
                .map(|seed| run(seed, Breakage::None).unwrap_or_else(|violation| panic!("{violation}")))
                .collect()
        }
    };
    let first = std::thread::spawn(each(seeds.start..half));
    let mut all: Vec<Outcome> = each(half..seeds.end)();
    let joined: Vec<Outcome> = first
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    all.extend(joined);
    all
}

#[test]
fn every_invariant_holds_for_every_seed() {
    let count = if std::env::var_os("SAFEGUARD_LONG").is_some() {
        1000
    } else {
        200
    };
    let begun = Instant::now();
    let outcomes = rollouts(0..count);
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let ticks: u64 = outcomes.iter().map(|outcome| outcome.ticks).sum();
    println!(
        "{count} rollouts of 7 days in {:.1} s: {:.0} a minute, {:.2} million planner ticks a minute",
        minutes * 60.0,
        count as f64 / minutes,
        ticks as f64 / minutes / 1e6
    );
    let mut table: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for outcome in &outcomes {
        let stopped = outcome.stopped_by.as_deref().unwrap_or("-");
        *table
            .entry(format!("{:?} {} {stopped}", outcome.candidate, outcome.phase))
            .or_default() += 1;
    }
    for (what, count) in table {
        println!("{count:5}  {what}");
    }
    for outcome in outcomes.iter().filter(|outcome| !outcome.observed_only) {
        let bad = matches!(
            outcome.candidate,
            Candidate::Errors { .. } | Candidate::ErrorsEverywhere { .. } | Candidate::NeverHealthy
        );
        assert!(
            !bad || outcome.phase != "live",
            "a bad candidate is live: {outcome:?}"
        );
    }
}

#[test]
fn what_is_broken_on_purpose_is_found() {
    for breakage in [
        Breakage::IgnoresFreeze,
        Breakage::IgnoresCalendars,
        Breakage::SoakSurvivesClockJump,
        Breakage::RaisesAfterReduction,
        Breakage::AppliesOlderTables,
        Breakage::IgnoresGates,
    ] {
        let found = (0..60).find_map(|seed| run(seed, breakage).err());
        match found {
            Some(violation) => println!("{breakage:?}: {violation}"),
            None => panic!("{breakage:?} was not found in 60 rollouts"),
        }
    }
}

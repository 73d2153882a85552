//! JUnit XML, in the dialects of pytest, surefire, gotestsum, nextest, jest and others.
//!
//! Tests are counted, not read from the figures of a suite; only a suite that says more failures than its tests show
//! is believed, since some tools note a suite that could not begin there alone.

use std::collections::BTreeMap;

use safeguard_api::evidence::{FAILED_NAMES_MAX, Facts, Layer, Tests};

use super::xml::{Element, Item, Xml};
use super::{NAME_BYTES_MAX, Read, json::cut};
use crate::unreadable::Unreadable;

const HINT: &str = "it must begin with `<testsuites>` or `<testsuite>`";

#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
    failures: Vec<String>,
}

/// The test that is being read.
struct Test {
    name: String,
    failed: bool,
    skipped: bool,
}

/// A suite that is being read: what it says has failed, and what was seen to.
#[derive(Default)]
struct Suite {
    says_failed: u64,
    seen_failed: u64,
    name: String,
}

pub(super) fn read(text: &str, layer: Option<Layer>) -> Result<Read, Unreadable> {
    let counts = count(&mut Xml::new(text))?;
    let executed = counts.passed + counts.failed;
    let layers = layer
        .map(|layer| (layer, executed))
        .filter(|(_, executed)| *executed > 0);
    let mut read = Read::new(Facts::Tests(Tests {
        executed,
        failed: counts.failed,
        skipped: counts.skipped,
        layers: BTreeMap::from_iter(layers),
        failures: counts.failures,
    }));
    if executed == 0 {
        let why = format!("no test was executed ({} skipped)", counts.skipped);
        read.inconclusive.push(why);
    }
    Ok(read)
}

fn count(xml: &mut Xml<'_>) -> Result<Counts, Unreadable> {
    let mut counts = Counts::default();
    let mut suites: Vec<Suite> = Vec::new();
    let mut test: Option<Test> = None;
    while let Some(item) = xml.next()? {
        match item {
            Item::Open(element) => match (element.name(), &mut test) {
                ("testsuites" | "testsuite", None) => suites.push(suite(xml, &element)?),
                ("testcase", None) if !suites.is_empty() => test = Some(begin_test(xml, &element)?),
                ("failure" | "error", Some(test)) => test.failed = true,
                ("skipped" | "disabled", Some(test)) => test.skipped = true,
                ("failure" | "error", None) => {
                    if let Some(suite) = suites.last_mut() {
                        suite.says_failed = suite.says_failed.max(suite.seen_failed + 1);
                    }
                }
                (name, _) if suites.is_empty() => {
                    return Err(xml.refuse(format!("`<{}>` is not JUnit XML", cut(name, 40)), HINT));
                }
                _ => {}
            },
            Item::Close(name) => match name.rsplit(':').next().unwrap_or_default() {
                "testcase" => {
                    if let Some(test) = test.take() {
                        end_test(test, suites.last_mut(), &mut counts);
                    }
                }
                "testsuite" | "testsuites" => {
                    if let Some(suite) = suites.pop() {
                        end_suite(suite, suites.last_mut(), &mut counts);
                    }
                }
                _ => {}
            },
            Item::Text(_) => {}
        }
    }
    Ok(counts)
}

fn suite(xml: &Xml<'_>, element: &Element<'_>) -> Result<Suite, Unreadable> {
    let [name, failures, errors] = xml.attributes(element, ["name", "failures", "errors"])?;
    let mut says_failed = 0u64;
    for (attribute, value) in [("failures", failures), ("errors", errors)] {
        // Some tools leave a figure empty instead of writing 0.
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            says_failed = says_failed.saturating_add(xml.number(attribute, &value)?);
        }
    }
    Ok(Suite {
        says_failed,
        seen_failed: 0,
        name: cut(name.as_deref().unwrap_or("a suite"), NAME_BYTES_MAX).to_owned(),
    })
}

fn begin_test(xml: &Xml<'_>, element: &Element<'_>) -> Result<Test, Unreadable> {
    let [class, name, status] = xml.attributes(element, ["classname", "name", "status"])?;
    let name = name.as_deref().unwrap_or("a test without a name").trim();
    let name = match class
        .as_deref()
        .map(str::trim)
        .filter(|class| !class.is_empty() && !name.starts_with(*class))
    {
        Some(class) => format!("{} {}", cut(class, NAME_BYTES_MAX), cut(name, NAME_BYTES_MAX)),
        None => cut(name, NAME_BYTES_MAX).to_owned(),
    };
    // GoogleTest and others write tests that did not run as tests with nothing in them.
    let skipped =
        ["notrun", "skipped", "disabled", "pending"].contains(&status.as_deref().unwrap_or_default());
    Ok(Test {
        name,
        failed: false,
        skipped,
    })
}

fn end_test(test: Test, suite: Option<&mut Suite>, counts: &mut Counts) {
    if test.failed {
        counts.failed += 1;
        if let Some(suite) = suite {
            suite.seen_failed += 1;
        }
        note_failure(counts, test.name);
    } else if test.skipped {
        counts.skipped += 1;
    } else {
        counts.passed += 1;
    }
}

fn end_suite(suite: Suite, above: Option<&mut Suite>, counts: &mut Counts) {
    let unseen = suite.says_failed.saturating_sub(suite.seen_failed);
    if unseen > 0 {
        counts.failed = counts.failed.saturating_add(unseen);
        note_failure(counts, format!("{} (without a test of its own)", suite.name));
    }
    if let Some(above) = above {
        above.seen_failed = above
            .seen_failed
            .saturating_add(suite.seen_failed.max(suite.says_failed));
    }
}

fn note_failure(counts: &mut Counts, name: String) {
    if counts.failures.len() < FAILED_NAMES_MAX {
        counts.failures.push(name);
    }
}

//! JUnit XML in the dialects of those who write it.

use insta::assert_snapshot;
use safeguard_api::evidence::{EvidenceSpec, Format, Layer};

use super::{facts, report, spec};

fn junit() -> EvidenceSpec {
    EvidenceSpec {
        layer: Some(Layer::Logic),
        ..spec(Format::Junit)
    }
}

#[test]
fn pytest() {
    assert_snapshot!(facts(&junit(), report("pytest.xml")), @r"
    3 executed, 1 failed, 1 skipped, layers {Logic: 3}
    failed: tests.test_prices test_wrong
    ");
}

#[test]
fn surefire() {
    assert_snapshot!(facts(&junit(), report("surefire.xml")), @r"
    2 executed, 1 failed, 1 skipped, layers {Logic: 2}
    failed: shop.PricesTest wrong
    ");
}

#[test]
fn gotestsum() {
    assert_snapshot!(facts(&junit(), report("gotestsum.xml")), @r"
    3 executed, 2 failed, 1 skipped, layers {Logic: 3}
    failed: shop TestWrong/sub
    failed: shop TestWrong
    ");
}

#[test]
fn nextest_with_a_flaky_test() {
    assert_snapshot!(facts(&junit(), report("nextest.xml")), @r"
    3 executed, 1 failed, 1 skipped, layers {Logic: 3}
    failed: shop prices::wrong
    ");
}

#[test]
fn jest() {
    assert_snapshot!(facts(&junit(), report("jest.xml")), @r"
    2 executed, 1 failed, 1 skipped, layers {Logic: 2}
    failed: wrong
    ");
}

#[test]
fn vitest() {
    assert_snapshot!(facts(&junit(), report("vitest.xml")), @r"
    2 executed, 1 failed, 1 skipped, layers {Logic: 2}
    failed: prices.test.mjs wrong
    ");
}

#[test]
fn a_suite_that_could_not_begin_has_failed() {
    assert_snapshot!(
        facts(&junit(), r#"<testsuites><testsuite name="s" errors="1"><testcase name="t"/></testsuite></testsuites>"#),
        @r"
        2 executed, 1 failed, 0 skipped, layers {Logic: 2}
        failed: s (without a test of its own)
        "
    );
    assert_snapshot!(
        facts(&junit(), r#"<testsuite name="s"><error message="no database"/><testcase name="t"/></testsuite>"#),
        @r"
        2 executed, 1 failed, 0 skipped, layers {Logic: 2}
        failed: s (without a test of its own)
        "
    );
}

#[test]
fn figures_of_outer_suites_count_once() {
    assert_snapshot!(
        facts(
            &junit(),
            r#"<testsuites failures="2"><testsuite name="a" failures="2"><testsuite name="b" failures="1">
            <testcase name="x"><failure/></testcase></testsuite><testsuite name="c" failures="1">
            <testcase name="y"><error/></testcase></testsuite></testsuite></testsuites>"#
        ),
        @r"
        2 executed, 2 failed, 0 skipped, layers {Logic: 2}
        failed: x
        failed: y
        "
    );
}

#[test]
fn nothing_executed_is_inconclusive() {
    assert_snapshot!(facts(&junit(), "<testsuites/>"), @r"
    0 executed, 0 failed, 0 skipped, layers {}
    inconclusive: no test was executed (0 skipped)
    ");
    assert_snapshot!(
        facts(&junit(), r#"<testsuite><testcase name="a"><skipped/></testcase><testcase name="b" status="notrun"/></testsuite>"#),
        @r"
        0 executed, 0 failed, 2 skipped, layers {}
        inconclusive: no test was executed (2 skipped)
        "
    );
}

#[test]
fn without_a_layer_tests_belong_to_none() {
    assert_snapshot!(facts(&spec(Format::Junit), r#"<testsuite><testcase name="a"/></testsuite>"#), @"1 executed, 0 failed, 0 skipped, layers {}");
}

#[test]
fn what_is_not_junit_is_refused() {
    assert_snapshot!(facts(&junit(), "<html><body/></html>"), @r"
    line 1, column 7: `<html>` is not JUnit XML
    hint: it must begin with `<testsuites>` or `<testsuite>`
    ");
    assert_snapshot!(facts(&junit(), "<testsuite><testcase></testsuite>"), @r"
    line 1, column 22: ill-formed document: expected `</testcase>`, but `</testsuite>` was found
    hint: look whether the tool was ended before it had written everything
    ");
    assert_snapshot!(facts(&junit(), "<testsuite><testcase name='a'/>"), @r"
    line 1, column 32: it ends with 1 elements open
    hint: look whether the tool was ended before it had written everything
    ");
    assert_snapshot!(facts(&junit(), "<testsuite failures='many'/>"), @r"
    line 1, column 29: `failures` is `many`, not a number in its bounds
    hint: check the format that you named
    ");
    assert_snapshot!(facts(&junit(), "<testsuite/><testsuite/>"), @r"
    line 1, column 25: a second document after the first
    hint: send one report at a time
    ");
    assert_snapshot!(facts(&junit(), "<testsuite><testcase name='a' name='b'/></testsuite>"), @r"
    line 1, column 41: position 18: duplicated attribute, previous declaration at position 9
    hint: look whether the tool was ended before it had written everything
    ");
}

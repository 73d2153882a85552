//! LCOV, Cobertura and JaCoCo.

use insta::assert_snapshot;
use safeguard_api::evidence::Format;

use super::{facts, report, spec};

#[test]
fn lcov_of_coverage_py() {
    assert_snapshot!(facts(&spec(Format::Lcov), report("coverage.lcov")), @r"
    shop/__init__.py: covered [] missed []
    shop/prices.py: covered [1 4-7 10] missed [11]
    ");
}

#[test]
fn lcov_of_vitest() {
    assert_snapshot!(facts(&spec(Format::Lcov), report("vitest.lcov")), @r"
    src/bad.mjs: covered [] missed [1-2]
    src/prices.mjs: covered [1-2 5-6] missed [3-4]
    ");
}

#[test]
fn cobertura_of_coverage_py() {
    assert_snapshot!(facts(&spec(Format::Cobertura), report("coverage.xml")), @r"
    /home/ci/shop/shop/__init__.py: covered [] missed []
    /home/ci/shop/shop/prices.py: covered [1 4-7 10] missed [11]
    ");
}

#[test]
fn cobertura_of_istanbul() {
    assert_snapshot!(facts(&spec(Format::Cobertura), report("vitest-cobertura.xml")), @r"
    /home/ci/js/src/bad.mjs: covered [] missed [1-2]
    /home/ci/js/src/prices.mjs: covered [1-2 5-6] missed [3-4]
    ");
}

#[test]
fn jacoco() {
    assert_snapshot!(facts(&spec(Format::Jacoco), report("jacoco.xml")), @"shop/Prices.java: covered [5 8] missed [3 6]");
}

#[test]
fn a_line_executed_once_in_any_record_is_covered() {
    let twice =
        "SF:a.c\nDA:1,0\nDA:2,0\nend_of_record\nTN:other\nSF:a.c\nDA:1,3,checksum\nDA:2,-1\nend_of_record\n";
    assert_snapshot!(facts(&spec(Format::Lcov), twice), @"a.c: covered [1] missed [2]");
}

#[test]
fn what_is_not_a_tracefile_is_refused_with_its_line() {
    let lcov = |text: &str| facts(&spec(Format::Lcov), text);
    assert_snapshot!(lcov("DA:1,1\n"), @r"
    line 1: `DA` outside of a record
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("SF:a\nDA:x,1\n"), @r"
    line 2: `DA:x,1` is not a line and a count
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("SF:a\nDA:0,1\n"), @r"
    line 2: lines count from 1
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("SF:a\nDA:-1,1\n"), @r"
    line 2: `DA:-1,1` is not a line and a count
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("SF:a\nDA:1,NaN\n"), @r"
    line 2: `DA:1,NaN` is not a line and a count
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("SF:a\nDA:1,1\n"), @r"
    it ends within record 1
    hint: look whether the tool was ended too early
    ");
    assert_snapshot!(lcov("hello\n"), @r"
    line 1: `hello` is not a line of LCOV
    hint: it must be a tracefile, as `lcov` or `cargo llvm-cov --lcov` writes it
    ");
    assert_snapshot!(lcov("TN:\n"), @"inconclusive: no line of any file is in it");
}

#[test]
fn what_is_not_cobertura_or_jacoco_is_refused() {
    let cobertura = |text: &str| facts(&spec(Format::Cobertura), text);
    assert_snapshot!(cobertura("<report/>"), @r"
    line 1, column 10: `<report>` is not Cobertura
    hint: it must begin with `<coverage>` and have `<class filename=…>` with `<line number=… hits=…>`
    ");
    assert_snapshot!(cobertura("<coverage><line number='1' hits='1'/></coverage>"), @r"
    line 1, column 38: a line without class, `number` or `hits`
    hint: it must begin with `<coverage>` and have `<class filename=…>` with `<line number=… hits=…>`
    ");
    assert_snapshot!(cobertura("<coverage><class filename='a'><line number='-1' hits='1'/></class></coverage>"), @r"
    line 1, column 59: `number` is `-1`, not a number in its bounds
    hint: check the format that you named
    ");
    assert_snapshot!(cobertura("<coverage/>"), @"inconclusive: no line of any file is in it");
    let jacoco = |text: &str| facts(&spec(Format::Jacoco), text);
    assert_snapshot!(jacoco("<coverage/>"), @r"
    line 1, column 12: `<coverage>` is not JaCoCo
    hint: it must begin with `<report>`, as `jacoco:report` writes it to jacoco.xml
    ");
    assert_snapshot!(jacoco("<report><package><sourcefile name='A.java'/></package></report>"), @r"
    line 1, column 18: a package without `name`
    hint: it must begin with `<report>`, as `jacoco:report` writes it to jacoco.xml
    ");
}

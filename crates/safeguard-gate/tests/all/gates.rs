//! The cases of the gates' pages, and what holds for all gates.

use insta::assert_snapshot;
use safeguard_api::Stage;
use safeguard_api::checklist::{BoxState, CheckBox};
use safeguard_api::gate::{Gate, GateVerdict, Refused, Verdict};
use safeguard_gate::gates::GATES;
use safeguard_gate::{
    CHECKLIST_PAGE, DOCUMENTATION_PAGE, PYRAMID_PAGE, checklist, documentation, judge, open_boxes, pyramid,
};

use crate::scene::Scene;

fn verdict(scene: &Scene, gate: Gate) -> GateVerdict {
    scene.judge(|case| judge(case, &[gate])).verdicts.remove(0)
}

/// One case of a page: what is expected, and the lines that say what there is.
struct PageCase<'p> {
    verdict: &'p str,
    reason: &'p str,
    lines: &'p str,
}

fn cases(page: &str) -> Vec<PageCase<'_>> {
    let blocks = page.split("```case ").skip(1);
    let cases = blocks.map(|block| {
        let (head, rest) = block.split_once('\n').unwrap();
        let (verdict, reason) = head.split_once(": ").unwrap_or((head, ""));
        PageCase {
            verdict,
            reason,
            lines: rest.split_once("```").unwrap().0,
        }
    });
    cases.collect()
}

#[test]
fn every_case_of_every_page_is_judged_as_the_page_says() {
    let mut wrong = Vec::new();
    // The cases of `human-approval` sign with real keys, and are run beside them.
    for rule in GATES.iter().filter(|rule| rule.gate != Gate::HumanApproval) {
        for case in cases(rule.page) {
            let found = verdict(&Scene::of(case.lines), rule.gate);
            if found.verdict.to_string() != case.verdict || !found.reason.contains(case.reason) {
                wrong.push(format!(
                    "{}: {}: {}\n{}found {}: {}\n",
                    rule.gate, case.verdict, case.reason, case.lines, found.verdict, found.reason
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_of_the_pyramid_is_judged_as_its_page_says() {
    for case in cases(PYRAMID_PAGE) {
        let found = Scene::of(case.lines).judge(|scene| pyramid(scene, Stage::Staging));
        let told = format!("{}: {}", found.verdict, found.reason);
        assert_eq!(found.verdict.to_string(), case.verdict, "{}{told}", case.lines);
        assert!(found.reason.contains(case.reason), "{}{told}", case.lines);
    }
}

#[test]
fn every_case_of_the_documentation_is_judged_as_its_page_says() {
    for case in cases(DOCUMENTATION_PAGE) {
        let found = Scene::of(case.lines).judge(documentation);
        let told = format!("{}: {}", found.verdict, found.reason);
        assert_eq!(found.verdict.to_string(), case.verdict, "{}{told}", case.lines);
        assert!(found.reason.contains(case.reason), "{}{told}", case.lines);
    }
}

#[test]
fn every_case_of_the_checklist_is_as_its_page_says() {
    let mut answered = std::collections::BTreeSet::new();
    for case in cases(CHECKLIST_PAGE) {
        let boxes = Scene::of(case.lines).judge(|scene| checklist(&scene.changes[0]));
        let told = |one: &CheckBox| format!("{} — {}", one.text, one.why);
        let found = boxes.iter().find(|one| told(one).starts_with(case.reason));
        let all: Vec<String> = boxes.iter().map(told).collect();
        let found = found.unwrap_or_else(|| panic!("{}: not in {all:#?}", case.reason));
        let state = match found.state {
            BoxState::Done => "done",
            BoxState::Open => "open",
            BoxState::Unknown => "unknown",
        };
        assert_eq!(state, case.verdict, "{}", case.reason);
        answered.insert((found.text.clone(), state));
    }
    // Each box in each state that it can be in: what a person answers is never known by itself where nothing measures it.
    assert_eq!(answered.len(), 20, "{answered:#?}");
}

#[test]
fn an_open_box_keeps_people_from_approving() {
    let open = |settings: &str| {
        let lines = format!(
            "written by scribe\nattached prompts\nattached intent\nsam answers on-call yes: sam\n{settings}"
        );
        Scene::of(&lines).judge(open_boxes).join("\n")
    };
    assert_snapshot!(open(""), @r#"
    the box "no production credentials were in reach" of chg_0000000004000001 is not ticked: nothing measures it; ask the prompter: `safeguard change attest chg_0000000004000001 credentials --yes --reason "…"`
    the box "it sits behind a flag with a kill switch" of chg_0000000004000001 is not ticked: nothing here evaluates flags; look in the diff: `safeguard change attest chg_0000000004000001 flag --yes --reason "…"`
    "#);
    assert_eq!(open("settings: checklist.required = false"), "");
}

#[test]
fn each_stage_asks_for_one_layer_more() {
    let scene = Scene::of("semgrep reports nothing\ntests logic 40\ncovers src/pay.rs 10-20");
    let missing = |scene: &Scene| {
        let of = |stage: Stage| {
            format!(
                "{stage}: {}\n",
                scene.judge(|case| pyramid(case, stage)).missing.join("; ")
            )
        };
        Stage::ALL.into_iter().map(of).collect::<String>()
    };
    assert_snapshot!(missing(&scene), @r"
    dev: 
    qa: no test of layer `integration` was executed; `safeguard evidence add --service shop --format junit --commit e117796c721346062f73bfb9ed01651ce9c04450 REPORT` with `--layer integration`
    staging: no test of layer `integration` was executed; `safeguard evidence add --service shop --format junit --commit e117796c721346062f73bfb9ed01651ce9c04450 REPORT` with `--layer integration`; nothing was shown in layer `chaos`; `safeguard drill run rel_0000000004000001`
    canary: no test of layer `integration` was executed; `safeguard evidence add --service shop --format junit --commit e117796c721346062f73bfb9ed01651ce9c04450 REPORT` with `--layer integration`; nothing was shown in layer `chaos`; `safeguard drill run rel_0000000004000001`; no user's request was answered in production; the canary brings them
    production: no test of layer `integration` was executed; `safeguard evidence add --service shop --format junit --commit e117796c721346062f73bfb9ed01651ce9c04450 REPORT` with `--layer integration`; nothing was shown in layer `chaos`; `safeguard drill run rel_0000000004000001`; no user's request was answered in production; the canary brings them
    ");
    let scene = Scene::of(
        "semgrep reports nothing\ntests logic 40\ncovers src/pay.rs 10-20\ntests integration 25\ndrill\nproduction requests 9",
    );
    assert!(
        missing(&scene).lines().all(|line| line.ends_with(": ")),
        "{}",
        missing(&scene)
    );
    let shares = scene.judge(|case| pyramid(case, Stage::Production)).layers;
    let shares: Vec<String> = shares
        .iter()
        .map(|standing| {
            format!(
                "{} {} {:.1} % of {} %",
                standing.layer, standing.executed, standing.share_percent, standing.target_percent
            )
        })
        .collect();
    assert_snapshot!(shares.join("\n"), @r"
    syntax 1 1.4 % of 10 %
    logic 40 57.1 % of 20 %
    integration 25 35.7 % of 25 %
    chaos 3 4.3 % of 25 %
    production 1 1.4 % of 20 %
    ");
}

#[test]
fn every_page_says_what_why_what_to_do_and_has_a_case_for_each_verdict() {
    for rule in GATES {
        let gate = rule.gate;
        assert!(rule.page.starts_with(&format!("# {gate}\n")), "{gate}");
        for part in ["**Why.**", "**What to do instead.**", "## Cases"] {
            assert!(rule.page.contains(part), "{gate} has no {part}");
        }
        for verdict in ["pass", "fail", "inconclusive"] {
            assert!(
                cases(rule.page).iter().any(|case| case.verdict == verdict),
                "{gate}: no case is {verdict}"
            );
        }
    }
}

#[test]
fn without_evidence_nothing_passes_and_each_gate_says_what_to_type() {
    let scene = Scene::of("");
    for gate in Gate::ALL {
        let verdict = verdict(&scene, gate);
        assert_eq!(verdict.verdict, Verdict::Inconclusive, "{gate}");
        let says = verdict
            .missing
            .iter()
            .any(|missing| missing.contains("`safeguard "));
        assert!(
            says || gate == Gate::HumanApproval,
            "{gate}: {:?}",
            verdict.missing
        );
    }
}

#[test]
fn all_gates_are_judged_in_their_order_and_the_first_refusal_stops() {
    let scene = Scene::of("semgrep reports high eval at src/pay.rs:12");
    let report = scene.judge(|case| {
        judge(
            case,
            &[Gate::RollbackTest, Gate::SecurityScan, Gate::StaticAnalysis],
        )
    });
    let said: Vec<String> = report
        .verdicts
        .iter()
        .map(|verdict| format!("{} {}", verdict.gate, verdict.verdict))
        .collect();
    assert_eq!(
        said,
        [
            "static-analysis fail",
            "security-scan pass",
            "rollback-test inconclusive"
        ]
    );
    assert!(matches!(report.permit().unwrap_err(), Refused::Gate(said) if said.gate == Gate::StaticAnalysis));
}

/// Everything that a verdict says, as a person would read it.
fn explained(scene: &Scene, gate: Gate) -> String {
    let verdict = verdict(scene, gate);
    let mut text = format!("{}: {}\n", verdict.verdict, verdict.reason);
    for figure in &verdict.figures {
        let met = if figure.met { "ok " } else { "NOT" };
        text.push_str(&format!(
            "  {met} {}: {} (limit {})\n",
            figure.name, figure.value, figure.limit
        ));
    }
    for missing in &verdict.missing {
        text.push_str(&format!("  missing: {missing}\n"));
    }
    text
}

#[test]
fn figures_stand_beside_their_limits() {
    let scene = Scene::of(
        "semgrep reports high eval at src/pay.rs:12\nsettings: static-analysis.tools = [\"semgrep\", \"ruff\"]",
    );
    assert_snapshot!(explained(&scene, Gate::StaticAnalysis), @r"
    fail: high semgrep[eval] at src/pay.rs:12 (fingerprint eval)
      NOT new findings of severity high and above: 1 (limit 0)
      ok  `semgrep` ran: yes (limit yes)
      NOT `ruff` ran: no (limit yes)
      missing: no report of `ruff` is about this release; `safeguard evidence add --service shop --format sarif --commit e117796c721346062f73bfb9ed01651ce9c04450 REPORT`
    ");
    let scene = Scene::of(
        "load all 20000 6 p50 10.2 p95 31.0 p99 80\nlive load all 20000 4 p50 10 p95 30 p99 79\n\
        live load cart 500 0 p50 10 p95 30",
    );
    assert_snapshot!(explained(&scene, Gate::PerformanceBaseline), @r"
    inconclusive: `all`: p95 31.00 ms against 30.00 ms, +3.3 % (between -1.6 % and +8.5 %): not yet shown to be within +5 %; measure both with about 186591 requests (and 1 more)
      ok  `all`: requests: 20000 against 20000 (limit at least 1000 each)
      ok  `all`: p50: 10.20 ms against 10.00 ms, +2.0 % (between +0.6 % and +3.4 %) (limit shown to be at most +5 %)
      NOT `all`: p95: 31.00 ms against 30.00 ms, +3.3 % (between -1.6 % and +8.5 %) (limit shown to be at most +5 %)
      ok  `all`: p99: 80.00 ms against 79.00 ms, +1.3 % (between -7.1 % and +10.4 %) (limit not shown to be over +5 %)
      ok  `all`: failed requests: 6 of 20000 against 4 of 20000, at most +0.11 percentage points (limit +0.5 percentage points)
      missing: `all`: p95 31.00 ms against 30.00 ms, +3.3 % (between -1.6 % and +8.5 %): not yet shown to be within +5 %; measure both with about 186591 requests
      missing: series `cart` of the live artifact's load is not in this artifact's; measure both with the same script
    ");
    let scene = Scene::of("resources watched 2m memory 900 processor 120 growth 3");
    assert_snapshot!(explained(&scene, Gate::ResourceLimits), @r"
    fail: memory 87.9 % (900 of 1024 MiB) (limit 80 %)
      ok  watched: 2m (limit at least 1m)
      NOT memory: 87.9 % (900 of 1024 MiB) (limit 80 %)
      ok  processor: 30.0 % (120 of 400 % of one core) (limit 80 %)
      ok  growth of memory: 3.0 % (limit 20 %)
    ");
    let scene = Scene::of("drill\ndrill SIGSTOP takes 31s\ndrill without errors");
    assert_snapshot!(explained(&scene, Gate::RollbackTest), @r"
    fail: after SIGSTOP: the rollback took 31s (limit 30s)
      ok  artifact: c7c5c1d70c5d (limit c7c5c1d70c5d)
      ok  configuration: b7d64a922100 (limit b7d64a922100)
      ok  live artifact: 247610f4dedd (limit 247610f4dedd)
      ok  concurrent requests: 200 (limit at least 200)
      ok  requests lost by the rollback: 0 of 40000 (limit 0)
      ok  acknowledged writes lost or unread: 0 of 8000 (limit 0)
      ok  SIGKILL: 1s 950ms (detect 700ms, flip 50ms, drain 900ms, verify 300ms) (limit 30s)
      NOT SIGSTOP: 31s (detect 0s, flip 0s, drain 31s, verify 0s) (limit 30s)
    ");
    let scene = Scene::of(
        "adds migrations/0007_split_name.sql 1-9\ncheck totals: 0 of 900 rows are wrong\n\
        migration 0007_split_name: 900 rows become 890, 4 intended",
    );
    assert_snapshot!(explained(&scene, Gate::DataIntegrity), @r"
    fail: migration `0007_split_name` lost 10 of 900 rows, 6 more than the 4 intended
      ok  `totals`: violations: 0 of 900 rows (limit 0 of at least 1 row)
      NOT `0007_split_name`: rows lost: 10 of 900 (limit 4 intended)
      ok  `0007_split_name`: taken back: yes (limit yes)
    ");
}

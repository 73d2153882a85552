//! The example from end to end: the acts, as `./run --once --json` tells them.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::up::{TURN, binary};

#[test]
fn the_acts_end_as_they_must() {
    let _turn = TURN.blocking_lock();
    let begun = Instant::now();
    let output = Command::new(binary("shop-acts"))
        .args(["--once", "--json"])
        .stdin(Stdio::null())
        .output()
        .expect("the acts run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    let acts: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("one object a line"))
        .collect();
    println!("{} acts in {:.0} s", acts.len(), begun.elapsed().as_secs_f64());

    let outcomes: Vec<&str> = acts
        .iter()
        .map(|act| act["outcome"].as_str().expect("an outcome"))
        .collect();
    assert_eq!(
        outcomes,
        [
            "promoted",
            "rolled_back",
            "rolled_back",
            "rolled_back",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused"
        ],
        "{told}"
    );
    for act in &acts {
        for field in [
            "act",
            "outcome",
            "stopped_by",
            "seconds_to_safe",
            "failed_requests",
            "lost_requests",
            "evidence",
        ] {
            assert!(act.get(field).is_some(), "`{field}` is missing in {act}");
        }
    }
    assert_eq!(
        [4, 5, 6, 7, 8].map(|place| acts[place]["stopped_by"].as_str()),
        [
            Some("freeze"),
            Some("rollback drill"),
            Some("no waiver"),
            Some("guard"),
            Some("check")
        ]
    );
    assert_eq!(acts[8]["faults"].as_array().map(Vec::len), Some(0), "{}", acts[8]);
    // Whatever the agent tried, every row is there.
    assert_eq!(acts[7]["refused"], 17, "{}", acts[7]);
    assert_eq!(acts[7]["rows_after"], "10 users, 3000 records of the audit log");
    // A good version harms nobody, and neither does one that is refused.
    for place in [0, 4, 5, 6] {
        assert_eq!(acts[place]["failed_requests"], 0, "{}", acts[place]);
        assert_eq!(acts[place]["lost_requests"], 0, "{}", acts[place]);
    }
    assert!(
        acts[1]["failed_requests"].as_u64() > Some(0),
        "the pool's fault reaches users: {}",
        acts[1]
    );
}

//! What a trial shows of a version beside the live release.

use safeguard_api::traffic::{BadClass, TripCause};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_version_is_compared_and_drilled() {
    let mut scene = Scene::new("shop-1-1").await;
    let report = scene.tried().await;
    let comparison = &report.comparison;
    assert_eq!((&comparison.tripped, &comparison.not_healthy), (&None, &None));
    assert!(2000 <= comparison.candidate.requests, "{comparison:#?}");
    assert!(
        0 < comparison.stable.requests && comparison.stable.errors == 0,
        "{comparison:#?}"
    );
    let drill = report.drill.expect("a drill was held");
    assert_eq!(scene.refusals(&drill), "");
    assert_eq!(drill.faults.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_pages_fail_under_load_is_taken_off_and_not_drilled() {
    let mut scene = Scene::new("shop-1-2").await;
    let report = scene.tried().await;
    let tripped = report.comparison.tripped.expect("it was taken off");
    assert!(
        matches!(
            tripped,
            TripCause::FailuresInARow { .. }
                | TripCause::Judge {
                    class: BadClass::Error | BadClass::NewKind,
                    ..
                }
        ),
        "{tripped:?}"
    );
    assert_eq!(report.drill, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_does_not_start_is_not_compared() {
    let mut scene = Scene::new("shop-1-1").await;
    scene.script("echo 'no such setting: colour'\nexit 1");
    scene.order.policy.rollback.deploy_longest = safeguard_api::Span::seconds(3);
    let report = scene.tried().await;
    let why = report.comparison.not_healthy.expect("it did not start");
    assert!(why.contains("no such setting: colour"), "{why}");
    assert_eq!(report.drill, None);
}

/// No user sees a fault of it: only the drill does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_answers_before_it_writes_is_seen_by_the_drill_alone() {
    let mut scene = Scene::new("shop-1-6").await;
    let report = scene.tried().await;
    assert_eq!(report.comparison.tripped, None);
    let said = scene.refusals(&report.drill.expect("a drill was held"));
    assert!(said.contains("acknowledged writes were lost"), "{said}");
}

//! Weight changes and rollbacks under load lose no request.

use super::load::Load;
use super::up::{QUICK_STAGES, Up, runtime};

const STEPS: &str = r#"steps = [
  { weight = 5, soak = "150ms" }, { weight = 20, soak = "150ms" }, { weight = 40, soak = "150ms" },
  { weight = 60, soak = "150ms" }, { weight = 80, soak = "150ms" }, { weight = 100, soak = "2s" },
]"#;
const ROLLBACKS: usize = 5;
const REQUESTS_MIN: u64 = 10_000;

#[test]
fn weight_changes_and_rollbacks_under_load_lose_nothing() {
    runtime().block_on(async {
        let quick = r#"steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]"#;
        assert!(QUICK_STAGES.contains(quick));
        let up = Up::start(&QUICK_STAGES.replace(quick, STEPS)).await;
        let first = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;

        let load = Load::start(up.production(), 16);
        let mut weights = std::collections::BTreeSet::new();
        for round in 0..ROLLBACKS {
            let version = format!("1.1.{round}");
            let release = up
                .release(&up.artifact("shop-1-0", &version), &version, &[])
                .await;
            up.until("all weights were in force", async || {
                let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
                let routes = shown["routes"].as_array()?;
                let production = routes.iter().find(|route| route["environment"] == "production");
                if let Some(weight) = production.and_then(|route| route["weight"].as_u64()) {
                    weights.insert((round, weight));
                }
                (shown["rollout"]["phase"]["weight"] == 100).then_some(())
            })
            .await;
            let rolled_back = up.safeguard(&["release", "rollback", &release]);
            assert!(
                rolled_back.status.success(),
                "{}",
                String::from_utf8_lossy(&rolled_back.stderr)
            );
            up.until_phase(&release, "rolled_back").await;
        }
        up.until("enough requests were answered", async || {
            (load.answered() >= REQUESTS_MIN).then_some(())
        })
        .await;
        let (answered, failed, lost) = load.stop().await;
        println!(
            "{answered} answered, {failed} failed, {lost} lost, {} weights seen",
            weights.len()
        );
        assert_eq!((failed, lost), (0, 0), "{answered} answered\n{}", up.log());
        assert!(weights.len() >= 20, "{weights:?}");
    });
}

//! kill -9 of the server and of the router, at seeded moments: apps keep serving, connections queue, nothing that was
//! acknowledged is lost, and no weight rises.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Value, json};

use super::load::Load;
use super::up::{QUICK_STAGES, Up, kill, runtime};

const SEED: u64 = 20_261_124;
/// Kill points of an ordinary run; each kills the server or the router.
const KILLS: usize = 60;
/// Kill points of `./test --long`.
const KILLS_LONG: usize = 240;
/// Kill points of `./test --fast`.
const KILLS_FAST: usize = 12;

#[test]
fn kill_9_of_server_and_router_loses_nothing() {
    runtime().block_on(async {
        let kills = if std::env::var_os("SAFEGUARD_LONG").is_some() {
            KILLS_LONG
        } else if std::env::var_os("SAFEGUARD_FAST").is_some() {
            KILLS_FAST
        } else {
            KILLS
        };
        println!("seed {SEED}, {kills} kills");
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(SEED);
        // A canary that stays at 20 % however long the test takes: whatever rises, rises wrongly.
        let steps = r#"steps = [{ weight = 20, soak = "20m" }, { weight = 100, soak = "20m" }]"#;
        let quick = r#"steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]"#;
        let up = Up::start(QUICK_STAGES).await;
        let first = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let policy = up.state.path().join("safeguard.toml");
        let text = std::fs::read_to_string(&policy).expect("the configuration");
        std::fs::write(&policy, text.replace(quick, steps)).expect("the configuration is written");
        let applied = up.safeguard(&["policy", "apply", "--config", "safeguard.toml"]);
        assert!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );
        let second = up.release(&up.artifact("shop-1-0", "second"), "1.1", &[]).await;
        up.until_phase(&second, "analyzing").await;
        let apps = app_pids(&up).await;
        assert_eq!(apps.len(), 8, "two arms in four environments: {apps:?}");

        let load = Load::start(up.production(), 4);
        let mut acknowledged = Vec::new();
        let begun = Instant::now();
        for point in 0..kills {
            let wait = Duration::from_millis(chance.random_range(0..60));
            let role = if chance.random_bool(0.5) {
                "server"
            } else {
                "router"
            };
            let pid = up.pid(role).await;
            // A write is under way when the process dies; what was answered must be there afterwards.
            let reason = format!("point {point} {}", chance.next_u32());
            let asked = up.call("POST", "/api/v1/freezes", Some(json!({ "reason": reason })));
            let killed = async {
                tokio::time::sleep(wait).await;
                kill(pid);
            };
            let ((status, answer), ()) = tokio::join!(asked, killed);
            assert_eq!(status, 200, "{answer}");
            acknowledged.push(answer["id"].as_str().expect("an id").to_owned());
            let weight = production_weight(&up).await;
            assert!(
                weight <= 20,
                "seed {SEED}, point {point}: the weight rose to {weight}"
            );
        }
        println!("{kills} kills in {:.1} s", begun.elapsed().as_secs_f64());

        let freezes = up.ok("GET", "/api/v1/freezes", None).await;
        let known: Vec<&str> = freezes
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["id"].as_str())
            .collect();
        for id in &acknowledged {
            assert!(
                known.contains(&id.as_str()),
                "seed {SEED}: freeze {id} was acknowledged and is lost"
            );
        }
        assert_eq!(app_pids(&up).await, apps, "the apps kept running");
        let (answered, failed, lost) = load.stop().await;
        println!("{answered} answered, {failed} failed, {lost} lost with the router's connections");
        assert_eq!(failed, 0, "no answer was an error");
        // A killed router takes the requests it was relaying along: at most one for each connection and kill.
        assert!(lost <= (kills * 4) as u64, "{lost} lost");
        let rolled_back = up.safeguard(&["release", "rollback", &second]);
        assert!(
            rolled_back.status.success(),
            "a rollback needs no quiet: {}",
            String::from_utf8_lossy(&rolled_back.stderr)
        );
        up.until_phase(&second, "rolled_back").await;
        let exported = up.safeguard(&["audit", "export", "log"]);
        assert!(
            exported.status.success(),
            "{}",
            String::from_utf8_lossy(&exported.stderr)
        );
        let verified = up.safeguard(&["audit", "verify", "log"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    });
}

async fn production_weight(up: &Up) -> u64 {
    let status = up.ok("GET", "/api/v1/status", None).await;
    let routes = status["services"][0]["routes"]
        .as_array()
        .cloned()
        .unwrap_or_else(Vec::new);
    let production = routes.iter().find(|route| route["environment"] == "production");
    production.and_then(|route| route["weight"].as_u64()).unwrap_or(0)
}

async fn app_pids(up: &Up) -> Vec<(String, u64)> {
    let pids = |status: &Value| {
        let instances = status["services"][0]["instances"].as_array()?;
        let mut pids: Vec<(String, u64)> = instances
            .iter()
            .filter_map(|one| Some((one["id"].as_str()?.to_owned(), one["pid"].as_u64()?)))
            .collect();
        pids.sort();
        (!pids.is_empty()).then_some(pids)
    };
    up.until("the supervisor reports", async || {
        pids(&up.ok("GET", "/api/v1/status", None).await)
    })
    .await
}

//! What each bad version does, and the good ones do not.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use super::shop::{Shop, answer, get, greeting};

const GOOD: [&str; 3] = [
    env!("CARGO_BIN_EXE_shop-1-0"),
    env!("CARGO_BIN_EXE_shop-1-1"),
    env!("CARGO_BIN_EXE_shop-1-5"),
];
const POOL: &str = env!("CARGO_BIN_EXE_shop-1-2");
const ABORT: &str = env!("CARGO_BIN_EXE_shop-1-3");
const SLOW: &str = env!("CARGO_BIN_EXE_shop-1-4");
const LATER: &str = env!("CARGO_BIN_EXE_shop-1-6");

const CAKE: &str = "Happy birthday, dear \u{1f382} from all of us";

#[tokio::test]
async fn the_good_versions_answer_what_breaks_the_bad_ones() {
    for binary in GOOD {
        let mut shop = Shop::start(binary).await;
        assert_eq!(
            shop.visit_at_once(&get("/"), 40).await,
            [Some(200); 40],
            "{binary}"
        );
        assert_eq!(shop.visit(&greeting(CAKE)).await, Some(200), "{binary}");
        for path in ["/product/1", "/cart", "/orders"] {
            assert_eq!(shop.visit(&get(path)).await, Some(200), "{binary} {path}");
        }
        assert_eq!(shop.visit(&get("/product/99")).await, Some(404), "{binary}");
        assert!(shop.is_running(), "{binary}");
    }
}

#[tokio::test]
async fn version_1_2_fails_above_eight_pages_at_a_time_alone() {
    let shop = Shop::start(POOL).await;
    for _ in 0..5 {
        assert_eq!(shop.visit_at_once(&get("/"), 8).await, [Some(200); 8]);
    }
    let statuses = shop.visit_at_once(&get("/"), 24).await;
    assert!(statuses.contains(&Some(503)), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, Some(200 | 503))),
        "{statuses:?}"
    );
    assert_eq!(shop.visit_at_once(&get("/"), 8).await, [Some(200); 8]);
}

#[tokio::test]
async fn version_1_3_aborts_on_a_greeting_whose_24th_byte_is_within_a_character() {
    let mut shop = Shop::start(ABORT).await;
    for fits in [
        "",
        "Get well soon",
        "Thank you for everything, and see you in spring",
    ] {
        assert_eq!(shop.visit(&greeting(fits)).await, Some(200), "{fits}");
    }
    assert!(shop.is_running());
    assert_eq!(shop.visit(&greeting(CAKE)).await, None);
    assert_eq!(shop.ended().await.signal(), Some(6));
}

#[tokio::test]
async fn version_1_4_is_about_twice_as_slow() {
    let (good, slow) = (fastest(GOOD[1]).await, fastest(SLOW).await);
    let ratio = slow.as_secs_f64() / good.as_secs_f64();
    assert!(
        (1.6..2.6).contains(&ratio),
        "{good:?} against {slow:?}: {ratio:.2} times"
    );
}

/// The fastest of ten pages: the one that the machine's other work disturbed least.
async fn fastest(binary: &str) -> Duration {
    let shop = Shop::start(binary).await;
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let begin = Instant::now();
        assert_eq!(shop.visit(&get("/")).await, Some(200));
        least = least.min(begin.elapsed());
    }
    least
}

#[tokio::test]
async fn a_shop_that_is_told_to_stop_answers_what_it_has_begun() {
    let mut shop = Shop::start(GOOD[0]).await;
    let mut running = shop.begin(&get("/"), 10);
    // All ten were sent together, so with the first answer the other nine have begun.
    let mut statuses = vec![answer(running.join_next().await.unwrap().unwrap())];
    shop.terminate();
    statuses.extend(running.join_all().await.into_iter().map(answer));
    assert_eq!(statuses, [Some(200); 10]);
    assert_eq!(shop.ended().await.code(), Some(0));
}

#[tokio::test]
async fn version_1_6_loses_what_it_acknowledged_last_when_it_is_stopped() {
    for (binary, carts) in [(GOOD[1], 1), (LATER, 0)] {
        let mut shop = Shop::start(binary).await;
        assert_eq!(
            shop.visit(&greeting("Get well soon")).await,
            Some(200),
            "{binary}"
        );
        shop.terminate();
        assert_eq!(shop.ended().await.code(), Some(0), "{binary}");
        assert_eq!(shop.carts(), carts, "{binary}");
    }
}

//! Who gets which arm, and stays there.

use safeguard_api::id::Digest;

use crate::town::{Town, release};

#[tokio::test]
async fn raising_the_weight_only_adds_users() {
    let mut town = Town::new().await;
    let mut before = [false; 200];
    for (generation, weight) in [(2, 1), (3, 10), (4, 50), (5, 100)] {
        let table = town.table(generation, Some(weight));
        town.apply(table).await;
        let mut client = town.connect().await;
        for (user, was) in before.iter_mut().enumerate() {
            let is = client.get("/", &format!("user-{user}")).await.body == "candidate";
            assert!(is || !*was, "user {user} left at {weight} %");
            *was = is;
        }
    }
    assert!(before.iter().all(|is| *is));
}

#[tokio::test]
async fn no_cookie_is_set_unless_users_are_divided() {
    let mut town = Town::new().await;
    for (generation, weight) in [(2, None), (3, Some(0)), (4, Some(100))] {
        let table = town.table(generation, weight);
        town.apply(table).await;
        let response = town
            .connect()
            .await
            .request("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await;
        assert_eq!(response.fields("set-cookie"), Vec::<&str>::new(), "{weight:?}");
        let serves = if weight == Some(100) { 2 } else { 1 };
        assert_eq!(
            response.field("safeguard-release"),
            Some(release(serves).as_str())
        );
    }
}

#[tokio::test]
async fn users_without_a_key_get_one_and_stay() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let mut client = town.connect().await;
    for _ in 0..20 {
        let first = client.request("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let cookies = first.fields("set-cookie");
        assert!(
            cookies[0].starts_with("sg_uid=") && cookies[0].ends_with("HttpOnly; SameSite=Lax"),
            "{cookies:?}"
        );
        let values: Vec<&str> = cookies
            .iter()
            .map(|cookie| cookie.split(';').next().unwrap())
            .collect();
        for _ in 0..3 {
            let request = format!(
                "GET / HTTP/1.1\r\nhost: a\r\ncookie: {}\r\n\r\n",
                values.join("; ")
            );
            let next = client.request(&request).await;
            assert_eq!(next.body, first.body);
            assert_eq!(next.fields("set-cookie"), Vec::<&str>::new());
        }
    }
}

#[tokio::test]
async fn a_token_keeps_a_user_until_its_epoch_ends() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(99));
    town.apply(table).await;
    let mut client = town.connect().await;
    let first = client.get("/", "someone").await;
    assert_eq!(first.body, "candidate");
    let token = first
        .field("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(token.starts_with("sg_arm_shop="));
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\ncookie: sid=someone; {token}\r\n\r\n");
    // A smaller share would not have this user, but the token holds.
    let mut table = town.table(3, Some(1));
    town.apply(table.clone()).await;
    assert_eq!(town.get("/", "someone").await.body, "stable");
    assert_eq!(client.request(&request).await.body, "candidate");
    // No weight, no token.
    table.generation = 4;
    table.routes[0].candidate.as_mut().unwrap().weight = crate::town::percent(0);
    town.apply(table.clone()).await;
    assert_eq!(client.request(&request).await.body, "stable");
    // A new epoch voids it, and says so to the browser.
    table.generation = 5;
    table.routes[0].candidate.as_mut().unwrap().weight = crate::town::percent(1);
    table.routes[0].candidate.as_mut().unwrap().epoch = 2;
    town.apply(table).await;
    let last = client.request(&request).await;
    assert_eq!(last.body, "stable");
    assert!(
        last.field("set-cookie")
            .unwrap()
            .starts_with("sg_arm_shop=; Path=/; Max-Age=0")
    );
}

#[tokio::test]
async fn testers_choose_with_a_token_and_are_no_evidence() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(0));
    table.routes[0].testers = vec![Digest::of(b"let me")];
    town.apply(table.clone()).await;
    let ask = |arm: &str, token: &str| {
        format!("GET /500 HTTP/1.1\r\nhost: a\r\nsafeguard-arm: {arm}\r\nsafeguard-tester: {token}\r\n\r\n")
    };
    let mut client = town.connect().await;
    let served = |response: crate::town::Response| response.field("safeguard-release").unwrap().to_owned();
    assert_eq!(
        served(client.request(&ask("candidate", "let me")).await),
        release(2).as_str()
    );
    assert_eq!(
        served(client.request(&ask("candidate", "let me in")).await),
        release(1).as_str()
    );
    assert_eq!(
        served(client.request(&ask("stable", "let me")).await),
        release(1).as_str()
    );
    assert!(!town.candidate.last().contains("safeguard-"));
    for _ in 0..20 {
        client.request(&ask("candidate", "let me")).await;
    }
    let report = town.report().await;
    let candidate = report.candidate.unwrap();
    assert_eq!(
        (
            candidate.errors,
            candidate.judged_requests,
            candidate.judged_errors
        ),
        (21, 0, 0)
    );
}

#[tokio::test]
async fn a_refused_candidate_is_answered_by_stable_and_counts() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(100));
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    table.routes[0].candidate.as_mut().unwrap().arm.endpoints[0].address = gone;
    town.apply(table).await;
    let mut client = town.connect().await;
    let response = client
        .request("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc")
        .await;
    assert_eq!((response.status, response.body.as_str()), (200, "abc"));
    let report = town.report().await;
    assert_eq!(report.candidate.unwrap().lost, 1);
    assert_eq!(report.stable.unwrap().errors, 0);
}

#[tokio::test]
async fn a_closed_used_connection_costs_no_idempotent_request() {
    let town = Town::new().await;
    let mut client = town.connect().await;
    for _ in 0..10 {
        // The app closes right after this answer without saying so.
        assert_eq!(client.get("/until-close", "u").await.body, "abcde");
        assert_eq!(client.get("/", "u").await.status, 200);
        assert_eq!(client.get("/close", "u").await.status, 502);
    }
    let seen = town
        .stable
        .requests()
        .iter()
        .filter(|request| request.starts_with("GET /close"))
        .count();
    assert_eq!(seen, 20, "sent again once, on a new connection, and then no more");
    let mut client = town.connect().await;
    assert_eq!(client.get("/", "u").await.status, 200);
    let post = "POST /close HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(client.request(post).await.status, 502);
    let seen = town
        .stable
        .requests()
        .iter()
        .filter(|request| request.starts_with("POST /close"))
        .count();
    assert_eq!(seen, 1, "never sent twice");
}

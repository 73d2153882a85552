//! The status page's own contract: a login link that works once, and commands from the page and from nowhere else.

use http_body_util::{BodyExt, Empty};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

use super::browser::Browser;
use super::up::{QUICK_STAGES, Up, runtime};

#[test]
fn one_click_rolls_back_and_only_from_the_page() {
    runtime().block_on(async {
        let up = Up::start(QUICK_STAGES).await;
        let first = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let second = up.release(&up.artifact("shop-1-0", "second"), "1.1", &[]).await;

        let stranger = ask(&up, Method::GET, "/", &[]).await;
        assert_eq!(stranger.status, 401, "{}", stranger.body);
        assert!(!stranger.body.contains("<script"), "{}", stranger.body);
        let link = std::fs::read_to_string(up.state_path().join("login.link")).expect("a link");
        let path = link
            .trim()
            .strip_prefix(&format!("http://{}", up.api))
            .expect("our address");
        let forged = ask(&up, Method::GET, "/login?code=0000", &[]).await;
        assert_eq!(forged.status, 401, "{}", forged.body);
        let login = ask(&up, Method::GET, path, &[]).await;
        assert_eq!(login.status, 303, "{}", login.body);
        let secret = login
            .header("location")
            .strip_prefix("/#")
            .expect("for the page's script alone");
        let set = login.header("set-cookie");
        assert!(
            set.contains("HttpOnly") && set.contains("SameSite=Strict"),
            "{set}"
        );
        let cookie = set.split(';').next().expect("a cookie").to_owned();
        let again = ask(&up, Method::GET, path, &[]).await;
        assert_eq!(again.status, 401, "the link works once: {}", again.body);

        let page = ask(&up, Method::GET, "/", &[("cookie", &cookie)]).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("/page.js"), "{}", page.body);
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        for answer in [
            &page,
            &login,
            &stranger,
            &ask(&up, Method::GET, "/page.js", &[]).await,
        ] {
            assert_eq!(
                answer.header("x-content-type-options"),
                "nosniff",
                "{}",
                answer.body
            );
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.body);
        }
        let let_in = [("cookie", cookie.as_str()), ("x-safeguard-page", secret)];
        let status = ask(&up, Method::GET, "/api/v1/status", &let_in).await;
        assert_eq!(status.status, 200, "the page's figures: {}", status.body);
        // Any app on this machine sees the cookie, and nothing of what the page keeps.
        for stolen in [
            &let_in[..1],
            &[let_in[0], ("x-safeguard-page", "0000")],
            &let_in[1..],
        ] {
            let refused = ask(&up, Method::GET, "/api/v1/status", stolen).await;
            assert_eq!(refused.status, 401, "{stolen:?}: {}", refused.body);
        }

        let rollback = format!("/api/v1/releases/{second}/rollback");
        let own = format!("http://{}", up.api);
        for origin in [
            None,
            Some("https://evil.example"),
            Some("null"),
            Some("http://127.0.0.1:1"),
        ] {
            let mut headers = let_in.to_vec();
            headers.extend(origin.map(|origin| ("origin", origin)));
            let refused = ask(&up, Method::POST, &rollback, &headers).await;
            assert_eq!(refused.status, 403, "{origin:?}: {}", refused.body);
        }
        let refused = ask(&up, Method::POST, &rollback, &[("origin", &own)]).await;
        assert_eq!(refused.status, 401, "without the session: {}", refused.body);
        assert_ne!(up.phase(&second).await, "rolled_back");
        let clicked = ask(
            &up,
            Method::POST,
            &rollback,
            &[let_in[0], let_in[1], ("origin", &own)],
        )
        .await;
        assert_eq!(clicked.status, 200, "{}", clicked.body);
        up.until_phase(&second, "rolled_back").await;
        let shown = up.ok("GET", &format!("/api/v1/releases/{second}"), None).await;
        assert_eq!(
            shown["rollout"]["phase"]["reason"]["name"], "operator",
            "{shown:#}"
        );
    });
}

#[test]
fn a_browser_that_followed_the_link_sees_what_runs() {
    runtime().block_on(async {
        let up = Up::start(QUICK_STAGES).await;
        let first = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let link = std::fs::read_to_string(up.state_path().join("login.link")).expect("a link");
        let browser = Browser::start(1100, 1000, false).await;
        browser.open(link.trim()).await;
        browser.until_says("services", "live: 1.0").await;
        assert_eq!(
            browser.run("return location.hash").await,
            "",
            "a secret stays in no history"
        );
        browser.open(&format!("http://{}/", up.api)).await;
        browser.until_says("services", "live: 1.0").await;
    });
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(HeaderValue::to_str);
        value.and_then(Result::ok).unwrap_or("")
    }
}

/// As a browser asks: with cookies and an origin, and no token.
async fn ask(up: &Up, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let stream = tokio::net::TcpStream::connect(up.api).await.expect("connected");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", up.api.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

//! The status page's own contract: a login link that works once, and commands from the page and from nowhere else.

use http_body_util::{BodyExt, Empty};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

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
        assert_eq!(login.header("location"), "/");
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
        let status = ask(&up, Method::GET, "/api/v1/status", &[("cookie", &cookie)]).await;
        assert_eq!(status.status, 200, "the page's figures: {}", status.body);

        let rollback = format!("/api/v1/releases/{second}/rollback");
        let own = format!("http://{}", up.api);
        for origin in [
            None,
            Some("https://evil.example"),
            Some("null"),
            Some("http://127.0.0.1:1"),
        ] {
            let mut headers = vec![("cookie", cookie.as_str())];
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
            &[("cookie", &cookie), ("origin", &own)],
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

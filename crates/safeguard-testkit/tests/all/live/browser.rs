//! A real Chromium, driven by WebDriver, with an authenticator that is part of the browser.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(60);

pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one of this size; `dark` is what its user prefers.
    pub async fn start(width: u32, height: u32, dark: bool) -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs; `./test` installs it");
        let said = BufReader::new(driver.stdout.take().expect("piped"));
        // `ChromeDriver was started successfully on port 43217.`
        let port: u16 = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split("on port ").nth(1)?.trim_end_matches('.').parse().ok())
            .expect("chromedriver names its port");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut browser = Browser {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            _profile: profile,
        };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": { "args": arguments },
        } } });
        let made = browser.command("POST", "/session", Some(wanted)).await;
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// An authenticator with a user who is verified, or one who only touches it. Returns its name.
    pub async fn add_authenticator(&self, verifies: bool) -> String {
        let wanted = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserConsenting": true, "isUserVerified": verifies,
        });
        let added = self.act("POST", "/webauthn/authenticator", Some(wanted)).await;
        added.as_str().expect("a name").to_owned()
    }

    pub async fn set_user_verified(&self, authenticator: &str, verified: bool) {
        let path = format!("/webauthn/authenticator/{authenticator}/uv");
        self.act("POST", &path, Some(json!({ "isUserVerified": verified })))
            .await;
    }

    pub async fn open(&self, url: &str) {
        self.act("POST", "/url", Some(json!({ "url": url }))).await;
    }

    /// Runs a function's body in the page and returns what it returns.
    pub async fn run(&self, body: &str) -> Value {
        self.act(
            "POST",
            "/execute/sync",
            Some(json!({ "script": body, "args": [] })),
        )
        .await
    }

    pub async fn text(&self, id: &str) -> String {
        let text = self
            .run(&format!(
                "return document.getElementById('{id}')?.textContent ?? ''"
            ))
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the element's text contains `wanted`.
    pub async fn until_says(&self, id: &str, wanted: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text(id).await;
            if text.contains(wanted) {
                return text;
            }
            let page = || self.run("return document.body.innerText");
            assert!(
                begun.elapsed() < DEADLINE,
                "`{id}` says `{text}`, not `{wanted}`:\n{}",
                page().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks when the button can be clicked.
    pub async fn click(&self, id: &str) {
        let begun = Instant::now();
        let script = format!(
            "const one = document.getElementById('{id}'); if (one.disabled) return false; one.click(); return true"
        );
        while self.run(&script).await != true {
            assert!(
                begun.elapsed() < DEADLINE,
                "`{id}` can not be clicked: {}",
                self.text("answer").await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn screenshot(&self) -> Vec<u8> {
        let image = self.act("GET", "/screenshot", None).await;
        let image = image.as_str().expect("an image");
        base64::engine::general_purpose::STANDARD
            .decode(image)
            .expect("base64")
    }

    async fn act(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.command(method, &format!("/session/{}{path}", self.session), body)
            .await
    }

    async fn command(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let asked = async {
            let stream = tokio::net::TcpStream::connect(self.address)
                .await
                .expect("chromedriver listens");
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .expect("HTTP");
            tokio::spawn(connection);
            let body = body.map(|body| body.to_string()).unwrap_or_default();
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", self.address.to_string())
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body)))
                .expect("a request");
            let answer = sender.send_request(request).await.expect("an answer");
            let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
            serde_json::from_slice::<Value>(&bytes).expect("JSON")
        };
        let answer = tokio::time::timeout(DEADLINE, asked)
            .await
            .expect("chromedriver answers");
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer:#}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is a child of the driver, which takes it along when it is asked to end.
        let pid = rustix::process::Pid::from_child(&self.driver);
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok() {
            let begun = Instant::now();
            while matches!(self.driver.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if let Err(error) = self.driver.kill() {
            eprintln!("cannot stop chromedriver: {error}");
        }
    }
}

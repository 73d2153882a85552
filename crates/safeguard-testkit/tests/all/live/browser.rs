//! A real Chromium, driven by WebDriver, with authenticators that are part of the browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::up::DEADLINE;

const END_LONGEST: Duration = Duration::from_secs(10);

pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// The browser's own process, which ends with the session, or is ended.
    process: Option<u32>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one of this size; `dark` is what its user prefers.
    pub async fn start(width: u32, height: u32, dark: bool) -> Browser {
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--no-proxy-server".to_owned(),
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
            process: None,
            _profile: profile,
        };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": { "args": arguments },
        } } });
        let made = browser.command("POST", "/session", Some(wanted)).await;
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        let process = made["capabilities"]["goog:processID"].as_u64();
        browser.process = process.and_then(|process| u32::try_from(process).ok());
        browser
    }

    /// An authenticator whose user is verified, or only touches it. Returns its name.
    pub async fn add_authenticator(&self, verified: bool) -> String {
        let wanted = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserConsenting": true, "isUserVerified": verified,
        });
        let added = self.act("POST", "/webauthn/authenticator", Some(wanted)).await;
        added.as_str().expect("a name").to_owned()
    }

    pub async fn remove_authenticator(&self, authenticator: &str) {
        let path = format!("/webauthn/authenticator/{authenticator}");
        self.act("DELETE", &path, None).await;
    }

    pub async fn set_user_verified(&self, authenticator: &str, verified: bool) {
        let path = format!("/webauthn/authenticator/{authenticator}/uv");
        self.act("POST", &path, Some(json!({ "isUserVerified": verified })))
            .await;
    }

    /// The keys in an authenticator, private parts included: what a thief would copy.
    pub async fn keys(&self, authenticator: &str) -> Vec<Value> {
        let path = format!("/webauthn/authenticator/{authenticator}/credentials");
        let keys = self.act("GET", &path, None).await;
        keys.as_array().expect("a list").clone()
    }

    pub async fn add_key(&self, authenticator: &str, key: Value) {
        let path = format!("/webauthn/authenticator/{authenticator}/credential");
        self.act("POST", &path, Some(key)).await;
    }

    pub async fn open(&self, url: &str) {
        self.act("POST", "/url", Some(json!({ "url": url }))).await;
    }

    /// Runs a function's body in the page and returns what it returns, when that is there.
    pub async fn run(&self, body: &str) -> Value {
        let script = json!({ "script": body, "args": [] });
        self.act("POST", "/execute/sync", Some(script)).await
    }

    pub async fn page(&self) -> String {
        let text = self.run("return document.body?.innerText ?? ''").await;
        text.as_str().expect("a text").to_owned()
    }

    pub async fn text(&self, id: &str) -> String {
        let script = format!("return document.getElementById('{id}')?.textContent ?? ''");
        let text = self.run(&script).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the element's text contains `wanted`.
    pub async fn until_says(&self, id: &str, wanted: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text(id).await;
            if text.contains(wanted) {
                return text;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "`{id}` says `{text}`, not `{wanted}`:\n{}",
                self.page().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the whole page says `wanted`.
    pub async fn until_page_says(&self, wanted: &str) {
        let begun = Instant::now();
        loop {
            let text = self.page().await;
            if text.contains(wanted) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "not `{wanted}`:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks when the button can be clicked.
    pub async fn click(&self, id: &str) {
        let begun = Instant::now();
        let script = format!(
            "const one = document.getElementById('{id}'); if (!one || one.disabled) return false; one.click(); return true"
        );
        while self.run(&script).await != true {
            assert!(
                begun.elapsed() < DEADLINE,
                "`{id}` can not be clicked:\n{}",
                self.page().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The whole page as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let size = "const all = document.documentElement; return [all.clientWidth, Math.max(all.scrollHeight, innerHeight)]";
        let size = self.run(size).await;
        let grown = json!({ "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": false });
        self.chromium("Emulation.setDeviceMetricsOverride", grown).await;
        let image = self.act("GET", "/screenshot", None).await;
        self.chromium("Emulation.clearDeviceMetricsOverride", json!({}))
            .await;
        let image = image.as_str().expect("an image");
        let standard = base64::engine::general_purpose::STANDARD;
        standard.decode(image).expect("base64")
    }

    /// A command of the browser's own protocol, for what WebDriver has none for.
    async fn chromium(&self, command: &str, parameters: Value) {
        let wanted = json!({ "cmd": command, "params": parameters });
        self.act("POST", "/goog/cdp/execute", Some(wanted)).await;
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
            .unwrap_or_else(|_| panic!("{method} {path}: no answer of chromedriver within {DEADLINE:?}"));
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer:#}");
        answer["value"].clone()
    }

    /// Asks the driver to end the browser. A test may be unwinding, so that nothing here waits for a runtime.
    fn end_session(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&self.address, END_LONGEST)?;
        stream.set_read_timeout(Some(END_LONGEST))?;
        stream.set_write_timeout(Some(END_LONGEST))?;
        write!(
            stream,
            "DELETE /session/{} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.session, self.address
        )?;
        stream.read_exact(&mut [0])
    }
}

/// Starts chromedriver on a port of its own choice.
fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("chromedriver runs; `./test` installs it");
    let mut said = BufReader::new(driver.stdout.take().expect("piped"));
    // `Starting ChromeDriver 156.0 (…) on port 0` comes first, then `ChromeDriver was started successfully on port 43217.`
    let port = loop {
        let mut line = String::new();
        let read = said.read_line(&mut line).expect("chromedriver says its port");
        assert_ne!(read, 0, "chromedriver ended without a port");
        let port = line.trim().rsplit_once("on port ");
        match port.and_then(|(_, port)| port.trim_end_matches('.').parse().ok()) {
            Some(0) | None => {}
            Some(port) => break port,
        }
    };
    // It stops when nobody reads what it says.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (driver, port)
}

fn kill(pid: rustix::process::Pid) {
    match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => eprintln!("cannot end {pid:?}: {error}"),
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let ended = self.end_session();
        if let (Err(_), Some(process)) = (ended, self.process) {
            let pid = i32::try_from(process)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            pid.into_iter().for_each(kill);
        }
        kill(rustix::process::Pid::from_child(&self.driver));
        if let Err(error) = self.driver.wait() {
            eprintln!("chromedriver did not end: {error}");
        }
    }
}

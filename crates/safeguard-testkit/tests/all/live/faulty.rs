//! A service with a fault that the test turns on: this very program, started again as the app.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::up::{Up, runtime};

/// Names the file whose existence is the fault of an artifact that is marked bad; set in the app's environment alone.
const FAULT_FILE: &str = "TEST_FAULT_FILE";
/// Requests that this process was asked since the fault began.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Not a test by itself: with the variable set, this very program is the service under test.
#[test]
fn app() {
    let Some(fault) = std::env::var_os(FAULT_FILE) else {
        return;
    };
    let own = std::env::current_exe().expect("a path");
    let mark = std::fs::read_to_string(own.with_file_name("MARK")).expect("the artifact's mark");
    let fault = mark.starts_with("bad").then(|| PathBuf::from(fault));
    let every = if mark.starts_with("bad-at-times") { 2 } else { 1 };
    runtime().block_on(async {
        let host = std::env::var("HOST").expect("HOST");
        let port = std::env::var("PORT").expect("PORT");
        let release = std::env::var("SAFEGUARD_RELEASE").expect("SAFEGUARD_RELEASE");
        let listener = TcpListener::bind(format!("{host}:{port}")).await.expect("bound");
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            tokio::spawn(serve(stream, release.clone(), fault.clone(), every));
        }
    });
}

/// With the fault, one of `every` requests fails.
async fn serve(stream: TcpStream, release: String, fault: Option<PathBuf>, every: u64) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if !matches!(stream.read_line(&mut first).await, Ok(count) if count > 0) {
            return;
        }
        let mut line = first.clone();
        while line != "\r\n" {
            line.clear();
            if !matches!(stream.read_line(&mut line).await, Ok(count) if count > 0) {
                return;
            }
        }
        let healthy = first.starts_with("GET /healthz");
        let faulty = !healthy && fault.as_ref().is_some_and(|file| file.exists());
        let fails = faulty && ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(every);
        let status = if fails { "500 Oops" } else { "200 OK" };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{release}",
            release.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Makes a configuration run this app instead of the shop.
pub fn configured(config: &str, fault_file: &Path) -> String {
    let shop = "command = [\"./shop\"]";
    assert!(config.contains(shop));
    let app = "command = [\"./app\", \"--exact\", \"live::faulty::app\", \"--nocapture\"]";
    let variable = format!("{{ {FAULT_FILE} = \"{}\", SHOP_DATABASE", fault_file.display());
    config.replace(shop, app).replace("{ SHOP_DATABASE", &variable)
}

/// An artifact of the app; one whose mark begins with `bad` has the fault, with `bad-at-times` in every second request.
pub fn artifact(up: &Up, mark: &str) -> PathBuf {
    let folder = up.state.path().join(format!("app-{mark}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(std::env::current_exe().expect("a path"), folder.join("app")).expect("copied");
    std::fs::write(folder.join("MARK"), mark).expect("a mark");
    folder
}

//! A service with a fault that the test turns on: this very program, started again as the app.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::up::{Up, runtime};

/// Names the file whose existence is the fault of an artifact that is marked bad; set in the app's environment alone.
const FAULT_FILE: &str = "TEST_FAULT_FILE";

/// Not a test by itself: with the variable set, this very program is the service under test.
#[test]
fn app() {
    let Some(fault) = std::env::var_os(FAULT_FILE) else {
        return;
    };
    let own = std::env::current_exe().expect("a path");
    let mark = std::fs::read_to_string(own.with_file_name("MARK")).expect("the artifact's mark");
    let fault = mark.starts_with("bad").then(|| PathBuf::from(fault));
    runtime().block_on(async {
        let host = std::env::var("HOST").expect("HOST");
        let port = std::env::var("PORT").expect("PORT");
        let release = std::env::var("SAFEGUARD_RELEASE").expect("SAFEGUARD_RELEASE");
        let listener = TcpListener::bind(format!("{host}:{port}")).await.expect("bound");
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            tokio::spawn(serve(stream, release.clone(), fault.clone()));
        }
    });
}

async fn serve(stream: TcpStream, release: String, fault: Option<PathBuf>) {
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
        let fails = !healthy && fault.as_ref().is_some_and(|file| file.exists());
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

/// An artifact of the app; one whose mark begins with `bad` has the fault.
pub fn artifact(up: &Up, mark: &str) -> PathBuf {
    let folder = up.state.path().join(format!("app-{mark}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(std::env::current_exe().expect("a path"), folder.join("app")).expect("copied");
    std::fs::write(folder.join("MARK"), mark).expect("a mark");
    folder
}

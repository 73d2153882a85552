//! A candidate that turns bad while the control plane is away: the router alone takes it off, and the log is told late.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};

use super::faulty;
use super::load::Load;
use super::up::{DEADLINE, QUICK_STAGES, Up, runtime};

/// The router calls the control plane silent after a second.
const SILENCE: Duration = Duration::from_millis(1500);
const QUIET_REQUESTS: usize = 200;

/// A process that stands still, and goes on when the test ends, however it ends.
struct Stopped(Pid);

impl Stopped {
    fn stop(pid: u32) -> Stopped {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
        kill_process(pid, Signal::STOP).expect("it can be stopped");
        Stopped(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Err(error) = kill_process(self.0, Signal::CONT) {
            eprintln!("the process can not go on: {error}");
        }
    }
}

#[test]
fn a_bad_candidate_is_taken_off_while_the_control_plane_is_away() {
    runtime().block_on(async {
        let quick = r#"steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]"#;
        // The first release has nothing to be compared with and takes the last step alone; the second stays at 50 %.
        let steps = r#"steps = [{ weight = 50, soak = "20m" }, { weight = 100, soak = "300ms" }]"#;
        assert!(QUICK_STAGES.contains(quick));
        // With so long a lease it is the judge who takes the candidate off, not the silence.
        let stages = QUICK_STAGES.replace(quick, steps) + "[rollback]\nlease = \"60s\"\n";
        let outside = tempfile::tempdir().expect("a temporary folder");
        let fault = outside.path().join("fault");
        let up = Up::start_with(&stages, |config| faulty::configured(&config, &fault)).await;
        let first = up.release(&faulty::artifact(&up, "good"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let second = up.release(&faulty::artifact(&up, "bad"), "1.1", &[]).await;
        up.until_phase(&second, "analyzing").await;
        let load = Load::start(up.production(), 4);
        up.until("the canary serves", async || {
            let answers = ask_each(&up, 40).await;
            answers
                .iter()
                .any(|(_, release)| *release == second)
                .then_some(())
        })
        .await;

        let server = Stopped::stop(up.pid("server").await);
        tokio::time::sleep(SILENCE).await;
        std::fs::write(&fault, "").expect("the fault begins");
        // The API stands still, so the users are asked: all of them are with the good release.
        let quiet = tokio::time::timeout(DEADLINE, async {
            let mut failed = 0;
            loop {
                let answers = ask_each(&up, QUIET_REQUESTS).await;
                failed += answers.iter().filter(|(status, _)| *status == 500).count() as u64;
                let good = |(status, release): &(u16, String)| *status == 200 && *release == first;
                if answers.iter().all(good) {
                    return failed;
                }
            }
        });
        let asked_failed = quiet.await.expect("the router takes the candidate off by itself");
        drop(server);

        let entry = up
            .until("the log is told", async || {
                let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
                let by_router = |entry: &&serde_json::Value| {
                    entry["event"]["kind"] == "rollback.triggered"
                        && entry["event"]["actor"]["id"] == "router"
                };
                entries.as_array()?.iter().find(by_router).cloned()
            })
            .await;
        assert_eq!(entry["event"]["late"], true, "{entry:#}");
        assert_eq!(entry["event"]["subject"][0], second.as_str(), "{entry:#}");
        up.until_phase(&second, "rolled_back").await;
        let (answered, failed, lost) = load.stop().await;
        println!("{answered} answered, {failed} and {asked_failed} failed, {lost} lost");
        assert!(
            0 < failed + asked_failed,
            "the fault reached users before it was found"
        );
        assert_eq!(lost, 0);
    });
}

/// Status and answering release of one request from each of so many sessions.
async fn ask_each(up: &Up, sessions: usize) -> Vec<(u16, String)> {
    let address = up.production();
    let stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for session in 0..sessions {
        let request = Request::get("/")
            .header("host", address.to_string())
            .header("cookie", format!("session=asks-{session}"))
            .body(Empty::<bytes::Bytes>::new())
            .expect("a request");
        sender.ready().await.expect("the connection is open");
        let response = sender.send_request(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        answers.push((status, String::from_utf8_lossy(&body).trim().to_owned()));
    }
    answers
}

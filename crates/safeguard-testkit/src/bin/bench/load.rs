//! A load of our own, for what wrk can not tell: which arm answered each request, and when.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The cookie by which the router knows a user.
pub const USER_COOKIE: &str = "user";
const ANSWER_LONGEST: Duration = Duration::from_secs(5);

/// One request as its user saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub ended: Instant,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx, with the body: the name of the arm.
    Good(Bytes),
    /// Another status.
    Bad(u16),
    /// No whole answer.
    Lost,
}

/// Users that each keep one connection and ask again and again.
pub struct Load {
    stop: Arc<AtomicBool>,
    users: JoinSet<Vec<Seen>>,
}

impl Load {
    /// Each user asks again after `pause`, counted from the answer; the first requests are spread over one pause.
    pub fn start(address: SocketAddr, users: u32, pause: Duration) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for user in 0..users {
            tasks.spawn(one_user(
                address,
                user,
                pause.mul_f64(f64::from(user) / f64::from(users)),
                pause,
                stop.clone(),
            ));
        }
        Load { stop, users: tasks }
    }

    /// No user asks again.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Ends the load; returns everything that was seen, in the order of its end.
    pub async fn finish(self) -> Vec<Seen> {
        self.stop();
        let mut seen: Vec<Seen> = self.users.join_all().await.concat();
        seen.sort_by_key(|request| request.ended);
        seen
    }
}

async fn one_user(
    address: SocketAddr,
    user: u32,
    offset: Duration,
    pause: Duration,
    stop: Arc<AtomicBool>,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut connection = None;
    tokio::time::sleep(offset).await;
    while !stop.load(Relaxed) {
        let outcome = match tokio::time::timeout(ANSWER_LONGEST, ask(&mut connection, address, user)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Outcome::Lost,
        };
        if outcome == Outcome::Lost {
            connection = None;
        }
        seen.push(Seen {
            ended: Instant::now(),
            outcome,
        });
        tokio::time::sleep(pause).await;
    }
    seen
}

type Connection = SendRequest<Empty<Bytes>>;

async fn ask(connection: &mut Option<Connection>, address: SocketAddr, user: u32) -> anyhow::Result<Outcome> {
    let open = match connection.take() {
        Some(open) if !open.is_closed() => open,
        Some(_) | None => connect(address).await?,
    };
    let open = connection.insert(open);
    let request = hyper::Request::get("/")
        .header("host", "bench")
        .header("cookie", format!("{USER_COOKIE}={user}"))
        .body(Empty::new())?;
    open.ready().await?;
    let response = open.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(if status.is_success() {
        Outcome::Good(body)
    } else {
        Outcome::Bad(status.as_u16())
    })
}

async fn connect(address: SocketAddr) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // The sender tells when the connection ends.
    tokio::spawn(connection);
    Ok(sender)
}

/// What wrk has measured.
#[derive(Debug, Clone, Copy)]
pub struct Wrk {
    pub requests_per_second: f64,
    pub p99_ms: f64,
}

/// Runs wrk on one core with 2,000 users' cookies in turn. An answer that is not 2xx is an error.
pub fn wrk(core: usize, address: SocketAddr, connections: u32, length: Duration) -> anyhow::Result<Wrk> {
    let script = std::env::temp_dir().join(format!("safeguard-bench-{}.lua", std::process::id()));
    std::fs::write(&script, WRK_SCRIPT)?;
    let output = std::process::Command::new("taskset")
        .args(["-c", &core.to_string(), "wrk", "--latency", "-t1"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{}s", length.as_secs().max(1)))
        .arg("-s")
        .arg(&script)
        .arg(format!("http://{address}/"))
        .output()
        .context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("wrk saw errors:\n{text}");
    }
    let after = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
    };
    Ok(Wrk {
        requests_per_second: after("Requests/sec:")
            .and_then(|figure| figure.parse().ok())
            .context("wrk says no rate")?,
        p99_ms: after("99%")
            .and_then(milliseconds)
            .context("wrk says no latency")?,
    })
}

/// Reads wrk's `1.23ms`, `456.00us` and `1.02s`.
fn milliseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(figure) = text
            .strip_suffix(unit)
            .and_then(|figure| figure.parse::<f64>().ok())
        {
            return Some(figure * factor);
        }
    }
    None
}

const WRK_SCRIPT: &str = r#"
local requests, at = {}, 0
function init()
  for user = 1, 2000 do
    requests[user] = wrk.format("GET", "/", { ["Host"] = "bench", ["Cookie"] = "user=" .. user })
  end
end
function request()
  at = at % 2000 + 1
  return requests[at]
end
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_units_of_wrk() {
        assert_eq!(milliseconds("456.00us"), Some(0.456));
        assert_eq!(milliseconds("1.50ms"), Some(1.5));
        assert_eq!(milliseconds("1.02s"), Some(1020.0));
        assert_eq!(milliseconds("fast"), None);
    }
}

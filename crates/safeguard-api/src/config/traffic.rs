//! How the router treats one service's traffic.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigProblem;
use super::check::within;
use crate::stage::Percent;

/// What the router does with a service's requests besides sending them on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficSettings {
    pub rate_limits: RateLimits,
    /// Answer from stable what fails on the canary, where that can do no harm: GET, HEAD and OPTIONS without a body, as
    /// long as nothing was sent to the client. The failure is held against the canary all the same.
    pub shield: bool,
    /// The share of stable's safe requests without a body that the candidate gets copies of. Their answers are thrown away,
    /// and nothing is judged by them; `safeguard-mirror: 1` marks them.
    pub mirror: Percent,
    /// What its instances speak.
    pub upstream: UpstreamProtocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum UpstreamProtocol {
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2 without TLS, from the first byte (RFC 9113, 3.3). No WebSocket, and no trailers.
    #[serde(rename = "h2c")]
    H2c,
}

/// How many requests one client may make; more are refused with status 429. Unsaid means as many as it likes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// For each client address; an IPv6 network of 64 bits is one client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_address: Option<Rate>,
    /// For each user, as `user_key` finds it; besides the address, since a client can choose its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user: Option<Rate>,
    /// How many clients are remembered, of each kind, in each environment.
    pub clients_max: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits {
            per_address: None,
            per_user: None,
            clients_max: 65_536,
        }
    }
}

/// A token bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub requests_per_second: f64,
    /// How many may come at once after a pause.
    pub burst_requests: u32,
}

/// Limits of one client's HTTP/2 connection, besides those of every request; a connection over one is ended, but for the
/// streams, of which more must wait, and the buffers, which are never larger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http2Limits {
    /// Requests at once.
    pub streams_max: u32,
    /// Requests that the client takes back.
    pub resets_per_minute_max: u32,
    /// Frames that ask for nothing: settings, pings, priorities, pieces of headers, empty content, unknown ones.
    pub control_frames_per_minute_max: u32,
    /// What is kept of one request or one response while the other side does not take it.
    pub stream_buffer_bytes_max: u32,
    /// What is kept of all requests of a connection.
    pub connection_buffer_bytes_max: u32,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Http2Limits {
            streams_max: 100,
            resets_per_minute_max: 500,
            control_frames_per_minute_max: 2000,
            stream_buffer_bytes_max: 128 << 10,
            connection_buffer_bytes_max: 1 << 20,
        }
    }
}

impl Http2Limits {
    pub(super) fn check(&self, found: &mut Vec<ConfigProblem>) {
        let limits = [
            ("streams_max", self.streams_max, 1, 10_000),
            ("resets_per_minute_max", self.resets_per_minute_max, 1, 1_000_000),
            (
                "control_frames_per_minute_max",
                self.control_frames_per_minute_max,
                10,
                1_000_000,
            ),
            // Less than what HTTP/2 begins with would have to be taken back.
            (
                "stream_buffer_bytes_max",
                self.stream_buffer_bytes_max,
                65_535,
                1 << 24,
            ),
            (
                "connection_buffer_bytes_max",
                self.connection_buffer_bytes_max,
                65_535,
                1 << 28,
            ),
        ];
        for (key, value, min, max) in limits {
            within(found, &["router", "http2", key], value, min, max);
        }
    }
}

/// Where a listener's certificate lies; both files are PEM, and are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The server's certificate, followed by those that lead to a known authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    pub(super) fn check(&self, base: &[&str], found: &mut Vec<ConfigProblem>) {
        for (key, file) in [("certificate", &self.certificate), ("key", &self.key)] {
            if !file.is_absolute() {
                let message = format!(
                    "`{}` depends on the folder in which safeguard was started",
                    file.display()
                );
                let problem = ConfigProblem::new(&[base, &[key]].concat(), message);
                found.push(problem.with_hint("write the absolute path, such as `/etc/safeguard/shop.pem`"));
            }
        }
    }
}

impl TrafficSettings {
    pub(super) fn check(&self, base: [&str; 2], found: &mut Vec<ConfigProblem>) {
        let limits = &self.rate_limits;
        let at = |keys: &[&'static str]| [&[base[0], base[1], "traffic", "rate_limits"], keys].concat();
        within(found, &at(&["clients_max"]), limits.clients_max, 64, 1 << 24);
        for (key, rate) in [
            ("per_address", &limits.per_address),
            ("per_user", &limits.per_user),
        ] {
            let Some(rate) = rate else { continue };
            let per_second = rate.requests_per_second;
            within(found, &at(&[key, "requests_per_second"]), per_second, 0.001, 1e6);
            within(
                found,
                &at(&[key, "burst_requests"]),
                rate.burst_requests,
                1,
                1_000_000,
            );
        }
    }
}

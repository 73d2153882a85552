//! How the router treats one service's traffic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigProblem;
use super::check::within;

/// What the router does with a service's requests besides sending them on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficSettings {
    pub rate_limits: RateLimits,
    /// Answer from stable what fails on the canary, where that can do no harm: GET, HEAD and OPTIONS without a body, as
    /// long as nothing was sent to the client. The failure is held against the canary all the same.
    pub shield: bool,
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

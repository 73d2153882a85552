//! Everything that decides how a service runs, as one digest.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    DrillSettings, ExecTarget, InstanceLimits, JudgePolicy, Policy, RollbackGate, RollbackPolicy,
    RouterLimits, Service, TrafficSettings, UserKey,
};
use crate::id::Digest;
use crate::stage::Environment;
use crate::time::Span;

/// A change of anything in here makes another service of it, of which a drill has shown nothing.
#[derive(Serialize)]
struct Running<'a> {
    command: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    target: &'a Option<ExecTarget>,
    health_path: &'a str,
    instances: u32,
    user_key: &'a UserKey,
    variables: BTreeMap<Environment, &'a BTreeMap<String, String>>,
    limits: &'a InstanceLimits,
    stop_grace: Span,
    drill: &'a DrillSettings,
    traffic: &'a TrafficSettings,
    judge: &'a JudgePolicy,
    rollback: &'a RollbackPolicy,
    rollback_test: &'a RollbackGate,
    router: &'a RouterLimits,
}

impl Service {
    /// Names how the service runs, is judged and is taken off: command, limits, the variables of staging, where it is
    /// drilled, and of production, which the drill speaks for. Where it listens, with which
    /// certificate, and how it is built does not matter.
    #[must_use]
    pub fn configuration(&self, policy: &Policy, router: &RouterLimits) -> Digest {
        let Service {
            command,
            target,
            health_path,
            instances,
            user_key,
            listen: _,
            tls: _,
            variables,
            limits,
            stop_grace,
            drill,
            traffic,
            rebuild: _,
        } = self;
        let of = |environment: &Environment| match environment {
            Environment::Dev | Environment::Qa => false,
            Environment::Staging | Environment::Production => true,
        };
        let running = Running {
            command,
            target,
            health_path,
            instances: *instances,
            user_key,
            variables: variables
                .iter()
                .filter(|(environment, _)| of(environment))
                .map(|(environment, variables)| (*environment, variables))
                .collect(),
            limits,
            stop_grace: *stop_grace,
            drill,
            traffic,
            judge: &policy.judge,
            rollback: &policy.rollback,
            rollback_test: &policy.gates.rollback_test,
            router,
        };
        // Struct fields serialise in their declared order and maps are sorted, so equal settings give equal bytes.
        #[expect(
            clippy::expect_used,
            reason = "no map with keys that are not text, no fallible serialiser"
        )]
        let json = serde_json::to_vec(&running).expect("settings are always JSON");
        Digest::of(&json)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;

    const TEXT: &str = r#"
mode = "observe"
[services.shop]
command = ["./shop"]
[services.shop.listen]
dev = "127.0.0.1:1"
qa = "127.0.0.1:2"
staging = "127.0.0.1:3"
production = "127.0.0.1:4"
[services.shop.variables]
dev = { MOOD = "dev" }
staging = { MOOD = "calm" }
production = { MOOD = "busy" }
"#;

    fn digest(change: impl FnOnce(&mut Config)) -> Digest {
        let mut config = Config::parse(TEXT).unwrap();
        change(&mut config);
        let policy = config.policy();
        config
            .services
            .values()
            .next()
            .unwrap()
            .configuration(&policy, &config.router)
    }

    #[test]
    fn what_decides_how_it_runs_changes_the_digest_and_nothing_else_does() {
        fn shop(config: &mut Config) -> &mut Service {
            config.services.values_mut().next().unwrap()
        }
        let same = digest(|_| {});
        for other in [
            digest(|config| shop(config).command.push("--fast".to_owned())),
            digest(|config| shop(config).limits.memory_bytes_max += 1),
            digest(|config| shop(config).stop_grace = Span(1)),
            digest(|config| shop(config).drill.read.push("/cart".to_owned())),
            digest(|config| {
                let variables = shop(config).variables.get_mut(&Environment::Production).unwrap();
                variables.insert("MOOD".to_owned(), "sad".to_owned());
            }),
            digest(|config| config.judge.exits_max += 1),
            digest(|config| config.rollback.drain_longest = Span(1)),
            digest(|config| config.router.response_longest = Span(99)),
            digest(|config| config.gates.rollback_test.concurrent_requests_min = 100),
        ] {
            assert_ne!(other, same);
        }
        for other in [
            digest(|config| {
                let listen = &mut shop(config).listen;
                listen.insert(Environment::Staging, "127.0.0.1:9".parse().unwrap());
            }),
            digest(|config| {
                shop(config).variables.remove(&Environment::Dev);
            }),
            digest(|config| config.stages.staging.soak = Span(1)),
        ] {
            assert_eq!(other, same);
        }
    }
}

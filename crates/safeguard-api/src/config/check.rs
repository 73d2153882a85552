//! What a configuration must mean, beyond its shape: values that are possible, rules that somebody can satisfy.

use std::fmt::Display;

use super::program::{check_program, check_variables};
use super::{CanaryPolicy, Config, ConfigProblem, Service, StagePolicy, people};
use crate::gate::Gate;
use crate::id::Name;
use crate::stage::{Environment, Percent};
use crate::time::Span;

/// The supervisor hands all listeners of the router over in one message, which carries 64 sockets: four for each.
pub const SERVICES_MAX: usize = 16;
const INSTANCES_MAX: u32 = 32;
const STEPS_MAX: usize = 32;
const SOAK_MAX: Span = Span::hours(24 * 90);
const LEASE_MIN: Span = Span::seconds(2);

impl Config {
    /// Returns what is wrong with the values; empty when nothing is. [`Config::parse`] adds where it stands.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut found = Vec::new();
        super::listen::check(self, &mut found);
        let nothing = self.services.is_empty() && self.proxies.is_empty();
        if nothing || self.services.len() > SERVICES_MAX {
            let message = format!(
                "{} services (1 to {SERVICES_MAX} are possible)",
                self.services.len()
            );
            let hint = "add a table `[services.NAME]`; `safeguard init` writes an example";
            found.push(ConfigProblem::new(&["services"], message).with_hint(hint));
        }
        for (name, service) in &self.services {
            check_service(name, service, &mut found);
        }
        let stages = [
            ("dev", &self.stages.dev),
            ("qa", &self.stages.qa),
            ("staging", &self.stages.staging),
            ("production", &self.stages.production),
        ];
        for (name, stage) in stages {
            check_stage(name, stage, &mut found);
        }
        check_canary(&self.stages.canary, &mut found);
        people::check(self, &mut found);
        hotfix(self, &mut found);
        super::calendar::check(self, &mut found);
        super::guard::check(self, &mut found);
        super::proxy::check(self, &mut found);
        super::quotas::check(self, &mut found);
        judge(self, &mut found);
        rollback(self, &mut found);
        router(self, &mut found);
        outside(self, &mut found);
        found
    }
}

/// Adds a problem unless `value` lies between the limits, both included. What can not be compared (NaN) lies nowhere.
pub(super) fn within<T: PartialOrd + Display>(
    found: &mut Vec<ConfigProblem>,
    path: &[&str],
    value: T,
    min: T,
    max: T,
) {
    if !(min <= value && value <= max) {
        found.push(ConfigProblem::new(
            path,
            format!("{value} is out of range ({min} to {max})"),
        ));
    }
}

fn check_service(name: &Name, service: &Service, found: &mut Vec<ConfigProblem>) {
    let base = ["services", name.as_str()];
    let at = |key: &'static str| [base[0], base[1], key];
    match service.command.first() {
        None => found.push(
            ConfigProblem::new(&at("command"), "there is no program to start").with_hint(
                "such as `command = [\"bin/server\"]`: a path within the artifact, then its arguments",
            ),
        ),
        Some(program) => check_program(&at("command"), program, &service.command, found),
    }
    if let Some(target) = &service.target {
        super::exec::check(base, target, found);
    }
    let path = &service.health_path;
    if !path.starts_with('/') || path.len() > 512 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("`{}` is not the path of a request", path.escape_debug());
        found.push(
            ConfigProblem::new(&at("health_path"), message)
                .with_hint("it begins with `/`, such as `/healthz`"),
        );
    }
    within(found, &at("instances"), service.instances, 1, INSTANCES_MAX);
    within(
        found,
        &at("stop_grace"),
        service.stop_grace,
        Span(0),
        Span::minutes(10),
    );
    for (key, named) in [
        ("cookie", &service.user_key.cookie),
        ("header", &service.user_key.header),
    ] {
        let Some(named) = named else { continue };
        if named.is_empty() || named.len() > 128 || !named.bytes().all(is_token_byte) {
            let message = format!("`{}` can not be the name of a {key}", named.escape_debug());
            let hint = "1 to 128 letters, digits and dashes";
            found.push(ConfigProblem::new(&[base[0], base[1], "user_key", key], message).with_hint(hint));
        }
    }
    let missing: Vec<&str> = Environment::ALL
        .iter()
        .filter(|one| !service.listen.contains_key(one))
        .map(|one| one.as_str())
        .collect();
    if !missing.is_empty() {
        let message = format!("no address for {}", missing.join(", "));
        let hint = format!(
            "a release passes through all four: add `{} = \"127.0.0.1:PORT\"`",
            missing[0]
        );
        found.push(ConfigProblem::new(&at("listen"), message).with_hint(hint));
    }
    for (environment, variables) in &service.variables {
        check_variables(
            &[base[0], base[1], "variables", environment.as_str()],
            variables,
            found,
        );
    }
    service.traffic.check(base, found);
    for (environment, files) in &service.tls {
        files.check(&[base[0], base[1], "tls", environment.as_str()], found);
    }
    service.drill.check(base, found);
    if let Some(rebuild) = &service.rebuild {
        rebuild.check(base, found);
    }
    let limits = &service.limits;
    let limit = |key: &'static str| [base[0], base[1], "limits", key];
    within(
        found,
        &limit("memory_bytes_max"),
        limits.memory_bytes_max,
        1 << 20,
        1 << 50,
    );
    within(
        found,
        &limit("cpu_percent_max"),
        limits.cpu_percent_max,
        1,
        102_400,
    );
    within(
        found,
        &limit("open_files_max"),
        limits.open_files_max,
        16,
        1 << 20,
    );
}

// RFC 9110, token: what a header's name, and a cookie's, is made of.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check_stage(name: &str, stage: &StagePolicy, found: &mut Vec<ConfigProblem>) {
    within(found, &["stages", name, "soak"], stage.soak, Span(0), SOAK_MAX);
    within(
        found,
        &["stages", name, "error_permille_max"],
        stage.error_permille_max,
        0,
        1000,
    );
    check_gates(name, &stage.gates, found);
}

fn check_gates(name: &str, gates: &[Gate], found: &mut Vec<ConfigProblem>) {
    for (at, gate) in gates.iter().enumerate() {
        if gates[..at].contains(gate) {
            let message = format!("gate `{gate}` is named twice");
            found.push(ConfigProblem::new(
                &["stages", name, "gates", &at.to_string()],
                message,
            ));
        }
    }
}

fn check_canary(canary: &CanaryPolicy, found: &mut Vec<ConfigProblem>) {
    let base = ["stages", "canary"];
    let at = |key: &'static str| [base[0], base[1], key];
    if canary.steps.is_empty() || canary.steps.len() > STEPS_MAX {
        let message = format!("{} steps (1 to {STEPS_MAX} are possible)", canary.steps.len());
        found.push(ConfigProblem::new(&at("steps"), message));
    }
    let mut before = Percent::ZERO;
    for (index, step) in canary.steps.iter().enumerate() {
        let index = index.to_string();
        let at_step = |key: &'static str| [base[0], base[1], "steps", index.as_str(), key];
        if step.weight == Percent::ZERO {
            let message = "a step without users shows nothing: the least weight is 1 %";
            found.push(ConfigProblem::new(&at_step("weight"), message));
        } else if step.weight <= before {
            let message = format!("{} after {before}: the steps must grow", step.weight);
            found.push(
                ConfigProblem::new(&at_step("weight"), message).with_hint("such as 1, 5, 10, 25, 50, 100"),
            );
        }
        before = before.max(step.weight);
        within(found, &at_step("soak"), step.soak, Span(0), SOAK_MAX);
        if canary.step_longest < step.soak {
            let message = format!(
                "the step soaks for {}, and `step_longest` holds it after {}: it could never pass",
                step.soak, canary.step_longest
            );
            found.push(ConfigProblem::new(&at_step("soak"), message).with_hint("raise `step_longest`"));
        }
    }
    if let Some(last) = canary.steps.last()
        && last.weight < Percent::ALL
        && Percent::ZERO < last.weight
    {
        let index = (canary.steps.len() - 1).to_string();
        let message = format!("the last step has {}, and must have 100 %", last.weight);
        let path = [base[0], base[1], "steps", index.as_str(), "weight"];
        let hint = "production takes over what the canary has shown with all users";
        found.push(ConfigProblem::new(&path, message).with_hint(hint));
    }
    within(found, &at("step_longest"), canary.step_longest, Span(1), SOAK_MAX);
    // With a margin of 0 "no worse" would need endless requests.
    within(found, &at("margin_permille"), canary.margin_permille, 0.1, 500.0);
    within(found, &at("margin_alpha"), canary.margin_alpha, 1e-9, 0.5);
    check_gates("canary", &canary.gates, found);
}

fn hotfix(config: &Config, found: &mut Vec<ConfigProblem>) {
    within(
        found,
        &["hotfix", "soak_percent"],
        config.hotfix.soak_percent,
        1,
        100,
    );
    within(
        found,
        &["hotfix", "approvals_more"],
        config.hotfix.approvals_more,
        1,
        16,
    );
}

fn judge(config: &Config, found: &mut Vec<ConfigProblem>) {
    let judge = &config.judge;
    within(found, &["judge", "alpha"], judge.alpha, 1e-9, 0.5);
    within(
        found,
        &["judge", "planned"],
        judge.planned,
        Span::seconds(1),
        SOAK_MAX,
    );
    within(
        found,
        &["judge", "window"],
        judge.window,
        Span::seconds(1),
        Span::hours(1),
    );
    within(
        found,
        &["judge", "warm_up"],
        judge.warm_up,
        Span(0),
        Span::hours(1),
    );
    within(found, &["judge", "exits_max"], judge.exits_max, 1, 1000);
    within(
        found,
        &["judge", "exits_within"],
        judge.exits_within,
        Span::seconds(1),
        Span::hours(24),
    );
    within(
        found,
        &["judge", "health_failures_max"],
        judge.health_failures_max,
        1,
        1000,
    );
    within(
        found,
        &["judge", "failures_in_a_row_max"],
        judge.failures_in_a_row_max,
        1,
        1_000_000,
    );
}

fn rollback(config: &Config, found: &mut Vec<ConfigProblem>) {
    let rollback = &config.rollback;
    within(
        found,
        &["rollback", "lease"],
        rollback.lease,
        LEASE_MIN,
        Span::minutes(5),
    );
    within(
        found,
        &["rollback", "drain_longest"],
        rollback.drain_longest,
        Span(0),
        Span::minutes(10),
    );
    within(
        found,
        &["rollback", "deploy_longest"],
        rollback.deploy_longest,
        Span::seconds(1),
        Span::hours(1),
    );
}

fn router(config: &Config, found: &mut Vec<ConfigProblem>) {
    let router = &config.router;
    let counts = [
        ("threads", router.threads, 1, 64),
        ("connections_max", router.connections_max, 1, 1_000_000),
        ("header_bytes_max", router.header_bytes_max, 1 << 10, 1 << 20),
        ("headers_max", router.headers_max, 8, 1000),
        ("upstream_idle_max", router.upstream_idle_max, 1, 65_536),
    ];
    for (key, value, min, max) in counts {
        within(found, &["router", key], value, min, max);
    }
    within(
        found,
        &["router", "body_bytes_max"],
        router.body_bytes_max,
        1,
        1 << 40,
    );
    router.http2.check(found);
    let lengths = [
        ("header_longest", router.header_longest),
        ("body_idle_longest", router.body_idle_longest),
        ("idle_longest", router.idle_longest),
        ("response_longest", router.response_longest),
        ("connect_longest", router.connect_longest),
        ("upstream_idle_longest", router.upstream_idle_longest),
    ];
    for (key, value) in lengths {
        within(found, &["router", key], value, Span(10), Span::hours(1));
    }
}

fn outside(config: &Config, found: &mut Vec<ConfigProblem>) {
    if let Some(program) = config.notify.exec.first() {
        check_program(&["notify", "exec"], program, &config.notify.exec, found);
        if program.contains('/') && !program.starts_with('/') {
            let message = format!("`{program}` depends on the folder in which safeguard was started");
            found.push(
                ConfigProblem::new(&["notify", "exec"], message)
                    .with_hint("write the absolute path, or a bare name to look up in `PATH`"),
            );
        }
    }
    if let Some(file) = &config.audit.checkpoint_file
        && (file.as_os_str().is_empty()
            || file.file_name().is_none()
            || file.to_string_lossy().ends_with('/'))
    {
        let message = format!("`{}` does not name a file", file.display());
        found.push(
            ConfigProblem::new(&["audit", "checkpoint_file"], message)
                .with_hint("such as `/mnt/backup/safeguard.checkpoint`"),
        );
    }
}

//! `safeguard status`

use safeguard_api::config::Mode;
use safeguard_api::instance::InstanceState;
use safeguard_api::status::{ServiceStatus, Status};

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::failure::Failure;
use crate::output::{CARE, Output};
use crate::releases::phase_text;

pub fn status(globals: &Globals, output: &Output) -> Result<(), Failure> {
    let status: Status = ApiClient::new(globals)?.get("/api/v1/status")?;
    output.data(&status, described)
}

fn described(status: &Status) -> String {
    let mode = match status.mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe: nothing is held or moved",
    };
    let mut text = format!(
        "safeguard {}, {mode}, {} log entries\n",
        status.version, status.log.size
    );
    for process in &status.processes {
        let pid = process.pid.map_or("down".to_owned(), |pid| format!("pid {pid}"));
        text.push_str(&format!(
            "  {:<10} {pid}, {} restarts\n",
            format!("{:?}", process.role).to_lowercase(),
            process.restarts
        ));
    }
    for freeze in status.freezes.iter().filter(|freeze| freeze.closed_at.is_none()) {
        let service = freeze
            .service
            .as_ref()
            .map_or("everything".to_owned(), ToString::to_string);
        text.push_str(&format!(
            "  {CARE}freeze{CARE:#}     {} holds {service}: {}\n",
            freeze.id, freeze.reason
        ));
    }
    for service in &status.services {
        text.push_str(&service_text(service));
    }
    for warning in &status.warnings {
        text.push_str(&format!("{CARE}warning{CARE:#}: {warning}\n"));
    }
    text
}

fn service_text(service: &ServiceStatus) -> String {
    let live = service.live_version.as_deref().unwrap_or("nothing");
    let mut text = format!("{}: {live} is live\n", service.state.service);
    let freeze = &service.freeze;
    if !freeze.open || freeze.closes_at.is_some() {
        let may = if freeze.open { "may move" } else { "may not move" };
        text.push_str(&format!("  releases   {may}, {}\n", crate::freezes::next(freeze)));
    }
    if let Some(active) = &service.active_release {
        let (release, rollout) = (&active.release, &active.rollout);
        let phase = phase_text(&rollout.phase);
        text.push_str(&format!(
            "  on its way {} {}: {} {phase}\n",
            release.id, release.version, rollout.stage
        ));
        for block in &rollout.blocks {
            text.push_str(&format!("    {block}\n"));
        }
    }
    for route in &service.routes {
        let figures = |arm: &safeguard_api::traffic::ArmReport| {
            format!(
                "{} requests, {} errors, p95 {:.0} ms",
                arm.requests, arm.errors, arm.p95_ms
            )
        };
        let stable = route.stable.as_ref().map_or_else(|| "none".to_owned(), figures);
        let candidate = route.candidate.as_ref().map(figures);
        let candidate = candidate.map(|figures| format!("; candidate at {}: {figures}", route.weight));
        text.push_str(&format!(
            "  {:<10} stable: {stable}{}\n",
            route.environment,
            candidate.as_deref().unwrap_or("")
        ));
    }
    for instance in &service.instances {
        let state = match &instance.state {
            InstanceState::Starting => "starting".to_owned(),
            InstanceState::Healthy { since } => format!("healthy since {since}"),
            InstanceState::Unhealthy => "unhealthy".to_owned(),
            InstanceState::BackOff { until } => format!("ended; starts again at {until}"),
            InstanceState::Stopping => "stopping".to_owned(),
            InstanceState::Refused { why } => format!("refused: {why}"),
        };
        let memory = instance.memory_bytes >> 20;
        text.push_str(&format!(
            "  {:<10} {} {state}, {memory} MiB, {} starts\n",
            instance.environment, instance.id, instance.starts
        ));
    }
    if let Some(silent) = service.router_silent {
        text.push_str(&format!("  the router has been silent for {silent}\n"));
    }
    text
}

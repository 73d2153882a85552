//! `safeguard release …`

use safeguard_api::release::{Lane, Phase, ReleaseSpec, Review, RollbackReason};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Release, ReleaseId, Stage};
use serde::{Deserialize, Serialize};

use crate::api_client::ApiClient;
use crate::args::{Globals, ReleaseCreateArgs, ReleaseVerb};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output, table};
use crate::{artifact, bisect, exceptions, watch};

/// A release in a list, as the server answers it.
#[derive(Debug, Serialize, Deserialize)]
struct ReleaseListed {
    #[serde(flatten)]
    release: Release,
    stage: Stage,
    phase: Phase,
}

#[derive(Serialize)]
struct Why {
    reason: Option<String>,
}

pub fn release(globals: &Globals, verb: ReleaseVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    let act =
        |id: &ReleaseId, verb: &str| client.act::<ReleaseStatus>(&format!("/api/v1/releases/{id}/{verb}"));
    match verb {
        ReleaseVerb::Create(args) => create(&client, args, output),
        ReleaseVerb::List(list) => {
            let listed: Vec<ReleaseListed> = client.get(&format!("/api/v1/releases?limit={}", list.limit))?;
            output.data(&listed, |listed| list_text(listed))
        }
        ReleaseVerb::Show { id } => {
            let status: ReleaseStatus = client.get(&format!("/api/v1/releases/{id}"))?;
            output.data(&status, described)
        }
        ReleaseVerb::Promote { id } => output.data(&act(&id, "promote")?, brief),
        ReleaseVerb::Hold { id, reason } => {
            let path = format!("/api/v1/releases/{id}/hold");
            output.data(&client.post::<_, ReleaseStatus>(&path, &Why { reason })?, brief)
        }
        ReleaseVerb::Rollback { id } => output.data(&act(&id, "rollback")?, brief),
        ReleaseVerb::Clear { id } => output.data(&act(&id, "clear")?, brief),
        ReleaseVerb::Bisect(args) => bisect::bisect(globals, &client, args, output),
        ReleaseVerb::Review { id, note } => {
            let path = format!("/api/v1/releases/{id}/review");
            let review: Review = client.post(&path, &serde_json::json!({ "note": note }))?;
            output.data(&review, |review| {
                format!("{} was reviewed, log entry {}\n", review.release, review.entry)
            })
        }
    }
}

fn create(client: &ApiClient, args: ReleaseCreateArgs, output: &Output) -> Result<(), Failure> {
    let digest = match (args.digest, &args.artifact) {
        (Some(digest), _) => digest,
        (None, Some(path)) => artifact::store(client, path, output)?,
        (None, None) => return Err(Failure::refused("`--artifact` is missing")),
    };
    let spec = ReleaseSpec {
        service: args.service,
        artifact: digest,
        version: args.version_name,
        changes: args.changes,
        lane: if args.hotfix { Lane::Hotfix } else { Lane::Standard },
        supersede: args.supersede,
    };
    let status: ReleaseStatus = client.post("/api/v1/releases", &spec)?;
    let id = status.release.id.clone();
    if args.watch {
        output.say(&format!("Created {id}"));
        return watch::watch(client, &id, None, output);
    }
    output.data(&status, |status| format!("{}\n", status.release.id))?;
    output.say(&format!(
        "{HINT}hint{HINT:#}: `safeguard rollout watch {id}` follows it"
    ));
    Ok(())
}

fn list_text(listed: &[ReleaseListed]) -> String {
    let row = |one: &ReleaseListed| {
        vec![
            one.release.id.to_string(),
            one.release.service.to_string(),
            one.release.version.clone(),
            one.stage.to_string(),
            phase_text(&one.phase),
            one.release.created_at.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    table(
        &["RELEASE", "SERVICE", "VERSION", "STAGE", "PHASE", "CREATED"],
        &rows,
    )
}

fn brief(status: &ReleaseStatus) -> String {
    let release = &status.release;
    let stage = status.rollout.stage;
    format!(
        "{} {} {}: {stage} {}\n",
        release.id,
        release.service,
        release.version,
        phase_text(&status.rollout.phase)
    )
}

/// The phase in words, with its figures.
pub fn phase_text(phase: &Phase) -> String {
    match phase {
        Phase::Analyzing { step, weight } => format!("analyzing step {} at {weight}", step + 1),
        Phase::Held { weight, reason } => format!("held at {weight}: {reason}"),
        Phase::RollingBack { reason, .. } => format!("rolling back: {reason}"),
        Phase::RolledBack {
            reason: RollbackReason::Operator { by },
            ..
        } => format!("rolled back by {by}"),
        Phase::RolledBack { reason, .. } => format!("rolled back: {reason}"),
        Phase::RollbackFailed { reason, failure, .. } => {
            format!("rollback failed: {failure} (after: {reason})")
        }
        Phase::Superseded { by } => format!("superseded by {by}"),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live => phase.name().to_owned(),
    }
}

pub fn described(status: &ReleaseStatus) -> String {
    let (release, rollout) = (&status.release, &status.rollout);
    let style = match rollout.phase {
        Phase::Live => GOOD,
        Phase::RollingBack { .. } | Phase::RolledBack { .. } | Phase::RollbackFailed { .. } => BAD,
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Held { .. }
        | Phase::Superseded { .. } => CARE,
    };
    let mut text = format!("{} {} {}\n", release.id, release.service, release.version);
    text.push_str(&format!(
        "  stage     {}\n  phase     {style}{}{style:#}\n",
        rollout.stage,
        phase_text(&rollout.phase)
    ));
    let soak = &rollout.soak;
    text.push_str(&format!(
        "  soaked    {}, {} requests, {} errors\n",
        soak.elapsed, soak.requests, soak.errors
    ));
    text.push_str(&format!(
        "  artifact  {}\n  policy    {}\n",
        release.artifact, rollout.policy
    ));
    let names: Vec<&str> = release.new_changes.iter().map(|change| change.as_str()).collect();
    text.push_str(&format!(
        "  new       {}\n  created   {} by {}\n",
        names.join(", "),
        release.created_at,
        release.created_by
    ));
    for block in &rollout.blocks {
        text.push_str(&format!("  {CARE}blocked{CARE:#}   {block}\n"));
    }
    for waiver in &status.waivers {
        text.push_str(&format!(
            "  {CARE}waiver{CARE:#}    {}\n",
            exceptions::waiver_of(waiver)
        ));
    }
    for glass in &status.breakglasses {
        text.push_str(&format!(
            "  {CARE}freezes{CARE:#}   {}",
            exceptions::glass_line(glass)
        ));
    }
    if let Some(bisect) = &status.bisect {
        let found = match &bisect.conclusion {
            Some(conclusion) => conclusion.to_string(),
            None => format!("{} trials so far", bisect.trials.len()),
        };
        text.push_str(&format!("  {CARE}bisect{CARE:#}    {found}\n"));
    }
    for would in &rollout.would_have {
        text.push_str(&format!("  would have {} at {}\n", would.decision, would.at));
    }
    for route in &status.routes {
        for (arm, report) in [("candidate", &route.candidate), ("stable", &route.stable)] {
            let Some(report) = report.as_ref().filter(|report| report.release == release.id) else {
                continue;
            };
            text.push_str(&format!(
                "  {:<10} {arm}: {} requests, {} errors, {} lost, p95 {:.0} ms, weight {}\n",
                route.environment, report.requests, report.errors, report.lost, report.p95_ms, route.weight
            ));
        }
    }
    for entry in &status.entries {
        let late = if entry.late { " (late)" } else { "" };
        text.push_str(&format!(
            "  {:>6} {} {}{late} {}\n",
            entry.index, entry.at, entry.kind, entry.text
        ));
    }
    for hint in &status.hints {
        text.push_str(&format!("{HINT}hint{HINT:#}: {hint}\n"));
    }
    text
}

//! A rollback drill of the example's shop, with the shop's own settings: how long it takes, and its parts.

use std::path::Path;

use anyhow::{Context, bail};
use safeguard_api::config::Config;
use safeguard_api::drill::{Drill, DrillOrder, DrillVersion, DrillWord};
use safeguard_api::{Environment, ReleaseId, Span};
use safeguard_trial::{DrillCommand, Keeper, drill_longest};

use crate::report::Row;

const CONFIG: &str = include_str!("../../../../../examples/shop/safeguard.toml");

pub fn run() -> anyhow::Result<Vec<Row>> {
    let own = std::env::current_exe()?;
    let binaries = own.parent().context("this program lies in no folder")?;
    let folder = tempfile::tempdir()?;
    let order = order(binaries, folder.path())?;
    let program = binaries.join("safeguard");
    let name = program.to_str().context("the path of `safeguard` is not text")?;
    let command = DrillCommand {
        launcher: vec![name.to_owned(), "launch".to_owned()],
        arguments: vec!["drill-process".to_owned()],
        program: program.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let gate = order.policy.gates.rollback_test.clone();
    let drill = runtime.block_on(hold(command, order, folder.path()))?;
    let refusals = drill.refusals(&gate);
    if !refusals.is_empty() {
        bail!("a good version got no certificate: {}", refusals.join("; "));
    }
    let mut rows = vec![Row::new("drill, whole", seconds(drill.took), "s")];
    for fault in &drill.faults {
        let limit = seconds(gate.rollback_longest);
        rows.push(
            Row::new(
                format!("drill, {}: rollback", fault.name),
                seconds(fault.total()),
                "s",
            )
            .at_most(limit),
        );
        let parts = [
            ("detect", fault.detect),
            ("flip", fault.flip),
            ("drain", fault.drain),
            ("verify", fault.verify),
        ];
        for (part, took) in parts {
            rows.push(Row::new(
                format!("drill, {}: {part}", fault.name),
                seconds(took),
                "s",
            ));
        }
    }
    rows.push(Row::new("drill, requests lost", drill.lost_requests as f64, "requests").at_most(0.0));
    Ok(rows)
}

fn seconds(span: Span) -> f64 {
    span.ms() as f64 / 1000.0
}

/// Version 1.1 beside 1.0, as the server would order it.
fn order(binaries: &Path, folder: &Path) -> anyhow::Result<DrillOrder> {
    let Ok(config) = Config::parse(CONFIG) else {
        bail!("the example's configuration can not be used");
    };
    let policy = config.policy();
    let (service, mut settings) = config
        .services
        .into_iter()
        .next()
        .context("the example has no service")?;
    settings
        .variables
        .retain(|environment, _| *environment == Environment::Staging);
    for variables in settings.variables.values_mut() {
        let database = folder.join("shop.db").display().to_string();
        variables.insert("SHOP_DATABASE".to_owned(), database);
    }
    let version = |number, name: &str| -> anyhow::Result<DrillVersion> {
        let root = folder.join(name);
        std::fs::create_dir_all(&root)?;
        let binary = binaries.join(name);
        std::fs::copy(&binary, root.join("shop"))
            .with_context(|| format!("cannot copy `{}`", binary.display()))?;
        Ok(DrillVersion {
            release: ReleaseId::new(1, number),
            version: name.to_owned(),
            artifact: safeguard_target::artifact::digest_of(&root)?,
            root,
        })
    };
    Ok(DrillOrder {
        service,
        configuration: settings.configuration(&policy, &config.router),
        router: config.router,
        candidate: version(2, "shop-1-1")?,
        stable: Some(version(1, "shop-1-0")?),
        comparison: None,
        settings,
        policy,
    })
}

async fn hold(command: DrillCommand, order: DrillOrder, folder: &Path) -> anyhow::Result<Drill> {
    let longest = drill_longest(&order.policy, &order.router);
    let mut keeper = Keeper::start(command, order, folder.join("drill"), longest)?;
    let mut last = None;
    while let Some(word) = keeper.word().await {
        match word {
            DrillWord::Step(step) => eprintln!("    {}", step.text),
            word => last = Some(word),
        }
    }
    match last {
        Some(DrillWord::Done { drill }) => Ok(drill),
        Some(DrillWord::Undecided { why }) => bail!("the drill could not be held: {why}"),
        Some(DrillWord::Step(_) | DrillWord::Tried { .. }) | None => bail!("the drill said no last word"),
    }
}

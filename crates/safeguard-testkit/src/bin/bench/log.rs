//! The log: entries appended durably, and an export verified with nothing else present.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::id::ReleaseId;
use safeguard_api::time::Timestamp;
use safeguard_audit::hash::{leaf_hash, to_bytes};
use safeguard_audit::tile::push_entry;
use safeguard_audit::{Expected, Signer, Tile, Tree, verify as verify_export};
use safeguard_store::{Place, Settings, Store};
use serde_json::json;

use crate::report::{Row, median, quantile};

const ORIGIN: &str = "bench.safeguard";
const KEY: [u8; 32] = [7; 32];
const LEAF_BYTES: usize = 600;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);
const WRITERS: [usize; 3] = [1, 16, 128];
const VERIFIED_ENTRIES: u64 = 1_000_000;

pub fn append() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rates: [Vec<f64>; WRITERS.len()] = Default::default();
    let mut p99s = Vec::new();
    for _ in 0..ROUNDS {
        for (place, writers) in WRITERS.into_iter().enumerate() {
            let (rate, mut latencies) = runtime.block_on(append_with(writers))?;
            rates[place].push(rate);
            if place == WRITERS.len() - 1 {
                p99s.push(quantile(&mut latencies, 0.99));
            }
        }
    }
    let mut rows: Vec<Row> = WRITERS
        .iter()
        .zip(&mut rates)
        .map(|(writers, rates)| Row::new(format!("append, {writers} writers"), median(rates), "entries/s"))
        .collect();
    if let Some(last) = rows.pop() {
        rows.push(last.at_least(25_000.0));
    }
    rows.push(Row::new("append, 128 writers, p99", median(&mut p99s), "ms").at_most(100.0));
    Ok(rows)
}

/// Each writer appends one entry after the other, each acknowledged when it is durable and in a signed checkpoint.
/// Returns entries a second and each one's wait in milliseconds.
async fn append_with(writers: usize) -> anyhow::Result<(f64, Vec<f64>)> {
    let folder = scratch()?;
    let store = Store::open(Settings {
        place: Place::File(folder.path().join("safeguard.db")),
        origin: ORIGIN.to_owned(),
        key: KEY,
        checkpoint_file: None,
    })?;
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while began.elapsed() < ROUND {
                let event = event(writer as u32);
                let asked = Instant::now();
                store.write(move |tx| tx.append(&event)).await??;
                waits.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            Ok::<_, safeguard_store::StoreError>(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(done) = tasks.join_next().await {
        waits.extend(done??);
    }
    let rate = waits.len() as f64 / began.elapsed().as_secs_f64();
    let written = store.log_status().size;
    store.close().await;
    if written < waits.len() as u64 {
        bail!(
            "{} entries were acknowledged, and the log has {written}",
            waits.len()
        );
    }
    Ok((rate, waits))
}

/// An event whose canonical JSON is about as long as a leaf of the bench.
fn event(writer: u32) -> Event {
    let mut event = Event {
        v: 1,
        kind: "deploy.stage".to_owned(),
        ts: Timestamp(1_800_000_000_000),
        actor: Actor::system("bench"),
        subject: vec![ReleaseId::new(1_800_000_000_000, writer).to_string()],
        refs: Vec::new(),
        commit: Vec::new(),
        decision: json!({ "figures": "" }),
        late: false,
    };
    let without = serde_json::to_vec(&event).map_or(0, |bytes| bytes.len());
    event.decision = json!({ "figures": "x".repeat(LEAF_BYTES.saturating_sub(without)) });
    event
}

/// A folder on the disk that holds the target directory: a temporary one may be in memory.
fn scratch() -> anyhow::Result<tempfile::TempDir> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies in no directory")?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?)
}

pub fn verify() -> anyhow::Result<Vec<Row>> {
    let folder = scratch()?;
    write_export(folder.path()).context("cannot write the export")?;
    let read = |path: &str| match std::fs::read(folder.path().join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let report = verify_export(&read, &Expected::default());
        seconds.push(began.elapsed().as_secs_f64());
        if !report.is_intact() || report.size != VERIFIED_ENTRIES {
            bail!("the export does not verify: {report:?}");
        }
    }
    Ok(vec![
        Row::new("verify 1,000,000 entries", median(&mut seconds), "s").at_most(2.0),
    ])
}

/// Writes a log in the layout of an export: key, checkpoint, tiles, bundles of entries.
fn write_export(folder: &Path) -> anyhow::Result<()> {
    let write = |path: &str, bytes: &[u8]| -> anyhow::Result<()> {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().context("a file has a folder")?)?;
        Ok(std::fs::write(file, bytes)?)
    };
    let signer = Signer::new(ORIGIN, &KEY)?;
    let mut tree = Tree::new();
    let (mut full, mut bundle) = (Vec::new(), Vec::new());
    for index in 0..VERIFIED_ENTRIES {
        let entry = format!(
            "{{\"index\":{index},\"figures\":\"{:x<1$}\"}}",
            "",
            LEAF_BYTES - 40
        );
        tree.append(leaf_hash(entry.as_bytes()), &mut full);
        push_entry(&mut bundle, entry.as_bytes())
            .map_err(|bytes| anyhow::anyhow!("{bytes} bytes are too many"))?;
        for (tile, hashes) in full.drain(..) {
            write(&tile.path(), &to_bytes(&hashes))?;
            if tile.level == 0 {
                write(&tile.entries_path(), &bundle)?;
                bundle.clear();
            }
        }
    }
    for (tile, hashes) in tree.partial() {
        write(&tile.path(), &to_bytes(hashes))?;
    }
    if let Some(last) = Tile::edge(VERIFIED_ENTRIES).find(|tile| tile.level == 0) {
        write(&last.entries_path(), &bundle)?;
    }
    write("vkey", format!("{}\n", signer.vkey()).as_bytes())?;
    write("checkpoint", signer.sign(tree.size(), &tree.root()).as_bytes())
}

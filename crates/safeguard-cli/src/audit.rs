//! `safeguard audit …`: the tamper-evident log, verified on this side of the wire.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use safeguard_api::audit::{EntryProof, Event};
use safeguard_audit::export::{self, Expected, Report};
use safeguard_audit::{Hash, Vkey, proof};
use serde::Serialize;

use crate::api_client::ApiClient;
use crate::args::{AuditVerb, Globals};
use crate::failure::Failure;
use crate::output::{BAD, GOOD, Output};
use crate::replay;

const EXPORT_BYTES_MAX: u64 = 64 << 30;
const EXPORT_FILES_MAX: u64 = 16 << 20;
/// The largest file is a report, or what a decision was made from; a bundle of the log has at most 16 MiB.
const FILE_BYTES_MAX: u64 = 64 << 20;
const PIN_BYTES_MAX: u64 = 64 << 10;

pub fn audit(globals: &Globals, verb: AuditVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        AuditVerb::Verify { folder, pin, vkey } => verify(&folder, pin.as_deref(), vkey.as_deref(), output),
        AuditVerb::Prove { index, out, vkey } => {
            let proof: EntryProof = ApiClient::new(globals)?.get(&format!("/api/v1/audit/prove/{index}"))?;
            prove(&proof, index, out.as_deref(), vkey.as_deref(), output)
        }
        AuditVerb::Replay { folder } => {
            let report = verified(&folder, &Expected::default())?;
            if !report.is_intact() {
                output.data(&report, |report| verdict(report, false))?;
                return Err(Failure::Told);
            }
            replay::replay(&folder, report.size, output)
        }
        AuditVerb::Export { folder } => save_export(&ApiClient::new(globals)?, &folder, output),
    }
}

fn verify(folder: &Path, pin: Option<&Path>, vkey: Option<&str>, output: &Output) -> Result<(), Failure> {
    let pin = match pin {
        Some(path) => Some(read_limited(path, PIN_BYTES_MAX)?),
        None => None,
    };
    let pins: Vec<&str> = pin.as_deref().into_iter().collect();
    let report = verified(folder, &Expected { vkey, pins: &pins })?;
    output.data(&report, |report| {
        verdict(report, vkey.is_some() || !pins.is_empty())
    })?;
    if report.is_intact() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn verified(folder: &Path, expected: &Expected<'_>) -> Result<Report, Failure> {
    if !folder.is_dir() {
        return Err(anyhow!("`{}` is not a folder", folder.display()).into());
    }
    Ok(export::verify(
        &|path: &str| read_file(&folder.join(path)),
        expected,
    ))
}

/// Reads a file of an export, none if there is none.
pub fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(FILE_BYTES_MAX)
                .read_to_end(&mut bytes)
                .map(|_| Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn verdict(report: &Report, against_something: bool) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&format!("{BAD}altered{BAD:#}: {finding}\n"));
    }
    if report.findings_left_out > 0 {
        text.push_str(&format!("and {} findings more\n", report.findings_left_out));
    }
    if report.is_intact() {
        let origin = report.origin.as_deref().unwrap_or("unnamed");
        text.push_str(&format!(
            "{GOOD}intact{GOOD:#}: {} entries of {origin}",
            report.size
        ));
        if report.pins_continued > 0 {
            text.push_str(", continuing the pinned checkpoint");
        }
        text.push('\n');
        if !against_something {
            text.push_str(
                "The export agrees with itself. Whoever holds the key could have written it anew: give `--pin` or `--vkey` to rule that out.\n",
            );
        }
    }
    text
}

fn read_limited(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max).read_to_string(&mut text));
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text)
}

#[derive(Serialize)]
struct Proved {
    index: u64,
    event: Event,
    log_size: u64,
    origin: String,
}

fn prove(
    proof: &EntryProof,
    index: u64,
    out: Option<&Path>,
    vkey: Option<&str>,
    output: &Output,
) -> Result<(), Failure> {
    let proved = check(proof, index, vkey).map_err(|error| {
        Failure::refused(format!("entry {index} is not proved")).details(vec![format!("{error:#}")])
    })?;
    if let Some(path) = out {
        let json = serde_json::to_vec_pretty(proof).context("cannot write JSON")?;
        fs::write(path, json).with_context(|| format!("cannot write `{}`", path.display()))?;
        output.say(&format!("The proof lies in `{}`", path.display()));
    }
    output.data(&proved, |proved| {
        format!(
            "{GOOD}proved{GOOD:#}: entry {} `{}` of {} is among the {} entries of {}\n{}\n",
            proved.index, proved.event.kind, proved.event.ts, proved.log_size, proved.origin, proof.leaf
        )
    })
}

/// Believes nothing that the server says but what the proof shows.
fn check(entry: &EntryProof, index: u64, trusted: Option<&str>) -> anyhow::Result<Proved> {
    if entry.index != index {
        bail!("the server answered with entry {}", entry.index);
    }
    let vkey = Vkey::parse(trusted.unwrap_or(&entry.vkey).trim()).context("the key cannot be read")?;
    let path: Vec<Hash> = entry
        .path
        .iter()
        .map(|hash| Hash::from_hex(hash).with_context(|| format!("`{hash}` is not a hash")))
        .collect::<anyhow::Result<_>>()?;
    let checkpoint = proof::verify_entry(entry.leaf.as_bytes(), index, &path, &entry.checkpoint, &vkey)?;
    let event = serde_json::from_str(&entry.leaf).context("the entry is not an event")?;
    Ok(Proved {
        index,
        event,
        log_size: checkpoint.size,
        origin: checkpoint.origin,
    })
}

fn save_export(client: &ApiClient, folder: &Path, output: &Output) -> Result<(), Failure> {
    if folder.exists() {
        return Err(Failure::refused(format!("`{}` exists already", folder.display()))
            .hint("name a folder that does not exist: an export is never mixed with another"));
    }
    let mut file = tempfile::tempfile().context("cannot make a temporary file")?;
    client.download("/api/v1/audit/export", &mut file, EXPORT_BYTES_MAX)?;
    file.seek(SeekFrom::Start(0))
        .context("cannot read the temporary file")?;
    let files = unpack(io::BufReader::new(file), folder)?;
    output.line(
        &serde_json::json!({ "folder": folder, "files": files }),
        &format!("{} files in `{}`", files, folder.display()),
    )?;
    output.say(&format!(
        "Verify it with `safeguard audit verify {}`",
        folder.display()
    ));
    Ok(())
}

/// Unpacks plain files into a new folder; whatever would lead out of it, or is no plain file, is refused.
fn unpack(tar: impl Read, folder: &Path) -> anyhow::Result<u64> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let mut files = 0;
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().context("the export is not a tar")? {
        let mut entry = entry.context("the export was cut short")?;
        let path = inside(&entry.path().context("the export has an unreadable name")?)?;
        match entry.header().entry_type() {
            tar::EntryType::Regular => {}
            tar::EntryType::Directory => continue,
            other => bail!(
                "`{}` in the export is no plain file but {other:?}",
                path.display()
            ),
        }
        files += 1;
        if files > EXPORT_FILES_MAX || entry.size() > FILE_BYTES_MAX {
            bail!(
                "the export has more than {EXPORT_FILES_MAX} files, or one of more than {FILE_BYTES_MAX} bytes"
            );
        }
        let target = folder.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make the folder `{}`", parent.display()))?;
        }
        let mut file =
            File::create_new(&target).with_context(|| format!("cannot write `{}`", target.display()))?;
        io::copy(&mut entry, &mut file).with_context(|| format!("cannot write `{}`", target.display()))?;
    }
    Ok(files)
}

fn inside(path: &Path) -> anyhow::Result<PathBuf> {
    if path
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
    {
        bail!("`{}` in the export leads out of its folder", path.display());
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_export_stays_in_its_folder() {
        let place = tempfile::tempdir().unwrap();
        for (name, kind, wanted) in [
            ("tile/0/000", tar::EntryType::Regular, "1 files"),
            (
                "../outside",
                tar::EntryType::Regular,
                "`../outside` in the export leads out of its folder",
            ),
            (
                "/outside",
                tar::EntryType::Regular,
                "`/outside` in the export leads out of its folder",
            ),
            (
                "link",
                tar::EntryType::Symlink,
                "`link` in the export is no plain file but Symlink",
            ),
        ] {
            let folder = place.path().join(name.replace('/', "-"));
            let found = match unpack(tar_with(name, kind).as_slice(), &folder) {
                Ok(files) => format!("{files} files"),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, wanted);
        }
    }

    /// A tar with one entry; the name is written as it is, which the builder would not do.
    fn tar_with(name: &str, kind: tar::EntryType) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([0; 1024]);
        bytes
    }
}

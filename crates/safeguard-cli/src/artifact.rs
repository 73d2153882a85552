//! Packs an artifact here and stores it at the server.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_api::Digest;

use crate::api_client::ApiClient;
use crate::failure::Failure;
use crate::output::Output;

/// An artifact's tar in a file without a name.
pub struct Packed {
    pub digest: Digest,
    file: File,
    bytes: u64,
}

/// Returns the digest under which the artifact is stored.
pub fn store(client: &ApiClient, path: &Path, output: &Output) -> Result<Digest, Failure> {
    let packed = pack(path)?;
    let digest = packed.digest.clone();
    output.say(&format!("Storing {} as {digest}", path.display()));
    send(client, &format!("/api/v1/artifacts/{digest}"), packed, output)?;
    Ok(digest)
}

pub fn pack(path: &Path) -> anyhow::Result<Packed> {
    let file = tempfile::tempfile().context("cannot make a temporary file")?;
    let mut writer = BufWriter::new(file);
    let packed = safeguard_target::artifact::pack(path, &mut writer);
    let (digest, bytes) = packed.with_context(|| format!("cannot pack `{}`", path.display()))?;
    writer.flush().context("cannot write the temporary file")?;
    let mut file = writer.into_inner().context("cannot write the temporary file")?;
    file.seek(SeekFrom::Start(0))
        .context("cannot read the temporary file")?;
    Ok(Packed { digest, file, bytes })
}

pub fn send(client: &ApiClient, to: &str, packed: Packed, output: &Output) -> Result<(), Failure> {
    // The bar is drawn on stderr, and only when that is a terminal.
    let bar = if output.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(packed.bytes)
    };
    let style = ProgressStyle::with_template("  {bar:40} {bytes}/{total_bytes} {bytes_per_sec}");
    bar.set_style(style.context("the progress bar's template")?);
    let moving = bar.clone();
    client.put_file(to, packed.file, packed.bytes, move |sent| {
        moving.set_position(sent)
    })?;
    bar.finish_and_clear();
    Ok(())
}

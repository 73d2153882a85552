//! Packs an artifact here and stores it at the server.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_api::Digest;

use crate::api_client::ApiClient;
use crate::failure::Failure;
use crate::output::Output;

/// Returns the digest under which the artifact is stored.
pub fn store(client: &ApiClient, path: &Path, output: &Output) -> Result<Digest, Failure> {
    let file = tempfile::tempfile().context("cannot make a temporary file")?;
    let mut writer = BufWriter::new(file);
    let packed = safeguard_target::artifact::pack(path, &mut writer);
    let (digest, bytes) = packed.with_context(|| format!("cannot pack `{}`", path.display()))?;
    writer.flush().context("cannot write the temporary file")?;
    let mut file = writer.into_inner().context("cannot write the temporary file")?;
    file.seek(SeekFrom::Start(0))
        .context("cannot read the temporary file")?;
    output.say(&format!("Storing {} as {digest}", path.display()));
    // The bar is drawn on stderr, and only when that is a terminal.
    let bar = if output.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(bytes)
    };
    let style = ProgressStyle::with_template("  {bar:40} {bytes}/{total_bytes} {bytes_per_sec}");
    bar.set_style(style.context("the progress bar's template")?);
    let moving = bar.clone();
    client.put_file(&format!("/api/v1/artifacts/{digest}"), file, bytes, move |sent| {
        moving.set_position(sent)
    })?;
    bar.finish_and_clear();
    Ok(digest)
}

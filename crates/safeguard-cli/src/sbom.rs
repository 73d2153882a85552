//! `safeguard sbom`: what a project is made of.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use safeguard_dependencies::package::Listing;
use safeguard_dependencies::read::{self, FILE_BYTES_MAX, Format};
use safeguard_dependencies::sbom::{self, Part};

use crate::check::files_in;
use crate::failure::Failure;
use crate::git;
use crate::output::Output;

#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The project
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    #[arg(long, value_enum, default_value_t = BillFormat::Cyclonedx)]
    pub format: BillFormat,
    /// Write it here
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BillFormat {
    /// CycloneDX 1.6, JSON
    Cyclonedx,
}

pub fn sbom(args: &SbomArgs, output: &Output) -> Result<(), Failure> {
    let BillFormat::Cyclonedx = args.format;
    let root = std::path::absolute(&args.folder)
        .and_then(std::fs::canonicalize)
        .with_context(|| format!("cannot read `{}`", args.folder.display()))?;
    let mut listings: Vec<(String, Format, Listing)> = Vec::new();
    let mut unread = Vec::new();
    for path in paths(&root)? {
        let Some(format) = Format::of(&path) else { continue };
        match text(&root.join(&path))
            .and_then(|text| read::read(format, &text).map_err(|error| error.to_string()))
        {
            Ok(listing) => {
                unread.extend(listing.unread.iter().map(|why| format!("`{path}`: {why}")));
                listings.push((path, format, listing));
            }
            Err(why) => unread.push(format!("`{path}` {why}")),
        }
    }
    let parts: Vec<Part<'_>> = listings
        .iter()
        .map(|(path, format, listing)| Part {
            path,
            role: format.role(),
            listing,
        })
        .collect();
    let name = root.file_name().map_or_else(
        || "project".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let bill = sbom::cyclonedx(&name, &parts, env!("CARGO_PKG_VERSION"));
    let mut text = serde_json::to_string_pretty(&bill).context("cannot write JSON")?;
    text.push('\n');
    match &args.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?
        }
        None => output.text(&text)?,
    }
    if unread.is_empty() {
        Ok(())
    } else {
        // A bill that lacks something looks like one that does not.
        Err(Failure::undecided("the bill lacks what could not be read").details(unread))
    }
}

/// The files of the project: those that git has, or all of the folder.
fn paths(root: &Path) -> Result<Vec<String>, Failure> {
    let mut paths: Vec<String> = if git::is_repository(root) {
        let told = git::git_bytes(
            root,
            &[
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
                "-z",
                ".",
            ],
        )?;
        let names = told.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let names = names.map(|path| String::from_utf8_lossy(path).into_owned());
        names.filter(|path| root.join(path).is_file()).collect()
    } else {
        let files = files_in(root)?;
        let within = files.iter().filter_map(|file| file.strip_prefix(root).ok());
        within.map(|file| file.to_string_lossy().into_owned()).collect()
    };
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn text(path: &Path) -> Result<String, String> {
    let about = std::fs::symlink_metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if about.len() > FILE_BYTES_MAX as u64 {
        return Err(format!("has {} bytes (limit {FILE_BYTES_MAX})", about.len()));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

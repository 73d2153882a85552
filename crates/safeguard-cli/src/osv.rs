//! `safeguard osv`: the database of known vulnerabilities, from the files of osv.dev.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_dependencies::osv::{self, Advisory, Builder, IndexError, Loaded, Lookup};
use safeguard_dependencies::package::Ecosystem;
use serde::Serialize;

use crate::check::count;
use crate::dependencies::{Client, cache_folder, write_whole};
use crate::failure::Failure;
use crate::output::{CARE, Output, table};

/// OSV's own public files.
const USUAL_URL: &str = "https://osv-vulnerabilities.storage.googleapis.com";
/// The largest archive has some hundred megabytes.
const ARCHIVE_BYTES_MAX: u64 = 4 << 30;
/// Of all that an archive unpacks to.
const UNPACKED_BYTES_MAX: u64 = 32 << 30;
const ADVISORIES_MAX: u64 = 5_000_000;
const ADVISORY_BYTES_MAX: u64 = 16 << 20;
const UNREAD_SHOWN_MAX: usize = 5;
const DEPTH_MAX: usize = 8;

#[derive(Debug, Subcommand)]
pub enum OsvVerb {
    /// Fetch the known vulnerabilities, or take them from files, and index them
    #[command(after_help = "Examples:
  safeguard osv update --ecosystem PyPI --ecosystem npm
  safeguard osv update --url https://mirror.example.org/osv
  safeguard osv update --from all.zip                 an archive of osv.dev, or a folder of its JSON files")]
    Update(UpdateArgs),
    /// Show what is there, and how old it is
    Status(FolderArgs),
}

#[derive(Debug, Args)]
pub struct FolderArgs {
    /// Where the database is; unsaid: in the user's cache
    #[arg(long, value_name = "FOLDER", env = "SAFEGUARD_OSV", hide_env_values = true)]
    pub osv: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    pub folder: FolderArgs,
    /// A kind of packages, as OSV calls it: PyPI, npm, crates.io, Go, Maven, RubyGems, Packagist; unsaid: all of them
    #[arg(long, value_name = "NAME")]
    pub ecosystem: Vec<String>,
    /// Where the files are: it is asked for `NAME/all.zip`
    #[arg(long, value_name = "URL", env = "SAFEGUARD_OSV_URL", default_value = USUAL_URL, hide_env_values = true, conflicts_with = "from")]
    pub url: String,
    /// Take them from a file or folder, and ask nobody
    #[arg(long, value_name = "PATH")]
    pub from: Option<PathBuf>,
}

/// The folder that was named, or the one in the user's cache.
pub fn folder(named: Option<&Path>) -> Option<PathBuf> {
    named
        .map(Path::to_owned)
        .or_else(|| cache_folder().map(|folder| folder.join("osv")))
}

/// The index of one kind of packages.
pub struct Database {
    loaded: Loaded,
    file: OnDisk,
    path: PathBuf,
}

struct OnDisk(File);

impl Lookup for OnDisk {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, bytes, at)
    }
}

impl Database {
    /// Nothing where there is none; why it can not be used, where there is one.
    pub fn open(folder: &Path, ecosystem: Ecosystem) -> Result<Option<Database>, String> {
        let path = folder.join(file_name(ecosystem));
        let file = match File::open(&path) {
            Ok(file) => OnDisk(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("`{}` cannot be read: {error}", path.display())),
        };
        let loaded = Loaded::open(&file).map_err(|error| told(&path, &error))?;
        if loaded.ecosystem != ecosystem {
            return Err(format!("`{}` is of {}", path.display(), loaded.ecosystem));
        }
        Ok(Some(Database { loaded, file, path }))
    }

    /// In seconds since 1970.
    pub fn built(&self) -> i64 {
        self.loaded.built
    }

    pub fn look_up(&self, name: &str) -> Result<Vec<Advisory>, String> {
        self.loaded
            .look_up(&self.file, name)
            .map_err(|error| told(&self.path, &error))
    }
}

fn told(path: &Path, error: &IndexError) -> String {
    let cause = match error {
        IndexError::Read(cause) => format!(": {cause}"),
        IndexError::Format | IndexError::Damaged(_) | IndexError::TooMany(_) => String::new(),
    };
    format!(
        "`{}` {error}{cause}: run `safeguard osv update` again",
        path.display()
    )
}

fn file_name(ecosystem: Ecosystem) -> String {
    format!("{}.idx", ecosystem.osv())
}

pub fn osv(verb: OsvVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        OsvVerb::Update(args) => update(&args, output),
        OsvVerb::Status(args) => status(&args, output),
    }
}

fn needed(named: Option<&Path>) -> Result<PathBuf, Failure> {
    folder(named).ok_or_else(|| {
        Failure::undecided("it is not known where your cache is")
            .hint("name a folder with `--osv FOLDER`, or set HOME")
    })
}

fn now() -> Result<i64, Failure> {
    Ok(crate::exceptions::now()?.0 / 1000)
}

#[derive(Serialize)]
struct Row {
    ecosystem: &'static str,
    advisories: u64,
    packages: u32,
    age_days: i64,
}

fn status(args: &FolderArgs, output: &Output) -> Result<(), Failure> {
    let folder = needed(args.osv.as_deref())?;
    let now = now()?;
    let mut rows = Vec::new();
    for ecosystem in Ecosystem::ALL {
        let database = Database::open(&folder, *ecosystem).map_err(Failure::undecided)?;
        rows.extend(database.map(|database| Row {
            ecosystem: ecosystem.osv(),
            advisories: database.loaded.advisories,
            packages: database.loaded.packages,
            age_days: (now - database.built()) / 86_400,
        }));
    }
    output.data(&rows, |rows| {
        if rows.is_empty() {
            return format!(
                "`{}` has no vulnerabilities: `safeguard osv update`\n",
                folder.display()
            );
        }
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.ecosystem.to_owned(),
                    row.advisories.to_string(),
                    row.packages.to_string(),
                    format!("{} old", count(usize::try_from(row.age_days).unwrap_or(0), "day")),
                ]
            })
            .collect();
        table(&["packages of", "advisories", "packages", "built"], &rows)
    })
}

/// What is collected from files.
#[derive(Default)]
struct Collected {
    builders: BTreeMap<Ecosystem, Builder>,
    wanted: Vec<Ecosystem>,
    read: u64,
    bytes: u64,
    unread: Vec<String>,
}

#[derive(Serialize)]
struct Updated {
    folder: String,
    ecosystems: Vec<Row>,
    unread: Vec<String>,
}

fn update(args: &UpdateArgs, output: &Output) -> Result<(), Failure> {
    let folder = needed(args.folder.osv.as_deref())?;
    let mut wanted = Vec::new();
    for name in &args.ecosystem {
        let known = Ecosystem::ALL
            .iter()
            .find(|one| one.osv().eq_ignore_ascii_case(name));
        wanted.push(*known.ok_or_else(|| {
            Failure::undecided(format!("`{name}` is no kind of packages that is known here"))
                .hint("PyPI, npm, crates.io, Go, Maven, RubyGems or Packagist")
        })?);
    }
    if wanted.is_empty() {
        wanted.extend(Ecosystem::ALL);
    }
    let mut collected = Collected {
        wanted,
        ..Collected::default()
    };
    match &args.from {
        Some(path) => collected.path(path, 0)?,
        None => download(&args.url, &mut collected, output)?,
    }
    if collected.read == 0 {
        return Err(Failure::undecided("there is no advisory of the OSV schema"));
    }
    let built = now()?;
    let mut rows = Vec::new();
    for (ecosystem, builder) in collected.builders {
        let advisories = builder.advisories();
        let bytes = builder.finish(built).context("cannot build the index")?;
        let loaded = Loaded::open(bytes.as_slice()).context("the index that was built can not be read")?;
        let path = folder.join(file_name(ecosystem));
        write_whole(&path, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        rows.push(Row {
            ecosystem: ecosystem.osv(),
            advisories,
            packages: loaded.packages,
            age_days: 0,
        });
    }
    let updated = Updated {
        folder: folder.display().to_string(),
        ecosystems: rows,
        unread: collected.unread,
    };
    output.data(&updated, |updated| {
        let mut text = String::new();
        for row in &updated.ecosystems {
            text.push_str(&format!(
                "{}: {} advisories of {} packages\n",
                row.ecosystem, row.advisories, row.packages
            ));
        }
        for why in updated.unread.iter().take(UNREAD_SHOWN_MAX) {
            text.push_str(&format!("{CARE}not read{CARE:#} {why}\n"));
        }
        text
    })?;
    if updated.unread.is_empty() {
        Ok(())
    } else {
        Err(Failure::undecided(format!(
            "{} could not be read; the others are in `{}`",
            count(updated.unread.len(), "advisory file"),
            updated.folder
        )))
    }
}

fn download(url: &str, collected: &mut Collected, output: &Output) -> Result<(), Failure> {
    let client = Client::new().context("TLS can not be set up")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    for ecosystem in collected.wanted.clone() {
        let url = format!("{}/{}/all.zip", url.trim_end_matches('/'), ecosystem.osv());
        output.say(&format!("fetching {url}"));
        let mut file = tempfile::tempfile().context("cannot make a file")?;
        runtime
            .block_on(async {
                let answer = client.get(&url, "application/zip").await?;
                let status = answer.status;
                let bytes = answer.write_to(&mut file, ARCHIVE_BYTES_MAX).await?;
                Ok::<_, crate::dependencies::FetchError>((status, bytes))
            })
            .map_err(|error| Failure::undecided(error.to_string()))
            .and_then(|(status, _)| {
                if status.is_success() {
                    Ok(())
                } else {
                    Err(Failure::undecided(format!("{url} answered {status}")))
                }
            })?;
        collected.archive(file, &url)?;
    }
    Ok(())
}

impl Collected {
    /// An archive, an advisory, or a folder of them.
    fn path(&mut self, path: &Path, depth: usize) -> Result<(), Failure> {
        let shown = path.display().to_string();
        if path.is_dir() {
            if depth == DEPTH_MAX {
                return Err(Failure::undecided(format!(
                    "`{shown}` lies deeper than {DEPTH_MAX} folders"
                )));
            }
            let entries = std::fs::read_dir(path).with_context(|| format!("cannot read `{shown}`"))?;
            let mut paths = Vec::new();
            for entry in entries {
                paths.push(entry.with_context(|| format!("cannot read `{shown}`"))?.path());
            }
            paths.sort();
            for path in paths {
                let ending = path.extension().and_then(|ending| ending.to_str());
                if path.is_dir() || matches!(ending, Some("json" | "zip")) {
                    self.path(&path, depth + 1)?;
                }
            }
            return Ok(());
        }
        let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
        if path.extension().is_some_and(|ending| ending == "zip") {
            return self.archive(file, &shown);
        }
        self.advisory(file, &shown)
    }

    fn archive(&mut self, file: File, shown: &str) -> Result<(), Failure> {
        let mut archive = zip::ZipArchive::new(file).with_context(|| format!("`{shown}` is no archive"))?;
        for at in 0..archive.len() {
            let entry = archive
                .by_index(at)
                .with_context(|| format!("`{shown}` is damaged"))?;
            let name = entry
                .name()
                .with_context(|| format!("`{shown}` is damaged"))?
                .into_owned();
            if !entry.is_file() || !name.ends_with(".json") {
                continue;
            }
            let name = format!("{shown}: {name}");
            self.advisory(entry, &name)?;
        }
        Ok(())
    }

    fn advisory(&mut self, file: impl Read, shown: &str) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let read = file.take(ADVISORY_BYTES_MAX + 1).read_to_end(&mut bytes);
        self.read += 1;
        self.bytes += bytes.len() as u64;
        if self.read > ADVISORIES_MAX || self.bytes > UNPACKED_BYTES_MAX {
            return Err(Failure::undecided(format!(
                "`{shown}`: more than {ADVISORIES_MAX} advisories, or {UNPACKED_BYTES_MAX} bytes of them"
            )));
        }
        let parsed = match read {
            Ok(_) => osv::read(&bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match parsed {
            Ok(all) => {
                for (ecosystem, name, advisory) in all {
                    if self.wanted.contains(&ecosystem) {
                        let builder = self
                            .builders
                            .entry(ecosystem)
                            .or_insert_with(|| Builder::new(ecosystem));
                        builder.add(&name, &advisory);
                    }
                }
            }
            Err(why) => self.unread.push(format!("{shown}: {why}")),
        }
        Ok(())
    }
}

//! Which files a check looks at: what git says has changed, and their texts before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use safeguard_dependencies::read::{self, Format};
use safeguard_scan::language::{FILE_BYTES_MAX, Language, is_template, may_be_script};

use super::CheckArgs;
use super::folders::source_files;
use crate::failure::Failure;
use crate::git;

/// How many files one check looks at.
pub const FILES_MAX: usize = 200_000;
/// Where a branch began, if nobody says: the first of these that there is.
const DEFAULTS: &[&str] = &["origin/HEAD", "origin/main", "origin/master", "main", "master"];

#[derive(Debug)]
pub struct Selection {
    pub entries: Vec<Entry>,
    /// Lock files, manifests and settings of package managers.
    pub manifests: Vec<Entry>,
    /// What is compared, for people: `the working tree with 1a2b3c4 (main)`.
    pub about: String,
    /// The repository, and what of it is the newer side.
    pub root: Option<PathBuf>,
    /// The commit that is the older side, where it is one.
    pub base: Option<String>,
    pub side: Side,
}

/// Where the newer side of a comparison is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// A folder without git.
    Folder,
    WorkingTree,
    Index,
    Commit(String),
}

/// A file as it was and as it is, of a language that is known.
#[derive(Debug)]
pub struct Entry {
    pub path: String,
    pub base: Content,
    pub head: Content,
}

#[derive(Debug)]
pub enum Content {
    /// There is no such file.
    None,
    Text(String),
    /// Why there is no text of it.
    Unreadable(String),
}

impl Content {
    pub fn text(&self) -> Option<&str> {
        match self {
            Content::Text(text) => Some(text),
            Content::None | Content::Unreadable(_) => None,
        }
    }

    /// A file that only its first line can make a script, and does not, is none.
    fn of(path: &str, bytes: Vec<u8>) -> Content {
        let known = Language::of(path).is_some() || Format::of(path).is_some();
        if !known && !bytes.starts_with(b"#!") {
            return Content::None;
        }
        let bytes_max = bytes_max(path);
        if bytes.len() > bytes_max {
            return Content::Unreadable(format!("has {} bytes (limit {bytes_max})", bytes.len()));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Unreadable(format!(
                "is not UTF-8 at byte {}",
                error.utf8_error().valid_up_to()
            )),
        }
    }
}

/// Lock files are longer than what people write.
fn bytes_max(path: &str) -> usize {
    if Format::of(path).is_some() {
        read::FILE_BYTES_MAX
    } else {
        FILE_BYTES_MAX
    }
}

/// Whether anything looks at such a file.
pub fn is_looked_at(path: &str) -> bool {
    Language::of(path).is_some() || may_be_script(path) || Format::of(path).is_some()
}

/// Those with source text, and those that are about dependencies.
fn divided(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    entries
        .into_iter()
        .partition(|entry| Format::of(&entry.path).is_none())
}

impl Entry {
    /// Whether nobody here wrote it: vendored, minified or generated. What a template makes is written elsewhere, too.
    pub fn is_left_out(&self) -> bool {
        const FOLDERS: &[&str] = &[
            "node_modules",
            "vendor",
            "third_party",
            "bower_components",
            "site-packages",
            ".venv",
            "dist",
        ];
        const ENDINGS: &[&str] = &[
            ".min.js",
            "_pb2.py",
            "_pb2_grpc.py",
            ".pb.go",
            ".d.ts",
            ".bundle.js",
            "_generated.go",
            ".gen.go",
        ];
        let in_folder = self
            .path
            .split('/')
            .rev()
            .skip(1)
            .any(|part| FOLDERS.contains(&part));
        let says_generated = || {
            let head = self.head.text().unwrap_or("").lines().take(5);
            head.into_iter().any(|line| {
                line.contains("Code generated") && line.contains("DO NOT EDIT") || line.contains("@generated")
            })
        };
        let is_template = || {
            let text = self.head.text().or(self.base.text());
            text.is_some_and(|text| is_template(&self.path, text))
        };
        in_folder
            || is_template()
            || ENDINGS.iter().any(|ending| self.path.ends_with(ending))
            || says_generated()
    }
}

/// A path with the blobs before and after. A text that is not in git yet is in the working tree.
struct Raw {
    path: String,
    base: Option<String>,
    head: Head,
}

enum Head {
    None,
    Blob(String),
    WorkingTree,
}

pub fn select(folder: &Path, args: &CheckArgs) -> Result<Selection, Failure> {
    if let Some(other) = &args.against {
        return Ok(against(folder, other)?);
    }
    if !git::is_repository(folder) {
        if args.all || !args.paths.is_empty() {
            let paths = if args.paths.is_empty() {
                vec![folder.to_owned()]
            } else {
                args.paths.clone()
            };
            return Ok(outside_git(&paths)?);
        }
        return Err(
            Failure::undecided(format!("`{}` is no git repository", folder.display()))
                .hint("go to one, or name files: `safeguard check --all PATH…`"),
        );
    }
    let root = PathBuf::from(git::git(folder, &["rev-parse", "--show-toplevel"])?);
    let mut side = Side::WorkingTree;
    let mut base_commit = None;
    let (mut raw, about) = if args.all {
        (tracked(&root)?, "every file".to_owned())
    } else if args.staged {
        side = Side::Index;
        base_commit = Some(git::commit(&root, "HEAD")?);
        (
            changed(&root, &["--cached", "HEAD"])?,
            "what is staged with the last commit".to_owned(),
        )
    } else if let Some(range) = &args.range {
        let (from, to) = range
            .split_once("..")
            .ok_or_else(|| Failure::undecided(format!("`{range}` is no range")).hint("write it as A..B"))?;
        let (from, to) = (
            git::commit(&root, from)?,
            git::commit(&root, if to.is_empty() { "HEAD" } else { to })?,
        );
        let about = format!("{} with {}", short(&to), short(&from));
        let raw = changed(&root, &[&from, &to])?;
        side = Side::Commit(to);
        base_commit = Some(from);
        (raw, about)
    } else {
        let base = base(&root, args.base.as_deref())?;
        let mut raw = changed(&root, &[&base.commit])?;
        raw.extend(untracked(&root)?);
        base_commit = Some(base.commit.clone());
        (
            raw,
            format!("the working tree with {} ({})", short(&base.commit), base.name),
        )
    };
    if !args.paths.is_empty() {
        let mut wanted = Vec::new();
        for path in &args.paths {
            let whole = std::path::absolute(folder.join(path))
                .with_context(|| format!("cannot tell where `{}` is", path.display()))?;
            let within = whole.strip_prefix(&root).map_err(|_| {
                Failure::undecided(format!(
                    "`{}` is not in the repository `{}`",
                    path.display(),
                    root.display()
                ))
            })?;
            wanted.push(within.to_path_buf());
        }
        raw.retain(|one| wanted.iter().any(|path| Path::new(&one.path).starts_with(path)));
    }
    raw.retain(|one| is_looked_at(&one.path));
    if raw.len() > FILES_MAX {
        return Err(
            Failure::undecided(format!("{} files (limit {FILES_MAX})", raw.len())).hint("name a folder"),
        );
    }
    raw.sort_by(|left, right| left.path.cmp(&right.path));
    raw.dedup_by(|left, right| left.path == right.path);
    let mut entries = contents(&root, raw)?;
    entries.retain(|entry| !matches!((&entry.base, &entry.head), (Content::None, Content::None)));
    let (entries, manifests) = divided(entries);
    Ok(Selection {
        entries,
        manifests,
        about,
        root: Some(root),
        base: base_commit,
        side,
    })
}

struct Base {
    commit: String,
    name: String,
}

/// Where the branch left what it began from.
fn base(root: &Path, named: Option<&str>) -> Result<Base, Failure> {
    let (name, commit) = match named {
        Some(name) => (name.to_owned(), git::commit(root, name)?),
        None => DEFAULTS
            .iter()
            .find_map(|name| {
                git::commit(root, name)
                    .ok()
                    .map(|commit| ((*name).to_owned(), commit))
            })
            .ok_or_else(|| {
                Failure::undecided("there is no `origin/HEAD`, `main` or `master` to compare with")
                    .hint("say what the branch began from: `safeguard check --base COMMIT`")
            })?,
    };
    let commit = git::git(root, &["merge-base", &commit, "HEAD"]).map_err(|_| {
        Failure::undecided(format!("`{name}` and this branch have no commit in common"))
            .hint("fetch more of the history (`git fetch --unshallow`)")
    })?;
    Ok(Base { commit, name })
}

/// What differs, as `git diff --raw` tells it.
fn changed(root: &Path, between: &[&str]) -> anyhow::Result<Vec<Raw>> {
    let mut arguments = vec![
        "-c",
        "core.quotePath=false",
        "diff",
        "--raw",
        "-z",
        "--no-abbrev",
        "--find-renames",
        "--no-ext-diff",
        "--ignore-submodules",
    ];
    arguments.extend(between);
    arguments.push("--");
    let told = git::git_bytes(root, &arguments)?;
    let mut fields = told
        .split(|byte| *byte == 0)
        .map(|field| String::from_utf8_lossy(field).into_owned());
    let mut found = Vec::new();
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        // `:100644 100644 BLOB BLOB M`, then the path, or two of them.
        let parts: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [_, mode, base, now, status] = parts.as_slice() else {
            bail!("git diff says `{head}`, which is not understood");
        };
        let first = fields.next().context("git diff names no path")?;
        let path = if status.starts_with(['R', 'C']) {
            fields.next().context("git diff names no second path")?
        } else {
            first
        };
        // Links and submodules have no text of their own.
        if matches!(*mode, "120000" | "160000") {
            continue;
        }
        let blob = |id: &str| (!id.bytes().all(|byte| byte == b'0')).then(|| id.to_owned());
        let head = match (status.starts_with('D'), blob(now)) {
            (true, _) => Head::None,
            (false, Some(blob)) => Head::Blob(blob),
            (false, None) => Head::WorkingTree,
        };
        found.push(Raw {
            path,
            base: blob(base),
            head,
        });
    }
    Ok(found)
}

fn untracked(root: &Path) -> anyhow::Result<Vec<Raw>> {
    let told = git::git_bytes(root, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    Ok(in_working_tree(&told))
}

fn tracked(root: &Path) -> anyhow::Result<Vec<Raw>> {
    let told = git::git_bytes(
        root,
        &["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    )?;
    let mut found = in_working_tree(&told);
    found.retain(|one| {
        root.join(&one.path)
            .symlink_metadata()
            .is_ok_and(|about| about.is_file())
    });
    Ok(found)
}

fn in_working_tree(told: &[u8]) -> Vec<Raw> {
    told.split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| Raw {
            path: String::from_utf8_lossy(path).into_owned(),
            base: None,
            head: Head::WorkingTree,
        })
        .collect()
}

/// The texts: of blobs by one `git cat-file`, the others from the working tree.
fn contents(root: &Path, raw: Vec<Raw>) -> anyhow::Result<Vec<Entry>> {
    let blobs: BTreeSet<&str> = raw
        .iter()
        .flat_map(|one| {
            let head = match &one.head {
                Head::Blob(blob) => Some(blob),
                Head::None | Head::WorkingTree => None,
            };
            one.base.iter().chain(head)
        })
        .map(String::as_str)
        .collect();
    let texts = blobs_of(root, &blobs.iter().copied().collect::<Vec<_>>())?;
    let text_of = |path: &str, blob: &str| -> Content {
        match texts.get(blob) {
            Some(bytes) => Content::of(path, bytes.clone()),
            None => Content::Unreadable("git does not have its content".to_owned()),
        }
    };
    let mut entries = Vec::new();
    for one in &raw {
        let head = match &one.head {
            Head::None => Content::None,
            Head::Blob(blob) => text_of(&one.path, blob),
            Head::WorkingTree => from_file(&root.join(&one.path)),
        };
        entries.push(Entry {
            base: one
                .base
                .as_deref()
                .map_or(Content::None, |blob| text_of(&one.path, blob)),
            head,
            path: one.path.clone(),
        });
    }
    Ok(entries)
}

fn from_file(path: &Path) -> Content {
    let name = path.to_string_lossy();
    let bytes_max = bytes_max(&name);
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.len() > bytes_max as u64 => {
            let mut begin = Vec::new();
            let read = std::fs::File::open(path).and_then(|file| file.take(2).read_to_end(&mut begin));
            if read.is_ok() && matches!(Content::of(&name, begin), Content::None) {
                return Content::None;
            }
            Content::Unreadable(format!("has {} bytes (limit {bytes_max})", about.len()))
        }
        // A link's target is looked at under its own name.
        Ok(about) if !about.is_file() => Content::None,
        Ok(_) => match std::fs::read(path) {
            Ok(bytes) => Content::of(&name, bytes),
            Err(error) => Content::Unreadable(format!("cannot be read: {error}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::None,
        Err(error) => Content::Unreadable(format!("cannot be read: {error}")),
    }
}

pub fn blobs_of(root: &Path, blobs: &[&str]) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut texts = BTreeMap::new();
    if blobs.is_empty() {
        return Ok(texts);
    }
    let mut child = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let mut ask = child.stdin.take().context("git has no input")?;
    let told = child.stdout.take().context("git has no output")?;
    let asked: String = blobs.iter().map(|blob| format!("{blob}\n")).collect();
    // Git answers while it is asked; who only asks would wait for ever.
    let asking = std::thread::spawn(move || ask.write_all(asked.as_bytes()));
    let mut told = BufReader::new(told);
    for blob in blobs {
        let mut head = String::new();
        told.read_line(&mut head).context("cannot read from git")?;
        let parts: Vec<&str> = head.trim_end().split(' ').collect();
        match parts.as_slice() {
            [_, "blob", size] => {
                let mut bytes = vec![0; size.parse::<usize>().context("git tells no size")? + 1];
                told.read_exact(&mut bytes).context("cannot read from git")?;
                bytes.pop();
                texts.insert((*blob).to_owned(), bytes);
            }
            [_, "missing"] => {}
            _ => bail!("git cat-file says `{}`, which is not understood", head.trim_end()),
        }
    }
    asking
        .join()
        .map_err(|_| anyhow::anyhow!("cannot ask git"))?
        .context("cannot ask git")?;
    ensure!(
        child.wait().context("git does not end")?.success(),
        "git cat-file failed"
    );
    Ok(texts)
}

fn outside_git(paths: &[PathBuf]) -> anyhow::Result<Selection> {
    let mut entries = Vec::new();
    for path in paths {
        for file in source_files(path)? {
            entries.push(Entry {
                head: from_file(&file),
                base: Content::None,
                path: file.to_string_lossy().into_owned(),
            });
        }
    }
    entries.retain(|entry| !matches!(entry.head, Content::None));
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    let (entries, manifests) = divided(entries);
    Ok(Selection {
        entries,
        manifests,
        about: "every file".to_owned(),
        root: None,
        base: None,
        side: Side::WorkingTree,
    })
}

/// A folder against another, such as two releases of a package.
fn against(folder: &Path, other: &Path) -> anyhow::Result<Selection> {
    let mut paths = BTreeSet::new();
    for root in [folder, other] {
        for file in source_files(root)? {
            paths.insert(file.strip_prefix(root).unwrap_or(&file).to_path_buf());
        }
    }
    let entries = paths.iter().map(|path| Entry {
        base: from_file(&other.join(path)),
        head: from_file(&folder.join(path)),
        path: path.to_string_lossy().into_owned(),
    });
    let changed = entries
        .filter(|entry| !matches!((&entry.base, &entry.head), (Content::None, Content::None)))
        .filter(|entry| entry.base.text().is_none() || entry.base.text() != entry.head.text());
    let (entries, manifests) = divided(changed.collect());
    Ok(Selection {
        entries,
        manifests,
        about: format!("this folder with `{}`", other.display()),
        root: Some(folder.to_owned()),
        base: None,
        side: Side::Folder,
    })
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

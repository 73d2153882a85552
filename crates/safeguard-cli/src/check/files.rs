//! Which files a check looks at, with their texts before and after.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use safeguard_dependencies::read::{self, Format};
use safeguard_scan::language::{FILE_BYTES_MAX, Language, is_template};

use super::CheckArgs;
use super::compared::compared;
use super::folders::files_in;
use super::objects::Objects;
use super::plumbing::{Head, Raw};
use crate::failure::Failure;

/// How many files one check looks at.
pub const FILES_MAX: usize = 200_000;

#[derive(Debug)]
pub struct Selection {
    pub entries: Vec<Entry>,
    /// Lock files, manifests and settings of package managers.
    pub manifests: Vec<Entry>,
    /// The other files, in which secrets alone are looked for.
    pub texts: Vec<Entry>,
    /// The commit that the files before are of, if there is one.
    pub base: Option<String>,
    /// All files of the working tree, where they were asked for.
    pub listed: Option<Vec<String>>,
    /// What git keeps, where the files are of a repository.
    pub objects: Option<Arc<Objects>>,
    /// What is compared, for people: `the working tree with 1a2b3c4 (main)`.
    pub about: String,
    /// The repository, and what of it is the newer side.
    pub root: Option<PathBuf>,
    pub side: Side,
    /// Files and folders of the repository that alone were asked for; none: all of it.
    pub wanted: Vec<PathBuf>,
}

impl Selection {
    /// Every file that is looked at, whatever for.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().chain(&self.manifests).chain(&self.texts)
    }

    pub fn is_wanted(&self, path: &str) -> bool {
        is_wanted(&self.wanted, path)
    }
}

fn is_wanted(wanted: &[PathBuf], path: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| Path::new(path).starts_with(one))
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

/// A file as it was and as it is.
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
    Text(Arc<str>),
    /// Nothing that people read.
    Binary,
    /// Why there is no text of it.
    Unreadable(String),
}

impl Content {
    pub fn text(&self) -> Option<&str> {
        match self {
            Content::Text(text) => Some(text),
            Content::None | Content::Binary | Content::Unreadable(_) => None,
        }
    }

    /// Source is read as it is, or not at all; in other files secrets are looked for, whatever their letters.
    pub fn of(path: &str, bytes: &[u8]) -> Content {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
        let is_source = Language::of_file(path, &head).is_some();
        let limit = if is_source {
            FILE_BYTES_MAX
        } else {
            bytes_max(path)
        };
        if !is_source && is_binary(bytes) {
            return Content::Binary;
        }
        if bytes.len() > limit {
            return Content::Unreadable(format!("has {} bytes (limit {limit})", bytes.len()));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.into()),
            Err(_) if !is_source => Content::Text(decoded(bytes).into()),
            Err(error) => Content::Unreadable(format!("is not UTF-8 at byte {}", error.valid_up_to())),
        }
    }
}

/// How long a file may be that is not read as source.
const TEXT_BYTES_MAX: usize = 64 << 20;
/// How much of a file tells whether it is text, as git has it.
const HEAD_BYTES: usize = 8_000;

fn bytes_max(path: &str) -> usize {
    if Format::of(path).is_some() {
        // Lock files are longer than what people write.
        read::FILE_BYTES_MAX
    } else if Language::of(path).is_some() {
        FILE_BYTES_MAX
    } else {
        TEXT_BYTES_MAX
    }
}

/// UTF-16, which some write, has zeros too, and says what it is.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    head.contains(&0) && !head.starts_with(&[0xff, 0xfe]) && !head.starts_with(&[0xfe, 0xff])
}

fn decoded(bytes: &[u8]) -> String {
    let pair: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let units: Vec<u16> = bytes[2..]
        .chunks_exact(2)
        .map(|two| pair([two[0], two[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

impl Entry {
    /// Nobody writes a long script with hundreds of letters on every line.
    fn is_minified(&self) -> bool {
        const BYTES_MIN: usize = 50_000;
        const LINE_BYTES_MIN: usize = 400;
        let text = self.head.text().unwrap_or("");
        let is_script = [".js", ".mjs", ".cjs", ".css"]
            .iter()
            .any(|ending| self.path.ends_with(ending));
        is_script && text.len() > BYTES_MIN && text.len() > text.lines().count() * LINE_BYTES_MIN
    }

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
            || self.is_minified()
            || is_template()
            || ENDINGS.iter().any(|ending| self.path.ends_with(ending))
            || says_generated()
    }
}

/// The files that a check looks at. What they are called is told before they are read.
pub fn select(folder: &Path, args: &CheckArgs, tell: impl FnOnce(&[Raw])) -> Result<Selection, Failure> {
    if let Some(other) = &args.against {
        return Ok(against(folder, other)?);
    }
    let Some(mut found) = compared(folder, args)? else {
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
    };
    let root = found.root;
    let wanted = args
        .paths
        .iter()
        .map(|path| within(&root, &folder.join(path)))
        .collect::<Result<Vec<PathBuf>, Failure>>()?;
    found.raw.retain(|one| is_wanted(&wanted, &one.path));
    if found.raw.len() > FILES_MAX {
        return Err(
            Failure::undecided(format!("{} files (limit {FILES_MAX})", found.raw.len()))
                .hint("name a folder"),
        );
    }
    found.raw.sort_by(|left, right| left.path.cmp(&right.path));
    found.raw.dedup_by(|left, right| left.path == right.path);
    tell(&found.raw);
    let files = by_use(contents(&root, &found.objects, &found.raw)?);
    Ok(Selection {
        entries: files.sources,
        manifests: files.manifests,
        texts: files.others,
        about: found.about,
        root: Some(root),
        side: found.side,
        base: found.base,
        listed: found.listed,
        objects: Some(found.objects),
        wanted,
    })
}

/// A path as git has it, from the root of the repository.
fn within(root: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let whole =
        std::path::absolute(path).with_context(|| format!("cannot tell where `{}` is", path.display()))?;
    match whole.strip_prefix(root) {
        Ok(within) => Ok(within.to_path_buf()),
        Err(_) => Err(Failure::undecided(format!(
            "`{}` is not in the repository `{}`",
            path.display(),
            root.display()
        ))),
    }
}

/// Files by what looks at them.
struct ByUse {
    /// Of languages that are known.
    sources: Vec<Entry>,
    manifests: Vec<Entry>,
    others: Vec<Entry>,
}

fn by_use(entries: Vec<Entry>) -> ByUse {
    let (manifests, rest): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| Format::of(&entry.path).is_some());
    let is_source = |entry: &Entry| {
        let text = entry.head.text().or(entry.base.text()).unwrap_or("");
        Language::of_file(&entry.path, text).is_some()
    };
    let (sources, others) = rest.into_iter().partition(is_source);
    ByUse {
        sources,
        manifests,
        others,
    }
}

/// The texts: of blobs from git, the others from the working tree.
fn contents(root: &Path, objects: &Objects, raw: &[Raw]) -> anyhow::Result<Vec<Entry>> {
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
    let texts = objects.texts(&blobs.into_iter().collect::<Vec<_>>(), TEXT_BYTES_MAX)?;
    let text_of = |path: &str, blob: &str| match texts.get(blob) {
        Some(bytes) => Content::of(path, bytes),
        None => Content::Unreadable("git does not have its content".to_owned()),
    };
    let mut entries = Vec::new();
    for one in raw {
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
    // Links and other repositories have no text of their own.
    entries.retain(|entry| !matches!((&entry.base, &entry.head), (Content::None, Content::None)));
    Ok(entries)
}

fn from_file(path: &Path) -> Content {
    match std::fs::symlink_metadata(path) {
        // A link's target is looked at under its own name.
        Ok(about) if !about.is_file() => Content::None,
        Ok(about) => match read(path, about.len()) {
            Ok(bytes) => Content::of(&path.to_string_lossy(), &bytes),
            Err(error) => Content::Unreadable(format!("cannot be read: {error}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::None,
        Err(error) => Content::Unreadable(format!("cannot be read: {error}")),
    }
}

/// The whole file, or as much of one that is too long as tells that it is.
fn read(path: &Path, length: u64) -> std::io::Result<Vec<u8>> {
    let limit = bytes_max(&path.to_string_lossy()) as u64 + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(0));
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn outside_git(paths: &[PathBuf]) -> anyhow::Result<Selection> {
    let mut entries = Vec::new();
    for path in paths {
        for file in files_in(path)? {
            entries.push(Entry {
                head: from_file(&file),
                base: Content::None,
                path: file.to_string_lossy().into_owned(),
            });
        }
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    let files = by_use(entries);
    Ok(Selection {
        entries: files.sources,
        manifests: files.manifests,
        texts: files.others,
        about: "every file".to_owned(),
        root: None,
        side: Side::WorkingTree,
        base: None,
        listed: None,
        objects: None,
        wanted: Vec::new(),
    })
}

/// A folder against another, such as two releases of a package.
fn against(folder: &Path, other: &Path) -> anyhow::Result<Selection> {
    let mut paths = BTreeSet::new();
    for root in [folder, other] {
        for file in files_in(root)? {
            paths.insert(file.strip_prefix(root).unwrap_or(&file).to_path_buf());
        }
    }
    let entries = paths.iter().map(|path| Entry {
        base: from_file(&other.join(path)),
        head: from_file(&folder.join(path)),
        path: path.to_string_lossy().into_owned(),
    });
    let changed =
        entries.filter(|entry| entry.base.text().is_none() || entry.base.text() != entry.head.text());
    let files = by_use(changed.collect());
    Ok(Selection {
        entries: files.sources,
        manifests: files.manifests,
        texts: files.others,
        about: format!("this folder with `{}`", other.display()),
        root: Some(folder.to_owned()),
        side: Side::Folder,
        base: None,
        listed: None,
        objects: None,
        wanted: Vec::new(),
    })
}

//! The output of `git diff`, read strictly: what a gate does not see it can not refuse.
//!
//! Hunks are counted by the figures in their headers, so that no line of a file can pass for a header. A line that is
//! not known refuses the whole diff: a part that was skipped would be a part that nobody judges.

use std::collections::BTreeMap;

use safeguard_api::diff::{Diff, FileDiff, FileStatus};
use safeguard_api::lines::LineSet;

use crate::unreadable::{Place, Unreadable, shown};

pub const DIFF_BYTES_MAX: usize = 64 << 20;
pub const DIFF_FILES_MAX: usize = 20_000;
pub const DIFF_LINES_ADDED_MAX: u64 = 2_000_000;
pub const PATH_BYTES_MAX: usize = 4096;

const HINT: &str =
    "attach the output of `git diff --no-color --no-ext-diff --default-prefix --no-relative BASE...HEAD`";

/// Reads the output of `git diff`. An empty one is a change that changes nothing.
///
/// # Errors
/// The line that is not what `git diff` writes, or the limit that is exceeded.
pub fn read_diff(bytes: &[u8]) -> Result<Diff, Unreadable> {
    if bytes.len() > DIFF_BYTES_MAX {
        let what = format!("a diff of {} bytes (limit {DIFF_BYTES_MAX})", bytes.len());
        return Err(Unreadable::new(
            Place::Whole,
            what,
            "part the change into smaller ones",
        ));
    }
    let mut lines = Lines::new(bytes);
    let mut files = Files::default();
    while let Some(line) = lines.next() {
        let Some(names) = line.strip_prefix(b"diff --git ") else {
            return Err(lines.refuse(not_a_header(line)));
        };
        let file = read_file(names, &mut lines, files.added_lines)?;
        files.push(file, &lines)?;
    }
    Ok(Diff {
        files: files.by_path.into_values().collect(),
    })
}

fn not_a_header(line: &[u8]) -> String {
    if line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ") {
        "a combined diff of a merge; it must be against one commit".to_owned()
    } else {
        format!("`{}` is not `diff --git …`", lossy(line))
    }
}

#[derive(Default)]
struct Files {
    by_path: BTreeMap<String, FileDiff>,
    added_lines: u64,
}

impl Files {
    fn push(&mut self, file: FileDiff, lines: &Lines<'_>) -> Result<(), Unreadable> {
        self.added_lines += file.added.len();
        if self.by_path.len() == DIFF_FILES_MAX {
            return Err(lines.refuse(format!("more than {DIFF_FILES_MAX} files")));
        }
        let file = match self.by_path.remove(&file.path) {
            None => file,
            // A file that becomes a link, or the other way round, is written as a removal and an addition.
            Some(removed) if removed.status == FileStatus::Removed && file.status == FileStatus::Added => {
                FileDiff {
                    status: FileStatus::Modified,
                    removed_lines: removed.removed_lines,
                    ..file
                }
            }
            Some(_) => return Err(lines.refuse(format!("`{}` comes twice", shown(&file.path, 200)))),
        };
        self.by_path.insert(file.path.clone(), file);
        Ok(())
    }
}

/// What the lines between `diff --git` and the first hunk say.
#[derive(Default)]
struct Header {
    status: Option<FileStatus>,
    mode: Option<String>,
    moved_from: Option<String>,
    moved_to: Option<String>,
    old: Option<Side>,
    new: Option<Side>,
    binary: bool,
}

/// What `---` and `+++` name.
enum Side {
    Nothing,
    File(String),
}

fn read_file(names: &[u8], lines: &mut Lines<'_>, added_before: u64) -> Result<FileDiff, Unreadable> {
    let named = same_name(names);
    let header = read_header(lines)?;
    let path = path_of(&header, named).map_err(|what| lines.refuse(what))?;
    let mut file = FileDiff {
        path,
        moved_from: header.moved_from,
        status: header.status.unwrap_or(FileStatus::Modified),
        mode: header.mode,
        binary: header.binary,
        added: LineSet::default(),
        removed_lines: 0,
    };
    while lines.peek().is_some_and(|line| line.starts_with(b"@@ ")) {
        if header.old.is_none() || header.new.is_none() {
            return Err(lines.refuse("a hunk without `---` and `+++` before it"));
        }
        read_hunk(lines, &mut file, added_before)?;
    }
    Ok(file)
}

fn read_header(lines: &mut Lines<'_>) -> Result<Header, Unreadable> {
    let mut header = Header::default();
    while let Some(line) = lines.peek() {
        if line.starts_with(b"diff ") || line.starts_with(b"@@ ") {
            break;
        }
        lines.next();
        read_header_line(&mut header, line, lines)?;
    }
    Ok(header)
}

fn read_header_line(header: &mut Header, line: &[u8], lines: &mut Lines<'_>) -> Result<(), Unreadable> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(lines.refuse(format!("`{}` is not UTF-8", lossy(line))));
    };
    let path = |text: &str| name(text).map_err(|what| lines.refuse(what));
    if let Some(mode) = text.strip_prefix("new file mode ") {
        header.status = Some(FileStatus::Added);
        header.mode = Some(file_mode(mode).map_err(|what| lines.refuse(what))?);
    } else if text.starts_with("deleted file mode ") {
        header.status = Some(FileStatus::Removed);
    } else if let Some(mode) = text.strip_prefix("new mode ") {
        header.mode = Some(file_mode(mode).map_err(|what| lines.refuse(what))?);
    } else if let Some(from) = text.strip_prefix("rename from ") {
        header.moved_from = Some(path(from)?);
    } else if let Some(to) = text.strip_prefix("rename to ") {
        header.moved_to = Some(path(to)?);
    } else if text.starts_with("copy from ") || text.starts_with("copy to ") {
        // What is copied would not count as added.
        return Err(lines.refuse("a copied file; `git diff --no-renames` or `-M` writes it as an added one"));
    } else if let Some(side) = text.strip_prefix("--- ") {
        header.old = Some(side_of(side, "a/").map_err(|what| lines.refuse(what))?);
    } else if let Some(side) = text.strip_prefix("+++ ") {
        header.new = Some(side_of(side, "b/").map_err(|what| lines.refuse(what))?);
    } else if text.starts_with("Binary files ") && text.ends_with(" differ") {
        header.binary = true;
    } else if text == "GIT binary patch" {
        header.binary = true;
        skip_binary(lines)?;
    } else if !["index ", "old mode ", "similarity index ", "dissimilarity index "]
        .iter()
        .any(|known| text.starts_with(known))
    {
        return Err(lines.refuse(format!("`{}` is not a line of a file's header", shown(text, 80))));
    }
    Ok(())
}

fn file_mode(text: &str) -> Result<String, String> {
    if text.len() == 6 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{}` is not a file mode", shown(text, 20)))
    }
}

/// One or two blocks, each with a line that gives its length, lines of base 85, and an empty line.
fn skip_binary(lines: &mut Lines<'_>) -> Result<(), Unreadable> {
    let begins = |line: &[u8]| line.starts_with(b"literal ") || line.starts_with(b"delta ");
    let mut blocks = 0;
    while lines.peek().is_some_and(begins) && blocks < 2 {
        lines.next();
        while let Some(line) = lines.next() {
            if line.is_empty() {
                break;
            }
            if line.contains(&b' ') {
                return Err(lines.refuse("a line of a binary patch that is not base 85"));
            }
        }
        blocks += 1;
    }
    match blocks {
        0 => Err(lines.refuse("a binary patch with nothing in it")),
        _ => Ok(()),
    }
}

/// The name of the file after the change, which every line that names it must agree on.
fn path_of(header: &Header, named: Option<String>) -> Result<String, String> {
    let of = |side: &Option<Side>| match side {
        Some(Side::File(path)) => Some(path.clone()),
        Some(Side::Nothing) | None => None,
    };
    let (old, new) = (of(&header.old), of(&header.new));
    if matches!(header.old, Some(Side::Nothing)) != (header.status == Some(FileStatus::Added))
        && header.old.is_some()
        || matches!(header.new, Some(Side::Nothing)) != (header.status == Some(FileStatus::Removed))
            && header.new.is_some()
    {
        return Err("`/dev/null` and the file's mode do not agree".to_owned());
    }
    let path = match header.status {
        Some(FileStatus::Removed) => old.clone().or(named.clone()),
        Some(FileStatus::Added | FileStatus::Modified) | None => {
            header.moved_to.clone().or(new.clone()).or(named.clone())
        }
    };
    let path = path.ok_or("the names after `diff --git` can not be told apart")?;
    let before = header.moved_from.as_ref().unwrap_or(&path);
    let agree = old.is_none_or(|old| old == *before)
        && new.is_none_or(|new| new == path)
        && header.moved_from.is_some() == header.moved_to.is_some()
        && (header.moved_from.is_some() || named.is_none_or(|named| named == path));
    if agree {
        Ok(path)
    } else {
        Err(format!("the names of `{}` do not agree", shown(&path, 200)))
    }
}

/// `a/NAME b/NAME`: as both names are the same, their length says where the second begins.
fn same_name(names: &[u8]) -> Option<String> {
    let names = std::str::from_utf8(names).ok()?;
    let half = names.len().checked_sub(1)? / 2;
    let (old, new) = (names.get(..half)?, names.get(half + 1..)?);
    let (old, new) = (prefixed(old, "a/").ok()?, prefixed(new, "b/").ok()?);
    (old == new).then_some(old)
}

fn side_of(text: &str, prefix: &str) -> Result<Side, String> {
    // A tab ends a name with a space in it.
    let text = text.strip_suffix('\t').unwrap_or(text);
    match text {
        "/dev/null" => Ok(Side::Nothing),
        _ => prefixed(text, prefix).map(Side::File),
    }
}

fn prefixed(text: &str, prefix: &str) -> Result<String, String> {
    let whole = unquoted(text)?;
    match whole.strip_prefix(prefix) {
        Some(path) => checked(path),
        None => Err(format!("`{}` does not begin with `{prefix}`", shown(text, 80))),
    }
}

fn name(text: &str) -> Result<String, String> {
    checked(&unquoted(text)?)
}

fn checked(path: &str) -> Result<String, String> {
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("a path of {} bytes (limit {PATH_BYTES_MAX})", path.len()));
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!(
            "`{}` is not a path within a repository",
            shown(path, 200)
        ));
    }
    Ok(path.to_owned())
}

/// Undoes git's quoting of unusual names. Bytes that are not UTF-8 stay as git writes them, so that names stay apart.
fn unquoted(text: &str) -> Result<String, String> {
    let Some(inner) = text.strip_prefix('"') else {
        return Ok(text.to_owned());
    };
    let refuse = || format!("`{}` is quoted, and not as git does it", shown(text, 80));
    let inner = inner.strip_suffix('"').ok_or_else(refuse)?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => escaped(&mut rest).ok_or_else(refuse)?,
            b'"' => return Err(refuse()),
            plain => plain,
        });
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|_| inner.to_owned()))
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(match rest.next()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        b'"' => b'"',
        b'\\' => b'\\',
        first @ b'0'..=b'3' => {
            let mut value = first - b'0';
            for _ in 0..2 {
                let digit = rest.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                value = value * 8 + (digit - b'0');
            }
            value
        }
        _ => return None,
    })
}

fn read_hunk(lines: &mut Lines<'_>, file: &mut FileDiff, added_before: u64) -> Result<(), Unreadable> {
    let header = lines.next().unwrap_or_default();
    let Some(range) = hunk_range(header) else {
        return Err(lines.refuse(format!("`{}` is not the header of a hunk", lossy(header))));
    };
    let (mut old_left, mut new_left, mut at) = (range.old_lines, range.new_lines, range.new_start);
    if file.added.last().is_some_and(|last| last >= at && new_left > 0) {
        return Err(lines.refuse("a hunk that goes back"));
    }
    while old_left > 0 || new_left > 0 {
        let Some(line) = lines.next() else {
            return Err(lines.refuse(format!(
                "the diff ends within a hunk, {old_left} and {new_left} lines too early"
            )));
        };
        let (old, new) = match line.first() {
            // `diff.suppressBlankEmpty` leaves the space of an empty line out.
            Some(b' ') | None => (1, 1),
            Some(b'-') => (1, 0),
            Some(b'+') => (0, 1),
            Some(b'\\') => (0, 0),
            Some(_) => return Err(lines.refuse(format!("`{}` is not a line of a hunk", lossy(line)))),
        };
        if old > old_left || new > new_left {
            return Err(lines.refuse("a hunk with more lines than its header says"));
        }
        match (old, new) {
            (0, 1) => file.added.insert(at),
            (1, 0) => file.removed_lines = file.removed_lines.saturating_add(1),
            _ => {}
        }
        old_left -= old;
        new_left -= new;
        at = at.saturating_add(new);
    }
    if added_before + file.added.len() > DIFF_LINES_ADDED_MAX {
        return Err(lines.refuse(format!("more than {DIFF_LINES_ADDED_MAX} added lines")));
    }
    if lines.peek().is_some_and(|line| line.starts_with(b"\\ ")) {
        lines.next();
    }
    Ok(())
}

struct Range {
    old_lines: u32,
    new_start: u32,
    new_lines: u32,
}

/// `@@ -l,s +l,s @@`, where `,s` is left out for 1.
fn hunk_range(header: &[u8]) -> Option<Range> {
    let header = header.strip_prefix(b"@@ -")?;
    let end = header.windows(3).position(|window| window == b" @@")?;
    let ranges = std::str::from_utf8(&header[..end]).ok()?;
    let (old, new) = ranges.split_once(" +")?;
    let parts = |range: &str| -> Option<(u32, u32)> {
        match range.split_once(',') {
            Some((start, lines)) => Some((start.parse().ok()?, lines.parse().ok()?)),
            None => Some((range.parse().ok()?, 1)),
        }
    };
    let ((_, old_lines), (new_start, new_lines)) = (parts(old)?, parts(new)?);
    // Lines count from 1; a hunk that leaves none names the line before it.
    let fits = new_start.checked_add(new_lines).is_some() && (new_start > 0 || new_lines == 0);
    fits.then_some(Range {
        old_lines,
        new_start,
        new_lines,
    })
}

/// Lines with their numbers; only a line feed ends one.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Lines<'a> {
        Lines {
            rest: bytes,
            number: 0,
        }
    }

    fn peek(&self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match memchr::memchr(b'\n', self.rest) {
            Some(end) => &self.rest[..end],
            None => self.rest,
        })
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
        self.number += 1;
        Some(line)
    }

    /// Refuses the line that was read last.
    fn refuse(&self, what: impl Into<String>) -> Unreadable {
        Unreadable::new(Place::Line(self.number.max(1)), what, HINT)
    }
}

fn lossy(line: &[u8]) -> String {
    shown(&String::from_utf8_lossy(&line[..line.len().min(400)]), 80)
}

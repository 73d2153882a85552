//! The advisories of one kind of package as one file: sorted, and read in three places for a look-up.
//!
//! Layout, all numbers little-endian: a header; for each of 65,536 beginnings of a name's hash where its entries begin; the entries (hash, place,
//! length, sum), sorted; the records. The caller reads bytes, so that a look-up needs a few hundred of them and not the file.

use std::collections::HashMap;

use safeguard_api::evidence::Severity;
use sha2::{Digest, Sha256};

use super::advisory::{Advisory, Affected, Event, Level, Range, RangeKind};
use crate::package::Ecosystem;

const MAGIC: &[u8; 8] = b"sg-osv\x00\x01";
const FIXED_BYTES: usize = 64;
const BUCKETS: usize = 1 << 16;
const ENTRY_BYTES: usize = 24;
/// What is read once: the header and the beginnings.
pub const HEADER_BYTES: usize = FIXED_BYTES + (BUCKETS + 1) * 4;
/// Of one package. The most that any has is some megabytes.
const RECORD_BYTES_MAX: u32 = 64 << 20;
const BUCKET_ENTRIES_MAX: u32 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("is no index of this version")]
    Format,
    #[error("is damaged: {0}")]
    Damaged(&'static str),
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    #[error("has more than {0} packages")]
    TooMany(u32),
}

/// Collects advisories.
#[derive(Debug)]
pub struct Builder {
    ecosystem: Ecosystem,
    packages: HashMap<String, (u32, Vec<u8>)>,
    advisories: u64,
}

impl Builder {
    pub fn new(ecosystem: Ecosystem) -> Builder {
        Builder {
            ecosystem,
            packages: HashMap::new(),
            advisories: 0,
        }
    }

    /// How many there are so far.
    pub fn advisories(&self) -> u64 {
        self.advisories
    }

    pub fn add(&mut self, name: &str, advisory: &Advisory) {
        let (count, bytes) = self.packages.entry(self.ecosystem.normal(name)).or_default();
        *count += 1;
        self.advisories += 1;
        encode(advisory, bytes);
    }

    /// The file; `built` in seconds since 1970.
    pub fn finish(self, built: i64) -> Result<Vec<u8>, IndexError> {
        let packages = u32::try_from(self.packages.len()).map_err(|_| IndexError::TooMany(u32::MAX))?;
        let mut records: Vec<(u64, String, Vec<u8>)> = Vec::with_capacity(self.packages.len());
        for (name, (count, bytes)) in self.packages {
            let mut record = Vec::with_capacity(bytes.len() + name.len() + 8);
            put_text(&mut record, &name);
            record.extend(count.to_le_bytes());
            record.extend(bytes);
            records.push((hash(&name), name, record));
        }
        // The order in which files came is chance; that of advisories within a package is sorted when they are read.
        records.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        let mut file = Vec::new();
        file.extend(MAGIC);
        file.extend(built.to_le_bytes());
        file.extend(self.advisories.to_le_bytes());
        file.extend(packages.to_le_bytes());
        let mut name = [0_u8; 16];
        let osv = self.ecosystem.osv().as_bytes();
        name[..osv.len()].copy_from_slice(osv);
        file.extend(name);
        file.resize(FIXED_BYTES, 0);
        let mut begins = vec![0_u32; BUCKETS + 1];
        for (hash, ..) in &records {
            begins[bucket(*hash) + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        file.extend(begins.iter().flat_map(|begin| begin.to_le_bytes()));
        let mut at = (HEADER_BYTES + records.len() * ENTRY_BYTES) as u64;
        for (hash, _, record) in &records {
            let length = u32::try_from(record.len())
                .ok()
                .filter(|length| *length <= RECORD_BYTES_MAX)
                .ok_or(IndexError::Damaged("the advisories of one package are too many"))?;
            file.extend(hash.to_le_bytes());
            file.extend(at.to_le_bytes());
            file.extend(length.to_le_bytes());
            file.extend(sum(record));
            at += u64::from(length);
        }
        for (.., record) in records {
            file.extend(record);
        }
        Ok(file)
    }
}

/// An index whose header was read.
#[derive(Debug)]
pub struct Loaded {
    pub ecosystem: Ecosystem,
    /// In seconds since 1970.
    pub built: i64,
    pub advisories: u64,
    pub packages: u32,
    begins: Vec<u32>,
}

/// Reads bytes at a place of the file.
pub trait Lookup {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> std::io::Result<()>;
}

impl Lookup for [u8] {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        let begin = usize::try_from(at).unwrap_or(usize::MAX);
        let found = self
            .get(begin..begin.saturating_add(bytes.len()))
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }
}

impl Loaded {
    pub fn open(file: &(impl Lookup + ?Sized)) -> Result<Loaded, IndexError> {
        let mut head = vec![0; HEADER_BYTES];
        file.read_at(0, &mut head).map_err(IndexError::Read)?;
        if &head[..8] != MAGIC {
            return Err(IndexError::Format);
        }
        let mut rest = Cursor(&head[8..FIXED_BYTES]);
        let built = i64::from_le_bytes(rest.array()?);
        let advisories = u64::from_le_bytes(rest.array()?);
        let packages = u32::from_le_bytes(rest.array()?);
        let name: [u8; 16] = rest.array()?;
        let name = std::str::from_utf8(&name).map_err(|_| IndexError::Damaged("its name"))?;
        let ecosystem =
            Ecosystem::of_osv(name.trim_end_matches('\0')).ok_or(IndexError::Damaged("its name"))?;
        let mut numbers = Cursor(&head[FIXED_BYTES..]);
        let mut begins = Vec::with_capacity(BUCKETS + 1);
        for _ in 0..=BUCKETS {
            begins.push(u32::from_le_bytes(numbers.array()?));
        }
        if begins.windows(2).any(|pair| pair[0] > pair[1]) || begins.last() != Some(&packages) {
            return Err(IndexError::Damaged("its table"));
        }
        Ok(Loaded {
            ecosystem,
            built,
            advisories,
            packages,
            begins,
        })
    }

    /// What is known of a package, in the order of the advisories' names.
    pub fn look_up(&self, file: &(impl Lookup + ?Sized), name: &str) -> Result<Vec<Advisory>, IndexError> {
        let name = self.ecosystem.normal(name);
        let wanted = hash(&name);
        let (begin, end) = (self.begins[bucket(wanted)], self.begins[bucket(wanted) + 1]);
        if end - begin > BUCKET_ENTRIES_MAX {
            return Err(IndexError::Damaged("its table"));
        }
        let mut entries = vec![0; (end - begin) as usize * ENTRY_BYTES];
        let at = HEADER_BYTES as u64 + u64::from(begin) * ENTRY_BYTES as u64;
        file.read_at(at, &mut entries).map_err(IndexError::Read)?;
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            let mut entry = Cursor(entry);
            let hash = u64::from_le_bytes(entry.array()?);
            let at = u64::from_le_bytes(entry.array()?);
            let length = u32::from_le_bytes(entry.array()?);
            let expected: [u8; 4] = entry.array()?;
            if hash != wanted {
                continue;
            }
            if length > RECORD_BYTES_MAX {
                return Err(IndexError::Damaged("a record's length"));
            }
            let mut record = vec![0; length as usize];
            file.read_at(at, &mut record).map_err(IndexError::Read)?;
            if sum(&record) != expected {
                return Err(IndexError::Damaged("a record's sum"));
            }
            let mut record = Cursor(&record);
            // Two names may have one hash.
            if record.text()? != name {
                continue;
            }
            let count = u32::from_le_bytes(record.array()?);
            let mut found = Vec::new();
            for _ in 0..count {
                found.push(decode(&mut record)?);
            }
            found.sort_by(|left: &Advisory, right| left.id.cmp(&right.id));
            return Ok(found);
        }
        Ok(Vec::new())
    }
}

fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn bucket(hash: u64) -> usize {
    usize::try_from(hash >> 48).unwrap_or(0)
}

fn sum(record: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(record);
    [digest[0], digest[1], digest[2], digest[3]]
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    // What was read is limited far below.
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn put_texts(bytes: &mut Vec<u8>, texts: &[String]) {
    put_count(bytes, texts.len());
    for text in texts {
        put_text(bytes, text);
    }
}

fn encode(advisory: &Advisory, bytes: &mut Vec<u8>) {
    put_text(bytes, &advisory.id);
    put_texts(bytes, &advisory.aliases);
    put_text(bytes, &advisory.summary);
    bytes.push(match advisory.level {
        Level::Unknown => 0,
        Level::Known(Severity::Note) => 1,
        Level::Known(Severity::Low) => 2,
        Level::Known(Severity::Medium) => 3,
        Level::Known(Severity::High) => 4,
        Level::Known(Severity::Critical) => 5,
        Level::Malware => 6,
    });
    put_count(bytes, advisory.affected.len());
    for affected in &advisory.affected {
        put_count(bytes, affected.ranges.len());
        for range in &affected.ranges {
            bytes.push(match range.kind {
                RangeKind::Semver => 0,
                RangeKind::Ecosystem => 1,
            });
            put_count(bytes, range.events.len());
            for event in &range.events {
                bytes.push(match event {
                    Event::Introduced(_) => 0,
                    Event::Fixed(_) => 1,
                    Event::LastAffected(_) => 2,
                    Event::Limit(_) => 3,
                });
                put_text(bytes, event.version());
            }
        }
        put_texts(bytes, &affected.versions);
    }
}

fn decode(record: &mut Cursor<'_>) -> Result<Advisory, IndexError> {
    let id = record.text()?;
    let aliases = record.texts()?;
    let summary = record.text()?;
    let level = match record.array::<1>()? {
        [0] => Level::Unknown,
        [1] => Level::Known(Severity::Note),
        [2] => Level::Known(Severity::Low),
        [3] => Level::Known(Severity::Medium),
        [4] => Level::Known(Severity::High),
        [5] => Level::Known(Severity::Critical),
        [6] => Level::Malware,
        _ => return Err(IndexError::Damaged("a severity")),
    };
    let mut affected = Vec::new();
    for _ in 0..record.count()? {
        let mut ranges = Vec::new();
        for _ in 0..record.count()? {
            let kind = match record.array::<1>()? {
                [0] => RangeKind::Semver,
                [1] => RangeKind::Ecosystem,
                _ => return Err(IndexError::Damaged("a range")),
            };
            let mut events = Vec::new();
            for _ in 0..record.count()? {
                let [kind] = record.array::<1>()?;
                let version = record.text()?;
                events.push(match kind {
                    0 => Event::Introduced(version),
                    1 => Event::Fixed(version),
                    2 => Event::LastAffected(version),
                    3 => Event::Limit(version),
                    _ => return Err(IndexError::Damaged("an event")),
                });
            }
            ranges.push(Range { kind, events });
        }
        let versions = record.texts()?;
        affected.push(Affected { ranges, versions });
    }
    Ok(Advisory {
        id,
        aliases,
        summary,
        level,
        affected,
    })
}

/// What is left of a record.
struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn bytes(&mut self, count: usize) -> Result<&'b [u8], IndexError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(IndexError::Damaged("a record ends too soon"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    fn count(&mut self) -> Result<usize, IndexError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn text(&mut self) -> Result<String, IndexError> {
        let count = self.count()?;
        let bytes = self.bytes(count)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| IndexError::Damaged("a text"))
    }

    fn texts(&mut self) -> Result<Vec<String>, IndexError> {
        let mut texts = Vec::new();
        for _ in 0..self.count()? {
            texts.push(self.text()?);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(id: &str) -> Advisory {
        Advisory {
            id: id.to_owned(),
            aliases: vec!["CVE-2024-1".to_owned()],
            summary: "it is bad".to_owned(),
            level: Level::Known(Severity::High),
            affected: vec![Affected {
                ranges: vec![Range {
                    kind: RangeKind::Semver,
                    events: vec![
                        Event::Introduced("0".to_owned()),
                        Event::Fixed("1.2.3".to_owned()),
                    ],
                }],
                versions: vec!["1.0.0".to_owned()],
            }],
        }
    }

    fn file(packages: u32) -> Vec<u8> {
        let mut builder = Builder::new(Ecosystem::Npm);
        for number in 0..packages {
            builder.add(&format!("package-{number}"), &advisory("GHSA-b"));
            builder.add(&format!("package-{number}"), &advisory("GHSA-a"));
        }
        builder.finish(1_700_000_000).expect("it is built")
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let file = file(500);
        let loaded = Loaded::open(file.as_slice()).expect("it opens");
        assert_eq!(
            (loaded.packages, loaded.advisories, loaded.built),
            (500, 1000, 1_700_000_000)
        );
        let found = loaded.look_up(file.as_slice(), "package-77").expect("it is read");
        assert_eq!(found, [advisory("GHSA-a"), advisory("GHSA-b")]);
        assert!(
            loaded
                .look_up(file.as_slice(), "package-x")
                .expect("it is read")
                .is_empty()
        );
    }

    #[test]
    fn what_is_damaged_is_told() {
        let whole = file(1);
        for at in (0..8).chain((HEADER_BYTES..whole.len()).step_by(5)) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let looked = Loaded::open(damaged.as_slice())
                .and_then(|loaded| loaded.look_up(damaged.as_slice(), "package-0"));
            // A hash that was altered hides its package; the table is as long as it was, so that it is rare.
            let hidden = (HEADER_BYTES..HEADER_BYTES + 8).contains(&at);
            assert!(looked.is_err() || hidden, "byte {at}");
        }
        assert!(Loaded::open(&whole[..100]).is_err());
        assert!(Loaded::open(b"nonsense".as_slice()).is_err());
    }
}

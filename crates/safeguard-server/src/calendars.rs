//! The calendars of the policy in force: read when it changes, and when their files do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use safeguard_api::audit::Actor;
use safeguard_api::config::CalendarSpec;
use safeguard_api::freeze::CalendarSays;
use safeguard_api::time::Now;
use safeguard_api::{Digest, Name, PolicyId};
use safeguard_calendar::{Calendar, Calendars, FILE_BYTES_MAX, Held};
use safeguard_store::{Document, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::record;

/// How often the files are looked at, by the monotonic clock.
const LOOK_EVERY_MS: u64 = 1000;

/// Reads a calendar and the file that it names: how many windows it has, and what it says at this moment.
///
/// # Errors
/// Why it is closed, in words.
pub fn look(spec: &CalendarSpec) -> Result<(usize, CalendarSays), String> {
    let text = spec.file.as_deref().map(text).transpose()?;
    let calendar = understand(spec, text.as_deref())?;
    let now = record::now();
    let schedule = calendar.schedule(now).map_err(|error| error.to_string())?;
    Ok((calendar.windows(), schedule.says(now)))
}

fn understand(spec: &CalendarSpec, text: Option<&str>) -> Result<Calendar, String> {
    Calendar::read(spec, text).map_err(|error| match &spec.file {
        Some(file) => format!("`{}`: {error}", file.display()),
        None => error.to_string(),
    })
}

fn text(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", file.display());
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(failed)?;
    // One byte more than is allowed shows that there is more.
    opened
        .take(FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| format!("`{}` is not UTF-8", file.display()))
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    inode: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(file).ok()?;
    Some(Stamp {
        bytes: found.len(),
        inode: found.ino(),
        changed: (found.ctime(), found.ctime_nsec()),
        modified: (found.mtime(), found.mtime_nsec()),
    })
}

type Stamps = BTreeMap<Name, Option<Stamp>>;

fn stamps(specs: &BTreeMap<Name, CalendarSpec>) -> Stamps {
    let files = specs
        .iter()
        .filter_map(|(name, spec)| Some((name, spec.file.as_deref()?)));
    files.map(|(name, file)| (name.clone(), stamp(file))).collect()
}

/// What the log last said of a calendar's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    calendar: Name,
    said: serde_json::Value,
}

impl Document for Recorded {
    const KIND: &'static str = "calendar-file";
    fn key(&self) -> String {
        self.calendar.to_string()
    }
}

/// Keeps what was read last; the loop owns it.
pub(crate) struct Reader {
    services: Vec<Name>,
    policy: Option<PolicyId>,
    stamps: Stamps,
    looked_ms: Option<u64>,
    calendars: Arc<Calendars>,
}

impl Reader {
    pub fn new(services: Vec<Name>) -> Reader {
        Reader {
            services,
            policy: None,
            stamps: Stamps::new(),
            looked_ms: None,
            calendars: Arc::default(),
        }
    }

    /// The calendars as they are now. What a file newly says is in the log before it is acted on.
    pub async fn calendars(
        &mut self,
        store: &Store,
        policy: &PolicyId,
        specs: &BTreeMap<Name, CalendarSpec>,
        now: Now,
    ) -> Result<Arc<Calendars>, StoreError> {
        let same = self.policy.as_ref() == Some(policy);
        let looked = |at: u64| now.mono_ms.saturating_sub(at) < LOOK_EVERY_MS;
        let fresh = !self.calendars.are_stale(now.wall);
        if same && self.looked_ms.is_some_and(looked) && fresh {
            return Ok(self.calendars.clone());
        }
        let found = stamps(specs);
        if !(same && found == self.stamps && fresh) {
            // A file that changes while it is read has another stamp the next time.
            let (specs, services) = (specs.clone(), self.services.clone());
            let reading = tokio::task::spawn_blocking(move || {
                let texts: BTreeMap<&Name, Result<Option<String>, String>> = specs
                    .iter()
                    .map(|(name, spec)| (name, spec.file.as_deref().map(text).transpose()))
                    .collect();
                let held = specs.iter().zip(texts.values()).map(|((name, spec), text)| {
                    let calendar = text.clone().and_then(|text| understand(spec, text.as_deref()));
                    let held = Held {
                        services: spec.services.clone(),
                        calendar: calendar.map(Arc::new),
                    };
                    (name.clone(), held)
                });
                let calendars = Calendars::new(held.collect(), &services, now.wall);
                let said = said(&specs, &texts, &calendars);
                (calendars, said)
            });
            match reading.await {
                Ok((calendars, said)) => {
                    record(store, said).await?;
                    self.calendars = Arc::new(calendars);
                    self.policy = Some(policy.clone());
                    self.stamps = found;
                }
                // What is not known is closed, and is tried again at the next round.
                Err(error) => {
                    tracing::error!(%error, "The calendars could not be read");
                    self.calendars = Arc::default();
                    self.policy = None;
                    return Ok(Arc::new(all_closed(&error.to_string(), &self.services, now)));
                }
            }
        }
        self.looked_ms = Some(now.mono_ms);
        Ok(self.calendars.clone())
    }
}

/// One calendar that holds everything.
fn all_closed(why: &str, services: &[Name], now: Now) -> Calendars {
    let held = services.iter().map(|service| {
        let held = Held {
            services: vec![service.clone()],
            calendar: Err(why.to_owned()),
        };
        (service.clone(), held)
    });
    Calendars::new(held.collect(), services, now.wall)
}

/// What the log says of each file: which bytes, and what they mean.
fn said(
    specs: &BTreeMap<Name, CalendarSpec>,
    texts: &BTreeMap<&Name, Result<Option<String>, String>>,
    calendars: &Calendars,
) -> Vec<Recorded> {
    let outcomes = calendars.outcomes().filter_map(|(name, outcome)| {
        let file = specs.get(name)?.file.as_ref()?;
        let text = texts.get(name).and_then(|text| text.as_ref().ok()?.as_ref());
        let sha256 = text.map(|text| Digest::of(text.as_bytes()));
        let (windows, trouble) = match outcome {
            Ok(windows) => (Some(windows), None),
            Err(why) => (None, Some(why.to_owned())),
        };
        let said =
            serde_json::json!({ "file": file, "sha256": sha256, "windows": windows, "closed": trouble });
        Some(Recorded {
            calendar: name.clone(),
            said,
        })
    });
    outcomes.collect()
}

async fn record(store: &Store, said: Vec<Recorded>) -> Result<(), StoreError> {
    let known = store
        .read(|tx| tx.list::<Recorded>(false, crate::api::LIST_MAX))
        .await?;
    let news: Vec<Recorded> = said.into_iter().filter(|one| !known.contains(one)).collect();
    for one in news {
        tracing::info!(calendar = %one.calendar, said = %one.said, "A calendar's file was read");
        store
            .write(move |tx| -> Result<(), StoreError> {
                let subject = vec![one.calendar.to_string()];
                let actor = Actor::system("server");
                tx.append(&record::event(
                    "freeze.calendar",
                    actor,
                    subject,
                    one.said.clone(),
                ))?;
                tx.put(&one)
            })
            .await??;
    }
    Ok(())
}

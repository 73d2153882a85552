//! A calendar of `safeguard.toml`, read and understood.

use safeguard_api::config::CalendarSpec;
use safeguard_api::freeze::WindowKind;
use safeguard_api::{Span, Timestamp};

use crate::error::{CalendarError, Trouble};
use crate::length::Length;
use crate::moment::Moment;
use crate::rule::{Budget, Rule};
use crate::schedule::{Schedule, Spell};
use crate::window::{Excluded, Extra, Starts, Window};
use crate::{LOOKED_AHEAD, ics, kargo, zone};

/// A longer file is refused before it is read.
pub const FILE_BYTES_MAX: usize = 4 << 20;
const WINDOWS_MAX: usize = 2000;
/// Beginnings of windows that are looked at in one calendar, from each rule's start on.
const STARTS_MAX: usize = 200_000;
/// What a schedule knows of the past, for a clock that is set back a little.
const LOOKED_BACK: Span = Span::hours(48);

#[derive(Debug, Clone)]
pub struct Calendar {
    windows: Vec<Window>,
    /// It opens nothing but what it says, even where it says nothing.
    only_allows: bool,
}

impl Calendar {
    /// Understands a calendar; `file` is the text of the file that it names, if it names one.
    ///
    /// # Errors
    /// The first thing that is not understood. Such a calendar is to be held as closed.
    pub fn read(spec: &CalendarSpec, file: Option<&str>) -> Result<Calendar, CalendarError> {
        let zone = spec.zone.as_deref().map(zone::find).transpose()?;
        let windows = match file {
            None => vec![inline(spec)?],
            Some(text) if FILE_BYTES_MAX < text.len() => {
                return Err(Trouble::TooBig {
                    bytes: text.len(),
                    max: FILE_BYTES_MAX,
                }
                .into());
            }
            Some(text) if is_icalendar(text) => {
                let kind = spec
                    .kind
                    .ok_or(Trouble::Missing("`kind`, which iCalendar has no word for,"))?;
                ics::parse(text, kind, zone)?
            }
            Some(text) if !text.contains(kargo::API_GROUP) => {
                let why = "neither iCalendar, which begins with BEGIN:VCALENDAR, nor YAML of kargo.akuity.io";
                return Err(Trouble::Unreadable(why.to_owned()).into());
            }
            Some(text) => {
                if spec.kind.is_some() {
                    let why = "`kind` is said by each of Kargo's windows: remove it";
                    return Err(Trouble::NotSupported(why.to_owned()).into());
                }
                kargo::parse(text, zone, spec.stage.as_deref())?
            }
        };
        if WINDOWS_MAX < windows.len() {
            return Err(Trouble::TooMany {
                count: windows.len(),
                what: "windows",
                max: WINDOWS_MAX,
            }
            .into());
        }
        Ok(Calendar {
            windows,
            only_allows: spec.kind == Some(WindowKind::Allow),
        })
    }

    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// What it says around `at`: from two days before to [`LOOKED_AHEAD`] after.
    ///
    /// # Errors
    /// A rule that is impossible, or that expands too far. Such a calendar is to be held as closed.
    pub fn schedule(&self, at: Timestamp) -> Result<Schedule, CalendarError> {
        let from = Timestamp(at.0.saturating_sub(i64::try_from(LOOKED_BACK.0).unwrap_or(0)));
        let until = at.plus(LOOKED_AHEAD);
        let mut budget = Budget {
            left: STARTS_MAX,
            max: STARTS_MAX,
        };
        let mut deny = Vec::new();
        let mut allow = self.only_allows.then(Vec::new);
        for window in &self.windows {
            let spells = window
                .expand(from, until, &mut budget)
                .map_err(|trouble| trouble.of(format!("`{}`", window.label)))?;
            match window.kind {
                WindowKind::Deny => deny.extend(spells),
                WindowKind::Allow => allow.get_or_insert_default().extend(spells),
            }
        }
        Ok(Schedule {
            from,
            until,
            deny: in_order(deny),
            allow: allow.map(in_order),
        })
    }
}

fn in_order(mut spells: Vec<Spell>) -> Vec<Spell> {
    spells.sort_by(|one, other| (one.from, one.to, &one.label).cmp(&(other.from, other.to, &other.label)));
    // The start of a window is usually one of its rule's dates too.
    spells.dedup();
    spells
}

/// YAML has no word that could stand there.
fn is_icalendar(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("BEGIN:"))
}

fn inline(spec: &CalendarSpec) -> Result<Window, Trouble> {
    let zone = spec.zone.as_deref().map(zone::find).transpose()?;
    let start = Moment::parse(spec.start.as_ref().ok_or(Trouble::Missing("`start`"))?, zone)?;
    let length = match (&spec.end, &spec.duration) {
        (Some(end), None) => Length::between(&start, &Moment::parse(end, zone)?)?,
        (None, Some(duration)) => Length::parse(duration)?,
        (None, None) if start.is_date => Length::one_day(),
        (None, None) => return Err(Trouble::Missing("`end` or `duration`")),
        (Some(_), Some(_)) => return Err(Trouble::NotSupported("both `end` and `duration`".to_owned())),
    };
    let extra = |text: &String| -> Result<Extra, Trouble> {
        Ok(Extra {
            start: Moment::parse(text, zone)?,
            length: None,
        })
    };
    Ok(Window {
        label: spec.reason.clone().unwrap_or_else(|| "a window".to_owned()),
        kind: spec.kind.ok_or(Trouble::Missing("`kind`"))?,
        starts: Starts::From {
            start,
            rules: spec
                .rrule
                .iter()
                .map(|rule| Rule::parse(rule))
                .collect::<Result<_, _>>()?,
        },
        rdates: spec.rdate.iter().map(extra).collect::<Result<_, _>>()?,
        exdates: spec
            .exdate
            .iter()
            .map(|text| Excluded::parse(text, zone))
            .collect::<Result<_, _>>()?,
        length,
    })
}

//! Reads iCalendar (RFC 5545): events become windows, zones are looked up by name, everything else is left alone.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use safeguard_api::freeze::WindowKind;

use crate::error::{CalendarError, Trouble};
use crate::length::Length;
use crate::moment::{Moment, When};
use crate::rule::Rule;
use crate::window::{Excluded, Extra, Starts, Window};
use crate::zone;

const LINES_MAX: usize = 200_000;
const DEPTH_MAX: usize = 8;
const DATES_MAX: usize = 1000;

/// One content line, unfolded.
#[derive(Debug, Clone)]
struct Line {
    number: usize,
    name: String,
    parameters: BTreeMap<String, String>,
    value: String,
}

/// An event as it stands in the file.
#[derive(Debug, Default)]
struct Event {
    number: usize,
    uid: String,
    summary: String,
    cancelled: bool,
    start: Option<Line>,
    end: Option<Line>,
    duration: Option<Line>,
    recurrence_id: Option<Line>,
    rules: Vec<Line>,
    rdates: Vec<Line>,
    exdates: Vec<Line>,
    not_supported: Option<&'static str>,
}

/// What a whole file says.
#[derive(Default)]
struct Read {
    events: Vec<Event>,
    /// What a `VTIMEZONE` says its zone is called elsewhere, by its `TZID`.
    aliases: BTreeMap<String, String>,
    /// The zone of times that name none.
    default_zone: Option<String>,
}

/// How dates of a file are looked up.
struct Zones<'r> {
    aliases: &'r BTreeMap<String, String>,
    default: Option<Tz>,
}

/// Reads every event of the text as a window of `kind`; times without a zone are in `zone`.
pub(crate) fn parse(text: &str, kind: WindowKind, zone: Option<Tz>) -> Result<Vec<Window>, CalendarError> {
    let read = components(&lines(text)?)?;
    let default = match (zone, &read.default_zone) {
        (Some(zone), _) => Some(zone),
        (None, Some(name)) => Some(zone::find(name)?),
        (None, None) => None,
    };
    let zones = Zones {
        aliases: &read.aliases,
        default,
    };
    let mut windows = Vec::new();
    let mut moved: Vec<(&str, Excluded)> = Vec::new();
    for event in &read.events {
        let place = event.place();
        let in_place = |trouble: Trouble| trouble.of(place.clone());
        if let Some(line) = &event.recurrence_id {
            if line.parameters.contains_key("RANGE") {
                let why = "RECURRENCE-ID with RANGE is not supported: write the later dates as an event of their own";
                return Err(in_place(Trouble::NotSupported(why.to_owned())));
            }
            let zone = zones.of(line).map_err(in_place)?;
            moved.push((&event.uid, Excluded::parse(&line.value, zone).map_err(in_place)?));
        }
        if !event.cancelled {
            let window = window(event, kind, &zones).map_err(in_place)?;
            windows.push((event, window));
        }
    }
    // A date of a recurring event that was moved is where it was moved to, and nowhere else.
    for (event, window) in &mut windows {
        if event.recurrence_id.is_none() {
            let own = moved.iter().filter(|(uid, _)| *uid == event.uid);
            window.exdates.extend(own.map(|(_, excluded)| *excluded));
        }
    }
    Ok(windows.into_iter().map(|(_, window)| window).collect())
}

impl Event {
    fn place(&self) -> String {
        if self.summary.is_empty() {
            format!("the event in line {}", self.number)
        } else {
            format!("`{}` in line {}", self.summary, self.number)
        }
    }
}

fn window(event: &Event, kind: WindowKind, zones: &Zones<'_>) -> Result<Window, Trouble> {
    if let Some(what) = event.not_supported {
        return Err(Trouble::NotSupported(format!("{what} is not supported")));
    }
    let start = zones.moment(event.start.as_ref().ok_or(Trouble::Missing("DTSTART"))?)?;
    let length = match (&event.end, &event.duration) {
        (Some(_), Some(_)) => return Err(Trouble::NotSupported("it has both DTEND and DURATION".to_owned())),
        (Some(end), None) => Length::between(&start, &zones.moment(end)?)?,
        (None, Some(duration)) => Length::parse(&duration.value)?,
        (None, None) if start.is_date => Length::one_day(),
        (None, None) => return Err(Trouble::Missing("DTEND or DURATION")),
    };
    let rules = event.rules.iter().map(|line| Rule::parse(&line.value));
    let mut exdates = Vec::new();
    for line in &event.exdates {
        let zone = zones.of(line)?;
        for text in line.value.split(',') {
            exdates.push(Excluded::parse(text, zone)?);
        }
    }
    let mut rdates = Vec::new();
    for line in &event.rdates {
        let zone = zones.of(line)?;
        for text in line.value.split(',') {
            rdates.push(extra(text, zone)?);
        }
    }
    if DATES_MAX < exdates.len() + rdates.len() {
        return Err(Trouble::TooMany {
            count: exdates.len() + rdates.len(),
            what: "dates in EXDATE and RDATE",
            max: DATES_MAX,
        });
    }
    let named = |text: &str| {
        if text.is_empty() {
            "a window".to_owned()
        } else {
            text.to_owned()
        }
    };
    Ok(Window {
        label: named(&event.summary),
        kind,
        starts: Starts::From {
            start,
            rules: rules.collect::<Result<_, _>>()?,
        },
        rdates,
        exdates,
        length,
    })
}

/// A date of RDATE; a period has a length of its own.
fn extra(text: &str, zone: Option<Tz>) -> Result<Extra, Trouble> {
    let Some((start, end)) = text.split_once('/') else {
        return Ok(Extra {
            start: Moment::parse(text, zone)?,
            length: None,
        });
    };
    let start = Moment::parse(start, zone)?;
    let length = if end.contains('P') {
        Length::parse(end)?
    } else {
        Length::between(&start, &Moment::parse(end, zone)?)?
    };
    Ok(Extra {
        start,
        length: Some(length),
    })
}

impl Zones<'_> {
    fn of(&self, line: &Line) -> Result<Option<Tz>, Trouble> {
        let Some(name) = line.parameters.get("TZID") else {
            return Ok(self.default);
        };
        let found = zone::find(name);
        match (found, self.aliases.get(name)) {
            (Err(_), Some(alias)) => zone::find(alias).map(Some),
            (found, _) => found.map(Some),
        }
    }

    fn moment(&self, line: &Line) -> Result<Moment, Trouble> {
        When::parse(&line.value)?.within(&line.value, self.of(line)?)
    }
}

/// Unfolds a text into its content lines.
fn lines(text: &str) -> Result<Vec<Line>, CalendarError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    for (at, raw) in text.split('\n').enumerate() {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        if let (Some(rest), Some((_, last))) = (raw.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            last.push_str(rest);
        } else if !raw.trim().is_empty() {
            unfolded.push((at + 1, raw.to_owned()));
        }
        if LINES_MAX < unfolded.len() {
            return Err(Trouble::TooMany {
                count: unfolded.len(),
                what: "lines",
                max: LINES_MAX,
            }
            .into());
        }
    }
    unfolded
        .into_iter()
        .map(|(number, text)| {
            line(number, &text).ok_or_else(|| {
                Trouble::not_understood(&text, "a line of iCalendar").of(format!("line {number}"))
            })
        })
        .collect()
}

/// Splits `NAME;PARAMETER="a:b";…:value`.
fn line(number: usize, text: &str) -> Option<Line> {
    let mut quoted = false;
    let mut cuts = Vec::new();
    let mut colon = None;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ';' if !quoted => cuts.push(at),
            ':' if !quoted => {
                colon = Some(at);
                break;
            }
            _ => {}
        }
    }
    let colon = colon?;
    cuts.push(colon);
    let name = text.get(..*cuts.first()?)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for pair in cuts.windows(2) {
        let [from, to] = pair else { continue };
        let (name, value) = text.get(from + 1..*to)?.split_once('=')?;
        parameters.insert(name.to_ascii_uppercase(), value.trim_matches('"').to_owned());
    }
    Some(Line {
        number,
        name: name.to_ascii_uppercase(),
        parameters,
        value: text.get(colon + 1..)?.to_owned(),
    })
}

/// Walks through the nested components and keeps what speaks of events and zones.
fn components(lines: &[Line]) -> Result<Read, CalendarError> {
    let mut read = Read::default();
    let mut open: Vec<String> = Vec::new();
    let mut calendars = 0;
    let mut event: Option<Event> = None;
    let mut zone = (None::<String>, None::<String>);
    let misplaced = |line: &Line, why: &str| {
        Trouble::Unreadable(format!("{}:{} {why}", line.name, line.value)).of(format!("line {}", line.number))
    };
    for line in lines {
        let name = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                let is_calendar = name == "VCALENDAR";
                if is_calendar != open.is_empty() || DEPTH_MAX <= open.len() {
                    return Err(misplaced(line, "is out of place"));
                }
                calendars += usize::from(is_calendar);
                if open.len() == 1 && name == "VEVENT" {
                    event = Some(Event {
                        number: line.number,
                        ..Event::default()
                    });
                }
                open.push(name);
            }
            "END" => {
                if open.pop().as_ref() != Some(&name) {
                    return Err(misplaced(line, "ends what was not begun"));
                }
                if open.len() == 1 && name == "VEVENT" {
                    read.events.extend(event.take());
                }
                if let (1, "VTIMEZONE", (Some(id), Some(elsewhere))) = (open.len(), name.as_str(), &zone) {
                    read.aliases.insert(id.clone(), elsewhere.clone());
                }
                if name == "VTIMEZONE" {
                    zone = (None, None);
                }
            }
            _ if open.is_empty() => return Err(misplaced(line, "stands outside of a calendar")),
            _ => match (open.len(), open.last().map(String::as_str), &mut event) {
                (2, Some("VEVENT"), Some(event)) => {
                    property(event, line).map_err(|trouble| trouble.of(format!("line {}", line.number)))?;
                }
                (2, Some("VTIMEZONE"), _) if line.name == "TZID" => zone.0 = Some(line.value.clone()),
                (2, Some("VTIMEZONE"), _) if line.name == "X-LIC-LOCATION" => {
                    zone.1 = Some(line.value.clone())
                }
                (1, _, _) if line.name == "X-WR-TIMEZONE" => read.default_zone = Some(line.value.clone()),
                _ => {}
            },
        }
    }
    if let Some(unfinished) = open.last() {
        return Err(Trouble::Unreadable(format!("the file ends within {unfinished}")).into());
    }
    if calendars == 0 {
        return Err(Trouble::Unreadable("there is no BEGIN:VCALENDAR".to_owned()).into());
    }
    Ok(read)
}

fn property(event: &mut Event, line: &Line) -> Result<(), Trouble> {
    let once = |place: &mut Option<Line>| {
        let before = place.replace(line.clone());
        match before {
            Some(_) => Err(Trouble::NotSupported(format!(
                "{} stands twice in one event",
                line.name
            ))),
            None => Ok(()),
        }
    };
    match line.name.as_str() {
        "UID" => event.uid.clone_from(&line.value),
        "SUMMARY" => event.summary = plain(&line.value),
        "STATUS" => event.cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED"),
        "DTSTART" => once(&mut event.start)?,
        "DTEND" => once(&mut event.end)?,
        "DURATION" => once(&mut event.duration)?,
        "RECURRENCE-ID" => once(&mut event.recurrence_id)?,
        "RRULE" => event.rules.push(line.clone()),
        "RDATE" => event.rdates.push(line.clone()),
        "EXDATE" => event.exdates.push(line.clone()),
        "EXRULE" => event.not_supported = Some("EXRULE"),
        _ => {}
    }
    Ok(())
}

/// Undoes the escapes of a text; what can not be shown in one line becomes a space.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let shown = match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') | None => ' ',
                Some(other) => other,
            },
            other => other,
        };
        plain.push(if shown.is_control() { ' ' } else { shown });
    }
    plain.trim().chars().take(120).collect()
}

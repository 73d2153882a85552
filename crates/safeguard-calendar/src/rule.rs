//! Recurrence rules, expanded on wall-clock time.

use chrono::{NaiveDateTime, NaiveTime, TimeZone};
use rrule::{Frequency, RRule, RRuleSet, Tz as RuleTz, Unvalidated};
use safeguard_api::Timestamp;

use crate::error::Trouble;
use crate::moment::{Moment, When};

const RULE_BYTES_MAX: usize = 1024;
/// Of a rule in a message.
const TEXT_SHOWN_MAX: usize = 120;

/// A rule without its end, which is kept apart: so the expansion that ends by itself has found nothing more, and is
/// never taken for a rule that is over.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// For messages.
    text: String,
    endless: RRule<Unvalidated>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Never,
    /// So many dates, the excluded ones among them.
    Count(u32),
    /// The last moment at which a window may begin.
    Until(When),
}

/// How many starts may still be looked at; shared by all windows of a calendar.
#[derive(Debug)]
pub(crate) struct Budget {
    pub left: usize,
    pub max: usize,
}

impl Rule {
    pub fn parse(text: &str) -> Result<Rule, Trouble> {
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let impossible = |why: String| Trouble::Rule {
            rule: text.chars().take(TEXT_SHOWN_MAX).collect(),
            why,
        };
        if text.len() > RULE_BYTES_MAX {
            return Err(Trouble::TooBig {
                bytes: text.len(),
                max: RULE_BYTES_MAX,
            });
        }
        let mut end = End::Never;
        let mut kept = Vec::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| impossible(format!("`{part}` has no value")))?;
            let found = match name.to_ascii_uppercase().as_str() {
                "COUNT" => {
                    let count = value.parse().ok().filter(|count| 0 < *count);
                    End::Count(count.ok_or_else(|| impossible(format!("`{part}` counts nothing")))?)
                }
                "UNTIL" => End::Until(When::parse(value)?),
                _ => {
                    kept.push(part);
                    continue;
                }
            };
            if end != End::Never {
                return Err(impossible("it has two ends, of COUNT and UNTIL".to_owned()));
            }
            end = found;
        }
        let endless: RRule<Unvalidated> = kept
            .join(";")
            .parse()
            .map_err(|error: rrule::RRuleError| impossible(error.to_string()))?;
        match endless.get_freq() {
            Frequency::Yearly | Frequency::Monthly | Frequency::Weekly | Frequency::Daily => {}
            // Every moment of such a rule can be written with BYHOUR, BYMINUTE and BYSECOND, which is quick to expand.
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                let why = "FREQ is DAILY or slower; list hours as in `FREQ=DAILY;BYHOUR=9,12,15`";
                return Err(impossible(why.to_owned()));
            }
        }
        Ok(Rule {
            text: text.chars().take(TEXT_SHOWN_MAX).collect(),
            endless,
            end,
        })
    }

    /// Every wall-clock time from `start` to `until` at which a window begins, in their order.
    pub fn expand(
        &self,
        start: &Moment,
        budget: &mut Budget,
        until: NaiveDateTime,
    ) -> Result<Vec<NaiveDateTime>, Trouble> {
        let first = RuleTz::UTC.from_utc_datetime(&start.wall);
        let rule = self
            .endless
            .clone()
            .validate(first)
            .map_err(|error| Trouble::Rule {
                rule: self.text.clone(),
                why: error.to_string(),
            })?;
        let set = RRuleSet::new(first).rrule(rule).limit();
        let mut dates = set.into_iter();
        let mut starts = Vec::new();
        loop {
            if matches!(self.end, End::Count(count) if usize::try_from(count).is_ok_and(|count| count <= starts.len()))
            {
                return Ok(starts);
            }
            let Some(date) = dates.next() else {
                let last = starts.last().unwrap_or(&start.wall);
                return Err(Trouble::NeverAgain {
                    rule: self.text.clone(),
                    after: last.to_string(),
                });
            };
            let date = date.naive_utc();
            if until < date || self.is_over(start, date)? {
                return Ok(starts);
            }
            if budget.left == 0 {
                return Err(Trouble::ExpandsTooFar {
                    rule: self.text.clone(),
                    max: budget.max,
                    until: until.date().to_string(),
                });
            }
            budget.left -= 1;
            starts.push(date);
        }
    }

    fn is_over(&self, start: &Moment, date: NaiveDateTime) -> Result<bool, Trouble> {
        let End::Until(until) = self.end else {
            return Ok(false);
        };
        Ok(match until {
            // A date stands for the whole day.
            When::Date(last) => last < date.date(),
            When::Local(last) => last < date,
            When::Utc(last) => {
                let at = Moment { wall: date, ..*start }.at()?;
                Timestamp(last.and_utc().timestamp_millis()) < at
            }
        })
    }
}

/// The beginning of the day of `wall`: where a rule without a start of its own is expanded from.
pub(crate) fn midnight(wall: NaiveDateTime) -> NaiveDateTime {
    wall.date().and_time(NaiveTime::MIN)
}

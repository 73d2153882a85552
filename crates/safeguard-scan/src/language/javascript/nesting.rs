//! How deeply a text is nested, before it is parsed: oxc's parser calls itself without a limit, and an overflow of the stack cannot be caught.
//!
//! The text is read token by token, without recursion. Two things let the parser go deeper: what is opened (brackets, holes of templates,
//! elements of JSX, type arguments), and what is pending within one pair of brackets: operators, keywords and arrows whose right side is
//! parsed inside of them (`!`, `a =`, `=>`, `? :`, `if (…)`), until a statement or an item of a list ends.
//! Both are counted too high rather than too low.
//!
//! Whether `/` divides and whether `<` compares depends on the grammar. Where the token before does not tell for certain, the text is read both
//! ways from there, and the readings are joined once they agree: no text can hide its nesting behind a `/`.

mod reading;

use super::Language;
use crate::tree::ParseError;
use reading::{Reading, Step};

/// How many brackets may be open: each costs the parser less than 3 kB of stack.
pub(super) const OPEN_MAX: usize = 1_000;
/// How many operators and keywords may be pending, over all open brackets: each costs less than 1.5 kB.
pub(super) const PENDING_MAX: usize = 1_000;
/// In how many ways a text may be read at a time.
const READINGS_MAX: usize = 32;

/// Refuses a text on which the parser could overflow its stack.
pub(super) fn check(language: Language, text: &str) -> Result<(), ParseError> {
    let mut readings = vec![Reading::new(language, text)];
    while let Some(behind) = readings
        .iter()
        .enumerate()
        .min_by_key(|(_, reading)| reading.at())
        .map(|(index, _)| index)
    {
        match readings[behind].step() {
            Step::Ended => {
                readings.swap_remove(behind);
                continue;
            }
            Step::Malformed => {
                return Err(ParseError::Syntax {
                    line: line(text, readings[behind].at()),
                    message: "invalid escape in a name".to_owned(),
                });
            }
            Step::Went => {}
            Step::Forked(other) => readings.push(*other),
        }
        let reading = &readings[behind];
        if reading.open() > OPEN_MAX || reading.pending() > PENDING_MAX {
            return Err(ParseError::TooDeep {
                line: line(text, reading.at()),
            });
        }
        if readings.len() > 1 {
            join(&mut readings, behind);
        }
        if readings.len() > READINGS_MAX {
            return Err(ParseError::Syntax {
                line: line(text, readings[0].at()),
                message: format!("can be read in more than {READINGS_MAX} ways"),
            });
        }
    }
    Ok(())
}

/// Joins a reading with another one that has come to the same.
fn join(readings: &mut Vec<Reading<'_>>, index: usize) {
    let same = (0..readings.len()).find(|other| *other != index && readings[*other].agrees(&readings[index]));
    if let Some(same) = same {
        let joined = readings.swap_remove(index);
        // What was last moved to `index`.
        let same = if same == readings.len() { index } else { same };
        readings[same].join(&joined);
    }
}

fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

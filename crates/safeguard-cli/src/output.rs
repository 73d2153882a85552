//! Prints: data on stdout, talk on stderr, JSON when it is asked for, colours on a terminal alone.

use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use safeguard_api::Problem;
use serde::Serialize;

use crate::failure::Failure;

pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const CARE: Style = AnsiColor::Yellow.on_default().bold();
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
const HEAD: Style = Style::new().bold();

pub struct Output {
    pub json: bool,
}

impl Output {
    pub fn new(json: bool) -> Output {
        Output { json }
    }

    /// Prints the value as JSON, or else the text that `text` makes of it.
    pub fn data<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json {
            self.json_text(value)
        } else {
            self.text(&text(value))
        }
    }

    pub fn json_text<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let mut json = serde_json::to_string_pretty(value).context("cannot write JSON")?;
        json.push('\n');
        self.text(&json)
    }

    /// One JSON object on a line of its own, or a line of text.
    pub fn line<T: Serialize>(&self, value: &T, text: &str) -> Result<(), Failure> {
        let line = if self.json {
            serde_json::to_string(value).context("cannot write JSON")?
        } else {
            text.to_owned()
        };
        self.text(&format!("{line}\n"))
    }

    pub fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written.context("cannot write to stdout")?),
        }
    }

    /// Talk, for people; none of it in JSON mode.
    pub fn say(&self, text: &str) {
        if !self.json {
            anstream::eprintln!("{text}");
        }
    }

    pub fn failure(&self, failure: &Failure) {
        let (Failure::Refused(problem) | Failure::Undecided(problem)) = failure else {
            return;
        };
        let printed = if self.json {
            self.json_text(problem)
        } else {
            Ok(())
        };
        // Without JSON, or when stdout is gone, stderr is the place that is left.
        if !self.json || printed.is_err() {
            anstream::eprint!("{}", render_problem(problem));
        }
    }
}

pub fn render_problem(problem: &Problem) -> String {
    let mut text = format!("{BAD}error{BAD:#}: {}\n", problem.title);
    for detail in &problem.details {
        for line in detail.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if let Some(entry) = problem.entry {
        text.push_str(&format!("  log entry {entry}\n"));
    }
    if let Some(hint) = &problem.hint {
        text.push_str(&format!("{HINT}hint{HINT:#}: {hint}\n"));
    }
    text
}

/// Lines up columns; the last is not padded.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut push = |cells: &[String], style: Style| {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let padded = if column + 1 == cells.len() {
                0
            } else {
                widths.get(column).copied().unwrap_or(0) + 2
            };
            // Writing into a String can not fail.
            if write!(line, "{cell:<padded$}").is_err() {
                return;
            }
        }
        text.push_str(&format!("{style}{}{style:#}\n", line.trim_end()));
    };
    push(
        &head.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>(),
        HEAD,
    );
    for row in rows {
        push(row, Style::new());
    }
    text
}

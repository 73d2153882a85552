//! Tells what happens: plain lines with the time, and on a terminal one line that moves.

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use crate::load::wall;

pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
const HEAD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

pub struct Telling {
    /// Hidden where standard error is no terminal.
    moving: ProgressBar,
    /// Standard output belongs to JSON; people read standard error.
    json: bool,
}

impl Telling {
    #[must_use]
    pub fn new(json: bool) -> Telling {
        let moving = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            moving.set_style(style);
        }
        Telling { moving, json }
    }

    /// A heading.
    pub fn head(&self, text: &str) {
        self.line(&format!("\n{HEAD}{text}{HEAD:#}"));
    }

    /// One thing that happened.
    pub fn say(&self, text: &str) {
        let at = wall().to_string();
        // The time of day within `2026-11-24T04:10:33.123Z`.
        let at = at.get(11..19).unwrap_or(&at);
        self.line(&format!("{QUIET}{at}{QUIET:#}  {text}"));
    }

    /// A command as a person would type it.
    pub fn typed(&self, words: &[&str]) {
        let quoted = words.iter().map(|word| {
            if word.contains(' ') {
                format!("\"{word}\"")
            } else {
                (*word).to_owned()
            }
        });
        self.say(&format!("$ safeguard {}", quoted.collect::<Vec<_>>().join(" ")));
    }

    /// Text as it is.
    pub fn line(&self, text: &str) {
        self.moving.suspend(|| {
            if self.json {
                anstream::eprintln!("{text}");
            } else {
                anstream::println!("{text}");
            }
        });
    }

    /// What the moving line shows until something happens.
    pub fn moving(&self, text: String) {
        self.moving.set_message(text);
        self.moving.tick();
    }

    pub fn still(&self) {
        self.moving.finish_and_clear();
    }
}

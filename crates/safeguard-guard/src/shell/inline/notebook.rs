//! Notebooks of Jupyter: cells of code, with commands of the shell among their lines.
//!
//! The format: <https://nbformat.readthedocs.io/en/latest/format_description.html>; the lines that are no Python:
//! <https://ipython.readthedocs.io/en/stable/interactive/magics.html>.

use serde_json::Value;

/// What a cell begins with whose rest is a script of the shell.
const SHELL_CELLS: &[&str] = &["%%bash", "%%sh", "%%script", "%%system", "%%sx", "%%!"];
/// What a line begins with whose rest is a command.
const SHELL_LINES: &[&str] = &["!!", "!", "%system ", "%sx "];

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notebook {
    pub code: String,
    pub commands: Vec<String>,
}

impl Notebook {
    /// None where it is no JSON, or keeps its cells elsewhere, as old ones do: Jupyter takes both.
    pub fn read(text: &str) -> Option<Notebook> {
        let notebook: Value = serde_json::from_str(text).ok()?;
        let mut found = Notebook::default();
        for cell in notebook.get("cells")?.as_array()? {
            if cell.get("cell_type").is_some_and(|kind| kind == "code") {
                found.cell(&source(cell));
            }
        }
        Some(found)
    }

    fn cell(&mut self, source: &str) {
        let (first, rest) = source.trim_start().split_once('\n').unwrap_or((source, ""));
        let magic = first.split_whitespace().next().unwrap_or("");
        if SHELL_CELLS.contains(&magic) {
            self.commands.push(rest.to_owned());
            return;
        }
        for line in source.lines() {
            match command(line) {
                Some(command) => self.commands.push(command.to_owned()),
                None => {
                    self.code.push_str(line);
                    self.code.push('\n');
                }
            }
        }
    }
}

/// A cell's lines, which are one text or a list of them.
fn source(cell: &Value) -> String {
    match cell.get("source") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// `!rm -rf data`, `files = !ls`
fn command(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let begun = SHELL_LINES.iter().find_map(|begin| line.strip_prefix(begin));
    let caught = || {
        let (name, command) = line.split_once('=')?;
        let is_name = |name: &str| {
            name.chars()
                .all(|char| char.is_alphanumeric() || "_, ".contains(char))
        };
        command.trim_start().strip_prefix('!').filter(|_| is_name(name))
    };
    begun.or_else(caught).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Option<(String, Vec<String>)> {
        let text = serde_json::json!({ "cells": [
            { "cell_type": "markdown", "source": "!rm -rf words" },
            { "cell_type": "code", "source": source },
        ] });
        Notebook::read(&text.to_string()).map(|notebook| (notebook.code, notebook.commands))
    }

    #[test]
    fn commands_stand_apart_from_code() {
        let found =
            read("import os\n  !ls -l\nfiles = !ls data\nif a != b: pass\n%sx make clean").expect("cells");
        assert_eq!(found.0, "import os\nif a != b: pass\n");
        assert_eq!(found.1, ["ls -l", "ls data", "make clean"]);
        let found = read("%%bash -e\ncd data\nrm -rf old\n").expect("cells");
        assert_eq!(found, (String::new(), vec!["cd data\nrm -rf old\n".to_owned()]));
    }

    #[test]
    fn what_is_no_notebook_of_today_has_no_cells() {
        for text in [
            "",
            "[]",
            "{\"cells\":{}}",
            "{\"worksheets\":[]}",
            "{\"cells\":[],\"a\":NaN}",
        ] {
            assert_eq!(Notebook::read(text), None, "{text}");
        }
    }
}

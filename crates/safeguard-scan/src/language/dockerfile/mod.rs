//! Dockerfiles: each instruction is a `Section` named in capitals; what it runs is its Body, read as shell.

pub(super) mod pattern;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use std::ops::Range;

use super::Language;
use super::script::Script;
use super::shell;
use super::sitter;
use super::sitter::nodes::{At, Grammar, Nodes};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_containerfile::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    // The grammar wants a line to end.
    let ended = format!("{}\n", text.trim_end_matches('\n'));
    let nodes = sitter::read(&ended, &GRAMMAR, sitter::steps_max(text))?;
    let mut convert = Convert {
        text,
        nodes: &nodes,
        out: Builder::new(Language::Dockerfile, text),
        in_shell: true,
        unread: None,
    };
    for comment in nodes.comments() {
        let end = comment.end.min(text.len());
        convert.out.comment(comment.start.min(end)..end);
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        for instruction in nodes.named(At::ROOT) {
            convert.instruction(instruction);
        }
    });
    if let Some(error) = convert.unread.take() {
        convert.out.unread(&error);
    }
    convert.out.finish()
}

struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    out: Builder,
    /// Whether what is run is run by a shell that is read here, and not by one of Windows.
    in_shell: bool,
    unread: Option<ParseError>,
}

impl<'t> Convert<'t> {
    fn node(&mut self, kind: Kind, role: Role, span: Range<usize>, inside: impl FnOnce(&mut Self)) {
        let end = span.end.min(self.text.len());
        if self.out.open(kind, role, span.start.min(end)..end) {
            inside(self);
        }
        self.out.close();
    }

    fn source(&self, at: At) -> &'t str {
        let span = self.nodes.span(at);
        self.text
            .get(span.start..span.end.min(self.text.len()))
            .unwrap_or("")
    }

    fn leaf(&mut self, role: Role, span: Range<usize>, text: &str) {
        self.node(Kind::Str, role, span, |convert| convert.out.name_decoded(text));
    }

    fn keyword(&mut self, name: &str, span: Range<usize>, value: Option<(Range<usize>, String)>) {
        self.node(Kind::Keyword, Role::Arg, span, |convert| {
            convert.out.name_decoded(name);
            if let Some((span, value)) = value {
                convert.leaf(Role::Value, span, &value);
            }
        });
    }

    fn instruction(&mut self, at: At) {
        let nodes = self.nodes;
        let source = self.source(at);
        let name = source
            .split_whitespace()
            .next()
            .unwrap_or("")
            .to_ascii_uppercase();
        let span = nodes.span(at).start..nodes.span(at).start + source.trim_end().len();
        let node = |convert: &mut Self, inside: &mut dyn FnMut(&mut Self)| {
            convert.node(Kind::Section, Role::Item, span.clone(), |convert| {
                convert.out.name_decoded(&name);
                inside(convert);
            });
        };
        match nodes.kind(at) {
            "run_instruction" | "cmd_instruction" | "entrypoint_instruction" => {
                node(self, &mut |convert| convert.running(at));
            }
            "healthcheck_instruction" => node(self, &mut |convert| {
                convert.params(at);
                for inner in nodes
                    .named(at)
                    .filter(|inner| nodes.kind(*inner) == "cmd_instruction")
                {
                    convert.running(inner);
                }
            }),
            "onbuild_instruction" => node(self, &mut |convert| {
                convert.node(Kind::Block, Role::Body, span.clone(), |convert| {
                    if let Some(inner) = nodes.first(at) {
                        convert.instruction(inner);
                    }
                });
            }),
            "shell_instruction" => {
                let windows = ["powershell", "pwsh", "cmd"];
                let lower = source.to_ascii_lowercase();
                self.in_shell = !windows.iter().any(|shell| lower.contains(shell));
                node(self, &mut |convert| convert.rest(at));
            }
            "from_instruction" => {
                let lower = source.to_ascii_lowercase();
                // Windows writes its paths with `\`, and lets lines go on with another sign.
                self.in_shell = !self.text.starts_with("# escape=`")
                    && !["windows", "nanoserver"].iter().any(|word| lower.contains(word));
                node(self, &mut |convert| {
                    convert.params(at);
                    for part in nodes.named(at) {
                        match nodes.kind(part) {
                            "image_spec" => {
                                let image = convert.source(part);
                                convert.leaf(Role::Arg, nodes.span(part), image);
                            }
                            "image_alias" => {
                                let alias = convert.source(part).to_owned();
                                convert.keyword("as", nodes.span(part), Some((nodes.span(part), alias)));
                            }
                            _ => {}
                        }
                    }
                });
            }
            "env_instruction" | "arg_instruction" | "label_instruction" => node(self, &mut |convert| {
                for pair in nodes.named(at) {
                    convert.pair(pair);
                }
            }),
            "copy_instruction" | "add_instruction" => node(self, &mut |convert| {
                convert.params(at);
                for part in nodes.named(at) {
                    match nodes.kind(part) {
                        "path" => {
                            let path = convert.source(part);
                            convert.leaf(Role::Arg, nodes.span(part), path);
                        }
                        "json_string_array" => convert.strings(part),
                        _ => {}
                    }
                }
            }),
            _ => node(self, &mut |convert| convert.rest(at)),
        }
    }

    /// The rest of the line as one word.
    fn rest(&mut self, at: At) {
        let source = self.source(at);
        let begin = source.find(char::is_whitespace).unwrap_or(source.len());
        let rest = source[begin..].trim();
        let start = self.nodes.span(at).start + source.len() - source[begin..].trim_start().len();
        self.leaf(Role::Arg, start..start + rest.len(), rest);
    }

    /// `NAME=value`.
    fn pair(&mut self, at: At) {
        let nodes = self.nodes;
        let mut parts = nodes.named(at);
        let Some(name) = parts.next() else {
            return;
        };
        let values: Vec<At> = parts.collect();
        let value = values.first().zip(values.last()).map(|(first, last)| {
            let text = values.iter().map(|value| unquoted(self.source(*value))).collect();
            (nodes.span(*first).start..nodes.span(*last).end, text)
        });
        let name = unquoted(self.source(name)).to_owned();
        self.keyword(&name, nodes.span(at), value);
    }

    /// `--name=value`.
    fn params(&mut self, at: At) {
        let nodes = self.nodes;
        for param in nodes.named(at) {
            if !matches!(nodes.kind(param), "param" | "mount_param") {
                continue;
            }
            let source = self.source(param).trim_start_matches('-');
            let (name, value) = source.split_once('=').unwrap_or((source, ""));
            let span = nodes.span(param);
            let value = (!value.is_empty()).then(|| (span.end - value.len()..span.end, value.to_owned()));
            self.keyword(name, span, value);
        }
    }

    /// The strings of the form `["a", "b"]`.
    fn strings(&mut self, array: At) {
        for (span, text) in self.texts(array) {
            self.leaf(Role::Arg, span, &text);
        }
    }

    fn texts(&self, array: At) -> Vec<(Range<usize>, String)> {
        let strings = self.nodes.named(array);
        strings
            .map(|string| {
                let source = self.source(string);
                let text = serde_json::from_str(source).unwrap_or_else(|_| unquoted(source).to_owned());
                (self.nodes.span(string), text)
            })
            .collect()
    }

    /// `RUN`, `CMD`, `ENTRYPOINT`: a script, or a program with its arguments.
    fn running(&mut self, at: At) {
        let nodes = self.nodes;
        self.params(at);
        let heredocs: Vec<At> = nodes
            .named(at)
            .filter(|part| nodes.kind(*part) == "heredoc_block")
            .collect();
        for part in nodes.named(at) {
            match nodes.kind(part) {
                "json_string_array" => self.program(part),
                "shell_command" if self.in_shell => {
                    if let Some(script) = self.script(part, &heredocs) {
                        self.shell(&script, nodes.span(part));
                    }
                }
                _ => {}
            }
        }
    }

    fn shell(&mut self, script: &Script, span: Range<usize>) {
        let end = span.end.min(self.text.len());
        if self.out.open(Kind::Block, Role::Body, span.start..end)
            && let Err(error) = shell::convert(script, self.text, &mut self.out)
        {
            self.unread.get_or_insert(error);
        }
        self.out.close();
    }

    fn program(&mut self, array: At) {
        let words = self.texts(array);
        let span = self.nodes.span(array);
        let is_script = |words: &[(Range<usize>, String)]| {
            let shell = words
                .first()
                .map(|(_, word)| word.rsplit('/').next().unwrap_or(word));
            matches!(shell, Some("sh" | "bash" | "ash" | "dash"))
                && words.len() > 2
                && words[1].1.starts_with('-')
                && words[1].1.ends_with('c')
        };
        if is_script(&words) {
            let (place, script_text) = &words[2];
            let mut script = Script::default();
            let source = self.text.get(place.clone()).unwrap_or("");
            script.push_decoded(script_text, source.trim_start_matches('"'), place.start + 1);
            return self.shell(&script, span);
        }
        self.node(Kind::Block, Role::Body, span.clone(), |convert| {
            convert.node(Kind::ExprStmt, Role::Item, span.clone(), |convert| {
                convert.node(Kind::Call, Role::Value, span, |convert| {
                    for (number, (span, word)) in words.iter().enumerate() {
                        let role = if number == 0 { Role::Callee } else { Role::Arg };
                        convert.leaf(role, span.clone(), word);
                    }
                });
            });
        });
    }

    /// What the shell is given: lines of comments among those that go on are left out. None if another program than a shell is given it.
    fn script(&self, command: At, heredocs: &[At]) -> Option<Script> {
        let nodes = self.nodes;
        let span = nodes.span(command);
        let source = self.source(command);
        let mut script = Script::default();
        if let Some(content) = heredocs.first()
            && source.trim_start().starts_with("<<")
            && source.split_whitespace().count() == 1
        {
            let content = nodes
                .named(*content)
                .find(|part| nodes.kind(*part) == "heredoc_content")?;
            let text = self.source(content);
            if text.starts_with("#!") && !super::runs_in_shell(text) {
                return None;
            }
            script.push(text, nodes.span(content).start);
            return Some(script);
        }
        let mut at = span.start;
        for line in source.split_inclusive('\n') {
            let trimmed = line.trim_start();
            // A comment among lines that go on is no part of the command, and neither is an empty line.
            if at == span.start || !(trimmed.starts_with('#') || trimmed.is_empty()) {
                // White space behind the backslash does not keep the line from going on.
                let ended = line.trim_end();
                match ended.ends_with('\\') && line.ends_with('\n') {
                    true => {
                        script.push(ended, at);
                        script.push("\n", at + line.len() - 1);
                    }
                    false => script.push(line, at),
                }
            }
            at += line.len();
        }
        for heredoc in heredocs {
            let place = nodes.span(*heredoc);
            let text = self.source(*heredoc).trim_start_matches('\n');
            script.push("\n", place.start);
            script.push(text, place.end.min(self.text.len()) - text.len());
        }
        Some(script)
    }
}

fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

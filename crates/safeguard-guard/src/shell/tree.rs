//! Parses a command with the grammar of bash, and refuses a tree that bash itself might read otherwise.
//!
//! The grammar is made for editors: it goes on after an error, and reads some texts more generously than bash does. Each
//! such place that could hide a command is looked for here, so that what is walked afterwards is what bash would run.

use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, Parser, Tree};

/// A longer command is not read.
pub const COMMAND_BYTES_MAX: usize = 1 << 18;
/// A deeper tree is not read. Those who walk it recurse, within this bound.
pub const COMMAND_DEPTH_MAX: u32 = 200;
/// How often the parser may report that it goes on, every few hundred bytes' worth of work.
const PARSE_STEPS_MAX: u32 = 200_000;

/// Why a text is not walked, as the second half of "a command that …".
pub(crate) type Refusal = String;

pub(crate) fn parse(text: &str) -> Result<Tree, Refusal> {
    if text.len() > COMMAND_BYTES_MAX {
        return Err(format!(
            "is {} bytes long (limit {COMMAND_BYTES_MAX})",
            text.len()
        ));
    }
    if text.contains('\0') {
        return Err("has a zero byte in it".to_owned());
    }
    let mut parser = Parser::new();
    let known = parser.set_language(&tree_sitter_bash::LANGUAGE.into());
    known.map_err(|error| format!("can not be read: {error}"))?;
    let mut steps = 0;
    let mut go_on = |_: &tree_sitter::ParseState| {
        steps += 1;
        match steps > PARSE_STEPS_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let masked = masked(text);
    let bytes = masked.as_bytes();
    let mut read = |at: usize, _: tree_sitter::Point| bytes.get(at..).unwrap_or(&[]);
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    let tree = tree.ok_or("takes too long to read")?;
    check(tree.root_node(), text)?;
    Ok(tree)
}

/// The text with letters beyond ASCII as so many plain ones. To bash they are parts of words all alike, also the blanks among
/// them; the grammar's scanner looks them up in a table of C's that ends before them, which ends the process.
///
/// A backslash that begins a line is masked too where it changes nothing, as in `\rm`: the grammar joins it to the line before.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut before = '\n';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let plain =
            |next: &char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '/' | '-' | '!' | '?');
        match letter {
            '\\' if before == '\n' && letters.peek().is_some_and(plain) => masked.push('Q'),
            letter if letter.is_ascii() => masked.push(letter),
            letter => masked.extend(std::iter::repeat_n('Q', letter.len_utf8())),
        }
        before = letter;
    }
    masked
}

/// Walks the whole tree once, without recursion.
fn check(root: Node<'_>, text: &str) -> Result<(), Refusal> {
    let mut cursor = root.walk();
    let mut depth = 0_u32;
    loop {
        let node = cursor.node();
        one(node, text)?;
        if depth > COMMAND_DEPTH_MAX {
            return Err(format!("is nested deeper than {COMMAND_DEPTH_MAX} levels"));
        }
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(());
            }
            depth -= 1;
        }
    }
}

fn one(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    if !text.is_char_boundary(node.start_byte()) || !text.is_char_boundary(node.end_byte()) {
        return Err("has letters that it takes apart".to_owned());
    }
    if node.is_error() || node.is_missing() {
        let line = node.start_position().row + 1;
        let near: String = slice(node, text)
            .chars()
            .take(30)
            .flat_map(char::escape_debug)
            .collect();
        if near.starts_with('{') && near.contains(',') {
            return Err(format!(
                "has braces where a command's name stands (line {line}, `{near}`)"
            ));
        }
        return Err(format!(
            "bash's grammar does not know (line {line}, near `{near}`)"
        ));
    }
    match node.kind() {
        "comment" => comment(node, text),
        "test_command" => single_bracket(node).and_then(|()| gaps(node, text)),
        "command_substitution" => backticks(node, text).and_then(|()| gaps(node, text)),
        "heredoc_redirect" => heredoc(node, text).and_then(|()| gaps(node, text)),
        "command_name" => command_name(node, text).and_then(|()| gaps(node, text)),
        "raw_string" if hides_substitution(slice(node, text)) => summed(node),
        "heredoc_body" | "string" | "raw_string" | "ansi_c_string" | "heredoc_content" => Ok(()),
        "string_content" | "heredoc_end" | "heredoc_start" => Ok(()),
        // A name on its own where bash wants its brackets, as in `f (rm x)`.
        "command" if has_child(node, "subshell") && !slice(node, text).starts_with("time") => {
            Err("has brackets where bash takes none".to_owned())
        }
        _ if node.child_count() == 0 => leaf(node, text),
        _ => gaps(node, text),
    }
}

pub(crate) fn slice<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or("")
}

pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

fn has_child(node: Node<'_>, kind: &str) -> bool {
    children(node).iter().any(|child| child.kind() == kind)
}

/// A comment begins where a word could.
fn comment(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    let before = text
        .get(..node.start_byte())
        .and_then(|before| before.chars().next_back());
    let begins =
        before.is_none_or(|before| matches!(before, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')'));
    let escaped = text
        .get(..node.start_byte())
        .is_some_and(|before| before.ends_with("\\ "));
    let within_text = node.parent().is_some_and(|parent| {
        matches!(
            parent.kind(),
            "string" | "heredoc_body" | "heredoc_redirect" | "array"
        )
    });
    match begins && !escaped && !within_text {
        true => Ok(()),
        false => Err("has a comment where bash might read none".to_owned()),
    }
}

/// To bash `[ a || rm b ]` is two commands, and `[ a > b ]` writes a file.
fn single_bracket(node: Node<'_>) -> Result<(), Refusal> {
    let mut open = children(node);
    if open.first().is_none_or(|first| first.kind() != "[") {
        return Ok(());
    }
    while let Some(node) = open.pop() {
        if matches!(
            node.kind(),
            "||" | "&&" | "|" | "&" | "<" | ">" | "<<" | ">>" | "redirected_statement"
        ) {
            return Err("has an operator within `[ … ]`, where bash ends the command".to_owned());
        }
        if !matches!(node.kind(), "command_substitution" | "process_substitution") {
            open.extend(children(node));
        }
    }
    Ok(())
}

/// Within backticks bash takes backslashes away before it reads, which the grammar does not.
fn backticks(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    let text = slice(node, text);
    if text.contains('`') && !text.starts_with("$(") && text.contains('\\') {
        return Err("has a backslash within backticks; write `$(…)`".to_owned());
    }
    Ok(())
}

/// The word of a statement where the grammar expects none of its own, and takes it for a program.
fn command_name(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    match RESERVED.contains(&slice(node, text)) {
        true => Err("has a statement where it is not expected".to_owned()),
        false => Ok(()),
    }
}

pub(crate) const RESERVED: &[&str] = &[
    "!", "[[", "]]", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "until", "while", "{", "}",
];

/// In sums, tests and declarations bash may expand what single quotes hold elsewhere.
fn summed(node: Node<'_>) -> Result<(), Refusal> {
    let mut above = node.parent();
    while let Some(node) = above {
        match node.kind() {
            "command" | "command_substitution" => return Ok(()),
            "arithmetic_expansion"
            | "compound_statement"
            | "c_style_for_statement"
            | "subscript"
            | "test_command"
            | "declaration_command"
            | "unset_command" => {
                return Err("has a substitution in quotes where bash may expand it".to_owned());
            }
            _ => above = node.parent(),
        }
    }
    Ok(())
}

/// Where a text in the command ends decides what runs behind it.
fn heredoc(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    let unclear = || Err("has a heredoc whose end is not clear".to_owned());
    let find = |kind: &str| children(node).into_iter().find(|child| child.kind() == kind);
    let (Some(start), Some(end)) = (find("heredoc_start"), find("heredoc_end")) else {
        return unclear();
    };
    let bare = delimiter(slice(start, text));
    let whole = |after: char| after.is_whitespace() || matches!(after, ';' | '&' | '|' | ')' | '<' | '>');
    let goes_on = text.get(start.end_byte()..).and_then(|rest| rest.chars().next());
    let plain = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|one| one.is_alphanumeric() || "_-.!".contains(one))
    };
    let Some(bare) = bare.filter(|bare| plain(bare) && goes_on.is_none_or(whole)) else {
        return unclear();
    };
    let tabs = has_child(node, "<<-");
    let first = start.start_position().row + 1;
    let ends = text.split('\n').enumerate().skip(first).find(|(_, line)| {
        let line = if tabs { line.trim_start_matches('\t') } else { line };
        line == bare
    });
    match ends {
        Some((row, _)) if row == end.start_position().row => Ok(()),
        // The last line may end a substitution: `$(cat <<X … X)`.
        _ => unclear(),
    }
}

/// The word that ends a heredoc, without its quotes.
pub(crate) fn delimiter(start: &str) -> Option<&str> {
    let within = |quote: char| start.strip_prefix(quote)?.strip_suffix(quote);
    if start.starts_with(['\'', '"']) {
        return within('\'').or_else(|| within('"'));
    }
    Some(start.strip_prefix('\\').unwrap_or(start))
}

/// A substitution that the grammar took for text would run unseen.
fn leaf(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    if !node.is_named() {
        return Ok(());
    }
    let word = slice(node, text);
    let process = |opening: &str| node.kind() != "comment" && word.contains(opening);
    if hides_substitution(word) || process("<(") || process(">(") {
        return Err("has a substitution where none is expected".to_owned());
    }
    // Within `${…}` blanks and signs are text.
    let within_expansion = node.parent().is_some_and(|parent| {
        let above = parent.parent().map_or("", |above| above.kind());
        parent.kind() == "expansion" || above == "expansion"
    });
    match matches!(node.kind(), "word" | "number" | "variable_name") && !within_expansion && ends_early(word)
    {
        true => Err("has a word that bash would take apart".to_owned()),
        false => Ok(()),
    }
}

/// Whether a word has a letter in it that ends a word, or begins a quote or an expansion, and is not quoted itself.
fn ends_early(word: &str) -> bool {
    let mut escaped = false;
    word.chars().any(|letter| {
        let ends = !escaped && (letter.is_ascii_whitespace() || ";&|<>()`$\"'".contains(letter));
        escaped = letter == '\\' && !escaped;
        ends
    })
}

pub(crate) fn hides_substitution(text: &str) -> bool {
    let mut escaped = false;
    let mut dollar = false;
    for letter in text.chars() {
        if !escaped && (letter == '`' || (dollar && letter == '(')) {
            return true;
        }
        dollar = letter == '$' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
    false
}

/// Between the parts of a node stand blanks and line ends alone; else something was passed over.
fn gaps(node: Node<'_>, text: &str) -> Result<(), Refusal> {
    let mut at = node.start_byte();
    for child in children(node) {
        let gap = text.get(at..child.start_byte()).unwrap_or("");
        at = at.max(child.end_byte());
        if is_lost_dash(child, gap) {
            continue;
        }
        if gap
            .chars()
            .any(|letter| !(letter.is_whitespace() || letter == '\\'))
        {
            return Err("has a part that is not known here".to_owned());
        }
        if ON_ONE_LINE.contains(&node.kind()) && ends_line(gap) {
            return Err("goes on behind the end of a line, where bash begins another command".to_owned());
        }
    }
    Ok(())
}

/// What a line end closes. The grammar now and then reads on behind it, as if the next line were more words.
const ON_ONE_LINE: &[&str] = &[
    "command",
    "command_name",
    "concatenation",
    "declaration_command",
    "file_redirect",
    "herestring_redirect",
    "negated_command",
    "redirected_statement",
    "unset_command",
    "variable_assignment",
    "variable_assignments",
];

fn ends_line(gap: &str) -> bool {
    gap.replace("\\\n", "").contains('\n')
}

/// The grammar loses the dash of `python3 - <<EOF`, which is a word of the command.
pub(crate) fn is_lost_dash(child: Node<'_>, before: &str) -> bool {
    child.kind() == "heredoc_redirect" && before.trim() == "-"
}

//! A word of a command as the shell would pass it on, as far as its text is in sight.

/// Stands in a word for what only shows when the command runs.
pub(crate) const UNKNOWN: char = '\u{f8ff}';
/// More words than this out of one are not worked out.
const WORDS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    /// Whether the shell would look for files that fit it.
    pub glob: bool,
}

impl Word {
    pub fn new(text: impl Into<String>) -> Word {
        Word {
            text: text.into(),
            glob: false,
        }
    }

    pub fn unknown() -> Word {
        Word::new(UNKNOWN)
    }

    /// How it reads in a message: what is not known as `…`, and not without end.
    pub fn shown(&self) -> String {
        shown(&self.text)
    }
}

pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let text = text.replace(UNKNOWN, "…");
    let mut short: String = text
        .chars()
        .take(CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().count() > CHARS_MAX {
        short.push('…');
    }
    short
}

/// A letter of a word on its way through the shell's expansions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Letter {
    pub letter: char,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bare,
    Quoted,
    /// Came from an expansion outside of quotes: blanks in it part words.
    Expanded,
}

pub(crate) fn push(letters: &mut Vec<Letter>, text: &str, kind: Kind) {
    letters.extend(text.chars().map(|letter| Letter { letter, kind }));
}

/// The words that letters become: braces are expanded, and what came out of a variable is parted at blanks.
pub(crate) fn words_of(letters: Vec<Letter>) -> Vec<Word> {
    let mut words = Vec::new();
    for letters in braces(letters) {
        if !letters.iter().any(|one| one.kind == Kind::Expanded) {
            words.push(word_of(&letters));
            continue;
        }
        let blank = |one: &Letter| one.kind == Kind::Expanded && one.letter.is_whitespace();
        let parts = letters.split(blank).filter(|part| !part.is_empty());
        words.extend(parts.map(word_of));
    }
    words
}

fn word_of(letters: &[Letter]) -> Word {
    Word {
        text: letters.iter().map(|one| one.letter).collect(),
        glob: letters
            .iter()
            .any(|one| one.kind != Kind::Quoted && matches!(one.letter, '*' | '?' | '[')),
    }
}

/// `a{b,c}d` becomes `abd` and `acd`; beyond bounds, what is not known.
fn braces(letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    let mut open = vec![letters];
    let mut done = Vec::new();
    while let Some(letters) = open.pop() {
        match first_brace(&letters) {
            None => done.push(letters),
            Some((from, commas, to)) => {
                let mut starts = vec![from];
                starts.extend(&commas);
                let mut ends = commas;
                ends.push(to);
                for (start, end) in starts.into_iter().zip(ends).rev() {
                    let mut one = letters[..from].to_vec();
                    one.extend(&letters[start + 1..end]);
                    one.extend(&letters[to + 1..]);
                    open.push(one);
                }
            }
        }
        if open.len() + done.len() > WORDS_MAX {
            let unknown = Letter {
                letter: UNKNOWN,
                kind: Kind::Expanded,
            };
            return vec![vec![unknown]];
        }
    }
    done
}

/// The first brace that expands: where it opens, its commas, and where it closes.
fn first_brace(letters: &[Letter]) -> Option<(usize, Vec<usize>, usize)> {
    let bare = |at: usize, letter| letters[at].kind == Kind::Bare && letters[at].letter == letter;
    'from: for from in (0..letters.len()).filter(|at| bare(*at, '{')).take(WORDS_MAX) {
        let (mut depth, mut commas) = (0_usize, Vec::new());
        for at in from..letters.len() {
            if bare(at, '{') {
                depth += 1;
            } else if bare(at, '}') {
                depth -= 1;
                match (depth, commas.is_empty()) {
                    (0, true) => continue 'from,
                    (0, false) => return Some((from, commas, at)),
                    _ => {}
                }
            } else if depth == 1 && bare(at, ',') {
                commas.push(at);
            }
        }
    }
    None
}

/// The text of a word outside of quotes: a backslash quotes what follows it.
pub(crate) fn push_bare(letters: &mut Vec<Letter>, text: &str) {
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(quoted) => letters.push(Letter {
                    letter: quoted,
                    kind: Kind::Quoted,
                }),
            },
            letter => letters.push(Letter {
                letter,
                kind: Kind::Bare,
            }),
        }
    }
}

/// Text within double quotes: a backslash quotes but five letters.
pub(crate) fn push_double(letters: &mut Vec<Letter>, text: &str) {
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        let next = rest.peek().copied();
        let letter = match (letter, next) {
            ('\\', Some('\n')) => {
                rest.next();
                continue;
            }
            ('\\', Some(quoted @ ('$' | '`' | '"' | '\\'))) => {
                rest.next();
                quoted
            }
            _ => letter,
        };
        letters.push(Letter {
            letter,
            kind: Kind::Quoted,
        });
    }
}

/// Text within `$'…'`, as C writes it.
pub(crate) fn push_ansi_c(letters: &mut Vec<Letter>, text: &str) {
    let mut rest = text.chars().peekable();
    let mut out = String::new();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let Some(escape) = rest.next() else { break };
        let (radix, digits_max) = match escape {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 2),
            _ => (0, 0),
        };
        if radix == 0 {
            let letter = match escape {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'e' | 'E' => '\u{1b}',
                'f' => '\u{c}',
                'v' => '\u{b}',
                'c' => {
                    rest.next();
                    UNKNOWN
                }
                quoted @ ('\\' | '\'' | '"' | '?') => quoted,
                other => {
                    out.push('\\');
                    other
                }
            };
            out.push(letter);
            continue;
        }
        let mut code = if radix == 8 {
            escape.to_digit(8).unwrap_or(0)
        } else {
            0
        };
        for _ in 0..digits_max {
            let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix)) else {
                break;
            };
            rest.next();
            code = code.wrapping_mul(radix).wrapping_add(digit);
        }
        out.push(char::from_u32(code).unwrap_or(UNKNOWN));
    }
    push(letters, &out, Kind::Quoted);
}

/// `dropAll:test-db` is `drop`, `all`, `test`, `db`.
pub(crate) fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before_small = false;
    for letter in name.chars() {
        let is_sign = matches!(letter, ':' | '-' | '_' | '.' | '/' | ' ');
        if is_sign || (letter.is_uppercase() && before_small) {
            parts.push(String::new());
        }
        before_small = letter.is_lowercase();
        if let Some(part) = parts.last_mut().filter(|_| !is_sign) {
            part.extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bare(text: &str) -> Vec<String> {
        let mut letters = Vec::new();
        push_bare(&mut letters, text);
        words_of(letters).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn braces_expand_as_in_bash() {
        assert_eq!(bare("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(bare("{rm,-rf,/}"), ["rm", "-rf", "/"]);
        assert_eq!(bare("{a,{b,c}}"), ["a", "b", "c"]);
        assert_eq!(bare("{}"), ["{}"]);
        assert_eq!(bare("{a"), ["{a"]);
        assert_eq!(bare("\\{a,b}"), ["{a,b}"]);
        assert_eq!(bare(&"{a,b}".repeat(30)), [UNKNOWN.to_string()]);
    }

    #[test]
    fn texts_in_c_are_read() {
        let mut letters = Vec::new();
        push_ansi_c(&mut letters, r"r\x6d\n\155\'\u0041");
        assert_eq!(word_of(&letters).text, "rm\nm'A");
    }
}

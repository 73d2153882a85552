//! One way of reading a text: its tokens, and what is open at each.

mod code;

use super::super::Language;

/// What has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// The text itself.
    File,
    /// `header`: of `if`, `while`, `for` and `with`, after which a statement begins.
    Paren {
        header: bool,
    },
    Bracket,
    Brace,
    /// `${` of a template and `{` of JSX.
    Hole,
    Template,
    /// From `<` to `>`.
    Tag(Tag),
    /// Between the tags of an element.
    Children,
    /// `<T>` within a tag.
    TypeArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Opening,
    Closing,
    SelfClosing,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    open: Open,
    /// `<` that may open type arguments.
    angles: usize,
    pending: usize,
}

/// What the token before says of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// An operand follows: `/` begins a regex, `<` an element.
    Operator,
    /// A name follows, whatever it is called.
    Dot,
    /// An operator follows: `/` divides, `<` compares.
    Operand,
    /// `}`, which ends a statement or an operand.
    Brace,
    /// An operator or an operand follows.
    Either,
}

/// The last word, as far as it tells what a parenthesis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Header,
    Other,
}

#[derive(Debug, Clone)]
pub(super) struct Reading<'t> {
    text: &'t str,
    jsx: bool,
    types: bool,
    at: usize,
    frames: Vec<Frame>,
    before: Before,
    word: Word,
    /// Whether a line ended since the last token.
    newline: bool,
    /// Whether an escape in a name is none: the parser goes on after it, from where we cannot tell.
    malformed: bool,
    /// Sums over the frames.
    angles: usize,
    pending: usize,
}

pub(super) enum Step<'t> {
    Went,
    /// The text ends here, or an error at which the parser stops.
    Ended,
    Malformed,
    /// The text can be read in another way too.
    Forked(Box<Reading<'t>>),
}

impl<'t> Reading<'t> {
    pub(super) fn new(language: Language, text: &'t str) -> Reading<'t> {
        let (jsx, types) = match language {
            Language::JavaScript => (true, false),
            Language::TypeScript => (false, true),
            Language::Tsx => (true, true),
            Language::Go | Language::Java | Language::Python | Language::Rust => (false, false),
            Language::Dockerfile
            | Language::Hcl
            | Language::Settings
            | Language::Shell
            | Language::Sql
            | Language::Yaml => (false, false),
        };
        let at = if text.starts_with("#!") {
            line_end(text, 0)
        } else {
            0
        };
        let file = Frame {
            open: Open::File,
            angles: 0,
            pending: 0,
        };
        Reading {
            text,
            jsx,
            types,
            at,
            frames: vec![file],
            before: Before::Operator,
            word: Word::Other,
            newline: true,
            malformed: false,
            angles: 0,
            pending: 0,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn open(&self) -> usize {
        self.frames.len() + self.angles
    }

    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Whether both readings go on in the same way from here.
    pub(super) fn agrees(&self, other: &Reading<'_>) -> bool {
        self.at == other.at
            && self.before == other.before
            && self.word == other.word
            && self.newline == other.newline
            && self.frames.len() == other.frames.len()
            && self
                .frames
                .iter()
                .zip(&other.frames)
                .rev()
                .all(|(a, b)| a.open == b.open)
    }

    /// Takes the higher counts of two readings that agree.
    pub(super) fn join(&mut self, other: &Reading<'_>) {
        for (frame, other) in self.frames.iter_mut().zip(&other.frames) {
            frame.angles = frame.angles.max(other.angles);
            frame.pending = frame.pending.max(other.pending);
        }
        self.angles = self.frames.iter().map(|frame| frame.angles).sum();
        self.pending = self.frames.iter().map(|frame| frame.pending).sum();
    }

    /// Reads one token.
    pub(super) fn step(&mut self) -> Step<'t> {
        let step = match self.top() {
            Open::Template => self.template().map(|()| Step::Went),
            Open::Tag(tag) => self.tag(tag).map(|()| Step::Went),
            Open::Children => self.children().map(|()| Step::Went),
            Open::File
            | Open::Paren { .. }
            | Open::Bracket
            | Open::Brace
            | Open::Hole
            | Open::TypeArguments => self.code(),
        };
        if self.malformed {
            return Step::Malformed;
        }
        step.unwrap_or(Step::Ended)
    }

    fn template(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let mut bytes = rest.bytes().enumerate();
        while let Some((index, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'`' => {
                    self.at += index + 1;
                    self.pop();
                    self.before = Before::Operand;
                    return Some(());
                }
                b'$' if rest.as_bytes().get(index + 1) == Some(&b'{') => {
                    self.at += index + 2;
                    self.push(Open::Hole);
                    return Some(());
                }
                _ => {}
            }
        }
        None
    }

    fn children(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let index = rest.find(['{', '<'])?;
        self.at += index;
        if rest.as_bytes()[index] == b'{' {
            self.at += 1;
            self.push(Open::Hole);
        } else {
            self.begin_tag();
        }
        Some(())
    }

    /// At the `<` of a tag.
    fn begin_tag(&mut self) {
        self.at += 1;
        self.blank();
        let closing = self.peek(0) == b'/';
        if closing {
            self.at += 1;
        }
        self.push(Open::Tag(if closing { Tag::Closing } else { Tag::Opening }));
        self.before = Before::Operand;
    }

    fn tag(&mut self, tag: Tag) -> Option<()> {
        self.blank();
        match self.text.as_bytes().get(self.at)? {
            quote @ (b'"' | b'\'') => {
                let rest = self.text.as_bytes().get(self.at + 1..)?;
                self.at += rest.iter().position(|byte| byte == quote)? + 2;
                self.before = Before::Operand;
            }
            b'{' => {
                self.at += 1;
                self.push(Open::Hole);
            }
            b'<' if self.before == Before::Operator => self.begin_tag(),
            b'<' => {
                self.at += 1;
                self.push(Open::TypeArguments);
            }
            b'/' => {
                self.at += 1;
                if tag == Tag::Opening
                    && let Some(frame) = self.frames.last_mut()
                {
                    frame.open = Open::Tag(Tag::SelfClosing);
                }
            }
            b'>' => {
                self.at += 1;
                self.end_tag(tag);
            }
            b'=' => {
                self.at += 1;
                self.before = Before::Operator;
            }
            _ => {
                self.at += self.text.get(self.at..)?.chars().next()?.len_utf8();
                self.before = Before::Operand;
            }
        }
        Some(())
    }

    fn end_tag(&mut self, tag: Tag) {
        match tag {
            Tag::Opening => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.open = Open::Children;
                }
            }
            Tag::SelfClosing => self.pop(),
            Tag::Closing => {
                self.pop();
                if self.top() == Open::Children {
                    self.pop();
                }
            }
        }
        self.before = Before::Operand;
    }

    /// White space and comments. Returns whether a line ends in them.
    fn blank(&mut self) -> bool {
        let text = self.text;
        let mut newline = false;
        while let Some(rest) = text.get(self.at..) {
            let length = match rest.as_bytes() {
                [b' ' | b'\t', ..] => 1,
                [b'/', b'/', ..] => line_end(rest, 0),
                [b'/', b'*', ..] => {
                    let length = rest
                        .get(2..)
                        .and_then(|rest| rest.find("*/"))
                        .map_or(rest.len(), |end| end + 4);
                    newline |= rest[..length].contains(is_line_end);
                    length
                }
                _ => match rest.chars().next() {
                    Some(character) if character.is_whitespace() || character == '\u{feff}' => {
                        newline |= is_line_end(character);
                        character.len_utf8()
                    }
                    Some(_) | None => return newline,
                },
            };
            self.at += length;
        }
        newline
    }

    /// The rest of a name, with its escapes.
    fn skip_word(&mut self) {
        let text = self.text;
        loop {
            let rest = text.get(self.at..).unwrap_or("");
            self.at += rest
                .find(|character: char| match u8::try_from(character) {
                    Ok(b'\\') => true,
                    Ok(byte) if byte.is_ascii() => !is_word(byte),
                    Ok(_) | Err(_) => character.is_whitespace() || character == '\u{feff}',
                })
                .unwrap_or(rest.len());
            if self.peek(0) != b'\\' {
                return;
            }
            match escape(&text[self.at..]) {
                Some(length) => self.at += length,
                None => {
                    self.malformed = true;
                    self.at += 1;
                }
            }
        }
    }

    fn add_pending(&mut self) {
        self.pending += 1;
        if let Some(frame) = self.frames.last_mut() {
            frame.pending += 1;
        }
    }

    /// Nothing of the innermost bracket is pending.
    fn reset(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            self.pending -= std::mem::take(&mut frame.pending);
            self.angles -= std::mem::take(&mut frame.angles);
        }
    }

    fn push(&mut self, open: Open) {
        self.frames.push(Frame {
            open,
            angles: 0,
            pending: 0,
        });
        self.before = Before::Operator;
    }

    fn pop(&mut self) {
        self.reset();
        if self.frames.len() > 1 {
            self.frames.pop();
        }
    }

    fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame {
            open: Open::File,
            angles: 0,
            pending: 0,
        })
    }

    fn top(&self) -> Open {
        self.frame().open
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts(&self, with: &str) -> bool {
        self.text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(with.as_bytes()))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'\\' | b'#') || byte >= 0x80
}

/// The length of `\u0061` or `\u{61}`.
fn escape(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\\u")?;
    let (digits, length) = match digits.strip_prefix('{') {
        Some(digits) => {
            let (digits, _) = digits.split_once('}')?;
            (digits, digits.len() + 4)
        }
        None => (digits.get(..4)?, 6),
    };
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    (!digits.starts_with('+')).then_some(length)
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn line_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or("");
    from + rest.find(is_line_end).unwrap_or(rest.len())
}

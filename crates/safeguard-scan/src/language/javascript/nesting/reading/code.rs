//! The tokens of a reading, outside of templates and JSX.

use super::{Before, Open, Reading, Step, Word, is_line_end, is_word, line_end};

impl<'t> Reading<'t> {
    pub(super) fn code(&mut self) -> Option<Step<'t>> {
        self.newline |= self.blank();
        let byte = *self.text.as_bytes().get(self.at)?;
        if is_word(byte) {
            let start = self.at;
            self.word_or_number(byte);
            return Some(self.escaped(start));
        }
        let word = std::mem::replace(&mut self.word, Word::Other);
        let newline = std::mem::replace(&mut self.newline, false);
        match byte {
            b'\'' | b'"' => {
                self.string(byte)?;
                self.before = Before::Operand;
            }
            b'`' => self.opening(Open::Template),
            b'(' => self.opening(Open::Paren {
                header: word == Word::Header,
            }),
            b'[' => self.opening(Open::Bracket),
            b'{' => self.opening(Open::Brace),
            b')' | b']' | b'}' => self.closing(byte),
            b'/' => return self.slash(),
            b'<' => return self.less(),
            b'-' if newline && self.starts("-->") => {
                // A comment of scripts, up to the end of the line.
                let other = self.forked(|it| it.at = line_end(it.text, it.at));
                self.operator(2, false);
                return Some(other);
            }
            _ => self.punctuation(byte, newline),
        }
        Some(Step::Went)
    }

    fn punctuation(&mut self, byte: u8, newline: bool) {
        let operand = self.before == Before::Operand;
        match byte {
            b'>' => self.greater(),
            b'=' if self.starts("=>") => self.operator(2, true),
            b'=' if self.starts("==") => self.operator(if self.starts("===") { 3 } else { 2 }, false),
            b'=' => self.operator(1, true),
            b'!' if self.starts("!=") => self.operator(if self.starts("!==") { 3 } else { 2 }, false),
            b'!' => {
                // TypeScript's `a!` ends an operand, or `!` begins one.
                let after = match self.before {
                    Before::Operand if self.types && !newline => Before::Operand,
                    Before::Operand | Before::Brace | Before::Either if self.types => Before::Either,
                    Before::Operand | Before::Brace | Before::Either | Before::Operator | Before::Dot => {
                        Before::Operator
                    }
                };
                self.operator(1, after != Before::Operand);
                self.before = after;
            }
            b'+' | b'-' if self.peek(1) == byte => {
                let after = match self.before {
                    // `a++` on one line ends an operand.
                    Before::Operand if !newline => Before::Operand,
                    Before::Operand | Before::Operator | Before::Dot => Before::Operator,
                    Before::Brace | Before::Either => Before::Either,
                };
                self.operator(2, after != Before::Operand);
                self.before = after;
            }
            b'+' | b'-' => self.operator(1, !operand),
            b'?' if self.starts("?.") && !self.peek(2).is_ascii_digit() => {
                self.operator(2, false);
                self.before = Before::Dot;
            }
            b'?' if self.starts("??") => self.operator(2, false),
            b'.' if self.starts("...") => self.operator(3, true),
            b'.' => {
                self.operator(1, false);
                self.before = Before::Dot;
            }
            b'*' if self.starts("**") => self.operator(2, true),
            b'~' | b'?' | b':' => self.operator(1, true),
            b',' => {
                if self.frame().angles == 0 {
                    self.reset();
                }
                self.operator(1, false);
            }
            b';' => {
                self.operator(1, false);
                self.newline = self.blank();
                if !self.starts("else") {
                    self.reset();
                }
            }
            _ => self.operator(1, false),
        }
    }

    fn word_or_number(&mut self, first: u8) {
        let start = self.at;
        let newline = std::mem::replace(&mut self.newline, false);
        if first.is_ascii_digit() {
            // The dot belongs to the number: what follows `1.` is no name.
            self.skip_word();
            if self.peek(0) == b'.' && !self.text[start..self.at].contains('.') {
                self.at += 1;
                self.skip_word();
            }
            self.boundary(newline, "0");
            self.word = Word::Other;
            self.before = Before::Operand;
            return;
        }
        self.skip_word();
        let text = self.text;
        let word = &text[start..self.at];
        self.boundary(newline, word);
        let for_await = word == "await" && self.word == Word::Header;
        self.word = Word::Other;
        if self.before == Before::Dot {
            self.before = Before::Operand;
            return;
        }
        if for_await || matches!(word, "if" | "while" | "for" | "with") {
            self.word = Word::Header;
        }
        if word == "case" {
            self.reset();
        }
        self.before = match word {
            "typeof" | "new" | "void" | "delete" | "if" | "while" | "for" | "with" | "do" | "class"
            | "extends" | "function" | "throw" => {
                self.add_pending();
                Before::Operator
            }
            "return" | "case" | "else" | "in" | "instanceof" | "default" | "break" | "continue"
            | "debugger" | "const" | "var" | "import" | "export" | "switch" | "catch" => Before::Operator,
            "await" | "yield" | "async" | "keyof" | "unique" | "readonly" | "infer" | "asserts" | "is"
            | "abstract" | "as" | "satisfies" | "of" | "out" => {
                self.add_pending();
                Before::Either
            }
            _ => Before::Operand,
        };
    }

    /// A word with an escape may be a keyword.
    fn escaped(&mut self, start: usize) -> Step<'t> {
        let word = self.text.get(start..self.at).unwrap_or("");
        if !word.contains('\\') {
            return Step::Went;
        }
        self.add_pending();
        self.before = Before::Either;
        self.forked(|it| it.word = Word::Header)
    }

    /// Whether a statement ends before a word, so that nothing of it is pending.
    fn boundary(&mut self, newline: bool, word: &str) {
        let goes_on = matches!(
            word,
            "else"
                | "while"
                | "catch"
                | "finally"
                | "in"
                | "of"
                | "instanceof"
                | "as"
                | "satisfies"
                | "extends"
                | "from"
                | "is"
                | "implements"
        );
        let ended = match self.before {
            Before::Brace => true,
            // A decorator is followed by what it decorates.
            Before::Operand => newline && !matches!(word, "class" | "abstract"),
            Before::Operator | Before::Dot | Before::Either => false,
        };
        if ended && !goes_on {
            self.reset();
        }
    }

    fn slash(&mut self) -> Option<Step<'t>> {
        match self.before {
            Before::Operand => {
                self.operator(1, false);
                Some(Step::Went)
            }
            Before::Operator | Before::Dot => {
                self.regex()?;
                Some(Step::Went)
            }
            Before::Brace | Before::Either => {
                let mut regex = self.clone();
                let is_regex = regex.regex().is_some();
                self.operator(1, false);
                Some(if is_regex {
                    Step::Forked(Box::new(regex))
                } else {
                    Step::Went
                })
            }
        }
    }

    fn less(&mut self) -> Option<Step<'t>> {
        if self.starts("<!--") {
            let other = self.forked(|it| it.at = line_end(it.text, it.at));
            self.angle();
            return Some(other);
        }
        if !self.jsx {
            self.angle();
            return Some(Step::Went);
        }
        match self.before {
            Before::Operand => self.angle(),
            Before::Operator | Before::Dot => match self.element() {
                Element::Certain => self.begin_tag(),
                Element::No => self.angle(),
                Element::Maybe => {
                    let other = self.forked(Reading::begin_tag);
                    self.angle();
                    return Some(other);
                }
            },
            Before::Brace | Before::Either => {
                let other = self.forked(Reading::begin_tag);
                self.angle();
                return Some(other);
            }
        }
        Some(Step::Went)
    }

    /// Whether `<`, where an operand is due, begins an element rather than type parameters.
    fn element(&self) -> Element {
        if !self.types {
            return Element::Certain;
        }
        let mut ahead = Reading {
            frames: Vec::new(),
            at: self.at + 1,
            ..*self
        };
        ahead.blank();
        let start = ahead.at;
        ahead.skip_word();
        let name = ahead.text.get(start..ahead.at).unwrap_or("");
        if name.is_empty() {
            return Element::Certain;
        }
        ahead.blank();
        match ahead.peek(0) {
            b',' | b'=' => Element::No,
            b'>' => {
                ahead.at += 1;
                ahead.blank();
                if ahead.peek(0) == b'(' {
                    Element::Maybe
                } else {
                    Element::Certain
                }
            }
            _ if name == "const" || name == "in" || name == "out" => Element::Maybe,
            _ if ahead.starts("extends") => Element::Maybe,
            _ => Element::Certain,
        }
    }

    /// `<` that compares, shifts, or opens type arguments.
    fn angle(&mut self) {
        let shift = self.starts("<<");
        // `<T>a` asserts the type of an operand that follows.
        let asserts = self.types && self.before != Before::Operand;
        self.operator(if shift { 2 } else { 1 }, asserts);
        if self.types {
            let angles = if shift { 2 } else { 1 };
            self.angles += angles;
            if let Some(frame) = self.frames.last_mut() {
                frame.angles += angles;
            }
        }
    }

    fn greater(&mut self) {
        self.operator(1, false);
        if self.frame().angles > 0 {
            self.angles -= 1;
            if let Some(frame) = self.frames.last_mut() {
                frame.angles -= 1;
            }
            self.before = Before::Either;
        } else if self.top() == Open::TypeArguments {
            self.pop();
            self.before = Before::Operand;
        }
    }

    fn opening(&mut self, open: Open) {
        self.at += 1;
        self.push(open);
        self.before = Before::Operator;
    }

    /// A closing bracket. One that does not fit is an error of the parser; here it closes nothing.
    fn closing(&mut self, byte: u8) {
        self.at += 1;
        let (fits, before) = match self.top() {
            Open::Paren { header: true } => (b')', Before::Operator),
            Open::Paren { header: false } => (b')', Before::Operand),
            Open::Bracket => (b']', Before::Operand),
            Open::Brace => (b'}', Before::Brace),
            Open::Hole => (b'}', Before::Operand),
            Open::File | Open::Template | Open::Tag(_) | Open::Children | Open::TypeArguments => {
                (0, Before::Either)
            }
        };
        self.before = before;
        if fits == byte {
            self.pop();
        }
    }

    /// Nothing where the string does not end on its line, at which the parser stops.
    fn string(&mut self, quote: u8) -> Option<()> {
        let mut bytes = self.text.as_bytes().get(self.at + 1..)?.iter().enumerate();
        while let Some((index, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    let escaped = bytes.next();
                    // A line break of two bytes is one.
                    if escaped.is_some_and(|(index, byte)| *byte == b'\r' && self.peek(index + 2) == b'\n') {
                        bytes.next();
                    }
                }
                b'\r' | b'\n' => return None,
                _ if *byte == quote => {
                    self.at += index + 2;
                    return Some(());
                }
                _ => {}
            }
        }
        None
    }

    /// Nothing where the regex does not end on its line, at which the parser stops.
    fn regex(&mut self) -> Option<()> {
        let mut class = false;
        let mut characters = self.text.get(self.at + 1..)?.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                _ if is_line_end(character) => return None,
                '\\' => {
                    let (_, escaped) = characters.next()?;
                    if is_line_end(escaped) {
                        return None;
                    }
                }
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    self.at += index + 2;
                    self.skip_word();
                    self.before = Before::Operand;
                    return Some(());
                }
                _ => {}
            }
        }
        None
    }

    fn forked(&self, differently: impl FnOnce(&mut Reading<'t>)) -> Step<'t> {
        let mut other = self.clone();
        differently(&mut other);
        Step::Forked(Box::new(other))
    }

    fn operator(&mut self, length: usize, pending: bool) {
        self.at += length;
        self.before = Before::Operator;
        if pending {
            self.add_pending();
        }
    }
}

/// Whether `<` begins an element of JSX.
enum Element {
    Certain,
    Maybe,
    No,
}

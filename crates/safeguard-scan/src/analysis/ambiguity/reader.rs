//! Reads a regular expression, or nothing where it has parts that are not understood.

use super::chars::Chars;
use super::{COPIES_MAX, DEPTH_MAX, Node, POSITIONS_MAX};

pub(super) struct Reader<'p> {
    pub(super) chars: &'p [char],
    pub(super) at: usize,
    /// How many parts look around so far.
    pub(super) looks: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, text: &str) -> bool {
        let fits = text
            .chars()
            .enumerate()
            .all(|(offset, char)| self.chars.get(self.at + offset) == Some(&char));
        if fits {
            self.at += text.chars().count();
        }
        fits
    }

    pub(super) fn alternatives(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut all = vec![self.sequence(depth)?];
        while self.take("|") {
            all.push(self.sequence(depth)?);
        }
        Some(if all.len() == 1 {
            all.remove(0)
        } else {
            Node::Alt(all)
        })
    }

    fn sequence(&mut self, depth: usize) -> Option<Node> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let before = self.looks;
            let atom = self.atom(depth)?;
            let repeated = self.quantified(atom, self.looks > before)?;
            parts.push(repeated);
        }
        Some(Node::Cat(parts))
    }

    fn atom(&mut self, depth: usize) -> Option<Node> {
        let next = self.peek()?;
        self.at += 1;
        let may_fail = Node::Chars(Chars::default());
        match next {
            '(' => {
                let zero_width = ["?=", "?!", "?<=", "?<!"].iter().any(|begin| self.take(begin));
                let named = !zero_width && (self.take("?P<") || self.take("?<"));
                if named {
                    while self.peek()? != '>' {
                        self.at += 1;
                    }
                    self.at += 1;
                } else if !zero_width && !self.take("?:") && self.peek() == Some('?') {
                    // Flags, atomic groups, conditions, references to groups.
                    return None;
                }
                self.looks += usize::from(zero_width);
                let inner = self.alternatives(depth + 1)?;
                if !self.take(")") {
                    return None;
                }
                Some(if zero_width { may_fail } else { inner })
            }
            '[' => self.class().map(Node::Chars),
            '.' => Some(Node::Chars(Chars::one('\n')?.or(Chars::one('\r')?).not())),
            '^' => Some(Node::Empty),
            '$' => Some(may_fail),
            '\\' => {
                let escaped = self.peek()?;
                if matches!(escaped, 'b' | 'B' | 'Z' | 'z') {
                    self.at += 1;
                    return Some(may_fail);
                }
                if escaped == 'A' {
                    self.at += 1;
                    return Some(Node::Empty);
                }
                if escaped.is_ascii_digit() && escaped != '0' || matches!(escaped, 'k' | 'p' | 'P') {
                    return None;
                }
                self.escaped().map(Node::Chars)
            }
            '*' | '+' | '?' => None,
            plain => Chars::one(plain).map(Node::Chars),
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Option<Chars> {
        let escaped = self.peek()?;
        self.at += 1;
        let digit = Chars::range('0', '9')?;
        let word = digit
            .or(Chars::range('a', 'z')?)
            .or(Chars::range('A', 'Z')?)
            .or(Chars::one('_')?);
        let space = Chars::range('\t', '\r')?.or(Chars::one(' ')?);
        match escaped {
            'd' => Some(digit),
            'D' => Some(digit.not()),
            'w' => Some(word),
            'W' => Some(word.not()),
            's' => Some(space),
            'S' => Some(space.not()),
            'n' => Chars::one('\n'),
            'r' => Chars::one('\r'),
            't' => Chars::one('\t'),
            'f' => Chars::one('\x0c'),
            'v' => Chars::one('\x0b'),
            '0' => Chars::one('\0'),
            'x' | 'u' => {
                let length = if escaped == 'x' { 2 } else { 4 };
                let digits: String = self.chars.get(self.at..self.at + length)?.iter().collect();
                self.at += length;
                Chars::one(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?)
            }
            other if other.is_ascii_alphanumeric() => None,
            other => Chars::one(other),
        }
    }

    fn class(&mut self) -> Option<Chars> {
        let negated = self.take("^");
        let mut chars = Chars::default();
        let mut first = true;
        loop {
            let next = self.peek()?;
            if next == ']' && !first {
                self.at += 1;
                break;
            }
            first = false;
            let from = self.class_char()?;
            let is_range =
                self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            match from {
                (chars_from, Some(from)) if is_range => {
                    self.at += 1;
                    let (_, to) = self.class_char()?;
                    let to = to?;
                    chars = chars.or(Chars::range(from, to)?).or(chars_from);
                }
                (set, _) => chars = chars.or(set),
            }
        }
        Some(if negated { chars.not() } else { chars })
    }

    /// One part of a class: what it stands for, and the character if it is one.
    fn class_char(&mut self) -> Option<(Chars, Option<char>)> {
        let next = self.peek()?;
        self.at += 1;
        if next != '\\' {
            return Some((Chars::one(next)?, Some(next)));
        }
        if self.peek() == Some('b') {
            self.at += 1;
            return Some((Chars::one('\x08')?, None));
        }
        let chars = self.escaped()?;
        let only = (!chars.others && chars.ascii.count_ones() == 1)
            .then(|| char::from_u32(chars.ascii.trailing_zeros()))
            .flatten();
        Some((chars, only))
    }

    /// `looks`: whether the atom looks around. Within a loop that may make ways exclude each other that seem not to.
    fn quantified(&mut self, atom: Node, looks: bool) -> Option<Node> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.limits() {
                Some(limits) => limits,
                None => return Some(atom),
            },
            _ => return Some(atom),
        };
        if matches!(self.peek(), Some('*' | '+' | '?'))
            && self.chars.get(self.at.wrapping_sub(1)) != Some(&'}')
        {
            self.at += 1;
        }
        if looks && most != Some(1) {
            return None;
        }
        // Lazy ones take the same ways in another order; possessive ones none again.
        if self.take("+") {
            return None;
        }
        let _lazy = self.take("?");
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return None;
        }
        Some(repeat(&atom, least, most))
    }

    /// `{2,5}`, and moves behind it.
    fn limits(&mut self) -> Option<(usize, Option<usize>)> {
        let rest = &self.chars[self.at + 1..];
        let end = rest.iter().take(12).position(|char| *char == '}')?;
        let text: String = rest[..end].iter().collect();
        let limits = match text.split_once(',') {
            None => {
                let times = text.parse().ok()?;
                (times, Some(times))
            }
            Some((least, "")) => (least.parse().ok()?, None),
            Some(("", most)) => (0, Some(most.parse().ok()?)),
            Some((least, most)) => (least.parse().ok()?, Some(most.parse().ok()?)),
        };
        self.at += end + 2;
        Some(limits)
    }
}

fn repeat(node: &Node, least: usize, most: Option<usize>) -> Node {
    let once = || Box::new(node.clone());
    match (least, most) {
        (0, None) => Node::Optional(Box::new(Node::Plus(once()))),
        (_, None) => Node::Plus(once()),
        (least, Some(most)) if most > COPIES_MAX && most > least => {
            let plus = Node::Plus(once());
            if least == 0 {
                Node::Optional(Box::new(plus))
            } else {
                plus
            }
        }
        (least, Some(most)) => {
            let mut node_at_end = Node::Empty;
            for _ in least..most.min(COPIES_MAX) {
                node_at_end = Node::Optional(Box::new(Node::Cat(vec![node.clone(), node_at_end])));
            }
            let mut parts = vec![node.clone(); least.min(POSITIONS_MAX)];
            parts.push(node_at_end);
            Node::Cat(parts)
        }
    }
}

//! A script within a file, and where each part of it stands there.

use std::ops::Range;

/// The text that a shell is given, put together from parts of a file.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub text: String,
    /// From where in the script on which place of the file goes on, one to one.
    places: Vec<(usize, usize)>,
    /// Parts of the script in whose place something else stands when it runs.
    pub holes: Vec<Range<usize>>,
}

impl Script {
    /// A file that is a script.
    pub fn whole(text: &str) -> Script {
        let mut script = Script::default();
        script.push(text, 0);
        script
    }

    /// Goes on with a part of the file, as it stands there.
    pub fn push(&mut self, text: &str, at: usize) {
        if !text.is_empty() {
            self.places.push((self.text.len(), at));
            self.text.push_str(text);
        }
    }

    /// Goes on with a value that the file writes in another way, such as a string with escapes.
    pub fn push_decoded(&mut self, value: &str, source: &str, at: usize) {
        let bytes = source.as_bytes();
        let mut next = 0;
        for letter in value.chars() {
            let same = |next: usize| source.get(next..).is_some_and(|rest| rest.starts_with(letter));
            let begin = next;
            while next < bytes.len()
                && !same(next)
                && (bytes[next].is_ascii_whitespace() || matches!(bytes[next], b'\\' | b'\'' | b'"'))
            {
                next += 1;
            }
            if !same(next) {
                next = begin;
            }
            self.places.push((self.text.len(), at + next));
            self.text.push(letter);
            if same(next) {
                next += letter.len_utf8();
            }
        }
    }

    /// Goes on with what something else stands for when it runs.
    pub fn push_hole(&mut self, text: &str, at: usize) {
        let begin = self.text.len();
        self.push(text, at);
        self.holes.push(begin..self.text.len());
    }

    /// Takes what stands between two marks for holes, unless it is one.
    pub fn find_holes(&mut self, open: &str, close: &str) {
        let mut at = 0;
        while let Some(begin) = self.text[at..].find(open).map(|found| at + found) {
            let Some(length) = self.text[begin..].find(close) else {
                return;
            };
            at = begin + length + close.len();
            self.holes.push(begin..at);
        }
    }

    /// Where in the file a place of the script is.
    pub fn at(&self, offset: usize) -> usize {
        let after = self.places.partition_point(|(from, _)| *from <= offset);
        match self.places.get(after.wrapping_sub(1)) {
            Some((from, place)) => place + (offset - from),
            None => self.places.first().map_or(0, |(_, place)| *place),
        }
    }

    /// Where in the file a part of the script is.
    pub fn span(&self, span: Range<usize>) -> Range<usize> {
        let start = self.at(span.start);
        let end = match span.end.checked_sub(1) {
            Some(last) if span.start < span.end => self.at(last) + 1,
            _ => start,
        };
        start..end.max(start)
    }

    pub fn hole_at(&self, offset: usize) -> Option<&Range<usize>> {
        self.holes.iter().find(|hole| hole.contains(&offset))
    }
}

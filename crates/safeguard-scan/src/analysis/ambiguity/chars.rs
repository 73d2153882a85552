//! Sets of characters.

/// ASCII characters as bits, and whether others fit too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Chars {
    pub(super) ascii: u128,
    pub(super) others: bool,
}

impl Chars {
    pub(super) fn one(char: char) -> Option<Chars> {
        char.is_ascii().then(|| Chars {
            ascii: 1 << (char as u32),
            others: false,
        })
    }

    pub(super) fn range(from: char, to: char) -> Option<Chars> {
        let mut chars = Chars::default();
        if !from.is_ascii() || !to.is_ascii() {
            return None;
        }
        for char in from..=to {
            chars.ascii |= 1 << (char as u32);
        }
        Some(chars)
    }

    pub(super) fn not(self) -> Chars {
        Chars {
            ascii: !self.ascii,
            others: !self.others,
        }
    }

    pub(super) fn or(self, other: Chars) -> Chars {
        Chars {
            ascii: self.ascii | other.ascii,
            others: self.others || other.others,
        }
    }

    pub(super) fn meets(self, other: Chars) -> bool {
        self.ascii & other.ascii != 0 || self.others && other.others
    }
}

//! What is decided about texts and names: facts are kept by the text, decisions are made anew each time.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardFinding};
use safeguard_guard::{Facts, Shape, decide, hash_shape, judge};

/// Longer texts are rarely sent twice.
const KEPT_TEXT_BYTES_MAX: usize = 4_096;
const KEPT_TEXTS_MAX: usize = 4_096;
/// A text that comes again has to come before about so many others.
const SEEN: usize = 4_096;

/// What counts at this moment: the policy, and whether a freeze holds production.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    pub policy: GuardPolicy,
    pub frozen: bool,
}

/// The strictest answer to everything that something may stand for.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub answer: GuardAnswer,
    /// What is said of a statement that is refused or measured.
    pub finding: Option<GuardFinding>,
}

pub fn strictest<'f>(
    candidates: impl IntoIterator<Item = &'f Arc<Facts>>,
    asker: Asker,
    policy: &GuardPolicy,
) -> Judgement {
    let mut strictest: Option<(GuardAnswer, &Facts)> = None;
    for facts in candidates {
        let answer = decide(facts, asker, policy).answer;
        if strictest.is_none_or(|(so_far, _)| so_far < answer) {
            strictest = Some((answer, facts));
        }
    }
    match strictest {
        Some((GuardAnswer::Allow, _)) | None => Judgement {
            answer: GuardAnswer::Allow,
            finding: None,
        },
        Some((answer, facts)) => {
            let decision = judge(facts, asker, policy);
            Judgement {
                answer,
                finding: decision.finding,
            }
        }
    }
}

/// Facts by their texts, for all sessions of a proxy. A text is kept when it comes again, be it with other numbers where they do not matter:
/// what has other literals in it mostly does not come, and would drive out what does.
pub struct FactsByText {
    /// With keys that nobody knows, so that nobody finds texts that go by one number.
    hashes: RandomState,
    kept: Mutex<Kept>,
}

/// Guards two generations: whatever is asked for is in the younger one, and the older is dropped when that is full.
struct Kept {
    young: Generation,
    old: Generation,
    /// The numbers of texts that came last, each in its place.
    seen: Box<[u64; SEEN]>,
}

/// By the number of the text without its numbers; where one is kept by it that the text does not fit, by the number of the text itself.
type Generation = HashMap<u64, (Shape, Arc<Facts>), BuildHasherDefault<Itself>>;

/// What is kept by a number.
#[derive(Debug)]
enum Known {
    Facts(Arc<Facts>),
    /// Of another text.
    Another,
    Nothing {
        /// Whether the text has come before.
        came: bool,
    },
}

/// A number that is a hash needs no other.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Default for FactsByText {
    fn default() -> Self {
        FactsByText {
            hashes: RandomState::new(),
            kept: Mutex::new(Kept {
                young: Generation::default(),
                old: Generation::default(),
                seen: Box::new([0; SEEN]),
            }),
        }
    }
}

impl FactsByText {
    pub fn read(&self, sql: &str) -> Arc<Facts> {
        if sql.len() > KEPT_TEXT_BYTES_MAX {
            return Arc::new(safeguard_guard::read(sql));
        }
        let mut hasher = self.hashes.build_hasher();
        hash_shape(sql, &mut hasher);
        let mut number = hasher.finish();
        let mut shape: fn(&str) -> Shape = Shape::of;
        let mut known = self.lock().find(number, sql);
        if let Known::Another = known {
            (number, shape) = (self.hashes.hash_one(sql), Shape::only);
            known = self.lock().find(number, sql);
        }
        let came = match known {
            Known::Facts(facts) => return facts,
            Known::Another => false,
            Known::Nothing { came } => came,
        };
        let facts = Arc::new(safeguard_guard::read(sql));
        if came {
            self.lock().keep(number, shape(sql), &facts);
        }
        facts
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&mut self, number: u64, sql: &str) -> Known {
        if let Some((shape, facts)) = self.young.get(&number) {
            return match shape.fits(sql) {
                true => Known::Facts(Arc::clone(facts)),
                false => Known::Another,
            };
        }
        if let Some((shape, facts)) = self.old.remove(&number) {
            let known = match shape.fits(sql) {
                true => Known::Facts(Arc::clone(&facts)),
                false => Known::Another,
            };
            self.young.insert(number, (shape, facts));
            return known;
        }
        let place = usize::try_from(number % SEEN as u64).unwrap_or_default();
        let came = self
            .seen
            .get_mut(place)
            .is_some_and(|seen| std::mem::replace(seen, number) == number);
        Known::Nothing { came }
    }

    fn keep(&mut self, number: u64, shape: Shape, facts: &Arc<Facts>) {
        if self.young.len() >= KEPT_TEXTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, (shape, Arc::clone(facts)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_again_is_kept_and_what_comes_once_does_not_drive_it_out() {
        let texts = FactsByText::default();
        let again = "SELECT abalance FROM accounts WHERE aid = $1";
        let first = texts.read(again);
        let second = texts.read(again);
        assert!(!Arc::ptr_eq(&first, &second), "it came once");
        for number in 0..3 * KEPT_TEXTS_MAX {
            texts.read(&format!("SELECT {number}"));
        }
        assert!(Arc::ptr_eq(&second, &texts.read(again)));
        assert!(texts.lock().young.len() < 100, "what came once is kept");
    }

    #[test]
    fn what_nobody_asks_for_is_driven_out_by_what_comes_again() {
        let texts = FactsByText::default();
        let twice = |sql: &str| (texts.read(sql), texts.read(sql)).1;
        let (asked, unasked) = (twice("SELECT asked"), twice("SELECT unasked"));
        for number in 0..3 * KEPT_TEXTS_MAX {
            twice(&format!("SELECT {number}"));
            if number % 1_000 == 0 {
                assert!(Arc::ptr_eq(&asked, &texts.read("SELECT asked")));
            }
        }
        assert!(!Arc::ptr_eq(&unasked, &texts.read("SELECT unasked")));
        let kept = texts.lock();
        assert!(kept.young.len() <= KEPT_TEXTS_MAX + 1 && kept.old.len() <= KEPT_TEXTS_MAX + 1);
    }

    #[test]
    fn texts_that_go_by_one_number_are_not_taken_for_each_other() {
        let texts = FactsByText::default();
        let facts = texts.read("SELECT 1");
        texts.lock().keep(7, Shape::of("SELECT 1"), &facts);
        let other = texts.lock().find(7, "DELETE FROM t");
        assert!(matches!(other, Known::Another), "{other:?}");
        let same = texts.lock().find(7, "SELECT 1");
        assert!(matches!(same, Known::Facts(_)), "{same:?}");
    }

    #[test]
    fn texts_with_other_numbers_have_the_same_facts_where_no_number_matters() {
        let texts = FactsByText::default();
        let read = |sql: &str| {
            let facts = texts.read(sql);
            assert_eq!(*facts, safeguard_guard::read(sql), "{sql}");
            facts
        };
        read("DELETE FROM t WHERE id = 11");
        let kept = read("DELETE FROM t WHERE id = 12");
        assert!(Arc::ptr_eq(&kept, &read("DELETE FROM t WHERE id = 77")));
        for sql in [
            "DELETE FROM t WHERE id = 5",
            "DELETE FROM t WHERE 11 = 12",
            "DELETE FROM t WHERE 11 = 11",
            "DELETE FROM t WHERE 11 = 12",
            "DELETE FROM t WHERE 11 = 11",
            "DELETE FROM t WHERE 12 = 12",
        ] {
            read(sql);
        }
    }
}

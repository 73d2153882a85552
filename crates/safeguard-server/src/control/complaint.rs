//! What goes wrong at every round is logged when it begins, and once a minute while it lasts.

use std::collections::HashMap;

const AGAIN_MS: u64 = 60_000;

#[derive(Default)]
pub(super) struct Complaints {
    /// By what complains: what it said last, and when that was logged, by the monotonic clock.
    logged: HashMap<&'static str, (String, u64)>,
}

impl Complaints {
    /// Whether to log it.
    pub fn is_new(&mut self, who: &'static str, text: &str, now_ms: u64) -> bool {
        let known = self
            .logged
            .get(who)
            .is_some_and(|(said, at)| said == text && now_ms.saturating_sub(*at) < AGAIN_MS);
        if !known {
            self.logged.insert(who, (text.to_owned(), now_ms));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_same_once_a_minute() {
        let mut complaints = Complaints::default();
        let mut said = |text, at_ms| complaints.is_new("router", text, at_ms);
        let lines = [
            said("full", 0),
            said("full", 100),
            said("late", 200),
            said("late", 300),
        ];
        assert_eq!(lines, [true, false, true, false]);
        assert_eq!([said("late", 60_199), said("late", 60_200)], [false, true]);
    }
}

//! What is known of a session's prepared statements and portals, by their names.
//!
//! A client sends on before it hears whether a name was taken. Until the server's reply says which it was, a name stands for
//! everything that it may stand for, and what is run under it is judged as all of that. Within one batch there is no doubt:
//! when the server does not take a name, it drops the rest of the batch.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use safeguard_guard::Facts;

/// What a name may stand for. It is handed from statement to portal to what is run, at every execution, and so is shared.
pub type Candidates = Arc<[Arc<Facts>]>;

/// SQL alone can prepare under one name again and again without a reply that tells which it was.
const CANDIDATES_MAX: usize = 16;

/// Room for so many proposals of a name is kept while there are none.
const PROPOSALS_KEPT: usize = 16;

#[derive(Default)]
struct Known {
    confirmed: Candidates,
    /// What SQL prepared under it: no reply of its own tells whether the server took it.
    added: Vec<Arc<Facts>>,
    /// In the order in which they were sent, each with its batch.
    pending: VecDeque<(u64, Candidates)>,
}

impl Known {
    fn forget(&mut self) {
        self.confirmed = Candidates::default();
        self.added.clear();
    }

    fn settle(&mut self) -> Option<Candidates> {
        let (_, candidates) = self.pending.pop_front()?;
        if self.pending.is_empty() {
            self.pending.shrink_to(PROPOSALS_KEPT);
        }
        Some(candidates)
    }
}

/// The names of one kind: statements, or portals.
pub struct Names {
    /// What the name without letters stands for, which most drivers give to all that they run once.
    unnamed: Known,
    /// All others.
    known: HashMap<Vec<u8>, Known>,
    /// The oldest first; some may be forgotten already.
    order: VecDeque<Vec<u8>>,
    names_max: usize,
    batch: u64,
}

impl Names {
    pub fn new(names_max: usize) -> Names {
        Names {
            unnamed: Known::default(),
            known: HashMap::new(),
            order: VecDeque::new(),
            names_max,
            batch: 0,
        }
    }

    /// Notes that a Sync was sent: what comes after it is read also if what came before failed.
    pub fn end_batch(&mut self) {
        self.batch += 1;
    }

    /// Notes that the server was asked to take a name.
    pub fn propose(&mut self, name: &[u8], candidates: Candidates) {
        let batch = self.batch;
        self.entry(name).pending.push_back((batch, candidates));
    }

    /// Notes that the server took the oldest proposal of a name.
    pub fn confirm(&mut self, name: &[u8]) {
        if let Some(known) = self.get_mut(name)
            && let Some(candidates) = known.settle()
        {
            known.confirmed = candidates;
        }
    }

    /// Notes that the server did not take the oldest proposal of a name.
    pub fn reject(&mut self, name: &[u8]) {
        if let Some(known) = self.get_mut(name) {
            known.settle();
        }
        self.drop_empty(name);
    }

    /// Notes that a name stands for nothing that was confirmed.
    pub fn forget(&mut self, name: &[u8]) {
        if let Some(known) = self.get_mut(name) {
            known.forget();
        }
        self.drop_empty(name);
    }

    /// Forgets what was confirmed, of all names; the one without letters is kept where it outlives the others.
    pub fn forget_all(&mut self, keeps_unnamed: bool) {
        if !keeps_unnamed {
            self.unnamed.forget();
        }
        if self.known.is_empty() {
            return;
        }
        self.known.retain(|_, known| {
            known.forget();
            !known.pending.is_empty()
        });
        self.order.retain(|name| self.known.contains_key(name));
    }

    /// Adds to what a name may stand for, without a reply that will tell.
    pub fn add(&mut self, name: &[u8], facts: &Arc<Facts>) {
        let added = &mut self.entry(name).added;
        if added.contains(facts) {
            return;
        }
        if added.len() < CANDIDATES_MAX {
            added.push(Arc::clone(facts));
        } else {
            let does = "was prepared under a name that stood for too many others before";
            *added = vec![Arc::new(Facts::not_understood(does))];
        }
    }

    /// Everything that a name may stand for; nothing for a name that is not known.
    pub fn candidates(&self, name: &[u8]) -> Candidates {
        let known = match name {
            [] => Some(&self.unnamed),
            _ => self.known.get(name),
        };
        let Some(known) = known else {
            return Candidates::default();
        };
        match known.pending.back() {
            Some((batch, candidates)) if *batch == self.batch => Arc::clone(candidates),
            None if known.added.is_empty() => Arc::clone(&known.confirmed),
            _ => {
                let pending = known.pending.iter().flat_map(|(_, candidates)| &**candidates);
                pending
                    .chain(&known.added)
                    .chain(&*known.confirmed)
                    .cloned()
                    .collect()
            }
        }
    }

    fn get_mut(&mut self, name: &[u8]) -> Option<&mut Known> {
        match name {
            [] => Some(&mut self.unnamed),
            _ => self.known.get_mut(name),
        }
    }

    fn entry(&mut self, name: &[u8]) -> &mut Known {
        if name.is_empty() {
            return &mut self.unnamed;
        }
        if !self.known.contains_key(name) {
            self.make_room();
            self.order.push_back(name.to_vec());
        }
        self.known.entry(name.to_vec()).or_default()
    }

    fn drop_empty(&mut self, name: &[u8]) {
        let is_empty =
            |known: &Known| known.confirmed.is_empty() && known.added.is_empty() && known.pending.is_empty();
        if self.known.get(name).is_some_and(is_empty) {
            self.known.remove(name);
            self.order.retain(|other| other != name);
        }
    }

    /// Forgets the oldest name that nothing is under way for. What is forgotten is refused when it is used.
    fn make_room(&mut self) {
        if self.known.len() < self.names_max {
            return;
        }
        let idle = |name: &Vec<u8>| self.known.get(name).is_none_or(|known| known.pending.is_empty());
        if let Some(at) = self.order.iter().position(idle)
            && let Some(name) = self.order.remove(at)
        {
            self.known.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sql: &str) -> Arc<Facts> {
        Arc::new(safeguard_guard::read(sql))
    }

    #[test]
    fn a_name_stands_for_everything_until_the_reply() {
        let (one, two) = (facts("SELECT 1"), facts("DELETE FROM t WHERE a = 1"));
        let mut names = Names::new(10);
        for name in [&b"s"[..], b""] {
            names.propose(name, [one.clone()].into());
            names.confirm(name);
            names.propose(name, [two.clone()].into());
            assert_eq!(
                *names.candidates(name),
                *std::slice::from_ref(&two),
                "the server takes it or drops the batch"
            );
            names.end_batch();
            assert_eq!(*names.candidates(name), [two.clone(), one.clone()]);
            names.reject(name);
            assert_eq!(*names.candidates(name), *std::slice::from_ref(&one));
            names.propose(name, [two.clone()].into());
            names.confirm(name);
            assert_eq!(*names.candidates(name), *std::slice::from_ref(&two));
            names.forget(name);
            assert!(names.candidates(name).is_empty());
        }
    }

    #[test]
    fn the_name_without_letters_is_forgotten_with_the_others_or_outlives_them() {
        let one = facts("SELECT 1");
        let mut names = Names::new(10);
        for name in [&b"s"[..], b""] {
            names.propose(name, [one.clone()].into());
            names.confirm(name);
        }
        names.add(b"", &facts("SELECT 2"));
        names.forget_all(true);
        let left = [&b"s"[..], b""].map(|name| names.candidates(name).len());
        assert_eq!(left, [0, 2]);
        names.forget_all(false);
        assert!(names.candidates(b"").is_empty());
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let one = facts("SELECT 1");
        let mut names = Names::new(2);
        for name in [b"a", b"b", b"c"] {
            names.propose(name, [one.clone()].into());
            names.confirm(name);
        }
        assert!(names.candidates(b"a").is_empty());
        assert_eq!(names.candidates(b"c").len(), 1);
    }
}

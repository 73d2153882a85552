//! The positions of a regular expression, what may follow each, and whether one doubles the ways.

use std::collections::BTreeMap;

use super::chars::Chars;
use super::{Node, POSITIONS_MAX, STEPS_MAX};

/// Where a part can begin and end, and whether it fits nothing at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    nullable: bool,
    first: Vec<usize>,
    last: Vec<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    chars: Vec<Chars>,
    /// In how many ways a position follows another.
    follow: BTreeMap<(usize, usize), u32>,
    next: Vec<Vec<usize>>,
}

impl Graph {
    pub(super) fn add(&mut self, node: &Node) -> Option<Ends> {
        Some(match node {
            Node::Empty => Ends {
                nullable: true,
                ..Ends::default()
            },
            Node::Chars(chars) => {
                let position = self.chars.len();
                if position >= POSITIONS_MAX {
                    return None;
                }
                self.chars.push(*chars);
                Ends {
                    nullable: false,
                    first: vec![position],
                    last: vec![position],
                }
            }
            Node::Cat(parts) => {
                let mut all = Ends {
                    nullable: true,
                    ..Ends::default()
                };
                for part in parts {
                    let ends = self.add(part)?;
                    self.connect(&all.last, &ends.first);
                    if all.nullable {
                        all.first.extend(&ends.first);
                    }
                    if !ends.nullable {
                        all.last.clear();
                    }
                    all.last.extend(&ends.last);
                    all.nullable &= ends.nullable;
                }
                all
            }
            Node::Alt(parts) => {
                let mut all = Ends::default();
                for part in parts {
                    let ends = self.add(part)?;
                    all.nullable |= ends.nullable;
                    all.first.extend(ends.first);
                    all.last.extend(ends.last);
                }
                all
            }
            Node::Optional(inner) => Ends {
                nullable: true,
                ..self.add(inner)?
            },
            Node::Plus(inner) => {
                let ends = self.add(inner)?;
                self.connect(&ends.last, &ends.first);
                ends
            }
        })
    }

    fn connect(&mut self, from: &[usize], to: &[usize]) {
        for one in from {
            for other in to {
                *self.follow.entry((*one, *other)).or_default() += 1;
            }
        }
    }

    pub(super) fn is_dangerous(&mut self, ends: &Ends) -> bool {
        self.next = vec![Vec::new(); self.chars.len()];
        for (from, to) in self.follow.keys() {
            self.next[*from].push(*to);
        }
        let mut steps = STEPS_MAX;
        (0..self.chars.len()).any(|position| self.doubles_at(position, ends, &mut steps))
    }

    /// Whether a position is come back to in two ways over the same text, without a place on the way where the pattern fits as it is.
    fn doubles_at(&self, position: usize, ends: &Ends, steps: &mut usize) -> bool {
        let size = self.chars.len();
        let forward = self.reach(position, steps);
        if !forward[position * size + position] {
            return false;
        }
        let accepts = |at: usize| ends.last.contains(&at);
        // Two edges between the same two positions, on a way back.
        let twice = self.follow.iter().any(|((from, to), ways)| {
            *ways > 1
                && *from == position
                && self.chars[*to].meets(self.chars[*to])
                && self.returns(*to, position)
        });
        if twice && !accepts(position) {
            return true;
        }
        if accepts(position) {
            return false;
        }
        // A pair of different positions on a way from the position and back to it.
        let different = (0..size).flat_map(|one| (0..one).map(move |other| (one, other)));
        for (one, other) in different {
            if forward[one * size + other]
                && !accepts(one)
                && !accepts(other)
                && self.pair_returns(one, other, position, steps)
            {
                return true;
            }
        }
        false
    }

    /// The pairs that can be come to from twice the same position over the same text, by at least one character.
    fn reach(&self, position: usize, steps: &mut usize) -> Vec<bool> {
        self.reach_from(position, position, steps)
    }

    fn reach_from(&self, one: usize, other: usize, steps: &mut usize) -> Vec<bool> {
        const CLEARED_PER_STEP: usize = 64;
        let size = self.chars.len();
        let mut seen = vec![false; size * size];
        *steps = steps.saturating_sub(size * size / CLEARED_PER_STEP);
        let mut waiting = vec![(one, other)];
        while let Some((one, other)) = waiting.pop() {
            for next_one in &self.next[one] {
                for next_other in &self.next[other] {
                    if *steps == 0 {
                        return vec![false; size * size];
                    }
                    *steps -= 1;
                    let at = next_one * size + next_other;
                    if !seen[at] && self.chars[*next_one].meets(self.chars[*next_other]) {
                        seen[at] = true;
                        waiting.push((*next_one, *next_other));
                    }
                }
            }
        }
        seen
    }

    fn pair_returns(&self, one: usize, other: usize, position: usize, steps: &mut usize) -> bool {
        self.reach_from(one, other, steps)[position * self.chars.len() + position]
    }

    fn returns(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.chars.len()];
        let mut waiting = vec![from];
        while let Some(at) = waiting.pop() {
            if at == to {
                return true;
            }
            for next in &self.next[at] {
                if !seen[*next] {
                    seen[*next] = true;
                    waiting.push(*next);
                }
            }
        }
        false
    }
}

//! Of the mutants of a function, those whose survival would say the most.

use crate::mutant::Mutant;

/// More of one function are not looked through.
const LOOKED_AT_MAX: usize = 400;

/// At most `most` of the mutants: by what they break, and not all on one line. `line` tells where one is.
pub fn choose(mut all: Vec<Mutant>, most: usize, line: impl Fn(&Mutant) -> usize) -> Vec<Mutant> {
    if all.len() <= most {
        return all;
    }
    all.sort_by_key(|mutant| (mutant.operator.rank(), mutant.span.start));
    all.truncate(LOOKED_AT_MAX);
    let mut chosen: Vec<Mutant> = Vec::new();
    while chosen.len() < most && !all.is_empty() {
        let on_line =
            |mutant: &Mutant| chosen.iter().filter(|other| line(other) == line(mutant)).count() as u32;
        let best = all
            .iter()
            .enumerate()
            .min_by_key(|(_, mutant)| (mutant.operator.rank() + 3 * on_line(mutant), mutant.span.start))
            .map_or(0, |(at, _)| at);
        chosen.push(all.remove(best));
    }
    chosen
}

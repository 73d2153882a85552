//! In which order tables get their rows back: what others refer to first, and what refers to each other at once.

use std::collections::BTreeSet;

/// Groups of tables, by number, each after the groups that it refers to. `refers` has (child, parent).
///
/// Tables that refer to each other in a circle are one group, which one statement fills: foreign keys are checked at its end.
pub fn groups(tables: usize, refers: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let reach: Vec<BTreeSet<usize>> = (0..tables).map(|from| reached(from, refers)).collect();
    let mut placed = vec![false; tables];
    let mut groups = Vec::new();
    while let Some(next) = (0..tables).find(|&table| {
        let ready = |parent: &usize| placed[*parent] || reach[*parent].contains(&table) || *parent == table;
        !placed[table] && reach[table].iter().all(ready)
    }) {
        let group: Vec<usize> = (0..tables)
            .filter(|&other| other == next || reach[next].contains(&other) && reach[other].contains(&next))
            .collect();
        for &table in &group {
            placed[table] = true;
        }
        groups.push(group);
    }
    groups
}

fn reached(from: usize, refers: &[(usize, usize)]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut to_do = vec![from];
    while let Some(table) = to_do.pop() {
        for &(child, parent) in refers {
            if child == table && seen.insert(parent) {
                to_do.push(parent);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn parents_come_first_and_circles_together() {
        assert_eq!(groups(3, &[(0, 1), (1, 2)]), [vec![2], vec![1], vec![0]]);
        assert_eq!(groups(2, &[(0, 0)]), [vec![0], vec![1]]);
        assert_eq!(
            groups(4, &[(0, 1), (1, 2), (2, 1), (1, 3)]),
            [vec![3], vec![1, 2], vec![0]]
        );
        assert!(groups(0, &[]).is_empty());
    }
}

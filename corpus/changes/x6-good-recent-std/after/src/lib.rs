use std::collections::HashSet;
use std::iter::repeat_n;
use std::sync::LazyLock;

/// People who are shown by their role only.
static ANONYMOUS: LazyLock<HashSet<&str>> = LazyLock::new(|| HashSet::from(["temp", "agency"]));

/// A shift, in minutes after midnight.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    pub person: String,
    pub from: u16,
    pub to: u16,
}

pub fn minutes(shifts: &[Shift]) -> u32 {
    shifts.iter().map(|s| u32::from(s.to - s.from)).sum()
}

/// One line for each run of shifts of the same person: a bar of an hour per
/// sign. `only` narrows it to one person.
pub fn chart(shifts: &[Shift], only: Option<&str>) -> Vec<String> {
    shifts
        .chunk_by(|a, b| a.person == b.person)
        .filter(|run| only.is_none_or(|person| run[0].person == person))
        .map(|run| {
            let hours = (minutes(run) / 60) as usize;
            let bar: String = repeat_n('#', hours).collect();
            format!("{} {bar}", label(&run[0].person))
        })
        .collect()
}

fn label(person: &str) -> &str {
    if ANONYMOUS.contains(person) {
        "(agency)"
    } else {
        person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(person: &str, from: u16, to: u16) -> Shift {
        Shift {
            person: person.into(),
            from,
            to,
        }
    }

    #[test]
    fn groups_neighbours() {
        let shifts = [
            shift("ada", 480, 600),
            shift("ada", 660, 720),
            shift("temp", 480, 540),
        ];
        assert_eq!(chart(&shifts, None), ["ada ###", "(agency) #"]);
        assert_eq!(chart(&shifts, Some("ada")), ["ada ###"]);
    }
}

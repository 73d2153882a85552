//! What a pipeline came to through the proxy, held against what it came to past it.

#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    Alike,
    NotCovered,
    Otherwise,
}

/// Holds what was heard through the proxy against what was heard past it, up to each time that the server was ready.
///
/// In a transaction that has failed, which reason for failing again is told makes no difference. PostgreSQL keeps there what is
/// no portal for the proxy: one whose Bind failed, which answers as if it were empty. Where such a one is run, the rest of its batch is another story.
pub fn compared(found: &[String], expected: &[String]) -> Compared {
    let plain = |part: &str| {
        part.replace("E:42601", "E:42501")
            .replace("E:25P02", "E:26000")
            .replace("E:34000", "E:26000")
            .replace("E:22012", "E:53400")
            .replace("E:08P01", "E:42501")
            .replace("E:42P02", "E:42501")
    };
    let without_codes = |part: &str| {
        let words = part
            .split(' ')
            .map(|word| if word.starts_with("E:") { "E" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    let fails = |part: &str| part.ends_with("Z:E");
    let mut failed = false;
    for (one, other) in found.iter().zip(expected) {
        if plain(one) != plain(other) {
            if !(failed && fails(one) && fails(other)) {
                return Compared::Otherwise;
            }
            if without_codes(one) != without_codes(other) {
                return Compared::NotCovered;
            }
        }
        failed = fails(one);
    }
    match found.len() == expected.len() {
        true => Compared::Alike,
        false => Compared::Otherwise,
    }
}

#[test]
fn only_in_a_failed_transaction_another_reason_makes_no_difference() {
    let parts = |heard: &str| heard.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let of = |found: &str, expected: &str| compared(&parts(found), &parts(expected));
    assert_eq!(of("E:42501 Z:I\nZ:I", "E:42601 Z:I\nZ:I"), Compared::Alike);
    assert_eq!(
        of("E:3B001 Z:E\nE:26000 Z:E", "E:3B001 Z:E\nE:55000 Z:E"),
        Compared::Alike
    );
    assert_eq!(
        of("E:3B001 Z:E\nE:26000 Z:E", "E:3B001 Z:E\nI 1 E:25P02 Z:E"),
        Compared::NotCovered
    );
    assert_eq!(of("Z:T\nE:26000 Z:E", "Z:T\nE:55000 Z:E"), Compared::Otherwise);
    assert_eq!(
        of("E:3B001 Z:E\nE:26000 Z:E", "E:3B001 Z:E\nC:ROLLBACK Z:I"),
        Compared::Otherwise
    );
    assert_eq!(of("Z:I", "Z:I\nZ:I"), Compared::Otherwise);
}

//! Texts with holes: `{int:1:9}`, `{pick:a|b}`, `{user}` and what an earlier step kept.

use std::collections::BTreeMap;

use rand::RngExt;

/// Fills the holes; none when a step that should have kept something did not. Braces of JSON are no holes.
pub fn fill(text: &str, kept: &BTreeMap<String, String>, chance: &mut impl RngExt) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        match hole(from) {
            Some((inside, after)) => {
                filled.push_str(&value(inside, kept, chance)?);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    Some(filled)
}

/// What is within `{…}` and what follows, if a name begins right after the brace.
fn hole(from: &str) -> Option<(&str, &str)> {
    let (inside, after) = from.strip_prefix('{')?.split_once('}')?;
    let name = inside.split(':').next()?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some((inside, after))
}

fn value(inside: &str, kept: &BTreeMap<String, String>, chance: &mut impl RngExt) -> Option<String> {
    match inside.split_once(':') {
        None => kept.get(inside).cloned(),
        Some(("int", bounds)) => {
            let (least, most) = bounds.split_once(':')?;
            let (least, most): (i64, i64) = (least.parse().ok()?, most.parse().ok()?);
            Some(chance.random_range(least..=most.max(least)).to_string())
        }
        Some(("pick", words)) => {
            let words: Vec<&str> = words.split('|').collect();
            Some(words[chance.random_range(0..words.len())].to_owned())
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn filled(text: &str) -> Option<String> {
        let kept = BTreeMap::from([("order".to_owned(), "17".to_owned())]);
        fill(text, &kept, &mut rand_chacha::ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn holes_are_filled_and_json_is_left_alone() {
        assert_eq!(
            filled(r#"{"lines":[{"sku":"p{int:7:7}","of":{order}}]}"#).unwrap(),
            r#"{"lines":[{"sku":"p7","of":17}]}"#
        );
        assert_eq!(filled("/orders/{order}/pay").unwrap(), "/orders/17/pay");
        assert_eq!(filled("{pick:%25}").unwrap(), "%25");
    }

    #[test]
    fn what_nobody_kept_leaves_no_text() {
        assert_eq!(filled("/orders/{document}"), None);
        assert_eq!(filled("{guess:1}"), None);
    }
}

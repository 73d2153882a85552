//! CBOR, as far as authenticators write it: whole numbers, bytes, texts, lists and maps of definite length.

const DEPTH_MAX: usize = 8;
const ITEMS_MAX: u64 = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    pub fn get_text(&self, key: &str) -> Option<&Value> {
        self.get(|one| one.as_text() == Some(key))
    }

    pub fn get_number(&self, key: i64) -> Option<&Value> {
        self.get(|one| one.as_number() == Some(key))
    }

    fn get(&self, wanted: impl Fn(&Value) -> bool) -> Option<&Value> {
        match self {
            Value::Map(pairs) => pairs.iter().find(|(key, _)| wanted(key)).map(|(_, value)| value),
            Value::Number(_) | Value::Bytes(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn as_number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Bytes(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Reads one value that is all there is.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    read_first(bytes)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(value, _)| value)
}

/// Reads the first value and returns what follows it.
pub(super) fn read_first(bytes: &[u8]) -> Option<(Value, &[u8])> {
    value(bytes, DEPTH_MAX)
}

fn value(bytes: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let (head, rest) = bytes.split_first()?;
    let (argument, rest) = argument(head & 0x1f, rest)?;
    match head >> 5 {
        0 => Some((Value::Number(i64::try_from(argument).ok()?), rest)),
        1 => Some((Value::Number(-1 - i64::try_from(argument).ok()?), rest)),
        2 => {
            let (bytes, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            Some((Value::Bytes(bytes.to_vec()), rest))
        }
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            Some((Value::Text(std::str::from_utf8(text).ok()?.to_owned()), rest))
        }
        4 if argument <= ITEMS_MAX => {
            let (mut items, mut rest) = (Vec::new(), rest);
            for _ in 0..argument {
                let (item, after) = value(rest, depth)?;
                items.push(item);
                rest = after;
            }
            Some((Value::List(items), rest))
        }
        5 if argument <= ITEMS_MAX => {
            let (mut pairs, mut rest) = (Vec::new(), rest);
            for _ in 0..argument {
                let (key, after) = value(rest, depth)?;
                let (item, after) = value(after, depth)?;
                if pairs.iter().any(|(known, _)| *known == key) {
                    return None;
                }
                pairs.push((key, item));
                rest = after;
            }
            Some((Value::Map(pairs), rest))
        }
        _ => None,
    }
}

fn argument(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(length)?;
    let number = bytes
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_to_their_end() {
        let map = read(&[0xa2, 0x01, 0x26, 0x63, b'f', b'm', b't', 0x82, 0x41, 7, 0x18, 200]).unwrap();
        assert_eq!(map.get_number(1).and_then(Value::as_number), Some(-7));
        assert_eq!(
            map.get_text("fmt"),
            Some(&Value::List(vec![Value::Bytes(vec![7]), Value::Number(200)]))
        );
    }

    #[test]
    fn what_is_cut_short_too_deep_or_double_is_nothing() {
        for wrong in [
            &[][..],
            &[0x42, 1],
            &[0x01, 0x01],
            &[0xa2, 0x01, 0x01, 0x01, 0x02],
            &[0x5f],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x81; 20],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}

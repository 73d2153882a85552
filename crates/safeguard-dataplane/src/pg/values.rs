//! The values of a Bind, as a person reads them who is asked to approve the statement.
//!
//! What came as text is shown as it came. What came in the binary format is read by its type, as the server told it; a value
//! of a type that is not known here, or that is not wholly what its type asks for, is not shown, and then nothing can be
//! approved.

use safeguard_api::statement::{BOUND_VALUES_MAX, BoundValue};

use super::frame::{columns, take, take_u32};

/// Of a number, groups of four digits before the point and after it.
const NUMERIC_GROUPS_MAX: usize = 64;
/// From 1970-01-01 to 2000-01-01, which PostgreSQL counts from.
const EPOCH_DAYS: i64 = 10_957;
const DAY_US: i64 = 86_400_000_000;

/// The types of a statement's parameters from the server's answer; none when it is not one.
pub fn types(mut body: &[u8]) -> Option<Vec<u32>> {
    let count = u16::from_be_bytes(*take::<2>(&mut body)?);
    let types: Option<Vec<u32>> = (0..count).map(|_| take_u32(&mut body)).collect();
    types.filter(|_| body.is_empty())
}

/// Reads the values of a Bind, with the formats before them; none when one of them can not be shown in full.
pub fn read(mut values: &[u8], types: &[u32]) -> Option<Vec<BoundValue>> {
    let formats = u16::from_be_bytes(*take::<2>(&mut values)?);
    let formats: Option<Vec<u16>> = (0..formats)
        .map(|_| take::<2>(&mut values).map(|two| u16::from_be_bytes(*two)))
        .collect();
    let formats = formats?;
    // A row has the same form as the values.
    let values = columns(values)?;
    let fits = values.len() == types.len() && (formats.len() < 2 || formats.len() == values.len());
    if !fits || values.len() > BOUND_VALUES_MAX {
        return None;
    }
    let format = |at: usize| match formats.as_slice() {
        [] => 0,
        [all] => *all,
        each => each.get(at).copied().unwrap_or(u16::MAX),
    };
    let shown = values.iter().zip(types).enumerate();
    shown
        .map(|(at, (value, &number))| {
            let known = Type::of(number);
            let type_name = match known {
                Some(known) => known.name.to_owned(),
                None => format!("type {number}"),
            };
            let (text, binary) = match (value, format(at)) {
                (None, 0 | 1) => (None, None),
                (Some(value), 0) => (Some(std::str::from_utf8(value).ok()?.to_owned()), None),
                (Some(value), 1) => (Some(known?.shown(value)?), Some(hexadecimal(value))),
                (_, _) => return None,
            };
            Some(BoundValue {
                type_name,
                text,
                binary,
            })
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Form {
    Bool,
    /// Of so many bytes.
    Whole(usize),
    Unsigned,
    Float(usize),
    Text,
    /// A byte that says the version, and the text.
    Jsonb,
    Bytes,
    Uuid,
    Date,
    Time,
    /// With `Z` where it is a moment.
    Timestamp {
        zone: bool,
    },
    Interval,
    Numeric,
    /// Of the type with this number.
    Array(u32),
}

#[derive(Clone, Copy)]
struct Type {
    number: u32,
    name: &'static str,
    form: Form,
}

const fn of(number: u32, name: &'static str, form: Form) -> Type {
    Type { number, name, form }
}

/// PostgreSQL's own numbers, which are the same in all of its versions.
const TYPES: &[Type] = &[
    of(16, "bool", Form::Bool),
    of(17, "bytea", Form::Bytes),
    of(19, "name", Form::Text),
    of(20, "int8", Form::Whole(8)),
    of(21, "int2", Form::Whole(2)),
    of(23, "int4", Form::Whole(4)),
    of(25, "text", Form::Text),
    of(26, "oid", Form::Unsigned),
    of(114, "json", Form::Text),
    of(700, "float4", Form::Float(4)),
    of(701, "float8", Form::Float(8)),
    of(1000, "bool[]", Form::Array(16)),
    of(1001, "bytea[]", Form::Array(17)),
    of(1005, "int2[]", Form::Array(21)),
    of(1007, "int4[]", Form::Array(23)),
    of(1009, "text[]", Form::Array(25)),
    of(1015, "varchar[]", Form::Array(1043)),
    of(1016, "int8[]", Form::Array(20)),
    of(1021, "float4[]", Form::Array(700)),
    of(1022, "float8[]", Form::Array(701)),
    of(1042, "bpchar", Form::Text),
    of(1043, "varchar", Form::Text),
    of(1082, "date", Form::Date),
    of(1083, "time", Form::Time),
    of(1114, "timestamp", Form::Timestamp { zone: false }),
    of(1115, "timestamp[]", Form::Array(1114)),
    of(1182, "date[]", Form::Array(1082)),
    of(1184, "timestamptz", Form::Timestamp { zone: true }),
    of(1185, "timestamptz[]", Form::Array(1184)),
    of(1186, "interval", Form::Interval),
    of(1231, "numeric[]", Form::Array(1700)),
    of(1700, "numeric", Form::Numeric),
    of(2950, "uuid", Form::Uuid),
    of(2951, "uuid[]", Form::Array(2950)),
    of(3802, "jsonb", Form::Jsonb),
];

impl Type {
    fn of(number: u32) -> Option<&'static Type> {
        TYPES.iter().find(|known| known.number == number)
    }

    /// A value in the binary format; none when it is none of this type.
    fn shown(&self, value: &[u8]) -> Option<String> {
        let utf8 = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
        match self.form {
            Form::Bool => match value {
                [0] => Some("false".to_owned()),
                [1] => Some("true".to_owned()),
                _ => None,
            },
            Form::Whole(bytes) if bytes != value.len() => None,
            Form::Whole(_) => whole(value),
            Form::Unsigned => Some(u32::from_be_bytes(value.try_into().ok()?).to_string()),
            Form::Float(bytes) if bytes != value.len() => None,
            Form::Float(4) => Some(format!("{:?}", f32::from_be_bytes(value.try_into().ok()?))),
            Form::Float(_) => Some(format!("{:?}", f64::from_be_bytes(value.try_into().ok()?))),
            Form::Text => utf8(value),
            Form::Jsonb => value.strip_prefix(&[1]).and_then(utf8),
            Form::Bytes => Some(format!("\\x{}", hexadecimal(value))),
            Form::Uuid => uuid(value),
            Form::Date => {
                let days = i32::from_be_bytes(value.try_into().ok()?);
                Some(match days {
                    i32::MAX => "infinity".to_owned(),
                    i32::MIN => "-infinity".to_owned(),
                    days => date(i64::from(days)),
                })
            }
            Form::Time => {
                let us = i64::from_be_bytes(value.try_into().ok()?);
                (0..=DAY_US).contains(&us).then(|| time(us))
            }
            Form::Timestamp { zone } => {
                let us = i64::from_be_bytes(value.try_into().ok()?);
                Some(match us {
                    i64::MAX => "infinity".to_owned(),
                    i64::MIN => "-infinity".to_owned(),
                    us => {
                        let (day, us) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
                        format!("{} {}{}", date(day), time(us), if zone { "Z" } else { "" })
                    }
                })
            }
            Form::Interval => interval(value),
            Form::Numeric => numeric(value),
            Form::Array(of) => array(value, of),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn whole(value: &[u8]) -> Option<String> {
    let (&first, rest) = value.split_first()?;
    let first = i64::from(first.cast_signed());
    let number = rest
        .iter()
        .fold(first, |number, &byte| number << 8 | i64::from(byte));
    Some(number.to_string())
}

fn uuid(value: &[u8]) -> Option<String> {
    let number = u128::from_be_bytes(value.try_into().ok()?);
    let hex = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    Some(parts.join("-"))
}

/// So many days after 2000-01-01, by the Gregorian calendar.
fn date(days: i64) -> String {
    // Years begin in March here, so that the day that some have more is their last.
    let days = days + EPOCH_DAYS + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let calendar_month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(calendar_month <= 2);
    // There is no year 0: the year before 1 is 1 BC.
    match year {
        1.. => format!("{year:04}-{calendar_month:02}-{day_of_month:02}"),
        _ => format!("{:04}-{calendar_month:02}-{day_of_month:02} BC", 1 - year),
    }
}

fn time(us: i64) -> String {
    let seconds = us / 1_000_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let fraction = match us % 1_000_000 {
        0 => String::new(),
        us => format!(".{us:06}"),
    };
    format!("{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
}

fn interval(mut value: &[u8]) -> Option<String> {
    let us = i64::from_be_bytes(*take::<8>(&mut value)?);
    let days = i32::from_be_bytes(*take::<4>(&mut value)?);
    let months = i32::from_be_bytes(*take::<4>(&mut value)?);
    value
        .is_empty()
        .then(|| format!("{months} months {days} days {us} microseconds"))
}

fn numeric(mut value: &[u8]) -> Option<String> {
    let groups = usize::from(u16::from_be_bytes(*take::<2>(&mut value)?));
    let weight = i16::from_be_bytes(*take::<2>(&mut value)?);
    let sign = u16::from_be_bytes(*take::<2>(&mut value)?);
    let places = usize::from(u16::from_be_bytes(*take::<2>(&mut value)?));
    let digits: Option<Vec<u16>> = (0..groups)
        .map(|_| take::<2>(&mut value).map(|two| u16::from_be_bytes(*two)))
        .collect();
    let digits = digits.filter(|digits| value.is_empty() && digits.iter().all(|group| *group < 10_000))?;
    let sign = match (sign, groups) {
        (0x0000, _) => "",
        (0x4000, _) => "-",
        (0xc000, 0) => return Some("NaN".to_owned()),
        (0xd000, 0) => return Some("Infinity".to_owned()),
        (0xf000, 0) => return Some("-Infinity".to_owned()),
        (_, _) => return None,
    };
    let before = usize::try_from(i32::from(weight) + 1).unwrap_or(0);
    let skipped = usize::try_from(-(i32::from(weight) + 1)).unwrap_or(0);
    let after = places.div_ceil(4);
    if before > NUMERIC_GROUPS_MAX || after > NUMERIC_GROUPS_MAX || groups > before + after {
        return None;
    }
    let group = |at: usize| digits.get(at).copied().unwrap_or(0);
    let whole: String = (0..before).map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    let fraction: String = (0..after)
        .map(|at| match at.checked_sub(skipped) {
            Some(at) => format!("{:04}", group(before + at)),
            None => "0000".to_owned(),
        })
        .collect();
    let fraction = fraction.get(..places)?;
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match places {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

/// An array of one dimension that counts from 1, as others are not shown.
fn array(mut value: &[u8], of: u32) -> Option<String> {
    let element = Type::of(of)?;
    let dimensions = take_u32(&mut value)?;
    let _has_null = take_u32(&mut value)?;
    let is_of = take_u32(&mut value)? == of;
    if dimensions == 0 {
        return (is_of && value.is_empty()).then(|| "{}".to_owned());
    }
    let count = take_u32(&mut value)?;
    let counts_from = take_u32(&mut value)?;
    if !is_of || dimensions != 1 || counts_from != 1 {
        return None;
    }
    let mut elements = Vec::new();
    for _ in 0..count {
        let length = take_u32(&mut value)?.cast_signed();
        elements.push(match usize::try_from(length) {
            Err(_) if length == -1 => "NULL".to_owned(),
            Err(_) => return None,
            Ok(length) => {
                let (one, rest) = value.split_at_checked(length)?;
                value = rest;
                let shown = element.shown(one)?;
                match element.form {
                    Form::Text => format!("{shown:?}"),
                    _ => shown,
                }
            }
        });
    }
    value.is_empty().then(|| format!("{{{}}}", elements.join(",")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn shown(name: &str, value: &[u8]) -> Option<String> {
        TYPES
            .iter()
            .find(|known| known.name == name)
            .unwrap()
            .shown(value)
    }

    fn numeric_of(digits: &[u16], weight: i16, sign: u16, places: u16) -> Option<String> {
        let mut value = u16::try_from(digits.len()).unwrap().to_be_bytes().to_vec();
        value.extend(weight.to_be_bytes());
        for part in [sign, places].iter().chain(digits) {
            value.extend(part.to_be_bytes());
        }
        shown("numeric", &value)
    }

    #[test]
    fn numbers_are_shown_with_all_their_digits() {
        let of = |digits: &[u16], weight, sign, places| numeric_of(digits, weight, sign, places).unwrap();
        assert_eq!(of(&[], 0, 0, 0), "0");
        assert_eq!(of(&[7], 0, 0, 0), "7");
        assert_eq!(of(&[1, 2345, 6780], 1, 0x4000, 3), "-12345.678");
        assert_eq!(of(&[5], -1, 0, 4), "0.0005");
        assert_eq!(of(&[5], -2, 0, 8), "0.00000005");
        assert_eq!(of(&[1], 2, 0, 2), "100000000.00");
        assert_eq!(of(&[], 0, 0xc000, 0), "NaN");
        assert_eq!(numeric_of(&[10_000], 0, 0, 0), None);
        assert_eq!(numeric_of(&[1, 5000], 0, 0, 0), None, "digits that are not shown");
        assert_eq!(numeric_of(&[1], 30_000, 0, 0), None);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let day = |days: i32| shown("date", &days.to_be_bytes()).unwrap();
        assert_eq!(
            [0, 59, 60, -1, 9_831].map(day),
            [
                "2000-01-01",
                "2000-02-29",
                "2000-03-01",
                "1999-12-31",
                "2026-12-01"
            ]
        );
        assert_eq!(day(-730_119), "0001-01-01");
        assert_eq!(day(-730_120), "0001-12-31 BC");
        assert_eq!(day(i32::MAX), "infinity");
        let at = |us: i64| shown("timestamptz", &us.to_be_bytes()).unwrap();
        assert_eq!(at(0), "2000-01-01 00:00:00Z");
        assert_eq!(at(-1), "1999-12-31 23:59:59.999999Z");
    }

    #[test]
    fn what_is_not_wholly_of_its_type_is_not_shown() {
        assert_eq!(shown("int4", &[0, 0, 0, 7]).unwrap(), "7");
        for (name, value) in [
            ("int4", &[0, 0, 7][..]),
            ("int4", &[0, 7]),
            ("int2", &[0, 0, 0, 7]),
            ("int8", &[0, 0, 0, 7]),
            ("float4", &[0; 8]),
            ("bool", &[2]),
            ("text", &[0xff]),
            ("jsonb", b"\x02{}"),
            ("uuid", &[0; 15]),
            ("interval", &[0; 17]),
            ("int4[]", &[0; 12]),
        ] {
            assert_eq!(shown(name, value), None, "{name}");
        }
        assert_eq!(
            shown("uuid", &[0x12; 16]).unwrap(),
            "12121212-1212-1212-1212-121212121212"
        );
        assert_eq!(shown("jsonb", b"\x01{}").unwrap(), "{}");
        assert_eq!(shown("bytea", &[0, 255]).unwrap(), "\\x00ff");
        let mut texts = [1_u32, 1, 25, 2, 1, 3].map(u32::to_be_bytes).concat();
        texts.extend(b"a\",\xff\xff\xff\xff");
        assert_eq!(shown("text[]", &texts).unwrap(), "{\"a\\\",\",NULL}");
    }

    #[test]
    fn formats_and_types_are_those_of_each_value() {
        let values = [
            &[0, 3, 0, 1, 0, 0, 0, 1, 0, 3][..],
            &[0, 0, 0, 4, 0, 0, 0, 7],
            &[0, 0, 0, 1, b'7'],
            &[0xff; 4],
        ]
        .concat();
        let read_as = |types: &[u32]| read(&values, types);
        let all = read_as(&[23, 99_999, 25]).unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.type_name.as_str(), one.text.as_deref(), one.binary.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("int4", Some("7"), Some("00000007")),
                ("type 99999", Some("7"), None),
                ("text", None, None)
            ]
        );
        assert!(read_as(&[99_999, 23, 25]).is_none(), "a type that is not known");
        assert!(read_as(&[23, 23]).is_none(), "too few types");
        assert_eq!(types(&[0, 1, 0, 0, 0, 23]), Some(vec![23]));
        assert_eq!(types(&[0, 2, 0, 0, 0, 23]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_is_shown_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..120), at in 0..TYPES.len()) {
            drop(TYPES[at].shown(&bytes));
            drop(read(&bytes, &[TYPES[at].number]));
            drop(types(&bytes));
        }
    }
}

//! JavaScript counts months from 0: a month that a text or a person names is passed as it is, or `getMonth()` is written into a text.

use safeguard_api::evidence::Severity;

use super::SCRIPT;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static NAIVE: Check = Check {
    id: "naive-time",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: &[Language::Python],
    run: naive,
};

pub static MONTH: Check = Check {
    id: "month-off-by-one",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-193"],
    languages: SCRIPT,
    run: month,
};

/// What is known of the zone of a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Naive,
    Aware,
}

fn zone(code: Code<'_>, id: NodeId) -> Option<Zone> {
    let value = code.set_to(id).unwrap_or(id);
    if code.kind(value) != Kind::Call {
        return None;
    }
    let path = code.path(value);
    let has_zone = !code.args(value).is_empty() || code.option(value, "tz").is_some();
    match path {
        "datetime.datetime.utcnow" | "datetime.datetime.today" | "datetime.datetime.utcfromtimestamp" => {
            Some(Zone::Naive)
        }
        "datetime.datetime.now" => Some(if has_zone { Zone::Aware } else { Zone::Naive }),
        "django.utils.timezone.now" => None,
        _ => None,
    }
}

/// `datetime.combine(day, time.min)` that is given the zone UTC.
fn is_midnight_of_utc(code: Code<'_>, id: NodeId) -> bool {
    let value = code.set_to(id).unwrap_or(id);
    if code.kind(value) != Kind::Call {
        return false;
    }
    if code.called(value) == "combine" {
        let midnight = code.arg(value, 1).is_some_and(|time| {
            let text = code.tree.source(time);
            text.contains(".min")
                || matches!(
                    text,
                    "time()" | "time(0)" | "time(0, 0)" | "datetime.time()" | "dt.time()"
                )
        });
        let zone = code.option(value, "tzinfo").or_else(|| code.arg(value, 2));
        return midnight && zone.is_some_and(|zone| is_utc(code, zone));
    }
    code.called(value) == "replace"
        && code
            .option(value, "tzinfo")
            .is_some_and(|zone| is_utc(code, zone))
        && code.receiver(value).is_some_and(|of| {
            let of = code.set_to(of).unwrap_or(of);
            code.kind(of) == Kind::Call
                && code.called(of) == "combine"
                && code.arg(of, 1).is_some_and(|time| {
                    let text = code.tree.source(time);
                    text.contains(".min") || text.ends_with("time()") || text.ends_with("time(0, 0)")
                })
        })
}

fn is_utc(code: Code<'_>, zone: NodeId) -> bool {
    code.tree.source(zone).to_ascii_lowercase().contains("utc")
}

/// Whether all that a call is given is UTC.
fn names_utc(code: Code<'_>, call: NodeId) -> bool {
    code.arg(call, 0)
        .is_none_or(|zone| is_utc(code, code.set_to(zone).unwrap_or(zone)))
}

fn naive(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        let path = code.path(call);
        let of = code.receiver(call);
        let of_path = of
            .map(|of| code.set_to(of).unwrap_or(of))
            .filter(|of| code.kind(*of) == Kind::Call)
            .map(|of| code.path(of))
            .unwrap_or_default();
        let utc = matches!(
            of_path,
            "datetime.datetime.utcnow" | "datetime.datetime.utcfromtimestamp"
        );
        match code.called(call) {
            "timestamp" if utc => {
                reports.add(
                    call,
                    "takes a moment of UTC for local time: the number is off by the zone of the machine",
                );
            }
            "astimezone" if of.is_some_and(|of| is_midnight_of_utc(code, of)) && !names_utc(code, call) => {
                reports.add(
                    call,
                    "midnight of UTC is converted to another zone: the day begins and ends at UTC's hours, not at those of that zone",
                );
            }
            "astimezone" if utc => {
                reports.add(call, "takes a moment of UTC for local time before it converts it");
            }
            "replace"
                if of_path == "datetime.datetime.now"
                    && code
                        .option(call, "tzinfo")
                        .is_some_and(|zone| code.tree.source(zone).to_ascii_lowercase().contains("utc")) =>
            {
                let naive = of
                    .map(|of| code.set_to(of).unwrap_or(of))
                    .is_some_and(|of| code.tree.children_in(of, Role::Arg).next().is_none());
                if naive {
                    reports.add(call, "calls local time UTC: it is off by the zone of the machine");
                }
            }
            _ => {}
        }
        // A zone of pytz that is set and not localized is the local mean time of the 19th century.
        if matches!(code.called(call), "replace" | "datetime" | "time" | "combine")
            && let Some(zone) = code.option(call, "tzinfo")
        {
            let zone = code.set_to(zone).unwrap_or(zone);
            let named = code.kind(zone) == Kind::Call
                && code.path(zone) == "pytz.timezone"
                && !code.arg(zone, 0).is_some_and(|name| {
                    code.text(name)
                        .is_some_and(|name| name.eq_ignore_ascii_case("utc") || name == "GMT")
                });
            if named {
                reports.add(
                    call,
                    "a zone of `pytz` that is set and not localized is minutes off: its local mean time",
                );
            }
        }
        if path == "datetime.datetime.utcnow" {
            reports.note(call, "a moment of UTC that does not say so: whoever compares or converts it takes it for local time");
        }
    }
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        if !matches!(code.name(binary), "-" | "<" | ">" | "<=" | ">=" | "==") {
            continue;
        }
        let (Some(left), Some(right)) = (code.child(binary, Role::Left), code.child(binary, Role::Right))
        else {
            continue;
        };
        let meets_aware = |moment: NodeId, now: NodeId| {
            is_local_now(code, now)
                && code.kind(moment) == Kind::Member
                && always_aware(code, code.name(moment))
        };
        if (meets_aware(left, right) || meets_aware(right, left)) && !undoes_or_tests(code, binary) {
            reports.add(
                binary,
                "a moment with a zone and one without can not be compared: this raises, or is always unequal",
            );
            continue;
        }
        if is_local_now(code, right) && kept_as_utc(code, left)
            || is_local_now(code, left) && kept_as_utc(code, right)
        {
            if !undoes_or_tests(code, binary) {
                reports.add(
                    binary,
                    "what was kept as a moment of UTC is compared with local time: they are hours apart",
                );
            }
            continue;
        }
        if let (Some(one), Some(other)) = (zone(code, left), zone(code, right)) {
            if one != other && !undoes_or_tests(code, binary) {
                reports.add(binary, "a moment with a zone and one without can not be compared: this raises, or is always unequal");
            }
            // `now()` and `utcnow()` are hours apart.
            let path = |id: NodeId| code.path(code.set_to(id).unwrap_or(id));
            let (one, other) = (path(left), path(right));
            if undoes_or_tests(code, binary) {
                continue;
            }
            let mixed = |one: &str, other: &str| one.ends_with("utcnow") && other == "datetime.datetime.now";
            if (mixed(one, other) || mixed(other, one)) && zone(code, left) == zone(code, right) {
                reports.add(binary, "UTC and local time are hours apart");
            }
        }
    }
}

/// Whether all that the file sets a member of that name to is a moment with a zone: `x.at = datetime.now(timezone.utc) + ttl`.
fn always_aware(code: Code<'_>, name: &str) -> bool {
    let mut any = false;
    for assign in code.source.of_kind(Kind::Assign).iter().copied() {
        let is_of_name = code
            .tree
            .children_in(assign, Role::Target)
            .any(|target| code.kind(target) == Kind::Member && code.name(target) == name);
        let Some(value) = code.child(assign, Role::Value).filter(|_| is_of_name) else {
            continue;
        };
        let moment = match code.kind(value) {
            Kind::Binary => code.child(value, Role::Left).unwrap_or(value),
            _ => value,
        };
        if zone(code, moment) != Some(Zone::Aware) {
            return false;
        }
        any = true;
    }
    any
}

/// `datetime.now()` without a zone.
fn is_local_now(code: Code<'_>, id: NodeId) -> bool {
    let value = code.set_to(id).unwrap_or(id);
    code.kind(value) == Kind::Call
        && matches!(
            code.path(value),
            "datetime.datetime.now" | "datetime.datetime.today"
        )
        && zone(code, value) == Some(Zone::Naive)
}

/// `self.created_at`, where all that the file sets `created_at` to is `datetime.utcnow()`, or its column's default is.
fn kept_as_utc(code: Code<'_>, id: NodeId) -> bool {
    if code.kind(id) != Kind::Member {
        return false;
    }
    let name = code.name(id);
    let mut any = false;
    for assign in code.source.of_kind(Kind::Assign).iter().copied() {
        let is_of_name = code.tree.children_in(assign, Role::Target).any(|target| {
            matches!(code.kind(target), Kind::Name | Kind::Member) && code.name(target) == name
        });
        let Some(value) = code.child(assign, Role::Value).filter(|_| is_of_name) else {
            continue;
        };
        let by_default = ["default", "default_factory", "insert_default"]
            .iter()
            .any(|option| {
                code.is_call(value)
                    && code
                        .option(value, option)
                        .is_some_and(|given| code.path_of(given) == "datetime.datetime.utcnow")
            });
        let set = code.kind(value) == Kind::Call && code.path(value) == "datetime.datetime.utcnow";
        if !set && !by_default {
            return false;
        }
        any = true;
    }
    any
}

fn month(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for new in source.of_kind(Kind::New).iter().copied() {
        let args = code.args(new);
        if code.path(new) != "Date" || args.len() < 2 || undoes_or_tests(code, new) {
            continue;
        }
        let Some(month) = args.get(1) else {
            continue;
        };
        // January is 0, so 12 is January of the next year.
        if code.number(*month) == Some(12)
            && code.kind(*month) == Kind::Num
            && args.get(2).and_then(|day| code.number(*day)) != Some(0)
        {
            reports.add(new, "months begin at 0: month 12 is January of the next year");
            continue;
        }
        if from_text(code, *month) && args.get(2).and_then(|day| code.number(*day)) != Some(0) {
            reports.add(
                new,
                format!(
                    "months begin at 0: `{}` is a month later than the text says",
                    code.tree.source(*month)
                ),
            );
        }
    }
    for text in source
        .of_kind(Kind::Interp)
        .iter()
        .copied()
        .chain(source.of_kind(Kind::Binary).iter().copied())
    {
        if code.kind(text) == Kind::Binary
            && (code.name(text) != "+" || !code.texts_in(text).any(|text| matches!(text, "-" | "/" | ".")))
        {
            continue;
        }
        // `${year}-${date.getMonth()}-${day}`
        let has_day = code.tree.subtree(text).any(|id| {
            code.kind(id) == Kind::Call
                && matches!(
                    code.called(id),
                    "getDate" | "getUTCDate" | "getFullYear" | "getUTCFullYear"
                )
        });
        let month = code.tree.subtree(text).find(|id| {
            code.kind(*id) == Kind::Call && matches!(code.called(*id), "getMonth" | "getUTCMonth")
        });
        if let Some(month) = month
            && has_day
            && !plus_one(code, month)
            && !is_index(code, month)
            && !undoes_or_tests(code, text)
        {
            reports.add(month, "months begin at 0: the text names the month before");
        }
    }
}

fn plus_one(code: Code<'_>, month: NodeId) -> bool {
    code.tree.parent(month).is_some_and(|parent| {
        code.kind(parent) == Kind::Binary
            && matches!(code.name(parent), "+" | "-")
            && code.mentions_number(parent, &["1"])
    })
}

/// `NAMES[date.getMonth()]`
fn is_index(code: Code<'_>, month: NodeId) -> bool {
    code.tree.ancestors(month).take(3).any(|around| {
        code.kind(around) == Kind::Index
            || code.kind(around) == Kind::Call
                && code.tree.role(month) == Role::Arg
                && !only_pads(code, around)
    })
}

/// `String(date.getMonth())`, `pad(date.getMonth())`, `twoDigits(…)`: the number stays what it is.
fn only_pads(code: Code<'_>, call: NodeId) -> bool {
    let name = code.called(call).to_ascii_lowercase();
    ["string", "pad", "two", "zero", "digit", "fill", "leading"]
        .iter()
        .any(|part| name.contains(part))
}

/// A month that was split off a text: `const [year, month, day] = text.split('-').map(Number)`.
fn from_text(code: Code<'_>, month: NodeId) -> bool {
    let bare = code.bare(month);
    if code.kind(bare) != Kind::Name
        || !words(code.name(bare))
            .iter()
            .any(|word| matches!(word.as_str(), "month" | "mm" | "m" | "mon"))
    {
        return false;
    }
    let scope = code.function(month).unwrap_or(NodeId::ROOT);
    code.tree.subtree(scope).any(|id| {
        code.kind(id) == Kind::Assign
            && code.child(id, Role::Target).is_some_and(|target| {
                matches!(code.kind(target), Kind::List | Kind::Tuple)
                    && code
                        .tree
                        .children(target)
                        .any(|one| code.name(one) == code.name(bare))
            })
            && code.child(id, Role::Value).is_some_and(|value| {
                code.tree.subtree(value).any(|part| {
                    code.kind(part) == Kind::Call && matches!(code.called(part), "split" | "match" | "exec")
                })
            })
    }) && !code.tree.subtree(scope).any(|id| {
        // `month -= 1`, `month--`
        code.kind(id) == Kind::Assign
            && code.name(id) == "+="
            && code
                .child(id, Role::Target)
                .is_some_and(|target| code.name(target) == code.name(bare))
    })
}

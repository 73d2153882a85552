//! A limit that kept attackers slow or tokens short-lived, and is many times as wide now.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::settings::{Setting, settings};
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "loosened-limit",
    failure: "X3",
    cwe: &["CWE-307", "CWE-613", "CWE-916", "CWE-521"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

/// What a number limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// How often somebody may ask.
    Rate,
    /// How often somebody may be wrong.
    Attempts,
    /// For how many seconds what somebody holds opens something.
    Lifetime,
    /// How long a password is at least.
    Length,
    /// How much work it is to try one password.
    Work,
}

/// How many times as wide it must be: less is a choice, more is none any more.
const RATE_TIMES: f64 = 20.0;
const ATTEMPTS_TIMES: f64 = 10.0;
const LIFETIME_TIMES: f64 = 24.0;
const DAY_SECONDS: f64 = 86_400.0;
/// Of this many seconds and more a token is for good.
const LIFETIME_SECONDS: f64 = 7.0 * DAY_SECONDS;
const LENGTH_LEAST: f64 = 8.0;

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    let before = limits(both.base);
    for (key, (node, now)) in limits(both.head) {
        let Some((_, was)) = before.get(&key) else {
            continue;
        };
        let (was, limit) = (*was, key.0);
        // No number at all is how some write that there is no limit.
        let wider = |times: f64| now >= was * times && was > 0.0;
        let (is_wider, what) = match limit {
            Limit::Rate => (
                wider(RATE_TIMES),
                "whoever tries many things is not slowed any more",
            ),
            Limit::Attempts => (
                wider(ATTEMPTS_TIMES),
                "whoever guesses has that many times more guesses",
            ),
            Limit::Lifetime => (
                wider(LIFETIME_TIMES) && now >= LIFETIME_SECONDS,
                "whoever gets hold of one keeps it that much longer",
            ),
            Limit::Length => (now < was && now < LENGTH_LEAST, "short passwords are guessed"),
            Limit::Work => (
                now * 2.0 < was || was <= 20.0 && now + 2.0 <= was,
                "each guess costs that much less",
            ),
        };
        if is_wider {
            taken.push(Taken {
                node,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("`{}` was {}, and is {}: {what}", key.2, told(was), told(now)),
            });
        }
    }
}

fn told(number: f64) -> String {
    format!("{number}")
}

/// By what they limit, where they stand and what they are called.
type Limits = BTreeMap<(Limit, String, String), (NodeId, f64)>;

fn limits(source: &Source) -> Limits {
    let code = Code::of(source);
    let mut found = Limits::new();
    for setting in settings(code) {
        let Some(limit) = limit_of(code, setting) else {
            continue;
        };
        let number = match limit {
            Limit::Lifetime => seconds(code, setting.value, setting.name),
            Limit::Rate | Limit::Attempts | Limit::Length | Limit::Work => number(code, setting.value),
        };
        let Some(number) = number else { continue };
        let within = setting.within(code).map_or("", |call| code.called(call));
        let around = code.names_around(setting.node).join(".");
        let assigned = code
            .tree
            .ancestors(setting.node)
            .find(|around| code.kind(*around) == Kind::Assign)
            .and_then(|assign| code.child(assign, Role::Target))
            .map_or("", |target| code.name(target));
        let place = format!("{around} {assigned} {within}");
        found
            .entry((limit, place, setting.name.to_owned()))
            .or_insert((setting.node, number));
    }
    // `@limiter.limit("5/minute")`
    for call in source.calls().iter().copied() {
        if !matches!(
            code.called(call),
            "limit" | "RateLimit" | "rate_limit" | "ratelimit"
        ) {
            continue;
        }
        let text = code.arg(call, 0).or_else(|| code.option(call, "rate"));
        let rate = text.and_then(|text| code.text(text)).and_then(per_hour);
        if let Some(rate) = rate {
            let function = code
                .tree
                .parent(call)
                .and_then(|decorator| code.tree.parent(decorator));
            let name = function.map_or("", |function| code.name(function));
            found
                .entry((Limit::Rate, name.to_owned(), "the rate".to_owned()))
                .or_insert((call, rate));
        }
    }
    found
}

fn limit_of(code: Code<'_>, setting: Setting<'_>) -> Option<Limit> {
    let words = words(setting.name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let within = setting
        .within(code)
        .map_or("", |call| code.called(call))
        .to_ascii_lowercase();
    let limits_rate = ["ratelimit", "limiter", "throttle", "slowdown"]
        .iter()
        .any(|part| within.replace('_', "").contains(part));
    if limits_rate && matches!(words.as_slice(), ["max"] | ["limit"] | ["points"] | ["requests"]) {
        return Some(Limit::Rate);
    }
    let signs_in = [
        "login", "signin", "password", "otp", "auth", "code", "pin", "failed", "failure", "lockout",
        "account",
    ];
    if has(&["attempts", "tries", "failures"]) && has(&["max", "limit", "allowed"]) {
        let about = has(&signs_in)
            || has_word(&code.source.path, &signs_in)
            || code
                .names_around(setting.node)
                .iter()
                .any(|name| has_word(name, &signs_in));
        return about.then_some(Limit::Attempts);
    }
    if setting.name == "AXES_FAILURE_LIMIT" {
        return Some(Limit::Attempts);
    }
    let lives = has(&[
        "expiry",
        "expires",
        "expiration",
        "lifetime",
        "ttl",
        "exp",
        "age",
        "validity",
        "duration",
    ]);
    let of_access = has(&[
        "token", "session", "jwt", "cookie", "reset", "access", "otp", "invite",
    ]) || matches!(setting.name, "expiresIn" | "expires_in" | "exp")
        && matches!(within.as_str(), "sign" | "signasync" | "encode" | "");
    let refreshes = has(&["refresh", "cache", "cached", "remember", "device"]);
    if lives && of_access && !refreshes {
        return Some(Limit::Lifetime);
    }
    let of_password = has(&["password", "pwd", "passphrase"])
        || within.contains("password")
        || code
            .names_around(setting.node)
            .iter()
            .any(|name| has_word(name, &["password"]));
    if of_password && has(&["min", "minimum"]) && has(&["length", "len", "size", "chars"]) {
        return Some(Limit::Length);
    }
    let works = has(&["rounds", "iterations", "cost"]);
    let hashes = has(&[
        "bcrypt", "hash", "password", "pbkdf2", "salt", "argon2", "scrypt", "kdf",
    ]) || ["bcrypt", "pbkdf2", "hash"]
        .iter()
        .any(|part| within.contains(part))
        // `const ROUNDS = 12` of a file that hashes passwords.
        || words.len() == 1
            && ["bcrypt", "bcryptjs", "passlib", "golang.org/x/crypto/bcrypt"].iter().any(|module| code.imports(module));
    (works && hashes).then_some(Limit::Work)
}

/// A number, or a product of some: `15 * 60 * 1000`.
fn number(code: Code<'_>, id: NodeId) -> Option<f64> {
    let id = code.literal(code.bare(id));
    match code.kind(id) {
        Kind::Num => code
            .name(id)
            .replace('_', "")
            .trim_end_matches(['L', 'l', 'n'])
            .parse()
            .ok(),
        Kind::Binary if code.name(id) == "*" => {
            Some(number(code, code.child(id, Role::Left)?)? * number(code, code.child(id, Role::Right)?)?)
        }
        _ => None,
    }
}

/// A time, in seconds; without a unit, in whatever the name says, which is the same before and after.
fn seconds(code: Code<'_>, id: NodeId, name: &str) -> Option<f64> {
    let id = code.literal(code.bare(id));
    match code.kind(id) {
        Kind::Str => written(code.name(id)),
        Kind::Call => {
            let called = code.called(id);
            let unit = |word: &str| -> Option<f64> {
                match word
                    .trim_start_matches("of")
                    .trim_start_matches("from_")
                    .to_ascii_lowercase()
                    .as_str()
                {
                    "seconds" | "secs" => Some(1.0),
                    "minutes" | "mins" => Some(60.0),
                    "hours" => Some(3600.0),
                    "days" => Some(DAY_SECONDS),
                    "weeks" => Some(7.0 * DAY_SECONDS),
                    _ => None,
                }
            };
            if let Some(unit) = unit(called) {
                return Some(number(code, code.arg(id, 0)?)? * unit);
            }
            if called != "timedelta" && called != "Duration" {
                return None;
            }
            let parts = code
                .tree
                .children_in(id, Role::Arg)
                .filter(|arg| code.kind(*arg) == Kind::Keyword);
            let parts: Vec<f64> = parts
                .filter_map(|part| {
                    Some(number(code, code.child(part, Role::Value)?)? * unit(code.name(part))?)
                })
                .collect();
            (!parts.is_empty()).then(|| parts.iter().sum())
        }
        Kind::Binary if code.name(id) == "*" => {
            let (left, right) = (code.child(id, Role::Left)?, code.child(id, Role::Right)?);
            // `15 * time.Minute`
            let unit = |id: NodeId| match (code.kind(id), code.name(id)) {
                (Kind::Member, "Second") => Some(1.0),
                (Kind::Member, "Minute") => Some(60.0),
                (Kind::Member, "Hour") => Some(3600.0),
                _ => None,
            };
            match unit(right) {
                Some(unit) => Some(number(code, left).or_else(|| seconds(code, left, name))? * unit),
                None => number(code, id).map(|number| number * of_name(name)),
            }
        }
        Kind::Num => number(code, id).map(|number| number * of_name(name)),
        _ => None,
    }
}

/// What a number counts, as its name says: `SESSION_TTL_MINUTES`.
fn of_name(name: &str) -> f64 {
    let is = |list: &[&str]| has_word(name, list);
    if is(&["minutes", "minute", "mins"]) {
        60.0
    } else if is(&["hours", "hour"]) {
        3600.0
    } else if is(&["days", "day"]) {
        DAY_SECONDS
    } else if is(&["ms", "millis", "milliseconds"])
        || matches!(name, "maxAge" | "sessionMaxAge" | "cookieMaxAge")
    {
        0.001
    } else {
        1.0
    }
}

/// `15m`, `7d`, `12 hours`.
fn written(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.')?;
    let number: f64 = text.get(..end)?.parse().ok()?;
    let unit = match text.get(end..)?.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => DAY_SECONDS,
        "w" | "week" | "weeks" => 7.0 * DAY_SECONDS,
        "y" | "year" | "years" => 365.0 * DAY_SECONDS,
        _ => return None,
    };
    Some(number * unit)
}

/// `5/minute`, `10 per hour`: how many in an hour.
fn per_hour(text: &str) -> Option<f64> {
    let first = text.split([';', ',']).next()?;
    let (count, unit) = first.split_once('/').or_else(|| first.split_once(" per "))?;
    let count: f64 = count.trim().parse().ok()?;
    let times = match unit.trim().trim_end_matches('s') {
        "second" | "sec" | "" => 3600.0,
        "minute" | "min" | "m" => 60.0,
        "hour" | "h" => 1.0,
        "day" | "d" => 1.0 / 24.0,
        _ => return None,
    };
    Some(count * times)
}

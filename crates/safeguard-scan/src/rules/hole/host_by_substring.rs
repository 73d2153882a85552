//! An address is trusted because a text of it holds, begins or ends with a name that anybody can put there.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "host-by-substring",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-20", "CWE-346", "CWE-601"],
    languages: ALL_LANGUAGES,
    run,
};

/// How a text is asked for a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Anywhere,
    Begin,
    End,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let asks = match code.called(call) {
            "includes" | "contains" | "Contains" | "indexOf" => Asks::Anywhere,
            "startsWith" | "startswith" | "HasPrefix" | "starts_with" => Asks::Begin,
            "endsWith" | "endswith" | "HasSuffix" | "ends_with" => Asks::End,
            _ => continue,
        };
        let of_strings = code.path(call).starts_with("strings.");
        let subject = match of_strings {
            true => code.arg(call, 0),
            false => code.receiver(call),
        };
        let text = code
            .arg(call, usize::from(of_strings))
            .and_then(|text| code.text(text));
        if let (Some(subject), Some(text)) = (subject, text) {
            judge(code, call, subject, text, asks, reports);
        }
    }
    if source.tree.language() == Language::Python {
        for binary in source.of_kind(Kind::Binary).iter().copied() {
            if let Some(("in", left, right)) = code.comparison(binary)
                && let Some(text) = code.text(left)
            {
                judge(code, binary, right, text, Asks::Anywhere, reports);
            }
        }
    }
}

fn judge(code: Code<'_>, at: NodeId, subject: NodeId, text: &str, asks: Asks, reports: &mut Reports) {
    if !is_open_ended(text, asks) || undoes_or_tests(code, at) {
        return;
    }
    let name = match code.kind(subject) {
        Kind::Call => code.receiver(subject).map_or("", |of| code.last_name(of)),
        _ => code.last_name(subject),
    };
    let address = [
        "url",
        "uri",
        "host",
        "hostname",
        "netloc",
        "origin",
        "referer",
        "referrer",
        "redirect",
        "next",
        "target",
        "callback",
        "destination",
        "domain",
        "link",
    ];
    let decides = ["origin", "referer", "referrer", "redirect", "next", "callback"];
    let trusts = [
        "safe",
        "allowed",
        "allow",
        "trusted",
        "trust",
        "ours",
        "own",
        "internal",
        "whitelist",
        "whitelisted",
        "allowlist",
        "allowlisted",
        "authorized",
        "cors",
        "redirect",
    ];
    let named = code
        .functions(at)
        .any(|function| has_word(code.function_name(function), &trusts));
    let assigned = code
        .tree
        .ancestors(at)
        .find(|around| code.kind(*around) == Kind::Assign)
        .and_then(|assign| code.child(assign, crate::tree::Role::Target))
        .is_some_and(|target| has_word(code.name(target), &trusts));
    if has_word(name, &address) && (has_word(name, &decides) || named || assigned) {
        let how = match asks {
            Asks::Anywhere => "holds",
            Asks::Begin => "begins with",
            Asks::End => "ends with",
        };
        let other = match asks {
            Asks::Anywhere => format!("https://evil.example/?{text}"),
            Asks::Begin => format!("{text}.evil.example"),
            Asks::End => format!("evil{text}"),
        };
        reports.add(
            at,
            format!("`{name}` is trusted where it {how} `{text}`: so does `{other}`"),
        );
    }
}

/// Whether another host can hold the text in this way.
fn is_open_ended(text: &str, asks: Asks) -> bool {
    let (scheme, host) = match text.split_once("://") {
        Some((_, host)) => (true, host),
        None => (false, text),
    };
    let plain = |host: &str| {
        let parts: Vec<&str> = host.split('.').collect();
        let last = parts.last().copied().unwrap_or("");
        parts.len() > 1
            && parts.iter().all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|char| char.is_ascii_alphanumeric() || char == '-')
            })
            && last.len() >= 2
            && last.chars().all(|char| char.is_ascii_lowercase())
            && !FILES.contains(&last)
    };
    match asks {
        Asks::Anywhere => plain(host.trim_end_matches('/')),
        Asks::Begin => scheme && plain(host),
        Asks::End => !scheme && !host.starts_with('.') && plain(host),
    }
}

/// Endings of files, which are no hosts.
const FILES: &[&str] = &[
    "js", "mjs", "css", "html", "htm", "json", "xml", "png", "jpg", "jpeg", "gif", "svg", "pdf", "py", "go",
    "java", "ts", "tsx", "jsx", "md", "txt", "csv", "zip", "gz", "tar", "git", "wasm", "yaml", "yml", "toml",
    "rs", "php", "exe", "local", "lock", "map", "webp", "mp", "db", "sql", "sh",
];

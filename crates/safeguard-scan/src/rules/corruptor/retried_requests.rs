//! A request that makes something is sent again when its answer is lost, and nothing tells the second one from the first.

use safeguard_api::evidence::Severity;

use super::multiple::is_retried;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(REQUEST, "retry-charges-twice", "CWE-837", super::EVERY, run);

/// What nobody wants twice.
const MADE: &[&str] = &[
    "charge",
    "charges",
    "payment",
    "payments",
    "payout",
    "payouts",
    "transfer",
    "transfers",
    "refund",
    "refunds",
    "order",
    "orders",
    "invoice",
    "invoices",
    "withdrawal",
    "withdrawals",
    "capture",
    "captures",
    "sms",
    "mail",
    "mails",
    "email",
    "emails",
    "booking",
    "bookings",
    "topup",
    "disbursement",
    "disbursements",
    "remittance",
];
/// Requests that only ask, whatever their path says.
const ASKS: &[&str] = &[
    "search", "query", "graphql", "status", "list", "token", "login", "oauth", "validate", "preview", "quote",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let lower = source.tree.text().to_ascii_lowercase();
    let has_key = [
        "idempot",
        "request_id",
        "requestid",
        "request-id",
        "dedup",
        "client_reference",
        "external_id",
    ]
    .iter()
    .any(|part| lower.contains(part));
    if has_key {
        return;
    }
    for call in source.calls().iter().copied() {
        if let Some(sure) = adapter(code, call) {
            if !undoes_or_tests(code, call) {
                let told = "requests that make something are sent again too: when only the answer was lost, it is done twice";
                match sure {
                    true => reports.add(call, told),
                    false => reports.note(call, told),
                }
            }
            continue;
        }
        let Some(path) = posts(code, call) else {
            continue;
        };
        let made = path_words(code, path);
        if !is_retried(code, call) || undoes_or_tests(code, call) || has_word(&made, ASKS) {
            continue;
        }
        let told = "is sent again when the answer is lost: without a key of idempotency it is done twice";
        if has_word(&made, MADE) {
            reports.add(call, told);
        } else {
            reports.note(call, told);
        }
    }
}

/// The path or address of a call that sends a `POST`: `axios.post('/charges')`, `this.call('charges', { method: 'POST' })`.
fn posts(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let args = code.args(call);
    let is_path = |id: NodeId| {
        matches!(
            code.kind(id),
            Kind::Str | Kind::Interp | Kind::Binary | Kind::Name | Kind::Member | Kind::Call | Kind::New
        )
    };
    let says_post = |value: NodeId| {
        code.text(value)
            .is_some_and(|text| text.eq_ignore_ascii_case("post"))
    };
    match code.called(call) {
        // `http.post(url)`; a queue or a socket posts messages without an address.
        "post" | "Post" | "PostForm" | "PostJSON" | "postForEntity" | "postForObject" => {
            let first = *args.first()?;
            code.receiver(call)?;
            (is_path(first) && speaks_http(code, call, first)).then_some(first)
        }
        "request"
        | "Request"
        | "NewRequest"
        | "NewRequestWithContext"
        | "send"
        | "fetch"
        | "call"
        | "_request"
        | "urlopen" => {
            let by_option = code.option(call, "method").is_some_and(says_post);
            let by_place = args.iter().take(2).position(|arg| says_post(*arg));
            match by_place {
                Some(at) => args.get(at + 1).copied(),
                None if by_option => args
                    .iter()
                    .copied()
                    .find(|arg| is_path(*arg))
                    .or_else(|| code.option(call, "url").or_else(|| code.option(call, "path"))),
                None => None,
            }
        }
        _ => {
            let by_option = code.option(call, "method").is_some_and(says_post);
            args.iter()
                .copied()
                .find(|arg| by_option && matches!(code.kind(*arg), Kind::Str | Kind::Interp))
        }
    }
}

fn speaks_http(code: Code<'_>, call: NodeId, path: NodeId) -> bool {
    let of = code
        .receiver(call)
        .map_or("", |of| code.last_name(of))
        .to_ascii_lowercase();
    let client = [
        "http", "client", "axios", "requests", "session", "api", "got", "ky", "rest", "agent", "fetch",
    ]
    .iter()
    .any(|part| of.contains(part));
    client
        || code
            .texts_in(path)
            .any(|text| text.starts_with('/') || text.starts_with("http"))
}

/// The words of a path: its own text, and the names that it is put together from.
fn path_words(code: Code<'_>, path: NodeId) -> String {
    let value = code.set_to(path).unwrap_or(path);
    let texts: Vec<&str> = code.texts_in(value).chain(code.texts_in(path)).collect();
    let names: Vec<&str> = code.names_in(path).collect();
    format!("{} {}", texts.join(" "), names.join(" ")).replace(['/', '-', '.', ':'], " ")
}

/// A client that is told to send `POST` again as well: `Retry(allowed_methods=["POST"])`, `got.extend({ retry: { methods: ['POST'] } })`; and whether it is one for money.
fn adapter(code: Code<'_>, call: NodeId) -> Option<bool> {
    let tree = code.tree;
    let names_post = |value: NodeId| {
        tree.subtree(value)
            .any(|id| tree.kind(id) == Kind::Str && tree.name(id).eq_ignore_ascii_case("post"))
    };
    let resends = match code.called(call) {
        "Retry" => ["allowed_methods", "method_whitelist"].iter().any(|name| {
            code.option(call, name).is_some_and(|value| {
                names_post(value) || code.is_null(value) || code.boolean(value) == Some(false)
            })
        }),
        "extend" | "create" | "post" | "got" | "ky" => code
            .option(call, "retry")
            .and_then(|retry| code.entry(retry, "methods"))
            .is_some_and(names_post),
        _ => false,
    };
    let money = || {
        let path = format!(
            "{} {}",
            code.source.path.replace(['/', '.'], " "),
            code.names_around(call).join(" ")
        );
        has_word(
            &path,
            &[
                "payment", "payments", "charge", "charges", "billing", "payout", "payouts", "refund",
                "refunds", "checkout", "stripe",
            ],
        ) || tree.all().any(|id| {
            tree.kind(id) == Kind::Str
                && tree.name(id).starts_with('/')
                && has_word(&tree.name(id).replace('/', " "), MADE)
                && tree.role(id) != Role::Key
        })
    };
    resends.then(money)
}

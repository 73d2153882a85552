//! Requests to other machines that something is to go.

use crate::shell::rules::Invocation;
use crate::shell::word::UNKNOWN;

/// A request to delete, to any machine but this one; of a store of documents, to this one too.
pub(super) fn deletes(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["curl", "wget", "xh", "xhs", "http", "https", "gh", "hub", "glab"]) {
        return remote_call(invocation);
    }
    let options = invocation.options(&["-X", "--request", "--method", "-H", "--header", "-d", "-o", "-u"]);
    let words = options.words();
    let given = options.values(&["-X", "--request", "--method"]);
    let typed = invocation
        .is(&["xh", "xhs", "http", "https"])
        .then(|| words.first().copied())
        .flatten();
    let deletes = given
        .into_iter()
        .map(|value| value.text.clone())
        .chain(typed.map(str::to_owned))
        .any(|verb| verb.eq_ignore_ascii_case("delete"));
    let here = |word: &&str| {
        const OWN: &[&str] = &[
            "localhost",
            "127.0.0.1",
            "0.0.0.0",
            "[::1]",
            "host.docker.internal",
            ":",
        ];
        let host = word.split("://").last().unwrap_or("");
        OWN.iter().any(|own| host.starts_with(own))
    };
    // Elasticsearch and its kin: an index, or what a query finds.
    let store = |word: &&str| word.contains(":9200/") || word.contains(":9300/");
    if words.iter().any(|word| word.contains("/_delete_by_query")) || (deletes && words.iter().any(store)) {
        return Some("deletes documents or an index of a store".to_owned());
    }
    let api = invocation.is(&["gh", "hub", "glab"]);
    let asks = (api && words.first() == Some(&"api")) || (!api && !words.iter().any(here));
    let unknown = options
        .values(&["-X", "--request", "--method"])
        .any(|verb| verb.text.contains(UNKNOWN));
    if unknown && asks {
        return Some("asks another machine to do what only shows when it runs".to_owned());
    }
    let texts = || invocation.args.iter().map(|word| word.text.as_str());
    if asks && texts().any(mutates) {
        return Some("asks another machine to delete something".to_owned());
    }
    if api && texts().any(|text| text.contains("git/refs")) && texts().any(|text| text == "force=true") {
        return Some("moves a branch by force".to_owned());
    }
    (deletes && asks).then(|| "asks another machine to delete something".to_owned())
}

/// A mutation of GraphQL whose name says that something goes.
fn mutates(text: &str) -> bool {
    let names = text.split(|one: char| !one.is_alphanumeric() && one != '_');
    text.contains("mutation") && names.skip_while(|name| *name != "mutation").any(goes)
}

fn goes(name: &str) -> bool {
    [
        "delete", "remove", "destroy", "purge", "Delete", "Remove", "Destroy", "Purge", "Drop",
    ]
    .iter()
    .any(|verb| name.starts_with(verb) && name.len() >= verb.len())
}

/// A call of a service's method by its name.
fn remote_call(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-d", "-H", "-proto", "-import-path"]);
    let words = options.words();
    let method = words
        .last()
        .and_then(|word| word.rsplit(['/', '.']).next())
        .unwrap_or("");
    let here = words
        .first()
        .is_some_and(|host| host.starts_with("localhost") || host.starts_with("127."));
    (invocation.is(&["grpcurl", "evans"]) && goes(method) && !here)
        .then(|| "asks another machine to delete something".to_owned())
}

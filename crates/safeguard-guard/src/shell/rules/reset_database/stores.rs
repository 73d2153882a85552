//! Stores that speak no SQL: keys and documents.

use crate::shell::rules::Invocation;
use crate::shell::walk::Stdin;

/// The words in which stores that speak no SQL delete.
const KEY_VALUE: &[&str] = &[
    "flushall",
    "flushdb",
    "del",
    "unlink",
    "getdel",
    "shutdown",
    "debug",
    "swapdb",
    "replicaof",
    "slaveof",
    "eval",
    "restore",
];
const DOCUMENTS: &[&str] = &[
    "dropDatabase",
    "drop",
    "dropCollection",
    "dropIndexes",
    "dropIndex",
    "deleteMany",
    "deleteOne",
    "remove",
    "findOneAndDelete",
    "findAndModify",
    "renameCollection",
    "shutdownServer",
    "dropAllUsersFromDatabase",
    "dropUser",
    "bulkWrite",
];

pub(super) fn key_value(invocation: &Invocation) -> Option<String> {
    let piped = match &invocation.stdin {
        Stdin::Text(text) => text.as_str(),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => "",
    };
    if invocation.is(&["redis-cli", "valkey-cli", "keydb-cli"]) {
        let options = invocation.options(&["-h", "-p", "-a", "-n", "-u", "-s", "--user", "--pass"]);
        let typed = options.words().first().map(|word| word.to_lowercase());
        let mut lines = piped
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_lowercase);
        let deletes = |word: &String| KEY_VALUE.contains(&word.as_str());
        let set = options.words().len() > 1
            && options.words()[0].eq_ignore_ascii_case("config")
            && options.words()[1].eq_ignore_ascii_case("set");
        return (set || typed.as_ref().is_some_and(deletes) || lines.any(|word| deletes(&word)))
            .then(|| "deletes keys or changes the server of a store".to_owned());
    }
    if invocation.is(&["mongosh", "mongo"]) {
        if matches!(invocation.stdin, Stdin::File(_) | Stdin::Unseen)
            && !invocation.args.iter().any(|word| word.text.starts_with("--eval"))
        {
            return Some("sends a store what is not in sight".to_owned());
        }
        let named = |text: &str| {
            text.split(|one: char| !one.is_alphanumeric())
                .any(|name| DOCUMENTS.contains(&name))
        };
        let found = invocation.args.iter().any(|word| named(&word.text)) || named(piped);
        return found.then(|| "deletes documents or drops what holds them".to_owned());
    }
    None
}

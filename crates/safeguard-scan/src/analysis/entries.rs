//! What is set by name in scripts and in files of settings: `export X=1`, `ENV X=1`, `x = 1`, `x: 1`, `- name: X` with `value: 1`.

use crate::analysis::words::{has_word, is_secret, words};
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// Whether a variable of this name opens something: as environments and pipelines name them.
pub fn is_secret_variable(name: &str) -> bool {
    const ABOUT: &[&str] = &[
        "file", "path", "dir", "name", "url", "uri", "id", "length", "len", "count", "type", "arn", "ref",
        "prompt", "field", "public", "version", "ttl", "expiry", "header", "endpoint", "hash", "scope",
        "scopes", "store", "manager", "provider", "policy", "mount", "enabled", "required",
    ];
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    let is_key = matches!(last, "key" | "keys")
        && has_word(
            name,
            &[
                "secret",
                "api",
                "private",
                "access",
                "signing",
                "encryption",
                "master",
                "account",
            ],
        );
    let opens = is_secret(name)
        || is_key
        || matches!(
            last,
            "token" | "secret" | "password" | "passwd" | "apikey" | "credentials" | "passphrase"
        );
    opens && !has_word(name, ABOUT)
}

/// A name with its value.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'s> {
    pub name: &'s str,
    pub value: NodeId,
    pub node: NodeId,
}

pub fn entries(source: &Source) -> Vec<Entry<'_>> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for assign in source.of_kind(Kind::Assign) {
        if let (Some(target), Some(value)) = (
            tree.child(*assign, Role::Target),
            tree.child(*assign, Role::Value),
        ) {
            found.push(Entry {
                name: tree.name(target),
                value,
                node: *assign,
            });
        }
    }
    for pair in source.of_kind(Kind::Pair) {
        if let (Some(key), Some(value)) = (tree.child(*pair, Role::Key), tree.child(*pair, Role::Value)) {
            found.push(Entry {
                name: tree.name(key),
                value,
                node: *pair,
            });
        }
    }
    if tree.language() == Language::Dockerfile {
        for keyword in source.of_kind(Kind::Keyword) {
            let named = tree
                .parent(*keyword)
                .is_some_and(|section| matches!(tree.name(section), "ENV" | "ARG"));
            if let Some(value) = tree.child(*keyword, Role::Value).filter(|_| named) {
                found.push(Entry {
                    name: tree.name(*keyword),
                    value,
                    node: *keyword,
                });
            }
        }
    }
    if tree.language() == Language::Yaml {
        for object in source.of_kind(Kind::Object) {
            let get = |name: &str| {
                tree.children(*object).find_map(|pair| {
                    let key = tree.child(pair, Role::Key)?;
                    (tree.name(key) == name)
                        .then(|| tree.child(pair, Role::Value))
                        .flatten()
                })
            };
            if let (Some(name), Some(value)) = (get("name"), get("value"))
                && tree.kind(name) == Kind::Str
            {
                found.push(Entry {
                    name: tree.name(name),
                    value,
                    node: *object,
                });
            }
        }
        // `environment: [X=1]` of compose.
        for item in source.of_kind(Kind::Str) {
            let in_environment = tree.role(*item) == Role::Item
                && tree.ancestors(*item).nth(1).is_some_and(|pair| {
                    tree.child(pair, Role::Key)
                        .is_some_and(|key| tree.name(key) == "environment")
                });
            if let Some((name, _)) = tree.name(*item).split_once('=').filter(|_| in_environment) {
                found.push(Entry {
                    name,
                    value: *item,
                    node: *item,
                });
            }
        }
    }
    found.sort_by_key(|entry| entry.node);
    found
}

impl Entry<'_> {
    /// The value's text, where it is one.
    pub fn text<'s>(&self, source: &'s Source) -> Option<&'s str> {
        let tree = &source.tree;
        match tree.kind(self.value) {
            Kind::Str if self.value == self.node => {
                tree.name(self.value).split_once('=').map(|(_, value)| value)
            }
            Kind::Str | Kind::Num | Kind::Bool => Some(tree.name(self.value)),
            _ => None,
        }
    }
}

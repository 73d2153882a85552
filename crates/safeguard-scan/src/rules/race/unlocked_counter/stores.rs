//! Stores of keys that several processes share, and keys in them that are locks.

use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{NodeId, Tree};

/// Whether something is a store of keys that others share: redis, memcached, Django's cache.
pub(super) fn is_store(tree: &Tree, id: NodeId) -> bool {
    let text = tree.source(id).to_ascii_lowercase();
    // Java calls its own maps caches too.
    if tree.language() == Language::Java {
        return ["redis", "jedis", "memcache", "valkey"]
            .iter()
            .any(|part| text.contains(part));
    }
    text.len() < 60
        && (["redis", "cache", "memcache", "kv", "rdb", "valkey"]
            .iter()
            .any(|part| text.contains(part))
            || text == "r"
            || matches!(text.rsplit('.').next(), Some("client")) && tree.text().contains("redis"))
        && !["lru", "lrucache"].iter().any(|part| text.contains(part))
}

/// Whether a key is that of a lock, by its name or by what it is put together of.
pub(super) fn is_lock_key(source: &Source, key: NodeId) -> bool {
    let tree = &source.tree;
    let constant = source.names.constant(tree, key);
    let value = constant.or(Code::of(source).set_to(key)).unwrap_or(key);
    let named = [
        tree.source(value).to_ascii_lowercase(),
        tree.source(key).to_ascii_lowercase(),
    ];
    named.iter().any(|text| {
        text.match_indices("lock")
            .any(|(at, _)| !text[..at].ends_with(['b', 'c']) && !text[at..].starts_with("locked_out"))
            || text.contains("mutex")
    })
}

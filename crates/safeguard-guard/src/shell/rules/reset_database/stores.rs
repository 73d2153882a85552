//! Stores that speak no SQL: keys and documents.

use crate::shell::rules::Invocation;
use crate::shell::walk::Stdin;

/// What leaves the keys of a store as they are, or adds to them.
const KEEPS: &[&str] = &[
    "acl",
    "append",
    "auth",
    "bitcount",
    "client",
    "cluster",
    "command",
    "config",
    "dbsize",
    "decr",
    "decrby",
    "discard",
    "echo",
    "exec",
    "exists",
    "expiretime",
    "function",
    "geodist",
    "geopos",
    "geosearch",
    "get",
    "getbit",
    "getrange",
    "hello",
    "help",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hkeys",
    "hlen",
    "hmget",
    "hmset",
    "hrandfield",
    "hscan",
    "hset",
    "hsetnx",
    "hvals",
    "incr",
    "incrby",
    "incrbyfloat",
    "info",
    "keys",
    "lastsave",
    "latency",
    "lindex",
    "llen",
    "lpos",
    "lpush",
    "lrange",
    "memory",
    "mget",
    "module",
    "monitor",
    "mset",
    "msetnx",
    "multi",
    "object",
    "pexpiretime",
    "pfadd",
    "pfcount",
    "ping",
    "psubscribe",
    "pttl",
    "publish",
    "pubsub",
    "quit",
    "randomkey",
    "role",
    "rpush",
    "sadd",
    "scan",
    "scard",
    "script",
    "sdiff",
    "select",
    "set",
    "setex",
    "setnx",
    "sinter",
    "sismember",
    "slowlog",
    "smembers",
    "smismember",
    "srandmember",
    "sscan",
    "strlen",
    "subscribe",
    "sunion",
    "time",
    "touch",
    "ttl",
    "type",
    "unwatch",
    "watch",
    "xadd",
    "xinfo",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xrevrange",
    "zadd",
    "zcard",
    "zcount",
    "zincrby",
    "zlexcount",
    "zmscore",
    "zrandmember",
    "zrange",
    "zrangebyscore",
    "zrank",
    "zrevrange",
    "zrevrank",
    "zscan",
    "zscore",
];
/// Second words of the same that do more.
const MORE: &[&str] = &[
    "deluser", "failover", "flush", "forget", "kill", "load", "loadex", "meet", "reset", "restore", "set",
    "setslot", "unload",
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
    "shutdown",
    "load",
];
/// The same with an empty filter: every document; and stages that write over a collection.
const EVERY: &[&str] = &[
    "update({},",
    "updateMany({},",
    "updateOne({},",
    "replaceOne({},",
    "$out",
    "$merge",
];

pub(super) fn key_value(invocation: &Invocation) -> Option<String> {
    let piped = match &invocation.stdin {
        Stdin::Text(text) => text.as_str(),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => "",
    };
    const CHANGES: &str = "deletes keys or changes the server of a store";
    if invocation.is(&["redis-cli", "valkey-cli", "keydb-cli", "iredis"]) {
        let options = invocation.options(&[
            "-h",
            "-p",
            "-a",
            "-n",
            "-u",
            "-s",
            "--user",
            "--pass",
            "-r",
            "-i",
            "--pattern",
            "--count",
        ]);
        let typed = options.words().join(" ");
        let piped_in = options.rest.is_empty() || options.any(&["--pipe"]);
        let unseen = piped_in && matches!(invocation.stdin, Stdin::File(_) | Stdin::Unseen);
        let mut lines = std::iter::once(typed.as_str()).chain(piped.lines().filter(|_| piped_in));
        return (unseen || options.any(&["--eval", "--pipe", "--ldb"]) || lines.any(changes))
            .then(|| CHANGES.to_owned());
    }
    // The same by hand.
    if invocation.is(&["nc", "ncat", "netcat", "socat", "telnet"]) {
        let first = |line: &str| line.split_whitespace().next().unwrap_or("").to_lowercase();
        let flushes = piped
            .lines()
            .any(|line| matches!(first(line).as_str(), "flushall" | "flushdb" | "flush_all"));
        return flushes.then(|| CHANGES.to_owned());
    }
    if invocation.is(&["memcached-tool", "memcflush", "memcrm"]) {
        let flushes = invocation.program != "memcached-tool"
            || invocation.args.iter().any(|word| word.text == "flush_all");
        return flushes.then(|| CHANGES.to_owned());
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
                || every(text)
        };
        let options = invocation.options(&[
            "--eval",
            "--host",
            "--port",
            "-u",
            "-p",
            "--authenticationDatabase",
        ]);
        if options.words().iter().any(|word| word.ends_with(".js")) || options.any(&["--file", "-f"]) {
            return Some("sends a store what is not in sight".to_owned());
        }
        let found = invocation.args.iter().any(|word| named(&word.text)) || named(piped);
        return found.then(|| "deletes documents or drops what holds them".to_owned());
    }
    None
}

/// Whether a line of a store of keys is none that keeps what is there.
fn changes(line: &str) -> bool {
    let mut words = line.split_whitespace().map(str::to_lowercase);
    let Some(verb) = words.next() else {
        return false;
    };
    let part = words.next().unwrap_or_default();
    let parted = matches!(
        verb.as_str(),
        "acl"
            | "client"
            | "cluster"
            | "config"
            | "function"
            | "latency"
            | "memory"
            | "module"
            | "script"
            | "slowlog"
    );
    !KEEPS.contains(&verb.as_str()) || (parted && (MORE.contains(&part.as_str()) || part == "setuser"))
}

fn every(text: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    EVERY.iter().any(|one| text.contains(one))
}

//! Whether the database that a command is pointed at is one that may go.

use super::{Command, HOLE, Harm, Source, has_word};
use crate::tree::{Kind, NodeId};

/// A database of a test may go.
pub(super) fn of_database(source: &Source, c: &Command, what: &'static str) -> Harm {
    const PASSING: &[&str] = &[
        "test",
        "tests",
        "testing",
        "tmp",
        "temp",
        "ci",
        "dev",
        "template",
        "scratch",
        "shadow",
        "localhost",
        "local",
        "demo",
        "sandbox",
        "127",
    ];
    // Which database a name stands for is not known; where a statement is written, it is.
    let unnamed = |arg: &String| {
        arg.contains(HOLE) && matches!(c.program(), "dropdb" | "mysqladmin" | "redis-cli" | "valkey-cli")
    };
    let passing = c.args().iter().any(|arg| has_word(arg, PASSING) || unnamed(arg));
    let in_pipeline = source.path.contains(".github/")
        || source.path.contains("gitlab-ci")
        || source.path.contains(".circleci");
    match passing || in_pipeline && !deploys(source, c.node) {
        true => Harm::Maybe(what),
        false => Harm::Sure(what),
    }
}

/// Whether the job of a pipeline that a command stands in works on what others use: in an environment that is production, or with a secret
/// that says where a database is.
fn deploys(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let job = tree
        .ancestors(node)
        .filter(|around| tree.kind(*around) == Kind::Pair)
        .map(|around| tree.source(around))
        .find(|text| text.contains("runs-on:"));
    let Some(job) = job
        .map(str::to_ascii_lowercase)
        .filter(|job| !job.contains("localhost"))
    else {
        return false;
    };
    let secret = job.split("secrets.").skip(1).any(|rest| {
        let name = rest.split([' ', '}', '\n']).next().unwrap_or(rest);
        (name.contains("database") || name.contains("db_") || name.contains("prod"))
            && !has_word(
                name,
                &["test", "tests", "ci", "dev", "staging", "preview", "shadow"],
            )
    });
    let production = job.split("environment:").skip(1).any(|rest| {
        rest.lines()
            .take(2)
            .any(|line| line.contains("prod") || line.contains("live"))
    });
    secret || production
}

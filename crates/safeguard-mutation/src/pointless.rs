//! Where a breakage says nothing of the tests: messages, logs, types, what only tools read, and what makes no difference.

use safeguard_scan::matching::Source;
use safeguard_scan::tree::{Flags, Kind, NodeId, Role, Tree};

/// Parts of a callee that only report.
const REPORTS: &[&str] = &[
    "console",
    "debug",
    "log",
    "logger",
    "logging",
    "metrics",
    "print",
    "println",
    "printf",
    "sentry",
    "statsd",
    "telemetry",
    "tracer",
    "warn",
    "warning",
    "warnings",
];
/// Calls that only take time.
const WAITS: &[&str] = &["sleep", "setTimeout", "Sleep"];
/// Values that a test can hardly see.
const UNSEEN_KEYWORDS: &[&str] = &[
    "timeout",
    "stacklevel",
    "indent",
    "maxsize",
    "delay",
    "interval",
    "max_length",
    "verbose_name",
    "help_text",
    "help",
    "description",
    "name",
    "label",
    "title",
    "metavar",
    "exc_info",
    "buffering",
    "chunk_size",
    "loc",
];
const UNSEEN_FUNCTIONS: &[&str] = &["__repr__", "__del__", "__dir__"];

/// Whether nothing in or at this node is worth a mutant.
pub fn is_pointless(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    std::iter::once(id)
        .chain(tree.ancestors(id))
        .any(|around| match tree.kind(around) {
            Kind::Type | Kind::Decorator | Kind::Import | Kind::Assert | Kind::Regex => true,
            Kind::Raise => around != id,
            Kind::Call | Kind::New => only_reports(tree, around),
            Kind::Function => UNSEEN_FUNCTIONS.contains(&tree.name(around)),
            Kind::Class => tree.flags(around).has(Flags::TYPE_ONLY),
            Kind::Assign => is_for_tools(tree, around),
            Kind::If => around != id && !is_in_else(tree, id, around) && is_never_tested(tree, around),
            Kind::Try => imports_only(tree, around),
            _ => false,
        })
}

/// Whether a constant is one that tests can hardly see, or that breaks whatever uses it.
pub fn is_unseen_constant(tree: &Tree, id: NodeId) -> bool {
    let Some(parent) = tree.parent(id) else {
        return true;
    };
    match tree.kind(parent) {
        Kind::Keyword => UNSEEN_KEYWORDS.contains(&tree.name(parent)),
        Kind::Pair => tree.role(id) == Role::Key,
        Kind::Index | Kind::Slice | Kind::Interp | Kind::Tagged | Kind::JsxAttribute | Kind::Jsx => true,
        // `x % 2` by 3 and `x ** 3` are seen; `-1` is a number of its own.
        Kind::ExprStmt => true,
        Kind::Call | Kind::New => {
            let callee = tree
                .child(parent, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            WAITS.iter().any(|wait| callee.ends_with(wait))
        }
        _ => false,
    }
}

/// Whether the call writes a log, a metric or a line, or only waits.
pub fn only_reports(tree: &Tree, call: NodeId) -> bool {
    let Some(callee) = tree.child(call, Role::Callee) else {
        return false;
    };
    let text = tree.source(callee);
    let parts: Vec<String> = text
        .split(|char: char| !(char.is_alphanumeric() || char == '_'))
        .map(|part| part.trim_matches('_').to_ascii_lowercase())
        .collect();
    let is_about_what_must_be = parts
        .iter()
        .any(|part| part.contains("audit") || matches!(part.as_str(), "math" | "np" | "numpy"));
    !is_about_what_must_be
        && (parts.iter().any(|part| REPORTS.contains(&part.as_str()))
            || WAITS.iter().any(|wait| text.ends_with(wait)))
}

/// `if TYPE_CHECKING:`, `if __name__ == "__main__":`, `if (process.env.NODE_ENV !== "production")`.
fn is_never_tested(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Condition).is_some_and(|condition| {
        let text = tree.source(condition);
        [
            "TYPE_CHECKING",
            "__name__",
            "require.main",
            "import.meta",
            "NODE_ENV",
        ]
        .iter()
        .any(|word| text.contains(word))
    })
}

/// Whether the condition of an `if` asks for what no test changes, or for what was remembered: then both ways give the same.
pub fn is_unseen_condition(tree: &Tree, condition: NodeId) -> bool {
    let holder = tree.parent(condition).unwrap_or(NodeId::ROOT);
    let remembers = |id: NodeId| {
        let name = tree.name(id).to_ascii_lowercase();
        matches!(tree.kind(id), Kind::Name | Kind::Member)
            && (name.contains("cache") || name.contains("memo"))
    };
    let reports = |id: NodeId| {
        matches!(tree.kind(id), Kind::Name | Kind::Member)
            && matches!(
                tree.name(id).to_ascii_lowercase().as_str(),
                "debug" | "verbose" | "isenabledfor"
            )
    };
    is_never_tested(tree, holder)
        || tree
            .subtree(condition)
            .any(|id| remembers(id) || reports(id) || tree.kind(id) == Kind::Assign)
        || matches!(tree.kind(condition), Kind::Bool | Kind::Num)
        || gives_back_what_the_rest_would(tree, holder)
        || body_only_reports(tree, holder)
}

/// `if not items: return []`: with nothing to go through, what follows mostly ends in the same.
fn gives_back_what_the_rest_would(tree: &Tree, id: NodeId) -> bool {
    let (Some(condition), Some(body)) = (tree.child(id, Role::Condition), tree.child(id, Role::Body)) else {
        return false;
    };
    let asks_for_nothing = match tree.kind(condition) {
        Kind::Unary => tree.name(condition) == "not",
        Kind::Binary => tree
            .child(condition, Role::Right)
            .is_some_and(|right| tree.source(right) == "0"),
        _ => false,
    };
    let statements: Vec<NodeId> = tree.children(body).collect();
    let [statement] = statements.as_slice() else {
        return false;
    };
    let is_empty = |value: NodeId| match tree.kind(value) {
        Kind::List | Kind::Object | Kind::Set | Kind::Tuple => tree.children(value).next().is_none(),
        Kind::Str => tree.name(value).is_empty(),
        Kind::Num => matches!(tree.name(value), "0" | "0.0"),
        _ => false,
    };
    asks_for_nothing
        && tree.kind(*statement) == Kind::Return
        && tree.child(*statement, Role::Value).is_some_and(is_empty)
}

fn body_only_reports(tree: &Tree, id: NodeId) -> bool {
    let Some(body) = tree
        .child(id, Role::Body)
        .filter(|_| tree.child(id, Role::Else).is_none())
    else {
        return false;
    };
    let reports = |statement: NodeId| {
        tree.kind(statement) == Kind::ExprStmt
            && tree
                .child(statement, Role::Value)
                .is_some_and(|value| tree.kind(value) == Kind::Call && only_reports(tree, value))
    };
    tree.kind(body) == Kind::Block
        && tree
            .children(body)
            .all(|statement| reports(statement) || tree.kind(statement) == Kind::Pass)
}

fn is_in_else(tree: &Tree, id: NodeId, around: NodeId) -> bool {
    tree.child(around, Role::Else)
        .is_some_and(|other| tree.within(id, other))
}

/// `__all__ = [...]`, `__version__ = ...`.
fn is_for_tools(tree: &Tree, assign: NodeId) -> bool {
    tree.child(assign, Role::Target).is_some_and(|target| {
        let name = tree.name(target);
        name.starts_with("__") && name.ends_with("__") && tree.kind(target) == Kind::Name
            || name == "displayName"
    })
}

/// `try: import x` with what is done without it.
fn imports_only(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body)
            .all(|statement| tree.kind(statement) == Kind::Import)
    })
}

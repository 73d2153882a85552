//! Where a value from outside gets to, within a file: assignments, branches, loops, calls of the file's own functions.
//!
//! Statements are followed in order; after a branch a value counts as tainted if one of the ways leaves it so. A call passes
//! the taint of its object on, and that of its arguments if it is known to give them back. What a test has found to be one of known values is clean where the test holds.

mod calls;
mod flow;
mod refine;
mod state;

use std::collections::HashMap;

use crate::analysis::typed::no_texts;
use crate::language::Language;
use crate::matching::{Bindings, Match, Source, bound};
use crate::rule::{Evaluation, Taint};
use crate::tree::{Kind, NodeId, Role};

/// A way from a source to a sink.
#[derive(Debug, Clone)]
pub struct Way {
    pub sink: Match,
    pub source: Match,
    /// What the value goes through between the two.
    pub steps: Vec<NodeId>,
}

/// What a rule says of the nodes of a file.
struct Marks {
    sources: HashMap<NodeId, Match>,
    sinks: HashMap<NodeId, Match>,
    sanitizers: HashMap<NodeId, ()>,
    /// What is tainted, or clean, from there on.
    side_sources: HashMap<NodeId, Match>,
    side_sanitizers: HashMap<NodeId, Match>,
    /// Whether every call gives back what it is given, as Semgrep has it.
    all_calls_pass: bool,
    /// At a node: what is tainted by what.
    propagators: HashMap<NodeId, Vec<(NodeId, NodeId)>>,
}

/// The ways from sources to sinks, in the order of the sinks, and whether everything could be looked at.
pub fn ways(taint: &Taint, evaluation: &mut Evaluation<'_>, source: &Source) -> (Vec<Way>, bool) {
    let mut sinks = marked(&taint.sinks, evaluation);
    if sinks.is_empty() {
        return (Vec::new(), true);
    }
    let sources = marked(taint.sources.iter().map(AsRef::as_ref), evaluation);
    if sources.is_empty() {
        return (Vec::new(), true);
    }
    let sanitizers = marked(&taint.sanitizers, evaluation);
    if evaluation.as_semgrep {
        parts_too(source, &mut sinks, &sanitizers);
    }
    let sanitizers = sanitizers
        .into_keys()
        .chain(no_texts(source))
        .map(|node| (node, ()))
        .collect();
    let mut propagators: HashMap<NodeId, Vec<(NodeId, NodeId)>> = HashMap::new();
    for propagator in &taint.propagators {
        for one in evaluation.everywhere(&propagator.formula) {
            let node = |name: &str, bindings: &Bindings| bound(bindings, name).and_then(|bound| bound.node);
            if let (Some(from), Some(to)) = (
                node(&propagator.from, &one.bindings),
                node(&propagator.to, &one.bindings),
            ) {
                propagators.entry(one.node).or_default().push((from, to));
            }
        }
    }
    let marks = Marks {
        all_calls_pass: evaluation.as_semgrep,
        side_sources: marked(&taint.side_sources, evaluation),
        side_sanitizers: marked(&taint.side_sanitizers, evaluation),
        sources,
        sinks,
        sanitizers,
        propagators,
    };
    let mut flow = flow::Flow::new(source, &marks);
    flow.everything();
    let complete = flow.complete();
    let mut ways = flow.found;
    ways.sort_by_key(|way| (way.sink.span.start, way.sink.span.end, way.source.span.start));
    // One way to a sink says it.
    ways.dedup_by(|later, earlier| later.sink.span == earlier.sink.span);
    (ways, complete)
}

/// Which of some nodes are reached by the values of others: pairs of sink and source. What passes one of `clean` is clean.
pub fn reaches(source: &Source, from: &[NodeId], to: &[NodeId], clean: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    let whole = |nodes: &[NodeId]| -> HashMap<NodeId, Match> {
        nodes
            .iter()
            .map(|node| {
                let one = Match {
                    node: *node,
                    span: source.tree.span(*node),
                    bindings: Bindings::new(),
                };
                (*node, one)
            })
            .collect()
    };
    if from.is_empty() || to.is_empty() {
        return Vec::new();
    }
    let marks = Marks {
        sources: whole(from),
        sinks: whole(to),
        sanitizers: clean
            .iter()
            .copied()
            .chain(no_texts(source))
            .map(|node| (node, ()))
            .collect(),
        all_calls_pass: false,
        side_sources: HashMap::new(),
        side_sanitizers: HashMap::new(),
        propagators: HashMap::new(),
    };
    let mut flow = flow::Flow::new(source, &marks);
    flow.everything();
    let mut pairs: Vec<(NodeId, NodeId)> = flow
        .found
        .iter()
        .map(|way| (way.sink.node, way.source.node))
        .collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

/// Every part of what a pattern of a sink fits is one, but for what is cleaned there.
fn parts_too(source: &Source, sinks: &mut HashMap<NodeId, Match>, sanitizers: &HashMap<NodeId, Match>) {
    let tree = &source.tree;
    let mut whole: Vec<Match> = sinks.values().cloned().collect();
    whole.sort_by_key(|one| one.node);
    for one in whole.into_iter().filter(|one| one.span == tree.span(one.node)) {
        let is_cleaned = |part: NodeId| sanitizers.keys().any(|cleaned| tree.within(part, *cleaned));
        for part in tree.subtree(one.node).filter(|part| !is_cleaned(*part)) {
            sinks.entry(part).or_insert_with(|| one.clone());
        }
    }
}

fn marked<'a>(
    formulas: impl IntoIterator<Item = &'a crate::rule::Formula>,
    evaluation: &mut Evaluation<'_>,
) -> HashMap<NodeId, Match> {
    let mut marked = HashMap::new();
    for formula in formulas {
        for one in evaluation.everywhere(formula) {
            marked.entry(one.node).or_insert(one);
        }
    }
    marked
}

/// Functions whose result says nothing of the text that went in: lengths, numbers, truth.
fn gives_no_text(language: Language, name: &str) -> bool {
    if language == Language::Java {
        return java_gives_no_text(name);
    }
    matches!(
        name,
        "len"
            | "int"
            | "float"
            | "bool"
            | "isinstance"
            | "hash"
            | "id"
            | "abs"
            | "round"
            | "ord"
            | "type"
            | "parseInt"
            | "parseFloat"
            | "Number"
            | "Boolean"
            | "BigInt"
            | "isNaN"
            | "strconv.Atoi"
            | "strconv.ParseInt"
            | "strconv.ParseFloat"
            | "strconv.ParseBool"
            | "strconv.ParseUint"
            | "uuid.UUID"
            | "uuid.Parse"
            | "Number.parseInt"
            | "Number.parseFloat"
            | "Math.floor"
            | "Math.max"
            | "Math.min"
            | "decimal.Decimal"
            | "datetime.datetime.fromisoformat"
            | "hashlib.sha256"
            | "time.Parse"
    )
}

/// The same for Java: what parses numbers, dates and names of constants, whatever package it was imported from.
fn java_gives_no_text(name: &str) -> bool {
    let mut parts = name.rsplit('.');
    let (method, class) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    matches!(
        method,
        "parseInt"
            | "parseLong"
            | "parseShort"
            | "parseByte"
            | "parseDouble"
            | "parseFloat"
            | "parseBoolean"
            | "parseUnsignedInt"
            | "isEmpty"
            | "isBlank"
            | "size"
            | "hashCode"
            | "equals"
            | "equalsIgnoreCase"
    ) || method == "valueOf" && class != "String"
        || method == "fromString" && class == "UUID"
        || method == "decode" && matches!(class, "Integer" | "Long")
        || matches!(method, "parse" | "of" | "from")
            && matches!(
                class,
                "LocalDate"
                    | "LocalDateTime"
                    | "LocalTime"
                    | "Instant"
                    | "ZonedDateTime"
                    | "OffsetDateTime"
                    | "Duration"
                    | "Period"
                    | "Year"
                    | "YearMonth"
            )
}

/// Operators whose result is a number. Python's `/` joins paths and its `%` fills in texts.
fn is_number(language: Language, operator: &str) -> bool {
    match language {
        Language::Python => matches!(operator, "-" | "//" | "**"),
        Language::Go => matches!(operator, "-" | "*" | "/" | "%"),
        Language::Java | Language::Rust => {
            matches!(
                operator,
                "-" | "*" | "/" | "%" | ">>>" | ">>" | "<<" | "|" | "&" | "^"
            )
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            matches!(
                operator,
                "-" | "*" | "/" | "%" | "**" | ">>>" | ">>" | "<<" | "|" | "^"
            )
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

/// Calls whose result is no text of the client's choice by what they are told: `args.get("page", type=int)`, `fmt.Sprintf("%d", id)`.
fn is_converted(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let mut arguments = tree.children_in(call, Role::Arg);
    let typed = tree.children_in(call, Role::Arg).any(|argument| {
        tree.kind(argument) == Kind::Keyword
            && tree.name(argument) == "type"
            && tree.child(argument, Role::Value).is_some_and(|value| {
                matches!(
                    tree.source(value),
                    "int" | "float" | "bool" | "uuid.UUID" | "UUID"
                )
            })
    });
    let is_format = tree
        .child(call, Role::Callee)
        .is_some_and(|callee| tree.source(callee) == "fmt.Sprintf");
    typed
        || is_format
            && arguments
                .next()
                .is_some_and(|format| tree.kind(format) == Kind::Str && only_numbers(tree.name(format)))
}

/// Whether each verb of Go's format takes a number.
fn only_numbers(format: &str) -> bool {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let verb =
            rest[at + 1..].trim_start_matches(|char: char| char.is_ascii_digit() || "+-# .".contains(char));
        match verb.chars().next() {
            Some('d' | 'f' | 'g' | 'e' | 'x' | 'X' | 't' | 'b' | 'o' | '%') => rest = &verb[1..],
            _ => return false,
        }
    }
    true
}

/// Calls that give what is kept under a key, or the rows of a query: it is not what was asked with.
fn looks_up(name: &str) -> bool {
    matches!(
        name,
        "get"
            | "exec"
            | "execute"
            | "fetch"
            | "fetchall"
            | "fetchone"
            | "fetchrow"
            | "fetchval"
            | "filter_by"
            | "find"
            | "findAll"
            | "findAndCountAll"
            | "findByPk"
            | "findById"
            | "findFirst"
            | "findFirstOrThrow"
            | "findMany"
            | "findOne"
            | "findOneBy"
            | "findUnique"
            | "findUniqueOrThrow"
            | "find_one"
            | "first"
            | "get_object_or_404"
            | "getItem"
            | "hget"
            | "query"
            | "Query"
            | "QueryContext"
            | "QueryRow"
            | "QueryRowContext"
            | "scalar"
            | "scalars"
            | "Exec"
            | "executeQuery"
            | "getOne"
            | "getReferenceById"
            | "load"
            | "queryForObject"
            | "queryForList"
            | "queryForMap"
            | "queryForRowSet"
            | "ExecContext"
            | "verify"
    )
}

/// Calls that fill what they are given with what they read.
fn fills_in(name: &str) -> bool {
    matches!(
        name,
        "Decode"
            | "Unmarshal"
            | "UnmarshalJSON"
            | "BodyParser"
            | "QueryParser"
            | "ParamsParser"
            | "ReqHeaderParser"
            | "ReadJSON"
            | "DecodeJSON"
            | "ReadAll"
            | "Sscanf"
            | "Sscan"
            | "assign"
    ) || ["Bind", "ShouldBind", "MustBind"]
        .iter()
        .any(|begin| name.starts_with(begin))
}

/// Methods that put their arguments into their object.
fn takes_in(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "push"
            | "add"
            | "extend"
            | "update"
            | "insert"
            | "unshift"
            | "setdefault"
            | "write"
            | "WriteString"
            | "Write"
            | "concat"
            | "set"
            | "put"
            | "appendleft"
            | "push_str"
            | "addAll"
            | "putAll"
            | "Set"
            | "Add"
    )
}

//! An object that its makers say may be used by one thread at a time, kept where all threads use it.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::{bodies, calls, served};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unsafe-shared-object",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366", "CWE-567"],
    languages: &[Language::Go, Language::Java],
    run,
};

/// Java's classes, and the methods that work on their inner state.
const JAVA: &[(&[&str], &[&str])] = &[
    (
        &[
            "SimpleDateFormat",
            "DateFormat",
            "DecimalFormat",
            "NumberFormat",
            "MessageFormat",
            "ChoiceFormat",
        ],
        &["format", "parse", "parseObject", "setTimeZone", "applyPattern"],
    ),
    (
        &["Calendar", "GregorianCalendar"],
        &[
            "set",
            "setTime",
            "setTimeInMillis",
            "add",
            "roll",
            "clear",
            "setTimeZone",
        ],
    ),
    (
        &["MessageDigest", "Mac", "Signature", "Cipher"],
        &[
            "update",
            "digest",
            "doFinal",
            "reset",
            "init",
            "sign",
            "verify",
            "initSign",
            "initVerify",
        ],
    ),
    (&["Matcher"], &["reset", "find", "matches", "lookingAt", "group"]),
    (
        &["CharsetEncoder", "CharsetDecoder"],
        &["encode", "decode", "reset"],
    ),
    (
        &["DocumentBuilder", "SAXParser", "XMLReader"],
        &["parse", "reset", "newDocument"],
    ),
    (
        &[
            "Transformer",
            "Marshaller",
            "Unmarshaller",
            "XPath",
            "XPathExpression",
        ],
        &[
            "transform",
            "setParameter",
            "marshal",
            "unmarshal",
            "evaluate",
            "setProperty",
        ],
    ),
    (
        &["StringBuilder"],
        &["append", "setLength", "insert", "deleteCharAt", "reverse"],
    ),
];

/// Go's makers of such objects.
const GO: &[(&str, &[&str])] = &[
    ("md5.New", HASH),
    ("sha1.New", HASH),
    ("sha256.New", HASH),
    ("sha512.New", HASH),
    ("hmac.New", HASH),
    ("fnv.New32", HASH),
    ("fnv.New32a", HASH),
    ("fnv.New64", HASH),
    ("fnv.New64a", HASH),
    ("crc32.NewIEEE", HASH),
    (
        "rand.New",
        &[
            "Int", "Intn", "Int31", "Int31n", "Int63", "Int63n", "Float64", "Float32", "Perm", "Shuffle",
            "Read", "Uint32", "Uint64", "IntN", "Int64N", "Seed",
        ],
    ),
    ("bytes.Buffer", BUFFER),
    ("strings.Builder", BUFFER),
    ("bytes.NewBuffer", BUFFER),
    ("bytes.NewBufferString", BUFFER),
];
const HASH: &[&str] = &["Write", "Sum", "Reset"];
const BUFFER: &[&str] = &[
    "Write",
    "WriteString",
    "WriteByte",
    "WriteRune",
    "Reset",
    "ReadFrom",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    match source.tree.language() {
        Language::Java => java(source, project, reports),
        _ => go(source, project, reports),
    }
}

fn java(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for field in source.of_kind(Kind::Assign).iter().copied() {
        let Some(class) = tree
            .parent(field)
            .and_then(|body| tree.parent(body))
            .filter(|class| tree.kind(*class) == Kind::Class)
        else {
            continue;
        };
        let ty = tree.child(field, Role::Type).map_or("", |ty| tree.name(ty));
        let Some((_, methods)) = JAVA
            .iter()
            .find(|(types, _)| types.contains(&ty.rsplit('.').next().unwrap_or(ty)))
        else {
            continue;
        };
        let is_static = tree.flags(field).has(Flags::STATIC);
        let bean = is_one_for_all(tree, class);
        if !is_static && !bean || undoes_or_tests(code, field) {
            continue;
        }
        let Some(name) = tree.child(field, Role::Target).map(|target| tree.name(target)) else {
            continue;
        };
        let uses: Vec<(NodeId, NodeId)> = source
            .calls()
            .iter()
            .copied()
            .filter(|call| methods.contains(&calls::name(tree, *call)) && is_on(tree, *call, name, class))
            .filter_map(|call| Some((call, bodies::enclosing(tree, call)?)))
            .filter(|(call, function)| !runs_alone(tree, *call, *function, class))
            .collect();
        let Some((at, _)) = uses.first() else {
            continue;
        };
        let told = format!(
            "`{name}` is a `{ty}`, which may be used by one thread at a time, and all threads share it: they get each other's values"
        );
        let dates = ty.ends_with("DateFormat") || ty.ends_with("Calendar");
        let shared = bean
            || uses
                .iter()
                .any(|(_, function)| served::is_served(source, project, *function));
        if shared || dates && !has_main(tree, class) {
            reports.add(*at, told);
        } else {
            reports.note(*at, told);
        }
    }
}

/// Whether a class has one object that all requests go through.
pub(super) fn is_one_for_all(tree: &Tree, class: NodeId) -> bool {
    let marks = java_decorators(tree, class);
    let has = |names: &[&str]| marks.iter().any(|mark| names.contains(mark));
    let each_has_its_own = has(&[
        "Scope",
        "RequestScope",
        "SessionScope",
        "RequestScoped",
        "SessionScoped",
        "Dependent",
        "Stateful",
    ]);
    let bases = tree.children_in(class, Role::Base).any(|base| {
        matches!(
            tree.name(base).split('<').next().unwrap_or(""),
            "HttpServlet" | "Filter" | "OncePerRequestFilter" | "HandlerInterceptor" | "GenericFilterBean"
        )
    });
    !each_has_its_own
        && (bases
            || has(&[
                "Service",
                "Component",
                "Controller",
                "RestController",
                "Repository",
                "Configuration",
                "ControllerAdvice",
                "RestControllerAdvice",
                "Singleton",
                "ApplicationScoped",
                "WebServlet",
                "WebFilter",
            ]))
}

/// `NAME.format(…)`, `this.name.format(…)`, `Class.NAME.format(…)`, where nothing nearer has that name.
fn is_on(tree: &Tree, call: NodeId, name: &str, class: NodeId) -> bool {
    let Some(of) = calls::receiver(tree, call).filter(|_| tree.within(call, class)) else {
        return false;
    };
    match tree.kind(of) {
        Kind::Name => tree.name(of) == name && !is_local(tree, of, name),
        Kind::Member => {
            let object = tree
                .child(of, Role::Object)
                .map_or("", |object| tree.name(object));
            tree.name(of) == name && (object == "this" || object == tree.name(class))
        }
        _ => false,
    }
}

pub(super) fn is_local(tree: &Tree, at: NodeId, name: &str) -> bool {
    bodies::enclosing(tree, at).is_some_and(|function| {
        bodies::has_param(tree, function, name)
            || bodies::body(tree, function).iter().any(|id| {
                tree.kind(*id) == Kind::Assign
                    && tree.flags(*id).has(Flags::DECLARATION)
                    && tree
                        .child(*id, Role::Target)
                        .is_some_and(|target| tree.name(target) == name)
            })
    })
}

/// Whether a call runs under a lock, or before anybody else can have the object.
pub(super) fn runs_alone(tree: &Tree, call: NodeId, function: NodeId, class: NodeId) -> bool {
    let is_constructor = tree.name(function) == tree.name(class);
    let name = tree.name(function);
    let once = is_constructor
        || matches!(
            name,
            "<init>" | "<clinit>" | "main" | "setUp" | "afterPropertiesSet" | "init"
        )
        || java_decorators(tree, function).contains(&"PostConstruct");
    let text = tree.source(function);
    let body = tree.child(function, Role::Body).map_or(text.len(), |body| {
        tree.span(body).start - tree.span(function).start
    });
    let head = text.get(..body).unwrap_or(text);
    once || head.contains("synchronized ")
        || text.contains(".lock()")
        || tree
            .ancestors(call)
            .any(|around| tree.kind(around) == Kind::With && tree.name(around) == "synchronized")
}

fn has_main(tree: &Tree, class: NodeId) -> bool {
    tree.subtree(class)
        .any(|id| tree.kind(id) == Kind::Function && tree.name(id) == "main")
}

fn go(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for variable in tree
        .children(NodeId::ROOT)
        .filter(|id| tree.kind(*id) == Kind::Assign)
    {
        let Some((name, methods)) = tree
            .child(variable, Role::Target)
            .map(|target| tree.name(target))
            .zip(made_in_go(code, variable))
        else {
            continue;
        };
        if undoes_or_tests(code, variable) {
            continue;
        }
        let used = source.calls().iter().copied().find(|call| {
            let Some(function) = bodies::enclosing(tree, *call) else {
                return false;
            };
            methods.contains(&calls::name(tree, *call))
                && calls::receiver(tree, *call)
                    .is_some_and(|of| tree.kind(of) == Kind::Name && tree.name(of) == name)
                && source
                    .names
                    .binder(tree, *call, name)
                    .is_none_or(|(scope, _)| scope.is_none())
                && !tree.source(function).contains("Lock()")
                && served::is_served(source, project, function)
        });
        if let Some(at) = used {
            reports.add(
                at,
                format!("each request runs in its own goroutine, and all of them use `{name}`, which is for one at a time"),
            );
        }
    }
}

/// The methods that work on what a variable of the package is made as.
fn made_in_go(code: Code<'_>, variable: NodeId) -> Option<&'static [&'static str]> {
    let find = |name: &str| {
        GO.iter()
            .find(|(made, _)| *made == name)
            .map(|(_, methods)| *methods)
    };
    if let Some(ty) = code.child(variable, Role::Type)
        && let Some(methods) = find(code.name(ty).trim_start_matches('*'))
    {
        return Some(methods);
    }
    let value = code.bare(code.child(variable, Role::Value)?);
    match code.kind(value) {
        Kind::Call => find(code.tree.source(code.child(value, Role::Callee)?)),
        Kind::Composite => find(code.name(value)),
        _ => None,
    }
}

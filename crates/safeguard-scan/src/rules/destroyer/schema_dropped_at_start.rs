//! A service drops its tables, and makes them anew, each time it starts: Hibernate, JPA, Quarkus, Flyway and Liquibase are told so by one word.

mod synchronized;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::entries::entries;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::place;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub use synchronized::COMPARISON;

pub static CHECK: Check = Check {
    id: "schema-dropped-at-start",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: &[
        Language::Dockerfile,
        Language::Java,
        Language::JavaScript,
        Language::Settings,
        Language::Shell,
        Language::TypeScript,
        Language::Yaml,
    ],
    run,
};

/// Profiles of machines whose data nobody misses.
const PASSING: &[&str] = &[
    "dev",
    "develop",
    "development",
    "test",
    "tests",
    "testing",
    "local",
    "localhost",
    "it",
    "integration",
    "integrationtest",
    "ci",
    "demo",
    "e2e",
    "h2",
    "mem",
    "inmemory",
    "memory",
    "sandbox",
    "sample",
    "example",
    "unittest",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let file = source.path.rsplit('/').next().unwrap_or("");
    if source.is_test() || place::is_local(&source.path) || has_word(file, PASSING) {
        return;
    }
    if source.tree.language() == Language::Java {
        in_java(source, reports);
        return;
    }
    if matches!(
        source.tree.language(),
        Language::JavaScript | Language::TypeScript
    ) {
        in_options(source, reports);
        return;
    }
    for entry in entries(source) {
        let Some(value) = entry.text(source) else {
            continue;
        };
        let name = full_name(source, entry.node, entry.name);
        let Some(told) = drops(&name, value) else {
            continue;
        };
        let part = document(source, entry.node);
        if is_passing(&name, part) {
            continue;
        }
        let by_default = value.starts_with("${");
        let lasting = match stored(source.tree.text()) {
            Some(lasting) => lasting,
            None => stored_beside(source, project) == Some(true),
        };
        let compose = file.contains("compose");
        if told.sure && !by_default && lasting && !compose {
            reports.add(entry.node, told.what);
        } else {
            reports.note(entry.node, told.what);
        }
    }
}

/// The name with those of what it lies in: `spring.jpa.hibernate.ddl-auto`.
fn full_name(source: &Source, node: NodeId, name: &str) -> String {
    let tree = &source.tree;
    let mut parts: Vec<&str> = tree
        .ancestors(node)
        .filter(|around| tree.kind(*around) == Kind::Pair)
        .filter_map(|pair| tree.child(pair, Role::Key))
        .map(|key| tree.name(key))
        .collect();
    parts.reverse();
    parts.push(name);
    parts.join(".")
}

struct Told {
    what: &'static str,
    sure: bool,
}

const DROPS: Told = Told {
    what: "all tables are dropped and made anew, empty, each time the program starts",
    sure: true,
};

/// What a setting does, by its name without the signs that its forms differ in.
fn drops(name: &str, value: &str) -> Option<Told> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let value = value.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    // `${DDL_AUTO:create}`: what holds where nothing is said.
    let value = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or(value.as_str(), |inner| {
            inner.split_once(':').map_or("", |(_, default)| default)
        })
        .trim_start_matches('-');
    let ends = |endings: &[&str]| endings.iter().any(|ending| plain.ends_with(ending));
    let is_true = value == "true";
    if ends(&["jpahibernateddlauto", "hbm2ddlauto"]) {
        return matches!(value, "create" | "create-drop" | "drop").then_some(DROPS);
    }
    if ends(&[
        "hibernateormdatabasegeneration",
        "hibernateormschemamanagementstrategy",
        "schemagenerationdatabaseaction",
    ]) {
        return matches!(value, "drop-and-create" | "drop").then_some(DROPS);
    }
    if ends(&["flywaycleanonvalidationerror", "flywaycleanatstart"]) && is_true {
        return Some(Told {
            what: "Flyway drops everything in the schema when the program starts and a migration does not fit",
            sure: true,
        });
    }
    if ends(&["liquibasedropfirst", "liquibasecleanatstart"]) && is_true {
        return Some(Told {
            what: "Liquibase drops everything in the schema each time the program starts",
            sure: true,
        });
    }
    (ends(&["flywaycleandisabled"]) && value == "false").then_some(Told {
        what: "lets Flyway's `clean` drop everything in the schema",
        sure: false,
    })
}

/// The document of a file of several that a place is in.
fn document(source: &Source, node: NodeId) -> &str {
    let text = source.tree.text();
    let at = source.tree.span(node).start.min(text.len());
    let ends = |text: &str| {
        ["\n---", "\n#---", "\n!---"]
            .iter()
            .filter_map(|mark| text.find(mark))
            .min()
    };
    let begins = ["\n---", "\n#---", "\n!---"]
        .iter()
        .filter_map(|mark| text.get(..at)?.rfind(mark))
        .max()
        .unwrap_or(0);
    let end = text.get(at..).and_then(ends).map_or(text.len(), |end| at + end);
    text.get(begins..end).unwrap_or(text)
}

/// Whether it holds for a machine whose data nobody misses: by its profile.
fn is_passing(name: &str, document: &str) -> bool {
    let of_profile = name.starts_with('%') && has_word(name.split('.').next().unwrap_or(""), PASSING);
    of_profile
        || document
            .lines()
            .filter(|line| {
                line.contains("on-profile")
                    || line.contains("on_profile")
                    || line.trim_start().starts_with("profiles:")
                    || line.contains("spring.profiles")
            })
            .any(|line| has_word(line, PASSING))
}

/// Whether the database that a text names outlives the program; none if it names none.
fn stored(text: &str) -> Option<bool> {
    const PASSING: &[&str] = &[
        "jdbc:h2:",
        "jdbc:hsqldb:",
        "jdbc:derby:",
        "jdbc:sqlite::memory",
        ":tc:",
    ];
    let lower = text.to_ascii_lowercase();
    let named = lower
        .lines()
        .any(|line| (line.contains("url") || line.contains("jdbc")) && line.contains("${"));
    let jdbc = lower.contains("jdbc:") || lower.contains("r2dbc:");
    if PASSING.iter().any(|start| lower.contains(start)) {
        return Some(false);
    }
    (jdbc || named).then_some(true)
}

/// The same of the settings beside a file, and of those that the program has with it.
fn stored_beside(source: &Source, project: &Project) -> Option<bool> {
    let own = folder(&source.path);
    let mut found = project
        .below(own)
        .chain(project.files())
        .filter(|path| {
            let file = path.rsplit('/').next().unwrap_or("");
            file.starts_with("application")
                && *path != source.path
                && !place::is_test(path)
                && !has_word(file, PASSING)
        })
        .take(8)
        .filter_map(|path| stored(&project.text(path)?));
    found.next()
}

/// `properties.put("hibernate.hbm2ddl.auto", "create")`
fn in_java(source: &Source, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        if code.called(call) == "clean" && code.args(call).is_empty() {
            cleaned(code, call, reports);
            continue;
        }
        if !matches!(
            code.called(call),
            "put" | "setProperty" | "addProperty" | "applySetting" | "property" | "of" | "entry"
        ) {
            continue;
        }
        let (Some(key), Some(value)) = (code.arg(call, 0), code.arg(call, 1)) else {
            continue;
        };
        let name = code.text(key).map_or_else(
            || match code.last_name(key) {
                "HBM2DDL_AUTO" => "hibernate.hbm2ddl.auto".to_owned(),
                "HBM2DDL_DATABASE_ACTION" | "JAKARTA_HBM2DDL_DATABASE_ACTION" => {
                    "schema-generation.database.action".to_owned()
                }
                _ => String::new(),
            },
            str::to_owned,
        );
        let Some(told) = code.text(value).and_then(|value| drops(&name, value)) else {
            continue;
        };
        if undoes_or_tests(code, call) || code.names_around(call).iter().any(|name| has_word(name, PASSING)) {
            continue;
        }
        let text = source.tree.text();
        let lasting = stored(text).unwrap_or(text.contains("DataSource") || text.contains("dataSource"))
            && !text.contains("EmbeddedDatabase");
        if lasting && !code.mentions(NodeId::ROOT, |name| name == "Profile") {
            reports.add(call, told.what);
        } else {
            reports.note(call, told.what);
        }
    }
}

/// `flyway.clean()` of what migrates at the start.
fn cleaned(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let of_flyway = code
        .receiver(call)
        .is_some_and(|of| has_word(code.last_name(of), &["flyway"]));
    let asks = code.conditions_around(call).into_iter().any(|condition| {
        code.mentions(condition, |name| {
            has_word(
                name,
                &[
                    "profile",
                    "profiles",
                    "dev",
                    "test",
                    "local",
                    "environment",
                    "env",
                    "clean",
                    "reset",
                ],
            )
        })
    });
    let passing = code.names_around(call).iter().any(|name| has_word(name, PASSING))
        || code.mentions(NodeId::ROOT, |name| name == "Profile");
    if of_flyway && !undoes_or_tests(code, call) {
        let told = "Flyway drops everything in the schema when the program starts";
        match asks || passing {
            true => reports.note(call, told),
            false => reports.add(call, told),
        }
    }
}

/// Whether it is on wherever nobody says otherwise: `process.env.RESET !== 'no'`.
fn unless_said(code: Code<'_>, value: NodeId) -> bool {
    code.comparison(value).is_some_and(|(operator, left, right)| {
        matches!(operator, "!=" | "!==")
            && code.path_of(left).starts_with("process.env.")
            && code.text(right).is_some()
    })
}

/// `dropSchema: true` of TypeORM's options, where they are not written in the call that takes them: that is another page's.
fn in_options(source: &Source, reports: &mut Reports) {
    let code = Code::of(source);
    for setting in settings(code) {
        let opted_out = unless_said(code, setting.value);
        if setting.name != "dropSchema" || code.boolean(setting.value) != Some(true) && !opted_out {
            continue;
        }
        let direct = !opted_out
            && setting.within(code).is_some_and(|call| {
                matches!(
                    code.called(call),
                    "DataSource" | "createConnection" | "forRoot" | "MikroORM"
                )
            });
        let passing = code.tree.ancestors(setting.node).any(|around| {
            code.kind(around) == Kind::Assign && {
                let target = code.child(around, Role::Target);
                target.is_some_and(|target| has_word(code.name(target), PASSING))
            }
        }) || code
            .names_around(setting.node)
            .iter()
            .any(|name| has_word(name, PASSING));
        if direct || passing || undoes_or_tests(code, setting.node) {
            continue;
        }
        let in_memory = source.tree.text().contains("sqlite") || source.tree.text().contains("sqljs");
        if in_memory || !code.conditions_around(setting.node).is_empty() {
            reports.note(setting.node, DROPS.what);
        } else {
            reports.add(setting.node, DROPS.what);
        }
    }
}

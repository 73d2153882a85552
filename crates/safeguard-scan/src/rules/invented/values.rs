//! Of what type a value is, where the text alone says it.

use std::collections::HashMap;

use super::{data, third_party};
use crate::analysis::imports::Imports;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::tree::{Flags, Kind, NodeId, Role};

/// Functions of Python to the class of what they return.
const RETURNS: &[(&str, &str)] = &[
    ("datetime.datetime.now", "datetime.datetime"),
    ("datetime.datetime.utcnow", "datetime.datetime"),
    ("datetime.datetime.today", "datetime.datetime"),
    ("datetime.datetime.fromtimestamp", "datetime.datetime"),
    ("datetime.datetime.strptime", "datetime.datetime"),
    ("datetime.datetime.fromisoformat", "datetime.datetime"),
    ("datetime.date.today", "datetime.date"),
    ("pathlib.Path.cwd", "pathlib.Path"),
    ("pathlib.Path.home", "pathlib.Path"),
    ("subprocess.run", "subprocess.CompletedProcess"),
    ("re.compile", "re.Pattern"),
    ("json.dumps", "builtins.str"),
    ("os.getcwd", "builtins.str"),
    ("os.path.join", "builtins.str"),
    ("os.listdir", "builtins.list"),
    ("uuid.uuid4", "uuid.UUID"),
];

/// Methods of Python's texts that give a text.
const GIVES_TEXT: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "expandtabs",
    "format",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "removeprefix",
    "removesuffix",
    "replace",
    "rjust",
    "rstrip",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// The type that a parameter is declared with, where its values have no members but those of the type.
fn of_annotation(language: Language, written: &str) -> Option<String> {
    let plain = match language {
        Language::Python => match written.split('[').next().unwrap_or(written) {
            name @ ("str" | "list" | "dict" | "set" | "tuple" | "bytes") if !written.contains('|') => {
                return Some(format!("builtins.{name}"));
            }
            _ => return None,
        },
        Language::TypeScript | Language::Tsx => match written {
            "string" => "prototype.String",
            "string[]" | "number[]" | "boolean[]" => "prototype.Array",
            "Date" => "prototype.Date",
            _ => return None,
        },
        _ => return None,
    };
    Some(plain.to_owned())
}

/// Whether a function asks what its values are, and so takes others than it declares.
fn asks_for_types(text: &str) -> bool {
    [
        "isinstance(",
        "hasattr(",
        "getattr(",
        "typeof ",
        "instanceof",
        "Array.isArray",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Types of the values of a file's names.
pub struct Values<'s> {
    source: &'s Source,
    imports: &'s Imports,
    /// What a name is set to in a function or the file (`None`), if it is set once.
    set: HashMap<(Option<NodeId>, &'s str), NodeId>,
}

impl<'s> Values<'s> {
    pub fn of(source: &'s Source, imports: &'s Imports) -> Values<'s> {
        let tree = &source.tree;
        let mut set = HashMap::new();
        for assign in source.of_kind(Kind::Assign) {
            let mut targets = tree.children_in(*assign, Role::Target);
            let (Some(target), None) = (targets.next(), targets.next()) else {
                continue;
            };
            if tree.kind(target) == Kind::Name
                && matches!(tree.name(*assign), "=" | ":=")
                && let Some(value) = tree.child(*assign, Role::Value)
            {
                set.insert((functions_around(tree, *assign).next(), tree.name(target)), value);
            }
        }
        Values { source, imports, set }
    }

    /// The key of the type in the data: `builtins.str`, `pathlib.Path`, `prototype.Array`.
    pub fn type_of(&self, id: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        match tree.kind(id) {
            Kind::Name => {
                let name = tree.name(id);
                let (scope, times) = self.source.names.binder(tree, id, name)?;
                if times == 1
                    && let Some(scope) = scope
                    && let Some(written) = tree
                        .children_in(scope, Role::Param)
                        .find(|param| {
                            let flags = tree.flags(*param);
                            // `**options: str` is a mapping.
                            tree.name(*param) == name
                                && !flags.has(Flags::REST)
                                && !flags.has(Flags::KEYWORD_REST)
                        })
                        .and_then(|param| tree.child(param, Role::Type))
                    // A decorator lies in the function, and is asked before its parameters are there.
                    && !tree.ancestors(id).any(|around| tree.kind(around) == Kind::Decorator)
                    && !asks_for_types(tree.source(scope))
                {
                    let written = tree.name(written);
                    return of_annotation(tree.language(), written)
                        .or_else(|| self.of_package(written).map(str::to_owned));
                }
                if times == 1
                    && scope.is_some_and(|scope| {
                        self.is_text_of_list(id, scope) && !asks_for_types(tree.source(scope))
                    })
                {
                    return Some("builtins.str".to_owned());
                }
                if times > 1 {
                    return self.of_all_before(id, scope, name, times);
                }
                let value = *self.set.get(&(scope, name))?;
                // A name that stands for another, and so on, is not followed.
                (tree.kind(value) != Kind::Name && !self.imports.has(name))
                    .then(|| self.type_of_value(value))?
            }
            _ => self.type_of_value(id),
        }
    }

    /// The one type of all that a name was set to before a place, where what comes later can not come round to it.
    fn of_all_before(&self, id: NodeId, scope: Option<NodeId>, name: &str, times: u32) -> Option<String> {
        const SETS_MAX: usize = 6;
        let tree = &self.source.tree;
        let function = scope?;
        let all: Vec<NodeId> = self
            .source
            .of_kind(Kind::Assign)
            .iter()
            .copied()
            .filter(|assign| {
                matches!(tree.name(*assign), "=" | ":=")
                    && functions_around(tree, *assign).next() == Some(function)
                    && tree
                        .child(*assign, Role::Target)
                        .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
            })
            .collect();
        // What else binds it, a parameter or a loop, gives it another type.
        if all.len() != usize::try_from(times).ok()? || all.len() > SETS_MAX {
            return None;
        }
        let is_round = |assign: NodeId| {
            tree.ancestors(assign)
                .take_while(|around| *around != function)
                .any(|around| {
                    matches!(
                        tree.kind(around),
                        Kind::While | Kind::For | Kind::ForEach | Kind::DoWhile
                    ) && tree.within(id, around)
                })
        };
        let start = tree.span(id).start;
        let (before, after): (Vec<NodeId>, Vec<NodeId>) = all
            .into_iter()
            .partition(|assign| tree.span(*assign).end <= start);
        if functions_around(tree, id).next() != Some(function) || after.into_iter().any(is_round) {
            return None;
        }
        let mut types = before
            .into_iter()
            .map(|assign| self.type_of_value(tree.child(assign, Role::Value)?));
        let first = types.next()??;
        types.all(|of| of.as_ref() == Some(&first)).then_some(first)
    }

    /// The class of a package that a parameter is declared with, if its members are known.
    fn of_package(&self, written: &str) -> Option<&str> {
        let path = self.source.names.imported(written)?;
        third_party::members(path).map(|_| path)
    }

    /// Python: whether a name is each element of a list of texts, as the list's parameter says: `for name in names`.
    fn is_text_of_list(&self, id: NodeId, scope: NodeId) -> bool {
        let tree = &self.source.tree;
        let name = tree.name(id);
        let each = tree
            .ancestors(id)
            .filter(|around| matches!(tree.kind(*around), Kind::ForEach))
            .find(|around| {
                tree.child(*around, Role::Target)
                    .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
            });
        let iter = each
            .and_then(|each| tree.child(each, Role::Iter))
            .filter(|iter| tree.kind(*iter) == Kind::Name && tree.language() == Language::Python);
        let Some(of) = iter.map(|iter| tree.name(iter)) else {
            return false;
        };
        let mut params = tree.children_in(scope, Role::Param);
        let is_set_anew = self.set.contains_key(&(Some(scope), of));
        !is_set_anew
            && params.any(|param| {
                tree.name(param) == of
                    && tree.child(param, Role::Type).is_some_and(|written| {
                        matches!(
                            tree.name(written),
                            "list[str]"
                                | "set[str]"
                                | "List[str]"
                                | "Iterable[str]"
                                | "Sequence[str]"
                                | "frozenset[str]"
                        )
                    })
            })
    }

    fn type_of_value(&self, id: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let plain = match (tree.language(), tree.kind(id)) {
            (Language::Python, Kind::Str) if tree.flags(id).has(Flags::BYTES) => "builtins.bytes",
            (Language::Python, Kind::Str | Kind::Interp) => "builtins.str",
            (Language::Python, Kind::List) => "builtins.list",
            (Language::Python, Kind::Object) => "builtins.dict",
            (Language::Python, Kind::Set) => "builtins.set",
            (Language::Python, Kind::Tuple) => "builtins.tuple",
            (Language::Python, Kind::Comprehension) => match tree.name(id) {
                "list" => "builtins.list",
                "set" => "builtins.set",
                "dict" => "builtins.dict",
                _ => return None,
            },
            (Language::Python, Kind::Call) => return self.of_call(id),
            (Language::JavaScript | Language::TypeScript | Language::Tsx, Kind::Str | Kind::Interp) => {
                "prototype.String"
            }
            (Language::JavaScript | Language::TypeScript | Language::Tsx, Kind::List) => "prototype.Array",
            (Language::JavaScript | Language::TypeScript | Language::Tsx, Kind::New) => {
                let callee = tree.child(id, Role::Callee)?;
                match tree.source(callee) {
                    name @ ("Map" | "Set" | "Date")
                        if self.source.names.binder(tree, callee, name).is_none()
                            && !self.imports.has(name) =>
                    {
                        return Some(format!("prototype.{name}"));
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(plain.to_owned())
    }

    fn of_call(&self, id: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let callee = tree.child(id, Role::Callee)?;
        // `title.strip().lower()` is a text as `title` is.
        if tree.kind(callee) == Kind::Member
            && let Some(of) = tree.child(callee, Role::Object)
            && matches!(tree.kind(of), Kind::Name | Kind::Call | Kind::Str | Kind::Interp)
            && GIVES_TEXT.contains(&tree.name(callee))
            && self.imports.path(self.source, callee).is_none()
            && self.type_of(of).as_deref() == Some("builtins.str")
        {
            return Some("builtins.str".to_owned());
        }
        if tree.kind(callee) == Kind::Name
            && self
                .source
                .names
                .binder(tree, callee, tree.name(callee))
                .is_none()
            && !self.imports.has(tree.name(callee))
        {
            let name = tree.name(callee);
            return matches!(name, "str" | "list" | "dict" | "set" | "tuple" | "bytes")
                .then(|| format!("builtins.{name}"));
        }
        let path = self.imports.path(self.source, callee)?;
        if let Some((_, class)) = RETURNS.iter().find(|(function, _)| *function == path) {
            return Some((*class).to_owned());
        }
        if let Some(class) = third_party::returns(&path) {
            return Some(class.to_owned());
        }
        // Classes whose objects have no members but those of the class.
        const MODULES: &[&str] = &[
            "array",
            "asyncio",
            "collections",
            "csv",
            "datetime",
            "decimal",
            "fractions",
            "io",
            "ipaddress",
            "pathlib",
            "queue",
            "re",
            "subprocess",
            "threading",
            "time",
            "uuid",
            "zipfile",
            "zoneinfo",
        ];
        if !path
            .rsplit_once('.')
            .is_some_and(|(module, _)| MODULES.contains(&module))
        {
            return None;
        }
        // A class lies in a module; a module's members are no classes of their own.
        let is_class = |path: &str| {
            let last = path.rsplit('.').next().unwrap_or(path);
            path.contains('.')
                && (last.starts_with(|char: char| char.is_ascii_uppercase())
                    || matches!(
                        path,
                        "collections.defaultdict"
                            | "collections.deque"
                            | "datetime.datetime"
                            | "datetime.date"
                            | "datetime.timedelta"
                            | "datetime.time"
                    ))
        };
        let members = data::PYTHON_MEMBERS.get(path.as_str())?;
        let closed = !members.contains("__getattr__") && !members.contains("__getattribute__");
        (is_class(&path) && closed).then_some(path)
    }
}

//! Short ways to ask what a piece of code is: what is called with what, what a name was set to, what lies around a place.

use crate::matching::{Source, canonical};
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role, Tree};

/// How far a value is followed through names.
const HOPS_MAX: usize = 6;

#[derive(Clone, Copy)]
pub struct Code<'s> {
    pub source: &'s Source,
    pub tree: &'s Tree,
}

impl<'s> Code<'s> {
    pub fn of(source: &'s Source) -> Code<'s> {
        Code {
            source,
            tree: &source.tree,
        }
    }

    pub fn kind(self, id: NodeId) -> Kind {
        self.tree.kind(id)
    }

    pub fn name(self, id: NodeId) -> &'s str {
        self.tree.name(id)
    }

    pub fn child(self, id: NodeId, role: Role) -> Option<NodeId> {
        self.tree.child(id, role)
    }

    /// Calls, and constructions with `new`.
    pub fn calls(self) -> Vec<NodeId> {
        self.source.calls().to_vec()
    }

    pub fn is_call(self, id: NodeId) -> bool {
        matches!(self.kind(id), Kind::Call | Kind::New)
    }

    /// The last name of what is called: `get` of `a.b.get(…)`.
    pub fn called(self, call: NodeId) -> &'s str {
        match self.child(call, Role::Callee) {
            Some(callee) if matches!(self.kind(callee), Kind::Name | Kind::Member) => self.name(callee),
            _ => "",
        }
    }

    /// What a method is called on.
    pub fn receiver(self, call: NodeId) -> Option<NodeId> {
        let callee = self.child(call, Role::Callee)?;
        match self.kind(callee) {
            Kind::Member => self.child(callee, Role::Object),
            _ => None,
        }
    }

    /// The full name of what is called, imports taken for what they stand for; for the method of a value that has no name, `.` and the method.
    pub fn path(self, call: NodeId) -> &'s str {
        let paths = self.source.paths.get_or_init(|| {
            let path = |call: &NodeId| {
                let callee = self.child(*call, Role::Callee)?;
                Some((*call, self.path_of(callee).into_boxed_str()))
            };
            let tagged = self.source.of_kind(Kind::Tagged);
            self.source
                .calls()
                .iter()
                .chain(tagged)
                .filter_map(path)
                .collect()
        });
        paths.get(&call).map_or("", |path| path)
    }

    pub fn path_of(self, id: NodeId) -> String {
        match self.source.names.qualified(self.tree, id) {
            Some(path) => path,
            None if self.kind(id) == Kind::Member => format!(".{}", self.name(id)),
            None => String::new(),
        }
    }

    /// The arguments by position.
    pub fn args(self, call: NodeId) -> Vec<NodeId> {
        self.by_position(call).collect()
    }

    pub fn arg(self, call: NodeId, at: usize) -> Option<NodeId> {
        self.by_position(call).nth(at)
    }

    fn by_position(self, call: NodeId) -> impl Iterator<Item = NodeId> {
        self.tree
            .children_in(call, Role::Arg)
            .filter(move |arg| self.kind(*arg) != Kind::Keyword)
    }

    /// What is passed by name: by a keyword, or as an entry of an object or a struct.
    pub fn option(self, call: NodeId, name: &str) -> Option<NodeId> {
        for arg in self.tree.children_in(call, Role::Arg) {
            match self.kind(arg) {
                Kind::Keyword if self.name(arg) == name => return self.child(arg, Role::Value),
                Kind::Object | Kind::Composite | Kind::Name | Kind::Unary => {
                    let object = self.bare(arg);
                    let object = self.set_to(object).unwrap_or(object);
                    if let Some(value) = self.entry(object, name) {
                        return Some(value);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The value of a key in a literal object.
    pub fn entry(self, object: NodeId, name: &str) -> Option<NodeId> {
        if !matches!(self.kind(object), Kind::Object | Kind::Composite) {
            return None;
        }
        self.tree
            .children(object)
            .filter(|pair| self.kind(*pair) == Kind::Pair)
            .find(|pair| self.key(*pair) == Some(name))
            .and_then(|pair| self.child(pair, Role::Value))
    }

    /// The key of a pair, if it is a plain one.
    pub fn key(self, pair: NodeId) -> Option<&'s str> {
        let key = self.child(pair, Role::Key)?;
        matches!(self.kind(key), Kind::Str | Kind::Name).then(|| self.name(key))
    }

    /// Without what only says how to pass a value: `&x`, `await x`, casts.
    pub fn bare(self, mut id: NodeId) -> NodeId {
        loop {
            let inner = match self.kind(id) {
                Kind::Await | Kind::Cast => self.child(id, Role::Value),
                Kind::Unary if matches!(self.name(id), "&" | "*") => self.child(id, Role::Value),
                _ => None,
            };
            match inner {
                Some(inner) => id = inner,
                None => return id,
            }
        }
    }

    /// A value that is written in the file as it is, or set once for good.
    pub fn literal(self, id: NodeId) -> NodeId {
        self.source.names.constant(self.tree, id).unwrap_or(id)
    }

    pub fn text(self, id: NodeId) -> Option<&'s str> {
        let id = self.literal(id);
        (self.kind(id) == Kind::Str).then(|| self.name(id))
    }

    pub fn boolean(self, id: NodeId) -> Option<bool> {
        let id = self.literal(id);
        (self.kind(id) == Kind::Bool).then(|| self.name(id) == "true")
    }

    /// A whole number, as the languages write it.
    pub fn number(self, id: NodeId) -> Option<u64> {
        let id = self.literal(id);
        if self.kind(id) != Kind::Num {
            return None;
        }
        let text = self.name(id).replace('_', "").to_ascii_lowercase();
        let radix = |prefix: &str, radix| {
            text.strip_prefix(prefix)
                .map(|rest| u64::from_str_radix(rest, radix))
        };
        let number = radix("0x", 16)
            .or_else(|| radix("0o", 8))
            .or_else(|| radix("0b", 2))
            .or_else(|| {
                let octal =
                    text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
                octal.then(|| u64::from_str_radix(&text, 8))
            });
        match number {
            Some(number) => number.ok(),
            None => text.parse().ok(),
        }
    }

    pub fn is_null(self, id: NodeId) -> bool {
        self.kind(id) == Kind::Null
            || self.kind(id) == Kind::Name && matches!(self.name(id), "undefined" | "None" | "nil")
    }

    /// The function that a place is in.
    pub fn function(self, id: NodeId) -> Option<NodeId> {
        functions_around(self.tree, id).next()
    }

    pub fn functions(self, id: NodeId) -> impl Iterator<Item = NodeId> + 's {
        functions_around(self.tree, id)
    }

    /// What lies in a function's body and runs when it is called: without the insides of functions that are defined there.
    pub fn own(self, function: NodeId) -> Vec<NodeId> {
        let is_function = |kind| matches!(kind, Kind::Function | Kind::Lambda);
        match self.body(function) {
            Some(body) if is_function(self.kind(body)) => vec![body],
            Some(body) => self.tree.pruned(body, is_function).collect(),
            None => Vec::new(),
        }
    }

    pub fn body(self, function: NodeId) -> Option<NodeId> {
        self.child(function, Role::Body)
    }

    /// A function's own name, or the one that it is assigned or passed under.
    pub fn function_name(self, function: NodeId) -> &'s str {
        let own = self.name(function);
        if !own.is_empty() {
            return own;
        }
        let Some(parent) = self.tree.parent(function) else {
            return "";
        };
        match self.kind(parent) {
            Kind::Assign => self
                .child(parent, Role::Target)
                .map_or("", |target| self.name(target)),
            Kind::Pair => self.key(parent).unwrap_or(""),
            Kind::Field | Kind::Keyword => self.name(parent),
            // `const a = useCallback(() => …)`, `asyncHandler(async (req, res) => …)`
            Kind::Call => match self.tree.parent(parent).map(|around| (around, self.kind(around))) {
                Some((around, Kind::Assign)) => self
                    .child(around, Role::Target)
                    .map_or("", |target| self.name(target)),
                _ => "",
            },
            _ => "",
        }
    }

    /// The names of the functions and classes around a place, from the inside out.
    pub fn names_around(self, id: NodeId) -> Vec<&'s str> {
        self.tree
            .ancestors(id)
            .filter_map(|around| match self.kind(around) {
                Kind::Function | Kind::Lambda => Some(self.function_name(around)),
                Kind::Class => Some(self.name(around)),
                _ => None,
            })
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// What a name was last set to before this place, in the same function.
    pub fn set_to(self, id: NodeId) -> Option<NodeId> {
        let mut at = self.bare(id);
        for _ in 0..HOPS_MAX {
            if self.kind(at) != Kind::Name {
                return Some(at);
            }
            at = self.bare(self.assignment(at)?);
        }
        None
    }

    fn assignment(self, name: NodeId) -> Option<NodeId> {
        let wanted = self.name(name);
        let before = self.tree.span(name).start;
        let scopes = self.functions(name).chain(std::iter::once(NodeId::ROOT));
        for scope in scopes {
            let found = self.source.assignments(wanted).iter().rev().copied().find(|id| {
                self.tree.within(*id, scope)
                    && self.tree.span(*id).end <= before
                    && self.name(*id) != "+="
                    && (scope != NodeId::ROOT || self.function(*id).is_none())
            });
            if let Some(found) = found {
                return self.child(found, Role::Value);
            }
            // A parameter hides what lies outside.
            if self
                .tree
                .children_in(scope, Role::Param)
                .any(|param| self.name(param) == wanted)
            {
                return None;
            }
        }
        None
    }

    /// The assignments of the file that set this very name, and not the first of several by taking a value apart.
    pub fn sets(self, name: &'s str) -> impl Iterator<Item = NodeId> + 's {
        let of_name = self.source.assignments(name).iter().copied();
        of_name.filter(move |assign| {
            self.tree
                .children_in(*assign, Role::Target)
                .any(|target| self.kind(target) == Kind::Name && self.name(target) == name)
        })
    }

    /// The names and members in a piece of code.
    pub fn names_in(self, id: NodeId) -> impl Iterator<Item = &'s str> + 's {
        let tree = self.tree;
        tree.subtree(id)
            .filter(move |id| matches!(tree.kind(*id), Kind::Name | Kind::Member | Kind::Keyword))
            .map(move |id| tree.name(id))
    }

    /// Whether a name in the code fulfils a test.
    pub fn mentions(self, id: NodeId, test: impl Fn(&str) -> bool) -> bool {
        self.names_in(id).any(test)
    }

    /// Texts in a piece of code.
    pub fn texts_in(self, id: NodeId) -> impl Iterator<Item = &'s str> + 's {
        let tree = self.tree;
        tree.subtree(id)
            .filter(move |id| tree.kind(*id) == Kind::Str)
            .map(move |id| tree.name(id))
    }

    /// The last name of a value: `password` of `user.password`, `user["password"]`, `form.get("password")`.
    pub fn last_name(self, id: NodeId) -> &'s str {
        let id = self.bare(id);
        match self.kind(id) {
            Kind::Name | Kind::Member => self.name(id),
            Kind::Index => self
                .child(id, Role::Index)
                .and_then(|index| self.text(index))
                .unwrap_or(""),
            Kind::Call => match self.called(id) {
                "get" | "Get" | "getlist" | "pop" | "getAll" | "FormValue" | "PostForm" | "Query"
                | "header" | "GetHeader" | "PostFormValue" | "QueryParam" => {
                    self.arg(id, 0).and_then(|key| self.text(key)).unwrap_or("")
                }
                "strip" | "trim" | "lower" | "encode" | "decode" | "toString" | "toLowerCase" | "String" => {
                    self.receiver(id).map_or("", |of| self.last_name(of))
                }
                _ => "",
            },
            _ => "",
        }
    }

    /// The name that a chain of members, elements and calls begins with.
    pub fn first_name(self, id: NodeId) -> &'s str {
        let mut at = self.bare(id);
        loop {
            let next = match self.kind(at) {
                Kind::Member | Kind::Index => self.child(at, Role::Object),
                Kind::Call => self.child(at, Role::Callee),
                _ => None,
            };
            match next {
                Some(next) => at = self.bare(next),
                None => {
                    return if self.kind(at) == Kind::Name {
                        self.name(at)
                    } else {
                        ""
                    };
                }
            }
        }
    }

    pub fn same(self, left: NodeId, right: NodeId) -> bool {
        canonical(self.tree, left) == canonical(self.tree, right)
    }

    /// The branches around a place, from the inside out: the conditions of `if` and `?:`.
    pub fn conditions_around(self, id: NodeId) -> Vec<NodeId> {
        self.tree
            .ancestors(id)
            .take_while(|around| !matches!(self.kind(*around), Kind::Module))
            .filter(|around| matches!(self.kind(*around), Kind::If | Kind::Conditional | Kind::Case))
            .filter_map(|around| {
                self.child(around, Role::Condition)
                    .or(self.child(around, Role::Test))
            })
            .filter(|condition| !self.tree.within(id, *condition))
            .collect()
    }

    /// Whether a module is imported: by its whole name, or the beginning of it before a `/` or `.`.
    pub fn imports(self, module: &str) -> bool {
        self.source.of_kind(Kind::Import).iter().any(|import| {
            let name = self.name(*import);
            name == module
                || name
                    .strip_prefix(module)
                    .is_some_and(|rest| rest.starts_with(['/', '.']))
        }) || self.source.of_kind(Kind::Call).iter().any(|call| {
            matches!(self.called(*call), "require" | "import")
                && self.arg(*call, 0).is_some_and(|arg| {
                    self.kind(arg) == Kind::Str && self.name(arg).trim_start_matches("node:") == module
                })
        })
    }

    /// The comparisons of two values, with their operator.
    pub fn comparison(self, id: NodeId) -> Option<(&'s str, NodeId, NodeId)> {
        if self.kind(id) != Kind::Binary {
            return None;
        }
        Some((
            self.name(id),
            self.child(id, Role::Left)?,
            self.child(id, Role::Right)?,
        ))
    }
}

impl<'s> Code<'s> {
    /// The last name of what a member or an element is of: `config` of `app.config["DEBUG"]`.
    pub fn last_name_of_object(self, id: NodeId) -> &'s str {
        self.child(id, Role::Object)
            .map_or("", |object| self.last_name(object))
    }

    /// What the chain that is called begins with: `res` of `res.status(500).json(…)`.
    pub fn first_name_of_call(self, call: NodeId) -> Option<&'s str> {
        self.child(call, Role::Callee)
            .map(|callee| self.first_name(callee))
    }
}

impl Code<'_> {
    /// Whether a text is written somewhere in a piece of code, also as a key or a name.
    pub fn mentions_text(self, id: NodeId, wanted: &str) -> bool {
        self.texts_in(id).any(|text| text == wanted) || self.mentions(id, |name| name == wanted)
    }
}

impl Code<'_> {
    /// Whether one of these numbers is written somewhere in a piece of code.
    pub fn mentions_number(self, id: NodeId, wanted: &[&str]) -> bool {
        self.tree
            .subtree(id)
            .any(|id| self.kind(id) == Kind::Num && wanted.contains(&self.name(id)))
    }
}

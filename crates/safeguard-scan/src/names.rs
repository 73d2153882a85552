//! What names of a file stand for: modules and their members, and values that never change.

use crate::Map;
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role, Tree};

/// How long a chain of members may be.
const PATH_SEGMENTS_MAX: usize = 16;

/// The function that a name is local to, or the file.
type Scope = Option<NodeId>;

/// What is known of the names of one file.
#[derive(Debug, Default)]
pub struct Names {
    /// A name of the file to what it stands for: `sp` to `subprocess`, `exec` to `child_process.exec`.
    imported: Map<String, String>,
    /// A name that is assigned once in its function or file, to the literal it then has for good, and the function it is local to.
    constants: Map<String, Vec<(Scope, NodeId)>>,
    /// How often a name is bound in each function (or the file) that binds it, parameters included.
    bound: Map<String, Vec<(Scope, u32)>>,
}

impl Names {
    pub fn of(tree: &Tree) -> Names {
        let mut names = Names::default();
        for id in tree.all() {
            match tree.kind(id) {
                Kind::Import => names.import(tree, id),
                Kind::Assign => names.assign(tree, id),
                Kind::Param | Kind::Function | Kind::Class => names.bind(tree, id, tree.name(id)),
                Kind::ForEach | Kind::WithItem | Kind::Clause | Kind::Catch | Kind::Delete => {
                    if tree.kind(id) == Kind::Catch && !tree.name(id).is_empty() {
                        names.bind(tree, id, tree.name(id));
                    }
                    for target in tree.children_in(id, Role::Target) {
                        names.targets(tree, id, target);
                    }
                }
                Kind::Global => {
                    // Whoever may change a name of the file or of an outer function makes it no constant.
                    for name in tree.children(id) {
                        let name = tree.name(name);
                        for scope in std::iter::once(None).chain(functions_around(tree, id).map(Some)) {
                            names.count(scope, name, 2);
                        }
                    }
                }
                _ => {}
            }
        }
        let bound = &names.bound;
        for (name, constants) in &mut names.constants {
            constants.retain(|(scope, _)| times(bound, *scope, name) == Some(1));
        }
        names
    }

    /// The full name of a chain of members, what it begins with taken for what it stands for: `sp.run` is `subprocess.run`.
    /// `None` if it begins with anything but a name.
    pub fn qualified(&self, tree: &Tree, id: NodeId) -> Option<String> {
        let mut members = Vec::new();
        let mut at = id;
        while tree.kind(at) == Kind::Member {
            if members.len() == PATH_SEGMENTS_MAX {
                return None;
            }
            members.push(tree.name(at));
            at = tree.child(at, Role::Object)?;
        }
        // `require('fs').rmSync` begins with the module itself.
        let first = match tree.kind(at) {
            Kind::Name => {
                let name = tree.name(at);
                match self.imported.get(name) {
                    Some(stands_for) if !self.is_local(tree, at, name) => stands_for.clone(),
                    _ => name.to_owned(),
                }
            }
            Kind::Call => required(tree, at)?,
            _ => return None,
        };
        let mut path = first;
        for member in members.iter().rev() {
            path.push('.');
            path.push_str(member);
        }
        Some(path)
    }

    /// What a name was imported as, if it was.
    pub fn imported(&self, name: &str) -> Option<&str> {
        self.imported.get(name).map(String::as_str)
    }

    /// Whether a function around a place, or the file, binds a name by anything but an import.
    pub fn is_bound(&self, tree: &Tree, id: NodeId, name: &str) -> bool {
        times(&self.bound, None, name).is_some() || self.is_local(tree, id, name)
    }

    /// The function around a place that binds a name, or the file (`None`), and how often it does.
    pub fn binder(&self, tree: &Tree, id: NodeId, name: &str) -> Option<(Option<NodeId>, u32)> {
        functions_around(tree, id)
            .map(Some)
            .chain(std::iter::once(None))
            .find_map(|scope| Some((scope, times(&self.bound, scope, name)?)))
    }

    /// The literal that a name always has where it is used.
    pub fn constant(&self, tree: &Tree, id: NodeId) -> Option<NodeId> {
        if tree.kind(id) != Kind::Name {
            return None;
        }
        let name = tree.name(id);
        let constants = self
            .constants
            .get(name)
            .filter(|constants| !constants.is_empty())?;
        let mut scopes = functions_around(tree, id).map(Some).chain(std::iter::once(None));
        let scope = scopes.find(|scope| times(&self.bound, *scope, name).is_some())?;
        let of_scope = constants.iter().find(|(other, _)| *other == scope);
        of_scope.map(|(_, literal)| *literal)
    }

    /// Whether a function around a place has a name of its own that hides one of the file.
    fn is_local(&self, tree: &Tree, id: NodeId, name: &str) -> bool {
        let Some(bound) = self.bound.get(name) else {
            return false;
        };
        bound.iter().any(|(scope, _)| scope.is_some())
            && functions_around(tree, id)
                .any(|function| bound.iter().any(|(scope, _)| *scope == Some(function)))
    }

    fn import(&mut self, tree: &Tree, id: NodeId) {
        let module = module_name(tree.language(), tree.name(id));
        for item in tree.children(id) {
            let Some(local) = tree.child(item, Role::Target).map(|local| tree.name(local)) else {
                continue;
            };
            let stands_for = match tree.name(item) {
                // Python binds `a` by `import a.b`, and `a.b` by `import a.b as c`.
                "" if module.split('.').next() == Some(local) => local.to_owned(),
                "" | "*" | "default" => module.to_owned(),
                imported => format!("{module}.{imported}"),
            };
            self.imported.insert(local.to_owned(), stands_for);
        }
    }

    fn assign(&mut self, tree: &Tree, id: NodeId) {
        let value = tree.child(id, Role::Value);
        let targets: Vec<NodeId> = tree.children_in(id, Role::Target).collect();
        for target in &targets {
            self.targets(tree, id, *target);
        }
        let ([target], Some(value)) = (targets.as_slice(), value) else {
            return;
        };
        let literal = matches!(
            tree.kind(value),
            Kind::Str
                | Kind::Num
                | Kind::Bool
                | Kind::Null
                | Kind::Regex
                | Kind::Binary
                | Kind::List
                | Kind::Tuple
                | Kind::Set
        );
        if tree.kind(*target) == Kind::Name && tree.name(id) != "+=" && literal {
            let scope = functions_around(tree, id).next();
            // Of several the last is kept, though then none is a constant.
            let constants = self.constants.entry(tree.name(*target).to_owned()).or_default();
            constants.retain(|(other, _)| *other != scope);
            constants.push((scope, value));
        }
        if let Some(module) = self.module_of(tree, value) {
            match tree.kind(*target) {
                Kind::Name => {
                    self.imported.insert(tree.name(*target).to_owned(), module);
                    self.unbind(tree, id, *target);
                }
                Kind::Object => {
                    for pair in tree.children(*target) {
                        let (Some(key), Some(local)) =
                            (tree.child(pair, Role::Key), tree.child(pair, Role::Value))
                        else {
                            continue;
                        };
                        if tree.kind(local) == Kind::Name {
                            let member = format!("{module}.{}", tree.name(key));
                            self.imported.insert(tree.name(local).to_owned(), member);
                            self.unbind(tree, id, local);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// `require('a')`, `require('a').b`, `util.promisify(exec)`, `await import('a')`.
    fn module_of(&self, tree: &Tree, value: NodeId) -> Option<String> {
        match tree.kind(value) {
            Kind::Await => self.module_of(tree, tree.child(value, Role::Value)?),
            Kind::Member => {
                let mut begins = value;
                while tree.kind(begins) == Kind::Member {
                    begins = tree.child(begins, Role::Object)?;
                }
                (tree.kind(begins) == Kind::Call).then(|| self.qualified(tree, value))?
            }
            Kind::Call => {
                let callee = tree.child(value, Role::Callee)?;
                if let Some("promisify" | "util.promisify") = self.qualified(tree, callee).as_deref() {
                    let wrapped = tree.child(value, Role::Arg)?;
                    return self.qualified(tree, wrapped).filter(|name| name.contains('.'));
                }
                required(tree, value)
            }
            _ => None,
        }
    }

    fn targets(&mut self, tree: &Tree, at: NodeId, target: NodeId) {
        match tree.kind(target) {
            Kind::Name => self.bind(tree, at, tree.name(target)),
            // An element or a member that is set leaves the name itself as it was.
            Kind::Member | Kind::Index => {}
            _ => {
                for id in tree.subtree(target) {
                    if tree.kind(id) == Kind::Name && tree.role(id) != Role::Default {
                        self.bind(tree, at, tree.name(id));
                    }
                }
            }
        }
    }

    fn bind(&mut self, tree: &Tree, at: NodeId, name: &str) {
        let scope = functions_around(tree, at).next();
        self.count(scope, name, 1);
    }

    fn count(&mut self, scope: Scope, name: &str, times: u32) {
        let bound = match self.bound.get_mut(name) {
            Some(bound) => bound,
            None => self.bound.entry(name.to_owned()).or_default(),
        };
        match bound.iter_mut().find(|(other, _)| *other == scope) {
            Some((_, count)) => *count += times,
            None => bound.push((scope, times)),
        }
    }

    fn unbind(&mut self, tree: &Tree, at: NodeId, local: NodeId) {
        let scope = functions_around(tree, at).next();
        if let Some(bound) = self.bound.get_mut(tree.name(local)) {
            bound.retain(|(other, _)| *other != scope);
        }
    }
}

/// How often a function, or the file, binds a name, if it does.
fn times(bound: &Map<String, Vec<(Scope, u32)>>, scope: Scope, name: &str) -> Option<u32> {
    let scopes = bound.get(name)?;
    let found = scopes.iter().find(|(other, _)| *other == scope);
    found.map(|(_, times)| *times)
}

/// The functions that a node lies in, from the inside out.
pub fn functions_around(tree: &Tree, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    tree.ancestors(id)
        .filter(|id| matches!(tree.kind(*id), Kind::Function | Kind::Lambda))
}

/// The module's name as rules write it.
fn module_name(language: Language, name: &str) -> &str {
    match language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            match name.strip_prefix("node:").unwrap_or(name) {
                "fs/promises" => "fs.promises",
                "dns/promises" => "dns.promises",
                "timers/promises" => "timers.promises",
                name => name,
            }
        }
        // A package is called by the last part of its path; `/v2` is a version.
        Language::Go => {
            let mut parts = name.rsplit('/');
            let last = parts.next().unwrap_or(name);
            let is_version = last
                .strip_prefix('v')
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
            if is_version {
                parts.next().unwrap_or(last)
            } else {
                last
            }
        }
        Language::Java | Language::Python | Language::Rust => name,
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => name,
    }
}

/// The module that `require('…')` or `import('…')` gives.
fn required(tree: &Tree, call: NodeId) -> Option<String> {
    let callee = tree.child(call, Role::Callee)?;
    if tree.kind(callee) != Kind::Name || !matches!(tree.name(callee), "require" | "import") {
        return None;
    }
    let module = tree.child(call, Role::Arg)?;
    (tree.kind(module) == Kind::Str).then(|| module_name(tree.language(), tree.name(module)).to_owned())
}

//! What the objects of a file's classes have, where the class alone says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::Language;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

#[derive(Debug, Default, Clone)]
pub struct Class {
    pub members: BTreeSet<String>,
    /// Its objects may have more than can be seen.
    pub open: bool,
    /// Another class of the file extends it, so that what is declared as one may be the other.
    pub is_extended: bool,
    /// It is one of pydantic's models, which bring members of their own.
    pub is_model: bool,
}

/// The classes at the top of a file, and the names there that are set to an object of one.
pub fn of_file(tree: &Tree) -> (BTreeMap<String, Class>, BTreeMap<String, String>) {
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    let mut made = BTreeMap::new();
    let mut set: BTreeMap<&str, usize> = BTreeMap::new();
    let top: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    for id in &top {
        match tree.kind(*id) {
            Kind::Class => {
                let mut class = class(tree, *id, &classes);
                // Declared twice, an interface adds to its class.
                class.open |= classes.contains_key(tree.name(*id));
                classes.insert(tree.name(*id).to_owned(), class);
                for base in tree.children_in(*id, Role::Base) {
                    if let Some(base) = classes.get_mut(tree.name(base)) {
                        base.is_extended = true;
                    }
                }
            }
            Kind::Assign => {
                let target = tree.child(*id, Role::Target);
                let value = tree.child(*id, Role::Value);
                if let (Some(target), Some(value)) = (target, value)
                    && tree.kind(target) == Kind::Name
                {
                    *set.entry(tree.name(target)).or_default() += 1;
                    if matches!(tree.kind(value), Kind::Call | Kind::New)
                        && let Some(callee) = tree.child(value, Role::Callee)
                        && tree.kind(callee) == Kind::Name
                    {
                        made.insert(tree.name(target).to_owned(), tree.name(callee).to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    made.retain(|name, _| set.get(name.as_str()) == Some(&1));
    // Members that are set from outside of the class, and classes that are handed to what may change them.
    for id in tree.all() {
        if tree.kind(id) != Kind::Member {
            continue;
        }
        let Some(object) = tree
            .child(id, Role::Object)
            .filter(|of| tree.kind(*of) == Kind::Name)
        else {
            continue;
        };
        let name = tree.name(object);
        let of = made.get(name).map_or(name, String::as_str);
        if let Some(class) = classes.get_mut(of) {
            if tree.role(id) == Role::Target {
                class.members.insert(tree.name(id).to_owned());
            }
            class.open |= tree.name(id) == "prototype";
        }
    }
    (classes, made)
}

fn class(tree: &Tree, id: NodeId, known: &BTreeMap<String, Class>) -> Class {
    let is_python = tree.language() == Language::Python;
    let mut class = Class {
        open: tree.flags(id).has(Flags::TYPE_ONLY),
        ..Class::default()
    };
    for base in tree.children_in(id, Role::Base) {
        let name = tree.source(base);
        match (tree.kind(base), name) {
            (Kind::Name, "object") => {}
            (Kind::Name | Kind::Member, name) if is_python && is_model(name) => class.is_model = true,
            // What it implements is said in the class again.
            (Kind::Type, _) => {}
            (Kind::Name, name) => match known.get(name) {
                Some(base) => {
                    class.members.extend(base.members.iter().cloned());
                    class.open |= base.open;
                    class.is_model |= base.is_model;
                }
                None => class.open = true,
            },
            _ => class.open = true,
        }
    }
    for decorator in tree.children_in(id, Role::Decorator) {
        let written = tree.source(decorator).trim_start_matches('@');
        let name = written.split('(').next().unwrap_or("").trim();
        class.open |= !matches!(
            name,
            "dataclass"
                | "dataclasses.dataclass"
                | "attrs.define"
                | "attrs.frozen"
                | "define"
                | "frozen"
                | "final"
                | "Injectable"
                | "Controller"
                | "Service"
                | "Module"
                | "Resolver"
                | "UseGuards"
                | "ApiTags"
        );
    }
    for inner in tree.subtree(id) {
        add(tree, id, inner, &mut class);
    }
    class
}

/// What a node in a class says of its objects.
fn add(tree: &Tree, class_id: NodeId, id: NodeId, class: &mut Class) {
    let own = |id: NodeId| {
        let around = tree
            .ancestors(id)
            .find(|around| matches!(tree.kind(*around), Kind::Function | Kind::Lambda | Kind::Class));
        around == Some(class_id)
    };
    match tree.kind(id) {
        Kind::Function | Kind::Field | Kind::Class if own(id) => {
            class.members.insert(tree.name(id).to_owned());
            class.open |= matches!(
                tree.name(id),
                "__getattr__" | "__getattribute__" | "__setattr__" | "__init_subclass__"
            );
            // `constructor(private readonly users: UsersService)`
            if tree.name(id) == "constructor" {
                let params = tree.children_in(id, Role::Param);
                class
                    .members
                    .extend(params.map(|param| tree.name(param).to_owned()));
            }
        }
        Kind::Assign | Kind::ForEach | Kind::WithItem if own(id) => {
            for target in tree.children_in(id, Role::Target) {
                super::exports::names_in(tree, target, &mut class.members);
            }
        }
        // `[key: string]: …`, computed members
        Kind::Other => class.open |= own(id),
        Kind::Member => {
            let of = tree.child(id, Role::Object).map_or("", |of| tree.name(of));
            let is_set = tree.role(id) == Role::Target
                || tree
                    .parent(id)
                    .is_some_and(|parent| tree.role(parent) == Role::Target);
            if matches!(of, "self" | "this" | "cls") {
                if is_set {
                    class.members.insert(tree.name(id).to_owned());
                }
                class.open |= tree.name(id) == "__dict__";
            }
        }
        Kind::Call => {
            let callee = tree
                .child(id, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            class.open |= matches!(
                callee,
                "setattr"
                    | "vars"
                    | "Object.assign"
                    | "Object.defineProperty"
                    | "Object.defineProperties"
                    | "Reflect.set"
                    | "object.__setattr__"
                    | "super().__setattr__"
                    | "create_model"
            );
        }
        // `this[name] = …`
        Kind::Index => {
            let of = tree.child(id, Role::Object).map_or("", |of| tree.name(of));
            class.open |= matches!(of, "self" | "this") && tree.role(id) == Role::Target;
        }
        Kind::Str | Kind::Name => {
            // `extra = "allow"`, `Extra.allow`
            class.open |= tree.name(id) == "allow";
        }
        _ => {}
    }
}

fn is_model(base: &str) -> bool {
    matches!(
        base.rsplit('.').next().unwrap_or(base),
        "BaseSettings" | "BaseModel"
    )
}

impl Class {
    /// Whether its objects have a member, or may have it.
    pub fn has(&self, name: &str) -> bool {
        self.open
            || name.starts_with('_')
            || name.starts_with('#')
            || self.members.contains(name)
            || self.is_model
                && (name.starts_with("model_")
                    || matches!(
                        name,
                        "dict"
                            | "json"
                            | "copy"
                            | "construct"
                            | "schema"
                            | "schema_json"
                            | "parse_obj"
                            | "parse_raw"
                            | "parse_file"
                            | "validate"
                            | "from_orm"
                            | "update_forward_refs"
                            | "settings_customise_sources"
                            | "fields"
                    ))
    }
}

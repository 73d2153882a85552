//! `metavariable-comparison`: what must hold of values, in a small part of Python.

use super::written::WrittenComparison;
use crate::language::{self, Language};
use crate::matching::{Bindings, bound};
use crate::tree::{Kind, NodeId, Role, Tree};

#[derive(Debug)]
pub struct Comparison {
    tree: Tree,
    root: NodeId,
    base: Option<u32>,
    strip: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Text(String),
    Bool(bool),
    List(Vec<Value>),
}

impl Comparison {
    pub(super) fn read(written: &WrittenComparison) -> Result<Comparison, String> {
        let text = &written.comparison;
        if written.base.is_some_and(|base| !(2..=36).contains(&base)) {
            return Err(format!("comparison `{text}`: a base is between 2 and 36"));
        }
        let pattern = language::parse_pattern(Language::Python, text)
            .map_err(|error| format!("comparison `{text}`: {error}"))?;
        let [root] = pattern.roots.as_slice() else {
            return Err(format!("comparison `{text}` is not one expression"));
        };
        let comparison = Comparison {
            root: *root,
            tree: pattern.tree,
            base: written.base,
            strip: written.strip,
        };
        comparison
            .check(*root)
            .map_err(|what| format!("comparison `{text}`: {what} is not supported"))?;
        Ok(comparison)
    }

    /// What can not be computed does not hold.
    pub fn holds(&self, bindings: &Bindings, text_of: &dyn Fn(&str) -> Option<String>) -> bool {
        self.value(self.root, bindings, text_of) == Some(Value::Bool(true))
    }

    fn check(&self, id: NodeId) -> Result<(), String> {
        let tree = &self.tree;
        match tree.kind(id) {
            Kind::Metavariable | Kind::Num | Kind::Str | Kind::Bool => return Ok(()),
            Kind::Binary | Kind::Unary | Kind::List | Kind::Tuple | Kind::Compare => {}
            Kind::Call => {
                let callee = tree.child(id, Role::Callee).map(|callee| tree.source(callee));
                if !matches!(
                    callee,
                    Some("int" | "float" | "str" | "len" | "lower" | "re.match")
                ) {
                    return Err(format!("`{}`", tree.source(id)));
                }
                return tree
                    .children_in(id, Role::Arg)
                    .try_for_each(|arg| self.check(arg));
            }
            _ => return Err(format!("`{}`", tree.source(id))),
        }
        tree.children(id).try_for_each(|child| self.check(child))
    }

    fn value(
        &self,
        id: NodeId,
        bindings: &Bindings,
        text_of: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Value> {
        let tree = &self.tree;
        let value = |id| self.value(id, bindings, text_of);
        match tree.kind(id) {
            Kind::Num => number(tree.name(id)).map(Value::Number),
            Kind::Str => Some(Value::Text(tree.name(id).to_owned())),
            Kind::Bool => Some(Value::Bool(tree.name(id) == "true")),
            Kind::Metavariable => {
                bound(bindings, tree.name(id))?;
                let text = text_of(tree.name(id))?;
                let bare = text.trim_matches(['"', '\'', '`']);
                if let Some(number) = self.base.and_then(|base| u64::from_str_radix(bare, base).ok()) {
                    return Some(Value::Number(number as f64));
                }
                let digits = if self.strip { bare } else { text.as_str() };
                Some(match number(digits) {
                    Some(number) => Value::Number(number),
                    None => Value::Text(bare.to_owned()),
                })
            }
            Kind::List | Kind::Tuple => tree
                .children(id)
                .map(value)
                .collect::<Option<Vec<_>>>()
                .map(Value::List),
            Kind::Unary => match (tree.name(id), value(tree.child(id, Role::Value)?)?) {
                ("not", Value::Bool(is)) => Some(Value::Bool(!is)),
                ("-", Value::Number(number)) => Some(Value::Number(-number)),
                _ => None,
            },
            Kind::Binary => {
                let left = value(tree.child(id, Role::Left)?)?;
                let right = tree.child(id, Role::Right)?;
                match (tree.name(id), &left) {
                    ("and", Value::Bool(false)) => return Some(left),
                    ("or", Value::Bool(true)) => return Some(left),
                    _ => {}
                }
                binary(tree.name(id), left, value(right)?)
            }
            Kind::Call => {
                let callee = tree.source(tree.child(id, Role::Callee)?);
                let arguments: Vec<Value> = tree
                    .children_in(id, Role::Arg)
                    .map(value)
                    .collect::<Option<_>>()?;
                match (callee, arguments.as_slice()) {
                    ("int", [Value::Number(number)]) => Some(Value::Number(number.trunc())),
                    ("float", [Value::Number(number)]) => Some(Value::Number(*number)),
                    ("int" | "float", [Value::Text(text)]) => number(text).map(Value::Number),
                    ("str", [Value::Number(number)]) => Some(Value::Text(number.to_string())),
                    ("str", [Value::Text(text)]) => Some(Value::Text(text.clone())),
                    ("len", [Value::Text(text)]) => Some(Value::Number(text.chars().count() as f64)),
                    ("lower", [Value::Text(text)]) => Some(Value::Text(text.to_lowercase())),
                    ("re.match", [Value::Text(regex), Value::Text(text)]) => {
                        let regex = fancy_regex::Regex::new(&format!(r"\A(?:{regex})")).ok()?;
                        regex.is_match(text).ok().map(Value::Bool)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn binary(operator: &str, left: Value, right: Value) -> Option<Value> {
    use Value::{Bool, List, Number, Text};
    Some(match (operator, left, right) {
        ("and", Bool(left), Bool(right)) => Bool(left && right),
        ("or", Bool(left), Bool(right)) => Bool(left || right),
        ("==", left, right) => Bool(left == right),
        ("!=", left, right) => Bool(left != right),
        ("in", left, List(list)) => Bool(list.contains(&left)),
        ("not in", left, List(list)) => Bool(!list.contains(&left)),
        ("in", Text(left), Text(right)) => Bool(right.contains(&left)),
        (operator, Number(left), Number(right)) => match operator {
            "<" => Bool(left < right),
            "<=" => Bool(left <= right),
            ">" => Bool(left > right),
            ">=" => Bool(left >= right),
            "+" => Number(left + right),
            "-" => Number(left - right),
            "*" => Number(left * right),
            "/" => Number(left / right),
            "%" => Number(left.rem_euclid(right)),
            "**" => Number(left.powf(right)),
            _ => return None,
        },
        _ => return None,
    })
}

/// A number as Python, JavaScript and Go write it.
fn number(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    let digits = |prefix: &[&str], radix| {
        let rest = prefix.iter().find_map(|prefix| plain.strip_prefix(prefix))?;
        u64::from_str_radix(rest, radix).ok().map(|number| number as f64)
    };
    digits(&["0x", "0X"], 16)
        .or_else(|| digits(&["0o", "0O"], 8))
        .or_else(|| digits(&["0b", "0B"], 2))
        .or_else(|| {
            let begins = plain.starts_with(|char: char| char.is_ascii_digit() || char == '-' || char == '.');
            begins.then(|| plain.parse().ok()).flatten()
        })
}

//! Reads `safeguard.toml`: first its shape against the schema of the types, then its meaning.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, ConfigProblem, Place};

/// A longer text is refused before it is read.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Words that are not more than this many letters apart are taken for a slip of the pen.
const SLIP_LETTERS_MAX: usize = 3;

/// Returns the JSON Schema of `safeguard.toml`.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

impl Config {
    /// Reads and checks the text of a `safeguard.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text. What can not be read is not judged further.
    pub fn parse(text: &str) -> Result<Config, Vec<ConfigProblem>> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("the file has {} bytes (limit {TEXT_BYTES_MAX})", text.len());
            return Err(vec![ConfigProblem::new(&[], message)]);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| unreadable(text, error, 0..0)).collect());
        }
        let schema = schema();
        let mut shape = Shape {
            text,
            schema: &schema,
            problems: Vec::new(),
        };
        shape.table(&schema, table.get_ref(), &mut Vec::new(), 0..0);
        if !shape.problems.is_empty() {
            return Err(in_order(shape.problems));
        }
        let spans = table.clone();
        let config = Config::deserialize(toml::Deserializer::from(table))
            .map_err(|error| vec![unreadable(text, &error, 0..0)])?;
        let mut problems = config.problems();
        for problem in &mut problems {
            problem.place = Some(Place::find(text, span_of(spans.get_ref(), &problem.path)));
        }
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(in_order(problems))
        }
    }
}

fn in_order(mut problems: Vec<ConfigProblem>) -> Vec<ConfigProblem> {
    problems.sort_by_key(|problem| problem.place.as_ref().map(|place| place.span.start));
    problems
}

fn unreadable(text: &str, error: &toml::de::Error, unknown: Range<usize>) -> ConfigProblem {
    let mut problem = ConfigProblem::new(&[], error.message().to_owned());
    problem.place = Some(Place::find(text, error.span().unwrap_or(unknown)));
    problem
}

/// The bytes of the deepest part of `path` that is there: the value of the last key, the name of the ones before.
fn span_of(root: &DeTable<'_>, path: &[String]) -> Range<usize> {
    let mut span = 0..0;
    let mut table = Some(root);
    let mut array = None;
    for (depth, key) in path.iter().enumerate() {
        let value: Option<&Spanned<DeValue<'_>>> = if let Some(here) = table {
            let found = here
                .iter()
                .find(|(name, _)| name.get_ref().as_ref() == key.as_str());
            if let Some((name, _)) = found {
                span = name.span();
            }
            found.map(|(_, value)| value)
        } else if let Some(here) = array {
            let here: &toml::de::DeArray<'_> = here;
            key.parse().ok().and_then(|at: usize| here.get(at))
        } else {
            None
        };
        let Some(value) = value else { return span };
        table = value.get_ref().as_table();
        array = value.get_ref().as_array();
        let is_last = depth + 1 == path.len();
        if table.is_none() && (is_last || array.is_none()) || (table.is_some() && !key_is_name(key)) {
            span = value.span();
        }
    }
    span
}

// An element of a list has no name of its own to point at.
fn key_is_name(key: &str) -> bool {
    !key.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares a table with the schema, so that every unknown key and wrong type is found at once.
struct Shape<'t> {
    text: &'t str,
    schema: &'t Value,
    problems: Vec<ConfigProblem>,
}

impl Shape<'_> {
    fn refuse(&mut self, path: &[String], span: Range<usize>, message: String, hint: Option<String>) {
        let place = Some(Place::find(self.text, span));
        self.problems.push(ConfigProblem {
            path: path.to_vec(),
            place,
            message,
            hint,
        });
    }

    /// Follows a reference to the definition it names, and an optional value to its type.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(name) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix("#/$defs/"))
        {
            return self
                .schema
                .get("$defs")
                .and_then(|all| all.get(name))
                .unwrap_or(schema);
        }
        let choices = schema.get("anyOf").and_then(Value::as_array);
        let real = choices.and_then(|all| all.iter().find(|one| one.get("type") != Some(&"null".into())));
        real.map_or(schema, |real| self.resolve(real))
    }

    fn table(&mut self, schema: &Value, table: &DeTable<'_>, path: &mut Vec<String>, at: Range<usize>) {
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object())
            .cloned();
        let mut known: Vec<String> = properties.keys().cloned().collect();
        let names = schema
            .get("propertyNames")
            .map(|names| choices(self.resolve(names)))
            .unwrap_or_default();
        if others.is_some() {
            known.extend(names);
        }
        for (key, value) in table {
            let name = key.get_ref().to_string();
            path.push(name.clone());
            match (properties.get(&name), &others) {
                (Some(property), _) => self.value(property, value, path, key.span()),
                (None, Some(other)) if known.is_empty() || known.contains(&name) => {
                    self.value(other, value, path, key.span());
                }
                (None, _) => {
                    let hint = suggestion(&name, &known);
                    self.refuse(
                        path,
                        key.span(),
                        format!("there is no key `{name}` here"),
                        Some(hint),
                    );
                }
            }
            path.pop();
        }
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            if !table.iter().any(|(key, _)| key.get_ref().as_ref() == name) {
                let meaning = properties
                    .get(name)
                    .and_then(|property| property.get("description"));
                let hint = meaning
                    .and_then(Value::as_str)
                    .map(|meaning| format!("`{name}`: {}", one_line(meaning)));
                path.push(name.to_owned());
                self.refuse(path, at.clone(), format!("`{name}` is missing"), hint);
                path.pop();
            }
        }
    }

    fn value(
        &mut self,
        schema: &Value,
        value: &Spanned<DeValue<'_>>,
        path: &mut Vec<String>,
        key: Range<usize>,
    ) {
        let schema = self.resolve(schema).clone();
        let words = choices(&schema);
        let wanted = wanted_types(&schema);
        let span = value.span();
        let found = match value.get_ref() {
            DeValue::String(_) => "string",
            DeValue::Integer(_) => "integer",
            DeValue::Float(_) => "number",
            DeValue::Boolean(_) => "boolean",
            DeValue::Datetime(_) => "datetime",
            DeValue::Array(_) => "array",
            DeValue::Table(_) => "object",
        };
        let fits = wanted.is_empty()
            || wanted
                .iter()
                .any(|wanted| wanted == found || (wanted == "number" && found == "integer"));
        if !fits {
            let wanted: Vec<&str> = wanted
                .iter()
                .filter(|one| *one != "null")
                .map(|one| plain(one))
                .collect();
            let message = format!("{}, and {} is wanted", plain(found), wanted.join(" or "));
            let example = schema
                .get("examples")
                .and_then(|examples| examples.get(0))
                .map(Value::to_string);
            self.refuse(
                path,
                span,
                message,
                example.map(|example| format!("such as `{example}`")),
            );
            return;
        }
        match value.get_ref() {
            DeValue::String(word) if !words.is_empty() && !words.iter().any(|one| one == word.as_ref()) => {
                let hint = suggestion(word, &words);
                self.refuse(
                    path,
                    span,
                    format!("`{word}` is not a value of `{}`", last_name(path)),
                    Some(hint),
                );
            }
            DeValue::Table(table) => {
                let at = if path.last().is_some_and(|name| key_is_name(name)) {
                    key
                } else {
                    span
                };
                self.table(&schema, table, path, at);
            }
            DeValue::Array(array) => {
                let Some(items) = schema.get("items").cloned() else {
                    return;
                };
                for (at, item) in array.iter().enumerate() {
                    path.push(at.to_string());
                    self.value(&items, item, path, item.span());
                    path.pop();
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

/// The words that a schema of an enumeration allows.
fn choices(schema: &Value) -> Vec<String> {
    let from_enum = schema.get("enum").and_then(Value::as_array);
    let from_consts = schema.get("oneOf").and_then(Value::as_array);
    let consts = from_consts.into_iter().flatten().flat_map(|one| {
        let many = one.get("enum").and_then(Value::as_array).into_iter().flatten();
        one.get("const").into_iter().chain(many)
    });
    let all = from_enum.into_iter().flatten().chain(consts);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn wanted_types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn plain(kind: &str) -> &str {
    match kind {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "boolean" => "true or false",
        "datetime" => "a date",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

fn last_name(path: &[String]) -> &str {
    path.iter()
        .rev()
        .find(|key| key_is_name(key))
        .map_or("it", String::as_str)
}

fn suggestion(wrong: &str, known: &[String]) -> String {
    let distance = |word: &&String| strsim::damerau_levenshtein(wrong, word);
    let nearest = known
        .iter()
        .min_by_key(distance)
        .filter(|word| distance(word) <= SLIP_LETTERS_MAX);
    match nearest {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

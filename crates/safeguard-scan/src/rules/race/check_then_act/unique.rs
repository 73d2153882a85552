//! Whether the database holds two rows apart that were made at once.

use crate::analysis::made_tables;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name, folder};

/// Whether the SQL of the repository makes the table, and says of nothing in it that it is unique.
pub(super) fn nothing_unique(project: &Project, table: &str) -> bool {
    made_tables::of(project, table, "").is_some_and(|made| !made.unique)
}

/// Whether the repository has the model, and neither it nor a migration says that anything of it is unique.
pub(super) fn is_never_unique(source: &Source, project: &Project, model: &str) -> bool {
    const FILES_MAX: usize = 400;
    if source.tree.language() != Language::Python
        || !project.is_known()
        || !model.starts_with(|first: char| first.is_ascii_uppercase())
    {
        return false;
    }
    let own = folder(&source.path);
    let mut plain = false;
    for path in project
        .below(folder(own))
        .filter(|path| path.ends_with(".py") || path.ends_with(".sql"))
        .take(FILES_MAX)
    {
        let wanted = file_name(path).contains("model")
            || path.contains("migrat")
            || path.contains("alembic")
            || path.ends_with(".sql")
            || path == source.path;
        let Some(text) = wanted.then(|| project.text(path)).flatten() else {
            continue;
        };
        let is_model = text.contains(&format!("class {model}("));
        if !is_model && !text.to_ascii_lowercase().contains(&model.to_ascii_lowercase()) {
            continue;
        }
        let part = if is_model {
            class_text(&text, model)
        } else {
            text.as_str()
        };
        let lower = part.to_ascii_lowercase();
        if lower.contains("uniqueconstraint")
            || lower.contains("unique_together")
            || lower.contains("create unique")
            || is_model
                && (lower.contains("unique")
                    || lower.contains("primary_key=true, ")
                    || lower.contains("constraints")
                    || lower.contains("onetoone"))
        {
            return false;
        }
        plain |= is_model;
    }
    plain
}

/// The text of a class, up to the next line that is not within it.
fn class_text<'t>(text: &'t str, model: &str) -> &'t str {
    let Some(begin) = text.find(&format!("class {model}(")) else {
        return text;
    };
    let rest = &text[begin..];
    let end = rest.match_indices('\n').map(|(at, _)| at + 1).find(|at| {
        rest[*at..].starts_with(|first: char| !first.is_whitespace() && first != '#' && first != ')')
    });
    &rest[..end.unwrap_or(rest.len())]
}

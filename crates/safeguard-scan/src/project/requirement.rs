//! Names of Python's distributions, in the texts that declare them.

/// The name in a requirement (`Flask-Login[extra]>=1.0; python_version < "3"`), normalised; `None` if it is none.
pub fn name_of(requirement: &str) -> Option<String> {
    let text = requirement.trim();
    if let Some((_, egg)) = text.split_once("#egg=") {
        return name_of(egg.split(['&', '[']).next()?);
    }
    if text.starts_with(['-', '#', '.', '/']) {
        return None;
    }
    if let Some((before, _)) = text.split_once("://") {
        // `name @ https://…` is named; an address alone is called by its last part.
        if let Some((name, _)) = before.split_once('@') {
            return name_of(name);
        }
        let last = text.split(['?', '#', '@']).next()?.rsplit('/').next()?;
        return name_of(last.trim_end_matches(".git").split("-0").next()?);
    }
    let end = text
        .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')))
        .unwrap_or(text.len());
    let name = &text[..end];
    let follows = text[end..].trim_start();
    let fits = follows.is_empty()
        || follows.starts_with(['[', '<', '>', '=', '!', '~', ';', '@', '(', '#', ',', '^'])
        || follows.starts_with("--")
        || follows.starts_with('\\');
    (fits && name.starts_with(|char: char| char.is_ascii_alphanumeric())).then(|| normal(name))
}

/// As the index compares names: `Flask_Login` is `flask-login`.
pub fn normal(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.extend(char.to_lowercase());
        }
    }
    normal
}

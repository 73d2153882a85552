//! Reads `safeguard.toml` and shows what is wrong with it, where it stands.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use safeguard_api::Config;
use safeguard_api::config::ConfigProblem;

use crate::failure::Failure;
use crate::output::Output;

/// Reads and checks the file. Its problems are printed; a file with problems is refused.
pub fn load(path: &Path, output: &Output) -> Result<(Config, String), Failure> {
    let text = read(path)?;
    match Config::parse(&text) {
        Ok(config) => Ok((config, text)),
        Err(problems) if output.json => Err(refusal(path, &problems)),
        Err(problems) => {
            anstream::eprintln!("{}", render(path, &text, &problems, &Renderer::styled()));
            Err(refusal(path, &[]))
        }
    }
}

pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let title = format!("cannot read `{}`: {error}", path.display());
        Failure::undecided(title).hint("`safeguard init` writes one; `--config FILE` names another")
    })
}

fn refusal(path: &Path, problems: &[ConfigProblem]) -> Failure {
    let details = problems
        .iter()
        .map(|problem| format!("{}:{problem}", path.display()))
        .collect();
    Failure::refused(format!("`{}` can not be used", path.display()))
        .details(details)
        .hint("`safeguard schema` prints what is possible, for your editor too")
}

pub fn render(path: &Path, text: &str, problems: &[ConfigProblem], renderer: &Renderer) -> String {
    let name = path.display().to_string();
    let shown = problems.iter().map(|problem| {
        let mut snippet = Snippet::source(text).path(name.as_str());
        if let Some(place) = &problem.place {
            snippet = snippet.annotation(AnnotationKind::Primary.span(place.span.clone()));
        }
        let title = Level::ERROR.primary_title(problem.message.as_str());
        let mut groups: Vec<Group<'_>> = vec![title.element(snippet)];
        if let Some(hint) = &problem.hint {
            groups.push(Group::with_title(
                Level::HELP.with_name("hint").secondary_title(hint.as_str()),
            ));
        }
        renderer.render(&groups)
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

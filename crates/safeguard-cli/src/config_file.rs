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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A configuration with nothing wrong in it; the cases add to it.
    const GOOD: &str = r#"
[[approvers]]
person = "Kim Doe"
roles = ["senior"]
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti kim@laptop"]
[services.shop]
command = ["bin/shop"]
listen = { dev = "127.0.0.1:1", qa = "127.0.0.1:2", staging = "127.0.0.1:3", production = "127.0.0.1:4" }
"#;

    fn refused(text: &str) -> String {
        match Config::parse(text) {
            Ok(_) => "accepted".to_owned(),
            Err(problems) => {
                let lines = problems.iter().map(ToString::to_string);
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn a_problem_is_shown_where_it_stands() {
        let text = "mode = \"obsrve\"\n[servces.shop]\n";
        let problems = Config::parse(text).unwrap_err();
        insta::assert_snapshot!(render(
            Path::new("safeguard.toml"),
            text,
            &problems,
            &Renderer::plain()
        ));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let mut page = String::new();
        for addition in CASES {
            page.push_str(&format!(
                "{}\n  {}\n",
                addition.trim(),
                refused(&format!("{GOOD}{addition}")).replace('\n', "\n  ")
            ));
        }
        insta::assert_snapshot!(page);
    }

    #[test]
    fn seconds_of_soak_and_no_gates_are_possible() {
        let text = format!(
            "{GOOD}[stages.dev]\nsoak = \"0s\"\ngates = []\n[stages.canary]\nsteps = [{{ weight = 100, soak = \"1s\" }}]"
        );
        assert_eq!(refused(&text), "accepted");
    }

    const CASES: &[&str] = &[
        "",
        "[stages.dev]\nsoke = \"2h\"",
        "[stages.dev]\nsoak = 2",
        "[stages.dev]\nsoak = \"soon\"",
        "[stages.dev]\nsoak = \"9999h\"",
        "[stages.dev]\nerror_permille_max = 1001",
        "[stages.dev]\ngates = [\"static-analisis\"]",
        "[stages.dev]\ngates = [\"rollback-test\", \"rollback-test\"]",
        "[stages.dev]\napprovals = 2",
        "[gates.human-approval]\nquorum = 3",
        "[gates.human-approval]\nsenior_roles = [\"staff\"]",
        "[gates.human-approval]\nseniors = 2",
        "[[approvers]]\nperson = \"Lee\"\nkeys = [\"ssh-rsa AAAA\"]",
        "[[approvers]]\nperson = \"Lee\"\nkeys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti\"]",
        "[stages.qa]\napprovals = 2\n[[approvers]]\nperson = \"Kim\"\n[[approvers]]\nperson = \"kim \"",
        "[stages.canary]\nsteps = []",
        "[stages.canary]\nsteps = [{ weight = 0, soak = \"1s\" }, { weight = 100, soak = \"1s\" }]",
        "[stages.canary]\nsteps = [{ weight = 10, soak = \"1s\" }, { weight = 10, soak = \"1s\" }, { weight = 50, soak = \"1s\" }]",
        "[stages.canary]\nsteps = [{ weight = 101, soak = \"1s\" }]",
        "[stages.canary]\nstep_longest = \"1h\"\nsteps = [{ weight = 100, soak = \"2h\" }]",
        "[stages.canary]\nmargin_permille = 0.0\nmargin_alpha = nan",
        "[judge]\nalpha = 0.6",
        "[judge]\nalpha = nan",
        "[judge]\nalpha = 0",
        "[judge]\nexits_max = 0",
        "[judge]\nexits_max = 99999999999999999999",
        "[rollback]\nlease = \"1s\"",
        "[router]\nthreads = 0\nbody_bytes_max = -1",
        "[listen]\napi = \"0.0.0.0:7400\"",
        "[listen]\napi = \"127.0.0.1:4\"",
        "[services.two]\ncommand = [\"x\"]\nlisten = { dev = \"127.0.0.1:5\", qa = \"127.0.0.1:6\", staging = \"127.0.0.1:7\", production = \"0.0.0.0:8\" }",
        "[services.two]\ncommand = [\"x\"]\nlisten = { dev = \"127.0.0.1:5\", qa = \"127.0.0.1:6\", staging = \"127.0.0.1:7\", production = \"0.0.0.0:8\" }\n[services.two.tls.production]\ncertificate = \"/x.pem\"\nkey = \"x.key\"",
        "[listen]\napi = \"localhost\"",
        "[services.shop.limits]\nmemory_bytes_max = 0",
        "[services.shop.user_key]\ncookie = \"\"",
        "[services.shop.traffic.rate_limits]\nclients_max = 1\nper_address = { requests_per_second = 0, burst_requests = 0 }",
        "[services.shop.traffic.rate_limits]\nper_user = { requests_per_second = nan, burst_requests = 1 }",
        "[services.shop.traffic.rate_limits]\nper_user = { requests_per_second = 10 }",
        "[services.shop.variables.production]\nPORT = \"1\"\n\"A B\" = \"x\"",
        "[services.shop.variables.prod]\nA = \"x\"",
        "[services.two]\ncommand = []\nhealth_path = \"healthz\"\ninstances = 33\n[services.two.listen]\ndev = \"127.0.0.1:9\"",
        "[services.two]\ncommand = [\"../run me\"]",
        "[services.Two]\ncommand = [\"run me\"]\nlisten = {}",
        "[notify]\nexec = [\"bin/tell\"]",
        "[audit]\ncheckpoint_file = \"/\"",
        "mode = \"observe\"",
        "[stages.dev",
    ];
}

//! What is built into an image, and who it runs as.

use safeguard_api::evidence::Severity;

use crate::analysis::entries::is_secret_variable;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static SECRET: Check = Check {
    id: "secret-in-image",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-538", "CWE-522"],
    languages: &[Language::Dockerfile],
    run: secrets,
};

pub static ROOT: Check = Check {
    id: "image-runs-as-root",
    failure: "X3",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-250"],
    languages: &[Language::Dockerfile],
    run: root,
};

pub static UNPINNED: Check = Check {
    id: "unpinned-image",
    failure: "X3",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-1357"],
    languages: &[Language::Dockerfile, Language::Yaml],
    run: unpinned,
};

/// The instructions of each stage.
fn stages(tree: &Tree) -> Vec<Vec<NodeId>> {
    let mut stages: Vec<Vec<NodeId>> = Vec::new();
    for section in tree.children(NodeId::ROOT) {
        if tree.name(section) == "FROM" {
            stages.push(Vec::new());
        }
        if let Some(stage) = stages.last_mut() {
            stage.push(section);
        }
    }
    stages
}

fn words(tree: &Tree, section: NodeId) -> Vec<&str> {
    tree.children_in(section, Role::Arg)
        .filter(|arg| tree.kind(*arg) == Kind::Str)
        .map(|arg| tree.name(arg))
        .collect()
}

fn secrets(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let stages = stages(tree);
    let last = stages.len().saturating_sub(1);
    for (number, stage) in stages.iter().enumerate() {
        let mut arguments: Vec<&str> = Vec::new();
        for section in stage {
            match tree.name(*section) {
                "COPY" | "ADD" => {
                    let from_stage = tree
                        .children_in(*section, Role::Arg)
                        .any(|arg| tree.kind(arg) == Kind::Keyword && tree.name(arg) == "from");
                    let words = words(tree, *section);
                    let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
                    let found = sources
                        .iter()
                        .find_map(|path| secret_file(path).map(|sure| (*path, sure)));
                    if let Some((path, sure)) = found.filter(|_| !from_stage) {
                        let message = format!("`{path}` is a part of the image: whoever pulls it has it");
                        match sure && number == last {
                            true => reports.add(*section, message),
                            false => reports.note(*section, message),
                        }
                    }
                }
                "RUN" if number == last => {
                    let text = tree.source(*section);
                    if let Some(name) = arguments.iter().find(|name| is_kept(text, name)) {
                        let message =
                            format!("`{name}` stays in a file of the image: whoever pulls it has it");
                        reports.add(*section, message);
                    }
                }
                "ARG" => {
                    for keyword in tree.children_in(*section, Role::Arg) {
                        let name = tree.name(keyword);
                        if is_secret_variable(name) {
                            arguments.push(name);
                            reports.note(
                                keyword,
                                format!("`ARG {name}`: the history of the image has what it is built with"),
                            );
                        }
                    }
                }
                "ENV" => {
                    for keyword in tree.children_in(*section, Role::Arg) {
                        let value = tree
                            .child(keyword, Role::Value)
                            .map_or("", |value| tree.name(value));
                        let named = value
                            .trim_start_matches("${")
                            .trim_start_matches('$')
                            .trim_end_matches('}');
                        if arguments.contains(&named) && !named.is_empty() && number == last {
                            let message = format!(
                                "`ENV {}` keeps `{named}` in the image: whoever pulls it has it",
                                tree.name(keyword)
                            );
                            reports.add(keyword, message);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether a layer's command writes an argument into a file of settings, and leaves the file.
fn is_kept(text: &str, argument: &str) -> bool {
    const FILES: &[&str] = &[
        ".npmrc",
        ".netrc",
        ".pypirc",
        ".git-credentials",
        ".yarnrc",
        "pip.conf",
        "auth.json",
        "settings.xml",
        "NuGet.Config",
    ];
    const COMMANDS: &[&str] = &[
        "npm config set",
        "yarn config set",
        "poetry config",
        "composer config",
        "git config",
    ];
    let used = text.contains(&format!("${{{argument}}}"))
        || text.match_indices(&format!("${argument}")).any(|(at, found)| {
            let next = text[at + found.len()..].chars().next();
            next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '_')
        });
    let written = text.contains('>') && FILES.iter().any(|file| text.contains(file))
        || COMMANDS.iter().any(|command| text.contains(command));
    used && written
        && !["rm ", "--unset", "config delete"]
            .iter()
            .any(|undone| text.contains(undone))
}

/// Whether a file holds a secret: `Some(true)` for keys, `Some(false)` for what mostly does.
fn secret_file(path: &str) -> Option<bool> {
    let file = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    let sample = has_word(
        file,
        &["example", "sample", "template", "dist", "pub", "test", "public"],
    ) || file.ends_with(".pub");
    if sample {
        return None;
    }
    let key = matches!(
        file,
        "id_rsa"
            | "id_ed25519"
            | "id_ecdsa"
            | "id_dsa"
            | ".ssh"
            | ".aws"
            | ".netrc"
            | ".git-credentials"
            | ".pypirc"
            | ".kube"
            | "kubeconfig"
            | ".vault-token"
    ) || path.ends_with(".aws/credentials")
        || path.ends_with(".docker/config.json")
        || path.ends_with(".p12")
        || path.ends_with(".pfx")
        || file.ends_with(".key") && has_word(file, &["private", "server", "tls", "ssl", "key"])
        || file.ends_with(".pem") && has_word(file, &["private", "key", "privkey"])
        || file.contains("service-account") && file.ends_with(".json");
    let maybe = file == ".env"
        || file.starts_with(".env.")
        || matches!(
            file,
            ".npmrc" | "credentials.json" | "secrets.yml" | "secrets.yaml" | "secrets.json"
        );
    match (key, maybe) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

fn root(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let stages = stages(tree);
    let Some(stage) = stages.last() else { return };
    // What listens is a service; a tool that builds or tests is run by whoever calls it.
    let serves = stage.iter().any(|section| tree.name(*section) == "EXPOSE");
    let starts = stage
        .iter()
        .any(|section| matches!(tree.name(*section), "CMD" | "ENTRYPOINT"));
    let user = stage.iter().rev().find(|section| tree.name(**section) == "USER");
    let image = stage
        .first()
        .map(|from| words(tree, *from))
        .and_then(|words| words.first().copied())
        .unwrap_or("");
    let lowers = [
        "nonroot",
        "distroless",
        "unprivileged",
        "rootless",
        "nginx",
        "postgres",
        "mysql",
        "redis",
        "chainguard",
        "bitnami",
        "httpd",
        "haproxy",
        "traefik",
    ]
    .iter()
    .any(|word| image.contains(word));
    let drops = tree.text().contains("gosu")
        || tree.text().contains("su-exec")
        || tree.text().contains("setpriv")
        || tree.text().contains("entrypoint");
    match user {
        Some(user) => {
            let name = words(tree, *user).first().copied().unwrap_or("").to_owned();
            let is_root = matches!(name.split(':').next(), Some("root" | "0"));
            if is_root && (serves || starts) && !drops {
                reports.note(
                    *user,
                    "the service runs as root: who gets into it has the container, and what is mounted there",
                );
            }
        }
        None if serves
            && starts
            && !lowers
            && !drops
            && stages
                .iter()
                .flatten()
                .all(|section| tree.name(*section) != "USER") =>
        {
            if let Some(from) = stage.first() {
                reports.note(
                    *from,
                    "no `USER`: the service runs as root, and who gets into it has the container",
                );
            }
        }
        None => {}
    }
}

fn unpinned(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if tree.language() == Language::Yaml {
        for pair in source.of_kind(Kind::Pair) {
            let key = tree.child(*pair, Role::Key).map_or("", |key| tree.name(key));
            let value = tree.child(*pair, Role::Value);
            let image = value
                .filter(|value| tree.kind(*value) == Kind::Str)
                .map_or("", |value| tree.name(value));
            let beside = |name: &str| {
                tree.parent(*pair).is_some_and(|map| {
                    tree.children(map).any(|other| {
                        tree.child(other, Role::Key)
                            .is_some_and(|key| tree.name(key) == name)
                    })
                })
            };
            // What is built here has its tag from here.
            let is_container =
                beside("name") || beside("ports") || beside("environment") || beside("restart");
            if key == "image" && image.ends_with(":latest") && is_container && !beside("build") {
                reports.note(*pair, format!("`{image}` is another image tomorrow"));
            }
        }
        return;
    }
    let mut names: Vec<String> = Vec::new();
    for section in tree
        .children(NodeId::ROOT)
        .filter(|section| tree.name(*section) == "FROM")
    {
        let image = words(tree, section).first().copied().unwrap_or("").to_owned();
        let alias = tree
            .children_in(section, Role::Arg)
            .find(|arg| tree.kind(*arg) == Kind::Keyword && tree.name(*arg) == "as")
            .and_then(|alias| tree.child(alias, Role::Value))
            .map_or("", |value| tree.name(value));
        let last = image.rsplit('/').next().unwrap_or(&image);
        let open =
            !image.contains(['@', '$']) && image != "scratch" && !names.contains(&image.to_ascii_lowercase());
        let message = format!("`{image}` is another image tomorrow");
        if open && (last.ends_with(":latest") || !last.contains(':')) {
            reports.note(section, message);
        }
        names.push(alias.to_ascii_lowercase());
    }
}

//! What is downloaded is run, and nobody has looked at it: `curl … | sh`, `ADD http://…`, packages without a signature.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, WITH_COMMANDS, commands, word};
use crate::analysis::sql_text::HOLE;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "unverified-download",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-494", "CWE-829", "CWE-319"],
    languages: WITH_COMMANDS,
    run,
};

const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "ash", "zsh", "python", "python3", "perl", "ruby", "node", "php",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let all = commands(source);
    for pipe in source
        .of_kind(Kind::Binary)
        .iter()
        .filter(|pipe| tree.name(**pipe) == "|")
    {
        let (Some(left), Some(right)) = (tree.child(*pipe, Role::Left), tree.child(*pipe, Role::Right))
        else {
            continue;
        };
        let runs = within(source, &all, right).next().is_some_and(reads_program);
        let download = within(source, &all, left).find_map(address);
        let checks = within(source, &all, left).any(is_check);
        if let Some(address) = download.filter(|_| runs && !checks) {
            tell(*pipe, &address, reports);
        }
    }
    // `bash <(curl …)`, `sh -c "$(curl …)"`, `eval "$(curl …)"`, `. <(curl …)`.
    for command in &all {
        let program = command.program();
        if !SHELLS.contains(&program) && !matches!(program, "eval" | "." | "source") {
            continue;
        }
        for node in command.nodes.iter().skip(1) {
            let inner: Vec<NodeId> = tree
                .subtree(*node)
                .filter(|id| tree.kind(*id) == Kind::Block)
                .collect();
            let download = inner
                .iter()
                .find_map(|block| within(source, &all, *block).find_map(address));
            if let Some(address) = download {
                tell(command.node, &address, reports);
                break;
            }
        }
    }
    for command in &all {
        unsigned(command, reports);
    }
    if tree.language() == Language::Dockerfile {
        added(source, reports);
    }
}

fn within<'c>(
    source: &'c Source,
    all: &'c [Command],
    node: NodeId,
) -> impl Iterator<Item = &'c Command> + 'c {
    let from = all.partition_point(|command| command.node < node);
    all[from..]
        .iter()
        .take_while(move |command| source.tree.within(command.node, node))
}

/// Whether a command takes its program from what is piped into it.
fn reads_program(command: &Command) -> bool {
    let rest = command.plain();
    let takes_script = rest.iter().all(|arg| *arg == "-" || *arg == "/dev/stdin")
        || command.has_any(&["-s", "-"])
        || command.has_letter(&['s']) && matches!(command.program(), "sh" | "bash");
    let is_module = command.has_any(&["-c", "-m", "-e", "-n"]) || command.has_letter(&['c', 'e', 'n', 'm']);
    SHELLS.contains(&command.program())
        && takes_script
        && (!is_module
            || matches!(command.program(), "sh" | "bash") && !command.has("-c") && !command.has("-n"))
}

fn is_check(command: &Command) -> bool {
    matches!(
        command.program(),
        "gpg" | "gpgv" | "sha256sum" | "sha512sum" | "shasum" | "cosign" | "minisign"
    )
}

/// Where a download comes from.
fn address(command: &Command) -> Option<String> {
    if !matches!(command.program(), "curl" | "wget" | "fetch" | "http" | "aria2c") {
        return None;
    }
    let is_address = |arg: &&String| {
        arg.contains("://") || arg.starts_with(HOLE) || arg.contains('.') && arg.contains('/')
    };
    let args = command.args().iter();
    let given = args.filter(|arg| !arg.starts_with('-')).find(is_address);
    Some(given.cloned().unwrap_or_default())
}

fn tell(node: NodeId, address: &str, reports: &mut Reports) {
    let shown = address.replace(HOLE, "…");
    let local = ["localhost", "127.0.0.1", "169.254.", "metadata"]
        .iter()
        .any(|host| address.contains(host));
    if address.starts_with("http://") && !local {
        reports.add(
            node,
            format!("whoever is on the way to `{shown}` says what is run here: it comes without TLS"),
        );
    } else {
        reports.note(node, format!("what `{shown}` says today is run, whatever it is"));
    }
}

fn unsigned(command: &Command, reports: &mut Reports) {
    let told = |what: &str| format!("`{}` {what}", command.shown());
    match command.program() {
        "apt-get" | "apt" | "aptitude"
            if command.has_any(&[
                "--allow-unauthenticated",
                "--force-yes",
                "--allow-insecure-repositories",
            ]) || command
                .args()
                .iter()
                .any(|arg| arg.contains("AllowUnauthenticated=true")) =>
        {
            reports.add(command.node, told("installs packages whoever made them"));
        }
        "yum" | "dnf" | "zypper" | "rpm" | "tdnf" | "microdnf"
            if command.has_any(&["--nogpgcheck", "--no-gpg-checks", "--nosignature", "--nodigest"]) =>
        {
            reports.note(command.node, told("installs packages whoever made them"));
        }
        "apk" if command.has("--allow-untrusted") => {
            reports.note(command.node, told("installs packages whoever made them"));
        }
        "pip" | "pip3" | "uv" => {
            let plain = command.args().iter().any(|arg| {
                arg.strip_prefix("--index-url=")
                    .or_else(|| arg.strip_prefix("--extra-index-url="))
                    .unwrap_or(arg)
                    .starts_with("http://")
                    && !arg.contains("localhost")
                    && !arg.contains("127.0.0.1")
            });
            if plain {
                reports.add(
                    command.node,
                    told("installs what whoever is on the way says: it comes without TLS"),
                );
            } else if command.args().iter().any(|arg| arg.starts_with("--trusted-host")) {
                reports.note(command.node, told("does not ask who the other end is"));
            }
        }
        _ => {}
    }
}

/// `ADD http://… /opt/`: without a checksum, and perhaps without TLS.
fn added(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    for section in source
        .of_kind(Kind::Section)
        .iter()
        .filter(|section| tree.name(**section) == "ADD")
    {
        let checked = tree
            .children_in(*section, Role::Arg)
            .any(|arg| tree.kind(arg) == Kind::Keyword && tree.name(arg) == "checksum");
        for arg in tree.children_in(*section, Role::Arg) {
            let text = word(tree, arg);
            if checked || tree.kind(arg) != Kind::Str {
                continue;
            }
            if text.starts_with("http://") {
                reports.add(
                    *section,
                    format!("`ADD {text}` takes what whoever is on the way says: no TLS, and no checksum"),
                );
            } else if text.starts_with("https://") && !text.ends_with(".git") {
                reports.note(
                    *section,
                    format!("`ADD {text}` has no checksum: it is whatever is there today"),
                );
            }
        }
    }
}

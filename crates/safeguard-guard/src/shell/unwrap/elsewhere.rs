//! Commands within the words of git, ssh and kubectl.

use super::{Within, leading};
use crate::shell::options::{leading_options, options};
use crate::shell::rules::Invocation;
use crate::shell::word::{UNKNOWN, Word};

const KUBE: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--cluster",
    "--kubeconfig",
    "-c",
    "--container",
    "-s",
    "--server",
    "--user",
];

/// Aliases of git that begin with `!`, and commands that git runs between its own.
pub(super) fn git(args: &[Word]) -> Vec<Within> {
    let text = |text: &str| Within::Text {
        text: text.to_owned(),
        elsewhere: false,
    };
    let mut found = Vec::new();
    let given = options(
        args,
        &[
            "-c",
            "-x",
            "--exec",
            "-C",
            "--upload-pack",
            "--receive-pack",
            "--tree-filter",
            "--index-filter",
        ],
    );
    found.extend(
        given
            .values(&["--upload-pack", "--receive-pack"])
            .map(|word| text(&word.text)),
    );
    let rebases = args.iter().any(|word| word.text == "rebase");
    if rebases {
        found.extend(given.values(&["-x", "--exec"]).map(|word| text(&word.text)));
    }
    let differs = args.iter().any(|word| word.text == "difftool");
    if differs {
        let given = options(args, &["-x", "--extcmd"]);
        found.extend(given.values(&["-x", "--extcmd"]).map(|word| text(&word.text)));
    }
    if args.iter().any(|word| word.text == "grep") {
        let pagers = args.iter().filter_map(|word| {
            word.text
                .strip_prefix("-O")
                .or_else(|| word.text.strip_prefix("--open-files-in-pager="))
        });
        // It gets the files in which something was found.
        let pagers = pagers.filter(|pager| !pager.is_empty());
        found.extend(pagers.map(|pager| text(&format!("{pager} {UNKNOWN}"))));
    }
    for word in args {
        let value = word
            .text
            .split_once('=')
            .map_or(word.text.as_str(), |(_, value)| value);
        if let Some(command) = value.strip_prefix('!').filter(|command| !command.is_empty()) {
            found.push(text(command));
        }
    }
    const RUN: &[&str] = &[
        "core.sshcommand=",
        "core.pager=",
        "core.editor=",
        "core.fsmonitor=",
        "diff.external=",
        "credential.helper=",
        "sequence.editor=",
    ];
    for value in given.values(&["-c"]) {
        let name = value.text.to_lowercase();
        if RUN.iter().any(|setting| name.starts_with(setting)) {
            found.extend(
                value
                    .text
                    .split_once('=')
                    .map(|(_, command)| text(command.trim_start_matches('!'))),
            );
        }
    }
    // Kept for every call that follows.
    for pair in args
        .windows(2)
        .filter(|_| args.iter().any(|word| word.text == "config"))
    {
        let setting = format!("{}=", pair[0].text.to_lowercase());
        if RUN.contains(&setting.as_str()) && !pair[1].text.starts_with(['!', '-']) {
            found.push(text(&pair[1].text));
        }
    }
    // An alias may stand for what git itself does, as in `alias.x='push --force'`.
    let alias = |word: &Word| {
        let (name, body) = word.text.split_once('=')?;
        (name.to_lowercase().starts_with("alias.") && !body.starts_with('!')).then(|| format!("git {body}"))
    };
    found.extend(args.iter().filter_map(alias).map(|body| text(&body)));
    for pair in args.windows(2) {
        if pair[0].text.to_lowercase().starts_with("alias.")
            && !pair[0].text.contains('=')
            && !pair[1].text.starts_with('!')
        {
            found.push(text(&format!("git {}", pair[1].text)));
        }
    }
    let each = args.iter().position(|word| word.text == "foreach");
    if let Some(at) = each {
        let words: Vec<&str> = args[at + 1..]
            .iter()
            .map(|word| word.text.as_str())
            .filter(|word| *word != "--recursive" && *word != "-q")
            .collect();
        found.push(text(&words.join(" ")));
    }
    found
}

/// The words behind the host are joined and read by a shell there.
pub(super) fn ssh(invocation: &Invocation) -> Vec<Within> {
    const WITH_VALUE: &[&str] = &[
        "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p", "-Q", "-R",
        "-S", "-W", "-w", "-B",
    ];
    if invocation.program == "sshpass" {
        let argv = leading(&invocation.args, &["-p", "-f", "-d", "-P"]);
        return vec![Within::Command {
            argv,
            elsewhere: false,
        }];
    }
    let given = leading_options(&invocation.args, WITH_VALUE);
    let mut found: Vec<Within> = given
        .values(&["-o"])
        .filter_map(|word| word.text.split_once(['=', ' ']))
        .filter(|(name, _)| {
            matches!(
                name.to_lowercase().as_str(),
                "proxycommand" | "localcommand" | "remotecommand"
            )
        })
        .map(|(_, text)| Within::Text {
            text: text.to_owned(),
            elsewhere: false,
        })
        .collect();
    let words: Vec<&str> = given
        .rest
        .iter()
        .skip(1)
        .map(|(_, word)| word.text.as_str())
        .filter(|word| *word != "--")
        .collect();
    match words.is_empty() {
        false => found.push(Within::Text {
            text: words.join(" "),
            elsewhere: true,
        }),
        true if given.any(&["-N", "-V", "-O", "-G", "-Q", "-T"]) || given.rest.is_empty() => {}
        true => found.push(Within::Stdin { elsewhere: true }),
    }
    found
}

pub(super) fn kubectl(args: &[Word]) -> Vec<Within> {
    let given = options(args, KUBE);
    let at = |name: &str| args.iter().position(|word| word.text == name);
    let runs = given
        .words()
        .first()
        .is_some_and(|verb| matches!(*verb, "exec" | "run" | "debug"));
    let argv: Vec<Word> = match (runs, at("--"), at("exec")) {
        (true, Some(dashes), _) => args[dashes + 1..].to_vec(),
        // Older forms do without the dashes: the pod stands before the command.
        (true, None, Some(exec)) => {
            let rest = leading_options(&args[exec + 1..], KUBE);
            rest.rest
                .iter()
                .skip(1)
                .map(|(_, word)| (*word).clone())
                .collect()
        }
        _ => Vec::new(),
    };
    match argv.is_empty() {
        true => Vec::new(),
        false => vec![Within::Command {
            argv,
            elsewhere: true,
        }],
    }
}

//! Servers, clusters, buckets, volumes and whole environments.

mod requests;
mod table;

pub(super) use self::table::TABLE;
use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::row_of;
use crate::shell::programs;
use crate::shell::unwrap::within;
use crate::shell::walk::Stdin;
use crate::shell::word::shown;

pub(super) static RULE: CommandRule = CommandRule {
    id: "delete-infrastructure",
    page: include_str!("delete_infrastructure.md"),
    sqlstate: POLICY,
    why: "what runs or keeps data for others is taken away in seconds, and made again in days",
    instead: "show what would go (a listing, `--dry-run`, `terraform plan -destroy`, `kubectl diff`), and have a person take it away",
    check: |invocation| {
        let found = row_of(TABLE, &invocation.program, &invocation.args, GLOBALS).map(str::to_owned);
        found
            .or_else(|| applied(invocation))
            .or_else(|| scaled(invocation))
            .or_else(|| unheld(invocation))
            .or_else(|| mirrored(invocation))
            .or_else(|| changed(invocation))
            .or_else(|| cmdlet(invocation))
            .or_else(|| requests::deletes(invocation))
    },
};

const GLOBALS: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--cluster",
    "--kubeconfig",
    "--profile",
    "--region",
    "--project",
    "-a",
    "--app",
    "-H",
    "--host",
    "--file",
    "--project-name",
    "--env-file",
    "--output",
    "--subscription",
    "--zone",
    "--kube-context",
    "--stack",
    "--cwd",
    "--tlsverify",
    "--log-level",
    "--config",
    "--endpoint-url",
    "--replicas",
    "--project-directory",
    "--resource-group",
    "-g",
    "-R",
    "--repo",
    "--mode",
    "--body",
];

/// A plan that was saved is carried out without a question, and so is one whose question something else answers.
fn applied(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["terraform", "tofu", "terragrunt"]) {
        return None;
    }
    let options = invocation.options(&[
        "-target",
        "-var",
        "-var-file",
        "-replace",
        "-parallelism",
        "-lock-timeout",
        "-chdir",
    ]);
    let words = options.words();
    let saved = words.first() == Some(&"apply") && words.len() > 1;
    let answered = words.first() == Some(&"apply") && invocation.stdin != Stdin::Inherited;
    (saved || answered).then(|| "changes infrastructure without asking".to_owned())
}

const SIZES: &[&str] = &[
    "--desired-count",
    "--desired-capacity",
    "--max-size",
    "--num-nodes",
    "--size",
    "--backup-retention-period",
];

fn scaled(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["--replicas", "-n", "--namespace"]);
    let to_nothing = options.words().iter().any(|word| word.ends_with("=0"));
    let words = options.words();
    let none = words
        .windows(3)
        .any(|three| three[0] == "scale" && three[1] == "count" && three[2] == "0");
    if invocation.is(&["heroku", "fly", "flyctl"]) && (to_nothing || none) {
        return Some("takes down what runs on a platform".to_owned());
    }
    let sizes = invocation.options(SIZES);
    if invocation.is(&["aws", "gcloud", "az"]) && sizes.values(SIZES).any(|value| value.text == "0") {
        return Some("takes down what runs in a cloud".to_owned());
    }
    let none = options.values(&["--replicas"]).any(|value| value.text == "0");
    (invocation.is(&["kubectl", "oc", "k"]) && options.words().contains(&"scale") && none)
        .then(|| "takes down what runs in a cluster".to_owned())
}

/// What holds an object back until somebody has cleaned up after it, or keeps a volume whose claim goes.
fn unheld(invocation: &Invocation) -> Option<String> {
    let lifts = |text: &str| {
        let written: String = text
            .chars()
            .filter(|char| !char.is_whitespace() && *char != '"')
            .collect();
        let kept = written.contains("eclaimPolicy") && written.contains("Delete");
        written.contains("finalizers:null")
            || written.contains("finalizers:[]")
            || written.contains("/metadata/finalizers")
            || kept
    };
    let patches =
        invocation.is(&["kubectl", "oc", "k"]) && invocation.options(GLOBALS).words().contains(&"patch");
    (patches && invocation.args.iter().any(|word| lifts(&word.text)))
        .then(|| "takes away what holds an object back from being deleted".to_owned())
}

/// A copy that removes what is not in its source, on another machine.
fn mirrored(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-e", "--rsh", "--exclude", "--include"]);
    let deletes = options.names.iter().any(|name| name.starts_with("--del"));
    let elsewhere = options.words().last().is_some_and(|word| word.contains(':'));
    (invocation.is(&["rsync"]) && deletes && elsewhere && !options.any(&["--dry-run", "-n"]))
        .then(|| "deletes files on another machine".to_owned())
}

/// PowerShell says by a program's own name that something goes.
fn cmdlet(invocation: &Invocation) -> Option<String> {
    // What is its own, or is asked about elsewhere.
    const OWN: &[&str] = &[
        "event",
        "item",
        "itemproperty",
        "job",
        "module",
        "psbreakpoint",
        "psdrive",
        "pssession",
        "type",
        "typedata",
        "variable",
    ];
    let thing = invocation.program.strip_prefix("remove-")?;
    (!OWN.contains(&thing)).then(|| {
        format!(
            "deletes something, as it looks, by `{}`",
            shown(&invocation.program)
        )
    })
}

/// What protects, or what others may do, by the value of an option.
fn changed(invocation: &Invocation) -> Option<String> {
    let has = |wanted: &str| invocation.args.iter().any(|word| word.text.contains(wanted));
    let follows = |option: &str, value: &str| {
        let pairs = invocation.args.windows(2);
        pairs
            .clone()
            .any(|pair| pair[0].text == option && pair[1].text.eq_ignore_ascii_case(value))
    };
    let found = match invocation.program.as_str() {
        "aws" if has("put-bucket-versioning") && has("Suspended") => {
            "stops a bucket from keeping what is deleted"
        }
        "aws" if has("authorize-security-group") && has("0.0.0.0/0") => "opens servers to everybody",
        "az" if follows("--mode", "complete") => "deletes from a cloud whatever is not described",
        "cdk" if follows("--require-approval", "never") => "changes infrastructure without asking",
        "kubectl" | "oc" | "k" if has("apply") && has("https://") => "runs in a cluster what is not in sight",
        "kubectl" | "oc" | "k" if has("cp") && has("/dev/null") => "empties a file in a cluster",
        "elasticdump" if has("--delete=true") => "deletes what it has copied",
        "svn" if has("delete") && has("://") => "deletes from a repository that others use",
        _ => return None,
    };
    Some(found.to_owned())
}

/// Whether a program is one of which nothing is known here.
pub(crate) fn is_unknown(invocation: &Invocation) -> bool {
    let known = TABLE
        .iter()
        .any(|row| row.program.split('|').any(|name| name == invocation.program));
    !known && !programs::is_known(&invocation.program)
}

/// A program that no table knows, whose words say plainly that something goes.
pub(super) fn by_unknown(invocation: &Invocation) -> Option<String> {
    const VERBS: &[&str] = &[
        "delete",
        "destroy",
        "purge",
        "terminate",
        "uninstall",
        "drop",
        "wipe",
        "erase",
    ];
    let plain = |word: &&str| {
        word.chars()
            .all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | ':'))
    };
    if !is_unknown(invocation) || !plain(&invocation.program.as_str()) || !within(invocation).is_empty() {
        return None;
    }
    let options = invocation.options(GLOBALS);
    let words = options.words();
    let says = words
        .iter()
        .take(4)
        .take_while(|word| plain(word))
        .any(|word| VERBS.contains(word));
    let harmless = options.any(&["--dry-run", "--help", "-h"]);
    (words.len() > 1 && says && !harmless).then(|| {
        format!(
            "deletes something, as it looks, by `{}`, which is not known here",
            shown(&invocation.program)
        )
    })
}

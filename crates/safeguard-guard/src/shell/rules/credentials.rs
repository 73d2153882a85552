//! Files and commands that give credentials away.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Row, row_of};
use crate::shell::paths::{Spot, path_in};
use crate::shell::walk::Stdin;
use crate::shell::walk::secrets::is_secret;
use crate::shell::word::name_parts;

pub(super) static RULE: CommandRule = CommandRule {
    id: "credentials",
    page: include_str!("credentials.md"),
    sqlstate: POLICY,
    why: "what an agent has read is in its transcript and with its provider, and what it has sent is out of hand",
    instead: "let programs use the credentials where they lie (`ssh`, `aws`, `kubectl`, `git` find their own), or ask a person",
    check: |invocation| {
        if let Some(does) = row_of(TABLE, &invocation.program, &invocation.args, GLOBALS) {
            return Some(does.to_owned());
        }
        read(invocation)
            .or_else(|| printed(invocation))
            .or_else(|| sent(invocation))
            .or_else(|| mounted(invocation))
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
];
pub(super) const TABLE: &[Row] = &[
    row(
        "aws",
        &["secretsmanager", "get-secret-value|batch-get-secret-value"],
        &[],
    ),
    row("aws", &["ssm", "get-parameter*"], &["--with-decryption"]),
    row("aws", &["sts", "get-session-token|assume-role*"], &[]),
    row("aws", &["configure", "get|export-credentials"], &[]),
    row("gcloud", &["**", "secrets", "versions", "access"], &[]),
    row(
        "gcloud",
        &["auth", "**", "print-access-token|print-identity-token"],
        &[],
    ),
    row("az", &["keyvault", "secret", "show|download"], &[]),
    row("az", &["account", "get-access-token"], &[]),
    row("kubectl|oc", &["get", "secret*"], &["-o", "--output"]),
    row("kubectl|oc", &["config", "view"], &["--raw"]),
    row("gh", &["auth", "token"], &[]),
    row("gh", &["auth", "status"], &["--show-token", "-t"]),
    row("heroku", &["auth:token"], &[]),
    row("heroku", &["config"], &[]),
    row("sops", &[], &["-d", "--decrypt"]),
    row("sops", &["decrypt"], &[]),
    row("ansible-vault", &["view|decrypt"], &[]),
    row("doppler", &["secrets", "get|download|substitute"], &[]),
    row("infisical", &["export"], &[]),
    row("infisical", &["secrets", "get"], &[]),
    row("rails", &["credentials:show"], &[]),
    row("bw", &["get|export"], &[]),
    row("keyring", &["get"], &[]),
    row("git", &["credential", "fill"], &[]),
    row("chamber", &["read|export|env"], &[]),
    row("vault", &["token", "lookup|create"], &[]),
    row("npm", &["token", "create"], &[]),
    row("terraform|tofu", &["state", "pull"], &[]),
    row("pulumi", &["stack|config", "**"], &["--show-secrets"]),
    row("ssh-keygen", &[], &["-p"]),
    row("vault", &["kv", "get"], &[]),
    row("vault", &["read"], &[]),
    row(
        "security",
        &["find-generic-password|find-internet-password|dump-keychain"],
        &[],
    ),
    row("pass", &["show"], &[]),
    row("op", &["read"], &[]),
    row("gpg|gpg2", &[], &["--export-secret-keys", "--export-secret-key"]),
];

const fn row(
    program: &'static str,
    words: &'static [&'static str],
    only_with: &'static [&'static str],
) -> Row {
    Row::of(program, words, "prints credentials").only_with(only_with)
}

/// They name such files without showing what is in them.
const SHOW_NOTHING: &[&str] = &[
    "[",
    "cd",
    "chmod",
    "chown",
    "export",
    "find",
    "ls",
    "mkdir",
    "rm",
    "shred",
    "ssh-add",
    "ssh-keygen",
    "ssh-keyscan",
    "stat",
    "test",
    "touch",
    "unlink",
    "echo",
    "printf",
    "git",
    "kubectl",
    "helm",
    "k9s",
    "oc",
    "docker",
    "safeguard",
    "terraform",
    "",
];
/// They take such a file behind these options in order to use it.
const USE_BEHIND: &[&str] = &[
    "--kubeconfig",
    "--config",
    "--private-key",
    "--key-file",
    "--identity",
    "--cert-key",
    "--key",
    "--keyfile",
    "--ssl-keyfile",
    "--tls-key",
    "-CAkey",
    "-inkey",
    "-key",
    "-key-file",
    "-keyout",
    "-out",
    "-signkey",
];
const USE_BEHIND_IN_SSH: &[&str] = &["-i", "-F"];
const SEND: &[&str] = &[
    "curl", "wget", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "socat", "http", "https", "xh", "ftp",
    "telnet", "rclone", "gsutil", "mail", "gh", "openssl",
];

/// What kind of credentials lies there, if it does.
pub(crate) fn file(spot: &Spot) -> Option<String> {
    let what = spot.credentials()?;
    Some(format!(
        "reads `{}`: {what}",
        crate::shell::word::shown(&spot.shown())
    ))
}

fn read(invocation: &Invocation) -> Option<String> {
    let redirected = invocation.read().find_map(|spot| file(&spot));
    let shows = invocation.is(&["git"])
        && invocation
            .args
            .iter()
            .any(|word| matches!(word.text.as_str(), "--no-index" | "hash-object"));
    if redirected.is_some() || (invocation.is(SHOW_NOTHING) && !shows) {
        return redirected;
    }
    named(invocation).find_map(|spot| file(&spot))
}

/// Where the words lead, but for files that are used where they lie, and for code.
fn named(invocation: &Invocation) -> impl Iterator<Item = Spot> {
    let mut used = false;
    let ssh = invocation.is(&["ssh", "scp", "sftp", "mosh", "autossh"]);
    invocation.args.iter().filter_map(move |word| {
        let option = word.text.as_str();
        let uses = USE_BEHIND.contains(&option) || (ssh && USE_BEHIND_IN_SSH.contains(&option));
        let behind = std::mem::replace(&mut used, uses);
        let attached = USE_BEHIND
            .iter()
            .any(|option| word.text.starts_with(&format!("{option}=")));
        let is_code = word.text.contains(['(', ')', '\n', ';']);
        (!behind && !attached && !is_code).then(|| invocation.spot(path_in(word)))
    })
}

/// Secrets of the environment or of a store that are printed by name.
fn printed(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(GLOBALS);
    let words = options.words();
    let shows = match invocation.program.as_str() {
        "heroku" if words.first() == Some(&"config:get") => {
            words.iter().any(|word| is_secret(word) || word.ends_with("_URL"))
        }
        // Without `-json` it keeps to itself what is marked as sensitive; of a plan that is named it shows what would change.
        "terraform" | "tofu" | "terragrunt" => {
            let options = invocation.options(&[]);
            match options.words().as_slice() {
                ["output"] | ["show"] => options.any(&["-json"]),
                ["output", name] => options.any(&["-raw", "-json"]) && is_secret(name),
                _ => false,
            }
        }
        "pulumi" => {
            matches!(words.as_slice(), ["config", "get", name] if is_secret(&name_parts(name).join("_")))
        }
        "printenv" => words.iter().any(|word| is_secret(word)),
        // They come to lie in a file that all programs of the project read.
        "vercel" | "netlify" => {
            let pulls = matches!(
                words.as_slice(),
                ["env", "pull", ..] | ["env:get" | "env:list", ..]
            );
            pulls
                && invocation
                    .args
                    .iter()
                    .any(|word| word.text.contains("production"))
        }
        // Without a word behind it, all of them.
        "doppler" | "infisical" => words == ["secrets"],
        "npm" | "pnpm" | "yarn" => {
            words.first() == Some(&"config") && words.iter().any(|word| word.ends_with("_authToken"))
        }
        "docker" | "podman" | "nerdctl" => {
            words.contains(&"inspect")
                && invocation
                    .args
                    .iter()
                    .any(|word| word.text.contains(".Config.Env"))
        }
        // What is looked for in the environment.
        "grep" | "rg" | "egrep" => {
            invocation.stdin == Stdin::File("/proc/self/environ".to_owned())
                && words.iter().any(|word| is_secret(word))
        }
        _ => false,
    };
    shows.then(|| "prints credentials".to_owned())
}

/// A file of variables that leaves the machine.
fn sent(invocation: &Invocation) -> Option<String> {
    if !invocation.is(SEND) {
        return None;
    }
    let named = named(invocation).chain(invocation.read());
    let piped = match &invocation.stdin {
        Stdin::File(path) => Some(invocation.spot(path)),
        _ => None,
    };
    let spot = named
        .chain(piped)
        .find(|spot| spot.is_env_file() || spot.credentials().is_some())?;
    let shown = crate::shell::word::shown(&spot.shown());
    Some(format!("sends `{shown}` elsewhere"))
}

/// A container that gets such a file to see.
fn mounted(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["docker", "podman", "nerdctl"]) {
        return None;
    }
    let options = invocation.options(&["-v", "--volume"]);
    let mut sources = options
        .values(&["-v", "--volume"])
        .filter_map(|word| word.text.split(':').next());
    sources.find_map(|source| file(&invocation.spot(source)))
}

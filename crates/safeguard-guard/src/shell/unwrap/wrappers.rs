//! Programs that run the words behind their own.

use super::Within;
use crate::shell::options::{fits, leading_options, options};
use crate::shell::word::Word;

/// A program that runs the words behind its own.
struct Wrapper {
    programs: &'static str,
    /// Its first words, such as `exec`.
    words: &'static [&'static str],
    with_value: &'static [&'static str],
    /// Words of its own between its options and the command, such as a host.
    own: usize,
    elsewhere: bool,
}

const fn here(programs: &'static str, with_value: &'static [&'static str], own: usize) -> Wrapper {
    Wrapper {
        programs,
        words: &[],
        with_value,
        own,
        elsewhere: false,
    }
}

const fn verb(
    programs: &'static str,
    words: &'static [&'static str],
    with_value: &'static [&'static str],
    own: usize,
) -> Wrapper {
    Wrapper {
        programs,
        words,
        with_value,
        own,
        elsewhere: true,
    }
}

pub(super) const DOCKER_RUN: &[&str] = &[
    "-e",
    "--env",
    "-v",
    "--volume",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "--name",
    "--network",
    "--net",
    "-p",
    "--publish",
    "-m",
    "--memory",
    "--cpus",
    "--mount",
    "--entrypoint",
    "--env-file",
    "-h",
    "--hostname",
    "--add-host",
    "-l",
    "--label",
    "--platform",
    "--restart",
    "--link",
    "--shm-size",
    "--tmpfs",
    "--ulimit",
    "--gpus",
    "--pull",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--volumes-from",
    "--device",
    "--dns",
    "--ipc",
    "--pid",
    "--log-driver",
    "--log-opt",
    "-a",
    "--attach",
    "--health-cmd",
];
pub(super) const COMPOSE_EXEC: &[&str] = &[
    "-e",
    "--env",
    "-u",
    "--user",
    "-w",
    "--workdir",
    "--index",
    "--name",
    "-v",
    "--volume",
    "-p",
    "--entrypoint",
];

const WRAPPERS: &[Wrapper] = &[
    here(
        "sudo",
        &[
            "-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group",
        ],
        0,
    ),
    here("doas", &["-u", "-C"], 0),
    here("env", &["-u", "-C", "--unset", "--chdir"], 0),
    here(
        "nohup|setsid|unbuffer|command|builtin|noglob|nocorrect|chronic|caffeinate|stdbuf|coproc|entr|proot|fakeroot|firejail",
        &["-i", "-o", "-e"],
        0,
    ),
    here("exec", &["-a"], 0),
    here("time|gtime", &["-f", "-o", "--format", "--output"], 0),
    here("timeout|gtimeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    here(
        "nice|ionice|chrt|taskset",
        &["-n", "-c", "-p", "-P", "--adjustment", "--class"],
        0,
    ),
    // The mask or the priority may stand for itself.
    here("chrt|taskset", &["-p"], 1),
    here(
        "watchexec|prlimit|numactl|proxychains|proxychains4|rlwrap|dumb-init|tini|gosu|su-exec|retry|chpst",
        &["-w", "-e", "-i", "-m", "-N", "-C", "-f"],
        0,
    ),
    here("gosu|su-exec|faketime|setpriv", &[], 1),
    here("pdsh|clush", &["-w", "-l", "-g", "-x"], 0),
    here("strace|ltrace|perf", &["-e", "-o", "-p", "-s", "-E"], 0),
    here("watch", &["-n", "--interval"], 0),
    here("flock", &["-w", "-E", "--timeout"], 1),
    here("chroot", &["--userspec", "--groups"], 1),
    here(
        "unshare|nsenter|systemd-run|runuser",
        &[
            "-u",
            "-t",
            "-p",
            "-S",
            "-G",
            "--unit",
            "--property",
            "--target",
            "-l",
        ],
        0,
    ),
    here("busybox|toybox", &[], 0),
    here(
        "parallel",
        &["-j", "-a", "-I", "--jobs", "--colsep", "-n", "-N"],
        0,
    ),
    here("npx|bunx|pnpx", &["-p", "--package", "-c"], 0),
    here("dotenv", &["-e", "-f", "--env"], 0),
    here("cross-env|env-cmd|dotenvx|direnv", &["-f", "-e"], 0),
    Wrapper {
        words: &["exec|dlx|x"],
        ..here(
            "npm|pnpm|yarn|bun|bundle|mise|asdf|rtx|nix|devbox",
            &["-C", "--prefix", "--filter", "-w"],
            0,
        )
    },
    Wrapper {
        words: &["run"],
        ..here(
            "poetry|uv|pipenv|pdm|hatch|rye|conda|mamba|op|doppler|infisical|dotenvx|mise|pipx|railway",
            &[
                "-n",
                "--env-file",
                "--env",
                "-p",
                "-c",
                "--project",
                "--config",
                "--with",
                "--python",
            ],
            0,
        )
    },
    Wrapper {
        words: &["exec"],
        ..here("aws-vault|chamber|teller|sops|bazel", &["--duration"], 1)
    },
    Wrapper {
        words: &["exec"],
        ..here("direnv", &[], 1)
    },
    Wrapper {
        words: &["tool", "run"],
        ..here("uv", &[], 0)
    },
    here("uvx|pipx", &["--from", "--with"], 0),
    Wrapper {
        words: &["bisect", "run"],
        ..here("git", &["-C", "-c"], 0)
    },
    verb("docker|podman|nerdctl", &["exec"], COMPOSE_EXEC, 1),
    verb("docker|podman|nerdctl", &["container", "exec"], COMPOSE_EXEC, 1),
    verb("docker|podman|nerdctl", &["run"], DOCKER_RUN, 1),
    verb("docker|podman|nerdctl", &["compose", "exec|run"], COMPOSE_EXEC, 1),
    verb("docker-compose|podman-compose", &["exec|run"], COMPOSE_EXEC, 1),
    verb(
        "heroku",
        &["run|run:detached"],
        &["-a", "--app", "-r", "--remote", "-s", "--size"],
        0,
    ),
    verb("dokku", &["run"], &["-e", "--env"], 1),
    verb("vagrant", &["ssh"], &["-c", "--command"], 1),
    verb("multipass|lxc|incus", &["exec"], &[], 1),
];

/// Options that may stand before a wrapper's words.
pub(super) const BEFORE_WORDS: &[&str] = &[
    "-H",
    "--host",
    "--context",
    "-C",
    "-c",
    "--prefix",
    "--filter",
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "--project-directory",
];

/// The commands that an invocation's words hold.
pub(super) fn wrapped(program: &str, args: &[Word]) -> Vec<Within> {
    let wrappers = WRAPPERS.iter().filter(|wrapper| named(wrapper.programs, program));
    wrappers.filter_map(|wrapper| unwrapped(wrapper, args)).collect()
}

fn named(programs: &str, program: &str) -> bool {
    programs.split('|').any(|name| name == program)
}

fn unwrapped(wrapper: &Wrapper, args: &[Word]) -> Option<Within> {
    let mut from = 0;
    if !wrapper.words.is_empty() {
        for _ in wrapper.words {
            let leading = leading_options(&args[from..], BEFORE_WORDS);
            from += leading.rest.first()?.0 + 1;
        }
        let given: Vec<&str> = leading_words(args, from, wrapper.words.len());
        if !fits(&given, wrapper.words) {
            return None;
        }
    }
    let leading = leading_options(&args[from..], wrapper.with_value);
    // Variables stand before the command, as in `env A=b command`; a program's own `--` has been taken off.
    let is_variable = |word: &Word| {
        word.text
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|one| one.is_alphanumeric() || one == '_'))
    };
    let argv: Vec<Word> = leading
        .rest
        .iter()
        .map(|(_, word)| (*word).clone())
        .skip_while(is_variable)
        .skip(wrapper.own)
        .skip_while(|word| {
            word.text == "--"
                || is_variable(word)
                || word.text.starts_with('@') && wrapper.programs.contains("npx")
        })
        .collect();
    // Platforms hand one text to a shell; no program is named so.
    if let Some(text) = argv.first().filter(|first| first.text.contains(' ')) {
        return Some(Within::Text {
            text: text.text.clone(),
            elsewhere: wrapper.elsewhere,
        });
    }
    (!argv.is_empty()).then_some(Within::Command {
        argv,
        elsewhere: wrapper.elsewhere,
    })
}

/// The words before `to` that are no options: as many as a wrapper has of its own.
fn leading_words(args: &[Word], to: usize, count: usize) -> Vec<&str> {
    let found = options(&args[..to], BEFORE_WORDS);
    let texts: Vec<&str> = found.rest.iter().map(|(_, word)| word.text.as_str()).collect();
    texts[texts.len().saturating_sub(count)..].to_vec()
}

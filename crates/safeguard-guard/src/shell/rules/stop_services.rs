//! Services and machines that others use.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Row, row_of};
use crate::shell::word::UNKNOWN;

pub(super) static RULE: CommandRule = CommandRule {
    id: "stop-services",
    page: include_str!("stop_services.md"),
    sqlstate: POLICY,
    why: "what runs on a machine may be somebody else's, and is missed by all who use it",
    instead: "stop what you started by its number (`kill PID`), and have a person stop services and change what runs by the clock",
    check: |invocation| {
        let given = &["-t", "-P", "-p", "--signal"];
        let found = row_of(TABLE, &invocation.program, &invocation.args, given).map(str::to_owned);
        found
            .or_else(|| killed(invocation))
            .or_else(|| all_containers(invocation))
            .or_else(|| replaced(invocation))
    },
};

const TABLE: &[Row] = &[
    row(
        "systemctl",
        &["stop|disable|mask|kill|isolate|poweroff|reboot|halt|rescue|emergency|kexec|suspend"],
    ),
    row("service|rc-service", &["**", "stop"]),
    row("launchctl", &["unload|bootout|remove|stop|disable|kill"]),
    row("supervisorctl", &["stop|shutdown|remove"]),
    row("pm2", &["kill|delete|stop"]),
    row(
        "shutdown|reboot|halt|poweroff|stop-computer|restart-computer",
        &[],
    ),
    row("stop-service|stop-vm|stop-azvm|stop-ec2instance", &[]),
    row("init|telinit", &["0|1|6|s|S"]),
    with("crontab", &["**"], &["-r"]),
    row("usermod|visudo|chpasswd|gpasswd", &[]),
    with(
        "journalctl",
        &["**"],
        &["--vacuum-time", "--vacuum-size", "--vacuum-files"],
    ),
    row("atrm", &[]),
    with(
        "iptables|ip6tables|ebtables",
        &["**"],
        &["-F", "--flush", "-X", "-P", "--policy", "-D", "--delete"],
    ),
    row("nft", &["flush|delete"]),
    row("ufw", &["disable|reset"]),
    row("pfctl", &[]),
    row("ip", &["link", "**", "down|delete"]),
    row("ip", &["route|addr|rule", "flush|del|delete"]),
    with("umount", &[], &["-a", "-f", "-l"]),
    with("swapoff", &[], &["-a"]),
    row("userdel|groupdel|deluser", &[]),
    with("passwd", &["**"], &["-d", "-l"]),
    row("setenforce", &["0|Permissive"]),
    row("redis-cli", &["shutdown|SHUTDOWN"]),
    row("mysqladmin", &["**", "shutdown|drop"]),
    row("pg_ctl", &["**", "stop|restart"]),
    row("pg_ctlcluster", &["**", "stop"]),
    row("pg_dropcluster", &[]),
    row("nginx", &["stop|quit"]),
    row("apachectl", &["stop|graceful-stop"]),
    row("killall5", &[]),
];

const fn row(program: &'static str, words: &'static [&'static str]) -> Row {
    Row::of(program, words, "stops or unprotects what others use").unless(&[
        "--help",
        "--version",
        "--dry-run",
    ])
}

const fn with(
    program: &'static str,
    words: &'static [&'static str],
    only_with: &'static [&'static str],
) -> Row {
    row(program, words).only_with(only_with)
}

const SERVICES: &[&str] = &[
    "postgres",
    "postmaster",
    "mysqld",
    "mariadbd",
    "mongod",
    "redis-server",
    "dockerd",
    "containerd",
    "kubelet",
    "sshd",
    "nginx",
    "systemd",
    "haproxy",
    "etcd",
    "cron",
    "crond",
    "rsyslogd",
    "auditd",
    "java",
];

fn killed(invocation: &Invocation) -> Option<String> {
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    let all = match invocation.program.as_str() {
        // Behind a signal `-1` is everybody, and `1` is the process that all others come from.
        "kill" => words.iter().skip(1).any(|word| matches!(*word, "-1" | "1")) || words == ["1"],
        "pkill" | "killall" => {
            let by_user = words
                .iter()
                .any(|word| matches!(*word, "-u" | "-U" | "--euid" | "--uid" | "--user"));
            by_user
                || words
                    .iter()
                    .any(|word| SERVICES.contains(word) || matches!(*word, "." | ".*" | "" | "*"))
        }
        _ => false,
    };
    all.then(|| "ends processes that are not the agent's".to_owned())
}

/// A table of commands takes the place of the one that is there.
fn replaced(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-u"]);
    let looks = options.any(&["-l", "-e"]);
    (invocation.is(&["crontab"])
        && !looks
        && (!options.rest.is_empty() || invocation.args.iter().any(|word| word.text == "-")))
    .then(|| "replaces the table of cron".to_owned())
}

/// Containers that were not named.
fn all_containers(invocation: &Invocation) -> Option<String> {
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    let verb = match words.as_slice() {
        ["container", verb, ..] | [verb, ..] => *verb,
        [] => "",
    };
    let unnamed = words.iter().any(|word| word.starts_with(UNKNOWN));
    (invocation.is(&["docker", "podman", "nerdctl"]) && matches!(verb, "stop" | "kill" | "rm") && unnamed)
        .then(|| "ends containers that it does not name".to_owned())
}

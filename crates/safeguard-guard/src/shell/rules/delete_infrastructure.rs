//! Servers, clusters, buckets, volumes and whole environments.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Row, row_of};
use crate::shell::walk::Stdin;

pub(super) static RULE: CommandRule = CommandRule {
    id: "delete-infrastructure",
    page: include_str!("delete_infrastructure.md"),
    sqlstate: POLICY,
    why: "what runs or keeps data for others is taken away in seconds, and made again in days",
    instead: "show what would go (`terraform plan -destroy`, `kubectl diff`, `--dry-run`), and have a person take it away",
    check: |invocation| {
        let found = row_of(TABLE, &invocation.program, &invocation.args, GLOBALS).map(str::to_owned);
        found
            .or_else(|| applied(invocation))
            .or_else(|| scaled(invocation))
            .or_else(|| unheld(invocation))
            .or_else(|| mirrored(invocation))
            .or_else(|| by_request(invocation))
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
];
const REMOVES: &str = "delete*|destroy*|terminate*|purge*|deregister*|remove|rm|rb|wipe|erase";
const DRY: &[&str] = &["--dry-run", "--dryrun", "--help", "-dry-run", "-help"];

pub(super) const TABLE: &[Row] = &[
    row(
        "terraform|tofu|terragrunt|cdktf",
        &["**", "destroy"],
        "destroys everything that is described here",
    ),
    row(
        "terraform|tofu|terragrunt",
        &["run-all", "destroy|apply"],
        "changes all environments at once",
    ),
    row(
        "terragrunt",
        &["apply-all|destroy-all"],
        "changes all environments at once",
    ),
    with(
        "terragrunt",
        &["**", "apply|destroy"],
        &["--all", "-all"],
        "changes all environments at once",
    ),
    with(
        "terraform|tofu|terragrunt",
        &["apply"],
        &["-destroy"],
        "destroys everything that is described here",
    ),
    with(
        "terraform|tofu|terragrunt",
        &["apply"],
        &["-auto-approve"],
        "changes infrastructure without asking",
    ),
    row(
        "terraform|tofu|terragrunt",
        &["state", "rm|push|mv|replace-provider"],
        "changes what is known of infrastructure",
    ),
    row(
        "terraform|tofu|terragrunt",
        &["workspace", "delete"],
        "deletes a workspace with its state",
    ),
    row(
        "terraform|tofu|terragrunt",
        &["force-unlock|taint"],
        "has infrastructure replaced or unlocked",
    ),
    with(
        "terraform|tofu|terragrunt",
        &["apply"],
        &["-replace"],
        "has infrastructure replaced or unlocked",
    ),
    row("pulumi", &["destroy|cancel"], "destroys a stack"),
    row("pulumi", &["stack", "rm"], "destroys a stack"),
    row(
        "pulumi",
        &["state", "delete"],
        "changes what is known of infrastructure",
    ),
    with(
        "pulumi",
        &["up|update"],
        &["--yes", "-y", "-f", "--skip-preview"],
        "changes infrastructure without asking",
    ),
    row("cdk|sst", &["destroy|remove"], "destroys a stack"),
    row(
        "sls|serverless|sam|copilot|eb",
        &["**", "remove|delete|terminate"],
        "destroys a stack",
    ),
    row("kubectl|oc|k", &["delete"], "deletes what runs in a cluster"),
    row("kubectl|oc|k", &["drain"], "empties a machine of a cluster"),
    with(
        "kubectl|oc|k",
        &["replace"],
        &["--force"],
        "deletes what runs in a cluster, and makes it again",
    ),
    with(
        "kubectl|oc|k",
        &["apply"],
        &["--prune"],
        "deletes what runs in a cluster",
    ),
    row("helm", &["uninstall|delete|del|un"], "uninstalls a release"),
    row("helmfile", &["**", "destroy|delete"], "uninstalls releases"),
    row(
        "argocd",
        &["app|proj|cluster|repo", "delete|rm"],
        "deletes what runs in a cluster",
    ),
    row("flux", &["uninstall|delete"], "deletes what runs in a cluster"),
    row(
        "eksctl|kops|doctl|linode-cli|hcloud|vultr-cli|scw|ibmcloud|oci|civo",
        &["**", REMOVES],
        "deletes from a cloud",
    ),
    row("aws", &["s3", "rb|rm"], "deletes from a bucket"),
    with("aws", &["s3", "sync"], &["--delete"], "deletes from a bucket"),
    row(
        "aws",
        &[
            "**",
            "delete-*|batch-delete-*|terminate-*|deregister-*|purge-*|destroy-*|release-*|schedule-key-deletion",
        ],
        "deletes from a cloud",
    ),
    row(
        "aws",
        &["s3api", "put-bucket-lifecycle*|put-lifecycle*"],
        "has what lies in a bucket deleted later",
    ),
    row(
        "aws",
        &["rds", "stop-*|reset-*|restore-*"],
        "stops or replaces a database",
    ),
    row("aws", &["ec2", "stop-instances"], "stops servers"),
    with(
        "aws",
        &["**"],
        &["--no-deletion-protection"],
        "lifts what protects from deletion",
    ),
    row("gcloud|gsutil|bq|az", &["**", REMOVES], "deletes from a cloud"),
    with("gsutil", &["rsync"], &["-d"], "deletes from a bucket"),
    with("bq", &[], &["-r"], "deletes from a cloud"),
    row(
        "heroku",
        &[
            "**",
            "*:destroy|*:delete|pg:reset|apps:destroy|addons:destroy|pg:kill*|destroy",
        ],
        "deletes from a platform",
    ),
    row(
        "heroku",
        &["apps:destroy|apps:delete|addons:destroy|pg:reset|ps:stop|pipelines:destroy|domains:remove"],
        "deletes from a platform",
    ),
    row(
        "fly|flyctl",
        &["**", "destroy|delete|detach|remove"],
        "deletes from a platform",
    ),
    row("vercel|now", &["remove|rm"], "deletes from a platform"),
    row("vercel", &["**", "rm|remove"], "deletes from a platform"),
    row("netlify", &["sites:delete|env:unset"], "deletes from a platform"),
    row("railway", &["down|delete"], "deletes from a platform"),
    row(
        "render|koyeb|northflank|dokku|cf",
        &["**", "delete*|destroy|*:destroy"],
        "deletes from a platform",
    ),
    row("wrangler", &["delete"], "deletes from a platform"),
    row("wrangler", &["**", "delete"], "deletes from a platform"),
    row(
        "firebase",
        &["firestore:delete|database:remove|hosting:disable|functions:delete"],
        "deletes from a platform",
    ),
    row(
        "supabase",
        &["projects|functions|branches|secrets", "delete|unset"],
        "deletes from a platform",
    ),
    row(
        "neon|neonctl|turso|pscale",
        &["**", "delete|destroy|restore|reset"],
        "deletes a database or a branch of one",
    ),
    row(
        "gh",
        &[
            "repo|release|secret|variable|environment|gist|codespace",
            "delete|archive",
        ],
        "deletes from GitHub",
    ),
    with(
        "gh",
        &["repo", "edit"],
        &["--visibility"],
        "shows a repository to others, or hides it from them",
    ),
    row("hub", &["delete"], "deletes from GitHub"),
    row("glab", &["repo|project|release", "delete"], "deletes from GitLab"),
    row(
        "docker|podman|nerdctl",
        &["volume", "rm|remove|prune"],
        "removes volumes with their data",
    ),
    with(
        "docker|podman|nerdctl",
        &["system", "prune"],
        &["-a", "--all", "--volumes"],
        "removes images and volumes",
    ),
    with(
        "docker|podman|nerdctl",
        &["compose", "**", "down"],
        &["-v", "--volumes"],
        "removes volumes with their data",
    ),
    with(
        "docker|podman|nerdctl",
        &["compose", "**", "rm"],
        &["-v"],
        "removes volumes with their data",
    ),
    with(
        "docker-compose|podman-compose",
        &["**", "down|rm"],
        &["-v", "--volumes"],
        "removes volumes with their data",
    ),
    with(
        "docker|podman|nerdctl",
        &["rm"],
        &["-v", "--volumes"],
        "removes volumes with their data",
    ),
    with(
        "docker|podman|nerdctl",
        &["container", "rm"],
        &["-v", "--volumes"],
        "removes volumes with their data",
    ),
    row(
        "docker",
        &["stack|service|swarm|node", "rm|remove|leave"],
        "takes down what runs in a swarm",
    ),
    row("nomad", &["job", "stop"], "stops what runs in a cluster"),
    row("nomad", &["stop|system"], "stops what runs in a cluster"),
    row("consul", &["kv", "delete"], "deletes settings"),
    row("etcdctl", &["del"], "deletes settings"),
    row("vault", &["delete|destroy"], "deletes secrets"),
    row(
        "vault",
        &["kv|secrets|auth", "delete|destroy|disable|metadata"],
        "deletes secrets",
    ),
    row(
        "rabbitmqctl",
        &["delete_*|reset|force_reset|purge_queue|stop*"],
        "deletes queues",
    ),
    row("rabbitmqadmin", &["**", "delete|purge"], "deletes queues"),
    with(
        "kafka-topics|kafka-topics.sh",
        &[],
        &["--delete"],
        "deletes topics",
    ),
    row("vagrant", &["destroy"], "destroys machines"),
    row(
        "multipass|lxc|virsh|incus",
        &["delete|destroy|undefine|purge"],
        "destroys machines",
    ),
    row(
        "rclone",
        &["delete|purge|sync|rmdirs|cleanup"],
        "deletes what is stored elsewhere",
    ),
    row("mc", &["rm|rb"], "deletes from a bucket"),
    row("s3cmd|s5cmd", &["del|rm|rb"], "deletes from a bucket"),
    row("restic|borg", &["forget|prune|delete"], "deletes backups"),
];

const fn row(program: &'static str, words: &'static [&'static str], does: &'static str) -> Row {
    Row::of(program, words, does).unless(DRY)
}

const fn with(
    program: &'static str,
    words: &'static [&'static str],
    only_with: &'static [&'static str],
    does: &'static str,
) -> Row {
    row(program, words, does).only_with(only_with)
}

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
];

fn scaled(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["--replicas", "-n", "--namespace"]);
    let to_nothing = options.words().iter().any(|word| word.ends_with("=0"));
    if invocation.is(&["heroku", "fly", "flyctl"]) && to_nothing {
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

/// What holds an object back until somebody has cleaned up after it.
fn unheld(invocation: &Invocation) -> Option<String> {
    let lifts = |text: &str| {
        let text: String = text.split_whitespace().collect();
        text.contains("\"finalizers\":null")
            || text.contains("\"finalizers\":[]")
            || text.contains("/metadata/finalizers")
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

/// A request to delete, to any machine but this one; of a store of documents, to this one too.
fn by_request(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["curl", "wget", "xh", "xhs", "http", "https", "gh", "hub", "glab"]) {
        return None;
    }
    let options = invocation.options(&["-X", "--request", "--method", "-H", "--header", "-d", "-o", "-u"]);
    let words = options.words();
    let given = options.values(&["-X", "--request", "--method"]);
    let typed = invocation
        .is(&["xh", "xhs", "http", "https"])
        .then(|| words.first().copied())
        .flatten();
    let deletes = given
        .into_iter()
        .map(|value| value.text.clone())
        .chain(typed.map(str::to_owned))
        .any(|verb| verb.eq_ignore_ascii_case("delete"));
    let here = |word: &&str| {
        const OWN: &[&str] = &[
            "localhost",
            "127.0.0.1",
            "0.0.0.0",
            "[::1]",
            "host.docker.internal",
            ":",
        ];
        let host = word.split("://").last().unwrap_or("");
        OWN.iter().any(|own| host.starts_with(own))
    };
    // Elasticsearch and its kin: an index, or what a query finds.
    let store = |word: &&str| word.contains(":9200/") || word.contains(":9300/");
    if words.iter().any(|word| word.contains("/_delete_by_query")) || (deletes && words.iter().any(store)) {
        return Some("deletes documents or an index of a store".to_owned());
    }
    let api = invocation.is(&["gh", "hub", "glab"]);
    let asks = (api && words.first() == Some(&"api")) || (!api && !words.iter().any(here));
    (deletes && asks).then(|| "asks another machine to delete something".to_owned())
}

//! The commands by which servers, clusters, buckets and volumes go.

use crate::shell::options::Row;

const RIGHTS: &str = "gives rights to others, or opens what was closed";
const GH_THINGS: &str = "cache|codespace|environment|gist|gpg-key|issue|label|org|project|release|repo|ruleset|run|secret|ssh-key|variable";
const REMOVES: &str = "delete*|destroy*|terminate*|purge*|deregister*|remove|rm|rb|wipe|erase";
const DRY: &[&str] = &["--dry-run", "--dryrun", "--help", "-dry-run", "-help"];

pub(crate) const TABLE: &[Row] = &[
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
            "*",
            "delete-*|*-delete-*|terminate-*|deregister-*|purge-*|destroy-*|release-*|schedule-key-deletion|batch-write-item|close-account|remove-*",
        ],
        "deletes from a cloud",
    ),
    row(
        "aws",
        &[
            "*",
            "stop-*|disable-*|revoke-*|detach-*|disassociate-*|suspend-*|put-retention-policy|change-resource-record-sets",
        ],
        "stops or unprotects what runs in a cloud",
    ),
    row(
        "aws",
        &[
            "iam",
            "attach-*-policy|put-*-policy|create-access-key|create-login-profile|add-user-to-group|update-assume-role-policy",
        ],
        RIGHTS,
    ),
    row(
        "aws",
        &[
            "s3api",
            "put-bucket-policy|put-bucket-acl|put-public-access-block",
        ],
        RIGHTS,
    ),
    with(
        "aws",
        &["s3", "mv"],
        &["--recursive"],
        "moves a bucket's whole content away",
    ),
    row(
        "gcloud|az",
        &["**", "stop|deallocate|disable|suspend"],
        "stops or unprotects what runs in a cloud",
    ),
    row(
        "gcloud|gsutil",
        &["**", "add-iam-policy-binding|set-iam-policy"],
        RIGHTS,
    ),
    row("az", &["role", "assignment", "create"], RIGHTS),
    with(
        "gcloud|az",
        &["**"],
        &[
            "--no-deletion-protection",
            "--delete-unmatched-destination-objects",
        ],
        "lifts what protects from deletion, or deletes what its source has not",
    ),
    with("bq", &["load|query"], &["--replace"], "writes over a table"),
    row(
        "aws",
        &["s3api", "put-bucket-lifecycle*|put-lifecycle*"],
        "has what lies in a bucket deleted later",
    ),
    row(
        "aws",
        &["rds", "reset-*|restore-*"],
        "stops or replaces a database",
    ),
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
    row("railway", &["*", "delete|remove|rm"], "deletes from a platform"),
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
        &[GH_THINGS, "delete*|remove|archive|*-delete"],
        "deletes from GitHub",
    ),
    with(
        "gh",
        &["repo", "edit"],
        &["--visibility", "--default-branch"],
        "shows a repository to others, or hides it from them",
    ),
    with(
        "gh",
        &["repo", "sync"],
        &["--force"],
        "writes over a branch that others use",
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
    row("heroku", &["config:unset"], "takes settings of what runs away"),
    row(
        "fly|flyctl",
        &["secrets", "unset"],
        "takes settings of what runs away",
    ),
    with(
        "supabase",
        &["stop"],
        &["--no-backup"],
        "removes volumes with their data",
    ),
    row(
        "podman|docker",
        &["system", "reset"],
        "removes every container, image and volume",
    ),
    row(
        "velero",
        &["restore", "create"],
        "writes over what runs in a cluster",
    ),
    row("ibmcloud", &["**", "*-delete|delete"], "deletes from a cloud"),
    row(
        "velero|istioctl|kubeadm|kubecolor",
        &["**", "delete|uninstall|reset|drain"],
        "deletes what runs in a cluster",
    ),
    row(
        "minikube|kind|k3d|limactl|colima",
        &["**", "delete"],
        "destroys machines",
    ),
    row("qm|pct", &["destroy|stop"], "destroys machines"),
    with(
        "vboxmanage",
        &["unregistervm"],
        &["--delete"],
        "destroys machines",
    ),
    row(
        "openstack|aliyun|yc|tccli",
        &["**", "delete*|Delete*|Terminate*|Release*"],
        "deletes from a cloud",
    ),
    with(
        "podman",
        &["system", "reset"],
        &["-f", "--force"],
        "removes images and volumes",
    ),
    row("crictl", &["rmp|rm|rmi"], "takes down what runs in a cluster"),
    row(
        "temporal|nats|rpk|atlas",
        &["**", "delete|purge|rm"],
        "deletes what services live by",
    ),
    row(
        "kafka-delete-records|kafka-delete-records.sh",
        &[],
        "deletes records of topics",
    ),
    with(
        "kafka-configs|kafka-configs.sh",
        &[],
        &["--alter"],
        "changes how long topics keep what they hold",
    ),
    row("celery", &["**", "purge"], "deletes queues"),
    row("wal-g", &["delete"], "deletes backups"),
    row("pgbackrest", &["**", "stanza-delete|expire"], "deletes backups"),
    row("kopia", &["snapshot|repository", "delete"], "deletes backups"),
    with("mc", &["mirror"], &["--remove"], "deletes from a bucket"),
    row(
        "rclone",
        &["move|moveto|deletefile|bisync"],
        "deletes what is stored elsewhere",
    ),
    with(
        "hdfs|hadoop",
        &["dfs|fs"],
        &["-rm", "-rmr"],
        "deletes what is stored elsewhere",
    ),
    row(
        "databricks",
        &["fs|clusters|jobs|workspace", "rm|delete|permanent-delete"],
        "deletes what is stored elsewhere",
    ),
    row("dbfs", &["rm"], "deletes what is stored elsewhere"),
    row("ldapdelete", &[], "deletes entries of a directory"),
    row(
        "vault",
        &["operator", "seal|step-down"],
        "takes secrets out of everybody's reach",
    ),
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

//! A program deletes what a cloud holds and nobody else has.

pub mod kept_for;
pub mod terraform;

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, undoes_or_tests};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "cloud-destroys-data",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run,
};

pub static PROTECTION: Check = Check {
    id: "cloud-protection-off",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-693"],
    languages: EVERY,
    run: protection,
};

/// Operations that take what can not be made again, by their words: `delete_db_snapshot`, `DeleteDBSnapshotCommand`, `deleteDBSnapshot`.
const FOR_GOOD: &[(&str, &str)] = &[
    ("deletebucket", "deletes a bucket"),
    ("deletedbinstance", "deletes a database server"),
    ("deletedbcluster", "deletes a database cluster"),
    ("deletedbsnapshot", "deletes a snapshot"),
    ("deletedbclustersnapshot", "deletes a snapshot"),
    ("deletesnapshot", "deletes a snapshot"),
    ("deletevolume", "deletes a volume"),
    ("deleteloggroup", "deletes a group of logs"),
    ("deletelogstream", "deletes a stream of logs"),
    ("deletetrail", "deletes the trail of what was done in the account"),
    ("stoplogging", "stops the trail of what is done in the account"),
    ("deletebackupvault", "deletes a vault of backups"),
    ("deletebackupplan", "deletes a plan of backups"),
    ("deleterecoverypoint", "deletes a backup"),
    ("deletebackup", "deletes a backup"),
    (
        "schedulekeydeletion",
        "deletes a key, and with it all that is encrypted with it",
    ),
    ("deletefilesystem", "deletes a file system"),
    ("deletecachecluster", "deletes a cluster"),
    ("deleteelasticsearchdomain", "deletes a search domain"),
    ("deletevault", "deletes a vault of archives"),
    ("deletearchive", "deletes an archive"),
    ("deleteuserpool", "deletes a pool of users"),
    ("deletestack", "deletes a stack with all its resources"),
    ("deletehostedzone", "deletes a zone of the DNS"),
    ("deleteglobaltable", "deletes a table"),
    (
        "deletenamespace",
        "deletes a namespace with all that runs and is stored in it",
    ),
    (
        "deletepersistentvolumeclaim",
        "deletes the claim of a volume, and its data",
    ),
    (
        "deletenamespacedpersistentvolumeclaim",
        "deletes the claim of a volume, and its data",
    ),
    ("deletepersistentvolume", "deletes a volume"),
    (
        "deletecollectionnamespacedpersistentvolumeclaim",
        "deletes all claims of volumes, and their data",
    ),
    ("purgequeue", "deletes every message of a queue"),
    ("begindeleteresourcegroup", "deletes a group of resources"),
];

/// Operations that may be part of a normal day.
const MAYBE: &[(&str, &str)] = &[
    (
        "terminateinstances",
        "ends machines, with the disks that go with them",
    ),
    ("deletetable", "deletes a table"),
    ("deletecluster", "deletes a cluster"),
    ("deletetopics", "deletes topics with their messages"),
    ("deletecontainer", "deletes a container with all it holds"),
    ("deletedataset", "deletes a data set"),
    ("deletestream", "deletes a stream"),
    ("deletesecret", "deletes a secret"),
    ("queuepurge", "deletes every message of a queue"),
    ("deletecollectionnamespacedpod", "deletes all pods"),
];

fn plain(name: &str) -> String {
    let lower: String = name
        .chars()
        .filter(|char| char.is_ascii_alphanumeric())
        .collect::<String>()
        .to_ascii_lowercase();
    for ending in ["withcontext", "command", "async", "request", "input"] {
        if let Some(rest) = lower.strip_suffix(ending) {
            return rest.to_owned();
        }
    }
    lower
}

/// Whether the file speaks to a cloud.
fn speaks_to_cloud(code: Code<'_>) -> bool {
    const PARTS: &[&str] = &[
        "boto3",
        "aiobotocore",
        "aioboto3",
        "botocore",
        "aws-sdk",
        "aws_cdk",
        "aws-cdk",
        "google.cloud",
        "google-cloud",
        "cloud.google.com",
        "googleapis",
        "azure",
        "kubernetes",
        "client-go",
        "client_go",
        "k8s.io",
        "pulumi",
        "digitalocean",
        "godo",
        "hcloud",
        "openstack",
        "kafka",
        "minio",
    ];
    let imports = code
        .source
        .of_kind(Kind::Import)
        .iter()
        .map(|import| code.name(*import));
    let required = code
        .source
        .of_kind(Kind::Call)
        .iter()
        .filter(|call| matches!(code.called(**call), "require" | "import"))
        .filter_map(|call| code.text(code.arg(*call, 0)?));
    imports
        .chain(required)
        .any(|name| PARTS.iter().any(|part| name.contains(part)))
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let cloud = speaks_to_cloud(code);
    for call in code.calls() {
        if undoes_or_tests(code, call) {
            continue;
        }
        let name = code.called(call);
        let Some((told, sure)) = operation(code, call, name, cloud) else {
            continue;
        };
        let mut around = code.names_around(call);
        around.push(code.tree.source(call));
        let passing = around.iter().any(|name| {
            has_word(
                name,
                &[
                    "tmp",
                    "temp",
                    "temporary",
                    "ephemeral",
                    "scratch",
                    "preview",
                    "sandbox",
                    "test",
                ],
            )
        });
        if sure && !passing && !asks_first(code, call) && !is_wrapper(code, call, name) {
            reports.add(call, told);
        } else if !passing {
            reports.note(call, told);
        }
    }
}

fn operation(code: Code<'_>, call: NodeId, name: &str, cloud: bool) -> Option<(String, bool)> {
    let operation = plain(name);
    let has_receiver = code.receiver(call).is_some() || code.kind(call) == Kind::New;
    if cloud && has_receiver {
        if let Some((_, told)) = FOR_GOOD
            .iter()
            .find(|(wanted, told)| *wanted == operation && !told.is_empty())
        {
            return Some((format!("`{name}` {told}"), true));
        }
        if let Some((_, told)) = MAYBE.iter().find(|(wanted, _)| *wanted == operation) {
            return Some((format!("`{name}` {told}"), false));
        }
    }
    // `bucket.objects.all().delete()`, `bucket.object_versions.delete()`
    if matches!(name, "delete" | "delete_all") && code.tree.language() == Language::Python {
        let receiver = code.receiver(call)?;
        let collection = |id: NodeId| {
            matches!(code.last_name(id), "objects" | "object_versions") && code.kind(id) == Kind::Member
        };
        let all = code.kind(receiver) == Kind::Call
            && code.called(receiver) == "all"
            && code.receiver(receiver).is_some_and(collection);
        let bucket = |id: NodeId| code.mentions(id, |name| has_word(name, &["bucket", "s3"]));
        if cloud && (all || collection(receiver)) && bucket(receiver) {
            return Some(("deletes every object of the bucket".to_owned(), true));
        }
        // `bucket.delete(force=True)` of Google's client.
        let force = code.option(call, "force").and_then(|force| code.boolean(force)) == Some(true);
        if cloud
            && bucket(receiver)
            && (force || code.kind(receiver) == Kind::Call && code.called(receiver) == "Bucket")
        {
            return Some(("deletes the bucket".to_owned(), true));
        }
    }
    if name == "deleteFiles"
        && cloud
        && code.receiver(call).is_some()
        && code.option(call, "prefix").is_none()
    {
        return Some((
            "`deleteFiles` without a prefix deletes every object of the bucket".to_owned(),
            true,
        ));
    }
    if name == "begin_delete"
        && cloud
        && code.receiver(call).is_some_and(|of| {
            matches!(
                code.last_name(of),
                "resource_groups"
                    | "servers"
                    | "databases"
                    | "storage_accounts"
                    | "disks"
                    | "snapshots"
                    | "vaults"
            )
        })
    {
        return Some(("deletes the resource with all it holds".to_owned(), true));
    }
    None
}

/// A function that is nothing but this operation under its own name: a client's method.
fn is_wrapper(code: Code<'_>, call: NodeId, name: &str) -> bool {
    let Some(function) = code.function(call) else {
        return false;
    };
    plain(code.function_name(function)) == plain(name)
}

fn protection(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let pairs = source
        .of_kind(Kind::Pair)
        .iter()
        .filter_map(|pair| Some((*pair, code.key(*pair)?, code.child(*pair, Role::Value)?)));
    let keywords = source
        .of_kind(Kind::Keyword)
        .iter()
        .filter_map(|keyword| Some((*keyword, code.name(*keyword), code.child(*keyword, Role::Value)?)));
    let entries: Vec<(NodeId, &str, NodeId)> = pairs.chain(keywords).collect();
    if entries.is_empty() || !speaks_to_cloud(code) {
        return;
    }
    for (at, name, value) in entries {
        if let Some((told, sure)) = weakens(code, name, value) {
            if undoes_or_tests(code, at) {
                continue;
            }
            let file_is_local = has_word(
                &code.source.path,
                &["dev", "development", "sandbox", "preview", "test"],
            );
            if sure
                && !file_is_local
                && !asks_first(code, at)
                && code.kind(code.tree.parent(at).unwrap_or(at)) != Kind::Conditional
            {
                reports.add(at, told);
            } else {
                reports.note(at, told);
            }
        }
    }
}

fn weakens(code: Code<'_>, name: &str, value: NodeId) -> Option<(String, bool)> {
    let key: String = name
        .chars()
        .filter(|char| char.is_ascii_alphanumeric())
        .collect::<String>()
        .to_ascii_lowercase();
    let value = call_of_pointer(code, value);
    let boolean = code.boolean(value);
    let text = match code.kind(value) {
        Kind::Member => Some(code.name(value)),
        _ => code.text(value),
    };
    match key.as_str() {
        "skipfinalsnapshot" if boolean == Some(true) => {
            Some((format!("`{name}`: what the database holds is gone with it"), true))
        }
        "forcedestroy" | "autodeleteobjects" | "emptyondelete" if boolean == Some(true) => Some((
            format!("`{name}`: all it holds is deleted with the resource"),
            true,
        )),
        "deletionprotection"
        | "deletionprotectionenabled"
        | "terminationprotection"
        | "enabledeletionprotection"
        | "disableapitermination"
            if boolean == Some(false) =>
        {
            Some((format!("`{name}` is off: one call deletes the resource"), true))
        }
        "deleteautomatedbackups" if boolean == Some(true) => Some((
            format!("`{name}`: the backups are deleted with the database"),
            true,
        )),
        "backupretentionperiod" | "backupretention" | "backupretentiondays"
            if code.number(value) == Some(0) =>
        {
            Some((format!("`{name}` of 0 turns backups off"), true))
        }
        "pointintimerecovery" | "pointintimerecoveryenabled" if boolean == Some(false) => Some((
            format!("`{name}` is off: no earlier state can be had again"),
            true,
        )),
        "versioned" | "versioning" if boolean == Some(false) => {
            Some((format!("`{name}` is off: what is overwritten is lost"), false))
        }
        "status" | "versioning" if text == Some("Suspended") => Some((
            "versions are suspended: what is overwritten or deleted is lost".to_owned(),
            true,
        )),
        "removalpolicy" | "applyremovalpolicy" if text == Some("DESTROY") => {
            Some(("`DESTROY`: the data goes with the stack".to_owned(), false))
        }
        "forcedeletewithoutrecovery" if boolean == Some(true) => {
            Some((format!("`{name}`: there is no time to take it back"), true))
        }
        "bypassgovernanceretention" if boolean == Some(true) => {
            Some((format!("`{name}`: deletes what is under retention"), true))
        }
        "days" | "noncurrentdays" | "expirationindays" => {
            let days = code.number(value)?;
            let expires = code.tree.ancestors(value).take(6).any(|around| {
                matches!(code.kind(around), Kind::Pair | Kind::Keyword)
                    && matches!(
                        code.key(around).unwrap_or(code.name(around)),
                        "Expiration" | "expiration" | "NoncurrentVersionExpiration"
                    )
            });
            (expires && days <= 1).then(|| ("every object expires within a day".to_owned(), true))
        }
        "retentionindays" => {
            let days = code.number(value)?;
            (days <= 1).then(|| ("logs are kept for a day".to_owned(), true))
        }
        _ => None,
    }
}

/// `aws.Bool(true)`, `pulumi.Bool(true)`
fn call_of_pointer(code: Code<'_>, value: NodeId) -> NodeId {
    let value = code.bare(value);
    if code.kind(value) == Kind::Call
        && matches!(
            code.called(value),
            "Bool" | "Int32" | "Int64" | "Int" | "String" | "BoolPtr" | "of"
        )
    {
        return code.arg(value, 0).unwrap_or(value);
    }
    value
}

//! Settings of Terraform and Kubernetes without which one wrong step is final.

use safeguard_api::evidence::Severity;

use crate::analysis::hcl::{Block, blocks};
use crate::analysis::place::{is_local, is_test};
use crate::analysis::words::has_word;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "cloud-protection-off",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1188"],
    languages: &[Language::Hcl, Language::Yaml],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    match source.tree.language() {
        Language::Yaml => kubernetes(source, project, reports),
        _ => {
            for block in blocks(source) {
                terraform(&block, reports);
                expires(&block, reports);
            }
        }
    }
}

/// Whether a resource is one that keeps what does not come back.
pub(crate) fn keeps_data(kind: &str) -> bool {
    const PARTS: &[&str] = &[
        "db_instance",
        "rds_cluster",
        "dynamodb_table",
        "s3_bucket",
        "efs_file_system",
        "ebs_volume",
        "docdb_cluster",
        "neptune_cluster",
        "redshift_cluster",
        "elasticache_replication_group",
        "opensearch_domain",
        "elasticsearch_domain",
        "kms_key",
        "backup_vault",
        "sql_database_instance",
        "sql_database",
        "storage_bucket",
        "bigquery_dataset",
        "bigquery_table",
        "spanner_instance",
        "spanner_database",
        "bigtable_instance",
        "filestore_instance",
        "compute_disk",
        "firestore_database",
        "kms_crypto_key",
        "kms_key_ring",
        "storage_account",
        "mssql_database",
        "mssql_server",
        "postgresql_server",
        "postgresql_flexible_server",
        "mysql_server",
        "mysql_flexible_server",
        "cosmosdb_account",
        "key_vault",
        "managed_disk",
        "storage_container",
        "redis_cache",
        "cloudwatch_log_group",
        "cognito_user_pool",
        "msk_cluster",
        "kinesis_stream",
        "secretsmanager_secret",
        "ecr_repository",
        "route53_zone",
        "dns_managed_zone",
        "digitalocean_database_cluster",
        "digitalocean_volume",
        "digitalocean_spaces_bucket",
        "persistent_volume_claim",
        "mongodbatlas_cluster",
    ];
    const BESIDE: &[&str] = &[
        "_policy",
        "_acl",
        "_versioning",
        "_logging",
        "_notification",
        "_object",
        "_alias",
        "_rule",
        "_block",
        "_configuration",
        "_controls",
        "_metric",
        "_member",
        "_binding",
        "_parameter_group",
        "_subnet_group",
        "_attachment",
        "_permission",
        "_version",
        "_item",
        "_user",
        "_secret",
        "_key_policy",
        "_lifecycle",
    ];
    PARTS.iter().any(|part| {
        kind.strip_suffix(part)
            .is_some_and(|before| before.ends_with('_'))
    }) || {
        PARTS.iter().any(|part| kind.ends_with(part)) && !BESIDE.iter().any(|beside| kind.ends_with(beside))
    }
}

/// What is thrown away by design says so.
pub(super) fn is_passing(block: &Block<'_>) -> bool {
    const WORDS: &[&str] = &[
        "test",
        "tests",
        "tmp",
        "temp",
        "dev",
        "development",
        "sandbox",
        "preview",
        "example",
        "examples",
        "demo",
        "cache",
        "ephemeral",
        "scratch",
        "ci",
        "staging",
        "artifact",
        "artifacts",
        "athena",
        "results",
        "lambda",
        "codepipeline",
        "playground",
        "poc",
        "access",
    ];
    let path = &block.source.path;
    is_local(path)
        || is_test(path)
        || path.split('/').any(|part| has_word(part, WORDS))
        || [
            block.label(1),
            &block.text("bucket"),
            &block.text("identifier"),
            &block.text("name"),
        ]
        .iter()
        .any(|name| has_word(name, WORDS))
}

fn terraform(block: &Block<'_>, reports: &mut Reports) {
    let kind = block.kind();
    if kind.is_empty() {
        return;
    }
    let passing = is_passing(block);
    let mut tell = |node: NodeId, sure: bool, message: &str| match sure && !passing {
        true => reports.add(node, message),
        false => reports.note(node, message),
    };
    for (name, set) in block.attributes() {
        let value = set.text();
        let number: Option<u32> = value.parse().ok();
        match (name, value.as_str()) {
            ("force_destroy", "true") if kind.contains("bucket") => tell(
                set.node,
                true,
                "`destroy` deletes the bucket with all that is in it",
            ),
            ("force_delete", "true") if kind.contains("ecr") || kind.contains("backup") => {
                tell(set.node, false, "`destroy` deletes it with all that is in it")
            }
            ("skip_final_snapshot", "true") => {
                tell(set.node, true, "the database goes without a last snapshot")
            }
            (
                "deletion_protection" | "deletion_protection_enabled" | "enable_deletion_protection",
                "false",
            ) if kind.contains("db")
                || kind.contains("sql")
                || kind.contains("rds")
                || kind.contains("dynamo")
                || kind.contains("docdb")
                || kind.contains("neptune")
                || kind.contains("spanner")
                || kind.contains("bigtable")
                || kind.contains("firestore") =>
            {
                tell(set.node, true, "nothing keeps the database from being deleted");
            }
            ("deletion_protection" | "enable_deletion_protection", "false") => {
                tell(set.node, false, "nothing keeps it from being deleted")
            }
            ("backup_retention_period", "0") => tell(set.node, true, "no backups are kept"),
            ("purge_protection_enabled", "false") if kind.contains("key_vault") => tell(
                set.node,
                false,
                "what is deleted from the vault may be gone for good",
            ),
            ("delete_on_termination", "true") => {}
            ("retention_in_days" | "backup_retention_days" | "soft_delete_retention_days", _)
                if number.is_some_and(|days| (1..7).contains(&days)) =>
            {
                tell(set.node, false, "what is kept is gone within days");
            }
            ("deletion_window_in_days" | "recovery_window_in_days", _)
                if number.is_some_and(|days| days < 7) =>
            {
                tell(
                    set.node,
                    kind.contains("kms"),
                    "a key or secret that was deleted by mistake is gone before anybody misses it",
                );
            }
            ("point_in_time_recovery", "false") => tell(
                set.node,
                false,
                "the table can not be brought back to an earlier time",
            ),
            _ => {}
        }
    }
    for inner in block.inner("lifecycle") {
        if let Some(set) = inner.attribute("prevent_destroy").filter(|set| set.is("false")) {
            tell(
                set.node,
                keeps_data(kind),
                "a plan may destroy it: nothing prevents that",
            );
        }
    }
    for inner in block.inner("versioning_configuration") {
        if let Some(set) = inner
            .attribute("status")
            .filter(|set| matches!(set.text().as_str(), "Suspended" | "Disabled"))
        {
            tell(
                set.node,
                set.is("Suspended"),
                "what is overwritten or deleted in the bucket is gone",
            );
        }
    }
    for inner in block.inner("versioning") {
        if let Some(set) = inner.attribute("enabled").filter(|set| set.is("false")) {
            tell(
                set.node,
                false,
                "what is overwritten or deleted in the bucket is gone",
            );
        }
    }
    for inner in block.inner("point_in_time_recovery") {
        if let Some(set) = inner.attribute("enabled").filter(|set| set.is("false")) {
            tell(
                set.node,
                false,
                "the table can not be brought back to an earlier time",
            );
        }
    }
    for inner in block.deep("backup_configuration") {
        if let Some(set) = inner.attribute("enabled").filter(|set| set.is("false")) {
            tell(set.node, true, "no backups of the database are made");
        }
    }
}

/// Words of what is kept because somebody may want it back.
const WANTED: &[&str] = &[
    "document",
    "documents",
    "customer",
    "customers",
    "backup",
    "backups",
    "upload",
    "uploads",
    "invoice",
    "invoices",
    "archive",
    "media",
    "photos",
    "records",
    "contracts",
    "attachments",
    "statements",
    "receipts",
    "audit",
    "ledger",
    "assets",
    "files",
    "images",
    "videos",
    "user",
    "users",
    "tenant",
    "tenants",
    "legal",
    "payroll",
    "medical",
    "patients",
    "orders",
    "payments",
    "evidence",
    "scans",
];

pub(super) fn is_wanted(name: &str) -> bool {
    has_word(name, WANTED)
}

/// A rule by which all that is in a bucket goes after some days.
fn expires(block: &Block<'_>, reports: &mut Reports) {
    if block.kind() != "aws_s3_bucket_lifecycle_configuration" || is_passing(block) {
        return;
    }
    let bucket = block
        .attribute("bucket")
        .map_or("", |set| set.source.tree.source(set.value));
    if !is_wanted(bucket) && !is_wanted(block.label(1)) {
        return;
    }
    for rule in block.inner("rule") {
        let narrowed = rule.attribute("prefix").is_some_and(|set| !set.text().is_empty())
            || rule.inner("filter").iter().any(|filter| {
                filter.attributes().any(|(_, set)| !set.text().is_empty())
                    || ["and", "tag"].iter().any(|inner| !filter.inner(inner).is_empty())
            });
        let expiration = rule.inner("expiration").into_iter().find_map(|inner| {
            let set = inner.attribute("days")?;
            Some((set.text().parse::<u32>().ok()?, set.node))
        });
        if let Some((days, node)) = expiration.filter(|_| !narrowed && rule.text("status") != "Disabled") {
            let told = format!("all that is in the bucket is deleted {days} days after it came");
            // After years it is a rule of how long something is kept.
            match days < 365 {
                true => reports.add(node, told),
                false => reports.note(node, told),
            }
        }
    }
}

fn kubernetes(source: &Source, project: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        let entry = match yaml.text_at(document, "kind") {
            "PersistentVolume" => yaml
                .get(document, "spec")
                .and_then(|spec| yaml.entry(spec, "persistentVolumeReclaimPolicy")),
            "StorageClass" => yaml.entry(document, "reclaimPolicy"),
            "StatefulSet" => yaml
                .at(document, &["spec", "persistentVolumeClaimRetentionPolicy"])
                .and_then(|policy| {
                    yaml.entry(policy, "whenDeleted")
                        .filter(|(_, value)| yaml.text(*value) == "Delete")
                        .or_else(|| yaml.entry(policy, "whenScaled"))
                }),
            _ => None,
        };
        scaled_away(source, document, project, reports);
        if let Some((pair, value)) = entry
            && yaml.text(value) == "Delete"
        {
            reports.note(
                pair,
                "the volume goes with the claim, and what is on it with the volume",
            );
        }
    }
}

/// Claims that go when there are fewer replicas, of what something in the repository scales down by itself.
fn scaled_away(source: &Source, document: NodeId, project: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    let entry = yaml
        .at(document, &["spec", "persistentVolumeClaimRetentionPolicy"])
        .and_then(|policy| yaml.entry(policy, "whenScaled"))
        .filter(|(_, value)| yaml.text(*value) == "Delete");
    let (Some((pair, _)), Some(metadata)) = (entry, yaml.get(document, "metadata")) else {
        return;
    };
    if yaml.text_at(document, "kind") != "StatefulSet"
        || yaml.at(document, &["spec", "volumeClaimTemplates"]).is_none()
    {
        return;
    }
    let name = yaml.text_at(metadata, "name");
    let scales = |path: &str, text: &str| scales_down(text, name).then(|| path.to_owned());
    let own = scales(&source.path, source.tree.text());
    let by = own.or_else(|| {
        project
            .files()
            .filter(|path| is_written_for_machines(path) && *path != source.path)
            .take(FILES_MAX)
            .find_map(|path| scales(path, &project.text(path)?))
    });
    if let Some(by) = by {
        reports.add(
            pair,
            format!("`{by}` scales this down by itself, and each time the volumes of the replicas that go are deleted with all they hold"),
        );
    }
}

/// How many files are looked at for one that scales.
const FILES_MAX: usize = 2_000;

fn is_written_for_machines(path: &str) -> bool {
    [".yaml", ".yml", ".sh", ".py", ".go", ".ts", ".js", ".tf"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// `kubectl scale statefulset/NAME --replicas=0`, an autoscaler of it.
fn scales_down(text: &str, name: &str) -> bool {
    let names = [
        "statefulset/",
        "sts/",
        "statefulsets/",
        "statefulset ",
        "sts ",
        "statefulset\", \"",
        "sts\", \"",
    ]
    .iter()
    .any(|kind| {
        text.match_indices(&format!("{kind}{name}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '-')
        })
    });
    let commanded = names && text.contains("scale") && text.contains("replicas=");
    let documents = text.split("\n---");
    let by_autoscaler = documents.into_iter().any(|document| {
        (document.contains("kind: HorizontalPodAutoscaler") || document.contains("kind: ScaledObject"))
            && document.split("scaleTargetRef:").nth(1).is_some_and(|target| {
                let lines: Vec<&str> = target.lines().take(5).map(str::trim).collect();
                lines.contains(&format!("name: {name}").as_str()) && lines.contains(&"kind: StatefulSet")
            })
    });
    commanded || by_autoscaler
}

//! Data that is kept or sent in clear, as Terraform says.

use safeguard_api::evidence::Severity;

use crate::analysis::hcl::{Block, blocks};
use crate::analysis::place::is_local;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "kept-in-clear",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-311", "CWE-319", "CWE-326"],
    languages: &[Language::Hcl],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let passing = is_local(&source.path) || source.is_test();
    for block in blocks(source).iter().filter(|block| !block.kind().is_empty()) {
        all(block, passing, reports);
    }
}

fn all(block: &Block<'_>, passing: bool, reports: &mut Reports) {
    let kind = block.kind();
    let mut tell = |node: NodeId, sure: bool, message: &str| match sure && !passing {
        true => reports.add(node, message),
        false => reports.note(node, message),
    };
    let is_store = kind.contains("db_instance")
        || kind.contains("rds_cluster")
        || kind.contains("docdb")
        || kind.contains("neptune")
        || kind.contains("redshift");
    for (name, set) in block.attributes() {
        let value = set.text();
        match (name, value.as_str()) {
            ("storage_encrypted", "false") => tell(
                set.node,
                true,
                "the database and its snapshots lie on disk in clear",
            ),
            ("encrypted", "false") => tell(
                set.node,
                is_store
                    || matches!(
                        kind,
                        "aws_ebs_volume" | "aws_efs_file_system" | "aws_redshift_cluster"
                    ),
                "what is on it lies there in clear",
            ),
            (
                "at_rest_encryption_enabled" | "encryption_at_rest_enabled" | "enable_disk_encryption",
                "false",
            ) => tell(set.node, true, "what is in it lies on disk in clear"),
            ("transit_encryption_enabled", "false") => tell(
                set.node,
                false,
                "what is asked and answered can be read on the way",
            ),
            ("enable_https_traffic_only" | "https_traffic_only_enabled", "false") => tell(
                set.node,
                true,
                "what is asked and answered can be read on the way",
            ),
            ("ssl_enforcement_enabled", "false") => tell(
                set.node,
                true,
                "what is asked and answered can be read on the way",
            ),
            ("require_ssl" | "require_tls", "false") => tell(
                set.node,
                false,
                "what is asked and answered can be read on the way",
            ),
            (
                "min_tls_version"
                | "minimum_tls_version"
                | "minimum_protocol_version"
                | "ssl_minimal_tls_version_enforced"
                | "tls_security_policy"
                | "security_policy",
                _,
            ) if is_old(&value) => {
                tell(
                    set.node,
                    true,
                    &format!("`{value}` is a protocol that can be broken"),
                );
            }
            ("ssl_policy", "ELBSecurityPolicy-2016-08" | "ELBSecurityPolicy-TLS-1-0-2015-04") => {
                tell(
                    set.node,
                    false,
                    &format!("`{value}` takes protocols that can be broken"),
                );
            }
            _ => {}
        }
    }
    for name in ["root_block_device", "ebs_block_device"] {
        for inner in block.inner(name) {
            if let Some(set) = inner.attribute("encrypted").filter(|set| set.is("false")) {
                tell(set.node, false, "what is on the disk lies there in clear");
            }
        }
    }
    for inner in block.deep("viewer_certificate") {
        if let Some(set) = inner
            .attribute("minimum_protocol_version")
            .filter(|set| is_old(&set.text()))
        {
            tell(
                set.node,
                true,
                &format!("`{}` is a protocol that can be broken", set.text()),
            );
        }
    }
    for inner in block.deep("ip_configuration") {
        if let Some(set) = inner
            .attribute("ssl_mode")
            .filter(|set| set.is("ALLOW_UNENCRYPTED_AND_ENCRYPTED"))
        {
            tell(
                set.node,
                false,
                "what is asked and answered may be read on the way",
            );
        }
    }
}

fn is_old(value: &str) -> bool {
    matches!(
        value,
        "SSLv3"
            | "TLSv1"
            | "TLSv1_2016"
            | "TLSv1.1_2016"
            | "TLS1_0"
            | "TLS1_1"
            | "TLS_1_0"
            | "TLS_1_1"
            | "1.0"
            | "1.1"
            | "TLSEnforcementDisabled"
            | "Policy-Min-TLS-1-0-2019-07"
    )
}

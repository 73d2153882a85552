//! Databases and ways into machines that the whole internet reaches.

use safeguard_api::evidence::Severity;

use crate::analysis::hcl::{Block, blocks};
use crate::analysis::place::{is_local, is_test};
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "open-to-the-internet",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-284", "CWE-668"],
    languages: &[Language::Hcl, Language::Yaml],
    run,
};

/// Ports that nobody but administrators and programs has to reach.
const INNER: &[u32] = &[
    22, 23, 135, 445, 1433, 1521, 2375, 2379, 3306, 3389, 5432, 5900, 5984, 6379, 6443, 7000, 7001, 8086,
    9042, 9092, 9200, 9300, 11211, 27017, 27018, 50000,
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    match source.tree.language() {
        Language::Yaml => services(source, reports),
        _ => {
            for block in blocks(source) {
                terraform(&block, reports);
            }
        }
    }
}

/// A load balancer in front of a database.
fn services(source: &Source, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        if !yaml.is(document, "kind", "Service") {
            continue;
        }
        let Some(spec) = yaml.get(document, "spec") else {
            continue;
        };
        let Some((pair, kind)) = yaml.entry(spec, "type") else {
            continue;
        };
        if yaml.text(kind) != "LoadBalancer" || yaml.get(spec, "loadBalancerSourceRanges").is_some() {
            continue;
        }
        let annotations = yaml.at(document, &["metadata", "annotations"]);
        let internal = annotations.is_some_and(|annotations| {
            yaml.pairs(annotations).iter().any(|(key, _, value)| {
                let value = yaml.text(*value).to_ascii_lowercase();
                key.contains("internal") && value != "false" || value.contains("internal")
            })
        });
        let ports = yaml
            .get(spec, "ports")
            .map_or(Vec::new(), |ports| yaml.items(ports));
        let inner = ports.iter().find_map(|port| {
            let number: u32 = yaml.text_at(*port, "port").parse().ok()?;
            INNER.contains(&number).then_some(number)
        });
        if let Some(port) = inner.filter(|_| !internal) {
            reports.add(pair, format!("port {port} is open to the whole internet"));
        }
    }
}

fn terraform(block: &Block<'_>, reports: &mut Reports) {
    match block.kind() {
        "aws_security_group" => {
            for rule in block.inner("ingress") {
                aws(&rule, reports);
            }
        }
        "aws_security_group_rule" if block.text("type") == "ingress" => aws(block, reports),
        "aws_vpc_security_group_ingress_rule" => aws(block, reports),
        "google_compute_firewall" if block.text("direction") != "EGRESS" => {
            let Some(node) = all_of_it(block, &["source_ranges"]) else {
                return;
            };
            for allow in block.inner("allow") {
                let ports: Vec<String> = allow.texts("ports");
                let every = allow.attribute("ports").is_none()
                    && matches!(allow.text("protocol").as_str(), "all" | "tcp");
                judge(
                    node,
                    every,
                    &ports.iter().filter_map(|port| range(port)).collect::<Vec<_>>(),
                    reports,
                );
            }
        }
        "azurerm_network_security_rule" => azure(block, reports),
        "azurerm_network_security_group" => {
            for rule in block.inner("security_rule") {
                azure(&rule, reports);
            }
        }
        "google_sql_database_instance" => {
            for settings in block.deep("authorized_networks") {
                if let Some(value) = settings
                    .attribute("value")
                    .filter(|_| matches!(settings.text("value").as_str(), "0.0.0.0/0" | "::/0"))
                {
                    reports.add(value.node, "the whole internet may connect to the database");
                }
            }
        }
        "azurerm_mssql_firewall_rule"
        | "azurerm_postgresql_firewall_rule"
        | "azurerm_mysql_firewall_rule"
        | "azurerm_postgresql_flexible_server_firewall_rule"
        | "azurerm_mysql_flexible_server_firewall_rule"
        | "azurerm_sql_firewall_rule"
            if block.text("start_ip_address") == "0.0.0.0"
                && block.text("end_ip_address") == "255.255.255.255" =>
        {
            reports.add(block.node, "the whole internet may connect to the database");
        }
        kind if kind.contains("db_instance")
            || kind.contains("rds_cluster")
            || kind.contains("redshift")
            || kind.contains("dms_replication") =>
        {
            if let Some(set) = block
                .attribute("publicly_accessible")
                .filter(|set| set.is("true"))
            {
                match is_local(&block.source.path) || is_test(&block.source.path) {
                    true => reports.note(set.node, "the database has an address on the internet"),
                    false => reports.add(set.node, "the database has an address on the internet"),
                }
            }
        }
        kind if kind.starts_with("azurerm_")
            && (kind.contains("sql") || kind.contains("cosmosdb") || kind.contains("redis")) =>
        {
            if let Some(set) = block
                .attribute("public_network_access_enabled")
                .filter(|set| set.is("true"))
            {
                reports.note(set.node, "the database has an address on the internet");
            }
        }
        "aws_eks_cluster" => {
            for access in block.inner("vpc_config") {
                if let Some(node) = all_of_it(&access, &["public_access_cidrs"]) {
                    reports.note(node, "the whole internet reaches the cluster's control plane");
                }
            }
        }
        _ => {}
    }
}

/// Where one of the lists names every address.
fn all_of_it(block: &Block<'_>, names: &[&str]) -> Option<NodeId> {
    names.iter().find_map(|name| {
        let open = block
            .texts(name)
            .iter()
            .any(|text| matches!(text.as_str(), "0.0.0.0/0" | "::/0"));
        block.attribute(name).filter(|_| open).map(|set| set.node)
    })
}

fn aws(rule: &Block<'_>, reports: &mut Reports) {
    let Some(node) = all_of_it(
        rule,
        &["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"],
    ) else {
        return;
    };
    let protocol = rule
        .attribute("protocol")
        .or_else(|| rule.attribute("ip_protocol"));
    let protocol = protocol.map_or(String::new(), |set| set.text());
    let number = |name: &str| {
        rule.attribute(name)
            .and_then(|set| set.text().parse::<u32>().ok())
    };
    let (from, to) = (number("from_port"), number("to_port"));
    let ranges: Vec<(u32, u32)> = from.zip(to).into_iter().collect();
    if matches!(protocol.as_str(), "icmp" | "icmpv6" | "1") {
        return;
    }
    let every = matches!(protocol.as_str(), "-1" | "all")
        || ranges
            .iter()
            .any(|(from, to)| *from == 0 && (*to == 0 || *to >= 65535));
    judge(node, every, &ranges, reports);
}

fn azure(rule: &Block<'_>, reports: &mut Reports) {
    let open = |name: &str| {
        matches!(
            rule.text(name).as_str(),
            "*" | "0.0.0.0/0" | "Internet" | "Any" | "any"
        )
    };
    if !rule.text("direction").eq_ignore_ascii_case("inbound")
        || !rule.text("access").eq_ignore_ascii_case("allow")
        || !open("source_address_prefix")
    {
        return;
    }
    let mut ports = rule.texts("destination_port_ranges");
    ports.extend(rule.texts("destination_port_range"));
    let every = ports.iter().any(|port| port == "*") && !rule.text("protocol").eq_ignore_ascii_case("icmp");
    let node = rule
        .attribute("source_address_prefix")
        .map_or(rule.node, |set| set.node);
    judge(
        node,
        every,
        &ports.iter().filter_map(|port| range(port)).collect::<Vec<_>>(),
        reports,
    );
}

pub(super) fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once('-') {
        Some((from, to)) => Some((from.trim().parse().ok()?, to.trim().parse().ok()?)),
        None => text.trim().parse().ok().map(|port| (port, port)),
    }
}

pub(super) fn judge(node: NodeId, every: bool, ranges: &[(u32, u32)], reports: &mut Reports) {
    let inner = INNER
        .iter()
        .find(|port| ranges.iter().any(|(from, to)| (from..=to).contains(port)));
    if every {
        reports.add(node, "every port is open to the whole internet");
    } else if let Some(port) = inner {
        reports.add(node, format!("port {port} is open to the whole internet"));
    }
}

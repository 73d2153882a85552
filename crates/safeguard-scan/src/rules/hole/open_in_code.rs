//! What the whole internet reaches, where a program writes it down: the CDK's and Pulumi's security groups, firewalls and databases.

use super::open_to_the_internet::{self, judge, range};
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: SCRIPT_LANGUAGES,
    run,
    ..open_to_the_internet::CHECK
};

/// What describes infrastructure.
const TOOLS: &[&str] = &[
    "aws-cdk-lib",
    "@aws-cdk",
    "aws_cdk",
    "@pulumi",
    "pulumi",
    "pulumi_aws",
    "pulumi_gcp",
    "pulumi_azure_native",
    "cdktf",
    "@cdktf",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let uses = |tool: &&str| {
        code.imports(tool)
            || source
                .of_kind(Kind::Import)
                .iter()
                .any(|import| code.name(*import).starts_with(&format!("{tool}/")))
    };
    if source.is_test() || !TOOLS.iter().any(uses) {
        return;
    }
    for call in code.calls() {
        rule_of_cdk(code, call, reports);
    }
    for setting in settings(code) {
        match setting.name {
            "cidrBlocks" | "cidr_blocks" | "ipv6CidrBlocks" | "ipv6_cidr_blocks" | "cidrIpv4"
            | "cidr_ipv4" | "cidrIpv6" | "cidr_ipv6" | "cidrIp" | "sourceRanges" | "source_ranges"
                if is_everywhere(code, setting.value) =>
            {
                rule_of_pulumi(code, setting.node, setting.name, reports);
            }
            "publiclyAccessible" | "publicly_accessible" if code.boolean(setting.value) == Some(true) => {
                let database = setting.within(code).is_some_and(|call| {
                    has_word(
                        code.tree.source(code.child(call, Role::Callee).unwrap_or(call)),
                        &[
                            "rds", "database", "instance", "cluster", "redshift", "neptune", "docdb",
                        ],
                    )
                });
                if database {
                    let message = format!(
                        "`{}`: the whole internet reaches the database",
                        short(code, setting.node)
                    );
                    reports.add(setting.node, message);
                }
            }
            "publicReadAccess" | "public_read_access" if code.boolean(setting.value) == Some(true) => {
                // What is a site is meant for all.
                let site = setting.within(code).is_some_and(|call| {
                    [
                        "websiteIndexDocument",
                        "website_index_document",
                        "websiteRedirect",
                        "website_redirect",
                    ]
                    .iter()
                    .any(|name| code.option(call, name).is_some())
                        || code
                            .args(call)
                            .into_iter()
                            .filter_map(|arg| code.text(arg))
                            .any(is_for_all)
                });
                if !site {
                    let message = format!(
                        "`{}`: whoever knows its name reads all of the bucket",
                        short(code, setting.node)
                    );
                    reports.add(setting.node, message);
                }
            }
            _ => {}
        }
    }
}

/// What is named for everybody to read.
fn is_for_all(text: &str) -> bool {
    has_word(
        text,
        &[
            "site", "website", "web", "assets", "static", "public", "docs", "cdn", "www", "frontend",
        ],
    )
}

/// Whether a value is every address, or a list with it.
fn is_everywhere(code: Code<'_>, value: NodeId) -> bool {
    let value = code.set_to(value).unwrap_or(value);
    match code.kind(value) {
        Kind::List | Kind::Tuple => code.tree.children(value).any(|item| is_everywhere(code, item)),
        _ => matches!(code.text(value), Some("0.0.0.0/0" | "::/0")),
    }
}

/// `group.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(22))`, `database.connections.allowFromAnyIpv4(ec2.Port.tcp(5432))`
fn rule_of_cdk(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let (from_all, port) = match code.called(call) {
        "addIngressRule" | "add_ingress_rule" => {
            let option = |name: &str, at| code.option(call, name).or_else(|| code.arg(call, at));
            (
                option("peer", 0).is_some_and(|peer| is_any_peer(code, peer)),
                option("connection", 1),
            )
        }
        "allowFrom" | "allow_from" => {
            let peer = code.arg(call, 0);
            (
                peer.is_some_and(|peer| is_any_peer(code, peer)),
                code.arg(call, 1),
            )
        }
        "allowFromAnyIpv4" | "allow_from_any_ipv4" => (true, code.arg(call, 0)),
        _ => return,
    };
    let Some(port) = port
        .filter(|_| from_all)
        .map(|port| code.set_to(port).unwrap_or(port))
    else {
        return;
    };
    let numbers: Vec<u32> = code
        .args(port)
        .into_iter()
        .filter_map(|number| u32::try_from(code.number(number)?).ok())
        .collect();
    let (every, ranges) = match (code.called(port), numbers.as_slice()) {
        ("allTraffic" | "all_traffic" | "allTcp" | "all_tcp" | "allUdp" | "all_udp", _) => (true, Vec::new()),
        ("tcp" | "udp", [port]) => (false, vec![(*port, *port)]),
        ("tcpRange" | "tcp_range" | "udpRange" | "udp_range", [from, to]) => {
            (*to - (*from).min(*to) >= 60_000, vec![(*from, *to)])
        }
        _ => return,
    };
    judge(call, every, &ranges, reports);
}

fn is_any_peer(code: Code<'_>, peer: NodeId) -> bool {
    let peer = code.set_to(peer).unwrap_or(peer);
    match code.called(peer) {
        "anyIpv4" | "any_ipv4" | "anyIpv6" | "any_ipv6" => true,
        "ipv4" | "ipv6" => code.arg(peer, 0).is_some_and(|of| is_everywhere(code, of)),
        _ => false,
    }
}

/// `ingress: [{ fromPort: 22, toPort: 22, cidrBlocks: ['0.0.0.0/0'] }]`, `new gcp.compute.Firewall(…, { sourceRanges: ['0.0.0.0/0'], … })`
fn rule_of_pulumi(code: Code<'_>, node: NodeId, name: &str, reports: &mut Reports) {
    let tree = code.tree;
    let Some(holder) = tree
        .ancestors(node)
        .find(|around| matches!(code.kind(*around), Kind::Object) || code.is_call(*around))
    else {
        return;
    };
    let value = |names: &[&str]| -> Option<NodeId> {
        names.iter().find_map(|name| match code.kind(holder) {
            Kind::Object => code.entry(holder, name),
            _ => code.option(holder, name),
        })
    };
    let says = |names: &[&str], wanted: &str| {
        value(names)
            .and_then(|value| code.text(value))
            .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
    };
    let around: Vec<NodeId> = std::iter::once(holder)
        .chain(tree.ancestors(holder))
        .take(10)
        .collect();
    let called = |part: &str| {
        around
            .iter()
            .any(|id| code.is_call(*id) && code.called(*id).contains(part))
    };
    if name.starts_with("source") {
        if !called("Firewall") || says(&["direction"], "EGRESS") {
            return;
        }
        let allows = value(&["allows", "allow"]);
        let ports: Vec<(u32, u32)> = allows
            .into_iter()
            .flat_map(|allows| code.texts_in(allows))
            .filter_map(range)
            .collect();
        return judge(node, false, &ports, reports);
    }
    let is_ingress = around.iter().any(|id| match code.kind(*id) {
        Kind::Pair => code.key(*id) == Some("ingress"),
        Kind::Keyword => code.name(*id) == "ingress",
        _ => false,
    }) || called("Ingress")
        || says(&["type"], "ingress");
    if !is_ingress || called("Egress") {
        return;
    }
    let number = |names: &[&str]| value(names).and_then(|value| u32::try_from(code.number(value)?).ok());
    let ranges: Vec<(u32, u32)> = number(&["fromPort", "from_port"])
        .zip(number(&["toPort", "to_port"]))
        .into_iter()
        .collect();
    let every = says(&["protocol", "ipProtocol", "ip_protocol"], "-1")
        || ranges
            .iter()
            .any(|(from, to)| *from == 0 && (*to == 0 || *to >= 65_535));
    judge(node, every, &ranges, reports);
}

//! Containers that can do to their machine what they like.

use safeguard_api::evidence::Severity;

use crate::analysis::words::has_word;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "container-without-walls",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-250", "CWE-269"],
    languages: &[Language::Yaml],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        if yaml.get(document, "apiVersion").is_some() && yaml.get(document, "kind").is_some() {
            kubernetes(yaml, document, reports);
        } else if let Some(services) = yaml.get(document, "services") {
            for (name, _, service) in yaml.pairs(services) {
                compose(yaml, name, service, reports);
            }
        }
    }
}

fn tell(reports: &mut Reports, node: NodeId, sure: bool, message: &str) {
    match sure {
        true => reports.add(node, message),
        false => reports.note(node, message),
    }
}

/// The parts of a manifest that describe pods.
pub(crate) fn pod_specs(yaml: Yaml<'_>, document: NodeId) -> Vec<NodeId> {
    let mut found = Vec::new();
    let lists = yaml
        .get(document, "items")
        .map_or(vec![document], |items| yaml.items(items));
    for one in lists {
        for keys in [
            &["spec"][..],
            &["spec", "template", "spec"],
            &["spec", "jobTemplate", "spec", "template", "spec"],
        ] {
            found.extend(
                yaml.at(one, keys)
                    .filter(|spec| yaml.get(*spec, "containers").is_some()),
            );
        }
    }
    found
}

pub(crate) fn containers(yaml: Yaml<'_>, spec: NodeId) -> Vec<NodeId> {
    ["initContainers", "containers"]
        .iter()
        .filter_map(|key| yaml.get(spec, key))
        .flat_map(|list| yaml.items(list))
        .collect()
}

/// What runs on every machine to look after it: networks, disks, logs. It needs what others must not have.
fn looks_after_machines(yaml: Yaml<'_>, document: NodeId) -> bool {
    const SYSTEM: &[&str] = &[
        "csi",
        "cni",
        "node",
        "exporter",
        "falco",
        "calico",
        "cilium",
        "flannel",
        "proxy",
        "agent",
        "device",
        "plugin",
        "driver",
        "gpu",
        "runner",
        "dind",
        "buildkit",
        "kaniko",
        "daemon",
        "system",
        "operator",
        "longhorn",
        "rook",
        "ceph",
        "multus",
        "weave",
        "kube",
        "vpn",
        "sysctl",
        "benchmark",
        "bench",
        "debug",
    ];
    let metadata = yaml.get(document, "metadata");
    let named = metadata.is_some_and(|metadata| {
        has_word(yaml.text_at(metadata, "name"), SYSTEM)
            || has_word(yaml.text_at(metadata, "namespace"), SYSTEM)
    });
    named || yaml.is(document, "kind", "DaemonSet") || yaml.is(document, "kind", "PodSecurityPolicy")
}

fn kubernetes(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    let after_machines = looks_after_machines(yaml, document);
    for spec in pod_specs(yaml, document) {
        for (key, what) in [
            ("hostPID", "sees and ends every process of its machine"),
            ("hostIPC", "reads the memory that processes of its machine share"),
            (
                "hostNetwork",
                "is on its machine's network: no policy holds it, and it reaches what listens there alone",
            ),
        ] {
            if let Some((pair, value)) = yaml.entry(spec, key)
                && yaml.text(value) == "true"
            {
                tell(
                    reports,
                    pair,
                    !after_machines && key == "hostPID",
                    &format!("the pod {what}"),
                );
            }
        }
        for volume in yaml
            .get(spec, "volumes")
            .map_or(Vec::new(), |volumes| yaml.items(volumes))
        {
            let Some((pair, path)) = yaml.entry(volume, "hostPath") else {
                continue;
            };
            let path = yaml.text_at(path, "path");
            let plain = path.trim_end_matches('/');
            match plain {
                "" | "/etc" | "/root" | "/var" | "/var/lib/kubelet" | "/home" | "/boot" | "/proc"
                | "/etc/kubernetes" => {
                    tell(
                        reports,
                        pair,
                        !after_machines
                            && matches!(plain, "" | "/etc" | "/root" | "/etc/kubernetes")
                            && !path.is_empty(),
                        &format!("`{path}` of the machine is in the pod: who gets into it has the machine"),
                    );
                }
                _ if is_socket(plain) => {
                    tell(
                        reports,
                        pair,
                        !after_machines,
                        &format!(
                            "`{path}` starts containers with every right: who gets into the pod has the machine"
                        ),
                    );
                }
                _ => {}
            }
        }
        for container in containers(yaml, spec) {
            for context in [
                yaml.get(container, "securityContext"),
                yaml.get(spec, "securityContext"),
            ]
            .into_iter()
            .flatten()
            {
                context_of(yaml, context, after_machines, reports);
            }
        }
    }
}

fn context_of(yaml: Yaml<'_>, context: NodeId, after_machines: bool, reports: &mut Reports) {
    if let Some((pair, value)) = yaml.entry(context, "privileged")
        && yaml.text(value) == "true"
    {
        tell(
            reports,
            pair,
            !after_machines,
            "`privileged`: the container has the machine's devices and every right of its kernel",
        );
    }
    if let Some((pair, value)) = yaml.entry(context, "runAsUser")
        && yaml.text(value) == "0"
    {
        tell(reports, pair, false, "the container runs as root");
    }
    if let Some((pair, value)) = yaml.entry(context, "allowPrivilegeEscalation")
        && yaml.text(value) == "true"
    {
        tell(
            reports,
            pair,
            false,
            "a program in it may gain more rights than the container has",
        );
    }
    if let Some(add) = yaml.at(context, &["capabilities", "add"])
        && let Some(name) = strong(&yaml.words(add))
    {
        tell(
            reports,
            add,
            !after_machines,
            &format!("`{name}` is enough to leave the container"),
        );
    }
}

fn strong<'w>(names: &[&'w str]) -> Option<&'w str> {
    names.iter().copied().find(|name| {
        matches!(
            name.to_ascii_uppercase().trim_start_matches("CAP_"),
            "ALL" | "SYS_ADMIN" | "SYS_MODULE" | "SYS_PTRACE"
        )
    })
}

fn is_socket(path: &str) -> bool {
    ["docker.sock", "containerd.sock", "crio.sock", "podman.sock"]
        .iter()
        .any(|socket| path.ends_with(socket))
}

fn compose(yaml: Yaml<'_>, name: &str, service: NodeId, reports: &mut Reports) {
    const TOOLS: &[&str] = &[
        "dind",
        "docker",
        "runner",
        "buildkit",
        "cadvisor",
        "exporter",
        "agent",
        "portainer",
        "watchtower",
        "vpn",
        "wireguard",
        "buildx",
        "k3s",
        "kind",
        "systemd",
        "test",
        "localstack",
    ];
    let image = yaml.text_at(service, "image");
    let tool = has_word(name, TOOLS)
        || has_word(image, TOOLS)
        || crate::analysis::place::is_local(&yaml.source.path);
    if let Some((pair, value)) = yaml.entry(service, "privileged")
        && yaml.text(value) == "true"
    {
        let message = "`privileged`: the container has the machine's devices and every right of its kernel";
        match tool {
            true => reports.note(pair, message),
            false => reports.add(pair, message),
        }
    }
    if let Some((pair, value)) = yaml.entry(service, "pid")
        && yaml.text(value) == "host"
    {
        reports.note(pair, "the container sees and ends every process of its machine");
    }
    if let Some(add) = yaml.get(service, "cap_add")
        && let Some(strong) =
            strong(&yaml.words(add)).filter(|name| !name.to_ascii_uppercase().contains("PTRACE"))
    {
        let message = format!("`{strong}` is enough to leave the container");
        match tool || strong != "ALL" {
            true => reports.note(add, message),
            false => reports.add(add, message),
        }
    }
    for volume in yaml
        .get(service, "volumes")
        .map_or(Vec::new(), |volumes| yaml.items(volumes))
    {
        let text = yaml.text(volume);
        let from = match text.is_empty() {
            true => yaml.text_at(volume, "source"),
            false => text.split(':').next().unwrap_or(""),
        };
        if is_socket(from) {
            reports.note(
                volume,
                format!(
                    "`{from}` starts containers with every right: who gets into `{name}` has the machine"
                ),
            );
        } else if from == "/" && text != "/" {
            match tool || text.ends_with(":ro") {
                true => reports.note(volume, "the whole machine is in the container"),
                false => reports.add(
                    volume,
                    "the whole machine is in the container: who gets into it has the machine",
                ),
            }
        }
    }
}

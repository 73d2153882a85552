//! Certificates are not checked by a constant that another file of the repository sets.

use super::tls_not_verified;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::elsewhere::file_of;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: SCRIPT_LANGUAGES,
    run,
    ..tls_not_verified::CHECK
};

const SWITCHES: &[&str] = &[
    "rejectUnauthorized",
    "strictSSL",
    "verify",
    "verify_certs",
    "verify_ssl",
    "ssl_verify",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let keywords = source
        .of_kind(Kind::Keyword)
        .iter()
        .map(|keyword| (*keyword, code.name(*keyword)));
    let pairs = source
        .of_kind(Kind::Pair)
        .iter()
        .filter_map(|pair| Some((*pair, code.key(*pair)?)));
    for (node, _) in keywords.chain(pairs).filter(|(_, name)| SWITCHES.contains(name)) {
        let Some(value) = code.child(node, Role::Value).map(|value| code.bare(value)) else {
            continue;
        };
        // `VERIFY` of `from .config import VERIFY`, `config.VERIFY`
        let (first, wanted) = match code.kind(value) {
            Kind::Name => (code.name(value), code.name(value)),
            Kind::Member => (code.first_name(value), code.name(value)),
            _ => continue,
        };
        if source.names.imported(first).is_none() || undoes_or_tests(code, node) {
            continue;
        }
        if let Some(file) = file_of(source, project, first)
            && is_off(&file, wanted)
        {
            reports.add(
                node,
                format!(
                    "`{wanted}` of `{}` is false: anybody between the two can read and change what is sent",
                    file.path
                ),
            );
        }
    }
}

/// Whether a file sets a constant at its top to false, once.
fn is_off(file: &Source, name: &str) -> bool {
    let code = Code::of(file);
    let tree = code.tree;
    let values: Vec<NodeId> = file
        .of_kind(Kind::Assign)
        .iter()
        .copied()
        .filter(|assign| {
            code.child(*assign, Role::Target)
                .is_some_and(|target| tree.name(target) == name)
        })
        .filter_map(|assign| code.child(assign, Role::Value))
        .collect();
    match values.as_slice() {
        [value] => tree.kind(*value) == Kind::Bool && tree.name(*value) == "false",
        _ => false,
    }
}

//! Terraform: arguments and outputs that a module of the same repository does not have, and functions that the language does not have.

use std::collections::BTreeSet;

use super::data::{self, Names};
use super::unknown_reference;
use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder, join};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Hcl],
    run,
    ..unknown_reference::CHECK
};

/// Those of Terraform and OpenTofu, also what they had once.
const FUNCTIONS: Names = Names(
    "abs abspath alltrue anytrue base64decode base64encode base64gunzip base64gzip base64sha256 base64sha512 \
     basename bcrypt can ceil chomp chunklist cidrcontains cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce \
     coalescelist compact concat contains csvdecode dirname distinct element endswith ephemeralasnull file \
     filebase64 filebase64sha256 filebase64sha512 fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten \
     floor format formatdate formatlist indent index issensitive join jsondecode jsonencode keys length list log \
     lookup lower map matchkeys max md5 merge min nonsensitive one parseint pathexpand plantimestamp pow range \
     regex regexall replace reverse rsadecrypt sensitive setintersection setproduct setsubtract setunion sha1 \
     sha256 sha512 signum slice sort split startswith strcontains strrev substr sum templatefile templatestring \
     textdecodebase64 textencodebase64 timeadd timecmp timestamp title tobool tolist tomap tonumber toset tostring \
     transpose trim trimprefix trimspace trimsuffix try upper urldecode urlencode uuid uuidv5 values yamldecode \
     yamlencode zipmap",
);

/// What every module takes.
const OF_ALL: &[&str] = &[
    "source",
    "version",
    "count",
    "for_each",
    "providers",
    "depends_on",
    "lifecycle",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !source.path.ends_with(".tf") {
        return;
    }
    functions(source, reports);
    if !project.is_known() {
        return;
    }
    for block in blocks(source)
        .into_iter()
        .filter(|block| block.name() == "module")
    {
        let Some(module) = Module::of(source, project, &block) else {
            continue;
        };
        let called = block.label(0);
        for (name, set) in block.attributes() {
            if !OF_ALL.contains(&name) && !module.variables.contains(name) {
                let hint = data::hint(name, module.variables.iter().map(String::as_str));
                reports.add(
                    set.node,
                    format!("the module in `{}` has no variable `{name}`{hint}", module.folder),
                );
            }
        }
        let given: BTreeSet<&str> = block.attributes().map(|(name, _)| name).collect();
        let lacking: Vec<&str> = module
            .needed
            .iter()
            .map(String::as_str)
            .filter(|name| !given.contains(name))
            .collect();
        if !lacking.is_empty() {
            reports.add(
                block.node,
                format!(
                    "the module in `{}` needs `{}`, which is not given here",
                    module.folder,
                    lacking.join("`, `")
                ),
            );
        }
        outputs(source, called, &module, reports);
    }
}

/// `split_by(…)`
fn functions(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    for call in source.of_kind(Kind::Call).iter().copied() {
        // Commands of scripts within are calls as well, of a text.
        let Some(callee) = tree
            .child(call, Role::Callee)
            .filter(|callee| tree.kind(*callee) == Kind::Name)
        else {
            continue;
        };
        let name = tree.name(callee);
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if plain && !name.is_empty() && !FUNCTIONS.contains(name) {
            reports.add(
                callee,
                format!(
                    "Terraform has no function `{name}`{}",
                    data::hint(name, FUNCTIONS.iter())
                ),
            );
        }
    }
}

/// `module.orders.queue_url` of a module without that output; in this file, as each file is looked at for itself.
fn outputs(source: &Source, called: &str, module: &Module, reports: &mut Reports) {
    let tree = &source.tree;
    for member in source.of_kind(Kind::Member).iter().copied() {
        let Some(object) = tree.child(member, Role::Object) else {
            continue;
        };
        // `module.x.y`, `module.x[0].y`
        let object = match tree.kind(object) {
            Kind::Index => tree.child(object, Role::Object).unwrap_or(object),
            _ => object,
        };
        let is_module = tree.kind(object) == Kind::Member
            && tree.name(object) == called
            && tree
                .child(object, Role::Object)
                .is_some_and(|root| tree.kind(root) == Kind::Name && tree.name(root) == "module");
        let name = tree.name(member);
        let plain = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_module && plain && !module.outputs.contains(name) {
            reports.add(
                member,
                format!(
                    "the module in `{}` has no output `{name}`{}",
                    module.folder,
                    data::hint(name, module.outputs.iter().map(String::as_str))
                ),
            );
        }
    }
}

struct Module {
    folder: String,
    variables: BTreeSet<String>,
    /// Variables without a default.
    needed: BTreeSet<String>,
    outputs: BTreeSet<String>,
}

impl Module {
    /// A module of the repository, if all of its files can be read.
    fn of(source: &Source, project: &Project, block: &Block<'_>) -> Option<Module> {
        let written = block.text("source");
        if !written.starts_with("./") && !written.starts_with("../") {
            return None;
        }
        let place = join(folder(&source.path), &written)?;
        let mut module = Module {
            folder: place.clone(),
            variables: BTreeSet::new(),
            needed: BTreeSet::new(),
            outputs: BTreeSet::new(),
        };
        let files: Vec<&str> = project
            .below(&place)
            .filter(|path| folder(path) == place)
            .collect();
        if files
            .iter()
            .any(|path| path.ends_with(".tf.json") || path.ends_with(".tofu"))
        {
            return None;
        }
        for path in files.into_iter().filter(|path| path.ends_with(".tf")) {
            let file = project.source(path)?;
            for block in blocks(&file) {
                let name = block.label(0).to_owned();
                match block.name() {
                    "variable" => {
                        if block.attribute("default").is_none() {
                            module.needed.insert(name.clone());
                        }
                        module.variables.insert(name);
                    }
                    "output" => {
                        module.outputs.insert(name);
                    }
                    _ => {}
                }
            }
        }
        let is_there = !module.variables.is_empty() || !module.outputs.is_empty();
        is_there.then_some(module)
    }
}

//! Python: an archive that somebody else made is unpacked as it comes.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::outside;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "archive-traversal",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-22"],
    languages: &[Language::Python],
    run,
};

/// Where an archive comes from somebody else, by the names of what holds it.
const THEIRS: &[&str] = &[
    "upload",
    "uploads",
    "uploaded",
    "attachment",
    "submission",
    "submitted",
    "incoming",
    "received",
];
const LOOKS: &[&str] = &[
    "is_relative_to",
    "commonpath",
    "commonprefix",
    "realpath",
    "extraction_filter",
    "data_filter",
    "is_within_directory",
    "safe_extract",
    "isabs",
    "is_safe",
    "validate",
    "check_members",
    "safe_members",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let sent = outside(source);
    for call in source.calls().iter().copied() {
        let unpacks = match code.called(call) {
            "extractall" => is_tar(code, call) && code.option(call, "members").is_none(),
            "unpack_archive" => code.path(call) == "shutil.unpack_archive",
            _ => false,
        };
        if !unpacks || code.option(call, "filter").is_some() || undoes_or_tests(code, call) {
            continue;
        }
        let Some(function) = bodies::enclosing(code.tree, call) else {
            continue;
        };
        let looks = code.mentions(function, |name| LOOKS.contains(&name))
            || code.texts_in(function).any(|text| text == "..");
        let theirs = sent.iter().any(|id| code.tree.within(*id, function))
            || bodies::is_handler(source, function)
            || code.mentions(function, |name| has_word(name, THEIRS) || name == "UploadFile")
            || has_word(code.function_name(function), THEIRS)
            || code
                .tree
                .children_in(function, Role::Param)
                .any(|param| has_word(code.name(param), THEIRS));
        if theirs && !looks {
            reports.add(
                call,
                "whoever made the archive says where its files are written to: `../` and links in it lead out of the folder; `filter=\"data\"` keeps them in",
            );
        }
    }
}

/// Whether a call is one of a tar archive: `with tarfile.open(…) as archive:`, `archive = tarfile.open(…)`.
fn is_tar(code: Code<'_>, call: NodeId) -> bool {
    let Some(of) = code.receiver(call) else {
        return false;
    };
    let opens = |id: NodeId| {
        code.kind(id) == Kind::Call
            && matches!(
                code.path(id),
                "tarfile.open" | "tarfile.TarFile" | "tarfile.TarFile.open"
            )
    };
    if opens(of) {
        return true;
    }
    let name = code.name(of);
    code.kind(of) == Kind::Name
        && (code.set_to(of).is_some_and(opens)
            || code.tree.ancestors(call).any(|around| {
                code.kind(around) == Kind::With
                    && code.tree.children_in(around, Role::Item).any(|item| {
                        code.child(item, Role::Target)
                            .is_some_and(|target| code.name(target) == name)
                            && code.child(item, Role::Value).is_some_and(opens)
                    })
            }))
}

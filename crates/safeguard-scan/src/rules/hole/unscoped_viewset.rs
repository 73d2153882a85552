//! Django: a view of a class answers with all things of a kind that belong to somebody, where the views beside it look only among those of the
//! caller.

use safeguard_api::evidence::Severity;

use super::unscoped_object::{scoped_elsewhere, scoped_in, whole};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "object-without-owner",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-639", "CWE-284"],
    languages: &[Language::Python],
    run,
};

/// How many foreign keys lead from a thing to whom it belongs, at most.
const HOPS_MAX: usize = 2;
const FILES_MAX: usize = 40;

/// Classes of the frameworks that answer with what their `queryset` or `model` has.
const VIEWS: &[&str] = &[
    "ModelViewSet",
    "ReadOnlyModelViewSet",
    "GenericViewSet",
    "RetrieveModelMixin",
    "ListModelMixin",
    "UpdateModelMixin",
    "DestroyModelMixin",
    "CreateModelMixin",
    "RetrieveAPIView",
    "ListAPIView",
    "ListCreateAPIView",
    "UpdateAPIView",
    "DestroyAPIView",
    "RetrieveUpdateAPIView",
    "RetrieveDestroyAPIView",
    "RetrieveUpdateDestroyAPIView",
    "DetailView",
    "ListView",
    "UpdateView",
    "DeleteView",
    "LoginRequiredMixin",
];

/// Things that nobody shows to everybody.
pub(super) const PRIVATE: &[&str] = &[
    "account",
    "address",
    "appointment",
    "attachment",
    "balance",
    "bank",
    "bill",
    "booking",
    "budget",
    "card",
    "cart",
    "charge",
    "claim",
    "consent",
    "contract",
    "conversation",
    "credential",
    "credit",
    "debit",
    "delivery",
    "deposit",
    "device",
    "diagnosis",
    "document",
    "download",
    "expense",
    "export",
    "file",
    "folder",
    "health",
    "income",
    "insurance",
    "invoice",
    "journal",
    "letter",
    "loan",
    "measurement",
    "medication",
    "message",
    "note",
    "notification",
    "order",
    "patient",
    "payment",
    "payout",
    "payslip",
    "payroll",
    "prescription",
    "purchase",
    "receipt",
    "record",
    "refund",
    "reminder",
    "reservation",
    "salary",
    "session",
    "shipment",
    "statement",
    "subscription",
    "symptom",
    "tax",
    "ticket",
    "token",
    "transaction",
    "transfer",
    "upload",
    "visit",
    "wallet",
    "withdrawal",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut known: Option<Known> = None;
    for class in source.of_kind(Kind::Class).iter().copied() {
        let Some((node, model)) = shown(code, class) else {
            continue;
        };
        if undoes_or_tests(code, class) || source.is_test() || asks_by_itself(code, class) {
            continue;
        }
        let known = known.get_or_insert_with(|| Known::of(source, project));
        let Some(of) = known.belongs(&model) else {
            continue;
        };
        let private = has_word(&model, PRIVATE) || of != model && has_word(&of, PRIVATE);
        let told = if of == model {
            format!(
                "answers with any `{model}`, whoever it belongs to; the views beside it look only among those of the caller"
            )
        } else {
            format!(
                "answers with any `{model}`, whoever it belongs to; the views beside it look only among the `{of}` of the caller"
            )
        };
        // What everybody may read has a page of one's own as well.
        if private {
            reports.add(node, told);
        }
    }
}

/// The model of a class whose answers are all things of that kind: `queryset = Statement.objects.all()`, `model = Statement`.
fn shown(code: Code<'_>, class: NodeId) -> Option<(NodeId, String)> {
    let tree = code.tree;
    let bases: Vec<&str> = tree
        .children_in(class, Role::Base)
        .filter(|base| code.kind(*base) != Kind::Keyword)
        .map(|base| code.last_name(base))
        .collect();
    let only_known = !bases.is_empty() && bases.iter().all(|base| VIEWS.contains(base));
    if !only_known || bases.iter().all(|base| base.ends_with("Mixin")) {
        return None;
    }
    let body = code.body(class)?;
    tree.children(body).find_map(|one| {
        let (target, value) = (code.child(one, Role::Target)?, code.child(one, Role::Value)?);
        let model = match code.name(target) {
            "queryset" => whole(tree.source(value))?,
            "model" if code.kind(value) == Kind::Name => code.name(value).to_owned(),
            _ => return None,
        };
        model
            .starts_with(|first: char| first.is_ascii_uppercase())
            .then_some((one, model))
    })
}

/// Whether a class says itself whom it answers to, and with what.
fn asks_by_itself(code: Code<'_>, class: NodeId) -> bool {
    const WHO: &[&str] = &[
        "user",
        "tenant",
        "owner",
        "owned",
        "member",
        "membership",
        "organization",
        "organisation",
        "org",
        "team",
        "perm",
        "admin",
        "staff",
        "superuser",
        "role",
        "signed",
        "guardian",
        "mine",
        "public",
        "internal",
    ];
    const OPEN: &[&str] = &["permission_classes", "permissions", "IsAuthenticated", "AllowAny"];
    const GETS: &[&str] = &[
        "get_queryset",
        "get_object",
        "filter_queryset",
        "check_object_permissions",
        "dispatch",
    ];
    let Some(body) = code.body(class) else {
        return true;
    };
    let gets = code
        .tree
        .subtree(body)
        .any(|id| code.kind(id) == Kind::Function && GETS.contains(&code.name(id)));
    let decorated = code.tree.children_in(class, Role::Decorator).next().is_some();
    let names = |name: &str| has_word(name, WHO) || has_word(name, &["permission", "permissions"]);
    gets || decorated
        || has_word(code.name(class), WHO)
        || code.names_in(body).any(|name| {
            !OPEN.contains(&name) && names(name) || name.starts_with("Is") && !OPEN.contains(&name)
        })
        || code.tree.subtree(body).any(|id| {
            // Filters that a client does not choose.
            code.kind(id) == Kind::Assign
                && code.child(id, Role::Target).is_some_and(|target| {
                    matches!(code.name(target), "filter_backends" | "http_method_names")
                })
                && code.mentions(id, |name| {
                    name.ends_with("Backend") && name != "DjangoFilterBackend" || name == "http_method_names"
                })
        })
}

/// What the files of a package say of whose things are whose.
struct Known {
    /// The models that views fetch among those of the caller.
    scoped: Vec<String>,
    /// Foreign keys: from a model to another one.
    keys: Vec<(String, String)>,
}

impl Known {
    fn of(source: &Source, project: &Project) -> Known {
        let mut scoped = scoped_in(source);
        scoped.extend(scoped_elsewhere(source, project));
        let mut keys = keys_in(source);
        if !scoped.is_empty() {
            let own = folder(&source.path);
            let models = project
                .below(own)
                .chain(project.below(folder(own)))
                .filter(|path| path.ends_with(".py") && path.contains("models") && *path != source.path)
                .take(FILES_MAX)
                .filter_map(|path| Some((path, project.text(path)?)))
                .filter_map(|(path, text)| scan::read(path, Language::Python, &text).ok());
            for file in models {
                keys.extend(keys_in(&file));
            }
        }
        Known { scoped, keys }
    }

    /// The model that views look for among those of the caller: this one, or one that it belongs to.
    fn belongs(&self, model: &str) -> Option<String> {
        let mut at = vec![model.to_owned()];
        for _ in 0..=HOPS_MAX {
            if let Some(found) = at.iter().find(|one| self.scoped.contains(one)) {
                return Some(found.clone());
            }
            at = self
                .keys
                .iter()
                .filter(|(from, _)| at.contains(from))
                .map(|(_, to)| to.clone())
                .collect();
        }
        None
    }
}

/// `account = models.ForeignKey(Account, …)` of a model.
fn keys_in(source: &Source) -> Vec<(String, String)> {
    let code = Code::of(source);
    let mut keys = Vec::new();
    for call in code.calls() {
        if !matches!(code.called(call), "ForeignKey" | "OneToOneField" | "ParentalKey") {
            continue;
        }
        let Some(to) = code.arg(call, 0).or_else(|| code.option(call, "to")) else {
            continue;
        };
        let to = match code.kind(to) {
            Kind::Str => code.name(to).rsplit('.').next().unwrap_or("").to_owned(),
            _ => code.last_name(to).to_owned(),
        };
        let class = code
            .tree
            .ancestors(call)
            .find(|around| code.kind(*around) == Kind::Class);
        if let Some(class) = class.filter(|_| !to.is_empty()) {
            keys.push((code.name(class).to_owned(), to));
        }
    }
    keys
}

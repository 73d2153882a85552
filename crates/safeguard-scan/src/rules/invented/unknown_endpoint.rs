//! Pages of Flask by names that no function of the repository has: `url_for("order_detail")`.

use std::collections::BTreeSet;

use super::{data, unknown_reference};
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_reference::CHECK
};

const FILES_MAX: usize = 200;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if !project.is_known() || source.is_test() {
        return;
    }
    let mut endpoints: Option<Option<Endpoints>> = None;
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.path(call) != "flask.url_for" {
            continue;
        }
        let Some((at, name)) = code.arg(call, 0).and_then(|at| Some((at, code.text(at)?))) else {
            continue;
        };
        if let Some(known) = endpoints.get_or_insert_with(|| Endpoints::of(project))
            && let Some(told) = known.lacks(name)
        {
            reports.add(at, told);
        }
    }
}

struct Endpoints {
    functions: BTreeSet<String>,
    blueprints: BTreeSet<String>,
}

impl Endpoints {
    /// `None` where names also come from what is not followed: extensions, classes, routes that are added by a call.
    fn of(project: &Project) -> Option<Endpoints> {
        let mut known = Endpoints {
            functions: BTreeSet::from(["static".to_owned()]),
            blueprints: BTreeSet::new(),
        };
        let mut read = 0;
        for path in project.files().filter(|path| path.ends_with(".py")) {
            let text = project.text(path)?;
            const OTHERS: &[&str] = &[
                "add_url_rule",
                "MethodView",
                "flask_restful",
                "flask_restx",
                "flask_smorest",
                "flask_admin",
                "flask_appbuilder",
                "flask_security",
                "flask_classful",
                "flask_dance",
                "url_build_error_handlers",
                "flask_user",
                "apiflask",
                "register_api",
            ];
            if OTHERS.iter().any(|other| text.contains(other)) {
                return None;
            }
            if !text.contains("Flask(")
                && !text.contains("Blueprint(")
                && !text.contains("route(")
                && !text.contains("@")
            {
                continue;
            }
            read += 1;
            if read > FILES_MAX {
                return None;
            }
            known.add(Code::of(&*project.source(path)?));
        }
        (known.functions.len() > 1).then_some(known)
    }

    fn add(&mut self, code: Code<'_>) {
        for function in code.source.of_kind(Kind::Function).iter().copied() {
            for decorator in code.tree.children_in(function, Role::Decorator) {
                let written = code.tree.source(decorator);
                let head = written.split('(').next().unwrap_or(written);
                let last = head.rsplit('.').next().unwrap_or(head).trim();
                if matches!(
                    last,
                    "route" | "get" | "post" | "put" | "patch" | "delete" | "endpoint"
                ) {
                    self.functions.insert(code.name(function).to_owned());
                    // `endpoint="name"`, or what else is written there.
                    let texts = code
                        .tree
                        .subtree(decorator)
                        .filter(|id| code.kind(*id) == Kind::Str);
                    self.functions.extend(texts.map(|id| code.name(id).to_owned()));
                }
            }
        }
        for call in code.source.of_kind(Kind::Call).iter().copied() {
            if matches!(code.called(call), "Blueprint" | "register_blueprint") {
                let names = [code.arg(call, 0), code.option(call, "name")];
                let texts = names.into_iter().flatten().filter_map(|name| code.text(name));
                self.blueprints.extend(texts.map(str::to_owned));
            }
        }
    }

    fn lacks(&self, name: &str) -> Option<String> {
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
        let (blueprint, function) = name.rsplit_once('.').unwrap_or(("", name));
        let is_own = blueprint.is_empty() || self.blueprints.contains(blueprint);
        (plain && is_own && !self.functions.contains(function)).then(|| {
            format!(
                "no page of this repository is called `{name}`{}",
                data::hint(function, self.functions.iter().map(String::as_str))
            )
        })
    }
}

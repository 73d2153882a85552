//! Pages of Django by names that no list of addresses has, and templates that are nowhere.

use std::collections::BTreeSet;

use super::{data, unknown_reference};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_reference::CHECK
};

const FILES_MAX: usize = 200;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if !project.is_known() {
        return;
    }
    let mut routes: Option<Option<Routes>> = None;
    for call in source.of_kind(Kind::Call).iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        let path = code.path(call);
        if matches!(
            path,
            "django.urls.reverse" | "django.urls.reverse_lazy" | "django.shortcuts.redirect"
        ) && let Some(at) = code.arg(call, 0)
            && let Some(name) = code.text(at)
            && let Some(routes) = routes.get_or_insert_with(|| Routes::of(project))
            && let Some(told) = routes.lacks(name)
        {
            reports.add(at, told);
        }
        let template = match path {
            "django.shortcuts.render"
            | "django.template.loader.render_to_string"
            | "django.template.loader.get_template" => {
                let at = usize::from(path.ends_with("shortcuts.render"));
                code.arg(call, at).or_else(|| code.option(call, "template_name"))
            }
            "flask.render_template" => code.arg(call, 0),
            _ => None,
        };
        if let Some(at) = template {
            missing_template(code, project, at, reports);
        }
    }
}

/// A template that no folder of templates has, where there are others of the same kind.
fn missing_template(code: Code<'_>, project: &Project, at: NodeId, reports: &mut Reports) {
    let Some(name) = code
        .text(at)
        .filter(|name| name.contains('.') && !name.contains(['{', '%', '<']))
    else {
        return;
    };
    let end = format!("/{name}");
    let has = project.files().any(|path| path.ends_with(&end) || path == name);
    // A folder of templates of its own, or of a package that is installed, may have it.
    let folder = match name.rsplit_once('/') {
        Some((folder, _)) => format!("templates/{folder}/"),
        None => "templates/".to_owned(),
    };
    let near: Vec<&str> = project
        .files()
        .filter(|path| path.contains(&folder))
        .filter_map(|path| path.rsplit_once("templates/").map(|(_, name)| name))
        .collect();
    if !has && !near.is_empty() {
        reports.add(
            at,
            format!(
                "there is no template `{name}`{}",
                data::hint(name, near.into_iter())
            ),
        );
    }
}

/// The names of all addresses of the repository, those of an application with its name before them.
struct Routes {
    names: BTreeSet<String>,
    applications: BTreeSet<String>,
    /// Whether addresses come from elsewhere that have names too.
    open: bool,
}

impl Routes {
    fn of(project: &Project) -> Option<Routes> {
        let files: Vec<&str> = project
            .files()
            .filter(|path| file_name(path).contains("urls") && path.ends_with(".py"))
            .take(FILES_MAX)
            .collect();
        if files.is_empty() || files.len() == FILES_MAX {
            return None;
        }
        let mut routes = Routes {
            names: BTreeSet::new(),
            applications: BTreeSet::new(),
            open: false,
        };
        for path in files {
            let file = project.source(path)?;
            routes.add(Code::of(&file), project);
        }
        Some(routes)
    }

    fn add(&mut self, code: Code<'_>, project: &Project) {
        let mut application = "";
        for assign in code.source.of_kind(Kind::Assign).iter().copied() {
            let of = |role| code.child(assign, role);
            if let (Some(target), Some(value)) = (of(crate::tree::Role::Target), of(crate::tree::Role::Value))
                && code.name(target) == "app_name"
            {
                application = code.text(value).unwrap_or("");
                self.open |= application.is_empty();
            }
        }
        let text = code.tree.text();
        // Routers make names of their own, and lists that are put together are not followed.
        let makes_names = text.contains("Router")
            || text.contains("namespace=")
            || text.contains("i18n_patterns")
            || text.contains("for ");
        self.open |= makes_names;
        if !application.is_empty() {
            self.applications.insert(application.to_owned());
        }
        for call in code.source.of_kind(Kind::Call).iter().copied() {
            match code.called(call) {
                "path" | "re_path" | "url" => {
                    match code.option(call, "name").and_then(|name| code.text(name)) {
                        Some(name) if application.is_empty() => {
                            self.names.insert(name.to_owned());
                        }
                        Some(name) => {
                            self.names.insert(format!("{application}:{name}"));
                        }
                        None => {}
                    }
                }
                "include" => {
                    let module = code.arg(call, 0).and_then(|module| code.text(module));
                    let own = module.is_some_and(|module| {
                        let first = module.split('.').next().unwrap_or(module);
                        project.has_python_name(first)
                    });
                    self.open |= !own;
                }
                _ => {}
            }
        }
    }

    /// What to say of a name that no address has.
    fn lacks(&self, name: &str) -> Option<String> {
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'));
        let known = match name.split_once(':') {
            Some((application, _)) => self.applications.contains(application) && !self.open,
            // `redirect` takes addresses too, and other packages have names without an application.
            None => !self.open && !self.names.is_empty() && name.contains(['-', '_']),
        };
        (plain && known && !self.names.contains(name)).then(|| {
            format!(
                "no address of this repository is called `{name}`{}",
                data::hint(name, self.names.iter().map(String::as_str))
            )
        })
    }
}

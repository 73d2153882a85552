//! Pages out of templates that escape nothing: Jinja's environment as it is made by itself, Go's `text/template`.

use super::cross_site_scripting;
use crate::analysis::code::Code;
use crate::analysis::outside::outside;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::taint;
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go, Language::Python],
    run,
    ..cross_site_scripting::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    let filled = match source.tree.language() {
        Language::Python => jinja(code),
        _ => text_template(code),
    };
    if filled.is_empty() {
        return;
    }
    let escaped: Vec<NodeId> = code
        .calls()
        .into_iter()
        .filter(|call| {
            let lower = code.called(*call).to_ascii_lowercase();
            ["escape", "sanitize", "clean", "int", "atoi", "parseint", "quote"]
                .iter()
                .any(|part| lower.contains(part))
        })
        .collect();
    let mut told = Vec::new();
    for (sink, _) in taint::reaches(source, &outside(source), &filled, &escaped) {
        if !told.contains(&sink) {
            told.push(sink);
            reports.add(sink, "what was sent becomes part of a page by a template that escapes nothing, so it can bring a script with it");
        }
    }
}

/// What templates of an `Environment` without `autoescape` are filled with, where they are pages.
fn jinja(code: Code<'_>) -> Vec<NodeId> {
    let made = |call: &NodeId| {
        let path = code.path(*call);
        path.ends_with("jinja2.Environment") || path == "jinja2.sandbox.SandboxedEnvironment"
    };
    let environments: Vec<NodeId> = code.calls().into_iter().filter(made).collect();
    let open = |call: &NodeId| {
        let spread = code
            .tree
            .children_in(*call, Role::Arg)
            .any(|arg| code.kind(arg) == Kind::Spread);
        !spread
            && code
                .option(*call, "autoescape")
                .is_none_or(|value| code.boolean(value) == Some(false))
    };
    let pages = code.texts_in(NodeId::ROOT).any(|text| {
        let name = text
            .strip_suffix(".j2")
            .or_else(|| text.strip_suffix(".jinja"))
            .unwrap_or(text);
        name.ends_with(".html") || name.ends_with(".htm") || name.trim_start().starts_with('<')
    });
    if environments.is_empty() || !environments.iter().all(open) || !pages {
        return Vec::new();
    }
    let renders = code.calls().into_iter().filter(|call| {
        matches!(code.called(*call), "render" | "render_async")
            && code
                .receiver(*call)
                .is_some_and(|of| code.kind(of) == Kind::Name || code.is_call(of))
    });
    renders
        .flat_map(|call| code.tree.children_in(call, Role::Arg))
        .collect()
}

/// What templates of `text/template` are filled with, where a client is sent what comes out as a page.
fn text_template(code: Code<'_>) -> Vec<NodeId> {
    if !code.imports("text/template") || code.imports("html/template") {
        return Vec::new();
    }
    let is_page = code.texts_in(NodeId::ROOT).any(|text| {
        let lower = text.to_ascii_lowercase();
        lower.starts_with("text/html")
            || ["<html", "<div", "<p>", "<h1", "<body", "<td"]
                .iter()
                .any(|tag| lower.contains(tag))
    });
    if !is_page {
        return Vec::new();
    }
    let writers: Vec<&str> = code
        .source
        .of_kind(Kind::Param)
        .iter()
        .filter(|param| {
            code.child(**param, Role::Type)
                .is_some_and(|ty| code.name(ty).contains("ResponseWriter"))
        })
        .map(|param| code.name(*param))
        .collect();
    let executes = code.calls().into_iter().filter(|call| {
        matches!(code.called(*call), "Execute" | "ExecuteTemplate")
            && code
                .arg(*call, 0)
                .is_some_and(|to| writers.contains(&code.last_name(to)))
    });
    executes
        .filter_map(|call| code.args(call).last().copied())
        .collect()
}

//! Python: what packages that nearly every project has do not have, and what they have no more in the release that is asked for.

use super::data::{self, PYTHON_PACKAGES};
use super::unknown_member;
use crate::analysis::imports::{Attempt, FAILED_IMPORT, Imports, attempt};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_member::CHECK
};

/// What releases have dropped: the name, its package as it is required, since which release, and what to use.
const GONE: &[(&str, &str, (u32, u32), &str)] = &[
    (
        "pydantic.BaseSettings",
        "pydantic",
        (2, 0),
        "`pydantic_settings.BaseSettings`",
    ),
    ("flask.Markup", "flask", (3, 0), "`markupsafe.Markup`"),
    ("flask.escape", "flask", (3, 0), "`markupsafe.escape`"),
    (
        "flask.json.JSONEncoder",
        "flask",
        (2, 3),
        "`flask.json.provider.DefaultJSONProvider`",
    ),
    ("flask._app_ctx_stack", "flask", (2, 3), "`flask.g`"),
    ("jinja2.Markup", "jinja2", (3, 1), "`markupsafe.Markup`"),
    ("jinja2.escape", "jinja2", (3, 1), "`markupsafe.escape`"),
    ("jinja2.contextfilter", "jinja2", (3, 1), "`jinja2.pass_context`"),
    (
        "werkzeug.security.safe_str_cmp",
        "werkzeug",
        (2, 1),
        "`hmac.compare_digest`",
    ),
    (
        "werkzeug.urls.url_quote",
        "werkzeug",
        (3, 0),
        "`urllib.parse.quote`",
    ),
    (
        "werkzeug.urls.url_encode",
        "werkzeug",
        (3, 0),
        "`urllib.parse.urlencode`",
    ),
    ("django.conf.urls.url", "django", (4, 0), "`django.urls.re_path`"),
    ("django.utils.translation.ugettext", "django", (4, 0), "`gettext`"),
    (
        "django.utils.translation.ugettext_lazy",
        "django",
        (4, 0),
        "`gettext_lazy`",
    ),
    (
        "django.utils.encoding.force_text",
        "django",
        (4, 0),
        "`force_str`",
    ),
    (
        "django.utils.encoding.smart_text",
        "django",
        (4, 0),
        "`smart_str`",
    ),
    (
        "django.utils.http.urlquote",
        "django",
        (4, 0),
        "`urllib.parse.quote`",
    ),
    (
        "django.utils.http.is_safe_url",
        "django",
        (4, 0),
        "`url_has_allowed_host_and_scheme`",
    ),
    (
        "django.utils.timezone.utc",
        "django",
        (5, 0),
        "`datetime.timezone.utc`",
    ),
    ("numpy.float", "numpy", (1, 24), "`float`"),
    ("numpy.int", "numpy", (1, 24), "`int`"),
    ("numpy.object", "numpy", (1, 24), "`object`"),
    ("numpy.float_", "numpy", (2, 0), "`numpy.float64`"),
    ("numpy.Inf", "numpy", (2, 0), "`numpy.inf`"),
    ("numpy.NaN", "numpy", (2, 0), "`numpy.nan`"),
    ("numpy.unicode_", "numpy", (2, 0), "`numpy.str_`"),
    ("numpy.product", "numpy", (2, 0), "`numpy.prod`"),
    ("pandas.Int64Index", "pandas", (2, 0), "`pandas.Index`"),
    ("pandas.Float64Index", "pandas", (2, 0), "`pandas.Index`"),
    (
        "openai.ChatCompletion",
        "openai",
        (1, 0),
        "`openai.OpenAI().chat.completions`",
    ),
    (
        "openai.Completion",
        "openai",
        (1, 0),
        "`openai.OpenAI().completions`",
    ),
    (
        "openai.Embedding",
        "openai",
        (1, 0),
        "`openai.OpenAI().embeddings`",
    ),
    ("sklearn.externals.joblib", "scikit-learn", (0, 23), "`joblib`"),
    (
        "sklearn.cross_validation",
        "scikit-learn",
        (0, 20),
        "`sklearn.model_selection`",
    ),
    (
        "sklearn.datasets.load_boston",
        "scikit-learn",
        (1, 2),
        "another data set",
    ),
];

/// What the data leave out, or what is only there while tests run.
const UNSEEN: &[&str] = &[
    "test",
    "tests",
    "testing",
    "conftest",
    "migrations",
    "locale",
    "locales",
    "management",
    "contrib",
    "outbox",
    "cyextension",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let imports = Imports::of(source);
    for import in source.of_kind(Kind::Import).iter().copied() {
        let module = tree.name(import);
        if !is_others(project, module) || attempt(tree, import, FAILED_IMPORT) != Attempt::No {
            continue;
        }
        for item in tree.children_in(import, Role::Item) {
            let name = tree.name(item);
            if !matches!(name, "" | "*") && !gone(project, &format!("{module}.{name}"), item, reports) {
                taken(module, name, item, reports);
            }
        }
        missing(module, import, reports);
    }
    for member in source.of_kind(Kind::Member).iter().copied() {
        let Some(path) = imports
            .path(source, member)
            .filter(|path| is_others(project, path))
        else {
            continue;
        };
        let name = tree.name(member);
        // Whoever asks whether it is there knows that it may not be.
        let asked = source
            .of_kind(Kind::Str)
            .iter()
            .any(|text| tree.name(*text) == name);
        if asked
            || tree.role(member) == Role::Target
            || attempt(tree, member, &["AttributeError"]) == Attempt::Tried
        {
            continue;
        }
        if let Some((module, name)) = path.rsplit_once('.')
            && !gone(project, &path, member, reports)
        {
            taken(module, name, member, reports);
        }
    }
    appended(source, project, &imports, reports);
}

/// Whether a name is one of a package, and not of a folder of the repository that is called the same.
fn is_others(project: &Project, path: &str) -> bool {
    let first = path.split('.').next().unwrap_or(path);
    !first.is_empty() && !project.has_python_name(first) && !project.has_folder(first)
}

/// `from fastapi import RateLimiter`, `pd.read_jsonlines`
fn taken(module: &str, name: &str, at: NodeId, reports: &mut Reports) {
    let Some(members) = PYTHON_PACKAGES.get(module) else {
        return;
    };
    let has = members.contains("__getattr__")
        || members.contains(name)
        || name.starts_with('_')
        || UNSEEN.contains(&name)
        || PYTHON_PACKAGES.get(&format!("{module}.{name}")).is_some();
    if !has {
        reports.add(
            at,
            format!("`{module}` has no `{name}`{}", data::hint(name, members.iter())),
        );
    }
}

/// `from fastapi.middleware.ratelimit import …`
fn missing(module: &str, at: NodeId, reports: &mut Reports) {
    // What lies deeper is not in the data.
    const DEEP_MAX: usize = 2;
    let Some((outer, name)) = module.rsplit_once('.') else {
        return;
    };
    if module.matches('.').count() > DEEP_MAX
        || name.starts_with('_')
        || module.split('.').any(|part| UNSEEN.contains(&part))
        || PYTHON_PACKAGES.get(module).is_some()
    {
        return;
    }
    if let Some(members) = PYTHON_PACKAGES.get(outer)
        && !members.contains("__getattr__")
        && !members.contains(name)
    {
        reports.add(
            at,
            format!(
                "`{outer}` has no module `{name}`{}",
                data::hint(name, members.iter())
            ),
        );
    }
}

/// Whether a release has dropped a name; tells it if that release, or a later one, is required.
fn gone(project: &Project, path: &str, at: NodeId, reports: &mut Reports) -> bool {
    let Some((name, package, since, instead)) = GONE.iter().find(|(name, ..)| *name == path) else {
        return false;
    };
    let told = format!(
        "`{name}` is gone since {package} {}.{}; there is {instead}",
        since.0, since.1
    );
    match required(project, package) {
        Some(asked) if asked >= *since => reports.add(at, told),
        Some(_) => {}
        None => reports.note(at, told),
    }
    true
}

/// `frame.append(other, ignore_index=True)`: lists have no such argument, and frames have no such method since pandas 2.
fn appended(source: &Source, project: &Project, imports: &Imports, reports: &mut Reports) {
    let tree = &source.tree;
    if !imports.has("pd") && !imports.has("pandas") {
        return;
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        let is_append = tree
            .child(call, Role::Callee)
            .is_some_and(|callee| tree.kind(callee) == Kind::Member && tree.name(callee) == "append");
        let of_frame = tree
            .children_in(call, Role::Arg)
            .any(|arg| tree.kind(arg) == Kind::Keyword && tree.name(arg) == "ignore_index");
        if !is_append || !of_frame {
            continue;
        }
        let told = "`DataFrame.append` is gone since pandas 2.0; there is `pandas.concat`";
        match required(project, "pandas") {
            Some(asked) if asked >= (2, 0) => reports.add(call, told),
            Some(_) => {}
            None => reports.note(call, told),
        }
    }
}

/// The release of a package that the repository asks for at least.
fn required(project: &Project, package: &str) -> Option<(u32, u32)> {
    const FILES_MAX: usize = 20;
    let is_list = |path: &&str| {
        let file = file_name(path);
        file.starts_with("requirements") && file.ends_with(".txt")
            || path.contains("requirements/") && file.ends_with(".txt")
            || matches!(file, "pyproject.toml" | "setup.py" | "setup.cfg" | "Pipfile")
    };
    let mut found: Option<(u32, u32)> = None;
    for path in project.files().filter(is_list).take(FILES_MAX) {
        let Some(text) = project.text(path) else {
            continue;
        };
        for line in text.lines() {
            let line = line
                .trim()
                .trim_start_matches(['"', '\'', '-', '[', ' '])
                .to_ascii_lowercase();
            let Some(rest) = line.strip_prefix(package) else {
                continue;
            };
            let rest = rest.trim_start();
            let rest = match rest.strip_prefix('[').and_then(|extras| extras.split_once(']')) {
                Some((_, rest)) => rest.trim_start(),
                None => rest,
            };
            // `pandas-stubs` is another package.
            if !rest.starts_with(['=', '>', '~', '^', '<', ' ']) {
                continue;
            }
            let version = rest
                .trim_start_matches(['=', '>', '~', '^', ' ', '"', '\''])
                .split(|char: char| !char.is_ascii_digit() && char != '.')
                .next()
                .unwrap_or("");
            let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
            let Some(major) = parts
                .next()
                .filter(|_| version.starts_with(|char: char| char.is_ascii_digit()))
            else {
                continue;
            };
            let asked = (major, parts.next().unwrap_or(0));
            // Where several lists ask, the lowest counts.
            found = Some(found.map_or(asked, |known| known.min(asked)));
        }
    }
    found
}

//! Which file of the repository an import means.

use super::data;
use super::packages::{self, Known, is_declared};
use crate::project::{Project, file_name, folder, folders_up, has_ending, join, stem};

/// What an import means within the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One of these files.
    Files(Vec<String>),
    /// A folder without a file that says what it has.
    Folder(String),
    /// The folder that it should be in is the repository's own, and it is not there.
    Missing,
    /// Nothing can be said.
    Unknown,
}

/// What is made by tools, and often not kept in the repository.
fn is_made(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [
        "_pb2",
        "_version",
        "version",
        "generated",
        "__generated__",
        "/gen/",
        "_gen",
        "proto",
        "parsetab",
        "_ffi",
        "_cffi",
        "_ext",
        "_rc",
        "local_settings",
        "settings_local",
        "localsettings",
        "/dist",
        "/build",
        "/lib/",
        "/out/",
        "/target/",
        ".gen",
        "$types",
        "prisma",
        "pkg",
        "wasm",
        "+types",
        "routetree",
        "codegen",
        "schema.json",
        "output",
        "graphql",
        "typechain",
        "artifacts",
        "private",
        "secret",
        "credentials",
        "config.local",
        "contentlayer",
        "/.",
        "locales",
        "i18n",
        "messages",
        "bindings",
        "native",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

/// A module of Python, as it is written in a file.
pub fn python(project: &Project, path: &str, module: &str) -> Found {
    let dots = module.len() - module.trim_start_matches('.').len();
    let name = module.trim_start_matches('.').replace('.', "/");
    if dots > 0 {
        let mut at = folder(path);
        for _ in 1..dots {
            match at.rsplit_once('/') {
                Some((outer, _)) => at = outer,
                None if at.is_empty() => return Found::Unknown,
                None => at = "",
            }
        }
        return in_folder(project, at, &name);
    }
    let first = name.split('/').next().unwrap_or(&name);
    if !project.has_python_name(first) {
        return Found::Unknown;
    }
    if data::PYTHON_MODULES.contains(first) || is_declared(first, &project.python) {
        return Found::Unknown;
    }
    let inside = |root: &str, ending: &str| {
        if root.is_empty() {
            format!("{first}{ending}")
        } else {
            format!("{root}/{first}{ending}")
        }
    };
    let roots: Vec<&str> = project
        .python_roots()
        .filter(|root| project.has(&inside(root, ".py")) || project.has_folder(&inside(root, "")))
        .collect();
    let mut files = Vec::new();
    let mut folders = Vec::new();
    for root in &roots {
        match in_folder(project, root, &name) {
            Found::Files(found) => files.extend(found),
            Found::Folder(found) => folders.push(found),
            Found::Missing => {}
            Found::Unknown => return Found::Unknown,
        }
    }
    if !files.is_empty() {
        return Found::Files(files);
    }
    // The package must be one that the file surely sees: its own, or one at the repository's root or in `src`.
    let seen = |root: &&str| {
        folders_up(folder(path)).any(|up| up == *root)
            || matches!(
                file_name(root),
                "src" | "lib" | "python" | "backend" | "server" | "app" | "api"
            )
    };
    if roots.is_empty() || !roots.iter().all(seen) {
        return Found::Unknown;
    }
    // A folder without `__init__.py` may share its name with what is installed.
    let is_package = roots
        .iter()
        .any(|root| project.has(&inside(root, ".py")) || project.has(&inside(root, "/__init__.py")));
    if !is_package && packages::python(module, &project.python) == Known::Yes {
        return Found::Unknown;
    }
    match folders.into_iter().next() {
        Some(folder) => Found::Folder(folder),
        None if name.contains('/') => Found::Missing,
        None => Found::Unknown,
    }
}

fn in_folder(project: &Project, at: &str, name: &str) -> Found {
    let Some(base) = join(at, name) else {
        return Found::Unknown;
    };
    let inits = ["__init__.py", "__init__.pyi"].map(|init| {
        if base.is_empty() {
            init.to_owned()
        } else {
            format!("{base}/{init}")
        }
    });
    let files: Vec<String> = [format!("{base}.py"), format!("{base}.pyi")]
        .into_iter()
        .chain(inits)
        .filter(|file| project.has(file))
        .collect();
    if !files.is_empty() {
        return Found::Files(files);
    }
    if project.has_folder(&base) {
        return Found::Folder(base);
    }
    // What lies in a file that is no package is put there by its code.
    if folders_up(folder(&base)).any(|outer| !outer.is_empty() && project.has(&format!("{outer}.py"))) {
        return Found::Unknown;
    }
    // Something else of that name (`x.pyx`, `x.so`, `x.c`, `x.rs`) may become the module.
    let parent = folder(&base);
    let wanted = stem(&base);
    let stands = project.below(parent).any(|file| {
        folder(file) == parent && stem(file).trim_start_matches('_') == wanted.trim_start_matches('_')
    });
    if stands || wanted.starts_with('_') || is_made(&base) {
        return Found::Unknown;
    }
    Found::Missing
}

/// Whether a folder has a module or package of this name, made by whatever.
pub fn python_submodule(project: &Project, base: &str, name: &str) -> bool {
    let inner = if base.is_empty() {
        name.to_owned()
    } else {
        format!("{base}/{name}")
    };
    !matches!(in_folder(project, base, name), Found::Missing) || project.has_folder(&inner)
}

const SCRIPTS: &[&str] = &[
    ".ts", ".tsx", ".d.ts", ".mts", ".cts", ".d.mts", ".d.cts", ".js", ".jsx", ".mjs", ".cjs",
];

/// A file of JavaScript by a relative path, or by an alias of `tsconfig.json`.
pub fn javascript(project: &Project, path: &str, specifier: &str) -> Found {
    let bare = specifier.split(['?', '#']).next().unwrap_or(specifier);
    if specifier.contains('!') || bare.ends_with(".node") {
        return Found::Unknown;
    }
    let bases: Vec<String> = if bare.starts_with('.') {
        join(folder(path), bare).into_iter().collect()
    } else {
        project.javascript.aliased(path, bare)
    };
    if bases.is_empty() {
        return Found::Unknown;
    }
    for base in &bases {
        if project.has(base) {
            return if has_ending(base, SCRIPTS) {
                Found::Files(vec![base.clone()])
            } else {
                Found::Unknown
            };
        }
        let plain = [".js", ".jsx", ".mjs", ".cjs"]
            .iter()
            .find_map(|ending| base.strip_suffix(ending));
        let stems = [Some(base.as_str()), plain];
        for stem in stems.into_iter().flatten() {
            let index = if stem.is_empty() {
                "index".to_owned()
            } else {
                format!("{stem}/index")
            };
            let candidates = SCRIPTS
                .iter()
                .flat_map(|ending| [format!("{stem}{ending}"), format!("{index}{ending}")]);
            // A script and its declarations may both be there.
            let found: Vec<String> = candidates.filter(|candidate| project.has(candidate)).collect();
            if !found.is_empty() {
                return Found::Files(found);
            }
        }
        if project.has_folder(base) {
            return Found::Unknown;
        }
        let parent = folder(base);
        let wanted = stem(base);
        let stands = project
            .below(parent)
            .any(|file| folder(file) == parent && stem(file) == wanted);
        if stands || is_made(&format!("/{base}")) || base.contains(['*', '$', '[']) {
            return Found::Unknown;
        }
    }
    if project.javascript.mentions("rootDirs") {
        return Found::Unknown;
    }
    Found::Missing
}

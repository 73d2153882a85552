//! Which distribution or package an import belongs to, and whether it is declared.

use super::data;
use crate::project::{JavaScript, Project, Python};

/// Modules that so many others bring that nobody can tell, without a lock file, whether they are there.
const OFTEN_BROUGHT: &[&str] = &[
    "attr",
    "certifi",
    "click",
    "dateutil",
    "google",
    "markupsafe",
    "numpy",
    "packaging",
    "pip",
    "pkg_resources",
    "pytz",
    "setuptools",
    "six",
    "typing_extensions",
    "urllib3",
    "wheel",
    "yaml",
    "_pytest",
    "pytest",
    "py",
    "mock",
    "nose",
];
/// Modules that a host provides to what runs in it.
const OF_HOSTS: &[&str] = &[
    "bpy",
    "bmesh",
    "mathutils",
    "maya",
    "hou",
    "nuke",
    "arcpy",
    "unreal",
    "sublime",
    "sublime_plugin",
    "gdb",
    "lldb",
    "pymel",
    "idaapi",
    "idc",
    "idautils",
    "ida_hexrays",
    "micropython",
    "machine",
    "js",
    "pyodide",
    "pyscript",
    "FreeCAD",
    "gimpfu",
    "rhinoscriptsyntax",
    "Rhino",
    "clr",
    "System",
    "adsk",
    "c4d",
    "qgis",
    "xbmc",
    "xbmcgui",
    "xbmcaddon",
    "xbmcplugin",
    "vim",
    "weechat",
    "hexchat",
    "uwsgi",
    "mod_wsgi",
    "mod_python",
    "_typeshed",
    "awsglue",
    "dbutils",
    "board",
    "digitalio",
    "busio",
    "utime",
    "ujson",
    "uos",
    "org",
    "java",
    "javax",
    "snakemake",
    "sage",
    "supervisor",
    "xchat",
    "pcbnew",
    "ghidra",
    "lldbsuite",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Yes,
    /// It may come with something else that is declared.
    Perhaps,
    No,
}

/// Whether exactly this is declared, and is not the repository's own.
pub fn is_declared(first: &str, python: &Python) -> bool {
    let normal = first.replace('_', "-").to_lowercase();
    let by_table = data::DISTRIBUTIONS
        .get(first)
        .is_some_and(|names| names.iter().any(|name| python.distributions.contains(*name)));
    (by_table || python.distributions.contains(&normal)) && !python.own.contains(&normal)
}

pub fn python(module: &str, python: &Python) -> Known {
    let first = module.split('.').next().unwrap_or(module);
    let normal = first.trim_start_matches('_').replace('_', "-").to_lowercase();
    let declared = |name: &str| python.distributions.contains(name);
    if OF_HOSTS.contains(&first)
        || first.starts_with("mypy_boto3")
        || first.starts_with("types_")
        || first.starts_with("_") && !declared(&normal) && first != "_pytest"
    {
        return Known::Yes;
    }
    let squeezed = normal.replace('-', "");
    let fits = |distribution: &str| {
        let distribution = distribution.replace('-', "");
        // `docx` of `python-docx`, `jwt` of `pyjwt`, `psycopg2` of `psycopg2-binary`.
        const LETTERS_MIN: usize = 3;
        distribution == squeezed || (squeezed.len() >= LETTERS_MIN && distribution.contains(&squeezed))
    };
    let by_table = data::DISTRIBUTIONS
        .get(first)
        .is_some_and(|names| names.iter().any(|name| declared(name)));
    if declared(&normal) || by_table || python.distributions.iter().any(|name| fits(name)) {
        return Known::Yes;
    }
    let brought = python
        .distributions
        .iter()
        .filter_map(|name| data::BROUGHT.get(name.as_str()))
        .any(|modules| modules.contains(&first));
    if brought {
        return Known::Yes;
    }
    if OFTEN_BROUGHT.contains(&first) && !python.locked {
        return Known::Perhaps;
    }
    Known::No
}

/// The package of a specifier: `@a/b` of `@a/b/c`, `a` of `a/b`; `None` where it is none.
pub fn npm_name(specifier: &str) -> Option<&str> {
    let bare = specifier.split(['?', '!']).next().unwrap_or(specifier);
    let odd = bare.is_empty()
        || bare.starts_with(['.', '/', '~', '#', '$', '@']) && !bare.starts_with('@')
        || bare.contains(':')
        || bare.starts_with("@/")
        || specifier.contains('!');
    if odd {
        return None;
    }
    let parts = if bare.starts_with('@') { 2 } else { 1 };
    let end = bare
        .match_indices('/')
        .nth(parts - 1)
        .map_or(bare.len(), |(at, _)| at);
    let name = &bare[..end];
    let fits = name.chars().all(|char| {
        char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '-' | '_' | '.' | '@' | '/')
    });
    (fits && (parts == 1 || name.contains('/'))).then_some(name)
}

/// Names that a host or a tool gives, and no package.
const OF_NPM_HOSTS: &[&str] = &[
    "vscode",
    "electron",
    "atom",
    "bun",
    "deno",
    "obsidian",
    "k6",
    "original-fs",
    "aws-lambda",
    "estree",
    "server-only",
    "client-only",
    "geojson",
    "json-schema",
    "csstype",
    "adobe",
    "uxp",
    "photoshop",
    "figma",
    "config",
    "env",
    "virtual",
    "unfonts.css",
    "phantom",
    "casper",
    "cluster-key-slot",
    "webpack-hot-middleware",
];

pub fn npm(path: &str, name: &str, project: &Project) -> Known {
    let javascript: &JavaScript = &project.javascript;
    if OF_NPM_HOSTS.contains(&name) || javascript.knows(path, name) || javascript.is_configured(name) {
        return Known::Yes;
    }
    // `src/a`, `components/b`: a folder or file of the repository that a bundler looks in.
    let first = name.split('/').next().unwrap_or(name);
    let is_folder = project.files().any(|file| {
        file.split('/')
            .any(|part| part == first || part.strip_prefix(first).is_some_and(|rest| rest.starts_with('.')))
    });
    if is_folder {
        return Known::Yes;
    }
    let brought = data::NPM_BROUGHT
        .iter()
        .any(|(by, names)| names.contains(&name) && javascript.knows(path, by));
    if brought {
        return Known::Yes;
    }
    // `declare module "x"` says that something else brings it.
    const DECLARATIONS_MAX: usize = 200;
    let declared = project
        .files()
        .filter(|file| file.ends_with(".d.ts"))
        .take(DECLARATIONS_MAX)
        .filter_map(|file| project.text(file))
        .any(|text| text.contains(&format!("module '{name}")) || text.contains(&format!("module \"{name}")));
    if declared {
        return Known::Yes;
    }
    // Packages of one family bring each other: `@babel/types` with `@babel/core`.
    let scope = name.split_once('/').map(|(scope, _)| scope);
    if javascript.declared_elsewhere(name)
        || scope.is_some_and(|scope| !javascript.has_lock && javascript.mentions(&format!("{scope}/")))
    {
        return Known::Perhaps;
    }
    Known::No
}

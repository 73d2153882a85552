//! Which calls give back the text that they are given.
//!
//! A function of the file is looked into. Of another one only its name is known: those of the standard libraries and of texts pass a value on; what a project's
//! own function of another file gives is not known, and mostly it looks something up, checks it or makes something else of it.

use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// Python's modules whose functions give back what they are given, in another form.
const PYTHON_MODULES: &[&str] = &[
    "ast",
    "asyncio",
    "base64",
    "binascii",
    "builtins",
    "bz2",
    "codecs",
    "copy",
    "flask",
    "functools",
    "gzip",
    "html",
    "io",
    "itertools",
    "jinja2",
    "json",
    "lxml",
    "markdown",
    "markupsafe",
    "msgpack",
    "ntpath",
    "operator",
    "orjson",
    "os",
    "pathlib",
    "posixpath",
    "psycopg",
    "psycopg2",
    "re",
    "shlex",
    "simplejson",
    "sqlalchemy",
    "string",
    "struct",
    "textwrap",
    "typing",
    "ujson",
    "unicodedata",
    "urllib",
    "xml",
    "yaml",
    "yarl",
    "zlib",
];

const PYTHON_BUILTINS: &[&str] = &[
    "bytearray",
    "bytes",
    "cast",
    "dict",
    "enumerate",
    "filter",
    "format",
    "frozenset",
    "getattr",
    "iter",
    "list",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "quote",
    "repr",
    "reversed",
    "set",
    "sorted",
    "str",
    "sum",
    "text",
    "tuple",
    "unquote",
    "urljoin",
    "urlparse",
    "urlsplit",
    "vars",
    "zip",
];

const JAVASCRIPT_OBJECTS: &[&str] = &[
    "Array",
    "Buffer",
    "JSON",
    "Object",
    "Promise",
    "Reflect",
    "String",
    "URL",
    "_",
    "buffer",
    "lodash",
    "os",
    "path",
    "posix",
    "qs",
    "querystring",
    "sql",
    "url",
    "util",
    "win32",
];

const JAVASCRIPT_FUNCTIONS: &[&str] = &[
    "Array",
    "Buffer",
    "Object",
    "String",
    "atob",
    "btoa",
    "decodeURI",
    "decodeURIComponent",
    "dirname",
    "encodeURI",
    "fileURLToPath",
    "format",
    "isAbsolute",
    "join",
    "normalize",
    "parse",
    "pathToFileURL",
    "raw",
    "resolve",
    "String",
    "structuredClone",
    "unescape",
];

const GO_PACKAGES: &[&str] = &[
    "base64", "bufio", "bytes", "errors", "filepath", "fmt", "gjson", "hex", "html", "io", "ioutil", "json",
    "maps", "path", "regexp", "slices", "sort", "strings", "template", "url", "utf8", "xml", "yaml",
];

const GO_BUILTINS: &[&str] = &["append", "byte", "copy", "max", "min", "rune", "string"];

/// Java's classes whose static methods give back what they are given, in another form.
const JAVA_CLASSES: &[&str] = &[
    "Arrays",
    "Collections",
    "Encoding",
    "HttpGet",
    "HttpRequest",
    "List",
    "Map",
    "MessageFormat",
    "Objects",
    "Optional",
    "Path",
    "Paths",
    "Set",
    "Stream",
    "String",
    "StringUtils",
    "URI",
    "URLDecoder",
    "UriComponentsBuilder",
];

const JAVA_METHODS: &[&str] = &[
    "append",
    "insert",
    "formatted",
    "orElse",
    "requireNonNullElse",
    "resolve",
    "resolveSibling",
    "uri",
    "url",
    "toUri",
];

const RUST_TYPES: &[&str] = &[
    "Box",
    "Cow",
    "CString",
    "OsStr",
    "OsString",
    "Path",
    "PathBuf",
    "Rc",
    "Arc",
    "String",
    "Url",
    "Uri",
    "str",
    "serde_json",
];

const RUST_METHODS: &[&str] = &["chain", "push_str", "unwrap_or", "zip"];

/// Methods that give back their arguments, whatever their object is.
const METHODS: &[&str] = &[
    "assign",
    "bind",
    "cast",
    "concat",
    "decode",
    "extend",
    "format",
    "from",
    "fromEntries",
    "join",
    "joinpath",
    "load",
    "loads",
    "model_validate",
    "padEnd",
    "padStart",
    "parse",
    "parseAsync",
    "parse_obj",
    "replace",
    "replaceAll",
    "safeParse",
    "union",
    "validate",
    "validateAsync",
    "validateSync",
    "with_name",
];

/// Whether what a call gives may hold what its arguments do.
pub fn passes(source: &Source, call: NodeId, callee: NodeId) -> bool {
    let tree = &source.tree;
    let name = tree.name(callee);
    // What begins with a capital makes an object of what it is given.
    let makes = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !matches!(tree.language(), Language::Go | Language::Java);
    if tree.kind(call) == Kind::New || makes {
        return true;
    }
    if tree.kind(callee) == Kind::Member && METHODS.contains(&name) {
        return true;
    }
    let path = source.names.qualified(tree, callee);
    let begins = path
        .as_deref()
        .and_then(|path| path.split('.').next())
        .unwrap_or("");
    match (tree.language(), tree.kind(callee)) {
        (Language::Python, Kind::Name) => {
            PYTHON_BUILTINS.contains(&name) || (begins != name && PYTHON_MODULES.contains(&begins))
        }
        (Language::Python, _) => PYTHON_MODULES.contains(&begins),
        (Language::Go, Kind::Name) => GO_BUILTINS.contains(&name),
        (Language::Go, Kind::Member) => {
            let object = tree
                .child(callee, Role::Object)
                .map_or("", |object| tree.source(object));
            // What is limited, or unpacked, is still what was sent.
            GO_PACKAGES.contains(&object) || matches!(name, "Replace" | "MaxBytesReader" | "NewReader")
        }
        (Language::Go, _) => true,
        (Language::Java, Kind::Member) => {
            let object = tree
                .child(callee, Role::Object)
                .map_or("", |object| tree.name(object));
            JAVA_METHODS.contains(&name) || JAVA_CLASSES.contains(&object)
        }
        (Language::Java, _) => false,
        (Language::Rust, Kind::Name) => {
            name.ends_with('!') || name.starts_with(|first: char| first.is_ascii_uppercase())
        }
        (Language::Rust, Kind::Member) => {
            let object = tree
                .child(callee, Role::Object)
                .map_or("", |object| tree.name(object));
            name.ends_with('!')
                || name.starts_with(|first: char| first.is_ascii_uppercase())
                || RUST_METHODS.contains(&name)
                || RUST_TYPES.contains(&object)
        }
        (Language::Rust, _) => true,
        (_, Kind::Name) => JAVASCRIPT_FUNCTIONS.contains(&name),
        (_, Kind::Member) => {
            let object = tree
                .child(callee, Role::Object)
                .map_or("", |object| tree.name(object));
            JAVASCRIPT_OBJECTS.contains(&object) || JAVASCRIPT_OBJECTS.contains(&begins)
        }
        (_, _) => true,
    }
}

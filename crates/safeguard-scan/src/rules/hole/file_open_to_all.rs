//! Files that every user of the machine may change, and temporary ones whose name can be guessed.

pub mod shell;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_secret};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "file-open-to-all",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-732", "CWE-377"],
    languages: EVERY,
    run,
};

const WRITABLE_BY_ALL: u64 = 0o002;
const READABLE_BY_ALL: u64 = 0o004;

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        mode(code, call, reports);
        temporary(code, call, reports);
        by_shell(code, call, reports);
    }
}

/// Windows can not remove what may not be written: the next statement removes the same.
fn is_removed_next(code: Code<'_>, call: NodeId) -> bool {
    let tree = code.tree;
    let Some(path) = code.arg(call, 0) else {
        return false;
    };
    let statement = std::iter::once(call).chain(tree.ancestors(call)).find(|id| {
        tree.parent(*id)
            .is_some_and(|parent| code.kind(parent) == Kind::Block)
    });
    let Some((statement, block)) = statement.and_then(|id| Some((id, tree.parent(id)?))) else {
        return false;
    };
    let next = tree.children(block).skip_while(|id| *id != statement).nth(1);
    next.is_some_and(|next| {
        tree.subtree(next).any(|id| {
            let removes = ["remove", "unlink", "rmtree", "rm"]
                .iter()
                .any(|word| code.called(id).to_ascii_lowercase().starts_with(word));
            code.is_call(id)
                && removes
                && code
                    .arg(id, 0)
                    .is_some_and(|of| tree.source(of) == tree.source(path))
        })
    })
}

fn mode(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let called = code.called(call);
    let path = code.path(call);
    let changes = matches!(
        called,
        "chmod" | "chmodSync" | "Chmod" | "lchmod" | "fchmod" | "fchmodSync"
    );
    let creates = matches!(
        called,
        "makedirs"
            | "mkdir"
            | "mkdirSync"
            | "MkdirAll"
            | "Mkdir"
            | "WriteFile"
            | "OpenFile"
            | "open"
            | "writeFile"
            | "writeFileSync"
            | "appendFileSync"
            | "createWriteStream"
    );
    let masks = matches!(
        path,
        "os.umask" | "process.umask" | "syscall.Umask" | "unix.Umask"
    );
    if masks && code.arg(call, 0).and_then(|mask| code.number(mask)) == Some(0) {
        reports.note(
            call,
            format!(
                "after `{}` every file that is made is open to all users",
                short(code, call)
            ),
        );
        return;
    }
    if !changes && !creates {
        return;
    }
    // A text is a mode where nothing else is passed behind the path.
    let texts = matches!(
        called,
        "chmod" | "chmodSync" | "mkdir" | "mkdirSync" | "fchmod" | "fchmodSync"
    );
    let Some(mode) = mode_of(code, call, texts) else {
        return;
    };
    let what = format!(
        "with `{}` every user of the machine may change it",
        short(code, call)
    );
    if mode & WRITABLE_BY_ALL != 0 {
        // What is created is cut by the umask, what is changed is not. The sticky bit keeps a shared folder in order.
        if mode & 0o1000 != 0 || changes && is_removed_next(code, call) {
            return;
        }
        if changes {
            reports.add(call, what);
        } else {
            reports.note(call, what);
        }
        return;
    }
    // A key that everybody can read.
    let first = code.arg(call, 0);
    let holds_secret = first.is_some_and(|path| {
        code.texts_in(path).any(is_key_file)
            || is_secret(code.last_name(path))
            || has_word(code.last_name(path), &["key"])
                && has_word(code.last_name(path), &["private", "ssh", "secret"])
    });
    if mode & READABLE_BY_ALL != 0 && holds_secret {
        reports.note(
            call,
            format!(
                "with `{}` every user of the machine may read the key",
                short(code, call)
            ),
        );
    }
}

fn is_key_file(text: &str) -> bool {
    (text.ends_with(".pem")
        || text.ends_with(".key")
        || text.contains("id_rsa")
        || text.contains("id_ed25519")
        || text.contains("credentials"))
        && !text.ends_with(".pub")
        && !text.contains("public")
        && !text.contains("cert")
}

fn mode_of(code: Code<'_>, call: NodeId, texts: bool) -> Option<u64> {
    if let Some(mode) = code.option(call, "mode") {
        return octal(code, mode);
    }
    code.args(call)
        .into_iter()
        .skip(1)
        .rev()
        .filter(|arg| texts || code.kind(code.literal(*arg)) != Kind::Str)
        .find_map(|arg| octal(code, arg))
}

/// A mode: a number, JavaScript's text of digits, or the names of its bits.
fn octal(code: Code<'_>, id: NodeId) -> Option<u64> {
    let id = code.literal(id);
    match code.kind(id) {
        Kind::Num => {
            let written = code.name(id);
            // `chmod(path, 777)` is another mistake, and means no mode that anybody knows.
            (written.starts_with('0') && written.len() > 1).then(|| code.number(id))?
        }
        Kind::Str
            if matches!(
                code.tree.language(),
                Language::JavaScript | Language::TypeScript | Language::Tsx
            ) =>
        {
            let text = code.name(id);
            (matches!(text.len(), 3 | 4)).then(|| u64::from_str_radix(text, 8).ok())?
        }
        Kind::Member => match code.name(id) {
            "S_IRWXO" => Some(0o007),
            "S_IWOTH" => Some(0o002),
            "ModePerm" => Some(0o777),
            _ => None,
        },
        Kind::Binary if code.name(id) == "|" => {
            let mut mode = 0;
            for side in code.tree.children(id) {
                mode |= octal(code, side)?;
            }
            Some(mode)
        }
        Kind::Call => code
            .arg(id, 0)
            .filter(|_| code.called(id) == "FileMode")
            .and_then(|arg| octal(code, arg)),
        _ => None,
    }
}

fn temporary(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let path = code.path(call);
    if matches!(path, "tempfile.mktemp" | "os.tempnam" | "os.tmpnam") {
        // A pipe of Windows is no file.
        if code.texts_in(call).any(|text| text.contains("pipe")) {
            return;
        }
        reports.add(
            call,
            format!(
                "somebody else can make the file that `{}` names before this program does",
                short(code, call)
            ),
        );
        return;
    }
    let writes = matches!(path, "open" | "os.open")
        && code
            .arg(call, 1)
            .or_else(|| code.option(call, "mode"))
            .and_then(|mode| code.text(mode))
            .is_some_and(|mode| mode.contains(['w', 'a']))
        || matches!(
            path,
            "fs.writeFileSync"
                | "fs.writeFile"
                | "fs.createWriteStream"
                | "fs/promises.writeFile"
                | "os.WriteFile"
                | "ioutil.WriteFile"
                | "os.Create"
        );
    let named = code.arg(call, 0).is_some_and(|name| {
        code.text(name)
            .is_some_and(|name| name.starts_with("/tmp/") || name.starts_with("/var/tmp/"))
    });
    if writes && named {
        reports.note(
            call,
            format!(
                "everybody on the machine knows the name that `{}` writes to",
                short(code, call)
            ),
        );
    }
}

/// `chmod 777` in a command.
fn by_shell(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let runs = matches!(
        code.called(call),
        "run"
            | "system"
            | "call"
            | "check_call"
            | "check_output"
            | "Popen"
            | "exec"
            | "execSync"
            | "spawn"
            | "spawnSync"
            | "execFile"
            | "execFileSync"
            | "Command"
    );
    if !runs {
        return;
    }
    let mut words: Vec<&str> = Vec::new();
    for arg in code.tree.children_in(call, Role::Arg) {
        for text in code.texts_in(arg) {
            words.extend(text.split_whitespace());
        }
    }
    let opens = |word: &&str| {
        matches!(
            *word,
            "777" | "0777" | "a+rwx" | "o+w" | "a+w" | "666" | "ugo+rwx"
        )
    };
    if words.contains(&"chmod") && words.iter().any(opens) {
        reports.add(
            call,
            format!("`{}` lets every user of the machine change it", short(code, call)),
        );
    }
}

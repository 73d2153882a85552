//! What calls do by their names.

use std::collections::BTreeMap;

use super::tokens::{Language, Token, aliases, path_at};

/// What a call does by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Removes {
        recursive: bool,
    },
    Runs,
    /// Runs a text as code.
    Evaluates,
    DeletesRows,
    /// Takes away a server, a bucket or what else others use.
    TakesAway,
    /// Runs this with the words in its brackets.
    RunsBy(&'static str),
}

/// Names that are dangerous whoever they belong to.
pub(super) const STRONG: &[(&str, Call)] = &[
    ("rmtree", Call::Removes { recursive: true }),
    ("removedirs", Call::Removes { recursive: true }),
    ("rm_rf", Call::Removes { recursive: true }),
    ("rm_r", Call::Removes { recursive: true }),
    ("remove_tree", Call::Removes { recursive: true }),
    ("remove_entry_secure", Call::Removes { recursive: true }),
    ("rimraf", Call::Removes { recursive: true }),
    ("rmSync", Call::Removes { recursive: true }),
    ("rmdirSync", Call::Removes { recursive: true }),
    ("removeSync", Call::Removes { recursive: true }),
    ("emptyDirSync", Call::Removes { recursive: true }),
    ("unlinkSync", Call::Removes { recursive: false }),
    ("unlink", Call::Removes { recursive: false }),
    ("execSync", Call::Runs),
    ("spawnSync", Call::Runs),
    ("execFileSync", Call::Runs),
    ("shell_exec", Call::Runs),
    ("passthru", Call::Runs),
    ("proc_open", Call::Runs),
    ("popen", Call::Runs),
    ("Popen", Call::Runs),
    ("check_output", Call::Runs),
    ("check_call", Call::Runs),
    ("create_subprocess_exec", Call::Runs),
    ("create_subprocess_shell", Call::Runs),
    ("execa", Call::Runs),
    ("execaCommand", Call::Runs),
    ("execaCommandSync", Call::Runs),
    ("execaSync", Call::Runs),
    ("call_command", Call::RunsBy("manage.py")),
    ("deleteAsync", Call::Removes { recursive: true }),
    ("deleteSync", Call::Removes { recursive: true }),
    ("getoutput", Call::Runs),
    ("getstatusoutput", Call::Runs),
    ("__import__", Call::Evaluates),
    ("import_module", Call::Evaluates),
    ("drop_all", Call::DeletesRows),
    ("delete_all", Call::DeletesRows),
    ("destroy_all", Call::DeletesRows),
    ("dropDatabase", Call::DeletesRows),
    ("deleteFrom", Call::DeletesRows),
    ("deleteMany", Call::DeletesRows),
    ("truncate_tables", Call::DeletesRows),
    ("RemoveAll", Call::Removes { recursive: true }),
    ("remove_dir_all", Call::Removes { recursive: true }),
    ("deleteDirectory", Call::Removes { recursive: true }),
    ("deleteRecursively", Call::Removes { recursive: true }),
    ("delete_many", Call::DeletesRows),
    ("dropCollection", Call::DeletesRows),
    ("drop_collection", Call::DeletesRows),
    ("drop_database", Call::DeletesRows),
    ("dropTable", Call::DeletesRows),
    ("dropTableIfExists", Call::DeletesRows),
    ("dropSchema", Call::DeletesRows),
    ("dropAllTables", Call::DeletesRows),
    ("flushall", Call::DeletesRows),
    ("flushdb", Call::DeletesRows),
    ("flushAll", Call::DeletesRows),
    ("flushDb", Call::DeletesRows),
    ("delete_bucket", Call::TakesAway),
    ("delete_cluster", Call::TakesAway),
    ("delete_db_cluster", Call::TakesAway),
    ("delete_db_instance", Call::TakesAway),
    ("delete_file_system", Call::TakesAway),
    ("delete_hosted_zone", Call::TakesAway),
    ("delete_namespace", Call::TakesAway),
    ("delete_namespaced_deployment", Call::TakesAway),
    ("delete_namespaced_persistent_volume_claim", Call::TakesAway),
    ("delete_snapshot", Call::TakesAway),
    ("delete_stack", Call::TakesAway),
    ("delete_volume", Call::TakesAway),
    ("terminate_instances", Call::TakesAway),
    ("DeleteBucketCommand", Call::TakesAway),
    ("DeleteDBClusterCommand", Call::TakesAway),
    ("DeleteDBInstanceCommand", Call::TakesAway),
    ("DeleteStackCommand", Call::TakesAway),
    ("DeleteTableCommand", Call::TakesAway),
    ("TerminateInstancesCommand", Call::TakesAway),
];

pub(super) fn call(path: &str, language: Language) -> Option<Call> {
    let last = path.rsplit('.').next().unwrap_or(path);
    // R's takes folders as well.
    if language == Language::Other && path == "unlink" {
        return Some(Call::Removes { recursive: true });
    }
    if let Some((_, call)) = STRONG.iter().find(|(name, _)| *name == last) {
        return Some(*call);
    }
    let of = |owner: &str| {
        path.strip_suffix(last)
            .is_some_and(|before| before.trim_end_matches('.').ends_with(owner))
    };
    let bare = path == last;
    let recursive = |recursive| Some(Call::Removes { recursive });
    match (language, last) {
        (Language::JavaScript, "delete") if of("db") || of("tx") || of("trx") => Some(Call::DeletesRows),
        (Language::Python, "delete") if of("sqlalchemy") => Some(Call::DeletesRows),
        (Language::JavaScript, "del" | "truncate") if path.contains(')') => Some(Call::DeletesRows),
        (_, "rm") if of("shell") || of("shelljs") || of("sh") => Some(Call::RunsBy("rm")),
        (Language::Braces, "Command" | "CommandContext") if of("exec") => Some(Call::Runs),
        (Language::Braces, "exec" | "ProcessBuilder") => Some(Call::Runs),
        (Language::Braces, "Start") if of("Process") => Some(Call::Runs),
        (Language::Braces, "Remove") if of("os") => recursive(false),
        (Language::Braces, "Delete") if of("Directory") => recursive(true),
        (_, "rmdir") if of("fs") || of("promises") || of("fsp") => recursive(true),
        (Language::Other, "rm" | "unlink" | "rmdir") if bare => recursive(true),
        (Language::Other, "execute") if path.contains(')') || bare => Some(Call::Runs),
        (_, "remove" | "removeSync") if of("os") || of("Deno") => recursive(of("Deno")),
        (_, "rm" | "rm_f" | "remove" | "remove_file") if of("FileUtils") => recursive(false),
        (_, "delete") if of("requests") || of("httpx") || of("axios") => Some(Call::RunsBy("curl -X DELETE")),
        (_, "delete") if of("indices") => Some(Call::TakesAway),
        (Language::JavaScript | Language::Python, "drop") if path.starts_with("db.") => {
            Some(Call::DeletesRows)
        }
        (Language::JavaScript, "drop") if path.contains(')') => Some(Call::DeletesRows),
        (_, last) if of("FileUtils") && (last.starts_with("rm") || last.starts_with("remove")) => {
            recursive(true)
        }
        (
            Language::Ruby | Language::Php,
            "truncate" | "drop_table" | "drop_database" | "delete_by" | "destroy_by",
        ) => Some(Call::DeletesRows),
        (Language::Php, "delete" | "forceDelete" | "dropIfExists" | "destroy") => Some(Call::DeletesRows),
        (Language::Perl, "qx") => Some(Call::Evaluates),
        (_, "rm") if of("fs") || of("promises") || of("fsp") || of("FileUtils") => {
            recursive(!of("FileUtils"))
        }
        (_, "removeSync" | "emptyDirSync" | "emptyDir" | "remove") if of("fse") || of("fs") => {
            recursive(true)
        }
        (_, "delete") if of("File") || of("Dir") => recursive(false),
        (_, "delete") if path.contains("objects") || path.contains("query") => Some(Call::DeletesRows),
        (Language::JavaScript, "rm") if bare => recursive(true),
        (_, "run" | "call") if of("subprocess") => Some(Call::Runs),
        (_, "system") if !of("platform") => Some(Call::Runs),
        (_, "execute") if of("os") => Some(Call::Runs),
        (Language::Python, "eval" | "exec" | "compile") if bare => Some(Call::Evaluates),
        (Language::Python, last) if of("os") && (last.starts_with("exec") || last.starts_with("spawn")) => {
            Some(Call::Runs)
        }
        (Language::Python, "spawn") if of("pty") => Some(Call::Runs),
        (Language::JavaScript, "eval" | "Function") if bare => Some(Call::Evaluates),
        (Language::JavaScript, "exec" | "spawn" | "execFile" | "fork")
            if bare || of("child_process") || of("cp") || path.contains(')') =>
        {
            Some(Call::Runs)
        }
        (_, "Command" | "run") if of("Deno") => Some(Call::Runs),
        (_, "spawn") if of("Bun") || of("Process") => Some(Call::Runs),
        (Language::Perl | Language::Ruby | Language::Php, "exec" | "qx" | "capture2" | "capture3") => {
            Some(Call::Runs)
        }
        (Language::Perl | Language::Ruby | Language::Php, "eval") => Some(Call::Evaluates),
        _ => None,
    }
}

/// Names that stand for others, also where a file gives another name to what removes folders: `rm = shutil.rmtree`.
pub(super) fn renamed(tokens: &[Token]) -> BTreeMap<String, String> {
    let mut found = aliases(tokens);
    let sets = (2..tokens.len()).filter(|at| tokens[at - 1] == Token::Sign('='));
    for at in sets {
        let Token::Name(name) = &tokens[at - 2] else {
            continue;
        };
        let Some((path, after)) = path_at(tokens, at, &found) else {
            continue;
        };
        let last = path.rsplit('.').next().unwrap_or("");
        let is_strong = STRONG.iter().any(|(strong, _)| *strong == last);
        if is_strong && matches!(tokens.get(after), None | Some(Token::Sign('\n' | ';' | ')'))) {
            found.insert(name.trim_start_matches('$').to_owned(), path);
        }
    }
    found
}

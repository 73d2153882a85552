//! `safeguard agent install` and `uninstall`: a hook in an agent's settings, and the proof that it fires.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::hosts::{Host, Scope};
use super::{InstallArgs, PlaceArgs};
use crate::failure::Failure;
use crate::output::{GOOD, Output};

/// Longer settings are not read.
const SETTINGS_BYTES_MAX: u64 = 4 << 20;
/// What the proof asks about: one command that is refused, and one that is not.
const REFUSED: &str = "rm -rf /";
const ALLOWED: &str = "git status";

/// What became of one agent's settings.
#[derive(Debug, Serialize)]
struct Done {
    host: &'static str,
    settings: PathBuf,
    command: String,
    /// Whether the file was written.
    changed: bool,
    note: &'static str,
}

pub fn install(args: &InstallArgs, output: &Output) -> Result<(), Failure> {
    let (scope, root) = place(&args.place)?;
    let mut done = Vec::new();
    for host in hosts(&args.place, scope, &root)? {
        let settings = host.settings(scope, &root);
        let command = command(host, args)?;
        let before = read(&settings)?;
        let after = with_hook(host, before.clone().unwrap_or_else(|| json!({})), &command)
            .map_err(|why| not_merged(&settings, why))?;
        let changed = before.as_ref() != Some(&after);
        if args.check && changed {
            return Err(Failure::refused(format!(
                "{} has no such hook in `{}`",
                host.name(),
                settings.display()
            ))
            .hint(format!(
                "run `safeguard agent install --host {}{}`",
                host.word(),
                flag(scope)
            )));
        }
        if changed {
            write(&settings, &after)?;
        }
        // The very command that stands in the file, as the host would run it.
        prove(host, &command, &root)?;
        done.push(Done {
            host: host.word(),
            settings,
            command,
            changed,
            note: host.note(),
        });
    }
    output.data(&done, |done| done.iter().map(told).collect())
}

pub fn uninstall(args: &PlaceArgs, output: &Output) -> Result<(), Failure> {
    let (scope, root) = place(args)?;
    let mut gone = Vec::new();
    for host in hosts(args, scope, &root)? {
        let settings = host.settings(scope, &root);
        let Some(before) = read(&settings)? else { continue };
        let after = without_hook(host, before.clone()).map_err(|why| not_merged(&settings, why))?;
        if after == before {
            continue;
        }
        match is_empty(&after) {
            true => fs::remove_file(&settings)
                .with_context(|| format!("cannot remove `{}`", settings.display()))?,
            false => write(&settings, &after)?,
        }
        gone.push(settings);
    }
    output.data(&gone, |gone| match gone.as_slice() {
        [] => "no hook of safeguard's was set\n".to_owned(),
        gone => gone
            .iter()
            .map(|path| format!("took the hook out of {}\n", path.display()))
            .collect(),
    })
}

fn told(done: &Done) -> String {
    let what = if done.changed { "set in" } else { "stands in" };
    let path = done.settings.display();
    format!(
        "{GOOD}{}{GOOD:#}: the hook {what} {path}, and refuses `{REFUSED}` when it is asked\n  {}\n",
        done.host, done.note
    )
}

fn flag(scope: Scope) -> &'static str {
    match scope {
        Scope::Project => "",
        Scope::User => " --user",
    }
}

/// Whose settings, and the folder that they lie below.
fn place(args: &PlaceArgs) -> Result<(Scope, PathBuf), Failure> {
    if args.user {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let home = home.ok_or_else(|| {
            Failure::undecided("it is not known where your home folder is").hint("set HOME")
        })?;
        return Ok((Scope::User, home));
    }
    let folder = std::env::current_dir().context("cannot find the folder that is worked in")?;
    // The settings lie beside the repository's root, wherever in it this is typed.
    let root = folder.ancestors().find(|folder| folder.join(".git").exists());
    Ok((Scope::Project, root.unwrap_or(&folder).to_owned()))
}

/// The agents that were named, or else those whose folder is there.
fn hosts(args: &PlaceArgs, scope: Scope, root: &Path) -> Result<Vec<Host>, Failure> {
    if !args.hosts.is_empty() {
        return Ok(args.hosts.clone());
    }
    let found: Vec<Host> = Host::ALL
        .iter()
        .copied()
        .filter(|host| host.folder(scope, root).is_dir())
        .collect();
    // Beside a repository's workflows, `.github` says nothing of Copilot; its own file does.
    let used =
        |host: &Host| *host != Host::Copilot || scope == Scope::User || host.settings(scope, root).exists();
    let found: Vec<Host> = found.into_iter().filter(used).collect();
    if found.is_empty() {
        return Err(
            Failure::undecided(format!("no coding agent has settings in `{}`", root.display()))
                .hint("name one, such as `--host claude`"),
        );
    }
    Ok(found)
}

/// The command of the hook, with the whole path of this program: an agent may run with another `PATH`.
fn command(host: Host, args: &InstallArgs) -> Result<String, Failure> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let program = program.canonicalize().unwrap_or(program);
    let program = program
        .to_str()
        .ok_or_else(|| anyhow!("the path of this program is not UTF-8"))?;
    let plain = program
        .chars()
        .all(|one| one.is_ascii_alphanumeric() || "/._-+".contains(one));
    let program = match plain {
        true => program.to_owned(),
        false => format!("'{}'", program.replace('\'', r"'\''")),
    };
    Ok(format!(
        "{program} agent hook --host {} --env {}",
        host.word(),
        args.environment
    ))
}

fn read(path: &Path) -> Result<Option<Value>, Failure> {
    let about = || format!("cannot read `{}`", path.display());
    if !path.try_exists().with_context(about)? {
        return Ok(None);
    }
    if fs::metadata(path).with_context(about)?.len() > SETTINGS_BYTES_MAX {
        return Err(Failure::undecided(format!(
            "`{}` is longer than {SETTINGS_BYTES_MAX} bytes",
            path.display()
        )));
    }
    let text = fs::read_to_string(path).with_context(about)?;
    if text.trim().is_empty() {
        return Ok(Some(json!({})));
    }
    let value = serde_json::from_str(&text);
    Ok(Some(value.with_context(|| {
        format!("`{}` is no plain JSON, and is left as it is", path.display())
    })?))
}

/// Writes the whole file or nothing, also where it is a link to another.
fn write(path: &Path, settings: &Value) -> Result<(), Failure> {
    let about = || format!("cannot write `{}`", path.display());
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path
        .parent()
        .ok_or_else(|| anyhow!("`{}` lies in no folder", path.display()))?;
    fs::create_dir_all(folder).with_context(about)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(about)?;
    let mut text = serde_json::to_string_pretty(settings).context("cannot write JSON")?;
    text.push('\n');
    file.write_all(text.as_bytes()).with_context(about)?;
    if let Ok(found) = fs::metadata(&path) {
        file.as_file()
            .set_permissions(found.permissions())
            .with_context(about)?;
    } else {
        readable(file.as_file()).with_context(about)?;
    }
    file.as_file().sync_all().with_context(about)?;
    file.persist(&path)
        .map_err(|error| error.error)
        .with_context(about)?;
    Ok(())
}

/// As a file that an editor makes: the temporary one is for its owner alone.
fn readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

fn not_merged(path: &Path, why: &str) -> Failure {
    Failure::undecided(format!("`{}` is left as it is: {why}", path.display()))
        .hint("mend the file, then run `safeguard agent install` again")
}

/// Whether an entry of a list is a hook of safeguard's, in whichever version it was set.
fn is_ours(entry: &Value) -> bool {
    let direct = ["command", "bash"].iter().filter_map(|name| entry.get(name));
    let nested = entry.get("hooks").and_then(Value::as_array).into_iter().flatten();
    let nested = nested.filter_map(|hook| hook.get("command"));
    direct
        .chain(nested)
        .filter_map(Value::as_str)
        .any(|command| command.contains(" agent hook --host "))
}

/// The settings with the hook in them, and everything else as it was.
fn with_hook(host: Host, settings: Value, command: &str) -> Result<Value, &'static str> {
    let wanted = host.entry(command);
    let mut settings = object(settings)?;
    if host.has_version() {
        settings.entry("version").or_insert(json!(1));
    }
    let mut hooks = object(settings.remove("hooks").unwrap_or_else(|| json!({})))?;
    for event in host.events() {
        let mut entries = list(hooks.remove(*event))?;
        match entries.iter().position(is_ours) {
            // In its place: the order of others' hooks may matter to them.
            Some(at) => {
                entries[at] = wanted.clone();
                let mut first = true;
                entries.retain(|entry| !is_ours(entry) || std::mem::take(&mut first));
            }
            None => entries.push(wanted.clone()),
        }
        hooks.insert((*event).to_owned(), Value::Array(entries));
    }
    settings.insert("hooks".to_owned(), Value::Object(hooks));
    Ok(Value::Object(settings))
}

fn without_hook(host: Host, settings: Value) -> Result<Value, &'static str> {
    let mut settings = object(settings)?;
    let Some(hooks) = settings.remove("hooks") else {
        return Ok(Value::Object(settings));
    };
    let mut hooks = object(hooks)?;
    for event in host.events() {
        let Some(entries) = hooks.remove(*event) else {
            continue;
        };
        let mut entries = list(Some(entries))?;
        let had = entries.len();
        entries.retain(|entry| !is_ours(entry));
        if !entries.is_empty() || had == 0 {
            hooks.insert((*event).to_owned(), Value::Array(entries));
        }
    }
    if !hooks.is_empty() {
        settings.insert("hooks".to_owned(), Value::Object(hooks));
    }
    Ok(Value::Object(settings))
}

/// Whether nothing is left that anybody but an installation has written.
fn is_empty(settings: &Value) -> bool {
    settings
        .as_object()
        .is_some_and(|fields| fields.keys().all(|name| name == "version"))
}

fn object(value: Value) -> Result<Map<String, Value>, &'static str> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err("it holds something else where an object belongs"),
    }
}

fn list(value: Option<Value>) -> Result<Vec<Value>, &'static str> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err("it holds something else where a list of hooks belongs"),
    }
}

/// Runs the command as the host would, and looks at its answers.
fn prove(host: Host, command: &str, folder: &Path) -> Result<(), Failure> {
    let refused = ask(host, command, folder, REFUSED)?;
    if !host.is_refusal(&refused) {
        return Err(
            Failure::refused(format!("the hook of {} did not refuse `{REFUSED}`", host.name()))
                .details(vec![format!("it answered {refused}")]),
        );
    }
    let allowed = ask(host, command, folder, ALLOWED)?;
    if allowed != json!({}) {
        return Err(
            Failure::refused(format!("the hook of {} refuses everything", host.name()))
                .details(vec![format!("to `{ALLOWED}` it answered {allowed}")])
                .hint("look at `safeguard.toml`: a configuration that can not be read refuses every call"),
        );
    }
    Ok(())
}

fn ask(host: Host, command: &str, folder: &Path, about: &str) -> Result<Value, Failure> {
    let question = host.question(about, &folder.to_string_lossy());
    let mut child = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run the hook")?;
    if let Some(mut stdin) = child.stdin.take() {
        let written = stdin.write_all(question.to_string().as_bytes());
        written.context("the hook does not read its question")?;
    }
    let output = child.wait_with_output().context("cannot hear the hook")?;
    if !output.status.success() {
        return Err(Failure::refused(format!(
            "the hook of {} ended with {}",
            host.name(),
            output.status
        )));
    }
    let answer = serde_json::from_slice(&output.stdout);
    Ok(answer.with_context(|| format!("the hook of {} did not answer in JSON", host.name()))?)
}

#[cfg(test)]
mod tests;

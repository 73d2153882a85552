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
    /// What looks at the change after edits and before the agent stops, unless that was left out.
    look: Option<String>,
    /// Whether the file was written.
    changed: bool,
    note: &'static str,
}

pub fn install(args: &InstallArgs, output: &Output) -> Result<(), Failure> {
    let (scope, root) = place(&args.place)?;
    let mut done = Vec::new();
    for host in hosts(&args.place, scope, &root)? {
        let settings = host.settings(scope, &root);
        let command = command(&format!("hook --host {} --env {}", host.word(), args.environment))?;
        let look = match args.without_check {
            true => None,
            false => Some(self::command(&format!("look --host {}", host.word()))?),
        };
        let wanted = host.hooks(&command, look.as_deref());
        let before = read(&settings)?;
        let after = with_hooks(host, before.clone().unwrap_or_else(|| json!({})), &wanted)
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
        if let Some(look) = &look {
            prove_look(host, look)?;
        }
        done.push(Done {
            host: host.word(),
            settings,
            command,
            look,
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
        let after = without_hooks(before.clone()).map_err(|why| not_merged(&settings, why))?;
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
    let look = match &done.look {
        Some(_) => "\n  what a change brings is looked at too, and told to the agent before it stops",
        None => "",
    };
    format!(
        "{GOOD}{}{GOOD:#}: the hook {what} {path}, and refuses `{REFUSED}` when it is asked{look}\n  {}\n",
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

/// A command of this program, with its whole path: an agent may run with another `PATH`.
fn command(verb: &str) -> Result<String, Failure> {
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
    Ok(format!("{program} agent {verb}"))
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
        .any(|command| command.contains(" agent hook --host ") || command.contains(" agent look --host "))
}

/// The settings with these hooks in them and no other ones of safeguard's, and everything else as it was.
fn with_hooks(host: Host, settings: Value, wanted: &[(&str, Value)]) -> Result<Value, &'static str> {
    let mut settings = object(settings)?;
    if host.has_version() {
        settings.entry("version").or_insert(json!(1));
    }
    let mut hooks = object(settings.remove("hooks").unwrap_or_else(|| json!({})))?;
    for (event, entry) in wanted {
        let mut entries = list(hooks.remove(*event))?;
        match entries.iter().position(is_ours) {
            // In its place: the order of others' hooks may matter to them.
            Some(at) => {
                entries[at] = entry.clone();
                let mut first = true;
                entries.retain(|entry| !is_ours(entry) || std::mem::take(&mut first));
            }
            None => entries.push(entry.clone()),
        }
        hooks.insert((*event).to_owned(), Value::Array(entries));
    }
    take_out(&mut hooks, |event| {
        wanted.iter().all(|(wanted, _)| *wanted != event)
    });
    settings.insert("hooks".to_owned(), Value::Object(hooks));
    Ok(Value::Object(settings))
}

fn without_hooks(settings: Value) -> Result<Value, &'static str> {
    let mut settings = object(settings)?;
    let Some(hooks) = settings.remove("hooks") else {
        return Ok(Value::Object(settings));
    };
    let mut hooks = object(hooks)?;
    take_out(&mut hooks, |_| true);
    if !hooks.is_empty() {
        settings.insert("hooks".to_owned(), Value::Object(hooks));
    }
    Ok(Value::Object(settings))
}

/// Takes safeguard's hooks out of these events, and what is empty then.
fn take_out(hooks: &mut Map<String, Value>, of: impl Fn(&str) -> bool) {
    let events: Vec<String> = hooks.keys().filter(|event| of(event)).cloned().collect();
    for event in events {
        // What is no list of hooks is not ours.
        let Some(Value::Array(entries)) = hooks.get_mut(&event) else {
            continue;
        };
        let had = entries.len();
        entries.retain(|entry| !is_ours(entry));
        if entries.is_empty() && had > 0 {
            hooks.remove(&event);
        }
    }
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
    let asked = |about: &str| {
        ask(
            host,
            command,
            folder,
            &host.question(about, &folder.to_string_lossy()),
        )
    };
    let refused = asked(REFUSED)?;
    if !host.is_refusal(&refused) {
        return Err(
            Failure::refused(format!("the hook of {} did not refuse `{REFUSED}`", host.name()))
                .details(vec![format!("it answered {refused}")]),
        );
    }
    let allowed = asked(ALLOWED)?;
    if allowed != json!({}) {
        return Err(
            Failure::refused(format!("the hook of {} refuses everything", host.name()))
                .details(vec![format!("to `{ALLOWED}` it answered {allowed}")])
                .hint("look at `safeguard.toml`: a configuration that can not be read refuses every call"),
        );
    }
    Ok(())
}

/// Lets the command look at a change that is refused and at one that is not, in a repository that is made for it.
fn prove_look(host: Host, command: &str) -> Result<(), Failure> {
    const BAD: &str = "import os\nfrom flask import request\n\n\ndef ping():\n    os.system('ping ' + request.args['host'])\n";
    const GOOD: &str = "def ping():\n    return 'pong'\n";
    let trial = tempfile::tempdir().context("cannot make a folder to try the hook in")?;
    let folder = trial.path();
    let write =
        |name: &str, text: &str| fs::write(folder.join(name), text).context("cannot write a file to look at");
    write("ping.py", GOOD)?;
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=trial",
            "-c",
            "user.email=trial@localhost",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "--quiet",
            "--no-verify",
            "-m",
            "trial",
        ],
    ] {
        crate::git::git(folder, arguments)?;
    }
    let question = host.stopping(&folder.to_string_lossy());
    let silent = ask(host, command, folder, &question)?;
    write("ping.py", BAD)?;
    let objection = ask(host, command, folder, &question)?;
    let told = objection.to_string().contains("command-injection");
    if silent == json!({}) && told {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the hook of {} does not look at changes as it should",
        host.name()
    ))
    .details(vec![
        format!("without a change it answered {silent}"),
        format!("to one that is refused it answered {objection}"),
    ]))
}

fn ask(host: Host, command: &str, folder: &Path, question: &Value) -> Result<Value, Failure> {
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

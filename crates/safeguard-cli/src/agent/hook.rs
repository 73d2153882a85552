//! `safeguard agent hook`: answers an agent's question whether a tool may run.
//!
//! The judgement runs in a process of its own. Whatever becomes of it (a crash, an answer that never comes), the host gets a
//! refusal in its own words: most hosts run a call whose hook has failed.

use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardFinding, Principal};
use safeguard_guard::shell::{judge_read, judge_tool, judge_write};
use serde_json::{Value, json};

use super::HookArgs;
use super::ask::{Asked, folder};
use super::hosts::Host;
use super::question::{Act, Question, read};
use crate::args::Globals;
use crate::failure::Failure;
use crate::guard::policy;
use crate::output::Output;

/// A longer question is not read. Some hosts send the text of the file that is to be read or written.
const QUESTION_BYTES_MAX: u64 = 16 << 20;
/// Hosts wait for 30 s, and then some of them run the call.
const JUDGEMENT_LONGEST: Duration = Duration::from_secs(15);

/// Answers on stdout in the host's words. Where it is not known who asks, the refusal goes to stderr with exit code 2,
/// which every host takes for one.
pub fn hook(globals: &Globals, args: &HookArgs, output: &Output) -> Result<(), Failure> {
    let (host, answer) = answered(globals, args);
    match (host, answer) {
        (_, Ok(None)) => output.text("{}\n"),
        (Some(host), Ok(Some(reason))) => output.text(&format!("{}\n", host.refusal(&reason))),
        (Some(host), Err(error)) => output.text(&format!("{}\n", host.refusal(&failed(&error)))),
        (None, Ok(Some(reason))) => Err(Failure::undecided(reason)),
        (None, Err(error)) => Err(Failure::undecided(failed(&error))),
    }
}

fn failed(error: &anyhow::Error) -> String {
    format!("safeguard could not judge this call, and what is not judged does not run: {error:#}")
}

/// Who asks, where that can be told, and why the call does not run, if it does not.
fn answered(globals: &Globals, args: &HookArgs) -> (Option<Host>, anyhow::Result<Option<String>>) {
    let bytes = match question() {
        Ok(bytes) => bytes,
        Err(error) => return (args.host, Err(error)),
    };
    let question: Value = match serde_json::from_slice(&bytes) {
        Ok(question) => question,
        Err(error) => return (args.host, Err(anyhow!(error).context("the question is no JSON"))),
    };
    let host = args.host.or_else(|| Host::who_asks(&question));
    let Some(known) = host else {
        return (
            None,
            Err(anyhow!("it is not known which agent asks; say it with `--host`")),
        );
    };
    let answer = match args.alone {
        true => judged(globals, args, &question),
        false => elsewhere(globals, args, known, &bytes),
    };
    (host, answer)
}

fn question() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = std::io::stdin().lock().take(QUESTION_BYTES_MAX + 1);
    limited
        .read_to_end(&mut bytes)
        .context("cannot read the question")?;
    match bytes.len() as u64 > QUESTION_BYTES_MAX {
        true => Err(anyhow!("the question is longer than {QUESTION_BYTES_MAX} bytes")),
        false => Ok(bytes),
    }
}

/// Has another process judge, and takes its silence for a refusal.
fn elsewhere(
    globals: &Globals,
    args: &HookArgs,
    host: Host,
    question: &[u8],
) -> anyhow::Result<Option<String>> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut child = Command::new(program)
        .args([
            "agent",
            "hook",
            "--alone",
            "--host",
            host.word(),
            "--env",
            args.environment.as_str(),
        ])
        .arg("--config")
        .arg(&globals.config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the judgement")?;
    let id = child.id();
    let stdin = child.stdin.take();
    let question = question.to_vec();
    let (done, answer) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let written = stdin.map(|mut stdin| stdin.write_all(&question));
        let output = child.wait_with_output();
        // Whoever waited too long does not listen any more.
        drop(done.send(match written {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => output,
        }));
    });
    let output = answer.recv_timeout(JUDGEMENT_LONGEST).map_err(|_| {
        end(id);
        anyhow!("the judgement took longer than {} s", JUDGEMENT_LONGEST.as_secs())
    })?;
    let output = output.context("cannot hear the judgement")?;
    understood(host, output.status, &output.stdout)
}

fn end(id: u32) {
    let id = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    // It may have ended by itself.
    match id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::KILL)) {
        Some(Ok(()) | Err(_)) | None => {}
    }
}

fn understood(host: Host, status: ExitStatus, stdout: &[u8]) -> anyhow::Result<Option<String>> {
    let answer: Value = match status.success() {
        true => serde_json::from_slice(stdout).context("the judgement is no JSON")?,
        false => return Err(anyhow!("the judgement ended with {status}")),
    };
    if answer == json!({}) {
        return Ok(None);
    }
    // The words come back out of the host's form, to be put into it once more.
    let reason = [
        "/hookSpecificOutput/permissionDecisionReason",
        "/agent_message",
        "/reason",
        "/permissionDecisionReason",
    ];
    let reason = reason
        .iter()
        .find_map(|at| answer.pointer(at))
        .and_then(Value::as_str);
    match reason.filter(|_| host.is_refusal(&answer)) {
        Some(reason) => Ok(Some(reason.to_owned())),
        None => Err(anyhow!("the judgement is not understood")),
    }
}

fn judged(globals: &Globals, args: &HookArgs, question: &Value) -> anyhow::Result<Option<String>> {
    let question = read(question)?;
    let quiet = Output::new(true);
    let policy = policy(globals, &quiet).map_err(|failure| match failure {
        Failure::Refused(problem) | Failure::Undecided(problem) => anyhow!("{}", problem.title),
        Failure::Told | Failure::ToldUndecided => anyhow!("the configuration is refused"),
    })?;
    Ok(refused(args, &policy, &question).map(|finding| reason(&finding)))
}

fn refused(args: &HookArgs, policy: &GuardPolicy, question: &Question) -> Option<GuardFinding> {
    let asked = Asked {
        environment: args.environment,
        policy,
        folder: question.folder.clone().or_else(folder),
    };
    let asker = Asker {
        principal: Principal::Agent,
        environment: args.environment,
        frozen: false,
    };
    let by_name = judge_tool(&question.tool);
    by_name.or_else(|| {
        question.acts.iter().find_map(|act| match act {
            Act::Command(command) => asked.command(command).finding,
            Act::Read(path) => judge_read(path, asked.folder.as_deref()),
            Act::Write(path) => judge_write(path, asked.folder.as_deref()),
            // What a server of tools sends may well be measured on its way.
            Act::Sql(sql) => {
                let decision = safeguard_guard::judge(&safeguard_guard::read(sql), asker, policy);
                decision
                    .finding
                    .filter(|_| decision.decision == GuardAnswer::Deny)
            }
        })
    })
}

/// What the agent gets to read, and acts on.
fn reason(finding: &GuardFinding) -> String {
    format!(
        "{}\n{}\nInstead: {}. `safeguard guard rule {}` says more.",
        finding.message, finding.detail, finding.hint, finding.rule
    )
}

#[cfg(test)]
mod tests;

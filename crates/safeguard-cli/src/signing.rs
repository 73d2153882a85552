//! Signs statements by `ssh-keygen -Y sign`, which knows files, the agent and keys in hardware; no shell is between.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};
use safeguard_api::SshKey;
use safeguard_api::approval::{NAMESPACE, Signature, SignedStatement};

use crate::args::KeyArgs;
use crate::failure::Failure;

const ANSWER_BYTES_MAX: usize = 64;

/// Asks the person at the terminal; the word must be typed in full.
pub fn agreed(question: &str, word: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::refused("nobody is at a terminal to agree")
            .hint("run it in a terminal, or say `--yes` when you have read what it shows"));
    }
    eprint!("{question} Type `{word}` to sign: ");
    std::io::stderr().flush().context("cannot write to stderr")?;
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    if answer.len() <= ANSWER_BYTES_MAX && answer.trim() == word {
        return Ok(());
    }
    Err(Failure::refused("nothing was signed"))
}

/// Signs exactly these bytes, as an approval.
pub fn sign(text: &str, keys: &KeyArgs) -> Result<SignedStatement, Failure> {
    Ok(SignedStatement {
        text: text.to_owned(),
        signature: Signature::Ssh {
            signature: signature(text, keys, NAMESPACE)?,
        },
    })
}

/// Signs exactly these bytes for what `namespace` is about: it counts for nothing else.
pub fn signature(text: &str, keys: &KeyArgs, namespace: &str) -> Result<String, Failure> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let statement = folder.path().join("statement");
    std::fs::write(&statement, text).context("cannot write the statement")?;
    let key = match &keys.key {
        Some(key) => key.clone(),
        None => from_agent(folder.path())?,
    };
    // Questions of the program itself, such as for a passphrase or a touch, go to the terminal.
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(&key)
        .arg(&statement)
        .stdout(Stdio::null())
        .status()
        .context("cannot run ssh-keygen; Debian has it in `openssh-client`")?;
    if !signed.success() {
        return Err(
            Failure::refused(format!("ssh-keygen did not sign with `{}`", key.display()))
                .hint("name another key with `--key FILE`, or unlock this one with `ssh-add`"),
        );
    }
    let signature =
        std::fs::read_to_string(statement.with_extension("sig")).context("ssh-keygen left no signature")?;
    Ok(signature)
}

/// The first key of the agent that may sign, written where ssh-keygen finds it.
fn from_agent(folder: &Path) -> Result<PathBuf, Failure> {
    let none = || {
        Failure::refused("the agent holds no key that can sign approvals")
            .hint("name one with `--key ~/.ssh/id_ed25519`, or run `ssh-add`")
    };
    let listed = Command::new("ssh-add")
        .arg("-L")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .context("cannot run ssh-add; Debian has it in `openssh-client`")?;
    let listed = String::from_utf8(listed.stdout).map_err(|_| anyhow!("what ssh-add says is not UTF-8"))?;
    let key = listed
        .lines()
        .find(|line| line.parse::<SshKey>().is_ok())
        .ok_or_else(none)?;
    let path = folder.join("key.pub");
    std::fs::write(&path, format!("{key}\n")).context("cannot write the public key")?;
    Ok(path)
}

/// Takes out what a terminal would obey: the text may be an AI tool's.
pub fn printable(text: &str) -> String {
    let obeyed = |c: &char| {
        c.is_control() && *c != '\n' && *c != '\t'
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    text.chars()
        .map(|c| if obeyed(&c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_told_what_to_do() {
        assert_eq!(
            printable("a\u{1b}[2Jb\n\tc\u{202e}d\r"),
            "a\u{fffd}[2Jb\n\tc\u{fffd}d\u{fffd}"
        );
    }
}

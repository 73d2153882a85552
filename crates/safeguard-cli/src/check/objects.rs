//! Git's objects, from one process that stays to be asked: starting one takes longer than most of what it is asked for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, bail, ensure};

/// A `git cat-file --batch`, begun by the first question. It ends when this is dropped.
#[derive(Debug)]
pub struct Objects {
    folder: PathBuf,
    /// None before the first question, and after one that failed.
    kept: Mutex<Option<Pipes>>,
    /// What git said of objects that it can not read: to whoever asked, they look as if they were not there.
    complaints: Mutex<String>,
}

/// How much is kept of what git complains of.
const WORDS_BYTES_MAX: u64 = 4_096;

#[derive(Debug)]
struct Pipes {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
    /// Reads what it complains of, so that it never waits for that to be read; keeps the beginning.
    words: JoinHandle<String>,
}

#[derive(Debug)]
struct Object {
    id: String,
    bytes: Vec<u8>,
}

impl Objects {
    /// Those of the repository that a folder is in. Whether it is in one, the first question tells.
    pub fn of(folder: &Path) -> Objects {
        Objects {
            folder: folder.to_owned(),
            kept: Mutex::new(None),
            complaints: Mutex::default(),
        }
    }

    /// The contents of what has these names, such as an id or `COMMIT:PATH`. What is longer than a limit is cut behind it.
    pub fn texts(&self, names: &[&str], bytes_max: usize) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        Ok(self
            .ask("blob", names, bytes_max)?
            .into_iter()
            .map(|(name, object)| (name, object.bytes))
            .collect())
    }

    /// The ids of the commits that have these names.
    pub fn commits(&self, names: &[&str]) -> anyhow::Result<BTreeMap<String, String>> {
        Ok(self
            .ask("commit", names, 0)?
            .into_iter()
            .map(|(name, object)| (name, object.id))
            .collect())
    }

    /// What could not be read of all that was asked for, if anything; ends the process.
    pub fn damaged(&self) -> Option<String> {
        let pipes = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pipes) = pipes {
            // It is among the complaints.
            let _words = self.end(pipes);
        }
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        // What is wrong is one line, and of what another.
        let first: Vec<&str> = complaints.lines().take(2).collect();
        (!first.is_empty()).then(|| format!("git cat-file: {}", first.join("; ")))
    }

    /// Ends a process. Returns what it complained of.
    fn end(&self, pipes: Pipes) -> Option<String> {
        let words = pipes.last_words();
        let is_error = |line: &&str| line.starts_with("error: ") || line.starts_with("fatal: ");
        let errors: String = words
            .lines()
            .filter(is_error)
            .map(|line| format!("{line}\n"))
            .collect();
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.push_str(&errors);
        (!words.is_empty()).then(|| format!("git cat-file: {words}"))
    }

    /// Objects of one kind by name; those that there are not, or of another kind, are left out.
    fn ask(&self, kind: &str, names: &[&str], bytes_max: usize) -> anyhow::Result<BTreeMap<String, Object>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Who failed within an answer would read its rest as the next one: each begins anew after that.
        let mut pipes = match kept.take() {
            Some(pipes) => pipes,
            None => Pipes::open(&self.folder)?,
        };
        match pipes.ask(kind, names, bytes_max) {
            Ok(answer) => {
                *kept = Some(pipes);
                Ok(answer)
            }
            Err(error) => match self.end(pipes) {
                Some(why) => Err(error.context(why)),
                None => Err(error),
            },
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipes) = kept.take() {
            pipes.last_words();
        }
    }
}

impl Pipes {
    fn open(folder: &Path) -> anyhow::Result<Pipes> {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run git")?;
        let ask = child.stdin.take().context("git has no input")?;
        let told = BufReader::new(child.stdout.take().context("git has no output")?);
        let mut complains = child.stderr.take().context("git has no voice")?;
        let words = std::thread::spawn(move || {
            let mut words = Vec::new();
            // What can not be read of it is not told; the rest is passed over.
            let _read = complains.by_ref().take(WORDS_BYTES_MAX).read_to_end(&mut words);
            let _passed = std::io::copy(&mut complains, &mut std::io::sink());
            String::from_utf8_lossy(&words).trim().to_owned()
        });
        Ok(Pipes {
            child,
            ask,
            told,
            words,
        })
    }

    fn ask(
        &mut self,
        kind: &str,
        names: &[&str],
        bytes_max: usize,
    ) -> anyhow::Result<BTreeMap<String, Object>> {
        // A line's end in a name would be a question of its own.
        let names: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !name.contains('\n'))
            .collect();
        let asked: String = names.iter().map(|name| format!("{name}\n")).collect();
        let Pipes { child, ask, told, .. } = self;
        std::thread::scope(|scope| {
            // Git answers while it is asked; who only asks would wait for ever.
            let asking = scope.spawn(move || ask.write_all(asked.as_bytes()));
            let mut found = BTreeMap::new();
            for name in names {
                let answer = answer(told, kind, bytes_max).inspect_err(|_| {
                    // It may wait for its answers to be read, and who asks for it; that it has ended before, is as well.
                    let _killed = child.kill();
                })?;
                found.extend(answer.map(|object| (name.to_owned(), object)));
            }
            asking
                .join()
                .map_err(|_| anyhow::anyhow!("cannot ask git"))?
                .context("cannot ask git")?;
            Ok(found)
        })
    }

    /// Ends it, and returns what it complained of.
    fn last_words(self) -> String {
        let Pipes {
            mut child,
            ask,
            told,
            words,
        } = self;
        drop((ask, told));
        // It ends since it is asked no more; how, says nothing.
        let _ended = child.wait();
        words.join().unwrap_or_default()
    }
}

/// One answer: `ID KIND SIZE` with the content, or `NAME missing` (also `ambiguous`).
fn answer(told: &mut impl BufRead, kind: &str, bytes_max: usize) -> anyhow::Result<Option<Object>> {
    let mut head = String::new();
    told.read_line(&mut head).context("cannot read from git")?;
    let head = head.trim_end();
    ensure!(!head.is_empty(), "git ends before it has answered");
    if head.ends_with(" missing") || head.ends_with(" ambiguous") {
        return Ok(None);
    }
    let parts: Vec<&str> = head.split(' ').collect();
    let &[id, its_kind, size] = parts.as_slice() else {
        bail!("git cat-file says `{head}`, which is not understood");
    };
    let size: usize = size.parse().context("git tells no size")?;
    let mut bytes = vec![0; size.min(bytes_max + 1)];
    told.read_exact(&mut bytes).context("git ends within an object")?;
    let rest = (size - bytes.len()) as u64 + 1;
    let passed = std::io::copy(&mut told.by_ref().take(rest), &mut std::io::sink());
    ensure!(
        passed.context("cannot read from git")? == rest,
        "git ends within an object"
    );
    let id = id.to_owned();
    Ok((its_kind == kind).then_some(Object { id, bytes }))
}

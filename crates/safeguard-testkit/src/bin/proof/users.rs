//! The load process of one walk: told what to do once, asked what it saw whenever we like.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::Context as _;

use crate::child;
use crate::load::Order;
use crate::load::counts::Counts;

pub const ROLE: &str = "--role-load";
const ANSWER_LONGEST: Duration = Duration::from_secs(20);

pub struct Users {
    process: Child,
    ask: ChildStdin,
    answers: Receiver<String>,
}

impl Users {
    pub fn set_out(order: &Order) -> anyhow::Result<Users> {
        // It ends with its standard input.
        let mut process = child::ourselves()
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the load")?;
        let mut ask = process.stdin.take().context("standard input was not piped")?;
        let said = process.stdout.take().context("standard output was not piped")?;
        writeln!(ask, "{}", serde_json::to_string(order)?)?;
        let (tell, answers) = sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Users {
            process,
            ask,
            answers,
        })
    }

    /// What they have seen so far, by place.
    pub fn counts(&mut self) -> anyhow::Result<BTreeMap<String, Counts>> {
        writeln!(self.ask, "counts").context("the load has ended")?;
        let line = self.answers.recv_timeout(ANSWER_LONGEST);
        let line = line.context("the load does not answer")?;
        serde_json::from_str(&line).context("the load's answer can not be read")
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        if let Err(error) = child::end(&mut self.process) {
            eprintln!("cannot end the load: {error}");
        }
    }
}

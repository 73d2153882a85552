//! Messages of the server: told to whom they answer, and passed on in pieces.

use super::frame::{HEAD_BYTES, Head, take_text};
use super::own::is_fatal;
use super::refusal::Refusal;
use super::replies::{Asked, Expected};
use super::session::{Copying, End, Session, Step, Through};
use super::transaction::{Block, is_chained};

/// Messages that have to be seen whole are never longer than this.
const WHOLE_BYTES_MAX: usize = 64 << 10;

/// An answer to the proxy's own question that is longer is not read.
const OWN_BYTES_MAX: usize = 1 << 20;

/// What the server says when it has forgotten all prepared statements.
const FORGETS: &[&[u8]] = &[b"DISCARD ALL\0", b"DEALLOCATE ALL\0"];

impl Session {
    /// Takes the next message, or what is there of one that only passes.
    pub fn server_message(&mut self, bytes: &[u8]) -> Result<Step, End> {
        if self.from_server.left() > 0 {
            return Ok(Step::Taken(self.from_server.take(bytes, &mut self.client.output)));
        }
        let Some(head) = Head::read(bytes)? else {
            return Ok(Step::More(HEAD_BYTES));
        };
        let is_own = self.transaction.is_asking;
        let is_whole = match head.tag {
            b'S' | b'Z' | b'C' => true,
            b'E' => is_own || head.body <= WHOLE_BYTES_MAX,
            b'A' => false,
            _ => is_own,
        };
        if is_own && head.tag == b'D' && head.body > OWN_BYTES_MAX {
            self.own_row_unread();
            self.from_server = Through::Drop(head.whole());
            return Ok(Step::Taken(self.from_server.take(bytes, &mut self.client.output)));
        }
        // What a statement returns is nobody's question, and how many parameters it may have is the client's choice.
        if is_own && (head.tag == b'T' || head.tag == b't' && head.body > WHOLE_BYTES_MAX) {
            self.own_message(head.tag, &[])?;
            self.from_server = Through::Drop(head.whole());
            return Ok(Step::Taken(self.from_server.take(bytes, &mut self.client.output)));
        }
        let is_row = is_own && head.tag == b'D';
        if is_whole && !is_row && head.body > WHOLE_BYTES_MAX {
            return Err(End::protocol("the server's answer is too long for its kind"));
        }
        let message = if is_whole {
            bytes.get(..head.whole())
        } else {
            Some(&[][..])
        };
        let Some(message) = message else {
            return Ok(Step::More(head.whole()));
        };
        if matches!(head.tag, b'D' | b'd') && !is_own {
            self.returns(head.body);
        }
        match head.tag {
            b'S' => self.parameter(message)?,
            b'E' if is_whole && is_fatal(message) => {
                self.last_word = true;
                return Ok(self.pass(head, bytes));
            }
            // Notices about the proxy's own questions are nobody's.
            b'N' if is_own => return Ok(Step::Taken(head.whole())),
            b'A' | b'N' => return Ok(self.pass(head, bytes)),
            tag if is_own => {
                self.own_message(tag, message)?;
                return Ok(Step::Taken(head.whole()));
            }
            b'E' => return Ok(self.error(head, bytes)),
            b'Z' => {
                self.ready(message)?;
                return Ok(Step::Taken(head.whole()));
            }
            b'C' if self.ends_wrapped_query() && !self.meter.is_cut() => {
                self.flush_held();
                self.held.extend_from_slice(message);
                return Ok(Step::Taken(head.whole()));
            }
            tag => self.answer(tag)?,
        }
        if FORGETS.contains(&message.get(HEAD_BYTES..).unwrap_or(&[])) {
            self.statements.forget_all(true);
        }
        if self.meter.is_cut() && head.tag != b'S' {
            return Ok(self.cut(head, bytes));
        }
        self.flush_held();
        Ok(self.pass(head, bytes))
    }

    fn pass(&mut self, head: Head, bytes: &[u8]) -> Step {
        self.from_server = Through::Pass(head.whole());
        Step::Taken(self.from_server.take(bytes, &mut self.client.output))
    }

    /// Drops what belongs to a statement that returned too much.
    fn cut(&mut self, head: Head, bytes: &[u8]) -> Step {
        let ended = matches!(head.tag, b'C' | b'I' | b's');
        let front = self.replies.front().map(|front| &front.asked);
        if ended && !matches!(front, Some(Asked::Query(_))) {
            self.cut_executed();
        }
        self.from_server = Through::Drop(head.whole());
        Step::Taken(self.from_server.take(bytes, &mut self.client.output))
    }

    /// Whether the end of a statement may be the end of the proxy's transaction, which is not told before it is committed.
    fn ends_wrapped_query(&self) -> bool {
        let is_query = matches!(
            self.replies.front(),
            Some(Expected {
                asked: Asked::Query(_),
                refusal: None,
                ..
            })
        );
        is_query && self.transaction.is_ending
    }

    /// Settings that would have statements read otherwise than they were judged.
    fn parameter(&self, message: &[u8]) -> Result<(), End> {
        let mut body = message.get(HEAD_BYTES..).unwrap_or(&[]);
        let (name, value) = (take_text(&mut body), take_text(&mut body));
        match (name, value) {
            (Some(b"client_encoding"), Some(b"UTF8"))
            | (Some(b"standard_conforming_strings"), Some(b"on")) => Ok(()),
            (Some(name @ (b"client_encoding" | b"standard_conforming_strings")), _) => {
                let name = String::from_utf8_lossy(name);
                Err(End::Told(Box::new(Refusal::new(
                    "0A000",
                    format!(
                        "the server changed `{name}`, by which statements are read otherwise than they were judged"
                    ),
                    "leave `client_encoding` at UTF8 and `standard_conforming_strings` on",
                ))))
            }
            (Some(_), Some(_)) => Ok(()),
            _ => Err(End::protocol("the server told a setting that is none")),
        }
    }

    fn error(&mut self, head: Head, bytes: &[u8]) -> Step {
        if self.copying == Copying::Active {
            self.copying = Copying::Failed;
        }
        self.flush_held();
        let front = self.replies.front_mut();
        let refusal = front.as_ref().and_then(|front| front.refusal.clone());
        let refusal = refusal.or_else(|| self.meter.take_instead_of(bytes));
        self.meter.answered(false);
        let goes_on = match front {
            Some(front) => {
                front.failed = true;
                matches!(front.asked, Asked::Query(_) | Asked::Sync)
            }
            None => true,
        };
        if !goes_on {
            for dropped in self.replies.skip() {
                self.dropped(dropped);
            }
            if self.replies.is_skipping() {
                // A simple query among what is dropped ends nothing: only a Sync does.
                self.transaction.is_ending = false;
                self.mid_batch = true;
            }
        }
        match refusal {
            Some(refusal) => {
                refusal.write(&mut self.client.output);
                self.from_server = Through::Drop(head.whole());
                Step::Taken(self.from_server.take(bytes, &mut self.client.output))
            }
            None => self.pass(head, bytes),
        }
    }

    /// Takes back what the server was asked to take under a name, and did not.
    fn dropped(&mut self, expected: Expected) {
        let is_refused = expected.refusal.is_some();
        match expected.asked {
            Asked::Parse { name, .. } if !is_refused => self.statements.reject(&name),
            Asked::Bind { portal } if !is_refused => self.portals.reject(&portal),
            Asked::Parse { .. }
            | Asked::Bind { .. }
            | Asked::Query(_)
            | Asked::Describe
            | Asked::Execute { .. }
            | Asked::Close { .. }
            | Asked::Sync
            | Asked::Own(_) => {}
        }
    }

    fn ready(&mut self, message: &[u8]) -> Result<(), End> {
        let status = message.last().copied().unwrap_or_default();
        let block =
            Block::from_status(status).ok_or_else(|| End::protocol("the server is in no known state"))?;
        let Some(expected) = self.replies.pop() else {
            return Err(End::protocol("the server is ready again unasked"));
        };
        let ends = match &expected.asked {
            Asked::Sync => block == Block::Idle,
            Asked::Query(facts) => {
                // A simple query drops the statement without a name.
                self.statements.forget(b"");
                self.estimates.forget(b"");
                if !expected.failed {
                    self.transaction.ran(facts);
                }
                // Only a refusal answers with an error alone: anything else was run.
                if expected.refusal.is_some() && !expected.failed {
                    return Err(End::protocol("the server ran what was refused"));
                }
                block == Block::Idle || (!expected.failed && is_chained(facts))
            }
            _ => return Err(End::protocol("the server is ready before it has answered")),
        };
        self.copying = match self.copying {
            Copying::Active => Copying::No,
            other => other,
        };
        if self.meter.is_cut() {
            if ends {
                self.transaction.over(block);
            }
            return self.cut_ready(block);
        }
        self.meter.answered(block == Block::Idle);
        if self.transaction.is_ending {
            self.transaction.block = block;
            self.end_wrapped(status);
            return Ok(());
        }
        self.flush_held();
        self.client.output.extend_from_slice(message);
        if ends {
            self.transaction.over(block);
        }
        self.transaction.block = block;
        if block == Block::Idle {
            self.portals.forget_all(false);
        }
        Ok(())
    }

    /// Any other answer: takes off what it ends, and notes what the server took.
    fn answer(&mut self, tag: u8) -> Result<(), End> {
        let front = self.replies.front();
        if front.is_some_and(|front| front.refusal.is_some()) {
            return Err(End::protocol("the server took what was refused"));
        }
        let asked = front.map(|front| &front.asked);
        let ends = match (tag, asked) {
            (b'1', Some(Asked::Parse { .. }))
            | (b'2', Some(Asked::Bind { .. }))
            | (b'3', Some(Asked::Close { .. }))
            | (b'T' | b'n', Some(Asked::Describe))
            | (b'C' | b'I' | b's', Some(Asked::Execute { .. })) => true,
            (b't', Some(Asked::Describe))
            | (b'D' | b'H' | b'd' | b'c', Some(Asked::Execute { .. }))
            | (b'T' | b'D' | b'C' | b'I' | b'H' | b'd' | b'c' | b'V', Some(Asked::Query(_))) => false,
            (b'G', Some(Asked::Query(_) | Asked::Execute { .. })) => {
                if self.meter.is_cut() {
                    return Err(self.cut_copying());
                }
                if matches!(asked, Some(Asked::Execute { .. })) {
                    self.transaction.is_ending = false;
                    self.mid_batch = true;
                }
                self.replies.drop_syncs_of_copy();
                self.copying = Copying::Active;
                false
            }
            _ => {
                return Err(End::protocol(format!(
                    "the server answers `{}` to something else",
                    tag.escape_ascii()
                )));
            }
        };
        if !ends {
            return Ok(());
        }
        match self.replies.pop().map(|expected| expected.asked) {
            Some(Asked::Parse { name, prepared }) => {
                self.statements.confirm(&name);
                self.estimates.confirm(name, prepared);
            }
            Some(Asked::Bind { portal }) => {
                self.meter.forget(&portal);
                self.portals.confirm(&portal);
            }
            Some(Asked::Close { kind: b'S', name }) => {
                self.statements.forget(&name);
                self.estimates.forget(&name);
            }
            Some(Asked::Close { name, .. }) => {
                self.meter.forget(&name);
                self.portals.forget(&name);
            }
            Some(Asked::Execute { portal, candidates }) => {
                self.meter.executed(portal, tag == b's', &self.portals);
                for facts in candidates.iter().filter(|_| tag == b'C') {
                    self.transaction.ran(facts);
                    self.transaction.stepped(&facts.steps);
                    self.meter.stepped(&facts.steps);
                }
            }
            Some(Asked::Describe | Asked::Query(_) | Asked::Sync | Asked::Own(_)) | None => {}
        }
        Ok(())
    }
}

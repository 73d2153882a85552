//! Messages of the client: judged, and sent on or replaced by what can only fail.
//!
//! A refused message is replaced and not left out: the server's own error then ends what an error has to end, the rest of
//! the batch and of the transaction included.

use std::sync::Arc;

use safeguard_api::guard::StatementClass;
use safeguard_api::statement::REQUEST_TEXT_BYTES_MAX;
use safeguard_guard::{Act, Facts, Run, STATEMENT_BYTES_MAX};

use super::approval;

use super::course::{Course, Form, name_too_long, reserved, unknown_portal, unknown_statement};
use super::estimate::{self, Bound, PARAMETERS_BYTES_MAX, Prepared, Words};
use super::frame::{self, HEAD_BYTES, Head, take_text};
use super::names::Candidates;
use super::own::RESERVED;
use super::refusal::{NOT_SUPPORTED, Refusal};
use super::replies::{Asked, Expected};
use super::session::{Copying, End, Session, Step, Through};

/// Names, and the numbers of a statement's parameters, beside its text.
const BESIDE_TEXT_BYTES_MAX: usize = 300 << 10;
/// Names at the beginning of a message that is not read further.
const NAMES_BYTES_MAX: usize = 4 << 10;
/// PostgreSQL takes names that begin with the same so many bytes for one another.
const NAME_BYTES_MAX: usize = 63;
/// No version of PostgreSQL understands it.
pub const REFUSED_SQL: &str = "refused by safeguard";
pub const REFUSED_NAME: &[u8] = b"safeguard:refused";

impl Session {
    /// Takes the next message, or what is there of one that only passes.
    pub fn client_message(&mut self, bytes: &[u8]) -> Result<Step, End> {
        if self.from_client.left() > 0 {
            return Ok(Step::Taken(self.from_client.take(bytes, &mut self.server.output)));
        }
        let Some(head) = Head::read(bytes)? else {
            return Ok(Step::More(HEAD_BYTES));
        };
        if let Some(step) = self.copy_message(head, bytes)? {
            return Ok(step);
        }
        if self.replies.is_skipping() && !matches!(head.tag, b'S' | b'X') {
            // The server would drop it unread. It is dropped here, so that nothing rests on that.
            self.from_client = Through::Drop(head.whole());
            return Ok(Step::Taken(self.from_client.take(bytes, &mut self.server.output)));
        }
        if self.must_hold(head.tag) {
            return Ok(Step::Wait);
        }
        let needed = match head.tag {
            // What it is bound to has a say in what it will cost.
            b'B' if self.limits_cost() => head.body.min(PARAMETERS_BYTES_MAX + NAMES_BYTES_MAX),
            _ => needed(head)?,
        };
        let Some(body) = bytes.get(HEAD_BYTES..HEAD_BYTES + needed) else {
            return Ok(Step::More(HEAD_BYTES + needed));
        };
        self.door.counters.message();
        match head.tag {
            b'Q' => self.query(head, body, bytes),
            b'P' => self.parse(head, body, bytes),
            b'B' => self.bind(head, body, bytes),
            b'E' => self.execute(head, body, bytes),
            b'F' => Ok(self.function_call(head, bytes)),
            b'X' => {
                self.send(head, bytes);
                self.left = true;
                Ok(Step::Taken(head.whole()))
            }
            b'S' => {
                self.send(head, bytes);
                self.mid_batch = false;
                self.begun = false;
                self.expect(Asked::Sync, None);
                self.statements.end_batch();
                self.portals.end_batch();
                self.transaction.is_ending = self.transaction.is_wrapped;
                Ok(Step::Taken(head.whole()))
            }
            b'H' => {
                self.send(head, bytes);
                self.flushed = true;
                Ok(Step::Taken(head.whole()))
            }
            tag => {
                let asked = match (tag, body.split_first()) {
                    (b'C', Some((&kind, mut rest))) => {
                        let name = take_text(&mut rest).ok_or_else(malformed)?.to_vec();
                        Asked::Close { kind, name }
                    }
                    (b'D', Some(_)) => Asked::Describe,
                    _ => return Err(malformed()),
                };
                self.send(head, bytes);
                self.mid_batch = true;
                self.expect(asked, None);
                Ok(Step::Taken(head.whole()))
            }
        }
    }

    /// Messages of COPY, and whatever comes while rows are taken; none when the message is to be seen as any other.
    fn copy_message(&mut self, head: Head, bytes: &[u8]) -> Result<Option<Step>, End> {
        let ends = match head.tag {
            b'd' => false,
            b'c' | b'f' => true,
            b'H' | b'X' => return Ok(None),
            _ if self.copying == Copying::Active => {
                return Err(End::protocol(
                    "rows of a COPY were awaited, and something else came",
                ));
            }
            _ => {
                self.copying = Copying::No;
                return Ok(None);
            }
        };
        let through = match self.copying {
            Copying::Active => Through::Pass(head.whole()),
            // The server gave up, and drops these.
            Copying::Failed => Through::Drop(head.whole()),
            Copying::No if self.replies.is_skipping() => Through::Drop(head.whole()),
            Copying::No if self.replies.is_empty() && !self.mid_batch => Through::Drop(head.whole()),
            Copying::No => {
                return Err(End::protocol(
                    "rows of a COPY came before the server asked for them",
                ));
            }
        };
        if ends {
            self.copying = Copying::No;
        }
        self.from_client = through;
        Ok(Some(Step::Taken(
            self.from_client.take(bytes, &mut self.server.output),
        )))
    }

    fn query(&mut self, head: Head, body: &[u8], bytes: &[u8]) -> Result<Step, End> {
        let (sql, facts) = match (body.len() == head.body, body.split_last()) {
            (true, Some((0, sql))) => (sql, self.facts(sql)),
            (false, _) => (&[][..], too_long(head)),
            (true, _) => return Err(malformed()),
        };
        let (code, text) = std::str::from_utf8(sql).map_or((None, ""), approval::split);
        let course = match reserved_name(&facts) {
            Some(name) => Course::Refuse(Box::new(reserved(name.as_bytes()))),
            None => match self.approved_course(&facts, code, Form::Query, Words::Query(text)) {
                Some(course) => course,
                None => self.course(std::slice::from_ref(&facts), Form::Query, Words::Query(text)),
            },
        };
        match course {
            Course::Wait => Ok(Step::Wait),
            Course::Answered => Ok(self.past(head, body.len())),
            Course::Forward => {
                self.prepares(&facts);
                self.approvals.set(&facts);
                self.expect_query(facts, None);
                Ok(self.pass_on(head, bytes))
            }
            Course::Refuse(refusal) => {
                self.refused_query(facts, refusal);
                Ok(self.past(head, body.len()))
            }
        }
    }

    fn refused_query(&mut self, facts: Arc<Facts>, refusal: Box<Refusal>) {
        frame::query(&mut self.server.output, REFUSED_SQL);
        self.expect_query(facts, Some(refusal));
    }

    fn expect_query(&mut self, facts: Arc<Facts>, refusal: Option<Box<Refusal>>) {
        self.expect(Asked::Query(facts), refusal);
        self.mid_batch = false;
        self.begun = false;
        self.transaction.is_ending = self.transaction.is_wrapped;
    }

    fn parse(&mut self, head: Head, body: &[u8], bytes: &[u8]) -> Result<Step, End> {
        let mut rest = body;
        let name = take_text(&mut rest).ok_or_else(malformed)?;
        let (sql, facts) = match (body.len() == head.body, take_text(&mut rest)) {
            (true, Some(sql)) => (sql, self.facts(sql)),
            (false, _) => (&[][..], too_long(head)),
            (true, None) => return Err(malformed()),
        };
        let words = std::str::from_utf8(sql).map_or(Words::None, Words::Parsed);
        let all = std::slice::from_ref(&facts);
        let course = match unusable(name) {
            Some(refusal) => Course::Refuse(Box::new(refusal)),
            None => self.course(all, Form::Parse, words),
        };
        self.mid_batch |= !matches!(course, Course::Wait | Course::Answered);
        let mut asked = Asked::Parse {
            name: name.to_vec(),
            prepared: None,
        };
        match course {
            Course::Wait | Course::Answered => Ok(Step::Wait),
            Course::Forward => {
                let reads = facts.acts.iter().all(|act| act.class == StatementClass::Read);
                if let Asked::Parse { prepared, .. } = &mut asked
                    && (self.limits_cost() || !reads && self.is_decided_when_bound(all, words))
                {
                    *prepared = Prepared::read(body).map(Arc::new);
                }
                self.expect(asked, None);
                self.statements.propose(name, Arc::new([facts]));
                Ok(self.pass_on(head, bytes))
            }
            Course::Refuse(refusal) => {
                frame::parse(&mut self.server.output, name, REFUSED_SQL);
                self.expect(asked, Some(refusal));
                Ok(self.past(head, body.len()))
            }
        }
    }

    fn bind(&mut self, head: Head, body: &[u8], bytes: &[u8]) -> Result<Step, End> {
        let mut rest = body;
        let portal = take_text(&mut rest).ok_or_else(malformed)?;
        let statement = take_text(&mut rest).ok_or_else(malformed)?;
        let prepared = self.estimates.of(statement);
        // Somebody may have to read the values.
        let readable = head.body.min(NAMES_BYTES_MAX + REQUEST_TEXT_BYTES_MAX);
        let mut body = body;
        if prepared.is_some() && body.len() < readable {
            let Some(seen) = bytes.get(HEAD_BYTES..HEAD_BYTES + readable) else {
                return Ok(Step::More(HEAD_BYTES + readable));
            };
            rest = seen.get(body.len() - rest.len()..).ok_or_else(malformed)?;
            body = seen;
        }
        let candidates = self.statements.candidates(statement);
        let course = if let Some(refusal) = unusable(portal) {
            Course::Refuse(Box::new(refusal))
        } else if candidates.is_empty() && !self.door.observes {
            Course::Refuse(Box::new(unknown_statement(statement)))
        } else {
            let words = Words::Bound(Bound {
                statement,
                prepared: prepared.as_deref(),
                values: estimate::parameters(rest, body.len() == head.body),
            });
            let code = prepared
                .as_deref()
                .and_then(|prepared| approval::split(&prepared.text).0);
            let approved = match &*candidates {
                [facts] => self.approved_course(facts, code, Form::Bind, words),
                _ => None,
            };
            match approved {
                Some(course) => course,
                None => self.course(&candidates, Form::Bind, words),
            }
        };
        self.mid_batch |= !matches!(course, Course::Wait | Course::Answered);
        let asked = Asked::Bind {
            portal: portal.to_vec(),
        };
        match course {
            Course::Wait | Course::Answered => Ok(Step::Wait),
            Course::Forward => {
                self.expect(asked, None);
                self.begun = true;
                self.permit_portal(portal);
                self.portals.propose(portal, candidates);
                // Its parameters may be as large as they like.
                Ok(self.pass_on(head, bytes))
            }
            Course::Refuse(refusal) => {
                frame::bind(&mut self.server.output, REFUSED_NAME, REFUSED_NAME);
                self.expect(asked, Some(refusal));
                Ok(self.past(head, body.len()))
            }
        }
    }

    fn execute(&mut self, head: Head, body: &[u8], bytes: &[u8]) -> Result<Step, End> {
        let mut rest = body;
        let portal = take_text(&mut rest).ok_or_else(malformed)?;
        let candidates: Candidates = self.portals.candidates(portal);
        self.meter.executes(portal);
        let course = if candidates.is_empty() && !self.door.observes {
            Course::Refuse(Box::new(unknown_portal(portal)))
        } else {
            match self.permitted_execution(portal, &candidates) {
                Some(course) => course,
                None => self.course(&candidates, Form::Execute, Words::None),
            }
        };
        let refusal = match course {
            Course::Wait => return Ok(Step::Wait),
            Course::Answered => {
                self.begun = true;
                return Ok(Step::Taken(head.whole()));
            }
            Course::Forward => {
                for facts in &*candidates {
                    self.approvals.set(facts);
                    self.prepares(facts);
                }
                self.send(head, bytes);
                None
            }
            Course::Refuse(refusal) => {
                frame::execute(&mut self.server.output, REFUSED_NAME);
                Some(refusal)
            }
        };
        self.mid_batch = true;
        self.begun = true;
        let portal = portal.to_vec();
        self.expect(Asked::Execute { portal, candidates }, refusal);
        Ok(Step::Taken(head.whole()))
    }

    /// Notes what SQL itself prepares.
    fn prepares(&mut self, facts: &Arc<Facts>) {
        for name in &facts.prepares {
            self.statements.add(name.as_bytes(), facts);
            self.estimates.forget(name.as_bytes());
        }
    }

    fn function_call(&mut self, head: Head, bytes: &[u8]) -> Step {
        let facts = Arc::new(Facts::not_understood("calls a function by its number"));
        if matches!(
            self.course(std::slice::from_ref(&facts), Form::Query, Words::None),
            Course::Forward
        ) {
            self.expect_query(facts, None);
            return self.pass_on(head, bytes);
        }
        let refusal = Refusal::new(
            NOT_SUPPORTED,
            "function calls by number are not let through",
            "call the function in a statement: `SELECT function(…)`",
        );
        self.refused_query(facts, Box::new(refusal));
        self.past(head, 0)
    }

    /// What the text of the message does that is decided about. One that waits is not read anew.
    fn facts(&mut self, sql: &[u8]) -> Arc<Facts> {
        if let Some(facts) = &self.facts {
            return Arc::clone(facts);
        }
        let facts = self.facts_of(sql);
        self.facts = Some(Arc::clone(&facts));
        facts
    }

    /// What any text does.
    pub fn facts_of(&self, sql: &[u8]) -> Arc<Facts> {
        match std::str::from_utf8(sql) {
            Ok(sql) => self.in_this_session(self.door.texts.read(sql)),
            Err(_) => Arc::new(Facts::not_understood("is not UTF-8")),
        }
    }

    fn send(&mut self, head: Head, bytes: &[u8]) {
        let whole = bytes.get(..head.whole()).unwrap_or(bytes);
        self.server.output.extend_from_slice(whole);
    }

    /// Passes a message on, now as much of it as there is.
    fn pass_on(&mut self, head: Head, bytes: &[u8]) -> Step {
        self.from_client = Through::Pass(head.whole());
        Step::Taken(self.from_client.take(bytes, &mut self.server.output))
    }

    /// Notes what was sent.
    fn expect(&mut self, asked: Asked, refusal: Option<Box<Refusal>>) {
        self.flushed = false;
        self.replies.push(Expected {
            asked,
            refusal,
            failed: false,
        });
    }

    /// Drops what is left of a message that was replaced.
    fn past(&mut self, head: Head, read: usize) -> Step {
        self.from_client = Through::Drop(head.body.saturating_sub(read));
        Step::Taken(HEAD_BYTES + read)
    }
}

/// How much of a message's body has to be seen before it can be decided about.
fn needed(head: Head) -> Result<usize, End> {
    match head.tag {
        b'Q' | b'P' if head.body > STATEMENT_BYTES_MAX + BESIDE_TEXT_BYTES_MAX => Ok(NAMES_BYTES_MAX),
        b'Q' | b'P' => Ok(head.body),
        b'B' => Ok(head.body.min(NAMES_BYTES_MAX)),
        b'F' => Ok(0),
        b'D' | b'E' | b'C' | b'H' | b'S' | b'X' if head.body <= NAMES_BYTES_MAX => Ok(head.body),
        b'D' | b'E' | b'C' | b'H' | b'S' | b'X' => Err(End::protocol("a message is too long for its kind")),
        tag => Err(End::protocol(format!(
            "a client sends no message `{}`",
            tag.escape_ascii()
        ))),
    }
}

fn malformed() -> End {
    End::protocol("a message is not what its kind asks for")
}

fn too_long(head: Head) -> Arc<Facts> {
    let act = Act {
        class: StatementClass::TooComplex,
        does: format!("is {} bytes long (limit {STATEMENT_BYTES_MAX})", head.body).into(),
        run: Run::Now,
    };
    Arc::new(Facts {
        acts: vec![act],
        ..Facts::default()
    })
}

/// Why nothing can stand under a name: it is the proxy's own, or PostgreSQL would take another for it. Such a name is never
/// known, so that what is asked under it is refused.
fn unusable(name: &[u8]) -> Option<Refusal> {
    if name.len() > NAME_BYTES_MAX {
        return Some(name_too_long(name));
    }
    name.starts_with(RESERVED).then(|| reserved(name))
}

fn reserved_name(facts: &Facts) -> Option<&str> {
    let mut names = facts.prepares.iter().chain(&facts.executes);
    names
        .find(|name| name.as_bytes().starts_with(RESERVED))
        .map(String::as_str)
}

//! The end of a statement that returned more than it may, and ended before the cancel came: it fails all the same.
//!
//! The client did not get all rows, and so has to hear an error. That the transaction ends as after an error, the server is
//! sent something that can only fail, as for every refusal.

use super::effect::Purpose;
use super::frame;
use super::from_client::{REFUSED_NAME, REFUSED_SQL};
use super::refusal::Refusal;
use super::replies::{Asked, Expected};
use super::session::{End, Session};
use super::transaction::Block;

impl Session {
    /// Hears that a statement of the extended protocol ended. With a Sync after it, its end comes when the server is ready.
    pub fn cut_executed(&mut self) {
        if self.replies.is_empty() {
            self.fail(false);
            self.flushed = true;
        }
    }

    /// The server is ready as if nothing were wrong.
    pub fn cut_ready(&mut self, block: Block) -> Result<(), End> {
        self.transaction.block = block;
        if self.transaction.is_ending && block == Block::Open {
            self.held.clear();
            let mut words = Vec::new();
            if let Some(refusal) = self.meter.take_refusal() {
                refusal.write(&mut words);
            }
            self.ask(Purpose::Rollback(words), true);
            return Ok(());
        }
        if block == Block::Idle && self.meter.wrote {
            return Err(self.cut_committed());
        }
        self.fail(true);
        Ok(())
    }

    /// The server asks for the rows of a COPY that the client knows nothing of.
    pub fn cut_copying(&mut self) -> End {
        End::Told(Box::new(self.cut_refusal(
            "the server goes on with what stands behind it, and so the session ends",
        )))
    }

    fn cut_committed(&mut self) -> End {
        End::Told(Box::new(self.cut_refusal(
            "it had ended before the cancel came: what was changed with it is committed, and so the session ends",
        )))
    }

    fn cut_refusal(&mut self, why: &str) -> Refusal {
        let refusal = self.meter.take_refusal().map_or_else(
            || {
                Refusal::new(
                    super::refusal::OVER_BUDGET,
                    "a quota was exceeded",
                    "connect again",
                )
            },
            |refusal| *refusal,
        );
        refusal.with_detail(why)
    }

    /// Has the server answer with an error.
    fn fail(&mut self, synced: bool) {
        let refusal = self.meter.take_refusal();
        let out = &mut self.server.output;
        frame::parse(out, REFUSED_NAME, REFUSED_SQL);
        frame::empty(out, if synced { b'S' } else { b'H' });
        self.mid_batch = !synced;
        let name = REFUSED_NAME.to_vec();
        let sync = synced.then_some((Asked::Sync, None));
        let parse = Asked::Parse { name, prepared: None };
        for (asked, refusal) in [(parse, refusal)].into_iter().chain(sync) {
            self.replies.push(Expected {
                asked,
                refusal,
                failed: false,
            });
        }
    }
}

//! Answers of the router's own, where no instance answers.

use std::time::Duration;

use crate::connection::{After, Asked, Connection};
use crate::rewrite::{self, OwnAnswer};
use crate::transport::{ClientStream, write_both};
use crate::wire::{Framing, Refusal};

impl<C: ClientStream> Connection<C> {
    /// Answers for an instance that did not. The connection can go on if the request is wholly read.
    pub(crate) async fn give_up(&mut self, asked: Asked, status: u16, why: &'static str) -> After {
        self.answer_itself(asked, Refusal { status, why }, None).await
    }

    /// Refuses a request of a client that made too many.
    pub(crate) async fn make_wait(&mut self, asked: Asked, wait: Duration) -> After {
        let refusal = Refusal {
            status: 429,
            why: "too many requests from this client",
        };
        self.answer_itself(asked, refusal, Some(wait)).await
    }

    async fn answer_itself(
        &mut self,
        asked: Asked,
        refusal: Refusal,
        retry_after: Option<Duration>,
    ) -> After {
        let keep_alive = asked.keep_alive && asked.framing == Framing::None && !asked.http_1_0;
        let written = self
            .write_own(refusal, keep_alive, !asked.to_head, retry_after)
            .await;
        match (written && keep_alive, asked.framing) {
            (true, _) => After::Keep,
            (false, Framing::None) => After::Close,
            (false, _) => After::Linger,
        }
    }

    /// Refuses what can not be followed by another request.
    pub(crate) async fn refuse(&mut self, refusal: Refusal, with_body: bool) {
        self.write_own(refusal, false, with_body, None).await;
    }

    async fn write_own(
        &mut self,
        refusal: Refusal,
        keep_alive: bool,
        with_body: bool,
        retry_after: Option<Duration>,
    ) -> bool {
        let out = &mut self.work.response_out;
        out.clear();
        let answer = OwnAnswer {
            status: refusal.status,
            why: refusal.why,
            keep_alive,
            with_body,
            retry_after,
            identity: Some(&self.identity),
        };
        rewrite::own_answer(answer, out);
        let longest = self.router.limits.body_idle_longest.into();
        write_both(&mut self.stream, out, &[], &mut self.work.download_timer, longest)
            .await
            .is_ok()
    }
}

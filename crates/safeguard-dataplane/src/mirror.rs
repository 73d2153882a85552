//! Copies of requests that a candidate gets besides its own. Their answers are read and thrown away: they show the
//! candidate's authors how it does, and count for nothing. What can not be copied at once is not copied.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use safeguard_api::config::RouterLimits;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::arm::{Arm, Wanted};
use crate::relay::{Exchanged, Request, Sockets, exchange};
use crate::stream::Leaving;
use crate::wire::Framing;
use crate::workspace::{ExchangeLimits, Workspace};

/// Copies that wait for their turn, and copies under way.
pub const COPIES_QUEUED_MAX: usize = 64;
const COPIES_AT_ONCE_MAX: usize = 32;

/// One request without a body, and where its copy goes.
pub struct Copy {
    pub arm: Arc<Arm>,
    pub head: Vec<u8>,
    pub to_head: bool,
}

/// Sends copies until nobody makes any.
pub async fn run(mut copies: mpsc::Receiver<Copy>, limits: RouterLimits) {
    let mut under_way = JoinSet::new();
    while let Some(copy) = copies.recv().await {
        while under_way.len() >= COPIES_AT_ONCE_MAX {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let limits = limits.clone();
        under_way.spawn(async move {
            let arm = Arc::clone(&copy.arm);
            arm.counters.mirrored.fetch_add(1, Relaxed);
            let longest: Duration = limits.response_longest.into();
            let is_well = tokio::time::timeout(longest, send(copy, &limits)).await;
            if !is_well.unwrap_or(false) {
                arm.counters.mirrored_errors.fetch_add(1, Relaxed);
            }
        });
    }
}

/// Sends one copy; whether it was answered whole and without an error of the server's.
async fn send(mut copy: Copy, limits: &RouterLimits) -> bool {
    let wanted = Wanted {
        idle_longest: None,
        connect_longest: limits.connect_longest.into(),
    };
    let Ok(mut upstream) = copy.arm.connect(wanted).await else {
        return false;
    };
    let mut work = Workspace::new(limits);
    // A client that neither says anything nor leaves.
    let (client, _held) = tokio::io::duplex(1);
    let (upstream_read, upstream_write) = upstream.stream.halves();
    let sockets = Sockets {
        client_read: client,
        client_write: tokio::io::sink(),
        upstream_read,
        upstream_write,
    };
    let request = Request {
        received: Instant::now(),
        framing: Framing::None,
        to_head: copy.to_head,
        http_1_0: false,
        keep_alive: false,
        websocket: false,
        release_line: &[],
        identity_lines: &[],
        cookie_lines: &[],
        head_out: &mut copy.head,
        may_repeat: false,
        reused: false,
        withhold_failure: false,
        presence: &copy.arm.presence,
        injection: None,
    };
    let leaving = Leaving {
        evacuation: copy.arm.presence.evacuation.subscribe(),
        longest: Duration::ZERO,
    };
    let exchanged = exchange(&mut work, sockets, request, leaving, ExchangeLimits::of(limits)).await;
    matches!(exchanged, Exchanged::Whole(answer) if answer.status < 500)
}

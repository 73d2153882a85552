//! HTTP/2 in front. Each of its requests is written as HTTP/1.1 and served as every other: by the same strict parser, with
//! the same limits, to the same arm, as the same evidence. One stream is served one request, so it can not become two.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use safeguard_api::config::RouterLimits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::connection::{Client, Connection};
use crate::h2_frames::FrameWatch;
use crate::h2_stream::{PIPE_BYTES, carry};
use crate::route::Slot;
use crate::router::Router;
use crate::transport::Timer;

/// Streams that the client reset and that are still remembered, for frames that were on their way.
const RESET_STREAMS_REMEMBERED_MAX: usize = 32;
/// Streams that were reset before they were looked at.
const RESET_UNSEEN_MAX: usize = 20;
/// Streams that were reset here because of what the client sent on them; one more ends the connection.
const WRONG_STREAMS_MAX: usize = 100;
/// For the last words on a connection that is given up.
const GOODBYE_LONGEST: std::time::Duration = std::time::Duration::from_secs(1);

pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    client: Client,
    router: Arc<Router>,
    slot: Arc<Slot>,
    stopped: OwnedNotified,
) {
    let limits = &router.limits;
    let (watched, flooded) = FrameWatch::new(stream, &limits.http2);
    let handshake = builder(limits).handshake::<_, Bytes>(watched);
    let mut connection = match tokio::time::timeout(limits.header_longest.into(), handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%error, "An HTTP/2 connection did not begin"),
        Err(_) => return tracing::debug!("An HTTP/2 connection began too slowly"),
    };
    let mut stopped = std::pin::pin!(stopped);
    let mut leaving = false;
    let mut idle = Timer::new();
    let mut streams = JoinSet::new();
    idle.set(Instant::now() + limits.idle_longest.into());
    loop {
        let next = poll_fn(|cx| {
            let before = streams.len();
            while let Poll::Ready(Some(_)) = streams.poll_join_next(cx) {}
            if streams.is_empty() && before > 0 {
                idle.set(Instant::now() + limits.idle_longest.into());
            }
            if let Poll::Ready(accepted) = connection.poll_accept(cx) {
                return Poll::Ready(Next::Accepted(accepted));
            }
            if flooded.is_set() {
                return Poll::Ready(Next::Flooded);
            }
            if !leaving && stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Next::Leave);
            }
            if !leaving && streams.is_empty() && idle.poll_expired(cx).is_ready() {
                return Poll::Ready(Next::Leave);
            }
            Poll::Pending
        })
        .await;
        match next {
            Next::Accepted(Some(Ok((request, respond)))) => {
                streams.spawn(answer(
                    request,
                    respond,
                    client,
                    Arc::clone(&router),
                    Arc::clone(&slot),
                ));
            }
            Next::Accepted(Some(Err(error))) => {
                return tracing::debug!(%error, "An HTTP/2 connection ended early");
            }
            Next::Accepted(None) => return,
            // Streams that are open are served; new ones are refused.
            Next::Leave => {
                leaving = true;
                connection.graceful_shutdown();
            }
            Next::Flooded => {
                tracing::debug!("An HTTP/2 client sent too many frames that ask for nothing");
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                let closed = poll_fn(|cx| connection.poll_closed(cx));
                if tokio::time::timeout(GOODBYE_LONGEST, closed).await.is_err() {
                    tracing::debug!("The client did not take its goodbye");
                }
                return;
            }
        }
    }
}

/// A request and the way to answer it; none at the end of the connection.
type Accepted = Option<Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>>;

#[expect(clippy::large_enum_variant, reason = "one at a time, and taken apart at once")]
enum Next {
    Accepted(Accepted),
    Leave,
    Flooded,
}

fn builder(limits: &RouterLimits) -> Builder {
    let header_bytes_max = u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.http2.streams_max)
        .max_header_list_size(header_bytes_max)
        .initial_window_size(limits.http2.stream_buffer_bytes_max)
        .initial_connection_window_size(limits.http2.connection_buffer_bytes_max)
        .max_send_buffer_size(usize::try_from(limits.http2.stream_buffer_bytes_max).unwrap_or(usize::MAX))
        .max_concurrent_reset_streams(RESET_STREAMS_REMEMBERED_MAX)
        .max_pending_accept_reset_streams(RESET_UNSEEN_MAX)
        .max_local_error_reset_streams(Some(WRONG_STREAMS_MAX));
    builder
}

/// Serves one stream: its request goes through a pipe to a connection of its own.
async fn answer(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    client: Client,
    router: Arc<Router>,
    slot: Arc<Slot>,
) {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let limits = router.limits.clone();
    // A stream is never idle between two requests: nobody needs to tell it that the router stops.
    let stopped = Arc::new(Notify::new()).notified_owned();
    let served = Connection::new(theirs, client, router, slot).serve(stopped);
    tokio::join!(served, carry(request, respond, ours, &limits));
}

//! What one client connection works with, from one exchange to the next.

use std::time::Duration;

use safeguard_api::config::RouterLimits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::transport::{Buffer, Timer, read_some};
use crate::wire::HeadLimits;
use crate::wire::response::ResponseHead;

/// The limits of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeLimits {
    pub head: HeadLimits,
    pub body_bytes_max: u64,
    pub body_idle_longest: Duration,
    pub response_longest: Duration,
}

/// Buffers and timers of one client connection, used by one exchange after the other.
pub struct Workspace {
    pub from_client: Buffer,
    pub from_upstream: Buffer,
    pub response: ResponseHead,
    pub response_out: Vec<u8>,
    pub body_out: Vec<u8>,
    pub upload_timer: Timer,
    pub download_timer: Timer,
}

impl Workspace {
    pub fn new(limits: &RouterLimits) -> Workspace {
        Workspace {
            from_client: Buffer::new(BUFFER_BYTES.min(limits.header_bytes_max.max(1))),
            from_upstream: Buffer::new(RESPONSE_BUFFER_BYTES),
            response: ResponseHead::default(),
            response_out: Vec::with_capacity(1 << 10),
            body_out: Vec::new(),
            upload_timer: Timer::new(),
            download_timer: Timer::new(),
        }
    }
}

impl ExchangeLimits {
    pub fn of(limits: &RouterLimits) -> ExchangeLimits {
        ExchangeLimits {
            head: HeadLimits {
                bytes_max: limits.header_bytes_max.max(RESPONSE_BUFFER_BYTES),
                fields_max: limits.headers_max,
            },
            body_bytes_max: limits.body_bytes_max,
            body_idle_longest: limits.body_idle_longest.into(),
            response_longest: limits.response_longest.into(),
        }
    }
}

const BUFFER_BYTES: usize = 8 << 10;
const RESPONSE_BUFFER_BYTES: usize = 16 << 10;

/// Reads and throws away what a client still sends after its connection was given up, so that it gets to read why:
/// closing with unread bytes makes the kernel reset the connection and drop the answer.
pub async fn linger<C: AsyncRead + AsyncWrite + Unpin>(
    client: &mut C,
    buffer: &mut Buffer,
    timer: &mut Timer,
) {
    use tokio::io::AsyncWriteExt as _;
    const LINGER_LONGEST: Duration = Duration::from_secs(1);
    const LINGER_READS_MAX: usize = 64;
    if client.shutdown().await.is_err() {
        return;
    }
    let until = Instant::now() + LINGER_LONGEST;
    for _ in 0..LINGER_READS_MAX {
        buffer.clear();
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || read_some(client, buffer, timer, left).await.is_err() {
            return;
        }
    }
}

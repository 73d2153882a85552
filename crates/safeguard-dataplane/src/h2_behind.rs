//! HTTP/2 without TLS behind (RFC 9113, 3.3). The relay speaks HTTP/1.1 into a pipe for each exchange, as if an instance
//! were at its end; here each becomes one stream of a connection that all of them share.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use safeguard_api::config::RouterLimits;
use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::body::append_chunk;
use crate::h2_stream::{GivenUp, PIPE_BYTES, fill, send};
use crate::transport::Buffer;
use crate::wire::chunk::{Decoder, Step};
use crate::wire::request::RequestHead;
use crate::wire::{Framing, HeadLimits, Kind};

/// Connections to one instance; another is opened when the instance takes no more streams on those there are.
const CONNECTIONS_MAX: usize = 8;
/// The router's own fields come on top of the client's.
const OWN_HEAD_BYTES: usize = 4 << 10;
const OWN_FIELDS: usize = 16;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const NO_WEBSOCKET: &[u8] = b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Limits of what is exchanged with instances.
#[derive(Debug, Clone, Copy)]
pub struct Http2Limits {
    head: HeadLimits,
    stream_buffer_bytes_max: u32,
    connection_buffer_bytes_max: u32,
    idle_longest: Duration,
}

impl Http2Limits {
    pub fn of(limits: &RouterLimits) -> Http2Limits {
        Http2Limits {
            head: HeadLimits {
                bytes_max: limits.header_bytes_max + OWN_HEAD_BYTES,
                fields_max: limits.headers_max + OWN_FIELDS,
            },
            stream_buffer_bytes_max: limits.http2.stream_buffer_bytes_max,
            connection_buffer_bytes_max: limits.http2.connection_buffer_bytes_max,
            idle_longest: limits.body_idle_longest.into(),
        }
    }
}

/// The connections to one instance.
#[derive(Debug)]
pub struct Shared {
    address: SocketAddr,
    limits: Http2Limits,
    // Guards the list alone and is never held across an await.
    open: Mutex<Vec<Open>>,
}

#[derive(Debug, Clone)]
struct Open {
    requests: SendRequest<Bytes>,
    /// Held by each exchange: how many there are is how often it is held.
    load: Arc<()>,
}

impl Open {
    fn is_alive(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !matches!(self.requests.poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    fn exchanges(&self) -> usize {
        Arc::strong_count(&self.load) - 1
    }
}

impl Shared {
    pub fn new(address: SocketAddr, limits: Http2Limits) -> Shared {
        Shared {
            address,
            limits,
            open: Mutex::new(Vec::new()),
        }
    }

    /// Returns a pipe for one exchange over a connection that is there; none when another is to be opened.
    pub fn take(&self) -> Option<DuplexStream> {
        let open = {
            let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain_mut(Open::is_alive);
            let least = all.iter().min_by_key(|open| open.exchanges())?;
            let is_full = least.requests.current_max_send_streams() <= least.exchanges();
            if is_full && all.len() < CONNECTIONS_MAX {
                return None;
            }
            least.clone()
        };
        Some(self.pipe(open))
    }

    /// Opens another connection, and returns a pipe for one exchange over it.
    pub async fn open(&self) -> io::Result<DuplexStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let limits = &self.limits;
        let handshake = Builder::new()
            .enable_push(false)
            .max_header_list_size(u32::try_from(limits.head.bytes_max).unwrap_or(u32::MAX))
            .initial_window_size(limits.stream_buffer_bytes_max)
            .initial_connection_window_size(limits.connection_buffer_bytes_max)
            .max_send_buffer_size(usize::try_from(limits.stream_buffer_bytes_max).unwrap_or(usize::MAX))
            .handshake(stream);
        let (requests, connection) = handshake.await.map_err(io::Error::other)?;
        let address = self.address;
        // Ends with its last stream when nobody holds the connection any more.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, %error, "An HTTP/2 connection to an instance ended");
            }
        });
        let open = Open {
            requests,
            load: Arc::new(()),
        };
        let pipe = self.pipe(open.clone());
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(open);
        Ok(pipe)
    }

    fn pipe(&self, open: Open) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let limits = self.limits;
        tokio::spawn(async move {
            let Open { requests, load } = open;
            // However it fails, the pipe ends early, and the relay sees an instance that closed its connection.
            if let Err(GivenUp(reason)) = exchange(requests, theirs, limits).await {
                tracing::debug!(%reason, "An exchange over HTTP/2 with an instance was not whole");
            }
            drop(load);
        });
        ours
    }
}

async fn exchange(
    mut requests: SendRequest<Bytes>,
    pipe: DuplexStream,
    limits: Http2Limits,
) -> Result<(), GivenUp> {
    let (mut from, mut to) = tokio::io::split(pipe);
    let mut buffer = Buffer::new(limits.head.bytes_max.min(PIPE_BYTES));
    let mut head = RequestHead::default();
    head.begin();
    while !head.read(buffer.filled(), limits.head).map_err(|_| wrong())? {
        fill(&mut buffer, &mut from, |_| Poll::Pending).await?;
    }
    if head.websocket {
        return write(&mut to, NO_WEBSOCKET).await;
    }
    let request = request(&head, buffer.filled())?;
    let to_head = request.method() == Method::HEAD;
    buffer.consume(head.length);
    if head.expects_continue {
        write(&mut to, CONTINUE).await?;
    }
    let ends = head.framing == Framing::None;
    let (response, stream) = requests.send_request(request, ends).map_err(gone)?;
    let up = send_up(buffer, from, stream, head.framing, limits.idle_longest);
    tokio::select! {
        ended = answer(response, &mut to, to_head) => ended,
        given_up = up => Err(given_up),
    }
}

/// The request as HTTP/2 has it: what speaks of one connection is left out.
fn request(head: &RequestHead, bytes: &[u8]) -> Result<Request<()>, GivenUp> {
    let at = |place: &std::ops::Range<usize>| bytes.get(place.clone()).unwrap_or(&[]);
    let uri = Uri::builder()
        .scheme("http")
        .authority(at(&head.host))
        .path_and_query(at(&head.target))
        .build()
        .map_err(|_| wrong())?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(at(&head.method_at)).map_err(|_| wrong())?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    for field in &head.fields {
        match field.kind {
            Kind::Host
            | Kind::Connection
            | Kind::TransferEncoding
            | Kind::Upgrade
            | Kind::HopByHop
            | Kind::Expect => {}
            _ => {
                let name = HeaderName::from_bytes(field.name_in(bytes)).map_err(|_| wrong())?;
                let value = HeaderValue::from_bytes(field.value_in(bytes)).map_err(|_| wrong())?;
                request.headers_mut().append(name, value);
            }
        }
    }
    Ok(request)
}

/// Sends the request's body; then only looks whether the relay still wants the answer. Returns when it does not.
async fn send_up(
    mut buffer: Buffer,
    mut from: ReadHalf<DuplexStream>,
    mut stream: SendStream<Bytes>,
    framing: Framing,
    idle_longest: Duration,
) -> GivenUp {
    if framing != Framing::None {
        let sent = send_body(&mut buffer, &mut from, &mut stream, framing, idle_longest).await;
        match sent {
            Ok(()) => {}
            Err(Unsent::Relay(given_up)) => return given_up,
            // It takes no more: it may still have answered, and the way down knows.
            Err(Unsent::Instance) => {}
        }
    }
    buffer.clear();
    match fill(&mut buffer, &mut from, |_| Poll::Pending).await {
        // Bytes behind the request: nobody sends them.
        Ok(()) => wrong(),
        Err(given_up) => given_up,
    }
}

/// Who ended the way up.
enum Unsent {
    Relay(GivenUp),
    Instance,
}

async fn send_body(
    buffer: &mut Buffer,
    from: &mut ReadHalf<DuplexStream>,
    stream: &mut SendStream<Bytes>,
    framing: Framing,
    idle_longest: Duration,
) -> Result<(), Unsent> {
    let mut decoder = Decoder::new(framing);
    loop {
        let step = decoder
            .step(buffer.filled())
            .map_err(|_| Unsent::Relay(wrong()))?;
        match step {
            Step::Content(length) => {
                let content = Bytes::copy_from_slice(buffer.filled().get(..length).unwrap_or(&[]));
                buffer.consume(length);
                let sent = send(stream, content, idle_longest).await;
                sent.map_err(|_| Unsent::Instance)?;
            }
            Step::Skip(length) => buffer.consume(length),
            Step::End => return stream.send_data(Bytes::new(), true).map_err(|_| Unsent::Instance),
            Step::More => {
                let read = fill(buffer, from, |_| Poll::Pending).await;
                read.map_err(Unsent::Relay)?;
            }
        }
    }
}

/// Writes the response as HTTP/1.1; trailers are left out.
async fn answer(
    response: ResponseFuture,
    to: &mut WriteHalf<DuplexStream>,
    to_head: bool,
) -> Result<(), GivenUp> {
    let (head, mut body) = response.await.map_err(gone)?.into_parts();
    let has_none = to_head || matches!(head.status.as_u16(), 204 | 304);
    let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
    let ended = body.is_end_stream();
    let mut out = write_head(&head);
    let chunked = !has_none && !has_length && !ended;
    let framing: &[u8] = match (has_none, has_length) {
        (true, _) | (_, true) => b"",
        (false, false) if ended => b"content-length: 0\r\n",
        (false, false) => b"transfer-encoding: chunked\r\n",
    };
    out.extend_from_slice(framing);
    out.extend_from_slice(b"connection: close\r\n\r\n");
    write(to, &out).await?;
    if has_none {
        return Ok(());
    }
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(gone)?;
        out.clear();
        if chunked {
            append_chunk(&mut out, &piece);
        } else {
            out.extend_from_slice(&piece);
        }
        write(to, &out).await?;
        body.flow_control().release_capacity(piece.len()).map_err(gone)?;
    }
    if chunked {
        write(to, b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// As HTTP/1.1, without the line that ends it. HTTP/2 has no fields of one connection (RFC 9113, 8.2.2).
fn write_head(head: &http::response::Parts) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} \r\n", head.status.as_u16()).into_bytes();
    for (name, value) in &head.headers {
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    out
}

/// Writes into the pipe; when nobody reads there any more, nobody wants the answer.
async fn write(to: &mut WriteHalf<DuplexStream>, bytes: &[u8]) -> Result<(), GivenUp> {
    to.write_all(bytes).await.map_err(|_| GivenUp(Reason::CANCEL))
}

fn wrong() -> GivenUp {
    GivenUp(Reason::INTERNAL_ERROR)
}

fn gone(error: h2::Error) -> GivenUp {
    GivenUp(error.reason().unwrap_or(Reason::INTERNAL_ERROR))
}

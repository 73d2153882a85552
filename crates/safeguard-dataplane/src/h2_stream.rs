//! One stream of HTTP/2, carried to and from the HTTP/1.1 of the pipe that serves it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use safeguard_api::config::RouterLimits;
use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};

use crate::body::append_chunk;
use crate::transport::{Buffer, ClientStream};
use crate::wire::chunk::{Decoder, Step};
use crate::wire::response::ResponseHead;
use crate::wire::{Framing, HeadLimits, Kind, kind_of};

/// Between a stream and what serves it, in each direction.
pub const PIPE_BYTES: usize = 16 << 10;
/// A response's head that the router wrote itself is never longer.
const RESPONSE_BUFFER_BYTES: usize = 16 << 10;
const RESPONSE_HEAD_BYTES_MAX: usize = 2 << 20;

impl ClientStream for DuplexStream {
    fn halves(
        &mut self,
    ) -> (
        impl tokio::io::AsyncRead + Unpin + Send,
        impl tokio::io::AsyncWrite + Unpin + Send,
    ) {
        tokio::io::split(self)
    }

    // The other end counts: a response that is not whole when the pipe ends was cut.
    fn reset(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Why a stream is given up.
pub struct GivenUp(pub Reason);

/// Carries the request up and its response down; the pipe is closed at the end, whoever ended first.
pub async fn carry(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    pipe: DuplexStream,
    limits: &RouterLimits,
) {
    let (head, body) = request.into_parts();
    let to_head = head.method == Method::HEAD;
    let chunked = !body.is_end_stream() && !head.headers.contains_key(header::CONTENT_LENGTH);
    let head = match write_head(&head, chunked) {
        Ok(head) => head,
        Err(GivenUp(reason)) => return respond.send_reset(reason),
    };
    let (from, to) = tokio::io::split(pipe);
    let idle_longest = limits.body_idle_longest.into();
    let mut down = Down {
        respond,
        from,
        buffer: Buffer::new(RESPONSE_BUFFER_BYTES),
        head: ResponseHead::default(),
        limits: HeadLimits {
            bytes_max: RESPONSE_HEAD_BYTES_MAX,
            fields_max: limits.headers_max + 32,
        },
        to_head,
        idle_longest,
    };
    let up = async {
        match send_up(head, body, to, chunked).await {
            // Held open until the response is there: a pipe that ends is a client that left.
            Ok(to) => {
                let _held = to;
                std::future::pending().await
            }
            Err(given_up) => given_up,
        }
    };
    let ended = tokio::select! {
        ended = down.run() => ended,
        given_up = up => Err(given_up),
    };
    if let Err(GivenUp(reason)) = ended {
        down.respond.send_reset(reason);
    }
}

/// Writes the request's head as HTTP/1.1. Everything in it is read again by the router's own parser; what is refused here
/// is what that could read as something else.
fn write_head(head: &http::request::Parts, chunked: bool) -> Result<Vec<u8>, GivenUp> {
    let wrong = || GivenUp(Reason::PROTOCOL_ERROR);
    let mut out = Vec::with_capacity(512);
    let authority = head
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let path = head.uri.path_and_query().map(|path| path.as_str().as_bytes());
    let target = match (&head.method, authority, path) {
        (&Method::CONNECT, Some(authority), _) => authority,
        (&Method::OPTIONS, _, Some(b"*")) => b"*",
        // Any other form could name another host than the one that counts.
        (_, _, Some(path)) if path.first() == Some(&b'/') => path,
        (_, _, _) => return Err(wrong()),
    };
    for piece in [head.method.as_str().as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
        out.extend_from_slice(piece);
    }
    let hosts: Vec<&HeaderValue> = head.headers.get_all(header::HOST).iter().collect();
    match (authority, hosts.as_slice()) {
        (Some(authority), []) => push(&mut out, b"host", authority),
        (Some(authority), [host]) if host.as_bytes().eq_ignore_ascii_case(authority) => {
            push(&mut out, b"host", authority);
        }
        (None, [host]) => push(&mut out, b"host", host.as_bytes()),
        // None at all is refused where it is read.
        (None, []) => {}
        (_, _) => return Err(wrong()),
    }
    let mut cookies: Vec<u8> = Vec::new();
    for (name, value) in &head.headers {
        match kind_of(name.as_str().as_bytes()) {
            Kind::Host => {}
            // They came in pieces so that they compress better (RFC 9113, 8.2.3).
            Kind::Cookie => {
                if !cookies.is_empty() {
                    cookies.extend_from_slice(b"; ");
                }
                cookies.extend_from_slice(value.as_bytes());
            }
            Kind::Connection | Kind::TransferEncoding | Kind::Upgrade => return Err(wrong()),
            _ => push(&mut out, name.as_str().as_bytes(), value.as_bytes()),
        }
    }
    if !cookies.is_empty() {
        push(&mut out, b"cookie", &cookies);
    }
    if chunked {
        push(&mut out, b"transfer-encoding", b"chunked");
    }
    // One stream, one request.
    push(&mut out, b"connection", b"close");
    out.extend_from_slice(b"\r\n");
    Ok(out)
}

/// Sends the request into the pipe; trailers are left out.
async fn send_up(
    head: Vec<u8>,
    mut body: RecvStream,
    mut to: WriteHalf<DuplexStream>,
    chunked: bool,
) -> Result<WriteHalf<DuplexStream>, GivenUp> {
    // At once, for the client may wait for an answer before it sends content.
    write(&mut to, &head).await;
    let mut out = Vec::new();
    while let Some(piece) = body.data().await {
        // The client reset the stream, or sent another length than it said.
        let piece = piece.map_err(|_| GivenUp(Reason::CANCEL))?;
        if chunked {
            append_chunk(&mut out, &piece);
        } else {
            out.extend_from_slice(&piece);
        }
        write(&mut to, &out).await;
        out.clear();
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(|_| GivenUp(Reason::CANCEL))?;
    }
    if chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    write(&mut to, &out).await;
    Ok(to)
}

/// Writes into the pipe. When nobody reads there any more, the answer is on its way or will not come: the way down knows.
async fn write(to: &mut WriteHalf<DuplexStream>, bytes: &[u8]) {
    if to.write_all(bytes).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn push(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for piece in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// The way down.
struct Down {
    respond: SendResponse<Bytes>,
    from: ReadHalf<DuplexStream>,
    buffer: Buffer,
    head: ResponseHead,
    limits: HeadLimits,
    to_head: bool,
    idle_longest: Duration,
}

impl Down {
    async fn run(&mut self) -> Result<(), GivenUp> {
        loop {
            self.read_head().await?;
            let response = self.response()?;
            self.buffer.consume(self.head.length);
            if response.status().is_informational() {
                self.respond.send_informational(response).map_err(gone)?;
                continue;
            }
            let ends = self.head.framing == Framing::None;
            let stream = self.respond.send_response(response, ends).map_err(gone)?;
            return if ends {
                Ok(())
            } else {
                self.send_body(stream).await
            };
        }
    }

    async fn read_head(&mut self) -> Result<(), GivenUp> {
        self.head.begin();
        loop {
            let read = self.head.read(self.buffer.filled(), self.to_head, self.limits);
            match read {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(_) => return Err(GivenUp(Reason::INTERNAL_ERROR)),
            }
            let respond = &mut self.respond;
            fill(&mut self.buffer, &mut self.from, |cx| respond.poll_reset(cx)).await?;
        }
    }

    fn response(&self) -> Result<Response<()>, GivenUp> {
        let wrong = GivenUp(Reason::INTERNAL_ERROR);
        let bytes = self.buffer.filled();
        let mut headers = HeaderMap::with_capacity(self.head.fields.len());
        for field in &self.head.fields {
            match field.kind {
                // Of the pipe alone; HTTP/2 has its own framing.
                Kind::Connection | Kind::TransferEncoding | Kind::HopByHop | Kind::Upgrade => continue,
                _ => {}
            }
            let name = HeaderName::from_bytes(field.name_in(bytes));
            let value = HeaderValue::from_bytes(field.value_in(bytes));
            match (name, value) {
                (Ok(name), Ok(value)) => headers.append(name, value),
                (_, _) => return Err(wrong),
            };
        }
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.head.status).map_err(|_| wrong)?;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn send_body(&mut self, mut stream: SendStream<Bytes>) -> Result<(), GivenUp> {
        let mut decoder = Decoder::new(self.head.framing);
        loop {
            let step = decoder.step(self.buffer.filled());
            match step.map_err(|_| GivenUp(Reason::INTERNAL_ERROR))? {
                Step::Content(length) => {
                    let content = self.buffer.filled().get(..length).unwrap_or(&[]);
                    let content = Bytes::copy_from_slice(content);
                    self.buffer.consume(length);
                    send(&mut stream, content, self.idle_longest).await?;
                }
                Step::Skip(length) => self.buffer.consume(length),
                Step::End => return stream.send_data(Bytes::new(), true).map_err(gone),
                Step::More => fill(&mut self.buffer, &mut self.from, |cx| stream.poll_reset(cx)).await?,
            }
        }
    }
}

/// Reads from the pipe; a response that ends before it is whole is cut, and so is one that the client no longer wants.
pub async fn fill(
    buffer: &mut Buffer,
    from: &mut ReadHalf<DuplexStream>,
    mut reset: impl FnMut(&mut Context<'_>) -> Poll<Result<Reason, h2::Error>>,
) -> Result<(), GivenUp> {
    if !buffer.make_room(RESPONSE_HEAD_BYTES_MAX) {
        return Err(GivenUp(Reason::INTERNAL_ERROR));
    }
    poll_fn(|cx| {
        if reset(cx).is_ready() {
            return Poll::Ready(Err(GivenUp(Reason::CANCEL)));
        }
        buffer.poll_fill(from, cx).map(|read| match read {
            Ok(count) if count > 0 => Ok(()),
            Ok(_) | Err(_) => Err(GivenUp(Reason::INTERNAL_ERROR)),
        })
    })
    .await
}

/// Sends content as the client makes room for it.
pub async fn send(
    stream: &mut SendStream<Bytes>,
    mut content: Bytes,
    longest: Duration,
) -> Result<(), GivenUp> {
    while !content.is_empty() {
        stream.reserve_capacity(content.len());
        let mut room = stream.capacity();
        if room == 0 {
            let waited = tokio::time::timeout(longest, poll_fn(|cx| stream.poll_capacity(cx))).await;
            room = match waited {
                Ok(Some(Ok(room))) => room,
                Ok(Some(Err(_)) | None) | Err(_) => return Err(GivenUp(Reason::CANCEL)),
            };
        }
        let piece = content.split_to(room.min(content.len()));
        if !piece.is_empty() {
            stream.send_data(piece, false).map_err(gone)?;
        }
    }
    Ok(())
}

fn gone(_: h2::Error) -> GivenUp {
    GivenUp(Reason::CANCEL)
}

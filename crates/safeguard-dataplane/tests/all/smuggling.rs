//! The smuggling corpus: raw requests against the router, with an instance behind it that keeps every byte it gets.
//!
//! Each case is a file of `tests/smuggling/`: what it is about and where the specification says so; the statuses that the
//! client gets and the requests that the instance gets; an empty line; and what is sent. There `\r`, `\n`, `\t`, `\0`,
//! `\xNN` and `\\` are what they are in Rust, line ends of the file mean nothing, and `{text*3}` is `text` three times.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use safeguard_api::config::{RouterLimits, TlsFiles};
use safeguard_api::time::Span;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::floods::frame;
use crate::tls::{Certified, connect};
use crate::town::{DEADLINE, Setup, Town};

/// Fewer would mean that files got lost.
const CASES_MIN: usize = 240;
const H2_CASES_MIN: usize = 75;

struct Case {
    name: String,
    expect: String,
    /// What is sent, as it is written.
    text: String,
}

fn cases(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/smuggling")
        .join(folder);
    let mut cases: Vec<Case> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let (head, sent) = text.split_once("\n\n").expect("an empty line");
            let expect = head.lines().find_map(|line| line.strip_prefix("expect: "));
            Case {
                expect: expect.expect("a line `expect: …`").to_owned(),
                text: sent.to_owned(),
                name,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn bytes(text: &str, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut repeated = None;
    let mut letters = text.chars().filter(|letter| *letter != '\n');
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => bytes.push(match letters.next().expect(name) {
                'r' => b'\r',
                'n' => b'\n',
                't' => b'\t',
                '0' => 0,
                '\\' => b'\\',
                'x' => {
                    let digits: String = letters.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).expect(name)
                }
                other => panic!("{name}: `\\{other}` means nothing"),
            }),
            '{' => repeated = Some(bytes.len()),
            '*' if repeated.is_some() => {
                let count: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                let piece = bytes.split_off(repeated.take().unwrap());
                bytes.extend(piece.repeat(count.parse().expect(name)));
            }
            letter => bytes.extend(letter.to_string().bytes()),
        }
    }
    bytes
}

/// An instance that answers every request with 200 and keeps what came over each of its connections.
struct Instance {
    town: Town,
    address: SocketAddr,
    connections: Connections,
    task: JoinHandle<()>,
}

/// Who connected, and what came.
type Connections = Arc<Mutex<Vec<(SocketAddr, Arc<Mutex<Vec<u8>>>)>>>;

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Instance {
    async fn start(tls: Option<TlsFiles>) -> Instance {
        let setup = Setup {
            limits: RouterLimits {
                // Every request has a connection of its own: whatever follows it there was smuggled.
                upstream_idle_max: 0,
                header_longest: Span(300),
                body_idle_longest: Span(300),
                ..RouterLimits::default()
            },
            tls,
            ..Setup::default()
        };
        let mut town = Town::with(setup).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut table = town.table(2, None);
        let address = listener.local_addr().unwrap();
        table.routes[0].stable.as_mut().unwrap().endpoints[0].address = address;
        town.apply(table).await;
        let connections = Connections::default();
        let kept = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let bytes = Arc::default();
                kept.lock().unwrap().push((peer, Arc::clone(&bytes)));
                tokio::spawn(keep(stream, bytes));
            }
        });
        Instance {
            town,
            address,
            connections,
            task,
        }
    }

    /// What came since the last time, once every connection is closed.
    async fn take(&self) -> Vec<Vec<u8>> {
        // Connections are accepted in a row: once this one is, none that came before is missing.
        let last = TcpStream::connect(self.address).await.unwrap();
        let last_peer = last.local_addr().unwrap();
        drop(last);
        let end = tokio::time::Instant::now() + DEADLINE;
        loop {
            {
                let mut connections = self.connections.lock().unwrap();
                let is_last = connections.last().is_some_and(|(peer, _)| *peer == last_peer);
                // The connection's task has a reference as long as it is open.
                if is_last && connections.iter().all(|(_, bytes)| Arc::strong_count(bytes) == 1) {
                    connections.pop();
                    let taken = connections.drain(..);
                    return taken
                        .map(|(_, bytes)| std::mem::take(&mut *bytes.lock().unwrap()))
                        .collect();
                }
            }
            assert!(
                tokio::time::Instant::now() < end,
                "a connection to the instance stays open"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Instance {
    /// The requests that came since the last time, each as one line.
    async fn requests(&self) -> Vec<String> {
        let read = |bytes: &Vec<u8>| match Received::read(bytes) {
            Ok(Received {
                line,
                body: Some(body),
            }) => format!("{line} {}", body.escape_ascii()).trim_end().to_owned(),
            Ok(Received { line, body: None }) => format!("{line} (cut)"),
            Err(why) => format!("({why})"),
        };
        let connections = self.take().await;
        // One on which nothing was sent is no request.
        connections
            .iter()
            .filter(|bytes| !bytes.is_empty())
            .map(read)
            .collect()
    }
}

async fn keep(mut stream: TcpStream, bytes: Arc<Mutex<Vec<u8>>>) {
    let mut piece = vec![0; 64 << 10];
    let mut answered = false;
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        let whole = {
            let mut bytes = bytes.lock().unwrap();
            bytes.extend_from_slice(&piece[..length]);
            matches!(Received::read(&bytes), Ok(Received { body: Some(_), .. }))
        };
        if whole && !answered {
            answered = true;
            if stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .is_err()
            {
                return;
            }
        }
    }
}

/// A request as another parser than the router's own reads it.
struct Received {
    line: String,
    /// None if it did not come whole.
    body: Option<Vec<u8>>,
}

impl Received {
    fn read(bytes: &[u8]) -> Result<Received, String> {
        let mut fields = [httparse::EMPTY_HEADER; 200];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Err("a header that is not whole".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        unambiguous(&bytes[..length])?;
        let line = format!("{} {}", request.method.unwrap(), request.path.unwrap());
        let values = |name: &str| -> Vec<&[u8]> {
            let named = request
                .headers
                .iter()
                .filter(|field| field.name.replace('_', "-").eq_ignore_ascii_case(name));
            named.map(|field| field.value).collect()
        };
        if values("host").len() != 1 || values("x-forwarded-for") != [b"127.0.0.1"] {
            return Err("not one host, or not one sender".to_owned());
        }
        let rest = &bytes[length..];
        let (body, rest) = match (
            values("content-length").as_slice(),
            values("transfer-encoding").as_slice(),
        ) {
            ([], []) => (Some(Vec::new()), rest),
            ([said], []) => {
                let said: usize = std::str::from_utf8(said)
                    .unwrap()
                    .parse()
                    .map_err(|_| "not a length")?;
                match rest.split_at_checked(said) {
                    Some((body, rest)) => (Some(body.to_vec()), rest),
                    None => (None, &rest[..0]),
                }
            }
            ([], [b"chunked"]) => unchunked(rest)?,
            (lengths, codings) => {
                return Err(format!("{} lengths and {} codings", lengths.len(), codings.len()));
            }
        };
        match rest {
            [] => Ok(Received { line, body }),
            more => Err(format!("{line} is followed by {}", more.escape_ascii())),
        }
    }
}

/// Checks that no reader, however lenient, can find another line in the header than a strict one.
fn unambiguous(head: &[u8]) -> Result<(), String> {
    let text = head.split(|byte| *byte == b'\n');
    for line in text.take_while(|line| !line.is_empty()) {
        let line = line.strip_suffix(b"\r").ok_or("a line that ends in a bare LF")?;
        if line.iter().any(|byte| matches!(byte, b'\r' | 0))
            || line.starts_with(b" ")
            || line.starts_with(b"\t")
        {
            return Err(format!("an ambiguous line: {}", line.escape_ascii()));
        }
    }
    Ok(())
}

fn unchunked(mut rest: &[u8]) -> Result<(Option<Vec<u8>>, &[u8]), String> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok((None, &rest[..0])),
            Err(_) => return Err("not a chunk size".to_owned()),
        };
        let end = start + usize::try_from(size).unwrap();
        let (Some(content), Some(line_end)) = (rest.get(start..end), rest.get(end..end + 2)) else {
            return Ok((None, &rest[..0]));
        };
        if line_end != b"\r\n" {
            return Err("a chunk without an end".to_owned());
        }
        body.extend_from_slice(content);
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok((Some(body), rest));
        }
    }
}

/// Sends a case and says what the client and the instance got.
async fn outcome(instance: &Instance, case: &Case) -> String {
    let wanted = case.expect.split(" | ").next().unwrap().split(' ').count();
    let mut client = instance.town.connect().await;
    client.send(&bytes(&case.text, &case.name)).await;
    // As many answers as there should be; then the client has nothing more to say, and there must not be another one.
    let read = async {
        while statuses(&client.bytes).len() < wanted {
            match client.stream.read_buf(&mut client.bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, read).await.expect(&case.name);
    client.stream.shutdown().await.ok();
    let got = client.rest().await;
    let requests = instance.requests().await;
    format!("{} | {}", statuses(got.as_bytes()).join(" "), requests.join(", "))
        .trim_end_matches(" | ")
        .to_owned()
}

fn statuses(got: &[u8]) -> Vec<String> {
    let got = String::from_utf8_lossy(got);
    got.split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer.chars().take(3).collect())
        .collect()
}

#[tokio::test]
async fn no_request_becomes_two_and_nothing_hangs() {
    let instance = Instance::start(None).await;
    let cases = cases("h1");
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = outcome(&instance, case).await;
        if outcome != case.expect {
            wrong.push(format!("{}: {outcome}\n    expected {}", case.name, case.expect));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The frames of a case: a field on each line, `> ` before content, `> trailer ` before a field behind it. `\empty` is an
/// empty name.
fn frames(text: &str, name: &str) -> Vec<u8> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let lines: Vec<&str> = text.lines().collect();
    let fields: Vec<u8> = lines
        .iter()
        .filter(|line| !line.starts_with("> "))
        .flat_map(|line| field(line, name))
        .collect();
    let mut frames = vec![(HEADERS, END_HEADERS, fields)];
    for content in lines.iter().filter_map(|line| line.strip_prefix("> ")) {
        frames.push(match content.strip_prefix("trailer ") {
            Some(trailer) => (HEADERS, END_HEADERS, field(trailer, name)),
            None => (DATA, 0, bytes(content, name)),
        });
    }
    frames.last_mut().unwrap().1 |= END_STREAM;
    frames
        .iter()
        .flat_map(|(kind, flags, content)| frame(*kind, *flags, 1, content))
        .collect()
}

/// A field as HPACK writes it without any table (RFC 7541, 6.2.2).
fn field(line: &str, name: &str) -> Vec<u8> {
    let at = 1 + line[1..]
        .find(": ")
        .unwrap_or_else(|| line[1..].find(':').expect(name));
    let (field, value) = (&line[..at], line[at + 1..].strip_prefix(' ').unwrap_or(""));
    let field = if field == "\\empty" {
        Vec::new()
    } else {
        bytes(field, name)
    };
    let mut out = vec![0];
    for text in [field, bytes(value, name)] {
        assert!(text.len() < 127, "{name}: longer than this writes");
        out.push(text.len() as u8);
        out.extend(text);
    }
    out
}

/// What became of the stream.
async fn outcome_h2(instance: &Instance, certified: &Certified, case: &Case) -> String {
    let stream = connect(&instance.town, &[&certified.der], &[b"h2"])
        .await
        .unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    write
        .write_all(&[preface, frames(&case.text, &case.name)].concat())
        .await
        .unwrap();
    let mut got = Vec::new();
    let ended = async {
        loop {
            if let Some(ended) = end_of_stream(&got) {
                return ended;
            }
            if !matches!(read.read_buf(&mut got).await, Ok(1..)) {
                return "closed";
            }
        }
    };
    let ended = tokio::time::timeout(DEADLINE, ended).await.expect(&case.name);
    drop((read, write));
    let mut requests = instance.requests().await;
    // How far a request came that was taken back is a matter of time; that it was at most one is not.
    if ended == "reset" && requests.len() == 1 && !requests[0].contains("smuggled") {
        requests.clear();
    }
    format!("{ended} | {}", requests.join(", "))
        .trim_end_matches(" | ")
        .to_owned()
}

/// How the first stream ended, if it has.
fn end_of_stream(mut got: &[u8]) -> Option<&'static str> {
    let mut status = "closed";
    while let [a, b, c, kind, flags, s, t, u, v, rest @ ..] = got {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let content = rest.get(..length)?;
        let of_stream = u32::from_be_bytes([*s, *t, *u, *v]) == 1;
        match *kind {
            // The status comes first, from HPACK's static table (RFC 7541, appendix A).
            1 if of_stream => {
                let first = content.iter().find(|byte| !(0x20..0x40).contains(*byte));
                status = match first {
                    Some(0x88) => "200",
                    Some(0x8c) => "400",
                    _ => "refused",
                };
            }
            3 if of_stream => return Some("reset"),
            7 => return Some("goaway"),
            _ => {}
        }
        if of_stream && *kind <= 1 && flags & 1 == 1 {
            return Some(status);
        }
        got = &rest[length..];
    }
    None
}

#[tokio::test]
async fn no_request_of_http_2_becomes_two() {
    let certified = Certified::new();
    let instance = Instance::start(Some(certified.files.clone())).await;
    let cases = cases("h2");
    assert!(cases.len() >= H2_CASES_MIN, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = outcome_h2(&instance, &certified, case).await;
        if outcome != case.expect {
            wrong.push(format!("{}: {outcome}\n    expected {}", case.name, case.expect));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

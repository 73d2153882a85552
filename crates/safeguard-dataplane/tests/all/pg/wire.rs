//! A client that sends bare messages, to the proxy or past it.

use std::net::SocketAddr;
use std::time::Duration;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{PASSWORD, ROLE, server};
use super::town::{LOGIN_PASSWORD, Town};

const LONGEST: Duration = Duration::from_secs(30);

pub struct Wire<S = TcpStream> {
    pub stream: S,
    pub key: Vec<u8>,
}

/// A message, its tag first.
pub type Message = (u8, Vec<u8>);

impl Wire {
    pub async fn through(town: &Town, user: &str) -> Wire {
        Wire::connect(town.address, user, LOGIN_PASSWORD, &town.database).await
    }

    /// Past the proxy.
    pub async fn past(database: &str) -> Wire {
        Wire::connect(server().address, ROLE, PASSWORD, database).await
    }

    pub async fn connect(address: SocketAddr, user: &str, password: &str, database: &str) -> Wire {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(&startup(3 << 16, &["user", user, "database", database]))
            .await
            .unwrap();
        let mut wire = Wire {
            stream,
            key: Vec::new(),
        };
        wire.log_in(password).await;
        wire
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Through a stream of any kind, up to the login.
    pub async fn begin(mut stream: S, version: u32, user: &str, database: &str) -> Wire<S> {
        let words = ["user", user, "database", database];
        stream.write_all(&startup(version, &words)).await.unwrap();
        stream.flush().await.unwrap();
        Wire {
            stream,
            key: Vec::new(),
        }
    }

    pub async fn log_in(&mut self, password: &str) {
        let binding = ChannelBinding::unsupported();
        let told = self.log_in_by("SCRAM-SHA-256", password, binding).await;
        drop(told.unwrap_or_else(|told| panic!("{told}")));
    }

    /// Returns what came besides the login itself; or what a refusal says, as `SQLSTATE message`.
    pub async fn log_in_by(
        &mut self,
        mechanism: &str,
        password: &str,
        binding: ChannelBinding,
    ) -> Result<Vec<Message>, String> {
        let mut heard = Vec::new();
        let mut scram = ScramSha256::new(password.as_bytes(), binding);
        loop {
            let (tag, body) = self.message().await.expect("the login goes on");
            match (tag, body.get(..4)) {
                (b'R', Some([0, 0, 0, 10])) => {
                    let mut answer = text(mechanism);
                    answer.extend(u32::try_from(scram.message().len()).unwrap().to_be_bytes());
                    answer.extend(scram.message());
                    self.send(&message(b'p', &answer)).await;
                }
                (b'R', Some([0, 0, 0, 11])) => {
                    scram.update(&body[4..]).unwrap();
                    let answer = message(b'p', scram.message());
                    self.send(&answer).await;
                }
                (b'R', Some([0, 0, 0, 12])) => scram.finish(&body[4..]).unwrap(),
                (b'R', _) => {}
                (b'S' | b'N' | b'v', _) => heard.push((tag, body)),
                (b'K', _) => self.key = body,
                (b'Z', _) => return Ok(heard),
                (b'E', _) => return Err(format!("{} {}", field(&body, b'C'), field(&body, b'M'))),
                _ => panic!("{}: {}", tag as char, String::from_utf8_lossy(&body)),
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next message; none when the stream has ended.
    pub async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(LONGEST, async {
            let tag = self.stream.read_u8().await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; length as usize - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((tag, body))
        })
        .await
        .expect("an answer in time")
    }

    /// What comes until the server was ready so often, in words.
    pub async fn heard(&mut self, ready: usize) -> Vec<String> {
        let mut heard = Vec::new();
        let mut left = ready;
        while left > 0 {
            let Some((tag, body)) = self.message().await else {
                heard.push("end".to_owned());
                return heard;
            };
            left -= usize::from(tag == b'Z');
            heard.push(in_words(tag, &body));
        }
        heard
    }

    pub async fn ask(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.heard(1).await.join(" ")
    }
}

fn in_words(tag: u8, body: &[u8]) -> String {
    match tag {
        b'E' if field(body, b'V') == "FATAL" => format!("E:{} {}", field(body, b'C'), field(body, b'M')),
        b'E' => format!("E:{}", field(body, b'C')),
        b'C' => format!("C:{}", String::from_utf8_lossy(body).trim_end_matches('\0')),
        b'Z' => format!("Z:{}", body[0] as char),
        tag => (tag as char).to_string(),
    }
}

pub fn field(body: &[u8], wanted: u8) -> String {
    body.split(|byte| *byte == 0)
        .find(|field| field.first() == Some(&wanted))
        .map_or_else(String::new, |field| {
            String::from_utf8_lossy(&field[1..]).into_owned()
        })
}

pub fn startup(version: u32, words: &[&str]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for word in words {
        body.extend(word.bytes().chain([0]));
    }
    body.push(0);
    packet(&body)
}

pub fn packet(body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len() + 4).unwrap().to_be_bytes().to_vec();
    out.extend(body);
    out
}

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(packet(body));
    out
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &text(sql))
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[text(name), text(sql), vec![0; 2]].concat())
}

pub fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[text(portal), text(statement), vec![0; 6]].concat())
}

/// With the numbers of its parameters' types; zero has the server find out.
pub fn parse_typed(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [text(name), text(sql)].concat();
    body.extend(u16::try_from(types.len()).unwrap().to_be_bytes());
    body.extend(types.iter().flat_map(|number| number.to_be_bytes()));
    message(b'P', &body)
}

/// With values in these formats; one that is missing is NULL.
pub fn bind_values(portal: &str, statement: &str, formats: &[i16], values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = [text(portal), text(statement)].concat();
    body.extend(u16::try_from(formats.len()).unwrap().to_be_bytes());
    body.extend(formats.iter().flat_map(|format| format.to_be_bytes()));
    body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    body.extend([0; 2]);
    message(b'B', &body)
}

pub fn execute(portal: &str) -> Vec<u8> {
    execute_some(portal, 0)
}

/// No more than so many rows; zero is all of them.
pub fn execute_some(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[text(portal), rows.to_be_bytes().to_vec()].concat())
}

pub fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[vec![kind], text(name)].concat())
}

pub fn close(kind: u8, name: &str) -> Vec<u8> {
    message(b'C', &[vec![kind], text(name)].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// Parse, Bind and Execute without names.
pub fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", ""), execute("")].concat()
}

fn text(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

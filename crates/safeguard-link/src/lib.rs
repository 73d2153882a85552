//! How safeguard's processes talk: one JSON object a line over a Unix socket, a question and then its answer.
//!
//! An answer may carry sockets along (`SCM_RIGHTS`, unix(7)); that is how a restarted process gets its listeners back.
//! The socket file is readable by its owner alone, which is the whole of the authentication.

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};

/// A line longer than this ends the connection.
pub const LINE_BYTES_MAX: u64 = 16 << 20;
/// Sockets that one answer can carry.
pub const SOCKETS_MAX: usize = 64;

/// What went wrong with a call. The next call connects anew.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("cannot connect to `{path}`")]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("lost the connection to `{path}`")]
    Lost {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("no answer from `{path}` within {} ms", deadline.as_millis())]
    TimedOut { path: PathBuf, deadline: Duration },
    #[error("what came from `{path}` is not an answer")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// An answer and the sockets that go with it.
pub struct Answer<A> {
    pub message: A,
    pub sockets: Vec<OwnedFd>,
}

impl<A> From<A> for Answer<A> {
    fn from(message: A) -> Self {
        Answer {
            message,
            sockets: Vec::new(),
        }
    }
}

/// A client that connects when it first needs to, and again after a failure.
pub struct Link {
    path: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl Link {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Link {
        Link {
            path: path.into(),
            stream: None,
        }
    }

    /// Asks and waits for the answer, at most `deadline`.
    ///
    /// # Errors
    /// When there is no whole answer by then; the connection is dropped, so a late answer is never taken for
    /// the next one.
    pub async fn call<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        question: &Q,
        deadline: Duration,
    ) -> Result<A, LinkError> {
        let path = self.path.clone();
        let mut stream = self.stream.take();
        let exchange = async {
            let mut connected = match stream.take() {
                Some(open) => open,
                None => BufReader::new(connect(&path).await?),
            };
            let line = exchange(&mut connected, question)
                .await
                .map_err(|source| LinkError::Lost {
                    path: path.clone(),
                    source,
                })?;
            let answer = serde_json::from_slice(&line).map_err(|source| LinkError::Unreadable {
                path: path.clone(),
                source,
            })?;
            Ok((connected, answer))
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(Ok((connected, answer))) => {
                self.stream = Some(connected);
                Ok(answer)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LinkError::TimedOut {
                path: self.path.clone(),
                deadline,
            }),
        }
    }
}

async fn connect(path: &Path) -> Result<UnixStream, LinkError> {
    UnixStream::connect(path)
        .await
        .map_err(|source| LinkError::Connect {
            path: path.to_owned(),
            source,
        })
}

async fn exchange<Q: Serialize>(stream: &mut BufReader<UnixStream>, question: &Q) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.get_mut().write_all(&line).await?;
    read_line(stream)
        .await?
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Reads a line without its end; none at the end of the stream.
async fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut limited = stream.take(LINE_BYTES_MAX);
    limited.read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is too long or was cut short",
        )),
    }
}

/// Asks once, on a connection of its own, for an answer with sockets.
///
/// # Errors
/// As [`Link::call`].
pub async fn call_for_sockets<Q: Serialize, A: DeserializeOwned>(
    path: &Path,
    question: &Q,
    deadline: Duration,
) -> Result<(A, Vec<OwnedFd>), LinkError> {
    let lost = |source| LinkError::Lost {
        path: path.to_owned(),
        source,
    };
    let exchange = async {
        let mut stream = connect(path).await?;
        let mut line = serde_json::to_vec(question).map_err(|error| lost(error.into()))?;
        line.push(b'\n');
        stream.write_all(&line).await.map_err(lost)?;
        let (line, sockets) = receive_with_sockets(&stream).await.map_err(lost)?;
        let answer = serde_json::from_slice(&line).map_err(|source| LinkError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok((answer, sockets))
    };
    match tokio::time::timeout(deadline, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(LinkError::TimedOut {
            path: path.to_owned(),
            deadline,
        }),
    }
}

async fn receive_with_sockets(stream: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut line = Vec::new();
    let mut sockets = Vec::new();
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = stream
            .async_io(Interest::READABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
                let mut control = RecvAncillaryBuffer::new(&mut space);
                let flags = RecvFlags::CMSG_CLOEXEC;
                let received =
                    rustix::net::recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(received) = message {
                        sockets.extend(received);
                    }
                }
                Ok(received.bytes)
            })
            .await?;
        let piece = bytes.get(..count).unwrap_or(&[]);
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.extend_from_slice(piece);
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok((line, sockets));
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the answer is too long",
            ));
        }
    }
}

/// Binds a socket file that its owner alone can use; a file left by a dead process is replaced.
///
/// # Errors
/// When the path can not be bound; the kernel allows 107 bytes.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers questions until the future is dropped. Each connection has a task of its own and at most one question
/// under way; a question that can not be read ends its connection.
pub async fn serve<Q, A, F, Fut>(listener: UnixListener, handler: F)
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Fn(Q) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Answer<A>> + Send + 'static,
{
    // Dropping the set ends the connections together with the listener.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let handler = handler.clone();
                connections.spawn(async move {
                    if let Err(error) = answer_all(stream, handler).await {
                        tracing::debug!(%error, "A local connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "Cannot accept a local connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer_all<Q, A, F, Fut>(stream: UnixStream, handler: F) -> io::Result<()>
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Fn(Q) -> Fut,
    Fut: Future<Output = Answer<A>>,
{
    let mut stream = BufReader::new(stream);
    while let Some(line) = read_line(&mut stream).await? {
        let answer = handler(serde_json::from_slice(&line)?).await;
        let mut line = serde_json::to_vec(&answer.message)?;
        line.push(b'\n');
        let sent = if answer.sockets.is_empty() {
            0
        } else {
            send_with_sockets(stream.get_ref(), &line, &answer.sockets).await?
        };
        stream
            .get_mut()
            .write_all(line.get(sent..).unwrap_or(&[]))
            .await?;
    }
    Ok(())
}

/// Sends the beginning of `line` together with the sockets; returns how many bytes went.
async fn send_with_sockets(stream: &UnixStream, line: &[u8], sockets: &[OwnedFd]) -> io::Result<usize> {
    if sockets.len() > SOCKETS_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many sockets for one answer",
        ));
    }
    let borrowed: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    stream
        .async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            Ok(rustix::net::sendmsg(
                stream,
                &[IoSlice::new(line)],
                &mut control,
                SendFlags::NOSIGNAL,
            )?)
        })
        .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn answers_in_order_and_connects_again() {
        runtime().block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let mut link = Link::new(&path);
            assert!(matches!(
                link.call::<_, u32>(&1, DEADLINE).await,
                Err(LinkError::Connect { .. })
            ));
            for _ in 0..2 {
                let server = tokio::spawn(serve(
                    bind(&path).unwrap(),
                    |n: u32| async move { (n + 1).into() },
                ));
                while link.call::<_, u32>(&0, DEADLINE).await.is_err() {}
                for n in 0..100 {
                    assert_eq!(link.call::<_, u32>(&n, DEADLINE).await.unwrap(), n + 1);
                }
                server.abort();
                assert!(server.await.unwrap_err().is_cancelled());
            }
        });
    }

    #[test]
    fn passes_a_listening_socket() {
        runtime().block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            let socket = std::sync::Arc::new(socket);
            let server = serve(bind(&path).unwrap(), move |name: String| {
                let socket = socket.clone();
                async move {
                    Answer {
                        message: vec![name],
                        sockets: vec![socket.as_fd().try_clone_to_owned().unwrap()],
                    }
                }
            });
            let server = tokio::spawn(server);
            let (names, mut sockets): (Vec<String>, _) =
                call_for_sockets(&path, &"api", DEADLINE).await.unwrap();
            server.abort();
            assert_eq!(names, ["api"]);
            let received = std::net::TcpListener::from(sockets.pop().unwrap());
            assert_eq!(received.local_addr().unwrap(), address);
        });
    }

    #[test]
    fn a_silent_peer_and_a_wrong_line_are_errors() {
        runtime().block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let listener = bind(&path).unwrap();
            let mut link = Link::new(&path);
            let short = Duration::from_millis(20);
            assert!(matches!(
                link.call::<_, u32>(&1, short).await,
                Err(LinkError::TimedOut { .. })
            ));
            let server = tokio::spawn(serve(listener, |_: u32| async { "text".to_owned().into() }));
            assert!(matches!(
                link.call::<_, u32>(&1, DEADLINE).await,
                Err(LinkError::Unreadable { .. })
            ));
            assert!(matches!(
                link.call::<_, u32>(&"no number", DEADLINE).await,
                Err(LinkError::Lost { .. })
            ));
            server.abort();
        });
    }
}

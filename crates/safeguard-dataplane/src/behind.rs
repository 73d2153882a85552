//! A connection to an instance, whatever is spoken on it: the relay reads and writes HTTP/1.1.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, tcp};

#[derive(Debug)]
pub enum Behind {
    Http1(TcpStream),
    /// A pipe to what speaks HTTP/2 with the instance, for one exchange.
    Http2(DuplexStream),
}

impl Behind {
    /// Both directions, to be used at once.
    pub fn halves(&mut self) -> (BehindRead<'_>, BehindWrite<'_>) {
        match self {
            Behind::Http1(stream) => {
                let (read, write) = stream.split();
                (BehindRead::Http1(read), BehindWrite::Http1(write))
            }
            Behind::Http2(pipe) => {
                let (read, write) = tokio::io::split(pipe);
                (BehindRead::Http2(read), BehindWrite::Http2(write))
            }
        }
    }
}

pub enum BehindRead<'a> {
    Http1(tcp::ReadHalf<'a>),
    Http2(tokio::io::ReadHalf<&'a mut DuplexStream>),
}

pub enum BehindWrite<'a> {
    Http1(tcp::WriteHalf<'a>),
    Http2(tokio::io::WriteHalf<&'a mut DuplexStream>),
}

impl AsyncRead for BehindRead<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            BehindRead::Http1(half) => Pin::new(half).poll_read(cx, room),
            BehindRead::Http2(half) => Pin::new(half).poll_read(cx, room),
        }
    }
}

impl AsyncWrite for BehindWrite<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            BehindWrite::Http1(half) => Pin::new(half).poll_write(cx, bytes),
            BehindWrite::Http2(half) => Pin::new(half).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            BehindWrite::Http1(half) => Pin::new(half).poll_write_vectored(cx, pieces),
            BehindWrite::Http2(half) => Pin::new(half).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            BehindWrite::Http1(half) => half.is_write_vectored(),
            BehindWrite::Http2(half) => half.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            BehindWrite::Http1(half) => Pin::new(half).poll_flush(cx),
            BehindWrite::Http2(half) => Pin::new(half).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            BehindWrite::Http1(half) => Pin::new(half).poll_shutdown(cx),
            BehindWrite::Http2(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}

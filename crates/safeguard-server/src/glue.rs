//! Joins what the planner wants to what the supervisor and the router understand.

use std::fs::File;
use std::io::Read;

use axum::body::Bytes;

const PIECE_BYTES: usize = 64 << 10;
const PIECES_WAITING_MAX: usize = 4;

/// Reads a file piece by piece in a thread of its own, which gives `permit` back when it ends.
pub(crate) fn file_stream(
    mut file: File,
    permit: tokio::sync::SemaphorePermit<'static>,
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(PIECES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read(&mut piece).map(|count| {
                piece.truncate(count);
                Bytes::from(piece)
            });
            let ended = !matches!(&read, Ok(piece) if !piece.is_empty());
            // A client that went away ends the reading.
            if matches!(&read, Ok(piece) if piece.is_empty()) || sender.blocking_send(read).is_err() || ended
            {
                return;
            }
        }
    });
    futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
}

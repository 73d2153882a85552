//! Frames of HTTP/2 that ask for nothing, too many of them.

use safeguard_api::config::Http2Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http2::{Front, limited};
use crate::tls::connect;

/// A connection on which frames are written by hand.
async fn raw(front: &Front) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut stream = connect(&front.town, &[&front.certified.der], &[b"h2"])
        .await
        .unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    stream
}

pub fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(content);
    frame
}

/// Whether the router ends the connection and says that it was too much (RFC 9113, 7: ENHANCE_YOUR_CALM).
async fn is_calmed(front: &Front, flood: Vec<u8>) -> bool {
    let stream = raw(front).await;
    let (mut read, mut write) = tokio::io::split(stream);
    let mut got = Vec::new();
    let sends = async {
        // The router stops reading, or closes, before everything is sent.
        tokio::time::timeout(std::time::Duration::from_secs(2), write.write_all(&flood))
            .await
            .ok();
        std::future::pending::<()>().await
    };
    let reads = async { while let Ok(1..) = read.read_buf(&mut got).await {} };
    let ended = async {
        tokio::select! {
            () = reads => true,
            () = sends => false,
            () = tokio::time::sleep(std::time::Duration::from_secs(3)) => false,
        }
    };
    let ended = ended.await;
    let mut rest = got.as_slice();
    while let [a, b, c, kind, _, _, _, _, _, more @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if *kind == 7 {
            return ended && more.get(4..8) == Some(&[0, 0, 0, 11]);
        }
        rest = more.get(length..).unwrap_or(&[]);
    }
    false
}

#[tokio::test]
async fn floods_end_the_connection() {
    let front = Front::new(limited(Http2Limits {
        resets_per_minute_max: 50,
        control_frames_per_minute_max: 200,
        ..Http2Limits::default()
    }))
    .await;
    let get = |stream: u32| {
        // :method GET, :scheme https, :path /, and :authority a (RFC 7541, appendix A).
        frame(1, 5, stream, &[0x82, 0x87, 0x84, 0x01, 1, b'a'])
    };
    let pings = |count| frame(6, 0, 0, &[0; 8]).repeat(count);
    let settings = |count| frame(4, 0, 0, &[]).repeat(count);
    let priorities = |count| frame(2, 0, 1, &[0, 0, 0, 0, 1]).repeat(count);
    let unknown = |count| frame(99, 0, 0, &[0; 20]).repeat(count);
    // The preface's own settings are one of them.
    assert!(!is_calmed(&front, pings(199)).await);
    assert!(is_calmed(&front, pings(200)).await, "pings");
    assert!(is_calmed(&front, settings(200)).await, "settings");
    assert!(is_calmed(&front, priorities(200)).await, "priorities");
    assert!(is_calmed(&front, unknown(200)).await, "unknown frames");
    let resets = |count: u32| -> Vec<u8> {
        let one = |number: u32| [get(number * 2 + 1), frame(3, 0, number * 2 + 1, &[0, 0, 0, 8])].concat();
        (0..count).flat_map(one).collect()
    };
    assert!(is_calmed(&front, resets(51)).await, "resets");
}

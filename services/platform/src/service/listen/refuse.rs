//! The answer to a connection beyond the limits, in its protocol: a problem over HTTP/1.1, and `ENHANCE_YOUR_CALM` over HTTP/2,
//! which gRPC clients show as `RESOURCE_EXHAUSTED`.

use std::{io, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{Code, Error};

/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The first bytes of an HTTP/2 connection.
const HTTP_2: &[u8] = b"PRI";

/// An empty SETTINGS frame, and a GOAWAY frame that says that no request was processed, and why (RFC 9113, 6.5 and 6.8).
const GO_AWAY: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b];

/// Tells the other side why it is not served, and closes the connection.
pub(super) async fn refuse(stream: impl AsyncRead + AsyncWrite + Unpin, error: Error) {
    // the connection is closed, whether or not the other side was told
    let _ = timeout(PATIENCE, tell(stream, error)).await;
}

async fn tell(mut stream: impl AsyncRead + AsyncWrite + Unpin, error: Error) -> io::Result<()> {
    let mut begin = [0; HTTP_2.len()];
    stream.read_exact(&mut begin).await?;
    if begin == HTTP_2 {
        stream.write_all(GO_AWAY).await?
    } else {
        stream.write_all(&problem(&error)).await?
    }
    stream.shutdown().await?;
    // a connection that is closed with unread bytes is reset, and the answer may be lost
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

fn problem(error: &Error) -> Vec<u8> {
    let (status, code) = match error.code() {
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    };
    let body = json!({
        "type": format!("/problems/error/{}", error.reason()),
        "title": "There is no room for this connection",
        "status": status.as_u16(),
        "detail": error.message(),
        "code": code,
        "reason": error.reason(),
        "domain": "koine.error.v1",
        "retry_after_seconds": 1,
    })
    .to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::Full;

    async fn told(asked: &[u8], full: Full) -> Vec<u8> {
        let (near, mut far) = tokio::io::duplex(4096);
        let asks = async {
            far.write_all(asked).await.unwrap();
            far.shutdown().await.unwrap();
            let mut told = Vec::new();
            far.read_to_end(&mut told).await.unwrap();
            told
        };
        tokio::join!(refuse(near, full.into()), asks).1
    }

    #[tokio::test]
    async fn a_connection_of_http_1_is_refused_with_a_problem() {
        for (full, status, reason) in
            [(Full::PerAddress, "429 Too Many Requests", "TOO_MUCH_AT_ONCE"), (Full::InAll, "503 ", "OVERLOADED")]
        {
            let text = String::from_utf8(told(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", full).await).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("application/problem+json") && head.contains("retry-after: 1"), "{head}");
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(problem["reason"], reason);
        }
    }

    #[tokio::test]
    async fn a_connection_of_http_2_is_refused_with_enhance_your_calm() {
        assert_eq!(told(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Full::PerAddress).await, GO_AWAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_closed_after_a_second() {
        let (near, _far) = tokio::io::duplex(4096);
        let begun = tokio::time::Instant::now();
        refuse(near, Full::PerAddress.into()).await;
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}

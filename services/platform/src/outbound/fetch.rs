//! Calls to servers that a file of the operator's names, and to those that these name in turn. They may be in a network of the operator's own,
//! so their addresses are not judged; but nothing travels in the clear beyond this machine, no redirect is followed, an answer is read up to
//! [`BODY`], and all of it takes [`PATIENCE`] at most.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, client::conn::http1::Builder};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};

use super::{Failure, HEAD, Target, tls};
use crate::Result;

/// How long a call may take, from the question for the address to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of the body of an answer.
const BODY: usize = 256 << 10;

/// The names of this machine that may be called without TLS.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// Calls servers that the operator trusts. Cheap to clone.
#[derive(Clone)]
pub struct Fetch(Arc<ClientConfig>);

impl Fetch {
    /// Knows the authorities of the web.
    pub fn new() -> Result<Self> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Self(tls(roots)?))
    }

    /// Whether it would call a URL: one of `https`, or one of `http` at this machine by its own name or address.
    pub fn takes(url: &str) -> bool {
        url.parse().is_ok_and(|uri| target(&uri).is_some())
    }

    /// Sends a request to its URL. Returns the answer, whatever its status is.
    pub async fn call(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let target = target(request.uri()).ok_or(Failure::Refused)?;
        let called = tokio::time::timeout(PATIENCE, self.exchange(&target, request)).await;
        called.unwrap_or(Err(Failure::Slow))
    }

    async fn exchange(&self, target: &Target, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let (mut head, body) = request.into_parts();
        head.uri = target.path.parse().map_err(|_| Failure::Refused)?;
        let host = HeaderValue::try_from(target.authority()).map_err(|_| Failure::Refused)?;
        head.headers.insert(header::HOST, host);
        head.headers.insert(header::USER_AGENT, HeaderValue::from_static("koine"));
        let request = Request::from_parts(head, Full::new(Bytes::from(body)));
        let stream = TcpStream::connect(address(target).await?).await.map_err(|_| Failure::Unanswered)?;
        if !target.is_secure {
            return whole(stream, request).await;
        }
        whole(target.secured(&self.0, stream).await?, request).await
    }
}

/// Where a URL leads, if it may be called.
fn target(uri: &Uri) -> Option<Target> {
    Target::of(uri).filter(|target| target.is_secure || LOOPBACK.contains(&target.host.as_str()))
}

/// The first address of a name. What is not secure stays on this machine, whatever its name stands for.
async fn address(target: &Target) -> Result<SocketAddr, Failure> {
    let mut found = lookup_host((target.host.as_str(), target.port)).await.map_err(|_| Failure::Unanswered)?;
    found.find(|address| target.is_secure || address.ip().is_loopback()).ok_or(Failure::Refused)
}

/// Sends a request, and reads the answer to its end.
async fn whole<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Vec<u8>>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = begun.map_err(|_| Failure::Unanswered)?;
    let answer = async { read(sender.send_request(request).await.map_err(|_| Failure::Unanswered)?).await };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // it may have been read to its end with the answer
        _ = &mut connection => answer.await,
    }
}

async fn read(answer: Response<Incoming>) -> Result<Response<Vec<u8>>, Failure> {
    let (head, body) = answer.into_parts();
    let read = Limited::new(body, BODY).collect().await;
    let bytes =
        read.map_err(|fault| if fault.is::<LengthLimitError>() { Failure::Large } else { Failure::Unanswered })?;
    Ok(Response::from_parts(head, bytes.to_bytes().into()))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// What is read of a server that answers with a text, and what it was asked.
    async fn asked(text: String) -> (Result<Response<Vec<u8>>, Failure>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys?a=b", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).await.unwrap();
            // who has read enough does not wait for the rest
            let _ = stream.write_all(text.as_bytes()).await;
            String::from_utf8(request[..count].to_vec()).unwrap()
        };
        let (fetch, request) = (Fetch::new().unwrap(), Request::get(url).body(Vec::new()).unwrap());
        tokio::join!(fetch.call(request), serve)
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_a_bound_and_nobody_follows_it_elsewhere() {
        let of = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
        let (answer, request) = asked(of(BODY)).await;
        assert_eq!(answer.unwrap().body().len(), BODY);
        assert!(request.starts_with("GET /keys?a=b HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
        assert_eq!(asked(of(BODY + 1)).await.0.unwrap_err(), Failure::Large);
        assert_eq!(asked("what nobody calls HTTP\r\n\r\n".to_owned()).await.0.unwrap_err(), Failure::Unanswered);
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".to_owned();
        assert_eq!(asked(cut).await.0.unwrap_err(), Failure::Unanswered);
        let elsewhere = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned();
        assert_eq!(asked(elsewhere).await.0.unwrap().status(), 302);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (fetch, request) = (Fetch::new().unwrap(), Request::get(url).body(Vec::new()).unwrap());
        let (answer, _held) = tokio::join!(fetch.call(request), async { listener.accept().await.unwrap() });
        assert_eq!(answer.unwrap_err(), Failure::Slow);
    }

    #[test]
    fn nothing_travels_in_the_clear_beyond_this_machine() {
        for url in ["https://login.example/", "https://10.0.0.1:8443/a", "http://127.0.0.1:80/", "http://[::1]/"] {
            assert!(Fetch::takes(url), "{url}");
        }
        for url in
            ["http://login.example/", "http://10.0.0.1/", "http://127.0.0.1.login.example/", "ftp://a/", "/a", ""]
        {
            assert!(!Fetch::takes(url), "{url}");
        }
        assert!(!Fetch::takes("https://ana:pass@login.example/"));
    }
}

//! A server of somebody else, on this machine: it keeps what it is sent, and answers as the test says.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::AbortHandle};

/// A server. Dropping it closes its door.
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Message>>>,
    answer: Arc<AtomicU16>,
    door: AbortHandle,
}

/// What it was sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Receiver {
    /// A server that answers with 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (kept, answer) = (Arc::<Mutex<Vec<Message>>>::default(), Arc::new(AtomicU16::new(200)));
        let (keeps, answers) = (kept.clone(), answer.clone());
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keeps, answers) = (keeps.clone(), answers.clone());
                let serve = service_fn(move |request| take(request, keeps.clone(), answers.load(Ordering::SeqCst)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Self { address, kept, answer, door: door.abort_handle() }
    }

    /// A URL of it, with the scheme `http` or `https`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/koine?from=it", self.address)
    }

    /// From here on it answers with this status. With one of redirection it also says where to go.
    pub fn answers(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    /// What it was sent, and has not shown yet.
    pub fn taken(&self) -> Vec<Message> {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn take(
    request: Request<Incoming>,
    keeps: Arc<Mutex<Vec<Message>>>,
    status: u16,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let (path, headers) = (parts.uri.to_string(), parts.headers);
    let body = body.collect().await?.to_bytes();
    keeps.lock().unwrap_or_else(PoisonError::into_inner).push(Message { path, headers, body });
    let answer = Response::builder().status(status).header(LOCATION, "/elsewhere");
    Ok(answer.body(Full::from("what nobody reads")).expect("an answer"))
}

impl Message {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header.
    pub fn header(&self, name: &str) -> String {
        self.headers[name].to_str().expect("a text").to_owned()
    }
}

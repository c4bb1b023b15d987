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
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use crate::limit::wait;

/// A server. Dropping it closes its door.
pub struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
    door: AbortHandle,
}

/// What it keeps, and how it answers.
struct Desk {
    kept: Mutex<Vec<Message>>,
    answer: AtomicU16,
    /// The number of messages that came.
    came: watch::Sender<usize>,
    /// Whether it answers nobody for now.
    is_slow: watch::Sender<bool>,
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
        let desk = Arc::new(Desk {
            kept: Mutex::default(),
            answer: AtomicU16::new(200),
            came: watch::Sender::new(0),
            is_slow: watch::Sender::new(false),
        });
        let at = desk.clone();
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let at = at.clone();
                let serve = service_fn(move |request| take(request, at.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Self { address, desk, door: door.abort_handle() }
    }

    /// A URL of it, with the scheme `http` or `https`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/koine?from=it", self.address)
    }

    /// From here on it answers with this status. With one of redirection it also says where to go.
    pub fn answers(&self, status: u16) {
        self.desk.answer.store(status, Ordering::SeqCst);
    }

    /// From here on it takes its time: it keeps what comes, and answers nobody until it is no longer so.
    pub fn is_slow(&self, slow: bool) {
        self.desk.is_slow.send_replace(slow);
    }

    /// Waits until so many messages have come since it started.
    pub async fn receives(&self, messages: usize) {
        let mut came = self.desk.came.subscribe();
        let waited = wait("messages to a receiver", came.wait_for(|came| *came >= messages)).await;
        drop(waited.expect("a receiver"));
    }

    /// What it was sent, and has not shown yet.
    pub fn taken(&self) -> Vec<Message> {
        std::mem::take(&mut self.desk.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn take(request: Request<Incoming>, at: Arc<Desk>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let (path, headers) = (parts.uri.to_string(), parts.headers);
    let body = body.collect().await?.to_bytes();
    at.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Message { path, headers, body });
    at.came.send_modify(|came| *came += 1);
    let mut is_slow = at.is_slow.subscribe();
    // the sender is on the desk, so it is not dropped meanwhile
    let _ = is_slow.wait_for(|slow| !slow).await;
    let answer = Response::builder().status(at.answer.load(Ordering::SeqCst)).header(LOCATION, "/elsewhere");
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

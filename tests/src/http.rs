//! HTTP as any client uses it, and answers with assertions.

use std::net::SocketAddr;

use ::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::limit::wait;

/// A client of one address.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

/// A stream of server-sent events.
pub struct Events {
    of: String,
    body: Incoming,
    read: String,
    last: String,
}

impl Events {
    /// The id of the last event that was read. Empty, where it had none.
    pub fn last_id(&self) -> &str {
        &self.last
    }

    /// The data of the next event. None, at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        wait(format!("the next event of {}", self.of), self.read_next()).await
    }

    async fn read_next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let said = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (data, id) = (said("data: "), said("id: "));
                self.last = id.unwrap_or(std::mem::take(&mut self.last));
                self.read = rest.to_owned();
                // an event without data is a comment that keeps the connection alive
                if let Some(data) = data {
                    return Some(serde_json::from_str(&data).unwrap_or_else(|error| panic!("{data}: {error}")));
                }
            }
            let frame = self.body.frame().await?.expect("a connection");
            self.read.push_str(std::str::from_utf8(&frame.into_data().expect("data")).expect("UTF-8"));
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for the messages of assertions.
    pub of: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Http {
    /// A client of a server.
    pub fn new(address: SocketAddr) -> Self {
        Self::to(&format!("http://{address}"))
    }

    /// A client of a server with a URL, without a slash at its end.
    pub fn to(base: &str) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base: base.to_owned() }
    }

    /// The URL of the server: `http://127.0.0.1:8080`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request with these headers and this body.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let answer = self.begin(&method, path, headers, body).await;
        let (parts, body) = answer.into_parts();
        let body = wait(format!("the end of the answer to {method} {path}"), body.collect()).await;
        let body = body.unwrap_or_else(|error| panic!("{method} {path}: {error:?}")).to_bytes();
        Answer { of: format!("{method} {path}"), status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request whose answer may break off. Returns what arrived, and whether it is complete.
    pub async fn some(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (Answer, bool) {
        let answer = self.begin(&method, path, headers, Bytes::new()).await;
        let (parts, mut body) = answer.into_parts();
        let (mut bytes, mut is_whole) = (Vec::new(), true);
        let rest = async {
            while let Some(frame) = body.frame().await {
                match frame.map(|frame| frame.into_data()) {
                    Ok(data) => bytes.extend(data.unwrap_or_default()),
                    Err(_) => is_whole = false,
                }
            }
        };
        wait(format!("what comes of the answer to {method} {path}"), rest).await;
        let of = format!("{method} {path}");
        (Answer { of, status: parts.status, headers: parts.headers, body: bytes.into() }, is_whole)
    }

    async fn begin(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> ::http::Response<Incoming> {
        let mut request = Request::builder().method(method.clone()).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let answer = wait(format!("an answer to {method} {path}"), self.client.request(request)).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// Opens a stream of events.
    pub async fn events(&self, path: &str, token: &str) -> Events {
        self.events_after(path, token, "").await
    }

    /// Opens a stream of events like a browser that returns after the event with the id `last`.
    pub async fn events_after(&self, path: &str, token: &str, last: &str) -> Events {
        let mut request =
            Request::get(format!("{}{path}", self.base)).header(header::AUTHORIZATION, format!("Bearer {token}"));
        if !last.is_empty() {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::default()).expect("a request");
        let answer = wait(format!("the stream {path} to open"), self.client.request(request)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        Events { of: path.to_owned(), body: answer.into_body(), read: String::new(), last: last.to_owned() }
    }

    /// Sends JSON, or no body where `body` is null.
    pub async fn json(&self, method: Method, path: &str, token: Option<&str>, body: Value) -> Answer {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = Vec::new();
        if let Some(authorization) = &authorization {
            headers.push((header::AUTHORIZATION.as_str(), authorization.as_str()));
        }
        if body.is_null() {
            return self.send(method, path, &headers, Bytes::new()).await;
        }
        headers.push((header::CONTENT_TYPE.as_str(), "application/json"));
        self.send(method, path, &headers, body.to_string()).await
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.of, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts that the answer is a success, and returns its body as JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {} {}", self.of, self.status, self.text());
        self.json()
    }

    /// Asserts that the answer is a refusal for `reason`, and returns the problem.
    #[track_caller]
    pub fn refused(&self, reason: &str) -> Value {
        assert!(!self.status.is_success(), "{}: {} {}", self.of, self.status, self.text());
        let problem = self.json();
        assert_eq!(problem["reason"], reason, "{}: {}", self.of, self.text());
        problem
    }

    /// Asserts that the answer is a refusal for its fields, and returns the fields with the reasons of their violations.
    #[track_caller]
    pub fn violations(&self) -> Vec<(String, String)> {
        let problem = self.refused("FIELDS_INVALID");
        let violations = problem["violations"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        violations.iter().map(|violation| (text(&violation["field"]), text(&violation["reason"]))).collect()
    }
}

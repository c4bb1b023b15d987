//! Pages for people and probes: the page of the API, the pages about problems, the OpenAPI document, and health.

use std::{fmt::Write, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};
use proto::error::v1::Reason;
use tokio::sync::watch;

use crate::{
    comments::first_sentence,
    problem::Problem,
    reason::{REASONS, refuse},
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const PAGE: &str = include_str!("page.html");

struct Pages {
    api: Bytes,
    openapi: Bytes,
    policy: HeaderValue,
}

/// The routes of the pages.
pub(crate) fn router(openapi: Vec<u8>, ready: watch::Receiver<bool>) -> Router {
    let api = PAGE.replace("/* page.css */", STYLE).replace("/* page.js */", SCRIPT);
    let pages = Pages { api: api.into(), openapi: openapi.into(), policy: policy() };
    Router::new()
        .route("/", get(api_page))
        .route("/openapi.json", get(openapi_document))
        .route("/problems", get(problems))
        .route("/problems/{service}/{reason}", get(problem))
        .with_state(Arc::new(pages))
        .route("/livez", get("alive"))
        .route("/readyz", get(readiness).with_state(ready))
}

/// The content security policy. It allows the one style and script by their digests, and calls to this origin, so that nothing
/// injected runs.
fn policy() -> HeaderValue {
    let source = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        source(STYLE),
        source(SCRIPT)
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

async fn api_page(State(pages): State<Arc<Pages>>) -> Response {
    html(&pages, pages.api.clone())
}

async fn openapi_document(State(pages): State<Arc<Pages>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], pages.openapi.clone()).into_response()
}

async fn readiness(State(ready): State<watch::Receiver<bool>>) -> (StatusCode, &'static str) {
    if *ready.borrow() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "draining") }
}

async fn problems(State(pages): State<Arc<Pages>>) -> Response {
    let mut body = String::from("<p>Every reason a call can be refused for, by the service that gives it.</p>");
    for (service, reasons) in REASONS.iter() {
        let _ = write!(body, "<h2>{service}</h2><dl>");
        for (reason, text) in reasons {
            let link = format!("<a href=\"/problems/{service}/{reason}\">{reason}</a>");
            let _ = write!(body, "<dt>{link}</dt><dd>{}</dd>", prose(first_sentence(text)));
        }
        body.push_str("</dl>");
    }
    html(&pages, document("Problems", &body))
}

async fn problem(
    State(pages): State<Arc<Pages>>,
    Path((service, reason)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(text) = REASONS.get(&service).and_then(|reasons| reasons.get(&reason)) else {
        return Problem::from(refuse(Reason::RouteUnknown, "No service gives this reason. `/problems` lists all."))
            .said_in(headers.get(ACCEPT_LANGUAGE))
            .into_response();
    };
    let paragraphs: String = text.split("\n\n").map(|paragraph| format!("<p>{}</p>", prose(paragraph))).collect();
    let body =
        format!("<p>A reason of <code>{service}</code>.</p>{paragraphs}<p><a href=\"/problems\">All problems</a></p>");
    html(&pages, document(&reason, &body))
}

fn document(title: &str, body: &str) -> Bytes {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} – Koine</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\
         <body><main class=\"text\"><h1>{title}</h1>{body}</main></body></html>"
    )
    .into()
}

/// The text of a comment as HTML: `code` between backticks, everything else escaped.
fn prose(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut html = String::with_capacity(escaped.len() + 32);
    for (index, part) in escaped.split('`').enumerate() {
        html.push_str(&if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() });
    }
    html
}

fn html(pages: &Pages, body: Bytes) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, pages.policy.clone()),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_cannot_write_html() {
        assert_eq!(prose("Send `a<b>` & <i>"), "Send <code>a&lt;b&gt;</code> &amp; &lt;i&gt;");
    }

    #[test]
    fn the_page_holds_exactly_what_its_policy_allows() {
        let page = PAGE.replace("/* page.css */", STYLE).replace("/* page.js */", SCRIPT);
        let inside = |tag: &str| {
            let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
            rest.split_once(&format!("</{tag}>")).unwrap().0.to_owned()
        };
        assert_eq!((inside("style").as_str(), inside("script").as_str()), (STYLE, SCRIPT));
        for forbidden in [" style=", " onclick=", " src=", "innerHTML", "http://", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}

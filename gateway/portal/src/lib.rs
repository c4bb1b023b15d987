//! The portal: plain pages for people, at `/{tenant}/…`, where the links in letters lead. Every page works without script, in the
//! reader's language, and is a client of the API like any other: what a form asks for is a call, and what is refused is said beside
//! the field in the words of the API. No rule of the programme is here.
//!
//! The path of a request:
//!
//! 1. `page` has the table of forms: path, fields, and the `Deed` that a sent form asks for. A new form is a line there, its words,
//!    and an arm in `deed`.
//! 2. `visit` learns who comes: the tenant, the language, the session of the cookie. `door` lets in only forms that a page of this
//!    site has sent.
//! 3. `deed` calls the API, with the reader's address and language. `faults` tells what a refusal says to which field.
//! 4. `view` writes the page, with the words of `words`.
//!
//! A code never stands in a path or a query, where it would be logged. The link in a letter has it after `#`, which no server sees, so
//! the page asks for it. Identity providers alone append one to the address of the page that they lead back to (`provider`), which works
//! once, and only for the browser that has gone there.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected has failed"))]

mod deed;
mod door;
mod faults;
mod page;
mod provider;
mod view;
mod visit;
mod words;

use std::net::IpAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

use self::{
    deed::{Cookie, Next},
    faults::Faults,
    page::{FORMS, Form, Given},
    visit::Visit,
};

/// The service whose methods the pages call.
pub const SERVICE: &str = "identity";

/// The number of bytes that a sent form may have.
pub const FORM_BYTES: usize = 16 * 1024;

/// The address of the reader, so that limits count the reader and not the portal: an extension of a request, which the edge sets.
#[derive(Clone, Copy, Debug)]
pub struct Reader(pub IpAddr);

/// The routes of the pages. `identity` is a channel to [`SERVICE`].
pub fn routes(identity: Channel) -> Router {
    let mut router = Router::new()
        .route("/portal.css", get(style))
        .route("/{tenant}/account", get(account))
        .route("/{tenant}/provider", get(provider::back).post(provider::link))
        .route("/{tenant}/pairs/{pair}", get(pair));
    for form in &FORMS {
        let shown = move |State(identity): State<Channel>, request: Request| async move {
            show(&identity, form, request).await
        };
        let sent = move |State(identity): State<Channel>, request: Request| async move {
            take(&identity, form, request).await
        };
        router = router.route(&format!("/{{tenant}}/{}", form.path), get(shown).post(sent));
    }
    router.with_state(identity)
}

/// The page that says why a request was refused before a page could answer it, in a language the reader names.
pub fn refused(headers: &HeaderMap, status: &Status) -> Response {
    view::refused(visit::named(headers), status)
}

async fn style() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("style.css")).into_response()
}

/// Shows a form.
async fn show(identity: &Channel, form: &'static Form, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match Visit::open_for(identity, &head, form).await {
        Ok(visit) if form.needs_session && visit.session.is_none() => visit.go(&Next::to("sign-in")),
        Ok(visit) => visit.answer(StatusCode::OK, view::form(&visit, form, &Given::default(), &Faults::default())),
        Err(status) => refused(&head.headers, &status),
    }
}

/// Takes a sent form, does what it asks for, and leads to the page that comes next.
async fn take(identity: &Channel, form: &'static Form, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let visit = match Visit::open_for(identity, &head, form).await {
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    let given = given(form, body).await;
    let done = if door::is_from_here(&head) {
        done(&visit, form, &given).await
    } else {
        Err(Faults::said(StatusCode::FORBIDDEN, visit.words.say("sent-from-elsewhere")))
    };
    match done {
        Ok(next) => visit.go(&next),
        Err(faults) => visit.answer(faults.status, view::form(&visit, form, &given, &faults)),
    }
}

/// What the fields of a sent form hold. A body that cannot be read holds nothing, and every field is then missing.
async fn given(form: &'static Form, body: Body) -> Given {
    Given::read(form, &to_bytes(body, FORM_BYTES).await.unwrap_or_default())
}

async fn done(visit: &Visit, form: &'static Form, given: &Given) -> Result<Next, Faults> {
    if let Some(field) = form.unlike(given) {
        return Err(Faults::of_field(field.name, visit.words.say("not-the-same")));
    }
    form.deed.carry_out(visit, given).await.or_else(|status| {
        // whose session has ended signs in again; elsewhere the refusal is about what was typed
        let is_over = form.needs_session && status.code() == Code::Unauthenticated;
        if is_over { Ok(over()) } else { Err(Faults::of(form, visit.words.language(), &status)) }
    })
}

/// Where a reader goes whose session is over.
fn over() -> Next {
    Next { cookie: Cookie::Forget, done: Some("session-over"), ..Next::to("sign-in") }
}

/// Says who is signed in, and what they can do here.
async fn account(State(identity): State<Channel>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let visit = match Visit::open_naming_providers(&identity, &head).await {
        Ok(visit) if visit.session.is_none() => return visit.go(&Next::to("sign-in")),
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    match visit.account().await {
        Ok(account) if account.password_change_needed => visit.go(&Next::to("change-password")),
        Ok(account) => visit.answer(StatusCode::OK, view::account(&visit, &account)),
        Err(status) if status.code() == Code::Unauthenticated => visit.go(&over()),
        Err(status) if lacks_factor(&status) => visit.go(&Next::to("confirm-factor")),
        Err(status) => view::refused(visit.words.language(), &status),
    }
}

fn lacks_factor(refused: &Status) -> bool {
    refused.get_details_error_info().is_some_and(|info| info.reason == "SECOND_FACTOR_NEEDED")
}

/// Says where to sign in for the work of a pair. It says the same of pairs that do not exist.
async fn pair(State(identity): State<Channel>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let visit = match Visit::open(&identity, &head).await {
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    match visit.homes().await {
        Ok(homes) => visit.answer(StatusCode::OK, view::pair(&visit, &homes)),
        Err(status) => view::refused(visit.words.language(), &status),
    }
}

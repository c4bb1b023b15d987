//! The portal: plain pages for people, at `/{tenant}/…`, where the links in letters lead. Every page works without script but for those on
//! which a browser makes or uses a passkey, which it cannot do otherwise: there one script runs, and nothing else could. Each is in the
//! reader's language, and is a client of the API like any other: what a form asks for is a call, and what is refused is said beside
//! the field in the words of the API. No rule of the programme is here.
//!
//! The path of a request:
//!
//! 1. `page` has the table of forms: path, fields, and the `Deed` that a sent form asks for. A new form is a line there, its words,
//!    and an arm in `deed`.
//! 2. `visit` learns who comes: the tenant, the language, the session of the cookie. `door` lets in only forms that a page of this
//!    site has sent.
//! 3. `deed` and `own` call the API, with the reader's address and language; `choices` asks it what a form lets choose among. `faults`
//!    tells what a refusal says to which field.
//! 4. `view` writes the page, with the words of `words`.
//!
//! A code never stands in a path or a query, where it would be logged. The link in a letter has it after `#`, which no server sees, so
//! the page asks for it. Identity providers alone append one to the address of the page that they lead back to (`provider`), which works
//! once, and only for the browser that has gone there.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected has failed"))]

mod choices;
mod deed;
mod door;
mod faults;
mod own;
mod page;
mod provider;
mod qr;
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
use maud::Markup;
use proto::identity::v1 as pb;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

use self::{
    deed::{Cookie, Done, Next},
    faults::Faults,
    page::{FORMS, Form, Given, Passkey},
    view::Beside,
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
        .route("/passkey.js", get(script))
        .route("/{tenant}/account", get(account))
        .route("/{tenant}/provider/{provider}", get(provider::back).post(provider::link))
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
    file("text/css; charset=utf-8", include_str!("style.css"))
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("passkey.js"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

/// Shows a form.
async fn show(identity: &Channel, form: &'static Form, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match Visit::open_for(identity, &head, form).await {
        Ok(visit) if form.needs_session && visit.session.is_none() => visit.go(&Next::to("sign-in")),
        // what is made here was begun on the page before
        Ok(visit) if form.passkey == Some(Passkey::Create) => visit.go(&Next::to("passkeys")),
        Ok(visit) => {
            let visit = if form.needs_session { visit } else { visit.anonymous() };
            let given = Given::opened_for(form, head.uri.query().unwrap_or_default());
            page(&visit, form, given, &Faults::default()).await
        }
        Err(status) => refused(&head.headers, &status),
    }
}

/// The page of a form, with what has to be asked for before it is shown.
async fn page(visit: &Visit, form: &'static Form, given: Given, faults: &Faults) -> Response {
    match beside(visit, form, given).await {
        Ok((given, beside)) => shown(visit, form, faults.status, view::form(visit, form, &given, faults, &beside)),
        Err(status) => out(visit, &status),
    }
}

/// What the page of a form shows beside its fields.
async fn beside(visit: &Visit, form: &Form, given: Given) -> Result<(Given, Beside), Status> {
    let choices = choices::of(visit, form.deed).await?;
    if form.path == "passkeys" {
        return Ok((given, Beside { passkeys: visit.passkeys().await?, ..Beside::default() }));
    }
    if form.passkey == Some(Passkey::Get) {
        let begun = visit.begin_sign_in().await?;
        let given = given.with("ceremony", begun.ceremony).with("credential", String::new());
        return Ok((given, Beside { options: begun.options, ..Beside::default() }));
    }
    Ok((given, Beside { choices, ..Beside::default() }))
}

/// Where a reader goes whom the API refuses what a page is made of.
fn out(visit: &Visit, refused: &Status) -> Response {
    match refused.get_details_error_info().map(|info| info.reason).as_deref() {
        Some("SECOND_FACTOR_NEEDED") => visit.go(&Next::to("confirm-factor")),
        Some("ENROLMENT_NEEDED") => visit.go(&Next::to("begin-factor")),
        Some("PASSWORD_CHANGE_NEEDED") => visit.go(&Next::to("change-password")),
        _ if refused.code() == Code::Unauthenticated => visit.go(&over()),
        _ => view::refused(visit.words.language(), refused),
    }
}

/// A page, on which the one script runs where a browser makes or uses a passkey.
fn shown(visit: &Visit, form: &Form, status: StatusCode, page: Markup) -> Response {
    let answer = visit.answer(status, page);
    if form.passkey.is_some() { view::running(answer) } else { answer }
}

/// The page on which a browser makes the passkey that was begun.
fn making(visit: &Visit, given: &Given, begun: pb::BeginPasskeyResponse) -> Response {
    let Some(form) = FORMS.iter().find(|form| form.passkey == Some(Passkey::Create)) else {
        return visit.go(&Next::to("passkeys"));
    };
    let given = Given::default().with("ceremony", begun.ceremony).with("passkey-name", given.copied("passkey-name"));
    let beside = Beside { options: begun.options, ..Beside::default() };
    shown(visit, form, StatusCode::OK, view::form(visit, form, &given, &Faults::default(), &beside))
}

/// Takes a sent form, does what it asks for, and leads to the page that comes next.
async fn take(identity: &Channel, form: &'static Form, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let visit = match Visit::open_for(identity, &head, form).await {
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    let visit = if form.needs_session { visit } else { visit.anonymous() };
    let given = given(form, body).await;
    let done = if door::is_from_here(&head) {
        done(&visit, form, &given).await
    } else {
        Err(Faults::said(StatusCode::FORBIDDEN, visit.words.say("sent-from-elsewhere")))
    };
    match done {
        Ok(Done::Go(next)) => visit.go(&next),
        Ok(Done::Told(told)) => visit.tell(&told),
        Ok(Done::Making(begun)) => making(&visit, &given, begun),
        Err(faults) => page(&visit, form, given, &faults).await,
    }
}

/// What the fields of a sent form hold. A body that cannot be read holds nothing, and every field is then missing.
async fn given(form: &'static Form, body: Body) -> Given {
    Given::read(form, &to_bytes(body, FORM_BYTES).await.unwrap_or_default())
}

async fn done(visit: &Visit, form: &'static Form, given: &Given) -> Result<Done, Faults> {
    if let Some(field) = form.unlike(given) {
        return Err(Faults::of_field(field.name, visit.words.say("not-the-same")));
    }
    form.deed.carry_out(visit, given).await.or_else(|status| {
        // whose session has ended signs in again; elsewhere the refusal is about what was typed
        let is_over = form.needs_session && status.code() == Code::Unauthenticated;
        if is_over { Ok(Done::Go(over())) } else { Err(Faults::of(form, visit.words.language(), &status)) }
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
        Ok((account, factor)) => visit.answer(StatusCode::OK, view::account(&visit, &account, factor.as_ref())),
        Err(status) => out(&visit, &status),
    }
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

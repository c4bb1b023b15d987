//! The pages as HTML (WCAG 2.2 AA). They are without script, but for those on which a browser makes or uses a passkey.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use maud::{DOCTYPE, Markup, html};
use platform::Language;
use proto::identity::v1 as pb;
use tonic::Status;

use crate::{
    choices::Choice,
    faults::{Faults, general, http_status},
    page::{Field, Form, Given, LINK_PROVIDER},
    visit::Visit,
    words::Words,
};

mod own;
mod provider;

pub(crate) use own::{account, told};
use provider::{buttons, elsewhere};
pub(crate) use provider::{linking, not_signed_in, onward};

/// Nothing is loaded but the one style sheet, and nothing runs.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The same, but for the one script of a page on which a browser makes or uses a passkey.
const POLICY_OF_PASSKEYS: &str = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
                                  script-src 'self'";

/// Lets the one script run on a page.
pub(crate) fn running(mut page: Response) -> Response {
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_OF_PASSKEYS));
    page
}

/// A page as an answer.
pub(crate) fn answer(status: StatusCode, language: Language, page: Markup) -> Response {
    let headers: [(HeaderName, HeaderValue); 8] = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        // with `no-referrer` browsers would not say the origin of a form either
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (VARY, HeaderValue::from_static("accept-language, cookie")),
    ];
    (status, headers, page.into_string()).into_response()
}

/// What the page of a form shows beside its fields.
#[derive(Default)]
pub(crate) struct Beside {
    /// The options of what a browser is asked for, as JSON. Empty: nothing was begun, so that there is no form.
    pub(crate) options: String,
    /// The reader's passkeys.
    pub(crate) passkeys: Vec<pb::Passkey>,
    /// What the reader chooses among. None: the form asks for no choice.
    pub(crate) choices: Option<Vec<Choice>>,
}

/// The page of a form, with what stands beside it, what was typed and what is wrong with it.
pub(crate) fn form(visit: &Visit, form: &Form, given: &Given, faults: &Faults, beside: &Beside) -> Markup {
    let words = visit.words;
    let name = |part: &str| format!("form-{}{part}", form.path);
    let title = words.say(&name(""));
    let content = html! {
        h1 { (title) }
        (done(visit))
        (summary(words, form, faults))
        @if beside.choices.as_ref().is_some_and(Vec::is_empty) { p { (words.say(&name(".none"))) } }
        @else {
            p { (words.say(&name(".lead"))) }
            (own_passkeys(visit, &beside.passkeys))
            (asking(visit, form, given, faults, beside))
        }
        @if form.names_providers() && !form.is_sent_by_provider() { (elsewhere(visit)) }
        @if !form.ways_out.is_empty() {
            ul.ways { @for way in form.ways_out.iter().filter(|way| leads(visit, way)) { li { (link(visit, way)) } } }
        }
    };
    let title = if faults.is_empty() { title } else { words.say_with("title-of-faults", &[("title", &title)]) };
    let script = html! { @if form.passkey.is_some() { script src="/passkey.js" defer {} } };
    document(words, &title, Some(visit), &html! { (content) (script) })
}

/// Whether a way out leads anywhere in this tenant.
fn leads(visit: &Visit, way: &str) -> bool {
    way != LINK_PROVIDER || !visit.providers.is_empty()
}

/// The form itself. The one that the script sends is shown by the script.
fn asking(visit: &Visit, form: &Form, given: &Given, faults: &Faults, beside: &Beside) -> Markup {
    let choices = beside.choices.as_deref().unwrap_or_default();
    let content = html! {
        (fields(visit.words, form, given, faults, choices))
        @if form.is_sent_by_provider() { (buttons(visit, form.path)) }
        @else { button type="submit" { (visit.words.say(&format!("form-{}.button", form.path))) } }
    };
    let to = visit.address(form.path);
    match form.passkey {
        None => html! { form method="post" action=(to) novalidate { (content) } },
        Some(passkey) => html! {
            (aloud(visit.words))
            @if !beside.options.is_empty() {
                form method="post" action=(to) data-passkey=(passkey.method()) data-options=(beside.options) hidden { (content) }
            }
        },
    }
}

/// The fields of a form.
fn fields(words: Words, form: &Form, given: &Given, faults: &Faults, choices: &[Choice]) -> Markup {
    let first = form.fields.iter().find(|field| !field.is_hidden()).map(|field| field.name);
    html! {
        @for field in form.fields.iter().filter(|field| !field.is_button()) {
            @if field.is_hidden() { input type="hidden" name=(field.name) value=(given.get(field.name)); }
            @else if field.kind == "radio" { (radios(words, field, given, faults, choices)) }
            @else { (input(words, field, given, faults, first == Some(field.name))) }
        }
    }
}

/// What a reader is told whose browser runs no script, or has no passkeys, or has not made or used one.
fn aloud(words: Words) -> Markup {
    html! {
        noscript { p { (words.say("passkey-without-script")) } }
        div role="status" {
            @for said in ["unable", "undone"] {
                p data-said=(said) hidden { (words.say(&format!("passkey-{said}"))) }
            }
        }
    }
}

/// The passkeys that a reader has, each with the way to remove it.
fn own_passkeys(visit: &Visit, passkeys: &[pb::Passkey]) -> Markup {
    let words = visit.words;
    html! {
        @if !passkeys.is_empty() {
            h2 { (words.say("passkeys-own")) }
            ul.ways {
                @for passkey in passkeys {
                    li {
                        a href={ (visit.address("remove-passkey")) "?passkey=" (passkey.id) } {
                            (words.say_with("passkey-remove", &[("name", &passkey.name)]))
                        }
                    }
                }
            }
        }
    }
}

/// The page that says where to sign in for the work of a pair.
pub(crate) fn pair(visit: &Visit, homes: &[pb::Tenant]) -> Markup {
    let words = visit.words;
    let content = html! {
        h1 { (words.say("pair")) }
        p { (words.say("pair.lead")) }
        ul.ways {
            @for home in homes.iter().chain([&visit.tenant]) {
                li { a href={ "/" (home.id) "/sign-in" } { span lang=[home.locales.first()] { (home.name) } } }
            }
        }
    };
    document(words, &words.say("pair"), Some(visit), &content)
}

/// The page of a refusal that no form is to blame for.
pub(crate) fn refused(language: Language, status: &Status) -> Response {
    let words = Words::of(language);
    let content = html! {
        h1 { (words.say("errors")) }
        p { (general(language, status)) }
    };
    answer(http_status(status), language, document(words, &words.say("errors"), None, &content))
}

fn link(visit: &Visit, page: &str) -> Markup {
    let text = if page == "account" { "account".to_owned() } else { format!("form-{page}") };
    html! { a href=(visit.address(page)) { (visit.words.say(&text)) } }
}

/// What was done before.
fn done(visit: &Visit) -> Markup {
    html! {
        @if let Some(done) = visit.done { p.done role="status" { (visit.words.say(&format!("done-{done}"))) } }
    }
}

/// What is wrong, in one place that the page begins at, with a link to each field.
fn summary(words: Words, form: &Form, faults: &Faults) -> Markup {
    let in_order = form.fields.iter().flat_map(|field| faults.of_the(field.name).map(move |said| (field.name, said)));
    html! {
        @if !faults.is_empty() {
            div.faults role="group" tabindex="-1" autofocus aria-labelledby="faults" {
                h2 id="faults" { (words.say("errors")) }
                ul {
                    @for said in &faults.others { li { (said) } }
                    @for (field, said) in in_order { li { a href={ "#" (field) } { (words.say(&format!("field-{field}"))) ": " (said) } } }
                }
            }
        }
    }
}

fn input(words: Words, field: &Field, given: &Given, faults: &Faults, is_first: bool) -> Markup {
    let name = field.name;
    let hint = words.find(&format!("field-{name}.hint"), &[]);
    let wrong: Vec<_> = faults.of_the(name).collect();
    let described: Vec<_> =
        [hint.is_some().then(|| format!("{name}-hint")), (!wrong.is_empty()).then(|| format!("{name}-fault"))]
            .into_iter()
            .flatten()
            .collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let value = (!field.is_secret()).then(|| given.get(name)).filter(|value| !value.is_empty());
    html! {
        div.field.wrong[!wrong.is_empty()] {
            label for=(name) { (words.say(&format!("field-{name}"))) }
            @if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
            @if !wrong.is_empty() { p.fault id={ (name) "-fault" } { (wrong.join(" ")) } }
            input id=(name) name=(name) type=(field.kind) autocomplete=(field.autocomplete) value=[value] required[!field.is_optional]
                autocapitalize="none" spellcheck="false" aria-describedby=[described]
                aria-invalid=[(!wrong.is_empty()).then_some("true")] autofocus[is_first && faults.is_empty()];
        }
    }
}

/// A field whose reader chooses one of several things.
fn radios(words: Words, field: &Field, given: &Given, faults: &Faults, choices: &[Choice]) -> Markup {
    let name = field.name;
    let wrong: Vec<_> = faults.of_the(name).collect();
    let described = (!wrong.is_empty()).then(|| format!("{name}-fault"));
    html! {
        fieldset.field.wrong[!wrong.is_empty()] aria-describedby=[described] {
            legend { (words.say(&format!("field-{name}"))) }
            @if !wrong.is_empty() { p.fault id={ (name) "-fault" } { (wrong.join(" ")) } }
            @for (at, choice) in choices.iter().enumerate() {
                // a link to the field leads to its first choice
                @let id = if at == 0 { name.to_owned() } else { format!("{name}-{at}") };
                div.choice {
                    input id=(id) name=(name) type="radio" value=(choice.value) checked[given.get(name) == choice.value];
                    label for=(id) { (choice.words) }
                }
            }
        }
    }
}

fn document(words: Words, title: &str, visit: Option<&Visit>, content: &Markup) -> Markup {
    let programme = visit.map_or("Koine", |visit| visit.tenant.name.as_str());
    html! {
        (DOCTYPE)
        html lang=(words.language().tag()) {
            head {
                meta charset="utf-8";
                title { (title) " – " (programme) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                link rel="stylesheet" href="/portal.css";
            }
            body {
                a.skip href="#content" { (words.say("skip")) }
                header {
                    p.programme lang=[visit.and_then(|visit| visit.tenant.locales.first())] { (programme) }
                    @if let Some(visit) = visit { (languages(visit)) }
                }
                main id="content" { (content) }
            }
        }
    }
}

/// The links to the same page in each language.
fn languages(visit: &Visit) -> Markup {
    html! {
        nav aria-label=(visit.words.say("languages")) {
            ul {
                @for language in Language::all() {
                    @let is_current = language == visit.words.language();
                    li {
                        a href={ (visit.path) "?language=" (language.tag()) } lang=(language.tag()) hreflang=(language.tag())
                            aria-current=[is_current.then_some("true")] { (Words::of(language).say("language")) }
                    }
                }
            }
        }
    }
}

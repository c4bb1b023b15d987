//! The pages as HTML, without script (WCAG 2.2 AA).

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
    faults::{Faults, general, http_status},
    page::{Field, Form, Given},
    provider::{PROVIDER, Said},
    visit::Visit,
    words::Words,
};

/// Nothing is loaded but the one style sheet, and nothing runs.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

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

/// The page of a form, with what was typed and what is wrong with it.
pub(crate) fn form(visit: &Visit, form: &Form, given: &Given, faults: &Faults) -> Markup {
    let words = visit.words;
    let name = |part: &str| format!("form-{}{part}", form.path);
    let title = words.say(&name(""));
    let content = html! {
        h1 { (title) }
        (done(visit))
        (summary(words, form, faults))
        p { (words.say(&name(".lead"))) }
        form method="post" action=(visit.address(form.path)) novalidate {
            @for field in form.fields.iter().filter(|field| !field.is_button()) {
                (input(words, field, given, faults, form.fields.first().is_some_and(|first| first.name == field.name)))
            }
            @if form.is_sent_by_provider() { (buttons(visit, form.path)) } @else { button type="submit" { (words.say(&name(".button"))) } }
        }
        @if form.names_providers() && !form.is_sent_by_provider() { (elsewhere(visit)) }
        @if !form.ways_out.is_empty() {
            ul.ways { @for way in form.ways_out { li { (link(visit, way)) } } }
        }
    };
    let title = if faults.is_empty() { title } else { words.say_with("title-of-faults", &[("title", &title)]) };
    document(words, &title, Some(visit), &content)
}

/// A button for each identity provider of the tenant.
fn buttons(visit: &Visit, path: &str) -> Markup {
    let said = |name: &str| visit.words.say_with(&format!("form-{path}.button"), &[(PROVIDER, name)]);
    html! {
        @for (at, known) in visit.providers.iter().enumerate() {
            button type="submit" id=[(at == 0).then_some(PROVIDER)] name=(PROVIDER) value=(known.code) { (said(&known.name)) }
        }
    }
}

/// The ways to sign in by the identity providers of the tenant.
fn elsewhere(visit: &Visit) -> Markup {
    html! {
        @if !visit.providers.is_empty() {
            form.elsewhere method="post" action=(visit.address("provider-sign-in")) { (buttons(visit, "provider-sign-in")) }
        }
    }
}

/// The page that leads on by itself, to another site or to a page that must be opened from this one, with the link for who waits.
pub(crate) fn onward(visit: &Visit, to: &str) -> Markup {
    let words = visit.words;
    let content = html! {
        h1 { (words.say("onward")) }
        p { (words.say("onward.lead")) }
        ul.ways { li { a href=(to) rel="noreferrer" { (words.say("onward.link")) } } }
    };
    document(words, &words.say("onward"), Some(visit), &content)
}

/// The page on which somebody who has come back from an identity provider links their account.
pub(crate) fn linking(visit: &Visit, said: &Said) -> Markup {
    let words = visit.words;
    let content = html! {
        h1 { (words.say("form-link-provider")) }
        p { (words.say("provider.link")) }
        form method="post" action=(visit.address(PROVIDER)) {
            @for (name, value) in [("state", &said.state), ("code", &said.code), ("iss", &said.iss)] {
                input type="hidden" name=(name) value=(value);
            }
            button type="submit" { (words.say("provider.button")) }
        }
        ul.ways { li { (link(visit, "account")) } }
    };
    document(words, &words.say("form-link-provider"), Some(visit), &content)
}

/// The page that says why an identity provider has opened nothing.
pub(crate) fn not_signed_in(visit: &Visit, said: &str) -> Markup {
    let words = visit.words;
    let content = html! {
        h1 { (words.say("provider")) }
        p { (said) }
        ul.ways { @for way in ["sign-in", "account"] { li { (link(visit, way)) } } }
    };
    document(words, &words.say("provider"), Some(visit), &content)
}

/// The page that says who is signed in.
pub(crate) fn account(visit: &Visit, account: &pb::Account) -> Markup {
    let words = visit.words;
    let name = format!("{} {}", account.given_name, account.surname);
    let content = html! {
        h1 { (words.say("account")) }
        (done(visit))
        p { (words.say("account.who")) }
        // a team has no name of its own here
        @if !name.trim().is_empty() { p.who { (name) } }
        p.who { (account.login) }
        p { (words.say("account.next")) }
        ul.ways {
            li { (link(visit, "change-password")) }
            // a team is a class, which no provider knows
            @if !visit.providers.is_empty() && account.team_id.is_empty() { li { (link(visit, "link-provider")) } }
            li { (link(visit, "sign-out")) }
        }
    };
    document(words, &words.say("account"), Some(visit), &content)
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

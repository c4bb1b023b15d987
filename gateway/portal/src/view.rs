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
use proto::{identity::v1 as pb, options::v1::Role};
use tonic::Status;

use crate::{
    choices::Choice,
    faults::{Faults, general, http_status},
    own::Once,
    page::{FORMS, Field, Form, Given},
    qr,
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

/// The page of a form, with what it lets choose among, what was typed and what is wrong with it.
pub(crate) fn form(visit: &Visit, form: &Form, given: &Given, faults: &Faults, choices: Option<&[Choice]>) -> Markup {
    let words = visit.words;
    let name = |part: &str| format!("form-{}{part}", form.path);
    let title = words.say(&name(""));
    let content = html! {
        h1 { (title) }
        (done(visit))
        (summary(words, form, faults))
        @if choices.is_some_and(<[Choice]>::is_empty) { p { (words.say(&name(".none"))) } }
        @else { p { (words.say(&name(".lead"))) } (fields(visit, form, given, faults, choices.unwrap_or_default())) }
        @if !form.ways_out.is_empty() {
            ul.ways { @for way in form.ways_out { li { (link(visit, way)) } } }
        }
    };
    let title = if faults.is_empty() { title } else { words.say_with("title-of-faults", &[("title", &title)]) };
    document(words, &title, Some(visit), &content)
}

fn fields(visit: &Visit, form: &Form, given: &Given, faults: &Faults, choices: &[Choice]) -> Markup {
    let words = visit.words;
    html! {
        form method="post" action=(visit.address(form.path)) novalidate {
            @for (at, field) in form.fields.iter().enumerate() {
                @if field.kind == "radio" { (radios(words, field, given, faults, choices)) }
                @else { (input(words, field, given, faults, at == 0)) }
            }
            button type="submit" { (words.say(&format!("form-{}.button", form.path))) }
        }
    }
}

/// The page that says who is signed in.
pub(crate) fn account(visit: &Visit, account: &pb::Account, factor: Option<&pb::Factor>) -> Markup {
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
        ul.ways { @for way in ways(account, factor) { li { (link(visit, way)) } } }
    };
    document(words, &words.say("account"), Some(visit), &content)
}

/// The pages of what somebody can do for themselves.
fn ways(account: &pb::Account, factor: Option<&pb::Factor>) -> Vec<&'static str> {
    let mut ways = vec!["change-password"];
    if let Some(factor) = factor {
        ways.push("change-email");
        match factor.enrolled_at {
            Some(_) => ways.extend(["replace-codes", "give-up-factor"]),
            None => ways.push("begin-factor"),
        }
    }
    if account.roles().count() > 1 {
        ways.push("switch-role");
    }
    if account.roles().any(|role| role == Role::Integrator) {
        ways.push("make-token");
    }
    ways.extend(["end-sessions", "sign-out"]);
    ways
}

/// The page that shows something once.
pub(crate) fn told(visit: &Visit, once: &Once) -> Markup {
    let words = visit.words;
    let name = match once {
        Once::App { .. } => "told-app",
        Once::RecoveryCodes(_) => "told-codes",
        Once::Secret(_) => "told-secret",
    };
    let next = FORMS.iter().find(|form| form.path == "enrol-factor");
    let content = html! {
        h1 { (words.say(name)) }
        p { (words.say(&format!("{name}.lead"))) }
        @match once {
            Once::App { uri, secret } => {
                (qr::picture(uri, &words.say("told-app.picture")))
                p { (words.say("told-app.secret")) }
                p.once { code { (in_fours(secret)) } }
                @if let Some(form) = next { (fields(visit, form, &Given::default(), &Faults::default(), &[])) }
            }
            Once::RecoveryCodes(codes) => ul.once { @for code in codes { li { code { (code) } } } },
            Once::Secret(secret) => p.once { code { (secret) } },
        }
        ul.ways { li { (link(visit, "account")) } }
    };
    document(words, &words.say(name), Some(visit), &content)
}

/// A text in groups of four, as people read it aloud and apps take it.
fn in_fours(text: &str) -> String {
    let letters: Vec<_> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
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

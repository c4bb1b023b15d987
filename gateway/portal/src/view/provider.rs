//! The way to an identity provider and back.

use maud::{Markup, html};

use super::{document, link};
use crate::{
    provider::{PROVIDER, Said},
    visit::Visit,
};

/// A button for each identity provider of the tenant.
pub(super) fn buttons(visit: &Visit, path: &str) -> Markup {
    let said = |name: &str| visit.words.say_with(&format!("form-{path}.button"), &[(PROVIDER, name)]);
    html! {
        @for (at, known) in visit.providers.iter().enumerate() {
            button type="submit" id=[(at == 0).then_some(PROVIDER)] name=(PROVIDER) value=(known.code) { (said(&known.name)) }
        }
    }
}

/// The ways to sign in by the identity providers of the tenant.
pub(super) fn elsewhere(visit: &Visit) -> Markup {
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
        form method="post" action={ (visit.address(PROVIDER)) "/" (said.provider) } {
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

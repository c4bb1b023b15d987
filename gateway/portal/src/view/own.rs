//! What people see of their own account.

use maud::{Markup, html};
use proto::{identity::v1 as pb, options::v1::Role};

use super::{Beside, asking, document, done, link};
use crate::{
    faults::Faults,
    own::Once,
    page::{FORMS, Given, LINK_PROVIDER},
    qr,
    visit::Visit,
};

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
        ul.ways { @for way in ways(visit, account, factor) { li { (link(visit, way)) } } }
    };
    document(words, &words.say("account"), Some(visit), &content)
}

/// The pages of what somebody can do for themselves.
fn ways(visit: &Visit, account: &pb::Account, factor: Option<&pb::Factor>) -> Vec<&'static str> {
    let mut ways = vec!["change-password"];
    if let Some(factor) = factor {
        ways.push("change-email");
        ways.push("passkeys");
        if !visit.providers.is_empty() {
            ways.push(LINK_PROVIDER);
        }
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
                @if let Some(form) = next { (asking(visit, form, &Given::default(), &Faults::default(), &Beside::default())) }
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

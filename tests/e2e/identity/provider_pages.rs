//! Coming in by an identity provider through the pages, as a browser without script does.

use http::{StatusCode, header};
use serde_json::json;
use tests::{
    Answer, Reader, World,
    issuer::{Issuer, Mood},
    oidc::decoded,
};

use super::{factor::OWN, factor_required::required_beside};

/// Where a page leads that leads on by itself.
#[track_caller]
fn onward(page: &Answer) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let to = page.headers.get(header::REFRESH).unwrap_or_else(|| panic!("{} leads nowhere: {}", page.of, page.text()));
    to.to_str().expect("a URL").strip_prefix("0; url=").expect("at once").to_owned()
}

#[track_caller]
fn says(page: &Answer, words: &str) {
    assert!(page.text().contains(words), "{}: `{words}` is not in {}", page.of, page.text());
}

/// The page that the issuer leads back to, with what it appends.
fn back(issuer: &Issuer, url: &str) -> String {
    let mut said = issuer.signs_in(url);
    let provider = said.remove("provider").expect("a page");
    let said: Vec<_> = said.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("/it/provider/{provider}?{}", said.join("&"))
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1).and_then(|rest| rest.split('"').next());
    decoded(field.unwrap_or_else(|| panic!("no {name} in {page}")))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_reader_links_an_account_and_signs_in_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let issuer = Issuer::start(world.clock()).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = Reader::new(world.http(), "hr");
    assert!(!ana.open("/it/sign-in").await.text().contains("provider-sign-in"), "there is none");
    world.add_to_tenant("it", &issuer.table("school", ""));
    says(&ana.open("/it/sign-in").await, "Prijavite se putem: The school login");
    let form = [("login", teacher.login()), ("password", OWN)];
    says(&ana.fill("/it/sign-in", &form, "/it/account").await, "/it/link-provider");

    let wrong = ana.send("/it/link-provider", &[("current-password", "not it"), ("provider", "school")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    says(&wrong, "current-password-fault");
    let away = ana.send("/it/link-provider", &[("current-password", OWN), ("provider", "school")]).await;
    let page = ana.open(&back(&issuer, &onward(&away))).await;
    let (state, code) = (hidden(&page.text(), "state"), hidden(&page.text(), "code"));
    let form = [("state", &*state), ("code", &*code), ("iss", "")];
    let page = ana.fill("/it/provider/school", &form, "/it/account?done=link-provider").await;
    says(&page, "Vaš je račun povezan.");
    assert_eq!(ana.cookie("provider"), None);

    let mut later = Reader::new(world.http(), "hr");
    let away = later.send("/it/provider-sign-in", &[("provider", "school")]).await;
    let cookie = away.headers[header::SET_COOKIE].to_str().expect("ASCII");
    assert!(cookie.contains("Path=/it/provider; HttpOnly; SameSite=Lax"), "{cookie}");
    let page = later.open(&back(&issuer, &onward(&away))).await;
    assert_eq!(onward(&page), "/it/account");
    says(&later.open("/it/account").await, "Ana Kos");
    assert_eq!(later.cookie("provider"), None);
    for secret in [&*state, &*code, later.cookie("session").expect("a session")] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_way_that_ends_says_why_and_what_to_do() {
    let world = World::of(&["it"]).start().await;
    let issuer = Issuer::start(world.clock()).await;
    world.add_to_tenant("it", &issuer.table("school", ""));
    let mut ana = Reader::new(world.http(), "hr");
    let go = [("provider", "school")];
    // whom nobody is linked with
    let away = ana.send("/it/provider-sign-in", &go).await;
    let page = ana.open(&back(&issuer, &onward(&away))).await;
    says(&page, "Prijavite se lozinkom, zatim povežite svoj račun.");
    assert!(page.text().contains("href=\"/it/sign-in\"") && ana.cookie("session").is_none());
    // who comes back twice, or never went
    let again = ana.open("/it/provider/school?code=x&state=y").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    says(&again, "Počnite ispočetka.");
    // who did not want to, after all
    let away = ana.send("/it/provider-sign-in", &go).await;
    assert!(!onward(&away).is_empty());
    says(&ana.open("/it/provider/school?error=access_denied&state=x").await, "Niste dovršili prijavu.");
    // an answer that another browser has asked for
    let away = ana.send("/it/provider-sign-in", &go).await;
    let said = back(&issuer, &onward(&away));
    let mut other = Reader::new(world.http(), "hr");
    other.send("/it/provider-sign-in", &go).await;
    says(&other.open(&said).await, "Odgovor usluge za prijavu ne pripada ovamo");
    // nobody links an account from elsewhere
    let strange =
        ana.clone().with("origin", "https://evil.example").send("/it/provider/school", &[("code", "x")]).await;
    assert_eq!(strange.status, StatusCode::FORBIDDEN);
    issuer.is_now(Mood::Page);
    world.passes_by(jiff::SignedDuration::from_mins(20)).await;
    let page = ana.send("/it/provider-sign-in", &go).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    says(&page, "Usluga za prijavu trenutačno nije dostupna.");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_reader_whose_role_needs_more_links_an_account_and_signs_in_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let issuer = Issuer::start(world.clock()).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    required_beside(&world, &["teacher"], &issuer.table("school", "second_factor = { amr = [\"mfa\"] }"));
    issuer.twists(|token| token.claims["amr"] = json!(["mfa"]));
    let mut ana = Reader::new(world.http(), "en");
    let form = [("login", teacher.login()), ("password", OWN)];
    says(&ana.fill("/it/sign-in", &form, "/it/begin-factor").await, "/it/link-provider");
    let away = ana.send("/it/link-provider", &[("current-password", OWN), ("provider", "school")]).await;
    let page = ana.open(&back(&issuer, &onward(&away))).await;
    let (state, code) = (hidden(&page.text(), "state"), hidden(&page.text(), "code"));
    let form = [("state", &*state), ("code", &*code), ("iss", "")];
    says(&ana.fill("/it/provider/school", &form, "/it/sign-in?done=link-provider").await, "Your account is linked.");

    // the password is not enough from now on, and the page says by what one comes in
    let form = [("login", teacher.login()), ("password", OWN)];
    let page = ana.fill("/it/sign-in", &form, "/it/sign-in?done=provider-needed").await;
    says(&page, "sign in with the service that you linked");
    let away = ana.send("/it/provider-sign-in", &[("provider", "school")]).await;
    assert_eq!(onward(&ana.open(&back(&issuer, &onward(&away))).await), "/it/account");
    says(&ana.open("/it/account").await, "Ana Kos");
    world.end().await;
}

//! Who calls is spoken to in a language of their own, in every protocol and by whoever refuses; machine words stay as they are.

use http::{Method, StatusCode};
use proto::identity::v1::{SignInRequest, session_service_client::SessionServiceClient};
use serde_json::{Value, json};
use tests::{Answer, World, path::text};
use tonic::{Request, Status};
use tonic_types::StatusExt;

mod catalogues;
mod pages;

/// A browser of somebody who reads Croatian best.
const CROATIAN: &str = "hr,en;q=0.5";

async fn post(world: &World, path: &str, language: &[&str], body: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(language.iter().map(|language| ("accept-language", *language)));
    world.http().send(Method::POST, path, &headers, body.to_owned()).await
}

/// A sign-in that is refused.
async fn sign_in(world: &World, tenant: &str, language: &[&str]) -> Answer {
    let guess = r#"{"login": "nobody@school.example", "password": "a guess"}"#;
    post(world, &format!("/{tenant}/v1/sessions"), language, guess).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_croatian_teacher_reads_why_a_call_was_refused() {
    let world = World::of(&["hr"]).start().await;
    let answer = sign_in(&world, "hr", &[CROATIAN]).await;
    let problem = answer.refused("SIGN_IN_FAILED");
    assert_eq!(problem["title"], "Ime ili lozinka nisu točni ili Vaša adresa još nije potvrđena");
    let told = "Ime ili lozinka nisu točni ili Vaša adresa još nije potvrđena. Provjerite oboje; ako ste se tek registrirali, \
                otvorite poveznicu iz poruke koju smo Vam poslali ili zatražite novu.";
    assert_eq!(problem["detail"], told);
    assert_eq!(header(&answer, "content-language"), "hr");
    assert!(header(&answer, "vary").contains("accept-language"), "{:?}", answer.headers);

    let plain = sign_in(&world, "hr", &[]).await;
    assert_eq!(header(&plain, "content-language"), "en");
    let plain = plain.refused("SIGN_IN_FAILED");
    assert_eq!(problem["message"], plain["detail"], "what developers read is what was there before");
    for machine in ["type", "status", "code", "domain", "metadata"] {
        assert_eq!(problem[machine], plain[machine], "{machine}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_croatian_teacher_reads_what_is_wrong_with_each_field() {
    let world = World::of(&["hr"]).start().await;
    let form = r#"{"email": "nobody", "givenName": "Ana", "surname": "Kos"}"#;
    let problem = post(&world, "/hr/v1/accounts", &[CROATIAN], form).await.refused("FIELDS_INVALID");
    let said: Vec<_> = problem["violations"].as_array().expect("violations").iter().collect();
    assert_eq!(said.len(), 2, "{problem}");
    assert_eq!((&said[0]["field"], &said[0]["reason"]), (&json!("email"), &json!("FIELDS_INVALID")));
    assert_eq!(said[0]["description"], "Ovo nije adresa e-pošte. Upišite je u obliku ime@skola.example.");
    assert_eq!((&said[1]["field"], &said[1]["reason"]), (&json!("password"), &json!("FIELDS_INVALID")));
    assert_eq!(said[1]["description"], "Ovo polje je prazno. Ispunite ga.");
    let plain = post(&world, "/hr/v1/accounts", &[], form).await.refused("FIELDS_INVALID");
    for (said, plain) in said.iter().zip(plain["violations"].as_array().expect("violations")) {
        assert_eq!(said["message"], plain["description"]);
        assert_eq!(plain.get("message"), None, "nothing is added where no language is named: {plain}");
    }
    world.end().await;
}

async fn by_grpc(world: &World, language: &'static str) -> Status {
    let mut client = SessionServiceClient::new(world.channel());
    let guess =
        SignInRequest { login: "nobody@school.example".into(), password: "a guess".into(), access_token_alone: false };
    let mut request = Request::new(guess);
    request.metadata_mut().insert("koine-tenant", "gr".parse().expect("a header"));
    if !language.is_empty() {
        request.metadata_mut().insert("accept-language", language.parse().expect("a header"));
    }
    client.sign_in(request).await.expect_err("a refusal")
}

#[tokio::test(crate = "::tests::limit")]
async fn a_greek_caller_by_grpc_is_spoken_to_in_greek() {
    let world = World::of(&["gr"]).start().await;
    let (greek, plain) = (by_grpc(&world, "el").await, by_grpc(&world, "").await);
    assert_eq!((greek.code(), greek.message()), (plain.code(), plain.message()));
    let details = greek.get_error_details();
    let said = details.localized_message().expect("a LocalizedMessage");
    assert_eq!(said.locale, "el");
    assert!(said.message.starts_with("Το όνομα ή το συνθηματικό δεν είναι σωστό ή "), "{}", said.message);
    assert_eq!(details.error_info().expect("an ErrorInfo").reason, "SIGN_IN_FAILED");
    assert!(plain.get_details_localized_message().is_none());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_unknown_language_falls_back_to_that_of_the_tenant() {
    let world = World::of(&["it", "si"]).start().await;
    for (tenant, language) in [("it", "it"), ("si", "sl")] {
        let answer = sign_in(&world, tenant, &["de-AT,fr;q=0.3"]).await;
        answer.refused("SIGN_IN_FAILED");
        assert_eq!(header(&answer, "content-language"), language);
    }
    // what is there is preferred to it
    let answer = sign_in(&world, "it", &["de,ca;q=0.1"]).await;
    assert_eq!(header(&answer, "content-language"), "ca");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_header_that_cannot_be_read_harms_nothing() {
    let world = World::of(&["it"]).start().await;
    let get = async |path, headers: &[(&str, &str)]| world.http().send(Method::GET, path, headers, "").await;
    let plain = get("/it/v1/teams", &[]).await;
    plain.refused("TOKEN_MISSING");
    for odd in ["*", ";;q=,", "hr;q=many", "\u{7d}{", "čakavski", &"x-".repeat(2000)] {
        let answer = get("/it/v1/teams", &[("accept-language", odd)]).await;
        assert_eq!((answer.status, answer.text()), (plain.status, plain.text()), "{odd}");
        let read = get("/it/v1/tenant", &[("accept-language", odd)]).await;
        assert_eq!(read.status, StatusCode::OK, "{odd}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_the_gateway_and_the_layers_refuse_is_said_too() {
    let world = World::of(&["hr"]).start().await;
    let titled = |answer: &Answer| text(&answer.json()["title"]);
    let sessions = "/hr/v1/sessions";
    let late = [("content-type", "application/json"), ("accept-language", CROATIAN), ("grpc-timeout", "1n")];
    let spoken = [
        (post(&world, "/hr/v1/nothing", &[CROATIAN], "{}").await, 404, "Na ovoj adresi nema ničega"),
        (post(&world, sessions, &[CROATIAN], "{").await, 400, "Poslane podatke nije moguće pročitati"),
        (
            post(&world, sessions, &[CROATIAN], &" ".repeat((4 << 20) + 1)).await,
            413,
            "Poslali ste previše podataka odjednom",
        ),
        (
            world.http().send(Method::POST, sessions, &[("accept-language", CROATIAN)], "{}").await,
            415,
            "Poslane podatke nije moguće pročitati",
        ),
        (
            world.http().send(Method::GET, "/problems/identity/NOTHING", &[("accept-language", CROATIAN)], "").await,
            404,
            "Na ovoj adresi nema ničega",
        ),
        (
            world.http().send(Method::GET, "/hr/v1/teams", &[("accept-language", CROATIAN)], "").await,
            401,
            "Niste prijavljeni",
        ),
        (
            world.http().send(Method::POST, sessions, &late, r#"{"login": "a", "password": "b"}"#).await,
            504,
            "Na odgovor se čekalo predugo",
        ),
    ];
    for (answer, status, title) in &spoken {
        assert_eq!((answer.status.as_u16(), titled(answer).as_str()), (*status, *title), "{}", answer.of);
        assert_eq!(header(answer, "content-language"), "hr", "{}", answer.of);
        assert!(answer.json()["message"].is_string(), "{}", answer.text());
    }
    let unknown: Value = post(&world, "/nowhere/v1/sessions", &["sl"], "{}").await.refused("TENANT_UNKNOWN");
    assert!(text(&unknown["detail"]).starts_with("Ta država ali program tu ni znan."), "{unknown}");
    world.end().await;
}

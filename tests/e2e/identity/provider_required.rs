//! Identity providers as a second factor: a link counts as one by how it was made, and where the country believes the provider.

use serde_json::{Value, json};
use tests::{Caller, World, issuer::Issuer, path::text, scene::PASSWORD};

use super::{
    factor::{OWN, Owner, show},
    factor_required::{acting, mandate, required_beside},
    provider::{begin_link, complete_link, link, sign_in, trusting},
};

/// By what an issuer of these stories proves that two factors were shown.
const BELIEVED: &str = "second_factor = { amr = [\"mfa\"] }";

/// Makes an issuer prove two factors.
fn shows_two(issuer: &Issuer) {
    issuer.twists(|token| token.claims["amr"] = json!(["pwd", "mfa"]));
}

/// Somebody's mandates.
struct Mandates {
    teacher: Value,
    juror: Value,
}

/// Gives a teacher another role, which needs a second factor from now on.
async fn made_juror(world: &World, issuer: &Issuer, teacher: &Caller) -> Mandates {
    let coordinator = world.coordinator("it").await;
    let id = teacher.account().await["id"].clone();
    coordinator.post("/v1/mandates", json!({ "accountId": id, "role": "ROLE_JUROR" })).await.ok();
    required_beside(world, &["juror"], &issuer.table("school", BELIEVED));
    Mandates { teacher: mandate(teacher, "ROLE_TEACHER").await, juror: mandate(teacher, "ROLE_JUROR").await }
}

/// A session of somebody who signs in by the password, in a mandate.
async fn by_password(caller: &Caller, mandate: &Value) -> Value {
    let body = json!({ "login": caller.login(), "password": OWN });
    let session = Caller::anybody(caller.http().clone(), caller.tenant()).post("/v1/sessions", body).await.ok();
    acting(caller, session, mandate).await
}

/// A session of somebody who signs in by the issuer, in a mandate.
async fn by_provider(world: &World, issuer: &Issuer, caller: &Caller, mandate: &Value) -> Value {
    acting(caller, sign_in(world, issuer).await.ok(), mandate).await
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_a_provider_alone_is_let_in_by_it_and_nobody_by_the_password() {
    let (world, issuer) = trusting(BELIEVED).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let own = made_juror(&world, &issuer, &teacher).await;
    // in a session that lacks a second factor, the first is a link where two are shown at the provider
    let session = by_password(&teacher, &own.juror).await;
    assert_eq!(session["enrolmentNeeded"], true);
    let lacking = teacher.with_session(teacher.login(), OWN, &session);
    shows_two(&issuer);
    link(&lacking, &issuer).await;
    let lacking_id = lacking.account().await["id"].clone();
    lacking.get("/v1/account/mandates").await.ok();
    lacking.get("/v1/teams").await.refused("ENROLMENT_NEEDED");

    let teaching = teacher.with_session(teacher.login(), OWN, &by_password(&teacher, &own.teacher).await);
    let typed = json!({ "currentPassword": OWN });
    for path in ["/v1/account/factor:begin", "/v1/account/passkeys:begin", "/v1/account:leave"] {
        teaching.post(path, typed.clone()).await.refused("SECOND_FACTOR_NEEDED");
    }
    let changed = json!({ "currentPassword": OWN, "newPassword": PASSWORD });
    teaching.post("/v1/account:changePassword", changed).await.refused("SECOND_FACTOR_NEEDED");
    let session = by_password(&teacher, &own.juror).await;
    assert_eq!((&session["secondFactorNeeded"], &session["providerNeeded"]), (&json!(true), &json!(true)), "{session}");
    assert_eq!(session["passkeyNeeded"], Value::Null);

    let session = by_provider(&world, &issuer, &teacher, &own.juror).await;
    let whole = teacher.with_session(teacher.login(), OWN, &session);
    whole.get("/v1/account/sessions").await.ok();
    assert_eq!(whole.get("/v1/account/providers").await.ok()["links"][0]["isSecondFactor"], true);
    // one factor at the provider is as the password
    issuer.twists(|_| ());
    assert_eq!(by_provider(&world, &issuer, &teacher, &own.juror).await["providerNeeded"], true);
    // once it is taken away by somebody else, the next is the first again
    let id = text(&lacking_id);
    let coordinator = world.coordinator("it").await;
    coordinator.post(&format!("/v1/accounts/{id}:resetFactor"), json!({})).await.ok();
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    coordinator.post(&format!("/v1/accounts/{id}:resetFactor"), json!({})).await.refused("FACTOR_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_linked_by_the_password_alone_opens_no_role_that_needs_more() {
    let (world, issuer) = trusting(BELIEVED).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    shows_two(&issuer);
    link(&teacher, &issuer).await;
    let own = made_juror(&world, &issuer, &teacher).await;
    assert_eq!(by_provider(&world, &issuer, &teacher, &own.juror).await["enrolmentNeeded"], true);
    let owner = Owner::of(&world, &teacher.again().await, OWN).await;
    assert_eq!(sign_in(&world, &issuer).await.ok()["secondFactorNeeded"], true);
    assert_eq!(owner.caller.get("/v1/account/providers").await.ok()["links"][0]["isSecondFactor"], Value::Null);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_first_link_counts_where_two_factors_were_shown_and_another_is_made_with_the_first_shown() {
    let (world, issuer) = trusting(BELIEVED).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let own = made_juror(&world, &issuer, &teacher).await;
    link(&teacher, &issuer).await;
    assert_eq!(by_password(&teacher, &own.juror).await["enrolmentNeeded"], true, "one was shown");
    let owner = Owner::of(&world, &teacher.again().await, OWN).await;
    let gone = json!({ "provider": "school", "currentPassword": OWN });
    owner.caller.post("/v1/account/providers:remove", gone).await.ok();
    // with the app shown it counts, and is asked for in its place when it has shown two
    link(&owner.caller, &issuer).await;
    let session = owner.caller.post("/v1/account/factor:giveUp", json!({ "currentPassword": OWN })).await.ok();
    let session = acting(&teacher, session, &own.juror).await;
    assert_eq!(session["enrolmentNeeded"], true, "nobody is sent there in vain");
    shows_two(&issuer);
    let session = by_provider(&world, &issuer, &teacher, &own.juror).await;
    assert_eq!((&session["enrolmentNeeded"], session["refreshToken"].is_string()), (&Value::Null, true));
    assert_eq!(by_password(&teacher, &own.juror).await["providerNeeded"], true);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_link_that_was_made_with_the_password_alone_goes_with_it_and_passes_no_app() {
    let (world, issuer) = trusting(BELIEVED).await;
    shows_two(&issuer);
    let changing = world.teacher("it", "Ana", "Kos").await;
    link(&changing, &issuer).await;
    let changed = changing.again().await.change_password(PASSWORD).await;
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    assert_eq!(changed.get("/v1/account/providers").await.ok(), json!({}));

    let enrolling = world.teacher("it", "Eva", "Novak").await;
    link(&enrolling, &issuer).await;
    let owner = Owner::of(&world, &enrolling.again().await, OWN).await;
    assert_eq!(sign_in(&world, &issuer).await.ok()["secondFactorNeeded"], true);
    let attempt = begin_link(&owner.caller, "school").await.ok();
    let again = complete_link(&owner.caller, &attempt, &issuer.signs_in(&text(&attempt["url"]))).await;
    again.refused("PROVIDER_LINKED");
    let gone = json!({ "provider": "school", "currentPassword": OWN });
    owner.caller.post("/v1/account/providers:remove", gone).await.ok();
    // one that is made with the factor shown passes it, until it is reset
    link(&owner.caller, &issuer).await;
    assert_eq!(sign_in(&world, &issuer).await.ok()["secondFactorNeeded"], Value::Null);
    let coordinator = world.coordinator("it").await;
    let id = text(&owner.caller.account().await["id"]);
    coordinator.post(&format!("/v1/accounts/{id}:resetFactor"), json!({})).await.ok();
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_second_factor_is_asked_for_after_a_provider_that_proves_none() {
    let (world, issuer) = trusting(BELIEVED).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let owner = Owner::of(&world, &teacher, OWN).await;
    link(&owner.caller, &issuer).await;
    let session = sign_in(&world, &issuer).await.ok();
    assert_eq!((&session["secondFactorNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null));
    let half = teacher.with_session(teacher.login(), OWN, &session);
    half.get("/v1/account").await.refused("SECOND_FACTOR_NEEDED");
    let shown = show(&half, &owner.shows(&world, 0)).await.ok();
    let whole = teacher.with_session(teacher.login(), OWN, &shown);
    whole.get("/v1/account").await.ok();
    // by what it was opened is still known
    let remove = json!({ "provider": "school", "currentPassword": OWN });
    shows_two(&issuer);
    let session = sign_in(&world, &issuer).await.ok();
    assert_eq!((&session["secondFactorNeeded"], session["refreshToken"].is_string()), (&Value::Null, true));
    owner.caller.post("/v1/account/providers:remove", remove).await.ok();
    whole.get("/v1/account").await.refused("TOKEN_ENDED");
    owner.caller.get("/v1/account").await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_first_link_that_counts_ends_the_sessions_that_have_not_shown_it() {
    let (world, issuer) = trusting(BELIEVED).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let own = made_juror(&world, &issuer, &teacher).await;
    let other = teacher.again().await;
    shows_two(&issuer);
    link(&teacher, &issuer).await;
    other.get("/v1/account").await.refused("TOKEN_ENDED");
    teacher.get("/v1/account").await.ok();
    assert_eq!(by_provider(&world, &issuer, &teacher, &own.juror).await["enrolmentNeeded"], Value::Null);
    world.end().await;
}

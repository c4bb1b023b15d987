//! Machines: a technician comes by a letter, makes a token whose secret nobody else is shown, and what a machine may do with it, until it
//! may not any more.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Caller, Machine, Scene, Twins, World, machine::exchange, path::text};

const SCOPES: [&str; 4] = ["deliveries.read", "editions.read", "schools.read", "teams.read"];

/// What a machine is told that is let in nowhere any more: its access token is refused, and its secret gives no other.
async fn is_out(machine: &Machine, calling: &Caller, secret: &str) -> Value {
    calling.get("/v1/schools").await.refused("TOKEN_ENDED");
    calling.get("/v1/editions").await.refused("TOKEN_ENDED");
    machine.exchange(secret).await.refused("MACHINE_TOKEN_INVALID")
}

#[tokio::test(crate = "::tests::limit")]
async fn a_technician_comes_by_a_letter_and_only_the_technician_is_shown_the_secret() {
    let world = World::of(&["it"]).at("2022-10-10T09:20:00[Europe/Rome]").start().await;
    let scene = Scene::open(&world, "it").await;
    let machine = Machine::register(&world, &scene.coordinator, "Open data portal", &SCOPES).await;
    let technician = &machine.technician;
    assert_eq!(machine.integrator["scopes"], json!(SCOPES));
    // a coordinator makes none, and another technician does not know of the system
    let wish = json!({ "scopes": ["teams.read"], "validDays": 30 });
    scene.coordinator.post(&machine.path("/tokens"), wish.clone()).await.refused("ROLE_MISSING");
    let other = Machine::technician(&world, &scene.coordinator).await;
    other.post(&machine.path("/tokens"), wish).await.refused("NOT_FOUND");
    other.get(&machine.path("")).await.refused("NOT_FOUND");
    assert_eq!(other.get("/v1/integrators").await.ok(), json!({}));

    let (token, secret) = machine.token(&["schools.read"]).await;
    assert!(secret.starts_with("koine_") && secret.len() == 65, "{secret}");
    assert_eq!((&token["scopes"], &token["expiresAt"]), (&json!(["schools.read"]), &json!("2022-11-09T07:20:00Z")));
    for caller in [technician, &scene.coordinator] {
        let listed = caller.get(&machine.path("/tokens")).await;
        assert_eq!(listed.ok()["tokens"], json!([token]));
        assert!(!listed.text().contains("koine_"), "{}", listed.text());
        assert_eq!(caller.get("/v1/integrators").await.ok()["integrators"], json!([machine.integrator]));
        assert_eq!(
            caller.get(&format!("/v1/integrators/{}", text(&machine.integrator["id"]))).await.ok(),
            machine.integrator
        );
    }
    let actions = world.actions("it", "identity").await;
    for action in ["register integrator", "make machine token"] {
        assert!(actions.contains(&action.to_owned()), "{action}: {actions:?}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_machine_reads_what_its_scopes_are_for_and_nothing_of_adults() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    class.team.patch(&class.path(""), json!({ "email": "bridges@school.example" })).await.ok();
    let machine = Machine::register(&world, &scene.coordinator, "Open data portal", &SCOPES).await;
    let (_, secret) = machine.token(&SCOPES).await;
    let given = machine.exchange(&secret).await.ok();
    assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(given["scope"], SCOPES.join(" "));
    let calling = machine.call(&secret).await;

    let team = calling.get(&class.path("")).await.ok();
    assert_eq!((&team["name"], &team["size"]), (&json!("Green Bridges"), &json!(21)));
    let batch = calling.get(&format!("/v1/teams:batchGet?teamIds={}", class.id)).await.ok();
    let listed = calling.get("/v1/teams").await.ok();
    for shown in [&team, &batch["teams"][0], &listed["teams"][0]] {
        assert_eq!(shown["id"], json!(class.id));
        for hidden in ["referentId", "supportTeacherIds", "email", "reservation"] {
            assert_eq!(shown[hidden], Value::Null, "{hidden}: {shown}");
        }
    }
    let referent = text(&class.referent.account().await["id"]);
    let asked = calling.get(&format!("/v1/teams?filter=referent_id={referent}")).await.violations();
    assert_eq!(asked[0].0, "filter", "no filter tells whose class it is");

    let edition = scene.edition_id();
    let matrix = calling.get(&format!("/v1/editions/{edition}/deliveries")).await.ok();
    assert_eq!(matrix["rows"][0]["teamId"], json!(class.id));
    let (school, track) = (text(&team["schoolId"]), text(&team["trackId"]));
    for path in [
        "/v1/schools".to_owned(),
        format!("/v1/schools/{school}"),
        "/v1/editions".to_owned(),
        format!("/v1/editions/{edition}"),
        format!("/v1/editions/{edition}/calendar"),
        format!("/v1/tracks/{track}"),
        format!("/v1/tracks/{track}/lessons/1/form"),
    ] {
        calling.get(&path).await.ok();
    }
    // what an edition is before its call opens is not yet for others
    scene.coordinator.post("/v1/editions", json!({ "template": "24-25" })).await.ok();
    assert_eq!(calling.get("/v1/editions").await.ok()["editions"].as_array().map(Vec::len), Some(1));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn beyond_its_scopes_a_machine_is_told_which_one_is_missing() {
    let world = World::of(&["it", "hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let machine = Machine::register(&world, &scene.coordinator, "Open data portal", &SCOPES[..3]).await;
    let wish = json!({ "scopes": ["teams.read", "schools.read"], "validDays": 401 });
    let refused = machine.technician.post(&machine.path("/tokens"), wish).await.violations();
    let fields: Vec<_> = refused.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["scopes", "valid_days"], "no token may more than its system");

    let (_, secret) = machine.token(&SCOPES[..3]).await;
    let calling = machine.call(&secret).await;
    let deliveries = format!("/v1/editions/{}/deliveries", scene.edition_id());
    for path in ["/v1/teams", &deliveries] {
        assert_eq!(calling.get(path).await.refused("SCOPE_MISSING")["metadata"]["scope"], "teams.read", "{path}");
    }
    let problem = machine.call(&machine.token(&SCOPES[2..3]).await.1).await.get(&deliveries).await;
    assert_eq!(problem.refused("SCOPE_MISSING")["metadata"]["scope"], "deliveries.read");
    // whatever is about accounts, its technician's and its own, is for people
    for path in ["/v1/account", "/v1/account/sessions", "/v1/account/mandates", "/v1/integrators", "/v1/mandates"] {
        calling.get(path).await.refused("ROLE_MISSING");
    }
    calling.post("/v1/sessions:signOut", json!({})).await.refused("ROLE_MISSING");
    calling.post(&machine.path("/tokens"), json!({ "scopes": SCOPES, "validDays": 1 })).await.refused("ROLE_MISSING");
    // and what is for machines is not for their technician
    machine.technician.get("/v1/schools").await.refused("SCOPE_MISSING");
    calling.in_tenant("hr").get("/v1/schools").await.refused("TOKEN_FOREIGN");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_secret_that_is_not_right_here_is_answered_alike_whatever_the_reason() {
    let world = World::of(&["it", "hr"]).start().await;
    let (coordinator, there) = (world.coordinator("it").await, world.coordinator("hr").await);
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let (token, secret) = machine.token(&SCOPES).await;
    let foreign = exchange(&there, &secret).await.refused("MACHINE_TOKEN_INVALID");
    // one of a token that was made elsewhere in the same installation, and is known there
    let other = Machine::register(&world, &there, "Agency", &SCOPES).await;
    let (_, theirs) = other.token(&SCOPES).await;
    let unknown = machine.exchange(&theirs).await.refused("MACHINE_TOKEN_INVALID");
    other.exchange(&theirs).await.ok();
    coordinator.post(&machine.token_path(&token, ":revoke"), json!({})).await.ok();
    let revoked = machine.exchange(&secret).await.refused("MACHINE_TOKEN_INVALID");
    let words = |problem: &Value| [problem["title"].clone(), problem["detail"].clone(), problem["message"].clone()];
    assert_eq!((words(&foreign), words(&unknown)), (words(&revoked), words(&revoked)));

    // what was mistyped is told so before anything is looked up
    let broken = format!("{}{}", &secret[..64], if secret.ends_with('A') { 'B' } else { 'A' });
    for mistyped in [broken.as_str(), &secret[..40], "koine_", "a password"] {
        let problem = machine.exchange(mistyped).await.refused("MACHINE_TOKEN_INVALID");
        assert_ne!(problem["detail"], revoked["detail"], "{mistyped}");
    }
    // and no service takes a secret for an access token
    machine.technician.with_token(secret).get("/v1/schools").await.refused("TOKEN_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn whatever_ends_a_machine_ends_it_at_every_service_on_the_next_call() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let (revoked, secret) = machine.token(&SCOPES).await;
    let (_, second) = machine.token(&SCOPES).await;
    let (calling, going_on) = (machine.call(&secret).await, machine.call(&second).await);
    calling.get("/v1/schools").await.ok();
    let path = machine.token_path(&revoked, ":revoke");
    let said = machine.technician.post(&path, json!({})).await.ok();
    assert!(said["revokedAt"].is_string(), "{said}");
    let out = is_out(&machine, &calling, &secret).await;
    coordinator.post(&path, json!({})).await.ok();
    going_on.get("/v1/editions").await.ok();

    // a technician who is locked is out with all machines; with the lock gone they go on, and need no other secret
    let account = text(&machine.integrator["accountId"]);
    let lock = json!({ "reason": "A laptop was stolen." });
    coordinator.post(&format!("/v1/accounts/{account}:lock"), lock).await.ok();
    assert_eq!(is_out(&machine, &going_on, &second).await["detail"], out["detail"]);
    coordinator.post(&format!("/v1/accounts/{account}:reinstate"), json!({})).await.ok();
    let going_on = machine.call(&second).await;
    going_on.get("/v1/schools").await.ok();

    let mandates = coordinator.get("/v1/mandates?filter=role=ROLE_INTEGRATOR").await.ok();
    let mandate = text(&mandates["mandates"][0]["id"]);
    coordinator.post(&format!("/v1/mandates/{mandate}:revoke"), json!({})).await.ok();
    is_out(&machine, &going_on, &second).await;
    // the role given again is another mandate: what was made in the first one stays out
    let again = json!({ "accountId": account, "role": "ROLE_INTEGRATOR" });
    coordinator.post("/v1/mandates", again).await.ok();
    machine.exchange(&second).await.refused("MACHINE_TOKEN_INVALID");
    machine.technician.again().await.get(&machine.path("")).await.refused("NOT_FOUND");

    let other = Machine::register(&world, &coordinator, "Agency", &SCOPES).await;
    let (_, secret) = other.token(&SCOPES).await;
    let calling = other.call(&secret).await;
    coordinator.delete(&other.path("")).await.ok();
    is_out(&other, &calling, &secret).await;
    coordinator.get(&other.path("")).await.refused("NOT_FOUND");
    coordinator.delete(&other.path("")).await.refused("NOT_FOUND");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_a_rotated_token_both_work_for_a_while_and_then_the_new_one_alone() {
    let world = World::of(&["it"]).at("2022-10-10T09:20:00[Europe/Rome]").start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let (former, old) = machine.token(&SCOPES[2..]).await;
    let rotated = machine.token_path(&former, ":rotate");
    let wish = json!({ "overlapHours": 2, "validDays": 60 });
    coordinator.post(&rotated, wish.clone()).await.refused("ROLE_MISSING");
    let made = machine.technician.post(&rotated, wish).await.ok();
    assert_eq!(made["former"]["expiresAt"], "2022-10-10T09:20:00Z");
    assert_eq!((&made["token"]["scopes"], &made["token"]["label"]), (&former["scopes"], &former["label"]));
    let new = text(&made["secret"]);
    assert_ne!(new, old);
    for secret in [&old, &new] {
        machine.call(secret).await.get("/v1/schools").await.ok();
    }
    // what is given shortly before the end does not outlive it
    world.passes_by(SignedDuration::from_mins(115)).await;
    let last = machine.exchange(&old).await.ok();
    assert_eq!(last["expires_in"], 300);
    let last = machine.technician.with_token(text(&last["access_token"]));
    last.get("/v1/schools").await.ok();
    world.passes_by(SignedDuration::from_mins(5)).await;
    last.get("/v1/schools").await.refused("TOKEN_EXPIRED");
    machine.exchange(&old).await.refused("MACHINE_TOKEN_EXPIRED");
    let calling = machine.call(&new).await;
    calling.get("/v1/schools").await.ok();

    // without an overlap the former ends on the next call
    let technician = machine.technician.again().await;
    technician.post(&machine.token_path(&made["token"], ":rotate"), json!({ "validDays": 1 })).await.ok();
    calling.get("/v1/schools").await.refused("TOKEN_ENDED");
    machine.exchange(&new).await.refused("MACHINE_TOKEN_EXPIRED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_last_use_of_a_token_is_known_to_the_hour() {
    let world = World::of(&["it"]).at("2022-10-10T09:20:00[Europe/Rome]").start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let (token, secret) = machine.token(&SCOPES).await;
    assert_eq!(token["lastUsedAt"], Value::Null);
    for (minutes, hour) in [(0, "07:00"), (39, "07:00"), (1, "08:00")] {
        world.passes_by(SignedDuration::from_mins(minutes)).await;
        machine.exchange(&secret).await.ok();
        let listed = coordinator.again().await.get(&machine.path("/tokens")).await.ok();
        assert_eq!(listed["tokens"][0]["lastUsedAt"], format!("2022-10-10T{hour}:00Z"));
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_machine_of_a_programme_reads_its_matrix() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let secretariat = twins.secretariat.again().await;
    let machine = Machine::register(&world, &secretariat, "Open data portal", &SCOPES).await;
    let calling = machine.call(&machine.token(&SCOPES).await.1).await;
    let path = format!("/v1/editions/{}/deliveries", text(&twins.edition["id"]));
    let (seen, known) = (calling.get(&path).await.ok(), secretariat.get(&path).await.ok());
    assert_eq!(seen, known);
    assert_eq!(seen["rows"].as_array().map(Vec::len), Some(2), "{seen}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_system_has_so_many_tokens_and_webhooks_and_no_more_also_where_they_are_made_at_once() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let technician = &machine.technician;
    let wish = json!({ "scopes": ["teams.read"], "validDays": 30 });
    let (tokens, webhooks) = (machine.path("/tokens"), machine.path("/webhooks"));
    let made = (0..24).map(|_| technician.post(&tokens, wish.clone())).collect::<Vec<_>>();
    let made = futures::future::join_all(made).await;
    let (fine, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|made| made.status.is_success());
    assert_eq!(fine.len(), 20);
    let at = |refused: &tests::Answer| refused.violations()[0].0.clone();
    assert!(refused.iter().all(|refused| at(refused) == "integrator_id"));
    // one that goes makes room, and one that takes another's place needs none
    let token = fine[0].ok()["token"].clone();
    technician.post(&machine.token_path(&token, ":rotate"), json!({ "validDays": 30 })).await.ok();
    assert_eq!(at(&technician.post(&machine.path("/tokens"), wish.clone()).await), "integrator_id");
    technician.post(&machine.token_path(&fine[1].ok()["token"], ":revoke"), json!({})).await.ok();
    technician.post(&machine.path("/tokens"), wish).await.ok();

    let hook = json!({ "url": "https://hooks.portal.example/koine", "eventTypes": ["team.admitted"] });
    let made = (0..14).map(|_| technician.post(&webhooks, hook.clone())).collect::<Vec<_>>();
    let made = futures::future::join_all(made).await;
    let (fine, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|made| made.status.is_success());
    assert_eq!(fine.len(), 10);
    assert!(refused.iter().all(|refused| at(refused) == "integrator_id"));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_token_that_is_made_while_all_are_ended_calls_nothing_afterwards() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    for _ in 0..4 {
        let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
        let technician = machine.technician.account().await["id"].clone();
        let held = coordinator.get(&format!("/v1/mandates?filter=account_id={}", text(&technician))).await.ok();
        let revoke = format!("/v1/mandates/{}:revoke", text(&held["mandates"][0]["id"]));
        let wish = json!({ "scopes": ["teams.read"], "validDays": 30 });
        let making = async {
            let made = machine.technician.post(&machine.path("/tokens"), wish).await;
            if !made.status.is_success() {
                return None;
            }
            let given = machine.exchange(&text(&made.ok()["secret"])).await;
            given.status.is_success().then(|| given.ok())
        };
        let (given, revoked) = tokio::join!(making, coordinator.post(&revoke, json!({})));
        revoked.ok();
        world.settle().await;
        if let Some(given) = given {
            let calling = machine.technician.with_token(text(&given["access_token"]));
            calling.get("/v1/teams").await.refused("TOKEN_ENDED");
        }
    }
    world.end().await;
}

//! Forgotten passwords: the owner of the address helps themselves, and nobody else learns or gains anything.

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, mailbox::CODE, path::text, scene::PASSWORD};

use super::account::seen;
use crate::{border::values, twice::keep_facts};

/// The password teachers of a world have.
const BEFORE: &str = "a sentence nobody else would choose";

async fn recover(anybody: &Caller, email: &str) -> Answer {
    anybody.post("/v1/accounts:recoverPassword", json!({ "email": email })).await
}

async fn reset(anybody: &Caller, code: &str, password: &str) -> Answer {
    anybody.post("/v1/accounts:resetPassword", json!({ "code": code, "newPassword": password })).await
}

async fn sign_in(anybody: &Caller, login: &str, password: &str) -> Answer {
    anybody.post("/v1/sessions", json!({ "login": login, "password": password })).await
}

async fn refresh(world: &World, caller: &Caller) -> Answer {
    world.anybody("it").post("/v1/sessions:refresh", json!({ "refreshToken": caller.refresh() })).await
}

/// The code in the newest letter to an address.
async fn code(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(email, CODE).expect("a code in a letter")
}

/// The letters to an address whose text holds this.
fn letters(world: &World, email: &str, words: &str) -> usize {
    world.mailbox("it").to(email).iter().filter(|letter| letter.text.contains(words)).count()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_forgotten_password_is_replaced_by_who_reads_the_letters_of_the_account() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let (here, stranger) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Eva", "Novak").await);
    let there = here.again().await;
    assert_eq!(recover(&anybody, &here.login().to_uppercase()).await.ok(), json!({}));
    sign_in(&anybody, here.login(), BEFORE).await.ok();

    let code = code(&world, here.login()).await;
    assert_eq!(letters(&world, here.login(), &format!("/it/reset-password#{code}\n")), 1, "the link carries it");
    assert_eq!(reset(&anybody, &code, PASSWORD).await.ok(), json!({}));
    for caller in [&here, &there] {
        refresh(&world, caller).await.refused("SESSION_OVER");
    }
    refresh(&world, &stranger).await.ok();
    sign_in(&anybody, here.login(), BEFORE).await.refused("SIGN_IN_FAILED");
    sign_in(&anybody, here.login(), PASSWORD).await.ok();
    reset(&anybody, &code, "another sentence of somebody else").await.refused("CODE_INVALID");

    // the owner is told, and what to do if it was somebody else
    world.settle().await;
    assert_eq!(letters(&world, here.login(), "/it/recover-password\n"), 1);
    assert!(world.actions("it", "identity").await.contains(&"recover password".to_owned()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_asks_for_a_recovery_learns_nothing() {
    let world = World::of(&["it"]).start().await;
    let (anybody, scene) = (world.anybody("it"), Scene::open(&world, "it").await);
    let (known, class) = (scene.teacher("Kos").await, scene.class("Novak").await);
    let waits = json!({ "email": "waits@school.example", "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    anybody.post("/v1/accounts", waits).await.ok();
    world.settle().await;
    let before = [known.login(), class.referent.login(), "waits@school.example"].map(|to| letters(&world, to, ""));

    let mut answers = Vec::new();
    for login in [known.login(), "nobody@school.example", "waits@school.example", class.code.as_str()] {
        answers.push(seen(&recover(&anybody, login).await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    world.settle().await;
    // the account that pupils share has no address: its referent issues another credential
    let after = [known.login(), class.referent.login(), "waits@school.example"].map(|to| letters(&world, to, ""));
    assert_eq!(after, [before[0] + 1, before[1], before[2]]);

    // a code of another kind, of another place, or made up, is none
    let own = code(&world, known.login()).await;
    let verification = world.mailbox("it").find("waits@school.example", CODE).expect("a code");
    for wrong in [verification, format!("{own}A"), "anything".to_owned()] {
        reset(&anybody, &wrong, PASSWORD).await.refused("CODE_INVALID");
    }
    anybody
        .post("/v1/accounts:verifyEmail", json!({ "code": own, "password": PASSWORD }))
        .await
        .refused("CODE_INVALID");
    anybody
        .post("/v1/accounts:confirmEmail", json!({ "code": own, "currentPassword": BEFORE }))
        .await
        .refused("CODE_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_recovery_works_for_two_hours_whoever_asks_for_another_one_and_one_that_is_used_ends_all() {
    let world = World::of(&["it", "hr"]).start().await;
    let anybody = world.anybody("it");
    let teacher = world.teacher("it", "Ana", "Kos").await;
    recover(&anybody, teacher.login()).await.ok();
    let first = code(&world, teacher.login()).await;
    reset(&world.anybody("hr"), &first, PASSWORD).await.refused("CODE_INVALID");
    recover(&anybody, teacher.login()).await.ok();
    let second = code(&world, teacher.login()).await;
    assert_ne!(first, second);
    // whoever asks again does not end the code that its owner is typing
    reset(&anybody, &first, PASSWORD).await.ok();
    reset(&anybody, &second, PASSWORD).await.refused("CODE_INVALID");
    recover(&anybody, teacher.login()).await.ok();
    let late = code(&world, teacher.login()).await;
    world.passes_by(SignedDuration::from_hours(2) + SignedDuration::from_secs(1)).await;
    reset(&anybody, &late, PASSWORD).await.refused("CODE_EXPIRED");

    recover(&anybody, teacher.login()).await.ok();
    let third = code(&world, teacher.login()).await;
    world.passes_by(SignedDuration::from_hours(2)).await;
    // a password that is refused uses nothing up
    let weak = reset(&anybody, &third, "kos").await.violations();
    assert!(weak.iter().all(|(field, reason)| field == "new_password" && reason == "PASSWORD_WEAK"), "{weak:?}");
    reset(&anybody, &third, BEFORE).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_that_redeem_one_recovery_at_once_one_wins() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let teacher = world.teacher("it", "Ana", "Kos").await;
    recover(&anybody, teacher.login()).await.ok();
    let code = code(&world, teacher.login()).await;
    let passwords = [PASSWORD, "another sentence of somebody else"];
    let [one, other] = passwords.map(|password| reset(&anybody, &code, password));
    let (one, other) = tokio::join!(one, other);
    let (won, lost, password) =
        if one.status.is_success() { (one, other, passwords[0]) } else { (other, one, passwords[1]) };
    won.ok();
    lost.refused("CODE_INVALID");
    sign_in(&anybody, teacher.login(), password).await.ok();
    world.settle().await;
    assert_eq!(letters(&world, teacher.login(), "/it/recover-password\n"), 1, "told once");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_thousand_requests_write_few_letters_and_leave_few_codes() {
    let settings = "[identity.throttle]\naddress = { burst = 100000, every_ms = 1 }\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let anybody = world.anybody("it");
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let before = letters(&world, teacher.login(), "");
    let mut refused = Vec::new();
    for login in [teacher.login(), "nobody@school.example"] {
        let mut written = 0;
        for _ in 0..25 {
            for answer in join_all((0..20).map(|_| recover(&anybody, login))).await {
                if answer.status.is_success() {
                    assert_eq!(answer.json(), json!({}));
                    written += 1;
                } else {
                    answer.refused("RATE_EXCEEDED");
                    refused.push(answer.body);
                }
            }
        }
        // each letter that anybody causes counts, and the teacher has had one when registering
        assert!((4..=5).contains(&written), "{login}: {written}");
    }
    assert!(refused.iter().all(|body| *body == refused[0]), "known or not");
    world.settle().await;
    assert!(letters(&world, teacher.login(), "") <= before + 5);
    let waiting = world.rows("it", "identity", "SELECT 'one' AS one FROM recovery", &["one"]).await;
    assert!((4..=5).contains(&waiting.len()), "one of each letter, and nothing of who is not known: {}", waiting.len());
    reset(&anybody, &code(&world, teacher.login()).await, PASSWORD).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_stranger_who_asks_for_letters_to_somebody_holds_back_no_other_letter() {
    let world = World::of(&["it"]).start().await;
    let (anybody, coordinator) = (world.anybody("it"), world.coordinator("it").await);
    let newcomer = "eva@school.example";
    let teacher = world.teacher("it", "Ana", "Kos").await;
    for email in [newcomer, teacher.login()] {
        for _ in 0..5 {
            recover(&anybody, email).await.ok();
        }
        recover(&anybody, email).await.refused("RATE_EXCEEDED");
        let invitation = json!({ "email": email, "role": "ROLE_JUROR" });
        coordinator.post("/v1/invitations", invitation).await.ok();
    }
    let form = json!({ "email": newcomer, "password": PASSWORD, "givenName": "Eva", "surname": "Novak" });
    anybody.post("/v1/accounts", form).await.ok();
    let id = teacher.account().await["id"].clone();
    coordinator.post(&format!("/v1/accounts/{}:sendRecovery", text(&id)), json!({})).await.ok();
    // and what is sent to an account by others shows in no answer to a stranger
    let change = json!({ "newEmail": "ana@home.example", "currentPassword": BEFORE });
    teacher.post("/v1/account:changeEmail", change).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_central_team_starts_a_recovery_and_never_sees_its_code() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, class) = (scene.teacher("Kos").await, scene.class("Novak").await);
    let find = json!({ "email": teacher.login().to_uppercase() });
    teacher.post("/v1/accounts:find", find.clone()).await.refused("ROLE_MISSING");
    let found = scene.coordinator.post("/v1/accounts:find", find).await.ok();
    assert_eq!(found["id"], teacher.account().await["id"]);
    scene.coordinator.post("/v1/accounts:find", json!({ "email": "no@school.example" })).await.refused("NOT_FOUND");

    let path = |id: &Value| format!("/v1/accounts/{}:sendRecovery", text(id));
    let answer = scene.coordinator.post(&path(&found["id"]), json!({ "requestId": "once" })).await;
    assert_eq!(answer.ok(), json!({}));
    scene.coordinator.post(&path(&found["id"]), json!({ "requestId": "once" })).await.ok();
    let code = code(&world, teacher.login()).await;
    assert_eq!(letters(&world, teacher.login(), "/it/reset-password#"), 1, "once");
    assert!(!answer.text().contains(&code));
    reset(&world.anybody("it"), &code, PASSWORD).await.ok();
    sign_in(&world.anybody("it"), teacher.login(), PASSWORD).await.ok();

    let team = class.team.account().await["id"].clone();
    scene.coordinator.post(&path(&team), json!({})).await.refused("NOT_FOUND");
    let actions = world.actions("it", "identity").await;
    for action in ["find account", "send recovery"] {
        assert!(actions.contains(&action.to_owned()), "{action}: {actions:?}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn no_code_is_kept_and_addresses_and_reasons_stand_where_they_can_be_erased() {
    const WHY: &str = "Her phone was stolen.";
    let world = World::of(&["it"]).start().await;
    keep_facts(&world, "it").await;
    let (anybody, coordinator) = (world.anybody("it"), world.coordinator("it").await);
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let new = "ana.kos@home.example";
    recover(&anybody, teacher.login()).await.ok();
    let change = json!({ "newEmail": new, "currentPassword": BEFORE });
    teacher.post("/v1/account:changeEmail", change).await.ok();
    let codes = [code(&world, teacher.login()).await, code(&world, new).await];
    let form = json!({ "code": codes[1], "currentPassword": BEFORE });
    anybody.post("/v1/accounts:confirmEmail", form).await.ok();
    let lock = format!("/v1/accounts/{}:lock", text(&teacher.account().await["id"]));
    coordinator.post(&lock, json!({ "reason": WHY })).await.ok();
    let codes = [&codes[0], &codes[1], &code(&world, teacher.login()).await];

    let mut places = std::collections::BTreeSet::new();
    for (place, value) in values(&world, "it", "identity").await {
        let holds = |words: &str| value.contains(words) || value.contains(&hex(words));
        assert!(codes.iter().all(|code| !holds(code)), "{place} holds a code");
        if [teacher.login(), new, WHY].iter().any(|words| holds(words)) {
            places.insert(place);
        }
    }
    let allowed = ["account.facts", "account.login", "email_change.former", "email_change.wanted"];
    assert_eq!(places.into_iter().collect::<Vec<_>>(), allowed.map(|place| format!("it identity.{place}")));
    for words in [teacher.login(), new, WHY, codes[0], codes[1], codes[2]] {
        assert_eq!(world.log().find(words), [""; 0], "nor does an operator read it");
    }
    world.end().await;
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_new_password_stops_what_was_asked_with_the_old_one() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    for changes in [false, true] {
        let teacher = world.teacher("it", "Ana", "Kos").await;
        let thief = json!({ "newEmail": format!("thief{changes}@far.example"), "currentPassword": BEFORE });
        teacher.post("/v1/account:changeEmail", thief).await.ok();
        recover(&anybody, teacher.login()).await.ok();
        let own = code(&world, teacher.login()).await;
        let thiefs = code(&world, &format!("thief{changes}@far.example")).await;
        match changes {
            true => drop(teacher.change_password(PASSWORD).await),
            false => drop(reset(&anybody, &own, PASSWORD).await.ok()),
        }
        let form = json!({ "code": thiefs, "currentPassword": BEFORE });
        anybody.post("/v1/accounts:confirmEmail", form).await.refused("CODE_INVALID");
        reset(&anybody, &own, BEFORE).await.refused("CODE_INVALID");
        sign_in(&anybody, teacher.login(), PASSWORD).await.ok();
    }
    world.end().await;
}

//! Another address, another language: what is asked for, who is told, and who learns nothing.

use serde_json::json;
use tests::{Answer, Caller, World, mailbox::CODE, scene::PASSWORD};

use super::account::seen;

/// The password teachers of a world have.
const OWN: &str = "a sentence nobody else would choose";

async fn ask(teacher: &Caller, new: &str) -> Answer {
    teacher.post("/v1/account:changeEmail", json!({ "newEmail": new, "currentPassword": OWN })).await
}

async fn confirm(world: &World, code: &str) -> Answer {
    let form = json!({ "code": code, "currentPassword": OWN });
    world.anybody("it").post("/v1/accounts:confirmEmail", form).await
}

async fn sign_in(world: &World, login: &str, password: &str) -> Answer {
    world.anybody("it").post("/v1/sessions", json!({ "login": login, "password": password })).await
}

/// The code in the newest letter to an address.
async fn code(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(email, CODE).expect("a code in a letter")
}

/// The newest letter to an address.
async fn newest(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").to(email).pop().expect("a letter").text
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_changes_with_the_code_that_was_mailed_there_and_both_are_told() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let (former, new) = (teacher.login(), "ana.kos@home.example");
    assert_eq!(ask(&teacher, "Ana.Kos@Home.example").await.ok(), json!({}));
    let code = code(&world, new).await;
    assert!(newest(&world, new).await.contains(&format!("/it/confirm-email#{code}\n")), "the link carries it");
    let warned = newest(&world, former).await;
    assert!(warned.contains(new) && warned.contains("/it/recover-password"), "{warned}");
    assert!(!warned.contains(&code));

    // before the code is redeemed nothing changes
    assert_eq!(teacher.account().await["login"], former);
    sign_in(&world, new, OWN).await.refused("SIGN_IN_FAILED");
    sign_in(&world, former, OWN).await.ok();

    // who was mailed the code by a mistyped address and knows no password gains nothing
    let guessed = json!({ "code": code, "currentPassword": "a sentence somebody guesses" });
    let guessed = world.anybody("it").post("/v1/accounts:confirmEmail", guessed).await.violations();
    assert_eq!(guessed, [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);

    assert_eq!(confirm(&world, &code).await.ok(), json!({}));
    sign_in(&world, former, OWN).await.refused("SIGN_IN_FAILED");
    let again = world.anybody("it").sign_in(new, OWN).await.account().await;
    assert_eq!((&again["login"], &again["id"]), (&json!(new), &teacher.account().await["id"]));
    for address in [former, new] {
        let told = newest(&world, address).await;
        assert!(told.contains(former) && told.contains(new), "{told}");
    }
    confirm(&world, &code).await.refused("CODE_INVALID");

    // the log says that, and to nobody's address
    let entries = world.rows("it", "identity", "SELECT actor || subject || detail AS said FROM audit", &["said"]).await;
    assert!(world.actions("it", "identity").await.contains(&"change address".to_owned()));
    assert!(entries.iter().flatten().all(|said| !said.contains('@')), "{entries:?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_lost_the_address_to_somebody_else_takes_it_back() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let restore =
        async |code: &str| world.anybody("it").post("/v1/accounts:restoreEmail", json!({ "code": code })).await;
    // a thief who knows the password changes the address twice
    ask(&teacher, "thief@far.example").await.ok();
    let first = code(&world, "thief@far.example").await;
    restore(&first).await.refused("CODE_INVALID");
    confirm(&world, &first).await.ok();
    let back = code(&world, teacher.login()).await;
    confirm(&world, &back).await.refused("CODE_INVALID");
    let thief = world.anybody("it").sign_in("thief@far.example", OWN).await;
    ask(&thief, "thief@farther.example").await.ok();
    confirm(&world, &code(&world, "thief@farther.example").await).await.ok();
    let thiefs = code(&world, "thief@far.example").await;

    let (one, other) = tokio::join!(restore(&back), restore(&back));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    assert_eq!(won.ok(), json!({}));
    lost.refused("CODE_INVALID");
    restore(&thiefs).await.refused("CODE_INVALID");
    for login in [teacher.login(), "thief@far.example", "thief@farther.example"] {
        sign_in(&world, login, OWN).await.refused("SIGN_IN_FAILED");
    }
    let token = json!({ "refreshToken": thief.refresh() });
    world.anybody("it").post("/v1/sessions:refresh", token).await.refused("SESSION_OVER");
    let reset = json!({ "code": code(&world, teacher.login()).await, "newPassword": PASSWORD });
    world.anybody("it").post("/v1/accounts:resetPassword", reset).await.ok();
    sign_in(&world, teacher.login(), PASSWORD).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_change_of_address_is_taken_back_within_a_week_and_from_nobody_else() {
    let world = World::of(&["it"]).at("2022-10-10T09:00:00[Europe/Rome]").start().await;
    let anybody = world.anybody("it");
    let mut codes = Vec::new();
    for name in ["Kos", "Novak"] {
        let teacher = world.teacher("it", "Ana", name).await;
        let new = format!("{name}@home.example").to_lowercase();
        ask(&teacher, &new).await.ok();
        confirm(&world, &code(&world, &new).await).await.ok();
        let back = code(&world, teacher.login()).await;
        codes.push((teacher, back));
    }
    // the address was given up, and somebody else registered with it since
    let form = json!({ "email": codes[1].0.login(), "password": PASSWORD, "givenName": "T", "surname": "T" });
    anybody.post("/v1/accounts", form).await.ok();
    let registration = code(&world, codes[1].0.login()).await;
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": registration, "password": PASSWORD })).await.ok();
    let restore = async |code: &str| anybody.post("/v1/accounts:restoreEmail", json!({ "code": code })).await;
    restore(&codes[1].1).await.refused("CODE_INVALID");
    sign_in(&world, codes[1].0.login(), PASSWORD).await.ok();
    world.passes("2022-10-17T09:00:01[Europe/Rome]").await;
    restore(&codes[0].1).await.refused("CODE_EXPIRED");
    sign_in(&world, "kos@home.example", OWN).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn asking_for_an_address_does_not_tell_whether_it_has_an_account() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Ana", "Kos").await);
    let owner = world.teacher("it", "Eva", "Novak").await;
    let free = format!("free{}", owner.login());
    let answers = [seen(&ask(&one, owner.login()).await), seen(&ask(&other, &free).await)];
    assert_eq!(answers[0], answers[1]);
    // nor do the letters to the one who asked, which name what they asked for
    let letters = [newest(&world, one.login()).await, newest(&world, other.login()).await];
    assert_eq!(letters[0], letters[1].replace(&free, owner.login()));

    let told = newest(&world, owner.login()).await;
    assert!(told.contains("/it/sign-in") && told.contains("/it/recover-password"), "{told}");
    assert!(!told.contains("confirm-email") && !told.contains(one.login()), "{told}");
    sign_in(&world, owner.login(), OWN).await.ok();

    let wrong = json!({ "newEmail": "x@home.example", "currentPassword": "not my password" });
    let wrong = one.post("/v1/account:changeEmail", wrong).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    assert_eq!(ask(&one, one.login()).await.violations()[0].0, "new_email");
    world.settle().await;
    assert_eq!(world.mailbox("it").to("x@home.example"), []);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_that_was_taken_meanwhile_is_refused_like_any_wrong_code() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let (one, other) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Eva", "Novak").await);
    let wanted = "shared@home.example";
    ask(&one, wanted).await.ok();
    let first = code(&world, wanted).await;
    ask(&other, wanted).await.ok();
    let second = code(&world, wanted).await;
    let (a, b) = tokio::join!(confirm(&world, &first), confirm(&world, &second));
    let (won, lost) = if a.status.is_success() { (a, b) } else { (b, a) };
    won.ok();
    let made_up = seen(&confirm(&world, "anything").await);
    lost.refused("CODE_INVALID");
    assert_eq!(seen(&lost), made_up);

    // a registration that waits for the same address is over
    let third = world.teacher("it", "Ida", "Serra").await;
    let form = json!({ "email": "new@home.example", "password": PASSWORD, "givenName": "T", "surname": "T" });
    anybody.post("/v1/accounts", form).await.ok();
    let registration = code(&world, "new@home.example").await;
    ask(&third, "new@home.example").await.ok();
    confirm(&world, &code(&world, "new@home.example").await).await.ok();
    anybody
        .post("/v1/accounts:verifyEmail", json!({ "code": registration, "password": PASSWORD }))
        .await
        .refused("CODE_INVALID");

    // and the other way round
    let fourth = world.teacher("it", "Iva", "Serra").await;
    ask(&fourth, "late@home.example").await.ok();
    let change = code(&world, "late@home.example").await;
    let form = json!({ "email": "late@home.example", "password": PASSWORD, "givenName": "T", "surname": "T" });
    anybody.post("/v1/accounts", form).await.ok();
    let registration = code(&world, "late@home.example").await;
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": registration, "password": PASSWORD })).await.ok();
    confirm(&world, &change).await.refused("CODE_INVALID");
    sign_in(&world, fourth.login(), OWN).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_code_for_an_address_works_once_for_two_days_and_for_the_last_one_asked_for() {
    let world = World::of(&["it"]).at("2022-10-10T09:00:00[Europe/Rome]").start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    ask(&teacher, "one@home.example").await.ok();
    let first = code(&world, "one@home.example").await;
    ask(&teacher, "two@home.example").await.ok();
    let second = code(&world, "two@home.example").await;
    confirm(&world, &first).await.refused("CODE_INVALID");
    world.passes("2022-10-12T09:00:01[Europe/Rome]").await;
    confirm(&world, &second).await.refused("CODE_EXPIRED");

    let teacher = teacher.again().await;
    ask(&teacher, "two@home.example").await.ok();
    let third = code(&world, "two@home.example").await;
    let (one, other) = tokio::join!(confirm(&world, &third), confirm(&world, &third));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    won.ok();
    lost.refused("CODE_INVALID");
    sign_in(&world, "two@home.example", OWN).await.ok();

    // what was mailed to the address until then opens nothing
    world.anybody("it").post("/v1/accounts:recoverPassword", json!({ "email": "two@home.example" })).await.ok();
    let recovery = code(&world, "two@home.example").await;
    let moved = world.anybody("it").sign_in("two@home.example", OWN).await;
    ask(&moved, "three@home.example").await.ok();
    confirm(&world, &code(&world, "three@home.example").await).await.ok();
    let reset = json!({ "code": recovery, "newPassword": PASSWORD });
    world.anybody("it").post("/v1/accounts:resetPassword", reset).await.refused("CODE_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn one_is_written_to_in_the_language_one_chooses_among_those_there_are_letters_in() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    assert_eq!(teacher.patch("/v1/account", json!({ "locale": "sl-SI" })).await.ok()["locale"], "sl-SI");
    let recover = json!({ "email": teacher.login() });
    world.anybody("it").post("/v1/accounts:recoverPassword", recover.clone()).await.ok();
    assert!(newest(&world, teacher.login()).await.contains("Velja samo enkrat"));
    for unknown in ["pt", "tlh"] {
        let refused = teacher.patch("/v1/account", json!({ "locale": unknown })).await.violations();
        assert_eq!(refused, [("account.locale".to_owned(), "FIELDS_INVALID".to_owned())]);
    }
    teacher.patch("/v1/account", json!({ "locale": null })).await.ok();
    world.anybody("it").post("/v1/accounts:recoverPassword", recover).await.ok();
    assert!(newest(&world, teacher.login()).await.contains("Funziona una sola volta"));
    world.end().await;
}

//! A teacher registers; accounts and what can be learned of them.

use http::HeaderMap;
use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, mailbox::CODE, path::text, scene::PASSWORD};

/// What a teacher fills in.
fn form(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "givenName": "Ana", "surname": "Kos" })
}

/// The code in the newest letter to an address.
async fn code(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(email, CODE).expect("a code in a letter")
}

async fn verify(anybody: &Caller, code: &str) -> Answer {
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await
}

/// All a caller gets to see of an answer; the date is the clock's.
pub(super) fn seen(answer: &Answer) -> (http::StatusCode, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    (answer.status, headers, answer.text())
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_registers_and_has_an_account_once_the_address_is_verified() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    assert_eq!(anybody.post("/v1/accounts", form("Ana.Kos@School.example")).await.ok(), json!({}));
    verify(&anybody, &code(&world, "ana.kos@school.example").await).await.ok();
    let account = anybody.sign_in("ana.kos@SCHOOL.example", PASSWORD).await.account().await;
    let expected = json!({
        "id": account["id"], "login": "ana.kos@school.example", "roles": ["ROLE_TEACHER"], "givenName": "Ana", "surname": "Kos",
        "createdAt": "2022-10-10T07:00:00Z", "etag": "1", "state": "ACCOUNT_STATE_LIVING",
        "confirmation": { "ground": "CONFIRMATION_GROUND_DOMAIN", "confirmedAt": "2022-10-10T07:00:00Z" },
    });
    assert_eq!(account, expected);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_learns_which_addresses_are_known() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let known = world.teacher("it", "Ana", "Kos").await;
    anybody.post("/v1/accounts", form("waits@school.example")).await.ok();
    let addresses = [known.login(), "waits@school.example", "nobody@school.example"];

    for (path, body) in [
        ("/v1/sessions", json!({ "password": "not the one that was chosen" })),
        ("/v1/accounts:resendVerification", json!({})),
        ("/v1/accounts", form("")),
    ] {
        let mut answers = Vec::new();
        for address in addresses {
            let mut body = body.clone();
            body[if path == "/v1/sessions" { "login" } else { "email" }] = json!(address);
            answers.push(seen(&anybody.post(path, body).await));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}: {answers:#?}");
    }

    // the mail tells its owner, and nobody else
    world.settle().await;
    let letters = world.mailbox("it").to(known.login());
    let code = regex::Regex::new(CODE).unwrap();
    assert!(letters.iter().filter(|letter| code.is_match(&letter.text)).count() == 1, "{letters:#?}");
    assert_eq!(letters.len(), 2, "the owner is told that somebody registered again");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_code_works_once_and_for_two_days() {
    let world = World::of(&["it", "hr"]).at("2022-10-10T09:00:00[Europe/Rome]").start().await;
    let anybody = world.anybody("it");
    anybody.post("/v1/accounts", form("ana@school.example")).await.ok();
    let first = code(&world, "ana@school.example").await;
    verify(&world.anybody("hr"), &first).await.refused("CODE_INVALID");
    verify(&anybody, &format!("{first}A")).await.refused("CODE_INVALID");
    verify(&anybody, "anything").await.refused("CODE_INVALID");

    world.passes("2022-10-12T09:00:01[Europe/Rome]").await;
    verify(&anybody, &first).await.refused("CODE_EXPIRED");
    anybody.post("/v1/accounts:resendVerification", json!({ "email": "ana@school.example" })).await.ok();
    // whoever asks again does not end the code that its owner is typing: it is the same one, and valid anew
    assert_eq!(code(&world, "ana@school.example").await, first);
    let letters = world.mailbox("it").to("ana@school.example");
    assert_eq!(letters.len(), 2, "{letters:#?}");
    world.passes("2022-10-14T09:00:01[Europe/Rome]").await;
    verify(&anybody, &first).await.ok();
    verify(&anybody, &first).await.refused("CODE_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_registers_with_somebody_elses_address_gains_nothing() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let thief = json!({ "email": "ana@school.example", "password": "this is what the thief knows", "givenName": "T", "surname": "T" });
    anybody.post("/v1/accounts", thief.clone()).await.ok();
    // who follows the link of the stranger's registration knows another password, and makes no account of the stranger's
    let strange = verify(&anybody, &code(&world, "ana@school.example").await).await.violations();
    assert_eq!(strange, [("password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    anybody.post("/v1/accounts", form("ana@school.example")).await.ok();
    // the owner follows the link of their own registration
    verify(&anybody, &code(&world, "ana@school.example").await).await.ok();
    anybody.post("/v1/accounts", thief).await.ok();

    let account = anybody.sign_in("ana@school.example", PASSWORD).await.account().await;
    assert_eq!(account["surname"], "Kos");
    let guess = json!({ "login": "ana@school.example", "password": "this is what the thief knows" });
    anybody.post("/v1/sessions", guess).await.refused("SIGN_IN_FAILED");
    let code_in = regex::Regex::new(CODE).unwrap();
    for letter in world.mailbox("it").to("ana@school.example") {
        if let Some(code) = code_in.find(&letter.text) {
            verify(&anybody, code.as_str()).await.refused("CODE_INVALID");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn two_redemptions_of_one_code_at_once_make_one_account() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    anybody.post("/v1/accounts", form("ana@school.example")).await.ok();
    let code = code(&world, "ana@school.example").await;
    let (one, other) = tokio::join!(verify(&anybody, &code), verify(&anybody, &code));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    won.ok();
    assert!(lost.status.is_client_error(), "{}", lost.text());
    anybody.sign_in("ana@school.example", PASSWORD).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_registers_with_an_address_and_signs_in_does_not_learn_whether_it_has_an_account() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let known = world.teacher("it", "Eva", "Novak").await;
    let mut answers = Vec::new();
    for login in [known.login(), "ana@school.example", "nobody@school.example"] {
        if login != "nobody@school.example" {
            answers.push(seen(&anybody.post("/v1/accounts", form(login)).await));
        }
        // the password that was registered, which is not the one of the account
        let answer = anybody.post("/v1/sessions", json!({ "login": login, "password": PASSWORD })).await;
        let problem = answer.refused("SIGN_IN_FAILED");
        assert!(text(&problem["detail"]).contains("follow the link"), "{problem}");
        answers.push(seen(&answer));
    }
    assert_eq!((&answers[0], &answers[1]), (&answers[2], &answers[3]));
    assert_eq!(answers[3], answers[4], "an address nobody registered");
    verify(&anybody, &code(&world, "ana@school.example").await).await.ok();
    anybody.sign_in("ana@school.example", PASSWORD).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn weak_passwords_are_refused_with_what_is_weak_about_them() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    for weak in [
        "short",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "1234567890123456",
        "qwertyuiopasdfghjkl",
        "ana.kos@school.example",
        "Ana Kos Ana Kos Ana Kos",
        "OpenCoesione2022",
        "p4ssw0rdp4ssw0rd!",
    ] {
        let mut form = form("ana.kos@school.example");
        form["password"] = json!(weak);
        let violations = anybody.post("/v1/accounts", form).await.violations();
        assert!(!violations.is_empty(), "{weak}");
        for violation in violations {
            assert_eq!(violation, ("password".to_owned(), "PASSWORD_WEAK".to_owned()), "{weak}");
        }
    }
    // nothing was written and nobody was mailed
    world.settle().await;
    assert_eq!(world.mailbox("it").to("ana.kos@school.example"), []);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_password_is_the_same_however_a_keyboard_composes_its_accents() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let mut form = form("ana@school.example");
    form["password"] = json!("la citt\u{e0} sotto il ponte");
    anybody.post("/v1/accounts", form).await.ok();
    let decomposed = "la citta\u{300} sotto il ponte";
    let proof = json!({ "code": code(&world, "ana@school.example").await, "password": decomposed });
    anybody.post("/v1/accounts:verifyEmail", proof).await.ok();
    anybody.sign_in("ana@school.example", decomposed).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn everything_wrong_with_a_registration_is_said_at_once() {
    let world = World::of(&["it"]).start().await;
    let form =
        json!({ "email": "nobody", "givenName": "a\u{0}b", "surname": "x".repeat(101), "locale": "not a language" });
    let mut fields: Vec<_> =
        world.anybody("it").post("/v1/accounts", form).await.violations().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["email", "given_name", "locale", "password", "surname"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let school = scene.school("UPPER_SECONDARY")["id"].clone();
    let changed = teacher.patch("/v1/account", json!({ "schoolId": school, "subjectArea": "History" })).await.ok();
    assert_eq!((&changed["schoolId"], &changed["subjectArea"]), (&school, &json!("History")));
    assert_eq!((&changed["givenName"], &changed["surname"]), (&json!("Ana"), &json!("Kos")));

    let emptied = teacher.patch("/v1/account", json!({ "schoolId": null })).await.ok();
    assert_eq!((&emptied["schoolId"], &emptied["subjectArea"]), (&Value::Null, &json!("History")));
    // a mask decides, where there is one
    let masked = json!({ "givenName": "Eva", "surname": "Nobody" });
    let masked = teacher.patch("/v1/account?updateMask=givenName", masked).await.ok();
    assert_eq!((&masked["givenName"], &masked["surname"]), (&json!("Eva"), &json!("Kos")));

    let stale = json!({ "givenName": "Ida", "etag": changed["etag"] });
    let stale = teacher.patch("/v1/account", stale).await.refused("ETAG_STALE");
    assert_eq!(stale["metadata"]["current_etag"], masked["etag"]);
    let fields =
        |violations: Vec<(String, String)>| violations.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>();
    let never = json!({ "schoolId": uuid::Uuid::nil().to_string(), "surname": "–" });
    let mut reasons = fields(teacher.patch("/v1/account", never).await.violations());
    reasons.sort();
    assert_eq!(reasons, ["FIELDS_INVALID", "SCHOOL_UNKNOWN"]);
    teacher.patch("/v1/account?updateMask=colour", json!({ "givenName": "Ida" })).await.refused("FIELDS_INVALID");
    let login = teacher.patch("/v1/account?updateMask=login", json!({ "login": "me@school.example" })).await.ok();
    assert_eq!(login, masked, "what only the service says is passed over");
    assert_eq!(teacher.account().await, masked, "nothing was half-written");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_colleague_is_found_by_surname_and_school_and_by_nothing_less() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (school, other) = (text(&scene.school("UPPER_SECONDARY")["id"]), text(&scene.school("LOWER_SECONDARY")["id"]));
    let colleague = world.teacher("it", "Eva", "D’Ambrosio-Žižek").await;
    let searching = scene.teacher("Kos").await;
    let find = |surname: &str, school: &str| {
        let surname: String = surname.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/v1/teachers:find?surname={surname}&schoolId={school}");
        let searching = searching.clone();
        async move { searching.get(&path).await.ok()["teachers"].as_array().cloned().unwrap_or_default() }
    };
    assert_eq!(find("D'Ambrosio Zizek", &school).await, [] as [Value; 0], "a teacher of no school is found in none");
    colleague.patch("/v1/account", json!({ "schoolId": school })).await.ok();
    let expected = json!({
        "id": colleague.account().await["id"], "givenName": "Eva", "surname": "D’Ambrosio-Žižek", "schoolId": school,
        "confirmation": {
            "ground": "CONFIRMATION_GROUND_DOMAIN", "confirmedAt": "2022-10-10T07:00:00Z", "schoolId": school,
        },
    });
    assert_eq!(find("d'ambrosio zizek", &school).await, [expected], "no address is given");
    for (surname, school) in [("D'Ambrosio", &school), ("D%", &school), ("D'Ambrosio Zizek", &other)] {
        assert_eq!(find(surname, school).await, [] as [Value; 0], "{surname}");
    }
    assert!(
        world.actions("it", "identity").await.contains(&"find teachers".to_owned()),
        "reading of people is an entry"
    );
    searching.get(&format!("/v1/teachers:find?surname=K&schoolId={school}")).await.refused("FIELDS_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_is_written_to_in_their_language_with_the_local_hour_and_its_zone() {
    let world = World::of(&["it"]).start().await;
    let anybody = world.anybody("it");
    let mut subjects = std::collections::BTreeSet::new();
    for locale in ["", "en", "hr", "es-ES", "el", "sl"] {
        let email = format!("ana{locale}@school.example");
        let mut form = form(&email);
        form["locale"] = json!(locale);
        anybody.post("/v1/accounts", form).await.ok();
        world.settle().await;
        let [letter] = &world.mailbox("it").to(&email.to_lowercase())[..] else { panic!("one letter") };
        assert!(letter.text.contains("Europe/Rome") && letter.text.contains("09:00"), "{}", letter.text);
        assert!(!letter.text.contains('{'), "{}", letter.text);
        subjects.insert(letter.subject.clone());
    }
    assert_eq!(subjects.len(), 6, "{subjects:?}");
    world.end().await;
}

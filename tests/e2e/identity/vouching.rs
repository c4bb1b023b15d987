//! A teacher is vouched for: by the domain of the address, the school, a colleague or the central team, before a class can be theirs.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, mailbox::CODE, path::text, scene::application, world};

/// The password of the teachers of a world.
const OWN: &str = "a sentence nobody else would choose";

/// A school of Italy's register with an e-mail address there, and the address.
const ASKED: (&str, &str) = ("CHIS00700P", "chis00700p@istruzione.example");

/// A school of Italy's register without an e-mail address.
const MUTE: &str = "CHTD007011";

async fn id_of(caller: &Caller) -> String {
    text(&caller.account().await["id"])
}

/// By what a teacher is confirmed, such as `DOMAIN`. Empty, where nobody has vouched.
async fn ground(teacher: &Caller) -> String {
    let ground = text(&teacher.account().await["confirmation"]["ground"]);
    ground.trim_start_matches("CONFIRMATION_GROUND_").to_owned()
}

/// The id of a school, by its code in the register.
fn school(scene: &Scene<'_>, code: &str) -> String {
    let found = scene.schools.iter().find(|school| school["code"] == code);
    text(&found.unwrap_or_else(|| panic!("no school {code}"))["id"])
}

async fn works_at(teacher: &Caller, school: &str) {
    teacher.patch("/v1/account", json!({ "schoolId": school })).await.ok();
}

/// A teacher of a school whom nobody has vouched for.
async fn stranger_at(scene: &Scene<'_>, surname: &str, school: &str) -> Caller {
    let stranger = scene.world.stranger(&scene.tenant, "Ana", surname).await;
    works_at(&stranger, school).await;
    stranger
}

async fn ask_school(teacher: &Caller) -> Answer {
    teacher.post("/v1/account:askSchool", json!({})).await
}

async fn confirm_as_school(anybody: &Caller, code: &str) -> Answer {
    anybody.post("/v1/teachers:confirmAsSchool", json!({ "code": code })).await
}

async fn vouch(colleague: &Caller, id: &str) -> Answer {
    colleague.post(&format!("/v1/teachers/{id}:confirmAsColleague"), json!({})).await
}

async fn confirm(coordinator: &Caller, id: &str) -> Answer {
    coordinator.post(&format!("/v1/teachers/{id}:confirm"), json!({})).await
}

async fn take_back(coordinator: &Caller, id: &str) -> Answer {
    coordinator.post(&format!("/v1/teachers/{id}:revokeConfirmation"), json!({})).await
}

/// Why a teacher cannot be confirmed in this way.
fn why(refused: &Answer) -> String {
    text(&refused.refused("CONFIRMATION_NOT_POSSIBLE")["metadata"]["why"])
}

/// The code in the newest letter to an address.
async fn code(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(email, CODE).expect("a code in a letter")
}

/// The subjects of the letters to somebody, oldest first.
async fn subjects(world: &World, caller: &Caller) -> Vec<String> {
    world.settle().await;
    world.mailbox(caller.tenant()).to(caller.login()).into_iter().map(|letter| letter.subject).collect()
}

async fn find(searching: &Caller, surname: &str, school: &str) -> Answer {
    searching.get(&format!("/v1/teachers:find?surname={surname}&schoolId={school}")).await
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_in_a_domain_of_the_country_confirms_by_itself_and_what_only_ends_like_one_does_not() {
    let world = World::of(&["it"]).start().await;
    let file = std::fs::read_to_string(world::tenant_files().join("it.toml")).expect("a file");
    let faults =
        world.write_tenant("it", &file.replace("\"school.example\"]", "\"school.example\", \"škola.example\"]"));
    assert!(faults.is_empty(), "{faults:?}");
    for email in ["Ana@School.Example", "ana@ŠKOLA.example", "eva@xn--kola-f6a.example"] {
        let teacher = world.registered("it", email, "Ana", "Kos").await;
        assert_eq!(ground(&teacher).await, "DOMAIN", "{email}");
        let confirmation = teacher.account().await["confirmation"].clone();
        assert_eq!(confirmation["confirmedAt"], "2022-10-10T07:00:00Z", "{confirmation}");
        assert_eq!(confirmation["confirmedBy"], Value::Null, "{confirmation}");
    }
    for email in
        ["ana@pupils.school.example", "ana@evilschool.example", "ana@school.example.home.example", "ana@skola.example"]
    {
        assert_eq!(ground(&world.registered("it", email, "Ana", "Kos").await).await, "", "{email}");
    }
    let actions = world.actions("it", "identity").await;
    assert_eq!(actions.iter().filter(|action| *action == "confirm teacher").count(), 3);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_domain_that_is_named_later_confirms_who_was_there_before() {
    let world = World::of(&["it"]).start().await;
    let (before, back) = (world.stranger("it", "Ana", "Kos").await, world.stranger("it", "Eva", "Serra").await);
    let coordinator = world.coordinator("it").await;
    confirm(&coordinator, &id_of(&back).await).await.ok();
    take_back(&coordinator, &id_of(&back).await).await.ok();
    let file = std::fs::read_to_string(world::tenant_files().join("it.toml")).expect("a file");
    world.write_tenant("it", &file.replace("\"school.example\"]", "\"anybody.example\"]"));
    assert_eq!(ground(&before).await, "", "not before the hour strikes");
    world.hour_strikes().await;
    assert_eq!((ground(&before).await, ground(&back).await), ("DOMAIN".to_owned(), String::new()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_domain_of_ones_own_school_confirms_for_that_school_alone() {
    let world = World::of(&["si"]).start().await;
    let scene = Scene::open(&world, "si").await;
    let (burja, soline) = (school(&scene, "5990011000"), school(&scene, "5990012000"));
    let register = String::from_utf8(world::data("schools/si.csv")).expect("UTF-8");
    let register: Vec<_> = register
        .lines()
        .map(|line| match line.split_once(';') {
            Some(("Matična številka", _)) => format!("{line};Domena"),
            Some(("5990011000", _)) => format!("{line};Gimnazija-Burja.Example"),
            _ => format!("{line};"),
        })
        .collect();
    scene.coordinator.upload("/v1/schools:import", "text/csv", register.join("\n")).await.ok();

    let teacher = world.registered("si", "ana@gimnazija-burja.example", "Ana", "Kos").await;
    assert_eq!(ground(&teacher).await, "", "they name no school");
    works_at(&teacher, &soline).await;
    assert_eq!(ground(&teacher).await, "");
    works_at(&teacher, &burja).await;
    assert_eq!(ground(&teacher).await, "SCHOOL_DOMAIN");
    assert_eq!(teacher.account().await["confirmation"]["schoolId"], burja.as_str());
    works_at(&teacher, &soline).await;
    assert_eq!(ground(&teacher).await, "");
    let told = subjects(&world, &teacher).await;
    assert!(told.last().is_some_and(|subject| subject.starts_with("Niste več potrjeni")), "{told:?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_school_confirms_with_the_code_of_a_letter_once_and_here_alone() {
    let world = World::of(&["it", "hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = stranger_at(&scene, "Kos", &school(&scene, ASKED.0)).await;
    assert_eq!(ask_school(&teacher).await.ok(), json!({}));
    let older = code(&world, ASKED.1).await;
    ask_school(&teacher).await.ok();
    let code = code(&world, ASKED.1).await;
    let letter = world.mailbox("it").to(ASKED.1).pop().expect("a letter");
    for said in ["Ana Kos", teacher.login(), "ISTITUTO SUPERIORE DEL COLLE", &format!("/it/confirm-teacher#{code}\n")] {
        assert!(letter.text.contains(said), "{said}: {}", letter.text);
    }
    assert!(!subjects(&world, &teacher).await.iter().any(|subject| subject.contains("Ana Kos")));

    let anybody = world.anybody("it");
    confirm_as_school(&world.anybody("hr"), &code).await.refused("CODE_INVALID");
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": OWN })).await.refused("CODE_INVALID");
    assert_eq!(ground(&teacher).await, "");
    // whoever asks again does not end the code that somebody at the school is typing
    let (one, other) = tokio::join!(confirm_as_school(&anybody, &older), confirm_as_school(&anybody, &older));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    assert_eq!(won.ok(), json!({}));
    lost.refused("CODE_INVALID");
    confirm_as_school(&anybody, &code).await.refused("CODE_INVALID");
    assert_eq!(ground(&teacher).await, "SCHOOL");
    assert_eq!(teacher.account().await["confirmation"]["schoolId"], school(&scene, ASKED.0).as_str());
    let told = subjects(&world, &teacher).await;
    assert!(told.last().is_some_and(|subject| subject.starts_with("Sei confermato")), "{told:?}");
    assert_eq!(why(&ask_school(&teacher).await), "CONFIRMED");
    let noted = "SELECT actor, detail FROM audit WHERE action = 'confirm teacher'";
    let noted = world.rows("it", "identity", noted, &["actor", "detail"]).await;
    assert_eq!(noted, [["anonymous", "school"]]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_letter_to_a_school_is_worth_nothing_once_what_it_says_is_not_so() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (asked, other) = (school(&scene, ASKED.0), school(&scene, "MCPC900018"));
    let anybody = world.anybody("it");
    for change in [json!({ "schoolId": other }), json!({ "surname": "Novak" })] {
        let teacher = stranger_at(&scene, "Kos", &asked).await;
        ask_school(&teacher).await.ok();
        let code = code(&world, ASKED.1).await;
        teacher.patch("/v1/account", change.clone()).await.ok();
        confirm_as_school(&anybody, &code).await.refused("CODE_INVALID");
        assert_eq!(ground(&teacher).await, "", "{change}");
        world.passes_by(SignedDuration::from_hours(1)).await;
    }
    let locked = stranger_at(&scene, "Serra", &asked).await;
    ask_school(&locked).await.ok();
    let first = code(&world, ASKED.1).await;
    let path = format!("/v1/accounts/{}:lock", id_of(&locked).await);
    let coordinator = scene.coordinator.again().await;
    coordinator.post(&path, json!({ "reason": "The school asked." })).await.ok();
    confirm_as_school(&anybody, &first).await.refused("CODE_INVALID");

    let late = stranger_at(&scene, "Late", &asked).await;
    ask_school(&late).await.ok();
    let code = code(&world, ASKED.1).await;
    world.passes_by(SignedDuration::from_hours(336) + SignedDuration::from_secs(1)).await;
    confirm_as_school(&anybody, &code).await.refused("CODE_EXPIRED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn only_a_school_with_an_address_is_asked_and_not_often() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = world.stranger("it", "Ana", "Kos").await;
    assert_eq!(why(&ask_school(&teacher).await), "SCHOOL_MISSING");
    works_at(&teacher, &school(&scene, MUTE)).await;
    assert_eq!(why(&ask_school(&teacher).await), "ADDRESS_MISSING");
    works_at(&teacher, &school(&scene, ASKED.0)).await;
    let once = json!({ "requestId": "once" });
    for _ in 0..3 {
        teacher.post("/v1/account:askSchool", once.clone()).await.ok();
    }
    world.settle().await;
    assert_eq!(world.mailbox("it").to(ASKED.1).len(), 1, "what is asked again is asked once");
    let colleague = stranger_at(&scene, "Serra", &school(&scene, ASKED.0)).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(ask_school(&colleague).await.status.is_success());
    }
    assert!(answers[0] && !answers[5], "{answers:?}");
    ask_school(&colleague).await.refused("RATE_EXCEEDED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_confirmed_colleague_of_the_same_school_vouches_and_nobody_else() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (here, there) = (school(&scene, MUTE), school(&scene, ASKED.0));
    let teacher = stranger_at(&scene, "Kos", &here).await;
    let id = id_of(&teacher).await;

    assert_eq!(why(&vouch(&teacher, &id).await), "OWN_ACCOUNT");
    let unconfirmed = stranger_at(&scene, "Unconfirmed", &here).await;
    vouch(&unconfirmed, &id).await.refused("TEACHER_UNCONFIRMED");
    let elsewhere = scene.teacher("Elsewhere").await;
    vouch(&elsewhere, &id).await.refused("NOT_FOUND");
    works_at(&elsewhere, &there).await;
    let hidden = vouch(&elsewhere, &id).await;
    let nobody = vouch(&elsewhere, &uuid::Uuid::now_v7().to_string()).await;
    assert_eq!((hidden.refused("NOT_FOUND"), &hidden.body), (nobody.json(), &nobody.body));
    let locked = scene.teacher("Locked").await;
    works_at(&locked, &here).await;
    let path = format!("/v1/accounts/{}:lock", id_of(&locked).await);
    scene.coordinator.post(&path, json!({ "reason": "It was lost." })).await.ok();
    vouch(&locked, &id).await.refused("TOKEN_ENDED");
    assert_eq!(ground(&teacher).await, "");

    let colleague = scene.teacher("Novak").await;
    works_at(&colleague, &here).await;
    let said = vouch(&colleague, &id).await.ok();
    let by = id_of(&colleague).await;
    assert_eq!((&said["ground"], &said["confirmedBy"]), (&json!("CONFIRMATION_GROUND_COLLEAGUE"), &json!(by)));
    assert_eq!(teacher.account().await["confirmation"], said);
    assert_eq!(vouch(&colleague, &id).await.ok(), said, "it stays as it was");
    assert!(subjects(&world, &teacher).await.last().is_some_and(|subject| subject.starts_with("Sei confermato")));

    // the chain: who was vouched for vouches, and it is known who for whom
    vouch(&teacher, &id_of(&unconfirmed).await).await.ok();
    let chain =
        "SELECT actor, subject FROM audit WHERE action = 'confirm teacher' AND detail = 'colleague' ORDER BY seq";
    let chain = world.rows("it", "identity", chain, &["actor", "subject"]).await;
    let expected = [(by, id.clone()), (id, id_of(&unconfirmed).await)];
    assert_eq!(chain, expected.map(|(by, whom)| [format!("account {by}"), format!("account {whom}")]));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_the_central_team_takes_back_nobody_else_gives_again() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let here = school(&scene, ASKED.0);
    let teacher = stranger_at(&scene, "Kos", &here).await;
    let id = id_of(&teacher).await;
    let second = world.coordinator("it").await;
    let (one, other) = tokio::join!(confirm(&scene.coordinator, &id), confirm(&second, &id));
    assert_eq!(one.ok(), other.ok(), "the second one finds it confirmed");
    assert_eq!(ground(&teacher).await, "COORDINATOR");
    confirm(&scene.coordinator, &uuid::Uuid::now_v7().to_string()).await.refused("NOT_FOUND");
    confirm(&scene.coordinator, &id_of(&second).await).await.refused("NOT_FOUND");
    confirm(&teacher, &id).await.refused("ROLE_MISSING");

    let (one, other) = tokio::join!(take_back(&scene.coordinator, &id), take_back(&second, &id));
    assert_eq!((one.ok(), other.ok()), (json!({}), json!({})));
    assert_eq!(ground(&teacher).await, "");
    let ended = "SELECT detail FROM audit WHERE action = 'end confirmation'";
    assert_eq!(world.rows("it", "identity", ended, &["detail"]).await, [["coordinator"]]);
    let told = subjects(&world, &teacher).await;
    assert!(told.last().is_some_and(|subject| subject.starts_with("Non sei più confermato")), "{told:?}");

    let colleague = scene.teacher("Novak").await;
    works_at(&colleague, &here).await;
    assert_eq!(why(&vouch(&colleague, &id).await), "TAKEN_BACK");
    assert_eq!(why(&ask_school(&teacher).await), "TAKEN_BACK");
    let change = json!({ "newEmail": "ana@school.example", "currentPassword": OWN });
    teacher.post("/v1/account:changeEmail", change).await.ok();
    let code = code(&world, "ana@school.example").await;
    world.anybody("it").post("/v1/accounts:confirmEmail", json!({ "code": code, "currentPassword": OWN })).await.ok();
    works_at(&teacher, &school(&scene, MUTE)).await;
    assert_eq!(ground(&teacher).await, "");
    confirm(&scene.coordinator, &id).await.ok();
    assert_eq!(ground(&teacher).await, "COORDINATOR");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_locked_teacher_is_confirmed_by_nobody() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, colleague) = (stranger_at(&scene, "Kos", &school(&scene, MUTE)).await, scene.teacher("Novak").await);
    works_at(&colleague, &school(&scene, MUTE)).await;
    let id = id_of(&teacher).await;
    let lock = json!({ "reason": "It was lost." });
    scene.coordinator.post(&format!("/v1/accounts/{id}:lock"), lock).await.ok();
    confirm(&scene.coordinator, &id).await.refused("ACCOUNT_STATE");
    vouch(&colleague, &id).await.refused("ACCOUNT_STATE");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_vouched_for_at_one_school_is_given_no_class_of_another() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let stranger = world.stranger("it", "Ana", "Kos").await;
    let submitted = scene.submitted(&stranger).await;
    let here = text(&submitted["schoolId"]);
    let there = [ASKED.0, MUTE].map(|code| school(&scene, code)).into_iter().find(|school| *school != here);
    let colleague = scene.teacher("Novak").await;
    let class = scene.class("Serra").await;
    let id = id_of(&stranger).await;
    for (school, refused) in [(there.expect("another school"), true), (here, false)] {
        for teacher in [&stranger, &colleague] {
            works_at(teacher, &school).await;
        }
        vouch(&colleague, &id).await.ok();
        // by the rule that admits, lists are marked and classes handed over
        let listed = scene.coordinator.get("/v1/applications").await.ok();
        let listed = listed["applications"].as_array().cloned().expect("applications");
        let listed = listed.into_iter().find(|one| one["id"] == submitted["id"]).expect("the application");
        let one = scene.coordinator.get(&application(&submitted, "")).await.ok();
        for shown in [&listed, &one] {
            assert_eq!(shown["referentUnconfirmed"].as_bool().unwrap_or_default(), refused, "{shown}");
        }
        let over = json!({ "teacherId": id, "reason": "parental leave" });
        let handed = scene.coordinator.post(&class.path(":handOver"), over).await;
        if refused {
            handed.refused("TEACHER_UNCONFIRMED");
        } else {
            handed.ok();
        }
        let admitted = scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await;
        if refused {
            let problem = admitted.refused("TEACHER_UNCONFIRMED");
            assert!(text(&problem["detail"]).contains("another school"), "{problem}");
        } else {
            admitted.ok();
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_was_refused_stays_so_whoever_vouches_and_also_after_leaving_and_registering_anew() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let here = school(&scene, ASKED.0);
    let (stranger, colleague) = (stranger_at(&scene, "Kos", &here).await, stranger_at(&scene, "Serra", &here).await);
    confirm(&scene.coordinator, &id_of(&colleague).await).await.ok();
    ask_school(&stranger).await.ok();
    let waiting = code(&world, ASKED.1).await;
    // nobody has vouched at this instant, and nobody will
    take_back(&scene.coordinator, &id_of(&stranger).await).await.ok();
    confirm_as_school(&world.anybody("it"), &waiting).await.refused("CODE_INVALID");
    assert_eq!(why(&ask_school(&stranger).await), "TAKEN_BACK");
    assert_eq!(why(&vouch(&colleague, &id_of(&stranger).await).await), "TAKEN_BACK");

    // another address, and an account of its own with each of the two
    let (first, second) = (stranger.login().to_owned(), "ana@it.example");
    stranger.post("/v1/account:changeEmail", json!({ "newEmail": second, "currentPassword": OWN })).await.ok();
    let change = code(&world, second).await;
    let form = json!({ "code": change, "currentPassword": OWN });
    world.anybody("it").post("/v1/accounts:confirmEmail", form).await.ok();
    assert_eq!(ground(&stranger).await, "", "its domain proves nothing of who was refused");
    stranger.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    let mut anew = Vec::new();
    for login in [&*first, second] {
        let again = world.registered("it", login, "Eva", "Novak").await;
        works_at(&again, &here).await;
        assert_eq!((ground(&again).await, why(&ask_school(&again).await)), (String::new(), "TAKEN_BACK".to_owned()));
        assert_eq!(why(&vouch(&colleague, &id_of(&again).await).await), "TAKEN_BACK");
        anew.push(again);
    }
    world.hour_strikes().await;
    assert_eq!(ground(&anew[1]).await, "", "nor after an hour");
    // the central team confirms again, and that is what is known of both
    confirm(&scene.coordinator, &id_of(&anew[0]).await).await.ok();
    assert_eq!(ground(&anew[0]).await, "COORDINATOR");
    vouch(&colleague, &id_of(&anew[1]).await).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_somebody_has_said_of_colleagues_ends_with_what_was_said_of_them() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let here = school(&scene, MUTE);
    let mut teachers = Vec::new();
    for surname in ["Kos", "Serra", "Novak", "Riva", "Zorzi"] {
        teachers.push(stranger_at(&scene, surname, &here).await);
    }
    let [one, two, three, known, fine] = &teachers[..] else { panic!("five") };
    for teacher in [one, known] {
        confirm(&scene.coordinator, &id_of(teacher).await).await.ok();
    }
    for (by, of) in [(one, two), (two, three), (known, fine)] {
        vouch(by, &id_of(of).await).await.ok();
    }
    take_back(&scene.coordinator, &id_of(one).await).await.ok();
    for (teacher, expected) in [(one, ""), (two, ""), (three, ""), (known, "COORDINATOR"), (fine, "COLLEAGUE")] {
        assert_eq!(ground(teacher).await, expected, "{}", teacher.login());
    }
    for told in [two, three] {
        let letters = subjects(&world, told).await;
        assert!(letters.iter().any(|subject| subject.contains("più")), "{letters:?}");
    }
    let ended = world.actions("it", "identity").await.into_iter().filter(|done| done == "end confirmation").count();
    assert_eq!(ended, 3);
    // they were not refused themselves
    vouch(known, &id_of(three).await).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_unconfirmed_teacher_applies_and_is_given_no_class_in_any_way() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (stranger, class) = (world.stranger("it", "Ana", "Kos").await, scene.class("Serra").await);
    let id = id_of(&stranger).await;
    let submitted = scene.submitted(&stranger).await;
    assert_eq!(
        (&submitted["state"], &submitted["referentUnconfirmed"]),
        (&json!("APPLICATION_STATE_SUBMITTED"), &json!(true))
    );
    let admit = application(&submitted, ":admit");
    let refused = scene.coordinator.post(&admit, json!({})).await.refused("TEACHER_UNCONFIRMED");
    assert!(text(&refused["detail"]).contains("central team"), "{refused}");
    scene.coordinator.post(&admit, json!({ "validateOnly": true })).await.refused("TEACHER_UNCONFIRMED");
    let whom = json!({ "teacherId": id });
    let over = json!({ "teacherId": id, "reason": "parental leave" });
    class.referent.post(&class.path(":addSupportTeacher"), whom.clone()).await.refused("TEACHER_UNCONFIRMED");
    class.referent.post(&class.path(":handOver"), over.clone()).await.refused("TEACHER_UNCONFIRMED");
    scene.coordinator.post(&class.path(":handOver"), over).await.refused("TEACHER_UNCONFIRMED");

    // marked where others see them
    let listed = scene.coordinator.get("/v1/applications").await.ok();
    let listed = listed["applications"].as_array().cloned().expect("applications");
    let marked =
        |of: &str| listed.iter().find(|one| one["referentId"] == of).expect("listed")["referentUnconfirmed"].clone();
    assert_eq!((marked(&id), marked(&id_of(&class.referent).await)), (json!(true), Value::Null));
    let held = scene.coordinator.get(&format!("/v1/mandates?filter=account_id%20%3D%20%22{id}%22")).await.ok();
    assert_eq!(held["mandates"][0]["unconfirmed"], true);
    let found = scene.coordinator.post("/v1/accounts:find", json!({ "email": stranger.login() })).await.ok();
    assert_eq!(found["confirmation"], Value::Null);

    confirm(&scene.coordinator, &id).await.ok();
    let admitted = scene.coordinator.post(&admit, json!({})).await.ok();
    assert_eq!(
        (&admitted["state"], &admitted["referentUnconfirmed"]),
        (&json!("APPLICATION_STATE_ADMITTED"), &Value::Null)
    );
    class.referent.post(&class.path(":addSupportTeacher"), whom).await.ok();

    // the classes stay theirs, and the list says it
    take_back(&scene.coordinator, &id).await.ok();
    let teams = class.referent.get("/v1/teams").await.ok();
    let batch = class.referent.get(&format!("/v1/teams:batchGet?teamIds={}", class.id)).await.ok();
    let one = class.referent.get(&class.path("")).await.ok();
    for shown in [&teams["teams"][0], &batch["teams"][0], &one] {
        assert_eq!(shown["unconfirmedTeacherIds"], json!([id]));
    }
    stranger.get(&class.path("")).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_a_handover_and_a_confirmation_that_is_taken_back_at_once_the_later_one_counts() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Serra").await;
    let second = world.coordinator("it").await;
    for _ in 0..3 {
        let next = scene.teacher("Kos").await;
        let id = id_of(&next).await;
        let to = json!({ "teacherId": id, "reason": "parental leave" });
        let hand_over = class.path(":handOver");
        let (handed, taken) = tokio::join!(scene.coordinator.post(&hand_over, to.clone()), take_back(&second, &id));
        taken.ok();
        let referent = scene.coordinator.get(&class.path("")).await.ok()["referentId"].clone();
        if handed.status.is_success() {
            assert_eq!(referent, id.as_str());
        } else {
            handed.refused("TEACHER_UNCONFIRMED");
            assert_ne!(referent, id.as_str());
            scene.coordinator.post(&hand_over, to).await.refused("TEACHER_UNCONFIRMED");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn another_school_or_name_ends_what_somebody_said_and_another_address_what_its_domain_said() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let anybody = world.anybody("it");
    let known = world.stranger("it", "Ana", "Kos").await;
    let id = id_of(&known).await;
    for change in [json!({ "schoolId": school(&scene, MUTE) }), json!({ "surname": "Novak" })] {
        confirm(&scene.coordinator, &id).await.ok();
        known.patch("/v1/account", json!({ "subjectArea": format!("{change}") })).await.ok();
        assert_eq!(ground(&known).await, "COORDINATOR", "{change}");
        known.patch("/v1/account", change.clone()).await.ok();
        assert_eq!(ground(&known).await, "", "{change}");
    }
    confirm(&scene.coordinator, &id).await.ok();
    let teacher = world.registered("it", "eva@school.example", "Eva", "Serra").await;
    for (caller, new) in [(&known, "ana@home.example"), (&teacher, "eva@home.example")] {
        caller.post("/v1/account:changeEmail", json!({ "newEmail": new, "currentPassword": OWN })).await.ok();
        let code = code(&world, new).await;
        anybody.post("/v1/accounts:confirmEmail", json!({ "code": code, "currentPassword": OWN })).await.ok();
    }
    assert_eq!((ground(&known).await, ground(&teacher).await), ("COORDINATOR".to_owned(), String::new()));

    // the address of before, with its domain
    let back = code(&world, "eva@school.example").await;
    anybody.post("/v1/accounts:restoreEmail", json!({ "code": back })).await.ok();
    let account = scene.coordinator.post("/v1/accounts:find", json!({ "email": "eva@school.example" })).await.ok();
    assert_eq!(account["confirmation"]["ground"], "CONFIRMATION_GROUND_DOMAIN");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn whom_the_central_team_makes_a_teacher_it_vouches_for() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let invited = json!({ "email": "eva@home.example", "role": "ROLE_TEACHER" });
    coordinator.post("/v1/invitations", invited).await.ok();
    let code = code(&world, "eva@home.example").await;
    let form = json!({ "code": code, "password": OWN, "givenName": "Eva", "surname": "Novak" });
    world.anybody("it").post("/v1/invitations:accept", form).await.ok();
    let teacher = world.anybody("it").sign_in("eva@home.example", OWN).await;
    let confirmation = teacher.account().await["confirmation"].clone();
    assert_eq!(confirmation["ground"], "CONFIRMATION_GROUND_COORDINATOR");
    assert_eq!(confirmation["confirmedBy"], coordinator.account().await["id"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn those_of_one_name_are_told_apart_and_the_unconfirmed_neither_found_nor_finding() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let here = school(&scene, MUTE);
    let searching = scene.teacher("Novak").await;
    let mut known = Vec::new();
    for subject in ["Latin", "Physics"] {
        let teacher = stranger_at(&scene, "Kos", &here).await;
        teacher.patch("/v1/account", json!({ "subjectArea": subject })).await.ok();
        known.push(teacher);
    }
    assert_eq!(find(&searching, "Kos", &here).await.ok(), json!({}), "nobody has vouched");
    find(&known[0], "Kos", &here).await.refused("TEACHER_UNCONFIRMED");
    confirm(&scene.coordinator, &id_of(&known[0]).await).await.ok();
    vouch(&known[0], &id_of(&known[1]).await).await.ok();
    let found = find(&searching, "kos", &here).await.ok();
    let shown: Vec<_> = found["teachers"]
        .as_array()
        .expect("teachers")
        .iter()
        .map(|one| (text(&one["subjectArea"]), text(&one["confirmation"]["ground"])))
        .collect();
    let expected = [("Latin", "CONFIRMATION_GROUND_COORDINATOR"), ("Physics", "CONFIRMATION_GROUND_COLLEAGUE")];
    assert_eq!(shown, expected.map(|(subject, ground)| (subject.to_owned(), ground.to_owned())));
    assert_eq!(found["more"], Value::Null);
    assert!(!found.to_string().contains('@') && !found.to_string().contains("confirmedBy"), "{found}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_search_says_that_there_are_more_and_is_no_list_of_people() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let here = school(&scene, MUTE);
    for _ in 0..11 {
        works_at(&scene.teacher("Kos").await, &here).await;
    }
    let (searching, other) = (scene.teacher("Novak").await, scene.teacher("Serra").await);
    let found = find(&searching, "Kos", &here).await.ok();
    assert_eq!((found["teachers"].as_array().map(Vec::len), &found["more"]), (Some(10), &json!(true)));
    for _ in 0..29 {
        find(&searching, "Nobody", &here).await.ok();
    }
    find(&searching, "Nobody", &here).await.refused("RATE_EXCEEDED");
    find(&other, "Nobody", &here).await.ok();
    world.passes_by(SignedDuration::from_mins(1)).await;
    find(&searching, "Nobody", &here).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_country_that_does_not_ask_for_it_admits_whom_nobody_vouches_for() {
    let world = World::of(&["it"]).start().await;
    let file = std::fs::read_to_string(world::tenant_files().join("it.toml")).expect("a file");
    let (before, rest) = file.split_once("[identity.vouching]").expect("the table");
    let (_, after) = rest.split_once("[identity.schools]").expect("the next table");
    assert!(world.write_tenant("it", &format!("{before}[identity.schools]{after}")).is_empty());
    let scene = Scene::open(&world, "it").await;
    let stranger = world.stranger("it", "Ana", "Kos").await;
    let submitted = scene.submitted(&stranger).await;
    assert_eq!(submitted["referentUnconfirmed"], Value::Null);
    scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await.ok();
    assert_eq!(why(&confirm(&scene.coordinator, &id_of(&stranger).await).await), "WAY_CLOSED");
    assert_eq!(why(&ask_school(&stranger).await), "WAY_CLOSED");
    works_at(&stranger, &school(&scene, MUTE)).await;
    let found = find(&stranger, "Kos", &school(&scene, MUTE)).await.ok();
    assert_eq!(found["teachers"].as_array().map(Vec::len), Some(1));
    world.end().await;
}

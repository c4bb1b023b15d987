//! Erasing a person: what they were called and what they wrote about themselves is nowhere any more, and each service proves it.

use std::{collections::BTreeSet, fs, path::Path};

use jiff::SignedDuration;
use proto::options::v1::Role;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{
    Caller, Scene, World,
    mailbox::CODE,
    path::text,
    scene::{PDF, application},
};

use crate::schema::made;

/// A word that nobody else uses, in everything that the person says.
const MARK: &str = "zyxquerk";

const OWN: &str = "a sentence nobody else would choose";

/// The person, registered.
async fn person(world: &World) -> Caller {
    let (anybody, email) = (world.anybody("it"), format!("{MARK}@school.example"));
    let person = json!({ "email": email, "password": OWN, "givenName": MARK, "surname": MARK, "subjectArea": MARK });
    anybody.post("/v1/accounts", person).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(&email, CODE).expect("a code");
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": OWN })).await.ok();
    anybody.sign_in(&email, OWN).await
}

/// An application of the person with a document whose name, and perhaps its bytes, have the mark.
async fn begun(scene: &Scene<'_>, person: &Caller, bytes: &[u8]) -> Value {
    let upload = format!("/v1/files:upload?name={MARK}.pdf&purpose=FILE_PURPOSE_AUTHORISATION");
    let file = person.upload(&upload, "application/pdf", bytes.to_vec()).await.ok();
    let mut draft = scene.draft(person).await;
    draft["fileIds"] = json!([file["id"]]);
    person.post("/v1/applications", json!({ "application": draft })).await.ok()
}

/// Does whatever leaves the mark somewhere. Returns the person, signed in, and the team that they had and gave away.
async fn lives(scene: &Scene<'_>, person: &Caller) -> (Caller, String) {
    let (central, account) = (&scene.coordinator, text(&person.account().await["id"]));
    // somebody else's call was answered with the person's name, and the answer is kept
    let why = json!({ "reason": format!("{MARK} asked for it."), "requestId": "one" });
    central.post(&format!("/v1/accounts/{account}:lock"), why).await.ok();
    central.post(&format!("/v1/accounts/{account}:reinstate"), json!({ "requestId": "two" })).await.ok();
    let person = &person.again().await;
    let submitted = begun(scene, person, PDF).await;
    person.post(&application(&submitted, ":submit"), json!({})).await.ok();
    let team = text(&central.post(&application(&submitted, ":admit"), json!({})).await.ok()["teamId"]);
    let heir = scene.teacher("Novak").await;
    let to = json!({ "teacherId": heir.account().await["id"], "reason": format!("{MARK} is ill.") });
    person.post(&format!("/v1/teams/{team}:handOver"), to).await.ok();
    heir.post(&format!("/v1/teams/{team}:addSupportTeacher"), json!({ "teacherId": account })).await.ok();

    let marked = [PDF, format!("%{MARK}\n").as_bytes()].concat();
    let draft = begun(scene, person, &marked).await;
    let change = json!({ "motivation": format!("{MARK} saw it.") });
    person.patch(&application(&draft, ""), change).await.ok();
    let invited = json!({ "email": format!("{MARK}@school.example"), "role": "ROLE_JUROR" });
    central.post("/v1/invitations", invited).await.ok();
    let asked = json!({ "newEmail": format!("{MARK}@elsewhere.example"), "currentPassword": OWN });
    person.post("/v1/account:changeEmail", asked).await.ok();
    scene.world.settle().await;
    (person.clone(), team)
}

/// Where in the databases of Italy the mark stands: every table of every service, all columns.
async fn rows_with_mark(world: &World) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for service in migrations::SERVICES {
        let ctx = world.process().operator("it").expect("a tenant");
        let db = world.process().store(service).expect("a service").read(&ctx).await.expect("a database");
        let is_postgres = platform::Reads::conn(&db).get_database_backend() == sea_orm::DbBackend::Postgres;
        drop(db);
        let columns = made(world, "it", service).await;
        assert!(columns.len() > 100, "{service}");
        for column in columns {
            let (table, name) = (&column.table, &column.name);
            let holds = match (is_postgres, column.kind.as_str()) {
                (true, "bytea") => format!("position(convert_to('{MARK}', 'UTF8') IN \"{name}\") > 0"),
                (true, _) => format!("position('{MARK}' IN lower(\"{name}\"::text)) > 0"),
                (false, "bytea") => format!("instr(\"{name}\", CAST('{MARK}' AS blob)) > 0"),
                (false, _) => format!("instr(lower(CAST(\"{name}\" AS text)), '{MARK}') > 0"),
            };
            let sql = format!("SELECT CAST(count(*) AS text) AS many FROM \"{table}\" WHERE {holds}");
            if world.rows("it", service, &sql, &["many"]).await != [["0"]] {
                found.insert(format!("{service}.{table}.{name}"));
            }
        }
    }
    found
}

/// The files below a folder whose names or bytes have the mark.
fn files_with_mark(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let has = |bytes: &[u8]| bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes());
        if has(entry.to_string_lossy().as_bytes()) || entry.is_file() && has(&fs::read(&entry).expect("a file")) {
            found.push(entry.display().to_string());
        }
        found.extend(files_with_mark(&entry));
    }
    found
}

async fn erasure(central: &Caller, account: &str) -> Value {
    central.get(&format!("/v1/accounts/{account}/erasure")).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_erased_is_found_nowhere_and_each_service_has_proven_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let person = person(&world).await;
    let account = text(&person.account().await["id"]);
    let (person, team) = lives(&scene, &person).await;
    let blobs = world.folder().join("data/blobs");
    let before = rows_with_mark(&world).await;
    for place in [
        "identity.account.given_name",
        "identity.account.login",
        "identity.account.subject_area",
        "identity.account.surname_folded",
        "identity.answered.answer",
        "identity.application.motivation",
        "identity.email_change.wanted",
        "identity.file.name",
        "identity.invitation.email",
        "identity.team_handover.reason",
    ] {
        assert!(before.contains(place), "the mark is not at {place}: {before:?}");
    }
    assert_eq!(files_with_mark(&blobs).len(), 1, "the bytes of a document have the mark");

    let leave = json!({ "currentPassword": OWN, "erase": true });
    person.post("/v1/account:leave", leave).await.ok();
    person.get("/v1/account").await.refused("TOKEN_ENDED");
    world.settle().await;
    assert_eq!(rows_with_mark(&world).await, BTreeSet::new());
    assert_eq!(files_with_mark(&blobs), [] as [String; 0]);
    let is_ours = |line: &String| !line.contains("AS many FROM");
    let logged: Vec<_> = world.log().find(MARK).into_iter().filter(is_ours).collect();
    assert_eq!(logged, [] as [String; 0], "but for what this test itself asked the databases");

    let proven = erasure(&scene.coordinator, &account).await;
    assert_eq!((&proven["accountId"], &proven["waitingFor"]), (&json!(account), &Value::Null));
    assert_eq!(proven["doneAt"], proven["begunAt"], "the clock stands still");
    let receipts = proven["receipts"].as_array().expect("receipts");
    let services: Vec<_> = receipts.iter().map(|receipt| text(&receipt["service"])).collect();
    assert_eq!(services, migrations::SERVICES);
    let erased = &receipts[0]["erased"];
    for (table, rows) in [("account", "1"), ("application", "1"), ("team_handover", "1"), ("invitation", "1")] {
        assert_eq!(erased[table], rows, "{erased}");
    }
    for service in migrations::SERVICES {
        let sql = "SELECT subject FROM audit WHERE action = 'erase subject'";
        assert_eq!(world.rows("it", service, sql, &["subject"]).await, [[format!("account {account}")]], "{service}");
    }

    // what the class did is there, and so is the id
    let kept = scene.coordinator.get(&format!("/v1/teams/{team}")).await.ok();
    assert_eq!(kept.get("supportTeacherIds"), None);
    let handed = "SELECT CAST(count(*) AS text) AS many FROM team_handover WHERE reason = ''";
    assert_eq!(world.rows("it", "identity", handed, &["many"]).await, [["1"]]);
    // the address is free for somebody else
    let again = self::person(&world).await;
    assert_ne!(text(&again.account().await["id"]), account);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_erasure_that_a_process_dies_in_goes_on_where_it_was() {
    let world = World::of(&["it"]).start().await;
    let central = world.coordinator("it").await;
    let person = person(&world).await;
    let account = text(&person.account().await["id"]);
    world.tamper("it", "lessons", "ALTER TABLE operation RENAME TO operation_away").await;
    person.post("/v1/account:leave", json!({ "currentPassword": OWN, "erase": true })).await.ok();
    // another round may have taken the fact up before ours, and be at it
    while world.expected_errors().is_empty() {
        for dispatcher in world.process().dispatchers() {
            dispatcher.drain().await;
        }
    }
    let begun = erasure(&central, &account).await;
    assert_eq!((&begun["waitingFor"], begun.get("doneAt")), (&json!(["lessons"]), None));
    assert_eq!(begun["receipts"].as_array().map(Vec::len), Some(1));

    // the process ends between the services, and another one begins
    let back = async |engine: &tests::engine::Engine, _: &Path| {
        let lessons = engine.connect("it", "lessons").await;
        lessons.execute_unprepared("ALTER TABLE operation_away RENAME TO operation").await.expect("a table");
        lessons.close().await.expect("an open database");
    };
    let world = world.restart_on(back).await;
    world.clock().advance(SignedDuration::from_hours(1));
    world.settle().await;
    let done = erasure(&central.at(world.http()).again().await, &account).await;
    assert_eq!((done.get("waitingFor"), done["receipts"].as_array().map(Vec::len)), (None, Some(2)));
    assert_ne!(done["doneAt"], done["begunAt"]);
    let sql = "SELECT subject FROM audit WHERE action = 'erase subject'";
    assert_eq!(world.rows("it", "lessons", sql, &["subject"]).await, [[format!("account {account}")]], "once");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_cannot_leave_is_not_erased_and_who_has_left_is_erased_by_the_central_team() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let erase = |password: &str| json!({ "currentPassword": password, "erase": true });
    class.referent.post("/v1/account:leave", erase(OWN)).await.refused("TEAM_AT_WORK");
    let lantern = "a lantern above the harbour wall";
    scene.coordinator.post("/v1/account:leave", erase(lantern)).await.refused("LAST_COORDINATOR");
    class.referent.account().await;

    let gone = scene.teacher("Novak").await;
    let account = text(&gone.account().await["id"]);
    let path = format!("/v1/accounts/{account}:erase");
    let early = scene.coordinator.post(&path, json!({})).await;
    assert_eq!(early.refused("ACCOUNT_STATE")["metadata"]["state"], "LIVING");
    scene.coordinator.get(&format!("/v1/accounts/{account}/erasure")).await.refused("NOT_FOUND");
    gone.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    class.referent.post(&path, json!({})).await.refused("ROLE_MISSING");
    let begun = scene.coordinator.post(&path, json!({ "requestId": "one" })).await.ok();
    assert_eq!(begun["receipts"][0]["service"], "identity");
    assert_eq!(
        scene.coordinator.post(&path, json!({ "requestId": "one" })).await.ok(),
        begun,
        "asked twice, done once"
    );
    let twice = scene.coordinator.post(&path, json!({})).await;
    assert_eq!(twice.refused("ACCOUNT_STATE")["metadata"]["state"], "ERASED");
    world.settle().await;
    assert!(erasure(&scene.coordinator, &account).await.get("doneAt").is_some());
    let names = "SELECT given_name, surname FROM account WHERE state = 'erased'";
    assert_eq!(world.rows("it", "identity", names, &["given_name", "surname"]).await, [["", ""]]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nothing_is_kept_for_who_was_erased_while_they_asked() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let person = person(&world).await;
    let account = text(&person.account().await["id"]);
    let draft = scene.draft(&person).await;
    person.post("/v1/account:leave", json!({ "currentPassword": OWN, "erase": true })).await.ok();
    world.settle().await;
    // a call that was let in before, as far as the transactions see
    let late = world.forged("it", &[Role::Teacher], |claims| claims.sub = account.parse().expect("an id"));
    let mut draft = draft;
    draft["motivation"] = json!(MARK);
    late.post("/v1/applications", json!({ "application": draft })).await.refused("SESSION_OVER");
    let upload = format!("/v1/files:upload?name={MARK}.pdf&purpose=FILE_PURPOSE_AUTHORISATION");
    late.upload(&upload, "application/pdf", PDF).await.refused("SESSION_OVER");
    late.patch("/v1/account", json!({ "givenName": MARK })).await.refused("SESSION_OVER");
    world.settle().await;
    assert_eq!(rows_with_mark(&world).await, BTreeSet::new());
    assert_eq!(files_with_mark(&world.folder().join("data/blobs")), [] as [String; 0]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_who_writes_and_is_erased_at_once_nothing_is_left_whichever_comes_first() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    for surname in ["Kos", "Novak", "Horvat"] {
        let teacher = scene.teacher(surname).await;
        let draft = json!({ "application": scene.draft(&teacher).await });
        let leave = json!({ "currentPassword": OWN, "erase": true });
        let upload = "/v1/files:upload?name=a.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
        let (left, ..) = tokio::join!(
            teacher.post("/v1/account:leave", leave),
            teacher.upload(upload, "application/pdf", PDF),
            teacher.post("/v1/applications", draft),
            teacher.patch("/v1/account", json!({ "subjectArea": MARK })),
        );
        left.ok();
    }
    world.settle().await;
    for table in ["file WHERE owner_id", "application WHERE referent_id"] {
        let sql = format!(
            "SELECT CAST(count(*) AS text) AS many FROM {table} IN (SELECT id FROM account WHERE state = 'erased')"
        );
        assert_eq!(world.rows("it", "identity", &sql, &["many"]).await, [["0"]], "{table}");
    }
    assert_eq!(rows_with_mark(&world).await, BTreeSet::new());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_waits_for_an_address_goes_too_when_its_owner_has_left_long_before() {
    let world = World::of(&["it"]).start().await;
    let central = world.coordinator("it").await;
    let person = person(&world).await;
    let account = text(&person.account().await["id"]);
    let email = format!("{MARK}@school.example");
    central.post("/v1/invitations", json!({ "email": email, "role": "ROLE_JUROR" })).await.ok();
    person.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    world.settle().await;
    let before = rows_with_mark(&world).await;
    assert!(before.contains("identity.invitation.email"), "{before:?}");
    central.post(&format!("/v1/accounts/{account}:erase"), json!({})).await.ok();
    world.settle().await;
    assert_eq!(rows_with_mark(&world).await, BTreeSet::new());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn identity_proves_nothing_before_the_bytes_of_files_are_gone() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let person = person(&world).await;
    let account = text(&person.account().await["id"]);
    let marked = [PDF, format!("%{MARK}\n").as_bytes()].concat();
    begun(&scene, &person, &marked).await;
    let [kept] = &files_with_mark(&world.folder().join("data/blobs"))[..] else { panic!("the bytes of one document") };
    // what stands there cannot be removed
    fs::remove_file(kept).expect("a file");
    fs::create_dir(kept).expect("a folder");
    fs::write(Path::new(kept).join("stays"), MARK).expect("a file");
    person.post("/v1/account:leave", json!({ "currentPassword": OWN, "erase": true })).await.ok();
    // another round may have taken the fact up before ours, and be at it
    while world.expected_errors().is_empty() {
        for dispatcher in world.process().dispatchers() {
            dispatcher.drain().await;
        }
    }
    assert_eq!(erasure(&scene.coordinator, &account).await["waitingFor"][0], "identity");
    fs::remove_dir_all(kept).expect("a folder");
    fs::write(kept, MARK).expect("a file");
    world.clock().advance(SignedDuration::from_hours(1));
    world.settle().await;
    let done = erasure(&scene.coordinator.again().await, &account).await;
    assert_eq!((done.get("waitingFor"), done["receipts"].as_array().map(Vec::len)), (None, Some(2)));
    assert_eq!(files_with_mark(&world.folder().join("data/blobs")), [] as [String; 0]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_answered_of_somebody_with_a_longer_address_is_still_known() {
    let world = World::of(&["it"]).start().await;
    let central = world.coordinator("it").await;
    let short = world.registered("it", "a@school.example", "Ana", "Kos").await;
    let long = world.registered("it", "ana@school.example", "Ana", "Horvat").await;
    let lock = |account: &Value| format!("/v1/accounts/{}:lock", text(&account["id"]));
    let body = |key: &str| json!({ "reason": "why", "requestId": key });
    let (short_id, long_id) = (short.account().await, long.account().await);
    let answered = central.post(&lock(&long_id), body("one")).await.ok();
    central.post(&lock(&short_id), body("two")).await.ok();
    let reinstate = format!("/v1/accounts/{}:reinstate", text(&short_id["id"]));
    central.post(&reinstate, json!({})).await.ok();
    let leave = json!({ "currentPassword": OWN, "erase": true });
    short.again().await.post("/v1/account:leave", leave).await.ok();
    world.settle().await;
    assert_eq!(central.post(&lock(&long_id), body("one")).await.ok(), answered);
    let forgotten = central.post(&lock(&short_id), body("two")).await;
    assert_eq!(forgotten.refused("ACCOUNT_STATE")["metadata"]["state"], "ERASED");
    world.end().await;
}

#[test]
fn every_service_that_has_something_of_people_hears_of_erasures_and_answers() {
    let pool = proto::descriptor();
    let fact = pool.get_extension_by_name("koine.options.v1.fact").expect("the option");
    let consumers = |name: &str| -> Vec<String> {
        let message = pool.get_message_by_name(name).unwrap_or_else(|| panic!("there is no fact {name}"));
        let options = message.options();
        let fact = options.get_extension(&fact).as_message().expect("a fact").clone();
        let consumers = fact.get_field_by_name("consumers").expect("consumers");
        let consumers = consumers.as_list().expect("a list");
        consumers.iter().map(|one| one.as_str().expect("a name").to_owned()).collect()
    };
    let others = migrations::SERVICES.iter().filter(|service| **service != "identity");
    assert_eq!(
        consumers("koine.identity.v1.ErasureBegun"),
        others.clone().map(|one| one.to_string()).collect::<Vec<_>>()
    );
    for service in others {
        assert_eq!(consumers(&format!("koine.{service}.v1.SubjectErased")), ["identity"], "{service}");
    }
}

//! The reasons of identity.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{
    Answer, Caller, Class, Device, Machine, Phone, Scene, World,
    issuer::{Issuer, Mood},
    mailbox::CODE,
    path::text,
    scene::{PASSWORD, PDF, application},
};

use super::Seen;

pub(super) async fn give(seen: &mut Seen) {
    let world = World::of(&["it", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    of_accounts(seen, &world).await;
    of_entrances(seen, &scene).await;
    of_factors(seen, &scene).await;
    of_passkeys(seen, &scene).await;
    of_providers(seen, &scene).await;
    of_registers(seen, &scene).await;
    of_files(seen, &scene).await;
    of_applications(seen, &scene).await;
    of_teams(seen, &scene).await;
    of_crossings(seen, &scene).await;
    of_mandates(seen, &scene).await;
    of_confirmations(seen, &scene).await;
    of_times(seen, &scene).await;
    world.end().await;
    // one world after another: each writes a log of its own, by thread
    of_nameless(seen).await;
}

async fn sign_in(anybody: &Caller, login: &str, password: &str) -> Answer {
    anybody.post("/v1/sessions", json!({ "login": login, "password": password })).await
}

async fn of_accounts(seen: &mut Seen, world: &World) {
    let anybody = world.anybody("it");
    let mut refused = async |reason, answer| seen.refused(world, "identity", reason, answer).await;
    let form = json!({ "email": "ana@school.example", "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    anybody.post("/v1/accounts", form).await.ok();
    refused("SIGN_IN_FAILED", sign_in(&anybody, "nobody@school.example", "a guess").await).await;
    refused(
        "CODE_INVALID",
        anybody.post("/v1/accounts:verifyEmail", json!({ "code": "x", "password": PASSWORD })).await,
    )
    .await;
    refused("SESSION_OVER", anybody.post("/v1/sessions:refresh", json!({ "refreshToken": "x" })).await).await;
    let weak = json!({ "email": "ana@school.example", "password": "x", "givenName": "Ana", "surname": "Kos" });
    refused("PASSWORD_WEAK", anybody.post("/v1/accounts", weak).await).await;
}

async fn of_entrances(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let (teacher, class) = (scene.teacher("Locked").await, scene.class("Leaving").await);
    let own = "a sentence nobody else would choose";
    let id_of = async |caller: &Caller| text(&caller.account().await["id"]);
    // asked for before it is locked, because its sessions end then
    let (own_id, id) = (id_of(&scene.coordinator).await, id_of(&teacher).await);
    let lock = async |id: &str| {
        scene.coordinator.post(&format!("/v1/accounts/{id}:lock"), json!({ "reason": "It was lost." })).await
    };
    refused("OWN_ACCOUNT", lock(&own_id).await).await;
    let leave = async |caller: &Caller, password: &str| {
        caller.post("/v1/account:leave", json!({ "currentPassword": password })).await
    };
    refused("LAST_COORDINATOR", leave(&scene.coordinator, "a lantern above the harbour wall").await).await;
    refused("TEAM_AT_WORK", leave(&class.referent, own).await).await;
    lock(&id).await.ok();
    refused("ACCOUNT_LOCKED", sign_in(&scene.world.anybody("it"), teacher.login(), own).await).await;
    refused("ACCOUNT_STATE", lock(&id).await).await;
}

async fn of_factors(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let teacher = scene.teacher("Factor").await;
    let own = json!({ "currentPassword": "a sentence nobody else would choose" });
    let confirm = async |code: &str| teacher.post("/v1/account/factor:confirm", json!({ "code": code })).await;
    refused("FACTOR_MISSING", confirm("000000").await).await;
    let begun = teacher.post("/v1/account/factor:begin", own.clone()).await.ok();
    refused("FACTOR_CODE_WRONG", confirm("no code").await).await;
    let phone = Phone::holding(&text(&begun["secret"]));
    let enrolled = confirm(&phone.shows(scene.world.clock().now())).await.ok();
    let teacher = teacher.with_session(teacher.login(), "", &enrolled["session"]);
    refused("FACTOR_ENROLLED", teacher.post("/v1/account/factor:begin", own).await).await;
}

async fn of_passkeys(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let mut teacher = scene.teacher("Passkeys").await;
    let own = json!({ "currentPassword": "a sentence nobody else would choose" });
    let begin = async |teacher: &Caller| teacher.post("/v1/account/passkeys:begin", own.clone()).await;
    let confirm = async |teacher: &Caller, ceremony: &Value, credential: &str| {
        let body = json!({ "ceremony": ceremony, "credential": credential, "name": "a phone" });
        teacher.post("/v1/account/passkeys:confirm", body).await
    };
    refused("PASSKEY_OVER", confirm(&teacher, &json!("x"), "x").await).await;
    let begun = begin(&teacher).await.ok();
    refused("PASSKEY_REFUSED", confirm(&teacher, &begun["ceremony"], "x").await).await;
    for _ in 0..10 {
        let begun = begin(&teacher).await.ok();
        let added = confirm(&teacher, &begun["ceremony"], &Device::new().makes(&begun)).await.ok();
        teacher = teacher.with_session(teacher.login(), "", &added["session"]);
    }
    refused("PASSKEYS_TOO_MANY", begin(&teacher).await).await;
}

/// What is refused where the address of the installation is no name.
async fn of_nameless(seen: &mut Seen) {
    let world = World::of(&["it"]).settings("[identity]\npublic_url = \"https://192.0.2.1\"\n").start().await;
    let begun = world.anybody("it").post("/v1/sessions:beginPasskey", json!({})).await;
    seen.refused(&world, "identity", "PASSKEY_NOT_POSSIBLE", begun).await;
    world.end().await;
}

async fn of_providers(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let issuer = Issuer::start(scene.world.clock()).await;
    scene.world.add_to_tenant("it", &issuer.table("school", ""));
    let (teacher, anybody) = (scene.teacher("Provider").await, scene.world.anybody("it"));
    let completion = |attempt: &Value| {
        let said = issuer.signs_in(&text(&attempt["url"]));
        json!({ "attempt": attempt["attempt"], "state": said["state"], "code": said["code"], "provider": "school" })
    };
    let begin = async || anybody.post("/v1/providers:beginSignIn", json!({ "provider": "school" })).await;
    issuer.is_now(Mood::Page);
    refused("PROVIDER_UNAVAILABLE", begin().await).await;
    issuer.is_now(Mood::Well);
    let said = completion(&begin().await.ok());
    refused("PROVIDER_NOT_LINKED", anybody.post("/v1/providers:completeSignIn", said.clone()).await).await;
    refused("PROVIDER_ANSWER_REFUSED", anybody.post("/v1/providers:completeSignIn", said).await).await;
    let own = json!({ "provider": "school", "currentPassword": "a sentence nobody else would choose" });
    let link = async || {
        let attempt = teacher.post("/v1/account/providers:begin", own.clone()).await.ok();
        teacher.post("/v1/account/providers:complete", completion(&attempt)).await
    };
    link().await.ok();
    refused("PROVIDER_LINKED", link().await).await;
}

async fn of_registers(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let import = async |register: String| scene.coordinator.upload("/v1/schools:import", "text/csv", register).await;
    let whole = String::from_utf8(tests::world::data("schools/it.csv")).expect("UTF-8");
    refused("COLUMN_MISSING", import("a,b\n1,2\n".to_owned()).await).await;
    refused("LINE_INVALID", import(whole.replace("CHTD007011", "x")).await).await;
}

async fn of_files(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let teacher = scene.teacher("Files").await;
    let path = "/v1/files:upload?name=a.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
    refused("FILE_KIND_REFUSED", teacher.upload(path, "application/pdf", "<html>").await).await;
    let mut large = PDF.to_vec();
    large.resize((8 << 20) + 1, b' ');
    refused("FILE_TOO_LARGE", teacher.upload(path, "application/pdf", large).await).await;
}

async fn of_applications(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let teacher = scene.teacher("Applications").await;
    let unknown = uuid::Uuid::now_v7().to_string();
    let track = json!({ "application": { "trackId": unknown } });
    refused("TRACK_UNKNOWN", teacher.post("/v1/applications", track).await).await;
    let begun = scene.begun(&teacher).await;
    let submit = async |with: Value| {
        teacher.patch(&application(&begun, ""), with).await.ok();
        teacher.post(&application(&begun, ":submit"), json!({})).await
    };
    let whole = scene.draft(&teacher).await;
    refused("TEAM_TOO_LARGE", submit(json!({ "teamSize": 26 })).await).await;
    refused("WORD_FORBIDDEN", submit(json!({ "teamName": "ASOC", "teamSize": 20 })).await).await;
    let nowhere = json!({ "teamName": "Us", "schoolId": unknown });
    refused("SCHOOL_UNKNOWN", teacher.patch(&application(&begun, ""), nowhere).await).await;
    let lower = scene.school("LOWER_SECONDARY")["id"].clone();
    refused("LEVEL_NOT_ADMITTED", submit(json!({ "teamName": "Us", "schoolId": lower })).await).await;
    refused("FILE_UNKNOWN", submit(json!({ "schoolId": whole["schoolId"], "fileIds": [unknown] })).await).await;
    refused("DOCUMENT_MISSING", submit(json!({ "fileIds": [] })).await).await;
    submit(json!({ "fileIds": whole["fileIds"] })).await.ok();
    let again = teacher.post(&application(&begun, ":submit"), json!({})).await;
    refused("APPLICATION_STATE", again).await;
    let another = scene.begun(&teacher).await;
    refused("TEAMS_TOO_MANY", teacher.post(&application(&another, ":submit"), json!({})).await).await;
}

async fn of_teams(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let class = scene.class("Teams").await;
    let support = scene.teacher("Support").await;
    let whom = json!({ "teacherId": support.account().await["id"] });
    class.referent.post(&class.path(":addSupportTeacher"), whom.clone()).await.ok();
    refused("TEACHER_ALREADY_IN_TEAM", class.referent.post(&class.path(":addSupportTeacher"), whom).await).await;
    let nobody = json!({ "teacherId": uuid::Uuid::now_v7().to_string() });
    refused("TEACHER_NOT_REGISTERED", class.referent.post(&class.path(":addSupportTeacher"), nobody).await).await;
    refused("REFERENT_ONLY", support.post(&class.path(":reissueCredential"), json!({})).await).await;
    refused("CREDENTIAL_USED", sign_in(&class.team, &class.code, &class.credential).await).await;
}

async fn of_crossings(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let (inside, outside) = (scene.school_inside("it-hr").await, scene.school_outside("it-hr").await);
    let invited = scene.invited_to("Invited", "etc", inside).await;
    refused("TEAM_NOT_ACTIVE", invited.referent.exchange("it-hr", &invited.id).await).await;
    let national = scene.invited_to("National", "upper_secondary", inside).await.activated().await;
    refused("TEAM_NOT_ETC", national.referent.exchange("it-hr", &national.id).await).await;
    let elsewhere = scene.invited_to("Elsewhere", "etc", outside).await.activated().await;
    refused("TERRITORY_OUTSIDE_PROGRAMME", elsewhere.team.exchange("it-hr", "").await).await;
}

async fn of_confirmations(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let stranger = scene.world.stranger("it", "Ana", "Confirmations").await;
    let submitted = scene.submitted(&stranger).await;
    let admitted = scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await;
    refused("TEACHER_UNCONFIRMED", admitted).await;
    let asked = stranger.post("/v1/account:askSchool", json!({})).await;
    refused("CONFIRMATION_NOT_POSSIBLE", asked).await;
}

async fn of_mandates(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "identity", reason, answer).await;
    let (coordinator, teacher) = (&scene.coordinator, scene.teacher("Mandates").await);
    let held = async |caller: &Caller| caller.get("/v1/account/mandates").await.ok()["mandates"][0]["id"].clone();
    let revoke = async |id: Value| {
        coordinator.post(&format!("/v1/mandates/{}:revoke", id.as_str().expect("an id")), json!({})).await
    };
    refused("LAST_COORDINATOR", revoke(held(coordinator).await).await).await;
    let give = async |role: &str| {
        let asked = json!({ "accountId": teacher.account().await["id"], "role": role });
        coordinator.post("/v1/mandates", asked).await
    };
    refused("ROLE_NOT_GRANTABLE", give("ROLE_TEAM").await).await;
    refused("MANDATE_HELD", give("ROLE_TEACHER").await).await;
    let invited = json!({ "email": "eva@jury.example", "role": "ROLE_JUROR" });
    let invitation = coordinator.post("/v1/invitations", invited).await.ok()["id"].clone();
    let path = |verb: &str| format!("/v1/invitations/{}:{verb}", invitation.as_str().expect("an id"));
    coordinator.post(&path("revoke"), json!({})).await.ok();
    refused("INVITATION_STATE", coordinator.post(&path("reissue"), json!({})).await).await;
    revoke(held(&teacher).await).await.ok();
    let password = "a sentence nobody else would choose";
    refused("MANDATE_MISSING", sign_in(&scene.world.anybody("it"), teacher.login(), password).await).await;
}

/// What only time brings: the end of a code, of a credential, of a call; and a call that was not open yet.
async fn of_times(seen: &mut Seen, scene: &Scene<'_>) {
    let world = scene.world;
    let mut refused = async |reason, answer| seen.refused(world, "identity", reason, answer).await;
    let invited: Class = scene.invited("Times").await;
    let late = scene.teacher("Late").await;
    let begun = scene.begun(&late).await;
    let form = json!({ "email": "late@school.example", "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    world.anybody("it").post("/v1/accounts", form).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find("late@school.example", CODE).expect("a code");
    let machine = Machine::register(world, &scene.coordinator, "Open data portal", &["teams.read"]).await;
    let (_, secret) = machine.token(&["teams.read"]).await;
    refused("MACHINE_TOKEN_INVALID", machine.exchange(&secret[1..]).await).await;
    world.passes("2022-09-01T12:00:00[Europe/Rome]").await;
    refused("CALL_NOT_OPEN", late.again().await.post(&application(&begun, ":submit"), json!({})).await).await;
    world.passes("2022-10-10T09:00:00[Europe/Rome]").await;
    world.passes_by(SignedDuration::from_hours(24 * 20)).await;
    world.passes_by(SignedDuration::from_hours(24 * 20)).await;
    refused("MACHINE_TOKEN_EXPIRED", machine.exchange(&secret).await).await;
    refused(
        "CODE_EXPIRED",
        world.anybody("it").post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await,
    )
    .await;
    refused("CREDENTIAL_EXPIRED", sign_in(&invited.team, &invited.code, &invited.credential).await).await;
    refused("CALL_CLOSED", late.again().await.post(&application(&begun, ":submit"), json!({})).await).await;
}

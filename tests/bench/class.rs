//! Who calls: teachers who apply, in a country whose call is open.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tests::{
    Caller,
    mailbox::{CODE, CREDENTIAL, Mailbox},
    path::text,
    scene::{PASSWORD, PDF, application},
    server::Server,
    world,
};

use crate::ground::Ground;

/// A country in the middle of its call.
pub struct Country {
    mailbox: Mailbox,
    coordinator: Caller,
    track: Value,
    school: Value,
}

/// A teacher, signed in, with a scanned authorisation.
pub struct Teacher {
    caller: Caller,
    file: Value,
}

impl Country {
    /// Opens the call of an edition that is held now, and imports the schools.
    pub async fn open(ground: &Ground, server: &Server, tenant: &str) -> Self {
        let coordinator = ground.coordinator(server, tenant).await;
        let wanted = json!({ "template": "22-23", "shiftWeeks": weeks_since_the_call() });
        let edition = coordinator.post("/v1/editions", wanted).await.ok();
        let open = format!("/v1/editions/{}:openCall", text(&edition["id"]));
        let edition = coordinator.post(&open, json!({})).await.ok();
        let register = world::data(&format!("schools/{tenant}.csv"));
        coordinator.upload("/v1/schools:import", "text/csv", register).await.ok();
        let schools = coordinator.get("/v1/schools?pageSize=200").await.ok();
        let track = edition["tracks"][0].clone();
        let fits = |school: &&Value| track["levels"].as_array().is_some_and(|levels| levels.contains(&school["level"]));
        let school = schools["schools"].as_array().into_iter().flatten().find(fits).cloned().expect("a school");
        Self { mailbox: ground.mailbox(tenant), coordinator, track, school }
    }

    /// The central team.
    pub fn coordinator(&self) -> &Caller {
        &self.coordinator
    }

    /// So many teachers who have registered, proved their address and signed in.
    pub async fn teachers(&self, number: usize) -> Vec<Teacher> {
        let emails: Vec<_> = (0..number).map(|number| format!("teacher{number}@school.example")).collect();
        join_all(emails.iter().map(|email| self.register(email))).await;
        join_all(emails.iter().map(|email| self.enter(email))).await
    }

    fn anybody(&self) -> Caller {
        Caller::anybody(self.coordinator.http().clone(), self.coordinator.tenant())
    }

    async fn register(&self, email: &str) {
        let person = json!({ "email": email, "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
        self.anybody().post("/v1/accounts", person).await.ok();
    }

    async fn enter(&self, email: &str) -> Teacher {
        let code = self.letter(email, CODE).await;
        self.anybody().post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await.ok();
        let caller = self.anybody().sign_in(email, PASSWORD).await;
        let path = "/v1/files:upload?name=authorisation.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
        let file = caller.upload(path, "application/pdf", PDF).await.ok()["id"].clone();
        Teacher { caller, file }
    }

    /// What a letter says, once it has arrived.
    async fn letter(&self, to: &str, pattern: &str) -> String {
        for _ in 0..600 {
            if let Some(found) = self.mailbox.find(to, pattern) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no letter to {to}");
    }

    /// An application that says all the rules ask for.
    pub async fn begin(&self, teacher: &Teacher) -> Value {
        let draft = json!({ "application": {
            "trackId": self.track["id"], "schoolId": self.school["id"], "teamName": "Green Bridges",
            "teamType": "TEAM_TYPE_GROUP_IN_CLASS", "classes": ["3A"], "teamSize": 21, "fileIds": [teacher.file],
            "motivation": "The bridge in front of our school is closed and nobody tells us why.",
            "integrationMode": "INTEGRATION_MODE_ORDINARY",
        }});
        teacher.caller.post("/v1/applications", draft).await.ok()
    }

    /// A team that was admitted and has chosen its password. Gives its id.
    pub async fn team(&self, referent: &Teacher) -> String {
        self.team_and_code(referent).await.0
    }

    /// The same, with the code it signs in with.
    pub async fn team_and_code(&self, referent: &Teacher) -> (String, String) {
        let submitted = referent.submit(&self.begin(referent).await).await;
        let admitted = self.coordinator.post(&application(&submitted, ":admit"), json!({})).await.ok();
        let id = text(&admitted["teamId"]);
        let code = text(&referent.caller.get(&format!("/v1/teams/{id}")).await.ok()["code"]);
        let credential = self.letter(referent.caller.login(), CREDENTIAL).await;
        self.anybody().sign_in(&code, &credential).await.change_password(PASSWORD).await;
        (id, code)
    }
}

impl Teacher {
    /// Submits an application.
    pub async fn submit(&self, begun: &Value) -> Value {
        self.caller.post(&application(begun, ":submit"), json!({ "etag": begun["etag"] })).await.ok()
    }

    /// Takes it back, so that there can be another one.
    pub async fn withdraw(&self, submitted: &Value) {
        self.caller.post(&application(submitted, ":withdraw"), json!({})).await.ok();
    }
}

fn weeks_since_the_call() -> i64 {
    let opened = world::instant("2022-10-10T00:00:00[UTC]").as_second();
    (platform::Clock::system().now().as_second() - opened) / (7 * 24 * 3600)
}

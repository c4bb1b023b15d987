//! The path from a class to a delivered report, over HTTP alone. A story test walks it in a [`World`], with the real dates;
//! `scripts/demo` walks it in a running system, with the dates moved to today.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Caller, Http, World,
    mailbox::{CODE, CREDENTIAL, Mailbox},
    world::instant,
};

mod report;

/// The system in which the path is walked.
#[derive(Clone, Copy)]
pub enum Ground<'a> {
    /// A world, whose clock the test sets.
    World(&'a World),
    /// A running system, whose clock is the real one.
    Running,
}

/// The path in one country.
pub struct Path<'a> {
    ground: Ground<'a>,
    coordinator: Caller,
    mailbox: Mailbox,
    /// A part of the addresses of this walk, which distinguishes them from those of other walks.
    mark: String,
    say: fn(&str),
}

/// The result of a walk.
pub struct Walked {
    /// The edition.
    pub edition: Value,
    /// The team whose report was delivered, as its new referent reads it.
    pub team: Value,
    /// The delivered report.
    pub report: Value,
    /// The delivery matrix at the end.
    pub matrix: Value,
    /// The callers by their part: `team`, `referent`, `successor`, `support`.
    pub callers: BTreeMap<&'static str, Caller>,
}

/// The password of the people in the walk.
const PASSWORD: &str = "the river behind our school";

/// A minimal PDF.
const LETTER: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

impl<'a> Path<'a> {
    /// A path in the coordinator's country.
    pub fn new(ground: Ground<'a>, coordinator: Caller, mailbox: Mailbox, mark: &str, say: fn(&str)) -> Self {
        Self { ground, coordinator, mailbox, mark: mark.to_owned(), say }
    }

    /// Walks the path.
    pub async fn walk(mut self, register: Vec<u8>) -> Walked {
        let edition = self.open_edition().await;
        // weeks may have passed, and a token is valid for minutes
        self.coordinator = self.coordinator.again().await;
        let schools = self.import_schools(register).await;
        let track = edition["tracks"][0].clone();
        let school = self.school_for(&track, &schools);

        let mut referents = Vec::new();
        let mut applications = Vec::new();
        for surname in ["Kos", "Papadaki", "Serra"] {
            let referent = self.register("Ana", surname).await;
            applications.push(self.apply(&referent, &track, &school).await);
            referents.push(referent);
        }
        let team_id = self.decide(&edition, &applications).await;
        let referent = referents.remove(0);
        let team = self.activate(&referent, &team_id).await;
        let support = self.add_support(&referent, &team_id, &school).await;
        let report = self.deliver(&team, &team_id, &track).await;
        let matrix = self.matrix(&edition, &team_id).await;
        let successor = self.hand_over(&referent, &team_id).await;
        let team = self.come_back(&team, &successor, &team_id).await;

        let team_now = successor.get(&format!("/v1/teams/{team_id}")).await.ok();
        let callers =
            BTreeMap::from([("team", team), ("referent", referent), ("successor", successor), ("support", support)]);
        Walked { edition, team: team_now, report, matrix, callers }
    }

    pub(crate) async fn open_edition(&self) -> Value {
        let coordinator = &self.coordinator;
        let shift = match self.ground {
            Ground::World(_) => 0,
            Ground::Running => weeks_since("2022-10-10T00:00:00[UTC]"),
        };
        let wanted = json!({ "template": "22-23", "shiftWeeks": shift });
        let answer = coordinator.post("/v1/editions", wanted).await;
        let edition = if answer.status.is_success() { answer.ok() } else { self.known_edition().await };
        let path = format!("/v1/editions/{}", text(&edition["id"]));
        let edition = if edition["state"] == "EDITION_STATE_OPEN" {
            edition
        } else {
            coordinator.post(&format!("{path}:openCall"), json!({})).await.ok()
        };
        self.tell(&format!(
            "edition {} ({} tracks), call from {} to {}",
            text(&edition["label"]),
            edition["tracks"].as_array().map_or(0, Vec::len),
            text(&edition["callOpens"]["local"]),
            text(&edition["callCloses"]["local"]),
        ));
        self.passes(&edition["callOpens"]).await;
        edition
    }

    /// The edition of an earlier walk: a system can be walked several times.
    async fn known_edition(&self) -> Value {
        let editions = self.coordinator.get("/v1/editions").await.ok();
        let editions = editions["editions"].as_array().cloned().unwrap_or_default();
        editions.into_iter().find(|edition| edition["code"] == "22-23").expect("an edition 22-23")
    }

    pub(crate) async fn import_schools(&self, register: Vec<u8>) -> Vec<Value> {
        let done = self.coordinator.upload("/v1/schools:import", "text/csv", register).await.ok();
        self.tell(&format!("schools imported: {done}"));
        let schools = self.coordinator.get("/v1/schools?pageSize=200").await.ok();
        schools["schools"].as_array().cloned().expect("schools")
    }

    fn school_for(&self, track: &Value, schools: &[Value]) -> Value {
        let levels = track["levels"].as_array().cloned().unwrap_or_default();
        schools.iter().find(|school| levels.contains(&school["level"])).cloned().expect("a school of the track's level")
    }

    /// A teacher registers and verifies the address.
    pub(crate) async fn register(&self, given_name: &str, surname: &str) -> Caller {
        let email = format!("{}.{}@school.example", surname.to_lowercase(), self.mark);
        let anybody = Caller::anybody(self.coordinator.http().clone(), self.coordinator.tenant());
        let person = json!({ "email": email, "password": PASSWORD, "givenName": given_name, "surname": surname });
        anybody.post("/v1/accounts", person).await.ok();
        let code = self.letter(&email, CODE).await;
        anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await.ok();
        let teacher = anybody.sign_in(&email, PASSWORD).await;
        self.tell(&format!("teacher {surname} registered, verified, signed in"));
        teacher
    }

    pub(crate) async fn apply(&self, referent: &Caller, track: &Value, school: &Value) -> Value {
        let path = "/v1/files:upload?name=authorisation.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
        let file = referent.upload(path, "application/pdf", LETTER).await.ok();
        let found = referent.get(&format!("/v1/schools?query={}", text(&school["code"]))).await.ok();
        let draft = json!({ "application": {
            "trackId": track["id"], "schoolId": found["schools"][0]["id"], "teamName": "Green Bridges",
            "teamType": "TEAM_TYPE_GROUP_IN_CLASS", "classes": ["3A"], "teamSize": 21, "fileIds": [file["id"]],
            "motivation": "The bridge in front of our school is closed and nobody tells us why.",
            "integrationMode": "INTEGRATION_MODE_ORDINARY",
        }});
        let application = referent.post("/v1/applications", draft).await.ok();
        let submit = format!("/v1/applications/{}:submit", text(&application["id"]));
        let submitted = referent.post(&submit, json!({ "etag": application["etag"] })).await.ok();
        self.tell(&format!("application {} for school {}", text(&submitted["state"]), text(&school["code"])));
        submitted
    }

    /// The coordinator admits one, admits one with reservation, refuses one, and reads the list.
    async fn decide(&self, edition: &Value, applications: &[Value]) -> String {
        let verb = |index: usize, verb: &str| format!("/v1/applications/{}:{verb}", text(&applications[index]["id"]));
        let admitted = self.coordinator.post(&verb(0, "admit"), json!({})).await.ok();
        let day = self.now().in_tz("UTC").expect("UTC").date().saturating_add(jiff::Span::new().days(14));
        let reservation = json!({ "reservation": { "documents": "The signed authorisation.", "dueOn":
            { "year": day.year(), "month": day.month(), "day": day.day() } } });
        self.coordinator.post(&verb(1, "admit"), reservation).await.ok();
        let refusal = json!({ "refusal": "Another team of this school was admitted." });
        self.coordinator.post(&verb(2, "refuse"), refusal).await.ok();

        let path = format!("/v1/applications?editionId={}&pageSize=200", text(&edition["id"]));
        let list = self.coordinator.get(&path).await.ok();
        let rows = list["applications"].as_array().cloned().unwrap_or_default();
        for (application, state) in applications.iter().zip(["ADMITTED", "ADMITTED_WITH_RESERVATION", "REFUSED"]) {
            let row = rows.iter().find(|row| row["id"] == application["id"]).expect("the application in the list");
            assert_eq!(text(&row["state"]), format!("APPLICATION_STATE_{state}"));
        }
        self.tell("one admitted, one admitted with reservation, one refused; the list shows it");
        text(&admitted["teamId"])
    }

    /// The team signs in with the credential of the letter, changes the password as required, and sets its address.
    pub(crate) async fn activate(&self, referent: &Caller, team_id: &str) -> Caller {
        let path = format!("/v1/teams/{team_id}");
        let code = text(&referent.get(&path).await.ok()["code"]);
        let credential = self.letter(referent.login(), CREDENTIAL).await;
        let anybody = Caller::anybody(referent.http().clone(), referent.tenant());
        let team = anybody.sign_in(&code, &credential).await;
        team.get(&path).await.refused("PASSWORD_CHANGE_NEEDED");
        let team = team.change_password("rain on the old iron bridge").await;
        let refused = team.patch(&path, json!({ "email": "teamASOC2223@school.example" })).await;
        assert_eq!(refused.violations()[0].1, "WORD_FORBIDDEN");
        let email = format!("green.bridges.{}@school.example", self.mark);
        team.patch(&path, json!({ "email": email })).await.ok();
        self.tell(&format!("team {code} redeemed its credential, chose a password, set its address"));
        team
    }

    /// The referent finds a registered teacher by surname and school, and adds them.
    async fn add_support(&self, referent: &Caller, team_id: &str, school: &Value) -> Caller {
        let surname = format!("Žižek-{}", self.mark);
        let support = self.register("Eva", &surname).await;
        support.patch("/v1/account", json!({ "schoolId": school["id"] })).await.ok();
        let path = format!("/v1/teachers:find?surname={}&schoolId={}", encoded(&surname), text(&school["id"]));
        let found = referent.get(&path).await.ok();
        let add = json!({ "teacherId": found["teachers"][0]["id"] });
        referent.post(&format!("/v1/teams/{team_id}:addSupportTeacher"), add).await.ok();
        support.get(&format!("/v1/teams/{team_id}")).await.ok();
        self.tell("support teacher found by surname and school, and added");
        support
    }

    async fn matrix(&self, edition: &Value, team_id: &str) -> Value {
        let path = format!("/v1/editions/{}/deliveries?pageSize=200", text(&edition["id"]));
        let matrix = self.coordinator.again().await.get(&path).await.ok();
        let rows = matrix["rows"].as_array().cloned().unwrap_or_default();
        let row = rows.iter().find(|row| row["teamId"] == team_id).expect("the team in the matrix");
        assert_eq!(row["deliveries"][0]["state"], "REPORT_STATE_SUBMITTED");
        self.tell(&format!("delivery matrix: {} teams, lesson 1 of {} delivered", rows.len(), text(&row["teamCode"])));
        matrix
    }

    /// The referent issues a new credential and hands the team to another referent.
    async fn hand_over(&self, referent: &Caller, team_id: &str) -> Caller {
        let referent = referent.again().await;
        let path = format!("/v1/teams/{team_id}");
        referent.post(&format!("{path}:reissueCredential"), json!({})).await.ok();
        let successor = self.register("Iva", "Novak").await;
        let to = json!({ "teacherId": successor.account().await["id"], "reason": "parental leave" });
        referent.post(&format!("{path}:handOver"), to).await.ok();
        referent.get(&path).await.refused("NOT_FOUND");
        self.tell("credential issued anew; team handed to another referent, the old one sees it no more");
        successor
    }

    /// The team is signed out by the new credential, and signs in with the one that its new referent was sent.
    async fn come_back(&self, team: &Caller, referent: &Caller, team_id: &str) -> Caller {
        let path = format!("/v1/teams/{team_id}");
        let refused = team.get(&path).await;
        assert!(
            matches!(text(&refused.json()["reason"]).as_str(), "TOKEN_ENDED" | "TOKEN_EXPIRED"),
            "{}",
            refused.text()
        );
        let credential = self.letter(referent.login(), CREDENTIAL).await;
        let team = team.sign_in(team.login(), &credential).await.change_password("snow on the old iron bridge").await;
        team.get(&path).await.ok();
        self.tell("the team's sessions ended with the new credential; it signed in with the one of the letter");
        team
    }

    pub(crate) fn tell(&self, what: &str) {
        (self.say)(&format!("{:>5}  {what}", self.coordinator.tenant()));
    }

    /// The first group of `pattern` in a letter, once it has arrived.
    pub(crate) async fn letter(&self, to: &str, pattern: &str) -> String {
        if let Ground::World(world) = self.ground {
            world.settle().await;
            return self.mailbox.find(to, pattern).unwrap_or_else(|| panic!("no letter to {to} that says {pattern}"));
        }
        for _ in 0..100 {
            if let Some(found) = self.mailbox.find(to, pattern) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("after ten seconds, no letter to {to}: does the system keep its mail in the folder given with --data?")
    }

    /// Waits until facts are handled.
    pub(crate) async fn settles(&self) {
        match self.ground {
            Ground::World(world) => world.settle().await,
            Ground::Running => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }

    /// In a world, sets the clock to a minute after the moment. In a running system, nothing happens.
    pub(crate) async fn passes(&self, moment: &Value) {
        if let Ground::World(world) = self.ground {
            let at: Timestamp = text(&moment["at"]).parse().expect("an instant");
            let after = at + jiff::SignedDuration::from_mins(1);
            // where the calls of two countries are open at once, the clock may be later already
            world.passes_to(after.max(world.clock().now())).await;
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self.ground {
            Ground::World(world) => world.clock().now(),
            Ground::Running => platform::Clock::system().now(),
        }
    }
}

pub(crate) fn weeks_since(start: &str) -> i64 {
    (platform::Clock::system().now().as_second() - instant(start).as_second()) / (7 * 24 * 3600)
}

/// A string of a JSON value; empty where there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The coordinator of a running system, signed in.
pub async fn coordinator_of(base: &str, tenant: &str, login: &str, password: &str) -> Caller {
    Caller::anybody(Http::to(base), tenant).sign_in(login, password).await
}

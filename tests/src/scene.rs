//! The beginning of most stories: a country whose call is open, and a class that takes part.

use serde_json::{Value, json};

use crate::{Caller, World, mailbox::CREDENTIAL, path::text, world};

/// The password of the people in a scene.
pub const PASSWORD: &str = "rain on the old iron bridge";

/// A minimal PDF.
pub const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// A country in the middle of its call, with the schools of its register.
pub struct Scene<'w> {
    /// The world.
    pub world: &'w World,
    /// The tenant.
    pub tenant: String,
    /// The central team.
    pub coordinator: Caller,
    /// The edition 22-23.
    pub edition: Value,
    /// The schools.
    pub schools: Vec<Value>,
}

/// A class that was admitted.
pub struct Class {
    /// Its application, as it was admitted.
    pub application: Value,
    /// The teacher who is responsible for it.
    pub referent: Caller,
    /// Its shared account. Nobody is signed in before the credential was redeemed.
    pub team: Caller,
    /// The team's id.
    pub id: String,
    /// Its login.
    pub code: String,
    /// The provisional credential in the letter to the referent.
    pub credential: String,
}

impl<'w> Scene<'w> {
    /// Creates the edition, opens its call, and imports the schools.
    pub async fn open(world: &'w World, tenant: &str) -> Self {
        let coordinator = world.coordinator(tenant).await;
        let edition = coordinator.post("/v1/editions", json!({ "template": "22-23" })).await.ok();
        let path = format!("/v1/editions/{}:openCall", text(&edition["id"]));
        let edition = coordinator.post(&path, json!({})).await.ok();
        coordinator.upload("/v1/schools:import", "text/csv", world::data(&format!("schools/{tenant}.csv"))).await.ok();
        let schools = coordinator.get("/v1/schools?pageSize=200").await.ok();
        let schools = schools["schools"].as_array().cloned().expect("schools");
        Self { world, tenant: tenant.to_owned(), coordinator, edition, schools }
    }

    /// The edition's id.
    pub fn edition_id(&self) -> String {
        text(&self.edition["id"])
    }

    /// A track of the edition: `upper_secondary`, `english`.
    pub fn track(&self, code: &str) -> &Value {
        let tracks = self.edition["tracks"].as_array().expect("tracks");
        tracks.iter().find(|track| track["code"] == code).unwrap_or_else(|| panic!("no track {code}"))
    }

    /// The first open school of a level: `UPPER_SECONDARY`.
    pub fn school(&self, level: &str) -> &Value {
        let level = format!("SCHOOL_LEVEL_{level}");
        let found = self.schools.iter().find(|school| school["level"] == level.as_str());
        found.unwrap_or_else(|| panic!("no school of level {level}"))
    }

    /// A new teacher of the country.
    pub async fn teacher(&self, surname: &str) -> Caller {
        self.world.teacher(&self.tenant, "Ana", surname).await
    }

    /// Uploads a file with a purpose, `AUTHORISATION` or `LOGO`, and returns its id.
    pub async fn file(&self, caller: &Caller, purpose: &str) -> String {
        let (name, media_type, bytes) = match purpose {
            "LOGO" => ("logo.png", "image/png", PICTURE),
            _ => ("letter.pdf", "application/pdf", PDF),
        };
        let path = format!("/v1/files:upload?name={name}&purpose=FILE_PURPOSE_{purpose}");
        text(&caller.upload(&path, media_type, bytes).await.ok()["id"])
    }

    /// An application to the track of upper secondary schools, with every required field, that is not saved yet.
    pub async fn draft(&self, teacher: &Caller) -> Value {
        self.draft_of(teacher, "upper_secondary", self.school("UPPER_SECONDARY")).await
    }

    /// [`Scene::draft`] for a track and a school.
    pub async fn draft_of(&self, teacher: &Caller, track: &str, school: &Value) -> Value {
        json!({
            "trackId": self.track(track)["id"],
            "schoolId": school["id"],
            "teamName": "Green Bridges",
            "teamType": "TEAM_TYPE_GROUP_IN_CLASS",
            "classes": ["3A"],
            "teamSize": 21,
            "motivation": "The bridge in front of our school is closed and nobody tells us why.",
            "integrationMode": "INTEGRATION_MODE_ORDINARY",
            "fileIds": [self.file(teacher, "AUTHORISATION").await],
        })
    }

    /// A saved application that is not submitted.
    pub async fn begun(&self, teacher: &Caller) -> Value {
        let draft = self.draft(teacher).await;
        teacher.post("/v1/applications", json!({ "application": draft })).await.ok()
    }

    /// A submitted application.
    pub async fn submitted(&self, teacher: &Caller) -> Value {
        let begun = self.begun(teacher).await;
        teacher.post(&application(&begun, ":submit"), json!({})).await.ok()
    }

    /// A class that was admitted and has not signed in yet.
    pub async fn invited(&self, surname: &str) -> Class {
        self.invited_to(surname, "upper_secondary", self.school("UPPER_SECONDARY")).await
    }

    /// [`Scene::invited`] for a track and a school.
    pub async fn invited_to(&self, surname: &str, track: &str, school: &Value) -> Class {
        self.admitted(self.teacher(surname).await, track, school).await
    }

    /// Another class of a teacher, admitted.
    pub async fn admitted(&self, referent: Caller, track: &str, school: &Value) -> Class {
        let draft = self.draft_of(&referent, track, school).await;
        let begun = referent.post("/v1/applications", json!({ "application": draft })).await.ok();
        let submitted = referent.post(&application(&begun, ":submit"), json!({})).await.ok();
        let admitted = self.coordinator.post(&application(&submitted, ":admit"), json!({})).await.ok();
        let id = text(&admitted["teamId"]);
        let code = text(&referent.get(&format!("/v1/teams/{id}")).await.ok()["code"]);
        let credential = self.credential(&referent).await;
        let team = self.world.anybody(&self.tenant);
        Class { application: admitted, referent, team, id, code, credential }
    }

    /// A class that has signed in.
    pub async fn class(&self, surname: &str) -> Class {
        self.invited(surname).await.activated().await
    }

    /// A class of the ETC track that has signed in, of a school in the area of a programme.
    pub async fn twin(&self, programme: &str, surname: &str) -> Class {
        let school = self.school_inside(programme).await;
        self.invited_to(surname, "etc", school).await.activated().await
    }

    /// An upper secondary school in the area of a programme.
    pub async fn school_inside(&self, programme: &str) -> &Value {
        self.school_by_area(programme, true).await
    }

    /// An upper secondary school outside the area of a programme.
    pub async fn school_outside(&self, programme: &str) -> &Value {
        self.school_by_area(programme, false).await
    }

    async fn school_by_area(&self, programme: &str, inside: bool) -> &Value {
        let area = self.world.anybody(programme).get("/v1/territories?pageSize=1000").await.ok();
        let fits = |school: &&Value| {
            let all = area["territories"].as_array().expect("territories");
            school["level"] == "SCHOOL_LEVEL_UPPER_SECONDARY"
                && all.iter().any(|one| one["code"] == school["territory"]) == inside
        };
        let found = self.schools.iter().find(fits);
        found.unwrap_or_else(|| panic!("{}: no school inside of {programme} that is {inside}", self.tenant))
    }

    /// The credential in the newest letter to a referent.
    pub async fn credential(&self, referent: &Caller) -> String {
        self.world.settle().await;
        let found = self.world.mailbox(&self.tenant).find(referent.login(), CREDENTIAL);
        found.expect("a credential in a letter")
    }
}

impl Class {
    /// Redeems the credential, and signs the class in with a new password.
    pub async fn activated(self) -> Self {
        let team = self.team.sign_in(&self.code, &self.credential).await.change_password(PASSWORD).await;
        Self { team, ..self }
    }

    /// A path of the team: `/v1/teams/{id}:handOver`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/teams/{}{rest}", self.id)
    }

    /// A path of the team's report on a lesson.
    pub fn report(&self, lesson: u32, rest: &str) -> String {
        self.path(&format!("/lessons/{lesson}/report{rest}"))
    }
}

/// A path of an application: `/v1/applications/{id}:submit`.
pub fn application(of: &Value, rest: &str) -> String {
    format!("/v1/applications/{}{rest}", text(&of["id"]))
}

/// The smallest PNG: one transparent point.
pub const PICTURE: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0, 1, 0, 0, 5, 0, 1,
    0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

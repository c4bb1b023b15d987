//! The work of a pair, from its timeline to the class that continues alone.

use serde_json::{Value, json};

use super::Twins;
use crate::{Caller, path::text};

impl Twins<'_> {
    /// The whole story, from two offers to the class that continues alone.
    pub async fn walk(mut self) {
        self.pair_up().await;
        self.begin_work().await;
        self.see_timeline().await;
        self.talk().await;
        self.mirror().await;
        self.output().await;
        self.see_at_home().await;
        self.part().await;
    }

    async fn see_timeline(&self) {
        let timeline = self.classes[0].class.get(&self.path("/timeline")).await.ok();
        for item in timeline["items"].as_array().expect("items") {
            let at_home = item["atHome"].as_array().cloned().unwrap_or_default();
            let local: Vec<_> = at_home.iter().map(|one| text(&one["moment"]["local"])).collect();
            let across = item["movedAcross"].as_array().cloned().unwrap_or_default();
            let across: Vec<_> =
                across.iter().map(|one| format!("{} of `{}`", text(&one["name"]), text(&one["home"]))).collect();
            let moved = if across.is_empty() { String::new() } else { format!(", moved across {}", across.join(", ")) };
            self.tell(&format!("lesson {} is due {}{moved}", item["lesson"], local.join(" = ")));
        }
    }

    /// A class writes a message, its teacher releases it, and the other class reads it.
    pub async fn talk(&self) {
        let [one, other] = &self.classes;
        let hello = json!({ "text": "Which of your beaches is cleaned by the project?", "language": "en" });
        let held = one.class.post(&self.path("/messages"), hello).await.ok();
        assert!(self.messages(&other.class).await.iter().all(|message| message["text"].is_null()));
        let release = self.path(&format!("/messages/{}:release", text(&held["id"])));
        one.tutor.post(&release, json!({})).await.ok();
        let seen = self.messages(&other.class).await;
        assert_eq!(
            seen.last().map(|message| text(&message["text"])),
            Some("Which of your beaches is cleaned by the project?".to_owned())
        );
        self.tell("a message was held, released by the teacher of its class, and read by the other one");
        let address = json!({ "text": "Write to ana@school.example", "language": "en" });
        let refused = one.class.post(&self.path("/messages"), address).await.violations();
        assert_eq!(refused[0].1, "CONTACT_DATA");
        self.tell("a message with an address was refused");
    }

    async fn messages(&self, reader: &Caller) -> Vec<Value> {
        reader.get(&self.path("/messages")).await.ok()["messages"].as_array().cloned().unwrap_or_default()
    }

    /// Both classes write the report of lesson 1, each for its own territory, and the reports are compared field by field.
    pub async fn mirror(&self) {
        for class in &self.classes {
            let form = format!("/v1/tracks/{}/lessons/1/form", text(&self.edition["tracks"][0]["id"]));
            let form = class.class.get(&form).await.ok();
            let values = class.path.fill(&class.class, &class.team_id, &form).await;
            let path = format!("/v1/teams/{}/lessons/1/report", class.team_id);
            let draft = class.class.patch(&path, json!({ "values": values })).await.ok();
            let submit = json!({ "etag": draft["etag"] });
            let report = class.class.post(&format!("{path}:submit"), submit).await.ok();
            assert_eq!(report["verdict"]["onTime"], true, "{report}");
            self.tell(&format!("`{}` delivered its mirror report of lesson 1, on time", class.home));
        }
        let compared = self.classes[0].class.get(&self.path("/lessons/1/reports:compare")).await.ok();
        let fields = compared["fields"].as_array().cloned().unwrap_or_default();
        assert!(fields.iter().any(|field| field["values"].as_array().is_some_and(|values| values.len() == 2)));
        self.tell(&format!("both reports compared: {} fields of one form, two viewpoints", fields.len()));
    }
}

impl Twins<'_> {
    /// Both classes write a joint output; both teachers sign it, which delivers it.
    pub async fn output(&self) {
        let [one, other] = &self.classes;
        let path = self.path("/lessons/1/output");
        let draft =
            json!({ "title": "Who keeps our sea clean?", "text": "<p>We asked on both shores.</p>", "language": "en" });
        let saved = one.class.patch(&path, draft).await.ok();
        let sign = |output: &Value| json!({ "digest": output["digest"], "etag": output["etag"] });
        one.tutor.post(&format!("{path}:sign"), sign(&saved)).await.ok();
        let edit =
            json!({ "text": "<p>We asked on both shores, and heard two answers.</p>", "etag": self.etag(&path).await });
        let edited = other.class.patch(&path, edit).await.ok();
        assert_eq!(edited["signatures"], Value::Null, "an edit voids signatures: {edited}");
        other.tutor.post(&format!("{path}:sign"), sign(&edited)).await.ok();
        let output = one.tutor.get(&path).await.ok();
        let delivered = one.tutor.post(&format!("{path}:sign"), sign(&output)).await.ok();
        assert_eq!(delivered["verdict"]["onTime"], true, "{delivered}");
        self.tell("one joint output: signed, edited, signed again by both teachers on one digest, delivered on time");
    }

    async fn etag(&self, path: &str) -> Value {
        self.classes[1].class.get(path).await.ok()["etag"].clone()
    }

    /// The central team of each country sees the deliveries of its class in the programme in its own matrix.
    pub async fn see_at_home(&self) {
        for class in &self.classes {
            let credits = self.credits(class, 2).await;
            assert_eq!(credits.len(), 2, "{credits:?}");
            self.tell(&format!("`{}` sees {} deliveries of its class, each once", class.home, credits.len()));
        }
    }

    /// The credits that a country has for its class, after at least `expected` have arrived. Empty, where they do not arrive.
    pub async fn credits(&self, class: &super::Twin<'_>, expected: usize) -> Vec<Value> {
        let coordinator = class.coordinator.again().await;
        let path = format!("/v1/editions/{}/deliveries?pageSize=1000", text(&class.edition["id"]));
        for _ in 0..100 {
            class.path.settles().await;
            let rows = coordinator.get(&path).await.ok()["rows"].as_array().cloned().unwrap_or_default();
            let row = rows.iter().find(|row| row["teamId"] == class.team_id.as_str()).expect("the team in the matrix");
            let cells = row["deliveries"].as_array().cloned().unwrap_or_default();
            let credits: Vec<_> =
                cells.iter().flat_map(|cell| cell["credits"].as_array().cloned().unwrap_or_default()).collect();
            if credits.len() >= expected {
                return credits;
            }
        }
        Vec::new()
    }

    /// The first class leaves, and the other one continues.
    async fn part(&self) {
        let [leaver, survivor] = &self.classes;
        leaver.tutor.post(&self.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
        leaver.class.get(&self.path("")).await.refused("NOT_FOUND");
        let compared = survivor.class.get(&self.path("/lessons/1/reports:compare")).await.ok();
        assert_eq!(compared["mirrors"][0]["gap"], "MIRROR_GAP_LEFT", "{compared}");
        let pair = survivor.tutor.get(&self.path("")).await.ok();
        self.tell(&format!(
            "`{}` has left, what it brought is gone; `{}` goes on: {}",
            leaver.home,
            survivor.home,
            text(&pair["state"])
        ));
        assert_eq!(self.credits(leaver, 2).await.len(), 2, "credits stay at home");
        self.tell("both countries keep the credits of their classes");
    }
}

impl Twins<'_> {
    /// A class uploads a file for a field of lesson 1.
    pub async fn upload(&self, of: usize, field: &str, name: &str, bytes: impl Into<bytes::Bytes>) -> Value {
        let class = &self.classes[of];
        let path = format!("/v1/teams/{}/lessons/1/files:upload?field={field}&name={name}", class.team_id);
        class.class.upload(&path, "application/octet-stream", bytes).await.ok()
    }

    /// The path for the download of a class's file.
    pub fn download(&self, of: usize, file: &Value) -> String {
        format!("/v1/teams/{}/files/{}:download", self.classes[of].team_id, text(file))
    }

    /// The teacher of a class states that a file may be shown in the space of the pair.
    pub async fn consent(&self, of: usize, file: &Value) -> Value {
        let last = json!({ "year": 2023, "month": 12, "day": 31 });
        let says = json!({ "fileId": file, "channel": "CHANNEL_PAIR_SPACE", "expiresOn": last });
        self.classes[of].tutor.post(&self.path("/consents"), says).await.ok()
    }

    /// Withdraws a consent.
    pub async fn withdraw(&self, of: usize, consent: &Value) {
        let path = self.path(&format!("/consents/{}:withdraw", text(&consent["id"])));
        self.classes[of].tutor.post(&path, json!({})).await.ok();
    }
}

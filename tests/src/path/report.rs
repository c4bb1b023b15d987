//! The report of Lesson 1. Its form is filled in as its fields require.

use serde_json::{Map, Value, json};

use super::{Ground, Path, text};
use crate::Caller;

/// The smallest PNG: one transparent point.
const PICTURE: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0, 1, 0, 0, 5, 0, 1,
    0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

impl Path<'_> {
    /// Saves a draft from two browsers at once, submits it, and checks the verdict.
    pub(super) async fn deliver(&self, team: &Caller, team_id: &str, track: &Value) -> Value {
        let path = format!("/v1/teams/{team_id}/lessons/1/report");
        let form = team.get(&format!("/v1/tracks/{}/lessons/1/form", text(&track["id"]))).await.ok();
        let values = self.fill(team, team_id, &form).await;
        let begun = team.patch(&path, json!({ "values": values })).await.ok();

        let (key, _) = values.iter().find(|(_, value)| value["text"] == "Bridges").expect("a line of text");
        let again = json!({ "values": { key: { "text": "Bridges again" } }, "etag": begun["etag"] });
        let first = team.patch(&path, again.clone()).await.ok();
        let second = team.patch(&path, again).await.refused("ETAG_STALE");
        assert_eq!(second["metadata"]["current_etag"], first["etag"]);
        self.tell("two browsers saved the same draft: the second was told the current version, nothing was lost");

        self.reach_deadline(&first["deadline"]).await;
        let team = team.again().await;
        let submitted = team.post(&format!("{path}:submit"), json!({ "etag": first["etag"] })).await.ok();
        let verdict = &submitted["verdict"];
        assert_eq!(verdict["onTime"], true, "{verdict}");
        self.tell(&format!(
            "report 1 delivered at {}, on time for {} ({})",
            text(&verdict["receivedAt"]),
            text(&verdict["deadline"]["local"]),
            text(&verdict["deadline"]["weekday"]),
        ));
        team.patch(&path, json!({ "values": {}, "etag": submitted["etag"] })).await.refused("REPORT_FINAL");
        submitted
    }

    /// In a world, sets the clock to the deadline, the last instant at which the report is on time. In a running system, nothing
    /// happens.
    async fn reach_deadline(&self, deadline: &Value) {
        if let Ground::World(world) = self.ground {
            world.passes_to(text(&deadline["at"]).parse().expect("an instant")).await;
        }
    }

    /// A value for every field of a form, as a class would give it. Uploads the files.
    pub async fn fill(&self, team: &Caller, team_id: &str, form: &Value) -> Map<String, Value> {
        let mut values = Map::new();
        for field in form["fields"].as_array().expect("fields") {
            let value = self.value(team, team_id, field).await;
            values.insert(text(&field["key"]), value);
        }
        values
    }

    async fn value(&self, team: &Caller, team_id: &str, field: &Value) -> Value {
        let host = field["hosts"][0].as_str().unwrap_or("example.org");
        match text(&field["kind"]).trim_start_matches("FIELD_KIND_") {
            "LINE" => json!({ "text": "Bridges" }),
            "RICH_TEXT" => json!({ "text": "<p>We asked <strong>why</strong>.</p>" }),
            "URL" | "EMBED" | "MONITORING_REPORT" | "PROJECT" => json!({ "text": format!("https://{host}/a-page") }),
            "EMAIL" => json!({ "text": "office@example.org" }),
            "DATE" => json!({ "date": { "year": 2022, "month": 11, "day": 28 } }),
            "TIME" => json!({ "time": "09:30" }),
            "BOOLEAN" => json!({ "boolean": true }),
            "CHOICE" => json!({ "text": field["choices"][0] }),
            "CHOICES" => json!({ "choices": { "items": [field["choices"][0]] } }),
            "POINT" => json!({ "point": { "latitude": 45.07, "longitude": 13.63, "address": "Buzet" } }),
            kind => self.file(team, team_id, &text(&field["key"]), kind).await,
        }
    }

    async fn file(&self, team: &Caller, team_id: &str, key: &str, kind: &str) -> Value {
        let (name, media_type, bytes): (_, _, &[u8]) = match kind {
            "IMAGE" => ("logo.png", "image/png", PICTURE),
            "VIDEO" => ("clip.mp4", "video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
            _ => ("canvas.pdf", "application/pdf", super::LETTER),
        };
        let path = format!("/v1/teams/{team_id}/lessons/1/files:upload?field={key}&name={name}");
        let file = team.upload(&path, media_type, bytes).await.ok();
        json!({ "files": { "items": [file["id"]] } })
    }
}

//! Who has read a resource can change one field of it and send the whole back: what they cannot set is passed over, what is set once
//! is refused where it differs, and where nothing differs nothing changes, not even the version. This holds for every PATCH of the
//! contract and in every protocol; a new PATCH is asked for here by name.

use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MethodDescriptor, SerializeOptions};
use proto::behavior;
use serde_json::{Value, json};
use tests::{
    Caller, Twins, World,
    grpc::{call, call_web, message, method, methods},
    path::text,
    twins::offer,
};

use crate::contract::methods::http;

/// How a resource is changed, and by whom.
struct Update<'a> {
    method: &'static str,
    caller: &'a Caller,
    path: String,
    /// A field, as JSON calls it, and values it can take.
    field: &'static str,
    values: [Value; 3],
}

fn update<'a>(
    method: &'static str,
    caller: &'a Caller,
    path: String,
    field: &'static str,
    values: [&str; 3],
) -> Update<'a> {
    Update { method, caller, path, field, values: values.map(Value::from) }
}

impl Update<'_> {
    fn method(&self) -> MethodDescriptor {
        method(self.method)
    }

    /// The field of the request that is the resource.
    fn resource(&self) -> FieldDescriptor {
        let output = self.method().output();
        let mut fields = self.method().input().fields().collect::<Vec<_>>().into_iter();
        fields.find(|field| field.kind().as_message() == Some(&output)).expect("the resource")
    }

    fn fields(&self, which: fn(&FieldDescriptor) -> bool) -> Vec<FieldDescriptor> {
        self.method().output().fields().filter(which).collect()
    }

    async fn read(&self) -> Value {
        self.caller.get(&self.path).await.ok()
    }

    /// Sends a resource by JSON, gRPC-Web and gRPC, one after the other: the answers, or the fields that are refused.
    async fn sent(
        &self,
        world: &World,
        protocol: usize,
        resource: &Value,
        mask: &[&str],
    ) -> Result<Value, Vec<String>> {
        let mut body = json!({ self.resource().name(): resource });
        if protocol == 0 {
            let query = if mask.is_empty() { String::new() } else { format!("?updateMask={}", mask.join(",")) };
            let answer = self.caller.patch(&format!("{}{query}", self.path), resource.clone()).await;
            return if answer.status.is_success() { Ok(answer.ok()) } else { Err(refused(answer.json())) };
        }
        if !mask.is_empty() {
            body["updateMask"] = json!(mask.join(","));
        }
        let (method, caller) = (self.method(), self.caller);
        let sent = message(&method, &body);
        let answer = match protocol {
            1 => call_web(caller, &method, sent).await,
            _ => call(&world.channel(), caller, &method, sent).await,
        };
        answer.map(|message| printed(&message)).map_err(|status| {
            use tonic_types::StatusExt;
            let bad = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
            let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            std::iter::once(reason).chain(bad.into_iter().map(|violation| violation.field)).collect()
        })
    }

    /// What a caller would have to lie about, said otherwise than it is.
    fn with_lies(&self, read: &Value) -> Value {
        let mut lies = read.clone();
        for field in self.fields(behavior::is_output_only) {
            let name = field.json_name();
            let lie = otherwise(&field, &read[name]);
            assert_ne!(lie, read[name], "{name}");
            lies[name] = lie;
        }
        lies
    }
}

/// The reason of a problem, and the fields it names.
fn refused(problem: Value) -> Vec<String> {
    let violations = problem["violations"].as_array().cloned().unwrap_or_default();
    std::iter::once(text(&problem["reason"])).chain(violations.iter().map(|one| text(&one["field"]))).collect()
}

fn printed(message: &prost_reflect::DynamicMessage) -> Value {
    message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).expect("JSON")
}

/// Another value than the one a field has.
fn otherwise(field: &FieldDescriptor, is: &Value) -> Value {
    let one = match field.kind() {
        Kind::String => json!("another"),
        Kind::Bool => json!(!is.as_bool().unwrap_or_default()),
        Kind::Int32 => json!(is.as_i64().unwrap_or_default() + 7),
        Kind::Enum(kind) => {
            let names: Vec<_> = kind.values().skip(1).map(|value| json!(value.name())).collect();
            names.into_iter().find(|name| name != is && json!([name]) != *is).expect("another value")
        }
        Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp" => json!("2001-01-01T00:00:00Z"),
        Kind::Message(kind) => {
            let inner = kind.fields().next().expect("a field");
            json!({ inner.json_name(): otherwise(&inner, &Value::Null) })
        }
        kind => panic!("{}: say here what another {kind:?} is", field.full_name()),
    };
    if field.is_list() { json!([one]) } else { one }
}

/// The protocols, by number: JSON, gRPC-Web, gRPC.
const PROTOCOLS: [usize; 3] = [0, 1, 2];

async fn assert_read_modify_write(world: &World, update: &Update<'_>) {
    let (name, field) = (update.method, update.field);
    for (protocol, value) in PROTOCOLS.into_iter().zip(&update.values) {
        let read = update.read().await;
        let etag = &read["etag"];
        assert!(etag.is_string(), "{name}: {read}");
        assert_eq!(update.sent(world, protocol, &read, &[]).await.as_ref(), Ok(&read), "{name} {protocol}: as it was");
        let lies = update.with_lies(&read);
        assert_eq!(update.sent(world, protocol, &lies, &[]).await.as_ref(), Ok(&read), "{name} {protocol}: lies");
        let every: Vec<_> = update.fields(|_| true).iter().map(|field| field.json_name().to_owned()).collect();
        let every: Vec<_> = every.iter().map(String::as_str).collect();
        assert_eq!(update.sent(world, protocol, &lies, &every).await.as_ref(), Ok(&read), "{name} {protocol}: masked");

        let mut wanted = read.clone();
        wanted[field] = value.clone();
        let mut changed =
            update.sent(world, protocol, &wanted, &[]).await.unwrap_or_else(|no| panic!("{name}: {no:?}"));
        assert_eq!(changed, update.read().await, "{name} {protocol}");
        let stale = update.sent(world, protocol, &read, &[]).await.unwrap_err();
        assert_eq!(stale, ["ETAG_STALE"], "{name} {protocol}");
        assert_ne!(changed["etag"], *etag, "{name} {protocol}: what changes has another version");
        changed["etag"] = etag.clone();
        assert_eq!(changed, wanted, "{name} {protocol}: one field has changed and no other");

        for fixed in update.fields(behavior::is_immutable) {
            let mut other = update.read().await;
            other[fixed.json_name()] = json!("01890000-0000-7000-8000-000000000000");
            let refused = update.sent(world, protocol, &other, &[]).await.unwrap_err();
            let expected = format!("{}.{}", update.resource().name(), fixed.name());
            assert_eq!(refused, ["FIELDS_INVALID".to_owned(), expected], "{name} {protocol}");
        }
    }
}

/// Saves the same twice: the second time nothing changes.
async fn assert_saved_once(caller: &Caller, path: &str, mut body: Value) {
    let saved = caller.patch(path, body.clone()).await.ok();
    body["etag"] = saved["etag"].clone();
    assert_eq!(caller.patch(path, body).await.ok(), saved, "{path}");
    assert_eq!(caller.get(path).await.ok(), saved, "{path}");
}

#[tokio::test(crate = "::tests::limit")]
async fn a_resource_is_read_changed_in_one_field_and_sent_back_whole() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let class = &twins.classes[0];
    let track = text(&class.edition["tracks"][0]["id"]);
    let draft = json!({ "application": { "trackId": track, "teamName": "Green Bridges", "classes": ["3A"] } });
    let application = text(&class.teacher.post("/v1/applications", draft).await.ok()["id"]);
    // a class of a pair at work has no open offer in this track: the one of the other programme would do, but a class has one track
    let offer = open_offer(&world, &twins).await;
    let updates = [
        update(
            "identity.v1.AccountService.UpdateAccount",
            &class.teacher,
            "/v1/account".to_owned(),
            "subjectArea",
            ["Latin", "Greek", "Sports"],
        ),
        update(
            "identity.v1.ApplicationService.UpdateApplication",
            &class.teacher,
            format!("/v1/applications/{application}"),
            "motivation",
            ["The bridge is closed.", "The bridge is shut.", "Nobody crosses the bridge."],
        ),
        update(
            "identity.v1.TeamService.UpdateTeam",
            &class.team,
            format!("/v1/teams/{}", class.team_id),
            "name",
            ["Blue Bridges", "Red Bridges", "Grey Bridges"],
        ),
        update(
            "lessons.v1.OfferService.UpdateOffer",
            &offer.0,
            format!("/v1/offers/{}", offer.1),
            "note",
            ["We live by the sea.", "We live in the hills.", "We live in town."],
        ),
    ];
    for update in &updates {
        assert_read_modify_write(&world, update).await;
    }

    let report = format!("/v1/teams/{}/lessons/1/report", class.team_id);
    let values = json!({ "values": { "research_title": { "text": "Who keeps the bridge?" } } });
    assert_saved_once(&class.team, &report, values).await;
    let output = json!({ "title": "Two ports", "text": "<p>One sea</p>", "language": "en" });
    assert_saved_once(&class.class, &twins.path("/lessons/1/output"), output).await;

    let told: Vec<_> = updates.iter().map(|update| update.method).chain(SAVES).collect();
    for method in methods().iter().filter(|method| http(method).iter().any(|(verb, _)| *verb == "PATCH")) {
        let name = method.full_name().trim_start_matches("koine.");
        assert!(told.contains(&name), "{name}: say here how its resource is read, changed and sent back");
    }
    world.end().await;
}

/// Methods that are a PATCH without a resource in their request.
const SAVES: [&str; 2] = ["lessons.v1.ReportService.SaveDraft", "lessons.v1.OutputService.SaveOutput"];

/// An open offer, and who may change it.
async fn open_offer(world: &World, twins: &Twins<'_>) -> (Caller, String) {
    let mut others = Twins::crossed(world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    let tutor = others.classes[0].tutor.clone();
    others.classes[0].offer = tutor.post("/v1/offers", offer(&track)).await.ok();
    (tutor, text(&others.classes[0].offer["id"]))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_new_resource_takes_nothing_that_only_the_service_can_say() {
    let world = World::of(&["it"]).start().await;
    let scene = tests::Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let begun = scene.begun(&teacher).await;
    let mut copy = begun.clone();
    copy["state"] = json!("APPLICATION_STATE_ADMITTED");
    copy["teamId"] = json!("another");
    let made =
        teacher.http().json(Method::POST, "/it/v1/applications", Some(teacher.token()), json!({ "application": copy }));
    let mut made = made.await.ok();
    assert_ne!(made["id"], begun["id"]);
    made["id"] = begun["id"].clone();
    assert_eq!(made, begun);
    world.end().await;
}

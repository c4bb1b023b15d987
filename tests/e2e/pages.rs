//! The law of pages: a page token belongs to the list that gave it and to what that list was asked for. Asked for anything else with
//! it, a list refuses it, so that nobody reads on in the messages of another pair, or skips what they never saw. The lists are found in
//! the contract: a new one is held to this, and this asks for things to put into it.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage, Value};
use proto::{behavior, options::v1::Format};
use serde_json::json;
use tests::{
    Caller, Machine, Scene, Twins, World,
    grpc::{call, methods, reason},
    path::text,
    scene::PICTURE,
    twins::offer,
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::contract::behavior::rules;

/// Somebody who may ask for lists, and the things their requests have to name.
pub struct Place {
    pub caller: Caller,
    named: BTreeMap<&'static str, String>,
}

/// A list that has two things or more, what it was asked for, and the token of its second page.
struct Given<'a> {
    method: MethodDescriptor,
    place: &'a Place,
    request: DynamicMessage,
    token: String,
}

/// Every list that comes in pages.
fn lists() -> Vec<MethodDescriptor> {
    methods().into_iter().filter(|method| method.input().get_field_by_name("page_token").is_some()).collect()
}

/// What a list must be asked for, if this place has it: one thing a page.
pub fn request(method: &MethodDescriptor, place: &Place) -> Option<DynamicMessage> {
    let mut request = DynamicMessage::new(method.input());
    for field in method.input().fields().filter(behavior::is_required) {
        request.set_field(&field, Value::String(place.named.get(field.name())?.clone()));
    }
    request.set_field_by_name("page_size", Value::I32(1));
    Some(request)
}

pub fn with_token(request: &DynamicMessage, token: &str) -> DynamicMessage {
    let mut request = request.clone();
    request.set_field_by_name("page_token", Value::String(token.to_owned()));
    request
}

async fn given<'a>(channel: &Channel, method: MethodDescriptor, places: &'a [Place]) -> Given<'a> {
    for place in places {
        let Some(request) = request(&method, place) else { continue };
        let Ok(answer) = call(channel, &place.caller, &method, request.clone()).await else { continue };
        let token = answer.get_field_by_name("next_page_token").expect("a token").as_str().expect("a text").to_owned();
        if !token.is_empty() {
            return Given { method, place, request, token };
        }
    }
    panic!("{}: put two things into this list, and say in `places` who sees them", method.full_name())
}

/// The same request for something else, once for each field that says what is asked for.
fn otherwise(request: &DynamicMessage) -> Vec<(String, DynamicMessage)> {
    let descriptor = request.descriptor();
    let fields = descriptor.fields().filter(|field| !field.name().starts_with("page_"));
    let other = |field: &FieldDescriptor| {
        let rules = rules(field);
        let word = if rules.pattern.is_empty() { "it" } else { "IT" };
        let value = match field.kind() {
            Kind::String if rules.format() == Format::Uuid => Value::String(Uuid::now_v7().to_string()),
            Kind::String => Value::String(word.to_owned()),
            Kind::Int32 => Value::I32(1),
            Kind::Enum(_) => Value::EnumNumber(1),
            kind => panic!("{}: say here what else {kind:?} can be", field.full_name()),
        };
        if field.is_list() { Value::List(vec![value]) } else { value }
    };
    fields
        .map(|field| {
            let mut request = request.clone();
            request.set_field(&field, other(&field));
            (field.name().to_owned(), request)
        })
        .collect()
}

/// Why a list refuses a token.
async fn refusal(channel: &Channel, given: &Given<'_>, request: &DynamicMessage, token: &str) -> String {
    let answer = call(channel, &given.place.caller, &given.method, with_token(request, token)).await;
    answer.err().map_or_else(|| "an answer".to_owned(), |status| reason(&status))
}

/// One of two machines, with a token that was revoked, one that was used, and a webhook of classes.
async fn machine(scene: &Scene<'_>) -> [String; 2] {
    let scopes = ["schools.read", "teams.read"];
    Machine::register(scene.world, &scene.coordinator, "Agency", &scopes[..1]).await;
    let machine = Machine::register(scene.world, &scene.coordinator, "Open data portal", &scopes).await;
    let (token, _) = machine.token(&scopes).await;
    scene.coordinator.post(&machine.token_path(&token, ":revoke"), json!({})).await.ok();
    let (_, secret) = machine.token(&scopes).await;
    machine.exchange(&secret).await.ok();
    let hook = json!({ "url": "https://127.0.0.1/", "eventTypes": ["team.admitted"] });
    let hook = machine.technician.post(&machine.path("/webhooks"), hook).await.ok();
    [text(&machine.integrator["id"]), text(&hook["webhook"]["id"])]
}

/// Two of everything: two pairs at work that have written, delivered and agreed to something, and at home two of what leads there. The
/// central teams come first, and after them those who see less.
pub async fn places(world: &World) -> Vec<Place> {
    let scene = Scene::open(world, "it").await;
    scene.coordinator.post("/v1/editions", json!({ "template": "24-25" })).await.ok();
    let teacher = scene.teacher("Serra").await;
    for (email, role) in [("eva@jury.example", "ROLE_JUROR"), ("ivo@region.example", "ROLE_REGIONAL_PARTNER")] {
        let invited = json!({ "email": email, "role": role, "territory": "ITF1" });
        scene.coordinator.post("/v1/invitations", invited).await.ok();
    }
    let [integrator, webhook] = machine(&scene).await;
    scene.submitted(&teacher).await;
    let class = scene.class("Kos").await;
    let other = Twins::at_work(world, "it-hr", ["hr", "it"]).await;
    let mut twins = Twins::at_work(world, "it-hr", ["hr", "it"]).await;
    for pair in [&other, &twins] {
        for text in ["Hello from Rijeka!", "Is anybody there?"] {
            let hello = json!({ "text": text, "language": "en" });
            pair.classes[0].tutor.post(&pair.path("/messages"), hello).await.ok();
        }
        for name in ["one.png", "two.png"] {
            let file = pair.upload(0, "cover", name, PICTURE).await["id"].clone();
            pair.consent(0, &file).await;
        }
    }
    // those of the pairs are taken: two more wait
    let seekers = Twins::crossed(world, "it-hr", ["hr", "it"]).await;
    for class in &seekers.classes {
        class.tutor.post("/v1/offers", offer(&text(&seekers.edition["tracks"][0]["id"]))).await.ok();
    }
    world.settle().await;
    twins.renew().await;
    let at_home =
        BTreeMap::from([("edition_id", scene.edition_id()), ("integrator_id", integrator), ("webhook_id", webhook)]);
    let abroad = BTreeMap::from([("edition_id", text(&twins.edition["id"])), ("pair_id", text(&twins.pair["id"]))]);
    let [one, other] = &twins.classes;
    let mut places = Vec::new();
    let [at_home, abroad] = [at_home, abroad].map(|named| move |caller| Place { caller, named: named.clone() });
    places.extend([at_home(scene.coordinator.again().await), abroad(twins.secretariat.clone())]);
    places.extend([teacher, class.referent, class.team].map(at_home));
    places.extend([&one.central, &one.tutor, &other.class].map(|caller| abroad(caller.clone())));
    places
}

#[tokio::test(crate = "::tests::limit")]
async fn a_page_token_counts_in_the_list_that_gave_it_for_what_it_was_given() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let channel = world.channel();
    let places = places(&world).await;
    let mut all = Vec::new();
    for method in lists() {
        all.push(given(&channel, method, &places).await);
    }
    assert!(all.len() > 12, "the lists are not where they were");
    let mut broken = Vec::new();
    let mut judge = |what: String, said: String, expected: &str| {
        if said != expected {
            broken.push(format!("{what}: {said} instead of {expected}"));
        }
    };
    for given in &all {
        let list = given.method.name().to_owned();
        let mut more = given.request.clone();
        more.set_field_by_name("page_size", Value::I32(2));
        let said = refusal(&channel, given, &more, &given.token).await;
        judge(format!("{list} with its own token, and pages of another size"), said, "an answer");
        for other in all.iter().filter(|other| other.method.name() != given.method.name()) {
            let said = refusal(&channel, given, &given.request, &other.token).await;
            judge(format!("{list} with a token of {}", other.method.name()), said, "PAGE_TOKEN_INVALID");
        }
        for (field, request) in otherwise(&given.request) {
            let said = refusal(&channel, given, &request, &given.token).await;
            judge(format!("{list} with its own token, and another `{field}`"), said, "PAGE_TOKEN_INVALID");
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

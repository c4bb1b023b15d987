//! The isolation law: what happens in one tenant changes nothing of what another one is answered; and what a caller may not know
//! of is answered like what does not exist.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use proto::{
    behavior,
    options::v1::{Format, Role, Rules},
};
use serde_json::json;
use tests::{
    Caller, Class, Machine, Scene, Twins, World,
    grpc::{access, address, call, methods, reason},
    path::text,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::contract::behavior::rules;

mod deeds;
mod remembered;

/// A thing by its id, and the tenant it is of.
type Thing = (&'static str, String);

/// Things of Italy and of a class there, by the variables that name them in paths.
async fn things(scene: &Scene<'_>, class: &Class) -> BTreeMap<&'static str, Thing> {
    let upload = class.path("/lessons/1/files:upload?field=cover&name=cover.png");
    class.team.upload(&upload, "image/png", tests::scene::PICTURE).await.ok();
    let calendar = scene.coordinator.get(&format!("/v1/editions/{}/calendar", scene.edition_id())).await.ok();
    let invited = json!({ "email": "eva@jury.example", "role": "ROLE_JUROR" });
    let invitation = scene.coordinator.post("/v1/invitations", invited).await.ok();
    let mandates = class.referent.get("/v1/account/mandates").await.ok();
    let sessions = class.referent.get("/v1/account/sessions").await.ok();
    let machine = Machine::register(scene.world, &scene.coordinator, "Open data portal", &["teams.read"]).await;
    let (token, _) = machine.token(&["teams.read"]).await;
    let hook = json!({ "url": "https://127.0.0.1/", "eventTypes": ["team.admitted"] });
    let hook = machine.technician.post(&machine.path("/webhooks"), hook).await.ok();
    let named = [
        ("webhook_id", text(&hook["webhook"]["id"])),
        ("integrator_id", text(&machine.integrator["id"])),
        ("token_id", text(&token["id"])),
        ("account_id", text(&class.referent.account().await["id"])),
        ("session_id", text(&sessions["sessions"][0]["id"])),
        ("invitation_id", text(&invitation["id"])),
        ("mandate_id", text(&mandates["mandates"][0]["id"])),
        ("team_id", class.id.clone()),
        ("team.id", class.id.clone()),
        ("application_id", text(&class.application["id"])),
        ("application.id", text(&class.application["id"])),
        ("file_id", text(&class.application["fileIds"][0])),
        ("edition_id", scene.edition_id()),
        ("track_id", text(&scene.track("upper_secondary")["id"])),
        ("school_id", text(&scene.school("UPPER_SECONDARY")["id"])),
        ("item_id", text(&calendar["items"][0]["id"])),
    ];
    named.map(|(name, id)| (name, ("it", id))).into()
}

/// Things of a programme that Italy and Croatia share.
async fn shared_things(twins: &Twins<'_>) -> BTreeMap<&'static str, Thing> {
    let secretariat = twins.secretariat.again().await;
    let file = tests::world::data("projects/it-hr.csv");
    let import = secretariat.upload("/v1/projects:import", "text/csv", file).await.ok();
    let named = [
        ("operation_id", text(&import["name"]).trim_start_matches("operations/lessons/").to_owned()),
        ("offer_id", text(&twins.classes[0].offer["id"])),
        ("offer.id", text(&twins.classes[0].offer["id"])),
        ("pair_id", text(&twins.pair["id"])),
        ("project_id", text(&twins.pair["project"]["id"])),
        // what is in the space of a pair is behind the pair: who may not know of that is asked no further
        ("message_id", text(&twins.pair["id"])),
        ("consent_id", text(&twins.pair["id"])),
    ];
    named.map(|(name, id)| (name, ("it-hr", id))).into()
}

/// The very people of a pair, in another programme of their country.
async fn elsewhere(twins: &Twins<'_>) -> BTreeMap<i32, Caller> {
    let class = &twins.classes[0];
    BTreeMap::from([
        (Role::TwinCoordinator as i32, class.coordinator.cross("euro-med", "").await),
        (Role::TwinTeacher as i32, class.teacher.cross("euro-med", &class.team_id).await),
        (Role::TwinTeam as i32, class.team.cross("euro-med", "").await),
    ])
}

/// The ids a method takes in its path.
fn variables(method: &MethodDescriptor) -> Vec<String> {
    let address = address(method);
    let found = regex::Regex::new(r"\{([a-z_.]+)\}").expect("a pattern");
    let names = found.captures_iter(&address).map(|found| found[1].to_owned());
    names.filter(|name| name.ends_with("id")).collect()
}

/// The smallest message of a method that has the shape its rules ask for, with `id` as every id. The first piece of an upload says
/// all there is to say.
fn asked_with(method: &MethodDescriptor, id: &str) -> DynamicMessage {
    smallest(&method.input(), id, method.is_client_streaming())
}

fn smallest(message: &MessageDescriptor, id: &str, whole: bool) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let rules = rules(&field);
        let needed = whole || behavior::is_required(&field) || behavior::is_identifier(&field);
        if !needed || field.is_map() {
            continue;
        }
        let value = sample(&field, &rules, id);
        let many = || Value::List(vec![value.clone(); rules.min_items.max(1) as usize]);
        made.set_field(&field, if field.is_list() { many() } else { value });
    }
    made
}

fn sample(field: &FieldDescriptor, rules: &Rules, id: &str) -> Value {
    match field.kind() {
        Kind::String if field.name() == "id" => Value::String(id.to_owned()),
        Kind::String => Value::String(match rules.format() {
            Format::Uuid => id.to_owned(),
            Format::Email => "somebody@school.example".to_owned(),
            Format::Url => "https://school.example".to_owned(),
            Format::LocalTime => "2022-12-28T12:00:00".to_owned(),
            Format::Unspecified => word(field, rules),
        }),
        Kind::Int32 => Value::I32(i32::try_from(rules.min().max(1)).expect("a small number")),
        Kind::Bool => Value::Bool(false),
        Kind::Bytes => Value::Bytes(bytes::Bytes::new()),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(kind) => Value::Message(smallest(&kind, id, false)),
        kind => panic!("{}: say here what the smallest {kind:?} is", field.full_name()),
    }
}

/// A word of the length and the form that are asked for.
fn word(field: &FieldDescriptor, rules: &Rules) -> String {
    let form = regex::Regex::new(&format!("^(?:{})$", rules.pattern)).expect("a pattern");
    let words = ["1".repeat(rules.min_len.max(1) as usize), "en".to_owned(), "0".repeat(64)];
    let fits = words.into_iter().find(|word| rules.pattern.is_empty() || form.is_match(word));
    fits.unwrap_or_else(|| panic!("{}: say here a word of the form `{}`", field.full_name(), rules.pattern))
}

/// What a refusal says, all of it.
fn said(refused: &Status) -> (Code, String, Vec<u8>) {
    (refused.code(), refused.message().to_owned(), refused.details().to_vec())
}

/// Whether a field had not the shape asked for: then nobody looked at what was named, and the answer shows nothing. In the details
/// the reason stands once for the whole and once for each field it is given for.
fn is_of_shape((code, _, details): &(Code, String, Vec<u8>)) -> bool {
    let shape = b"FIELDS_INVALID";
    *code == Code::InvalidArgument && details.windows(shape.len()).filter(|part| part == shape).count() > 1
}

/// Asks for a thing that is there and for one that is nowhere. The answers must be the same refusal.
async fn assert_alike(
    world: &World,
    stranger: &Caller,
    method: &MethodDescriptor,
    thing: &str,
    broken: &mut Vec<String>,
) {
    let channel = world.channel();
    let mut answers = Vec::new();
    for id in [thing.to_owned(), Uuid::now_v7().to_string()] {
        answers.push(call(&channel, stranger, method, asked_with(method, &id)).await.map_err(|status| said(&status)));
    }
    match &answers[..] {
        // who did not even get past the shape of the message has shown nothing
        [Err(there), Err(nowhere)] if there == nowhere && !is_of_shape(there) => {}
        _ => {
            let short = |answer: &Result<_, (Code, String, Vec<u8>)>| match answer {
                Ok(_) => "an answer".to_owned(),
                Err((code, message, _)) => format!("{code:?} {message}"),
            };
            broken.push(format!("{}: {:?}", method.full_name(), answers.iter().map(short).collect::<Vec<_>>()));
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn a_thing_of_another_tenant_is_answered_like_one_that_does_not_exist() {
    let world = World::of(&["it", "hr", "it-hr", "euro-med"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let mut things = things(&scene, &scene.class("Kos").await).await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    things.extend(shared_things(&twins).await);
    let visitors = elsewhere(&twins).await;
    let (mut broken, mut asked) = (Vec::new(), 0);
    for method in methods() {
        for variable in variables(&method) {
            let (tenant, thing) = things
                .get(variable.as_str())
                .unwrap_or_else(|| panic!("{}: say what {variable} names", method.full_name()));
            for role in access(&method).roles() {
                // as near as can be: who says to stand for the very thing asked for, or had a way to it in another programme
                let other = if *tenant == "it" { "hr" } else { "euro-med" };
                let stranger = match visitors.get(&(role as i32)) {
                    Some(visitor) => visitor.clone(),
                    None => world.forged(other, &[role], |claims| {
                        claims.acts_for = thing.parse().ok();
                        let scopes = access(&method).scopes;
                        let is_machine = role == Role::Integrator && !scopes.is_empty();
                        claims.scopes = is_machine.then_some(scopes);
                    }),
                };
                assert_alike(&world, &stranger, &method, thing, &mut broken).await;
                asked += 1;
            }
        }
    }
    assert!(asked > 40, "{asked}");
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

/// What is for one class, or for the two of a pair.
const PRIVATE: [&str; 7] =
    ["team_id", "team.id", "application_id", "application.id", "file_id", "pair_id", "session_id"];

/// People of another class of Italy, at home and in the programme it shares with Croatia.
struct Neighbours {
    teacher: Caller,
    team: Caller,
    tutor: Caller,
    class: Caller,
}

impl Neighbours {
    async fn of(scene: &Scene<'_>) -> Self {
        let Class { referent: teacher, team, id, .. } = scene.twin("it-hr", "Novak").await;
        let (tutor, class) = (teacher.cross("it-hr", &id).await, team.cross("it-hr", &id).await);
        Self { teacher, team, tutor, class }
    }

    /// What they may not know of: each method about a private thing, the variable that names it, and who of them may call the method.
    fn kept_out(&self) -> impl Iterator<Item = (MethodDescriptor, String, &Caller)> {
        let by = |role| match role {
            Role::Teacher => Some(&self.teacher),
            Role::Team => Some(&self.team),
            Role::TwinTeacher => Some(&self.tutor),
            Role::TwinTeam => Some(&self.class),
            // the central teams may know of every class of theirs
            _ => None,
        };
        methods().into_iter().flat_map(move |method| {
            let private = variables(&method).into_iter().filter(|name| PRIVATE.contains(&name.as_str()));
            let callers: Vec<_> = access(&method).roles().filter_map(by).collect();
            let asked =
                private.flat_map(move |name| callers.clone().into_iter().map(move |caller| (name.clone(), caller)));
            asked.map(move |(name, caller)| (method.clone(), name, caller)).collect::<Vec<_>>()
        })
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn a_thing_of_another_class_is_answered_like_one_that_does_not_exist() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let mut things = things(&scene, &scene.class("Kos").await).await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    things.extend(shared_things(&twins).await);
    let (neighbours, mut broken) = (Neighbours::of(&scene).await, Vec::new());
    for (method, variable, stranger) in neighbours.kept_out() {
        assert_alike(&world, stranger, &method, &things[variable.as_str()].1, &mut broken).await;
    }
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

/// The law of the law: it sees a difference where there is one.
#[tokio::test(crate = "::tests::limit")]
async fn a_thing_one_may_know_of_is_answered_otherwise() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let things = things(&scene, &scene.class("Kos").await).await;
    let method = tests::grpc::method("identity.v1.TeamService.GetTeam");
    let mut broken = Vec::new();
    assert_alike(&world, &scene.coordinator, &method, &things["team_id"].1, &mut broken).await;
    assert_eq!(broken.len(), 1);
    let missing = asked_with(&method, &Uuid::now_v7().to_string());
    let refused = call(&world.channel(), &scene.coordinator, &method, missing).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOT_FOUND"));
    world.end().await;
}

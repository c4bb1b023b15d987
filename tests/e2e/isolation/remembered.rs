//! Answers are remembered by `request_id`, and looked up once it is known that the caller may. So who may not know of a thing, or does not
//! any more, is refused in the same words whatever is remembered for them; and who may is answered again whatever has become of it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::token::Claims;
use serde_json::json;
use tests::{engine, scene::PICTURE};

use super::*;
use crate::schema::made;

/// The id of a request that everybody has made before. Nothing else can be asked with it.
const SPENT: &str = "spent";

/// Methods that can be asked again, and name a thing in their path.
fn repeatable() -> impl Iterator<Item = MethodDescriptor> {
    let has_key = |method: &MethodDescriptor| method.input().get_field_by_name("request_id").is_some();
    methods().into_iter().filter(move |method| has_key(method) && !variables(method).is_empty())
}

/// From here on the caller has made a request with the id [`SPENT`], which was answered.
async fn spend(world: &World, caller: &Caller) {
    let payload = caller.token().split('.').nth(1).expect("a token");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let Claims { sub, home, acts_for, .. } = serde_json::from_slice(&payload).expect("claims");
    let name = match (home, acts_for) {
        (Some(_), Some(class)) => format!("{class}/{sub}"),
        (Some(home), None) => format!("{home}/{sub}"),
        (None, _) => sub.to_string(),
    };
    let (tenant, at) = (caller.tenant(), world.clock().now().as_microsecond());
    let nothing = if engine::postgres().is_some() { r"'\x'::bytea" } else { "x''" };
    for service in migrations::SERVICES {
        made(world, tenant, service).await;
        let row = format!("INSERT INTO answered VALUES ('{name}/{SPENT}', {nothing}, {nothing}, {at})");
        world.tamper(tenant, service, &row).await;
    }
}

/// A message of a method about a thing, with an id that was used before.
fn asked_again(method: &MethodDescriptor, id: &str) -> DynamicMessage {
    let mut message = asked_with(method, id);
    message.set_field_by_name("request_id", Value::String(SPENT.to_owned()));
    message
}

#[tokio::test(crate = "::tests::limit")]
async fn who_may_not_know_of_a_thing_is_refused_whatever_is_remembered_for_them() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (mut things, mut asked) = (things(&scene, &scene.class("Kos").await).await, 0);
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    things.extend(shared_things(&twins).await);
    let neighbours = Neighbours::of(&scene).await;
    for stranger in [&neighbours.teacher, &neighbours.team, &neighbours.tutor, &neighbours.class] {
        spend(&world, stranger).await;
    }
    let mut broken = Vec::new();
    for (method, variable, stranger) in
        neighbours.kept_out().filter(|(method, ..)| repeatable().any(|one| one == *method))
    {
        let (channel, thing) = (world.channel(), &things[variable.as_str()].1);
        let mut answers = Vec::new();
        for message in [asked_with(&method, thing), asked_again(&method, thing)] {
            answers.push(call(&channel, stranger, &method, message).await.map_err(|status| said(&status)));
        }
        match &answers[..] {
            [Err(once), Err(again)] if once == again && !is_of_shape(once) => {}
            _ => broken.push(format!("{}: {answers:?}", method.full_name())),
        }
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

/// The law of the law: what is remembered is found for who may, by every method, before it is asked what has become of the thing.
#[tokio::test(crate = "::tests::limit")]
async fn what_is_remembered_is_found_for_who_may_know_of_the_thing() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let things = [("it", things(&scene, &class).await), ("it-hr", things_of_a_pair(&twins).await)];
    let one = &twins.classes[0];
    let people = [
        ("it", Role::Coordinator, &scene.coordinator),
        ("it", Role::Teacher, &class.referent),
        ("it", Role::Team, &class.team),
        ("it-hr", Role::Coordinator, &twins.secretariat),
        ("it-hr", Role::TwinTeacher, &one.tutor),
        ("it-hr", Role::TwinTeam, &one.class),
        ("it-hr", Role::TwinCoordinator, &one.central),
    ];
    for (.., caller) in people {
        spend(&world, caller).await;
    }
    let mut broken = Vec::new();
    for method in repeatable() {
        let mut found = 0;
        for (tenant, role, caller) in people {
            let (_, things) = things.iter().find(|(of, _)| *of == tenant).expect("a tenant");
            if !is_asked(&method, tenant, role, things) {
                continue;
            }
            let mut message = asked_again(&method, &Uuid::now_v7().to_string());
            for (name, (_, id)) in things.iter().filter(|(name, _)| method.input().get_field_by_name(name).is_some()) {
                message.set_field_by_name(name, Value::String(id.clone()));
            }
            let refused = call(&world.channel(), caller, &method, message).await.map_err(|status| reason(&status));
            if refused != Err("REQUEST_ID_REUSED".to_owned()) {
                broken.push(format!("{} by {role:?} of {tenant}: {refused:?}", method.full_name()));
            }
            found += 1;
        }
        assert!(found > 0, "{}: say who may call it, and for what", method.full_name());
    }
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

/// Whether somebody in a role asks it in a tenant about one of these things. Classes of a programme are known to lessons alone.
fn is_asked(method: &MethodDescriptor, tenant: &str, role: Role, things: &BTreeMap<&'static str, Thing>) -> bool {
    let access = access(method);
    let is_served = if tenant == "it" { !access.programme } else { method.full_name().starts_with("koine.lessons.") };
    // a session is known to whom it is of
    let is_own = |name: &str| name != "session_id" || role == Role::Teacher;
    let is_known = variables(method).iter().all(|name| things.contains_key(name.as_str()) && is_own(name));
    access.roles().any(|one| one == role) && is_served && is_known
}

/// Things of a pair at work, of its first class where they are of one.
async fn things_of_a_pair(twins: &Twins<'_>) -> BTreeMap<&'static str, Thing> {
    let one = &twins.classes[0];
    let picture = twins.upload(0, "cover", "port.png", PICTURE).await["id"].clone();
    let consent = twins.consent(0, &picture).await;
    let hello = json!({ "text": "Which port is yours?", "language": "en" });
    let message = one.tutor.post(&twins.path("/messages"), hello).await.ok();
    let mut things = shared_things(twins).await;
    for (name, id) in [
        ("team_id", one.team_id.clone()),
        ("track_id", text(&twins.edition["tracks"][0]["id"])),
        ("message_id", text(&message["id"])),
        ("consent_id", text(&consent["id"])),
    ] {
        things.insert(name, ("it-hr", id));
    }
    things
}

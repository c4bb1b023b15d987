//! The law of batch gets: several things by their ids come in the order in which they are asked for, each as a get gives it; where one of
//! them is not for the caller to see, none comes, and all that are missing are named.

use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage, Value};
use tests::{
    World,
    grpc::{call, methods, reason},
};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::pages::{Place, places, request};

fn batches() -> Vec<MethodDescriptor> {
    methods().into_iter().filter(|method| method.name().starts_with("BatchGet")).collect()
}

/// Another method of the service.
fn beside(method: &MethodDescriptor, name: &str) -> MethodDescriptor {
    let mut all = method.parent_service().methods().collect::<Vec<_>>().into_iter();
    all.find(|other| other.name() == name).unwrap_or_else(|| panic!("{} has no {name}", method.full_name()))
}

/// The messages in the one list of an answer.
fn items(answer: &DynamicMessage) -> Vec<DynamicMessage> {
    let field = answer.descriptor().fields().find(FieldDescriptor::is_list).expect("a list");
    answer.get_field(&field).as_list().expect("a list").iter().filter_map(Value::as_message).cloned().collect()
}

fn id(item: &DynamicMessage) -> String {
    item.get_field_by_name("id").expect("an id").as_str().expect("a text").to_owned()
}

async fn listed(channel: &Channel, method: &MethodDescriptor, place: &Place) -> Option<Vec<DynamicMessage>> {
    let list = beside(method, &method.name().replace("BatchGet", "List"));
    let mut asked = request(&list, place)?;
    asked.set_field_by_name("page_size", Value::I32(100));
    Some(items(&call(channel, &place.caller, &list, asked).await.ok()?))
}

async fn asked(
    channel: &Channel,
    method: &MethodDescriptor,
    place: &Place,
    ids: &[String],
) -> Result<Vec<DynamicMessage>, Status> {
    let mut asked = DynamicMessage::new(method.input());
    let field = method.input().fields().next().expect("the ids");
    asked.set_field(&field, Value::List(ids.iter().cloned().map(Value::String).collect()));
    call(channel, &place.caller, method, asked).await.map(|answer| items(&answer))
}

async fn got(channel: &Channel, method: &MethodDescriptor, place: &Place, id: &str) -> DynamicMessage {
    let item = method.output().fields().next().expect("the items").kind().as_message().expect("a message").clone();
    let get = beside(method, &format!("Get{}", item.name()));
    let mut asked = DynamicMessage::new(get.input());
    asked.set_field(&get.input().fields().next().expect("the id"), Value::String(id.to_owned()));
    call(channel, &place.caller, &get, asked).await.expect("what the list shows")
}

/// All are given, or those that are missing are named, in their order.
async fn is_all_or_nothing(channel: &Channel, method: &MethodDescriptor, place: &Place, all: &[String]) -> usize {
    let Some(seen) = listed(channel, method, place).await else { return 0 };
    let own: Vec<_> = seen.iter().rev().map(id).collect();
    let given = if own.is_empty() { Ok(Vec::new()) } else { asked(channel, method, place, &own).await };
    let given = given.expect("all of them");
    assert_eq!(given.iter().map(id).collect::<Vec<_>>(), own, "{}", method.name());
    for item in &given {
        assert_eq!(*item, got(channel, method, place, &id(item)).await, "{}", method.name());
    }
    let strangers = [Uuid::now_v7(), Uuid::now_v7()].map(|id| id.to_string());
    let wanted = [&strangers[..1], all, &strangers[1..]].concat();
    let missing: Vec<_> = wanted.iter().filter(|id| !own.contains(id)).cloned().collect();
    let refused = asked(channel, method, place, &wanted).await.expect_err("two are missing");
    assert_eq!(reason(&refused), "NOT_FOUND");
    let told = refused.get_details_error_info().expect("a reason").metadata["ids"].clone();
    assert_eq!(told, missing.join(", "), "{}", method.name());
    all.len() - own.len()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_batch_get_gives_all_that_is_asked_for_in_its_order_or_names_all_that_is_missing() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let channel = world.channel();
    let places = places(&world).await;
    assert!(batches().len() >= 2, "the batch gets are not where they were");
    let mut unseen = 0;
    for method in batches() {
        let all: Vec<_> = listed(&channel, &method, &places[0]).await.expect("a list").iter().map(id).collect();
        assert!(all.len() > 1, "{}: put two things into its list", method.full_name());
        for place in places.iter().filter(|place| place.caller.tenant() == places[0].caller.tenant()) {
            unseen += is_all_or_nothing(&channel, &method, place, &all).await;
        }
        let many = vec![all[0].clone(); 101];
        for (ids, expected) in [(&many[1..], ""), (&many, "FIELDS_INVALID"), (&[][..], "FIELDS_INVALID")] {
            let said = asked(&channel, &method, &places[0], ids).await;
            assert_eq!(said.err().map_or_else(String::new, |status| reason(&status)), expected, "{} ids", ids.len());
        }
    }
    assert!(unseen > 1, "those who see less are not where they were");
    world.end().await;
}

//! What answers say of methods and fields that will be taken away, with a contract in which some are deprecated.

use http::HeaderMap;
use prost_reflect::{DynamicMessage, Value};

use super::*;

/// The contract with something changed in it.
pub(crate) fn pool(change: impl FnOnce(&mut DynamicMessage)) -> DescriptorPool {
    let set = proto::descriptor().get_message_by_name("google.protobuf.FileDescriptorSet").unwrap();
    let mut set = DynamicMessage::decode(set, proto::DESCRIPTOR_SET).unwrap();
    change(&mut set);
    DescriptorPool::decode(set.encode_to_vec().as_slice()).unwrap()
}

/// The declaration of a method of a service, or of a field of a message, in the first file that has one of this name.
pub(crate) fn declared<'s>(set: &'s mut DynamicMessage, of: &str, list: &str, name: &str) -> &'s mut DynamicMessage {
    let holders = if list == "method" { "service" } else { "message_type" };
    let is_named =
        |message: &&mut DynamicMessage, name: &str| message.get_field_by_name("name").unwrap().as_str() == Some(name);
    let mut holder = all(set, "file").into_iter().flat_map(|file| all(file, holders)).find(|one| is_named(one, of));
    let holder = holder.take().unwrap();
    all(holder, list).into_iter().find(|one| is_named(one, name)).unwrap()
}

fn all<'s>(message: &'s mut DynamicMessage, list: &str) -> Vec<&'s mut DynamicMessage> {
    let list = message.get_field_by_name_mut(list).unwrap().as_list_mut().unwrap();
    list.iter_mut().filter_map(Value::as_message_mut).collect()
}

pub(crate) trait Say {
    /// Deprecates what is declared here.
    fn say(&mut self, option: &str, since: &str, until: &str, is_deprecated: bool);
}

impl Say for DynamicMessage {
    fn say(&mut self, option: &str, since: &str, until: &str, is_deprecated: bool) {
        let options = self.get_field_by_name_mut("options").unwrap().as_message_mut().unwrap();
        options.set_field_by_name("deprecated", Value::Bool(is_deprecated));
        let option = proto::descriptor().get_extension_by_name(&format!("koine.options.v1.{option}")).unwrap();
        let mut days = DynamicMessage::new(option.kind().as_message().unwrap().clone());
        days.set_field_by_name("since", Value::String(since.to_owned()));
        days.set_field_by_name("until", Value::String(until.to_owned()));
        options.set_extension(&option, Value::Message(days));
    }
}

/// A gateway whose contract takes away `GetTeam`, and of `ListTeams` the territory.
fn world() -> World {
    let pool = pool(|set| {
        let method = declared(set, "TeamService", "method", "GetTeam");
        method.say("method_deprecation", "2026-09-01", "2028-08-31", true);
        let field = declared(set, "ListTeamsRequest", "field", "territory");
        field.say("field_deprecation", "2026-10-01", "2027-12-31", true);
    });
    World::made(&pool, Settings::default(), intake())
}

fn told(headers: &HeaderMap) -> [&str; 2] {
    ["deprecation", "sunset"].map(|name| headers.get(name).map_or("", |value| value.to_str().unwrap()))
}

const METHOD: [&str; 2] = ["@1788220800", "Thu, 31 Aug 2028 23:59:59 GMT"];
const FIELD: [&str; 2] = ["@1790812800", "Fri, 31 Dec 2027 23:59:59 GMT"];

#[tokio::test]
async fn a_method_that_will_be_taken_away_says_so_in_every_answer() {
    let mut world = world();
    let (answer, refusal) = (world.get("/it/v1/teams/7").await, world.get("/it/v1/teams/7?colour=red").await);
    assert_eq!((answer.status(), told(answer.headers())), (StatusCode::OK, METHOD));
    assert_eq!((refusal.status(), told(refusal.headers())), (StatusCode::BAD_REQUEST, METHOD));
    let request = GetTeamRequest { team_id: "7".into() };
    let answer = TeamServiceClient::new(world.channel()).get_team(request).await.unwrap();
    assert_eq!(told(&answer.metadata().clone().into_headers()), METHOD);
}

#[tokio::test]
async fn a_field_that_will_be_taken_away_says_so_where_it_is_set() {
    let world = world();
    for (target, expected) in [("/it/v1/teams", ["", ""]), ("/it/v1/teams?territory=ITF1", FIELD)] {
        let answer = world.get(target).await;
        assert_eq!(told(answer.headers()), expected, "{target}");
        assert_eq!(read(answer).await.1["reason"], "CALL_CLOSED");
    }
}

#[tokio::test]
async fn what_stays_says_nothing() {
    let answer = World::new().get("/it/v1/teams/7?").await;
    assert_eq!((answer.status(), told(answer.headers())), (StatusCode::OK, ["", ""]));
}

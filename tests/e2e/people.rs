//! How people come, act in several roles, and help themselves, in a country and in a twinning programme.

use tests::{
    World,
    path::{Ground, Path},
    people::{Came, People},
};

async fn walk(world: &World, tenant: &str) -> Came {
    let coordinator = world.coordinator(tenant).await;
    let path = Path::new(Ground::World(world), coordinator.clone(), world.mailbox(tenant), "people", |_| {});
    People::new(path, coordinator, "people").walk().await
}

#[tokio::test(crate = "::tests::limit")]
async fn people_of_a_country_come_by_letters_and_pages_and_help_themselves() {
    let world = World::of(&["it"]).start().await;
    let came = walk(&world, "it").await;
    let teacher = came.teacher.expect("a teacher");
    assert_eq!(teacher.account().await["roles"], serde_json::json!(["ROLE_TEACHER", "ROLE_JUROR"]));
    for person in [&came.second, &came.juror, &teacher] {
        assert_eq!(world.log().find(person.login()), [""; 0]);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn people_of_a_twinning_programme_come_by_letters_and_pages() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let came = walk(&world, "it-hr").await;
    assert!(came.teacher.is_none());
    came.second.get("/v1/account").await.refused("TOKEN_ENDED");
    came.juror.get("/v1/account").await.ok();
    world.end().await;
}

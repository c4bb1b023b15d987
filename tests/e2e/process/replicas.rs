//! Two replicas of lessons, each behind a gateway of its own: who watches at one sees what happens at the other.

use serde_json::{Value, json};
use tests::{
    Caller, Http,
    http::Events,
    path::{Ground, Path, text},
    world,
};

use super::{Machine, PATIENCE};

async fn next(events: &mut Events, what: &str) -> Value {
    let next = tokio::time::timeout(PATIENCE, events.next()).await;
    next.unwrap_or_else(|_| panic!("waited a minute for {what}")).unwrap_or_else(|| panic!("no {what}"))
}

#[tokio::test(crate = "::tests::limit")]
async fn who_watches_at_one_replica_sees_what_happens_at_the_other_and_goes_on_at_either() {
    let mut machine = Machine::apart(&["it"]);
    machine.start_all().await;
    for name in ["lessons2", "gateway2"] {
        machine.start(name, &[]).await;
    }
    let coordinator = machine.coordinator("it").await;
    let path = Path::new(Ground::Running, coordinator.clone(), machine.mailbox("it"), "replicas", |_| {});
    let walked = path.walk(world::data("schools/it.csv")).await;
    let coordinator = coordinator.again().await;
    let gateways = ["gateway", "gateway2"].map(|name| Http::to(&format!("http://127.0.0.1:{}", machine.port(name))));
    let teams: Vec<Caller> = gateways.iter().map(|gateway| walked.callers["team"].at(gateway)).collect();
    let watch = format!("/it/v1/editions/{}/deliveries:watch", text(&walked.edition["id"]));
    let report = |lesson: usize| format!("/v1/teams/{}/lessons/{lesson}/report", text(&walked.team["id"]));
    let write = async |team: &Caller, lesson: usize, values: Value| {
        let etag = team.get(&report(lesson)).await.ok()["etag"].clone();
        team.patch(&report(lesson), json!({ "values": values, "etag": etag })).await.ok();
    };

    let mut watchers = Vec::new();
    for gateway in &gateways {
        watchers.push(gateway.events(&watch, coordinator.token()).await);
    }
    for (lesson, team) in [(2, &teams[0]), (3, &teams[1])] {
        write(team, lesson, json!({})).await;
        for events in &mut watchers {
            assert_eq!(next(events, "a cell that changed at a replica").await["lesson"], lesson);
        }
    }

    // one that is away meanwhile goes on at the other replica, after the last cell it saw
    let mut watchers = watchers.into_iter();
    let (first, mut second) = (watchers.next().unwrap(), watchers.next().unwrap());
    let last = first.last_id().to_owned();
    drop(first);
    write(&teams[0], 4, json!({})).await;
    assert_eq!(next(&mut second, "lesson 4").await["lesson"], 4);
    let mut again = gateways[1].events_after(&watch, coordinator.token(), &last).await;
    assert_eq!(next(&mut again, "lesson 4, which was missed").await["lesson"], 4);

    // the broker is killed: a bell that was not heard is made good when it is back, and nothing comes twice
    machine.broker().kill();
    write(&teams[0], 2, json!({ "data_sources": { "text": "<p>The municipality's own.</p>" } })).await;
    machine.broker().start_again();
    assert_eq!(next(&mut second, "lesson 2, changed while the broker was away").await["lesson"], 2);
    write(&teams[1], 3, json!({ "visit_report": { "text": "<p>It is still closed.</p>" } })).await;
    for events in [&mut second, &mut again] {
        let mut seen = next(events, "lesson 3").await;
        if seen["lesson"] == 2 {
            seen = next(events, "lesson 3").await;
        }
        assert_eq!(seen["lesson"], 3);
    }
}

//! The audit log: whole, or it says where it is not.

use futures::future::{join, join_all};
use platform::{
    Ids,
    audit::{Sequencer, Verdict, verify},
};
use serde_json::json;
use tests::{Scene, World};

async fn verdict(world: &World, service: &str) -> Verdict {
    let ctx = world.process().operator("it").expect("a tenant");
    verify(world.process().store(service).expect("a service"), &ctx).await.expect("a log")
}

/// A world in whose log something was written, how many entries there are, and the last one that can be taken away alone.
async fn written() -> (World, i64) {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    class.team.patch(&class.path(""), json!({ "name": "Blue Bridges" })).await.ok();
    world.settle().await;
    world.chain().await;
    let Verdict::Whole(entries) = verdict(&world, "identity").await else { panic!("a log nobody touched is whole") };
    assert!(entries > 6, "{entries}");
    (world, entries)
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_done_is_in_the_log_of_its_service() {
    let (world, entries) = written().await;
    let actions = world.actions("it", "identity").await;
    assert_eq!(actions.len(), usize::try_from(entries).unwrap());
    for action in [
        "create coordinator",
        "import schools",
        "upload file",
        "submit application",
        "admit application",
        "change password",
        "change team",
    ] {
        assert!(actions.contains(&action.to_owned()), "{action}: {actions:?}");
    }
    assert_eq!(world.actions("it", "lessons").await, ["create edition", "open call"]);
    assert_eq!(verdict(&world, "lessons").await, Verdict::Whole(2));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_kind_of_tampering_is_found_where_it_was_done() {
    let (world, entries) = written().await;
    let found = |at: i64| [Verdict::Broken(at), Verdict::Broken(at + 1)];
    for (what, sql, undo) in [
        ("another actor", "UPDATE audit SET actor = 'nobody' WHERE seq = 3", None),
        ("another word", "UPDATE audit SET detail = 'something else' WHERE seq = 3", None),
        (
            "another instant",
            "UPDATE audit SET at = at + 1 WHERE seq = 3",
            Some("UPDATE audit SET at = at - 1 WHERE seq = 3"),
        ),
    ] {
        let kept =
            world.rows("it", "identity", "SELECT actor, detail FROM audit WHERE seq = 3", &["actor", "detail"]).await;
        assert_eq!(world.tamper("it", "identity", sql).await, 1);
        assert!(found(3).contains(&verdict(&world, "identity").await), "{what}");
        let undo = undo.map(str::to_owned).unwrap_or_else(|| {
            format!("UPDATE audit SET actor = '{}', detail = '{}' WHERE seq = 3", kept[0][0], kept[0][1])
        });
        world.tamper("it", "identity", &undo).await;
        assert_eq!(verdict(&world, "identity").await, Verdict::Whole(entries), "{what}, undone");
    }

    // two entries change their places
    for (from, to) in [(3, -1), (4, 3), (-1, 4)] {
        world.tamper("it", "identity", &format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
    }
    assert!(found(3).contains(&verdict(&world, "identity").await));
    for (from, to) in [(3, -1), (4, 3), (-1, 4)] {
        world.tamper("it", "identity", &format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
    }
    assert_eq!(verdict(&world, "identity").await, Verdict::Whole(entries));

    // the last one is taken away, and with it every trace in the log itself; then one in the middle; then all of them
    world.tamper("it", "identity", &format!("DELETE FROM audit WHERE seq = {entries}")).await;
    assert_eq!(verdict(&world, "identity").await, Verdict::Cut(entries - 1));
    world.tamper("it", "identity", "DELETE FROM audit WHERE seq = 2").await;
    assert_eq!(verdict(&world, "identity").await, Verdict::Broken(2));
    world.tamper("it", "identity", "DELETE FROM audit").await;
    assert_eq!(verdict(&world, "identity").await, Verdict::Cut(0));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn many_writers_and_several_sequencers_at_once_leave_one_whole_log() {
    let world = World::of(&["it"]).start().await;
    let (process, clock) = (world.process(), world.clock());
    let (store, ctx) = (process.store("identity").expect("identity"), process.operator("it").expect("a tenant"));
    let writers = join_all((0..40).map(async |number| {
        let tx = store.change(&ctx).await.expect("a turn");
        tx.note("try", number, "");
        tx.commit().await.expect("a commit");
    }));
    let sequencers = join_all((0..3).map(async |_| {
        let (tenants, clock) = (process.tenants().clone(), clock.clone());
        let sequencer = Sequencer::new(store.clone(), tenants, clock.clone(), Ids::new(clock));
        for _ in 0..6 {
            sequencer.drain().await.expect("a log that can be chained");
        }
    }));
    join(writers, sequencers).await;
    assert_eq!(verdict(&world, "identity").await, Verdict::Whole(40));
    let mut done = world.rows("it", "identity", "SELECT subject FROM audit ORDER BY seq", &["subject"]).await.concat();
    assert_eq!(verdict(&world, "identity").await, Verdict::Whole(40));
    done.sort_by_key(|number| number.parse::<u32>().expect("a number"));
    assert_eq!(done, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_log_cannot_be_cut_together_with_its_end() {
    let (world, entries) = written().await;
    let earlier = entries - 1;
    world.tamper("it", "identity", &format!("DELETE FROM audit WHERE seq = {entries}")).await;
    let moved = format!("UPDATE audit_head SET seq = {earlier}, mac = (SELECT mac FROM audit WHERE seq = {earlier})");
    assert_eq!(world.tamper("it", "identity", &moved).await, 1);
    assert_eq!(verdict(&world, "identity").await, Verdict::EndForged(earlier));
    world.tamper("it", "identity", "DELETE FROM audit").await;
    world.tamper("it", "identity", "UPDATE audit_head SET seq = 0, mac = '', seal = ''").await;
    assert_eq!(verdict(&world, "identity").await, Verdict::EndForged(0));
    world.tamper("it", "identity", "DELETE FROM audit_head").await;
    assert_eq!(verdict(&world, "identity").await, Verdict::EndMissing(0));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_log_of_another_tenant_does_not_pass_for_ones_own() {
    let world = World::of(&["it", "hr"]).start().await;
    for tenant in ["it", "hr"] {
        world.coordinator(tenant).await;
        world.coordinator(tenant).await;
    }
    let columns = ["seq", "at", "actor", "action", "subject", "detail"];
    let abroad = world.rows("hr", "identity", "SELECT CAST(seq AS text) AS seq, CAST(at AS text) AS at, actor, action, subject, detail FROM audit WHERE seq = 2", &columns).await;
    let [seq, at, actor, action, subject, detail] = &abroad[0][..] else { panic!("six columns") };
    let sql = format!(
        "UPDATE audit SET at = {at}, actor = '{actor}', action = '{action}', subject = '{subject}', detail = '{detail}' WHERE seq = {seq}"
    );
    assert_eq!(world.tamper("it", "identity", &sql).await, 1);
    assert_eq!(verdict(&world, "identity").await, Verdict::Broken(2));
    world.end().await;
}

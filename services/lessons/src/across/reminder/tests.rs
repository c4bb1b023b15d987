//! Who is reminded, and when.

use jiff::SignedDuration;
use platform::{Ctx, Reads};

use super::*;
use crate::{testing::twins::Twins, twinning::pair};

/// After 3 days, then every 5, at most twice.
fn rules() -> Reminders {
    toml::from_str("first_after_days = 3\nthen_every_days = 5\nat_most = 2").unwrap()
}

fn days(number: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * number)
}

fn home(name: &str) -> Option<TenantId> {
    Some(name.parse().unwrap())
}

/// The country of a reminder, whether it is for a class, and its number in the wait.
fn whom(due: &[Reminder]) -> Vec<(Option<TenantId>, bool, i32)> {
    due.iter().map(|one| (one.home.clone(), one.team.is_some(), one.step)).collect()
}

fn remember(sent: &mut Vec<Sent>, due: &[Reminder], at: Timestamp) {
    sent.extend(due.iter().map(|one| Sent { home: one.home.clone(), since: one.since, step: one.step, at }));
}

#[tokio::test]
async fn reminders_come_after_some_days_then_every_few_days_up_to_a_limit() {
    let mut twins = Twins::at_work().await;
    let begun = twins.ground.clock.now();
    twins.pair.suspend(&twins.secretariat(), "a strike".to_owned()).unwrap();
    let mut sent = Vec::new();
    let mut told = Vec::new();
    for hour in 0..24 * 40 {
        let now = begun + SignedDuration::from_hours(hour);
        let due = due(&twins.pair, rules(), &sent, now);
        remember(&mut sent, &due, now);
        told.extend(whom(&due).into_iter().map(|(home, is_class, step)| (hour / 24, home, is_class, step)));
    }
    assert_eq!(told, [(3, None, false, 1), (8, None, false, 2)], "the secretariat alone");
}

#[tokio::test]
async fn one_reminder_is_sent_for_several_that_were_missed() {
    let mut twins = Twins::at_work().await;
    let begun = twins.ground.clock.now();
    twins.pair.suspend(&twins.secretariat(), String::new()).unwrap();
    let late = begun + days(100);
    let first = due(&twins.pair, rules(), &[], late);
    assert_eq!(whom(&first), [(None, false, 1)]);
    let mut sent = Vec::new();
    remember(&mut sent, &first, late);
    assert_eq!(due(&twins.pair, rules(), &sent, late), []);
    assert_eq!(whom(&due(&twins.pair, rules(), &sent, late + days(5))), [(None, false, 2)]);
}

#[tokio::test]
async fn each_state_reminds_who_it_waits_for_and_a_new_wait_begins_anew() {
    let mut twins = Twins::at_work().await;
    let long = days(3);
    let clock = twins.ground.clock.clone();
    let due_after = |pair: &Pair, sent: &[Sent], wait: SignedDuration| due(pair, rules(), sent, clock.now() + wait);
    assert_eq!(due_after(&twins.pair, &[], days(300)), [], "at work: deadlines remind of themselves");
    let mut pair = twins.pair.clone();
    pair.suspend(&twins.teacher(0), String::new()).unwrap();
    let first = due_after(&pair, &[], long);
    let mut sent = Vec::new();
    remember(&mut sent, &first, twins.ground.clock.now() + long);
    pair.resume(&twins.teacher(0)).unwrap();
    assert_eq!(due_after(&pair, &sent, days(300)), [], "the wait is over");
    twins.ground.clock.set(twins.ground.clock.now() + days(10));
    pair.suspend(&twins.teacher(0), String::new()).unwrap();
    assert_eq!(due_after(&pair, &sent, days(2)), []);
    assert_eq!(whom(&due_after(&pair, &sent, long)), [(home("hr"), true, 1)], "another wait has a first reminder too");

    let mut pair = twins.pair.clone();
    let secretariat = twins.secretariat();
    for team in [twins.side(0).team, twins.side(1).team] {
        pair.deliver(&secretariat, team);
    }
    let unsigned = [(home("hr"), true, 1), (home("it"), true, 1)];
    assert_eq!(whom(&due_after(&pair, &[], long)), unsigned, "what is left is to sign");
    pair.deliver_together(&secretariat);
    assert_eq!(whom(&due_after(&pair, &[], long)), [(None, false, 1)], "what is left is to complete it");

    twins.leaves(1).await;
    assert_eq!(whom(&due_after(&twins.pair, &[], long)), [(home("hr"), true, 1)], "who goes on, and not who left");
    twins.pair.dissolve(&twins.secretariat(), String::new()).unwrap();
    let ended = due(&twins.pair, rules(), &[], twins.ground.clock.now() + days(300));
    assert_eq!(ended, []);
}

/// What the round has sent so far: facts in the outbox, and rows.
async fn told(twins: &Twins) -> [usize; 2] {
    let db = twins.store.read(&twins.secretariat()).await.unwrap();
    let rows = store::sent(&db, [twins.pair.id()].into_iter()).await.unwrap();
    let sql = "SELECT id FROM outbox WHERE name = 'koine.lessons.v1.ReminderDue'";
    let query = sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(db.conn()), sql);
    let facts = sea_orm::ConnectionTrait::query_all_raw(db.conn(), query).await.unwrap();
    [facts.len(), rows.values().map(Vec::len).sum()]
}

#[tokio::test]
async fn reminders_are_sent_once_though_several_processes_send_at_once() {
    let mut twins = Twins::at_work().await;
    let ctx = twins.teacher(0);
    twins.pair.suspend(&ctx, String::new()).unwrap();
    let tx = twins.store.change(&ctx).await.unwrap();
    pair::store::save(&tx, &mut twins.pair).await.unwrap();
    tx.commit().await.unwrap();
    let rounds = async |twins: &Twins| {
        let round = |ctx: Ctx| round::remind(twins.store.clone(), ctx);
        let secretariat = || twins.secretariat();
        let (one, other) = futures::join!(round(secretariat()), round(secretariat()));
        one.and(other).unwrap();
    };
    rounds(&twins).await;
    assert_eq!(told(&twins).await, [0, 0]);
    for (after, sent) in [(6, 0), (1, 1), (1, 1), (6, 2), (7, 3), (7, 3)] {
        twins.ground.clock.set(twins.ground.clock.now() + days(after));
        rounds(&twins).await;
        assert_eq!(told(&twins).await, [sent, sent]);
    }
}

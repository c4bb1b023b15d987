//! A reminder becomes one letter for each person, whatever happens on the way.

use jiff::SignedDuration;
use platform::{Caller, Reads, testing};
use proto::lessons::v1::PairState;
use sea_orm::ConnectionTrait;

use super::*;
use crate::{across::mailing, testing::Ground};

const PAIR: &str = "0190b2c4-0000-7000-8000-000000000000";

struct Way {
    ground: Ground,
    team: team::Team,
}

impl Way {
    /// Italy, with a class of Ana's, and a programme.
    async fn new() -> Self {
        let ground = Ground::new();
        ground.add_programme("it-hr", "ITF14");
        let referent = ground.teacher("ana@school.example").await;
        let (team, _) = ground.team(&referent).await;
        // it takes part in programmes
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        tx.conn().execute_unprepared("UPDATE team SET is_interreg = true").await.unwrap();
        tx.commit().await.unwrap();
        Self { ground, team }
    }

    fn fact(&self, home: &str, team: &str, state: PairState) -> ReminderDue {
        let since = platform::wire::timestamp(self.ground.clock.now());
        let (home, team_id) = (home.to_owned(), team.to_owned());
        ReminderDue { home, team_id, pair_id: PAIR.to_owned(), state: state.into(), since: Some(since) }
    }

    async fn publish(&self, fact: &ReminderDue) {
        let ctx = self.ground.ctx_in("it-hr", Caller::Anonymous);
        let tx = self.ground.store().change(&ctx).await.unwrap();
        tx.emit(fact);
        tx.commit().await.unwrap();
    }

    fn real(&self) -> Handlers {
        let letters = mailing::testing::handlers(&self.ground);
        handlers(letters, self.ground.store().clone(), testing::border(self.ground.tenants()))
    }

    /// Hands out facts until none is left: one leads to another.
    async fn settle(&self) {
        for _ in 0..3 {
            self.ground.drain(self.real()).await;
        }
        assert_eq!(self.ground.drain(self.real()).await, 0);
    }

    async fn noted(&self, tenant: &str, action: &str) -> usize {
        let db = self.ground.store().read(&self.ground.ctx_in(tenant, Caller::Anonymous)).await.unwrap();
        let sql = format!("SELECT action FROM audit_entry WHERE action = '{action}'");
        let query = sea_orm::Statement::from_string(db.conn().get_database_backend(), sql);
        db.conn().query_all_raw(query).await.unwrap().len()
    }
}

#[tokio::test]
async fn the_teachers_of_the_class_are_written_to_and_nobody_else() {
    let way = Way::new().await;
    way.ground.teacher("eva@school.example").await;
    way.publish(&way.fact("it", &way.team.id().to_string(), PairState::Proposed)).await;
    way.settle().await;
    let [(_, mail)] = &way.ground.mails()[..] else { panic!("one mail") };
    assert!(mail.contains("To: ana@school.example"), "{mail}");
    assert!(mail.contains(&format!("https://koine.example/it-hr/pairs/{PAIR}")), "{mail}");
    assert_eq!([way.noted("it", "receive reminder").await, way.noted("it-hr", "send reminder home").await], [1, 1]);
}

#[tokio::test]
async fn a_process_that_dies_between_the_two_sides_writes_one_letter() {
    let way = Way::new().await;
    way.publish(&way.fact("it", &way.team.id().to_string(), PairState::Approved)).await;
    let (store, border) = (way.ground.store().clone(), testing::border(way.ground.tenants()));
    let dies = Handlers::new().on("reminder home", move |ctx: Ctx, fact: ReminderDue| {
        let (store, border) = (store.clone(), border.clone());
        async move {
            let home = border.home(&ctx, &"it".parse().unwrap())?;
            address(&store, &home, ctx.tenant().id(), &fact).await?;
            Err(Error::internal("the process died"))
        }
    });
    way.ground.drain(dies).await;
    assert_eq!([way.noted("it", "receive reminder").await, way.noted("it-hr", "send reminder home").await], [1, 0]);
    way.ground.clock.advance(SignedDuration::from_mins(1));
    way.settle().await;
    assert_eq!([way.noted("it", "receive reminder").await, way.noted("it-hr", "send reminder home").await], [1, 1]);
    assert_eq!(way.ground.mails().len(), 1);
}

#[tokio::test]
async fn a_class_nobody_knows_and_a_pair_that_waits_for_nobody_lead_to_no_letter() {
    let way = Way::new().await;
    let team = way.team.id().to_string();
    way.publish(&way.fact("it", PAIR, PairState::Proposed)).await;
    way.publish(&way.fact("it", "", PairState::Accepted)).await;
    way.publish(&way.fact("it", &team, PairState::Completed)).await;
    way.settle().await;
    assert_eq!(way.ground.mails(), [], "no such class, nobody of a central team, nothing to remind of");
}

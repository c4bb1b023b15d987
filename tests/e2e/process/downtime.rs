//! An hour in which the broker is away, and one in which a service is: with a clock that is held, so that an hour takes no time.

use jiff::SignedDuration;
use platform::{Clock, Config, Process, Service};
use proto::identity::v1::TeamMoved;
use tests::world::instant;

use super::{Machine, until};

/// Identity and lessons, each a process of its own as far as facts go, under one clock.
struct Held {
    machine: Machine,
    clock: Clock,
    told: usize,
}

impl Held {
    fn new() -> Self {
        let machine = Machine::apart(&["it", "hr", "it-hr"]);
        Self { machine, clock: Clock::held(instant("2022-10-10T09:00:00[Europe/Rome]")), told: 0 }
    }

    async fn start(&self, service: Service, name: &str) -> Process {
        let text = std::fs::read_to_string(self.machine.settings(name)).expect("settings");
        let config = Config::parse(&text, service.section().into_iter().collect());
        let config = config.unwrap_or_else(|error| panic!("{error:?}"));
        let process = Process::start(config, self.clock.clone(), vec![service]).await;
        process.unwrap_or_else(|error| panic!("{error:?}"))
    }

    async fn identity(&self) -> Process {
        self.start(identity::service(), "identity").await
    }

    async fn lessons(&self) -> Process {
        self.start(lessons::service(), "lessons").await
    }

    /// Identity tells that a class was moved, and five minutes pass.
    async fn tell(&mut self, identity: &Process) {
        let ctx = identity.operator("it").expect("a tenant");
        let tx = identity.store("identity").expect("its store").change(&ctx).await.expect("a transaction");
        tx.emit(&TeamMoved { team_id: uuid::Uuid::now_v7().to_string() });
        tx.commit().await.expect("a commit");
        self.told += 1;
        self.pass(identity).await;
    }

    async fn pass(&self, identity: &Process) {
        self.clock.advance(SignedDuration::from_mins(5));
        for dispatcher in identity.dispatchers() {
            dispatcher.drain().await;
        }
    }

    async fn handled(&self) -> usize {
        let sql = "SELECT action FROM audit WHERE action = 'part moved class'";
        self.machine.column("it", "lessons", sql, "action").await.len()
    }

    /// Waits until lessons has handled everything that was told, each once.
    async fn arrived(&self, identity: &Process) {
        until("every fact to be handled by lessons", async || {
            self.pass(identity).await;
            (self.handled().await >= self.told).then_some(())
        })
        .await;
        assert_eq!(self.handled().await, self.told);
        let mut waiting = 0;
        for dispatcher in identity.dispatchers() {
            waiting += dispatcher.waiting().await.expect("an outbox");
        }
        assert_eq!(waiting, 0, "the broker has all of them");
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn after_an_hour_without_the_broker_and_one_without_the_service_every_fact_is_handled_once() {
    let mut held = Held::new();
    let (code, _, complained) = held.machine.koine(&["migrate"]).await;
    assert_eq!(code, Some(0), "{complained}");
    let (identity, lessons) = (held.identity().await, held.lessons().await);
    held.tell(&identity).await;
    held.arrived(&identity).await;

    held.machine.broker().kill();
    for _ in 0..12 {
        held.tell(&identity).await;
    }
    assert_eq!(held.handled().await, 1, "nobody could bring them");
    held.machine.broker().start_again();
    held.arrived(&identity).await;

    lessons.stop().await;
    for _ in 0..12 {
        held.tell(&identity).await;
    }
    assert_eq!(held.handled().await, 13);
    // what it holds for who is away it has written down
    held.machine.broker().kill();
    held.machine.broker().start_again();
    let lessons = held.lessons().await;
    held.arrived(&identity).await;
    lessons.stop().await;
    identity.stop().await;
}

//! Facts between processes, over a real broker: identity tells that a class was moved, lessons handles it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{
    Caller, Twins,
    engine::Engine,
    path::{Ground, Path, text},
    twins::Staff,
    world,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::Command,
};

use super::{Machine, until};

/// Identity, lessons and gateway apart, with a class that can be moved.
struct Apart {
    machine: Machine,
    coordinator: Caller,
    team: String,
    tracks: Vec<String>,
    moved: usize,
}

impl Apart {
    async fn running() -> Self {
        let mut machine = Machine::apart(&["it", "hr", "it-hr"]);
        machine.start_all().await;
        let coordinator = machine.coordinator("it").await;
        let path = Path::new(Ground::Running, coordinator.clone(), machine.mailbox("it"), "apart", |_| {});
        let walked = path.walk(world::data("schools/it.csv")).await;
        let tracks = walked.edition["tracks"].as_array().expect("tracks").iter();
        // two it may be in whose classes have no twins: of a move to one of them lessons is told
        let tracks = tracks.filter(|track| track["code"] == "upper_secondary" || track["code"] == "english");
        let tracks = tracks.map(|track| text(&track["id"])).collect();
        let team = text(&walked.team["id"]);
        Self { machine, coordinator: coordinator.again().await, team, tracks, moved: 0 }
    }

    /// Moves the class to another track, which is a fact for lessons.
    async fn move_class(&mut self) {
        self.moved += 1;
        let to = &self.tracks[self.moved % self.tracks.len()];
        let wanted = json!({ "trackId": to, "reason": "the project was cut" });
        self.coordinator.post(&format!("/v1/teams/{}:move", self.team), wanted).await.ok();
    }

    /// The facts that lessons has handled, by their ids, in the order in which it did.
    async fn handled(&self) -> Vec<String> {
        let id = if matches!(self.machine.engine, Engine::Sqlite(_)) { "hex(event)" } else { "event::text" };
        let sql = format!("SELECT {id} AS id FROM inbox WHERE handler = 'part moved class' ORDER BY at");
        self.machine.column("it", "lessons", &sql, "id").await
    }

    /// How often lessons did what a fact asks for.
    async fn done(&self) -> usize {
        // an entry waits for a moment before it is chained into the log
        let sql = "SELECT action FROM audit WHERE action = 'part moved class'
                   UNION ALL SELECT action FROM audit_entry WHERE action = 'part moved class'";
        self.machine.column("it", "lessons", sql, "action").await.len()
    }

    /// Waits until lessons has handled every move, each once.
    async fn arrived(&self) {
        let moved = self.moved;
        until(&format!("{moved} moves to be handled by lessons"), async || {
            (self.handled().await.len() >= moved).then_some(())
        })
        .await;
        assert_eq!((self.handled().await.len(), self.done().await), (moved, moved));
    }

    /// Waits until so many facts lie in the outbox of identity.
    async fn waiting(&self, expected: usize) {
        let sql = "SELECT name FROM outbox WHERE name = 'koine.identity.v1.TeamMoved'";
        until(&format!("{expected} facts in the outbox of identity"), async || {
            (self.machine.column("it", "identity", sql, "name").await.len() == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn a_twinning_is_walked_across_processes_and_a_class_that_is_moved_at_home_leaves_its_pair() {
    let mut machine = Machine::apart(&["it", "hr", "it-hr"]);
    machine.start_all().await;
    let countries = [
        (machine.coordinator("hr").await, machine.mailbox("hr")),
        (machine.coordinator("it").await, machine.mailbox("it")),
    ];
    let staff = Staff { secretariat: machine.coordinator("it-hr").await, countries };
    let mut twins = Twins::cross(Ground::Running, "it-hr", staff, "apart", |_| ()).await;
    twins.pair_up().await;
    twins.begin_work().await;
    twins.talk().await;
    twins.mirror().await;
    for class in &twins.classes {
        assert_eq!(twins.credits(class, 1).await.len(), 1, "what was delivered counts at home");
    }
    let moved = &twins.classes[1];
    let tracks = moved.edition["tracks"].as_array().expect("tracks");
    let english = tracks.iter().find(|track| track["code"] == "english").expect("an English track");
    let wanted = json!({ "trackId": english["id"], "reason": "the project was cut" });
    moved.coordinator.again().await.post(&format!("/v1/teams/{}:move", moved.team_id), wanted).await.ok();
    let secretariat = twins.secretariat.again().await;
    let state = async || -> Value { secretariat.get(&twins.path("")).await.ok()["state"].clone() };
    until("the twin to go on alone", async || (state().await == "PAIR_STATE_ONE_SIDED").then_some(())).await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_told_while_the_broker_is_away_arrives_when_it_is_back_in_order_and_once() {
    let mut apart = Apart::running().await;
    apart.move_class().await;
    apart.arrived().await;

    apart.machine.broker().kill();
    for _ in 0..3 {
        apart.move_class().await;
    }
    apart.waiting(3).await;
    assert_eq!(apart.handled().await.len(), 1);
    apart.machine.broker().start_again();
    apart.arrived().await;
    apart.waiting(0).await;

    let handled = apart.handled().await;
    let mut sorted = handled.clone();
    sorted.sort();
    assert_eq!(handled, sorted, "in the order in which they were told: ids sort by age");
}

#[tokio::test(crate = "::tests::limit")]
async fn a_consumer_that_is_killed_between_handling_a_fact_and_acknowledging_it_handles_it_once() {
    let mut apart = Apart::running().await;
    let between = Between::start(apart.machine.broker().port()).await;
    apart.machine.signal("lessons", "-TERM");
    apart.machine.ended("lessons").await;
    apart.machine.write_settings("lessons", Some(between.port));
    apart.machine.start("lessons", &[]).await;
    apart.move_class().await;
    apart.arrived().await;

    // from here on the broker hears nothing of it: what it handles it cannot acknowledge
    between.turn_deaf().await;
    apart.move_class().await;
    apart.arrived().await;
    apart.machine.signal("lessons", "-KILL");
    apart.machine.ended("lessons").await;
    apart.machine.write_settings("lessons", None);
    apart.machine.start("lessons", &[]).await;
    // the broker brings the one before again, and this one after it
    apart.move_class().await;
    apart.arrived().await;
}

/// Something between a process and the broker, which forwards in both directions until it turns deaf to the process.
struct Between {
    port: u16,
    deaf: AtomicBool,
    /// When the process was heard last.
    heard: Mutex<Instant>,
}

impl Between {
    async fn start(broker: u16) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let between = Arc::new(Self { port, deaf: AtomicBool::new(false), heard: Mutex::new(Instant::now()) });
        let hears = between.clone();
        tokio::spawn(async move {
            while let Ok((process, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", broker)).await else { continue };
                let ((from_process, to_process), (from_server, to_server)) =
                    (process.into_split(), server.into_split());
                tokio::spawn(forward(from_process, to_server, Some(hears.clone())));
                tokio::spawn(forward(from_server, to_process, None));
            }
        });
        between
    }

    /// Turns deaf, once the process has said all it has to say: what it has handled is acknowledged, and the next fact asked for.
    async fn turn_deaf(&self) {
        until("the process to have said everything to the broker", async || {
            (self.heard.lock().expect("the time").elapsed() > Duration::from_secs(1)).then_some(())
        })
        .await;
        self.deaf.store(true, Ordering::Release);
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, process: Option<Arc<Between>>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if let Some(between) = &process {
            if between.deaf.load(Ordering::Acquire) {
                continue;
            }
            *between.heard.lock().expect("the time") = Instant::now();
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn a_process_whose_facts_would_be_lost_does_not_start_and_says_which() {
    let machine = Machine::new();
    for (name, lost) in [
        (
            "identity",
            ["koine.identity.v1.TeamMoved is for `lessons`", "koine.lessons.v1.ReminderDue comes from `lessons`"],
        ),
        (
            "lessons",
            ["koine.lessons.v1.ReminderDue is for `identity`", "koine.identity.v1.TeamMoved comes from `identity`"],
        ),
    ] {
        let mut command: Command = machine.program(name);
        let done = command.output().await.expect(name);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        for fact in lost {
            assert!(said.contains(&format!("events.nats: is missing: {fact}")), "{name}: {said}");
        }
    }
}

//! Twinning, on SQLite and through the gateway. A message of one class until the stream of its twin shows it, one after the other,
//! beside a durable commit of the same database engine on the same disk, in turns. And ten thousand pairs, listed page by page as
//! their readers do, beside the reading of one.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde_json::{Value, json};
use tests::{
    Caller, Http, Twins,
    engine::Engine,
    path::{self, text},
    server::Server,
    twins::Staff,
};
use uuid::Uuid;

use crate::{
    ground::Ground,
    report::{self, Sorted},
    server,
};

const PROGRAMME: &str = "it-hr";
const MESSAGES: usize = 400;
const PAIRS: usize = 10_000;
/// What a message may take at most: so many commits.
const AIM: f64 = 3.0;
/// What a page of 50 pairs may take at most: so many times one pair.
const PAGE: f64 = 3.0;

/// Measures and prints.
pub async fn measure() {
    let ground = Ground::sqlite();
    let server = Server::start(ground.demo());
    let twins = at_work(&ground, &server).await;
    server::rest(&server).await;
    messages(&ground, &server, &twins).await;
    fill(&ground, &text(&twins.pair["id"])).await;
    pages(&twins).await;
}

async fn at_work<'a>(ground: &Ground, server: &Server) -> Twins<'a> {
    let countries = [
        (ground.coordinator(server, "hr").await, ground.mailbox("hr")),
        (ground.coordinator(server, "it").await, ground.mailbox("it")),
    ];
    let staff = Staff { secretariat: ground.coordinator(server, PROGRAMME).await, countries };
    let mut twins = Twins::cross(path::Ground::Running, PROGRAMME, staff, "bench", |_| ()).await;
    twins.pair_up().await;
    twins.begin_work().await;
    twins
}

async fn messages(ground: &Ground, server: &Server, twins: &Twins<'_>) {
    let [one, other] = &twins.classes;
    let watch = format!("/{PROGRAMME}{}", twins.path("/messages:watch"));
    let mut seen = Http::new(server.address()).events(&watch, other.class.token()).await;
    let commits = Commits::new(ground).await;
    let (mut ours, mut theirs, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        theirs.push(commits.one(number).await);
        let said = format!("What did you find on your beach? This is question {number}.");
        let note = json!({ "text": said, "language": "en" });
        let begun = Instant::now();
        // nobody waits for the answer to see the message
        let (answer, event) = tokio::join!(
            async { (one.tutor.post(&twins.path("/messages"), note).await.ok(), begun.elapsed()).1 },
            async { (seen.next().await.expect("a message"), begun.elapsed()) },
        );
        assert_eq!(event.0["text"], said.as_str());
        answered.push(answer);
        ours.push(event.1);
    }
    let (ours, theirs, answered) = (Sorted::new(ours), Sorted::new(theirs), Sorted::new(answered));
    let commit = "one durable commit";
    report::ratio("a message until the twin sees it, p50", "ms", (ours.at(50), "ours"), (theirs.at(50), commit));
    report::ratio("a message until the twin sees it, p99", "ms", (ours.at(99), "ours"), (theirs.at(99), commit));
    report::ratio("a message until it is answered, p50", "ms", (answered.at(50), "ours"), (theirs.at(50), commit));
    report::aim("a message until the twin sees it, p99", "commits", ours.at(99) / theirs.at(99), AIM);
}

/// What the engine does by itself: one row, durable, in a file beside those of the system, opened as it opens them.
struct Commits(DatabaseConnection);

impl Commits {
    async fn new(ground: &Ground) -> Self {
        let url = format!("sqlite://{}?mode=rwc", ground.data().join("commits.db").display());
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let database = sea_orm::Database::connect(options).await.expect("a file");
        for sql in [
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE note (id integer PRIMARY KEY, text text NOT NULL)",
        ] {
            database.execute_unprepared(sql).await.expect("SQL");
        }
        Self(database)
    }

    async fn one(&self, number: usize) -> Duration {
        let begun = Instant::now();
        let transaction = self.0.begin().await.expect("a transaction");
        let sql = format!("INSERT INTO note VALUES ({number}, 'What did you find on your beach?')");
        transaction.execute_unprepared(&sql).await.expect("a row");
        transaction.commit().await.expect("a commit");
        begun.elapsed()
    }
}

/// Makes thousands of pairs like one, of several countries, in every state, of two tracks.
async fn fill(ground: &Ground, like: &str) {
    const HOMES: [[&str; 2]; 5] = [["es", "gr"], ["gr", "it"], ["hr", "it"], ["it", "si"], ["hr", "si"]];
    const STATES: [&str; 8] =
        ["proposed", "accepted", "approved", "active", "suspended", "completed", "declined", "dissolved"];
    let bytes = |id: Uuid| format!("X'{}'", id.simple());
    let (like, track) = (bytes(like.parse().expect("an id")), bytes(Uuid::now_v7()));
    let database = Engine::Sqlite(ground.data()).connect(PROGRAMME, "lessons").await;
    let transaction = database.begin().await.expect("a transaction");
    let mut sql =
        vec![format!("INSERT INTO track SELECT {track}, edition_id, position + 1, 'second', rules FROM track LIMIT 1")];
    for number in 0..PAIRS {
        let (id, state) = (bytes(Uuid::now_v7()), STATES[number % STATES.len()]);
        let suspended_by = if state == "suspended" { "secretariat" } else { "" };
        // each state is in both tracks
        let track = if (number / STATES.len()).is_multiple_of(2) { "track_id" } else { &track };
        sql.push(format!(
            "INSERT INTO pair (id, version, track_id, proposed_by, matched, state, state_since, reason, project, project_at, \
             suspended_by, created_at) \
             SELECT {id}, version, {track}, proposed_by, matched, '{state}', state_since, '', project, project_at, \
             '{suspended_by}', created_at \
             FROM pair WHERE id = {like}"
        ));
        for (position, home) in HOMES[number % HOMES.len()].iter().enumerate() {
            let team = bytes(Uuid::now_v7());
            sql.push(format!(
                "INSERT INTO pair_side (pair_id, position, home, team_id, team_name, school_name, territory, offer_id, accepted_at, \
                 approved_at, partner, agreed_at, has_signed, is_engaged) \
                 SELECT {id}, position, '{home}', {team}, team_name, school_name, territory, offer_id, accepted_at, \
                 approved_at, partner, agreed_at, false, false FROM pair_side WHERE pair_id = {like} AND position = {position}"
            ));
        }
    }
    for statement in sql {
        transaction.execute_unprepared(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    transaction.commit().await.expect("a commit");
    database.close().await.expect("an open database");
}

async fn pages(twins: &Twins<'_>) {
    let mut alone = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        twins.secretariat.get(&twins.path("")).await.ok();
        alone.push(begun.elapsed());
    }
    let alone = Sorted::new(alone);
    let track = text(&twins.pair["trackId"]);
    let (secretariat, central) = (&twins.secretariat, &twins.classes[0].central);
    let ways: [(&str, &Caller, String); 6] = [
        ("a page of 50 pairs", secretariat, String::new()),
        ("of one state", secretariat, "&state=PAIR_STATE_ACTIVE".to_owned()),
        ("of one country", secretariat, "&home=hr".to_owned()),
        ("of one track", secretariat, format!("&trackId={track}")),
        ("of all three", secretariat, format!("&state=PAIR_STATE_ACTIVE&home=hr&trackId={track}")),
        ("of a central team's own", central, String::new()),
    ];
    for (what, reader, query) in ways {
        let (pages, pairs) = walk(reader, &query).await;
        let what = format!("{what}, of {pairs}");
        let one = "one pair";
        report::ratio(&format!("{what}: p50"), "ms", (pages.at(50), "ours"), (alone.at(50), one));
        report::aim(&format!("{what}: p50"), one, pages.at(50) / alone.at(50), PAGE);
        report::ratio(&format!("{what}: p99"), "ms", (pages.at(99), "ours"), (alone.at(50), one));
    }
}

/// Reads every page of a list, three times. Gives how long each took, and how many pairs there were.
async fn walk(reader: &Caller, query: &str) -> (Sorted, usize) {
    let (mut took, mut pairs) = (Vec::new(), 0);
    for _ in 0..3 {
        let mut token = String::new();
        pairs = 0;
        loop {
            let begun = Instant::now();
            let page = reader.get(&format!("/v1/pairs?pageSize=50&pageToken={token}{query}")).await;
            took.push(begun.elapsed());
            let page = page.ok();
            pairs += page["pairs"].as_array().map_or(0, Vec::len);
            token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
            if page["nextPageToken"] == Value::Null {
                break;
            }
        }
    }
    (Sorted::new(took), pairs)
}

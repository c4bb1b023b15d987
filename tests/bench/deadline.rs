//! Deadline night on PostgreSQL: the classes of a country submit their reports of one lesson through the gateway, each with a token of
//! its own. First as many at once as the system takes: how many are acknowledged in a second, beside single rows inserted by
//! `pgbench` from as many connections on the same server. Then at their own pace in the last minute before the deadline and the
//! seconds after it, whether the ones before were answered or not: how long each waits, counted from when it wanted to begin.
//!
//! Afterwards everything is counted: what was acknowledged is there, once; each answer was for who asked; and each verdict is what
//! the clock says. One in ten sends its request twice at the same moment, as a browser does whose user clicks again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use platform::token::{Claims, Signer};
use proto::options::v1::Role;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tests::{
    Caller, Http,
    path::{Ground as Running, Path as Walk, text},
    scene::PASSWORD,
    server::Server,
};
use uuid::Uuid;

use crate::{
    class::Country,
    ground::Ground,
    pgbench,
    report::{self, Sorted},
    server,
};

/// So many classes are in the last minute, and as many again in the flood before it.
const CLASSES: usize = 5_000;
/// The last minute, and the part of the classes that comes after it.
const WINDOW: Duration = Duration::from_secs(60);
const LATE: f64 = 0.05;
/// How many are under way at any time in the flood.
const AT_ONCE: usize = 64;
const INSERTS_SECONDS: u64 = 5;
/// What is aimed at: so many rows of pgbench for a submission.
const AIM: f64 = 6.0;

/// Measures and prints: one country, then five.
pub async fn measure(postgres: &str, programs: &Path) {
    pgbench::prepare(postgres, programs);
    for (name, countries) in [("one", &["it"][..]), ("five", &["it", "hr", "es", "gr", "si"])] {
        night(postgres, programs, name, countries).await;
    }
}

async fn night(postgres: &str, programs: &Path, name: &str, countries: &[&str]) {
    let ground = Ground::postgres(postgres, &format!("night_{name}"));
    let server = Server::start(ground.demo());
    let share = CLASSES / countries.len();
    let places = join_all(countries.iter().map(|country| Place::fill(&ground, &server, country, share * 2))).await;
    server::rest(&server).await;
    let mut classes: Vec<_> =
        (0..share * 2).flat_map(|number| places.iter().map(move |place| &place.classes[number])).collect();
    let minute = classes.split_off(classes.len() / 2);
    let of = |what: &str| {
        format!("{what}, {} of {} {name}", CLASSES, if countries.len() == 1 { "country" } else { "countries" })
    };

    let before = pgbench::inserts(postgres, programs, AT_ONCE, INSERTS_SECONDS);
    let flood = flood(&classes).await;
    let after = pgbench::inserts(postgres, programs, AT_ONCE, INSERTS_SECONDS);
    let (ours, theirs) =
        (classes.len() as f64 / flood.as_secs_f64(), f64::midpoint(before.per_second, after.per_second));
    report::ratio(&of("reports acknowledged in a flood"), "/s", (ours, "SubmitReport"), (theirs, "rows of pgbench"));
    report::aim(&of("a report in the flood"), "rows of pgbench", theirs / ours, AIM);

    let deadline = Timestamp::now() + WINDOW;
    join_all(places.iter().map(|place| place.set_deadline(deadline))).await;
    let took = last_minute(&minute, deadline).await;
    let row = before.latency_ms.midpoint(after.latency_ms);
    report::ratio(&of("a report in the last minute, p50"), "ms", (took.at(50), "ours"), (row, "a row of pgbench"));
    report::ratio(&of("a report in the last minute, p99"), "ms", (took.at(99), "ours"), (row, "a row of pgbench"));

    server::rest(&server).await;
    for place in &places {
        place.check(deadline).await;
    }
    report::note(&of("lost, doubled, answered to another, misjudged"), "none");
    let log = server.stop();
    assert!(!log.contains("ERROR"), "{log}");
}

/// A country whose classes all have a report to submit.
struct Place {
    classes: Vec<Class>,
    lessons: DatabaseConnection,
}

/// A class with a report of lesson 1, all filled in.
struct Class {
    caller: Caller,
    id: String,
    etag: Value,
}

impl Place {
    /// One class comes by the way all classes come and fills in its report; the others are rows like its own.
    async fn fill(ground: &Ground, server: &Server, tenant: &str, number: usize) -> Self {
        let country = Country::open(ground, server, tenant).await;
        let teachers = country.teachers(1).await;
        let (id, code) = country.team_and_code(&teachers[0]).await;
        let anybody = Caller::anybody(Http::new(server.address()), tenant);
        let team = anybody.sign_in(&code, PASSWORD).await;
        let walk = Walk::new(Running::Running, country.coordinator().clone(), ground.mailbox(tenant), "night", |_| ());
        let seen = team.get(&format!("/v1/teams/{id}")).await.ok();
        let form = team.get(&format!("/v1/tracks/{}/lessons/1/form", text(&seen["trackId"]))).await.ok();
        let values = walk.fill(&team, &id, &form).await;
        let path = format!("/v1/teams/{id}/lessons/1/report");
        let draft = team.patch(&path, json!({ "values": values })).await.ok();

        let ids: Vec<_> = (0..number).map(|_| Uuid::now_v7().to_string()).collect();
        let (identity, lessons) =
            (ground.engine().connect(tenant, "identity").await, ground.engine().connect(tenant, "lessons").await);
        copy_teams(&identity, &id, &ids).await;
        copy_reports(&lessons, &id, &ids).await;
        identity.close().await.expect("an open database");
        let signer = Signer::load_or_create(&ground.data().join("keys"), None).expect("the key of the tokens");
        let class = |id: String| {
            let caller = anybody.with_token(token(&signer, tenant, &id));
            Class { caller, id, etag: draft["etag"].clone() }
        };
        Self { classes: ids.into_iter().map(class).collect(), lessons }
    }

    async fn set_deadline(&self, deadline: Timestamp) {
        let at = deadline.as_microsecond();
        let sql = format!(
            "UPDATE calendar_item SET starts_at = {at} WHERE kind = 'report_deadline' AND lesson = 1 AND is_current"
        );
        assert!(self.lessons.execute_unprepared(&sql).await.expect("a deadline").rows_affected() > 0);
    }

    /// Every class has submitted once, and was judged by the clock: those of the flood by the deadline of before.
    async fn check(&self, deadline: Timestamp) {
        let count = async |sql: &str| -> i64 {
            let query = Statement::from_string(self.lessons.get_database_backend(), sql);
            self.lessons.query_one_raw(query).await.expect("SQL").expect("a row").try_get_by(0).expect("a number")
        };
        let classes = self.classes.len() as i64;
        assert_eq!(count("SELECT count(*) FROM submission").await, classes, "lost or doubled");
        assert_eq!(
            count("SELECT count(DISTINCT team_id) FROM submission").await,
            classes,
            "one was doubled and another lost"
        );
        assert_eq!(count("SELECT count(*) FROM report WHERE state = 'submitted'").await, classes);
        let at = deadline.as_microsecond();
        let misjudged = "SELECT count(*) FROM report WHERE state = 'submitted' AND on_time <> (received_at / 1000000 <= deadline_at / 1000000)";
        assert_eq!(count(misjudged).await, 0, "misjudged");
        let late = format!("SELECT count(*) FROM report WHERE received_at > {at}");
        let share = (classes / 2) as f64 * LATE;
        assert!(count(&late).await as f64 >= share.floor(), "some come after the deadline");
    }
}

/// What a class shows, for as long as the night is.
fn token(signer: &Signer, tenant: &str, team: &str) -> String {
    let now = Timestamp::now().as_second();
    let claims = Claims {
        iss: "koine".to_owned(),
        aud: "koine".to_owned(),
        sub: Uuid::now_v7(),
        tenant: tenant.to_owned(),
        sid: Uuid::now_v7(),
        roles: vec![Role::Team],
        mid: None,
        bound: platform::Bound::default(),
        scopes: None,
        acts_for: Some(team.parse().expect("an id")),
        home: None,
        provisional: false,
        lacks: None,
        is_half: false,
        iat: now,
        nbf: now,
        exp: now + 3600,
        jti: Uuid::now_v7(),
    };
    signer.sign(&claims).expect("a token")
}

/// A row like another one, with some columns otherwise.
struct Copy {
    table: &'static str,
    columns: Vec<String>,
}

impl Copy {
    async fn of(db: &DatabaseConnection, table: &'static str) -> Self {
        let sql = format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '{table}'"
        );
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("columns");
        Self { table, columns: rows.iter().map(|row| row.try_get_by(0).expect("a name")).collect() }
    }

    fn sql(&self, of: &str, changes: &[(&str, String)]) -> String {
        let value = |column: &String| {
            let change = changes.iter().find(|(changed, _)| column == changed);
            change.map_or_else(|| format!("\"{column}\""), |(_, value)| value.clone())
        };
        let names: Vec<_> = self.columns.iter().map(|column| format!("\"{column}\"")).collect();
        let values: Vec<_> = self.columns.iter().map(value).collect();
        format!(
            "INSERT INTO {0} ({1}) SELECT {2} FROM {0} WHERE {of};\n",
            self.table,
            names.join(", "),
            values.join(", ")
        )
    }
}

async fn copy_teams(db: &DatabaseConnection, like: &str, ids: &[String]) {
    let (application, team) = (Copy::of(db, "application").await, Copy::of(db, "team").await);
    let first = format!("id = (SELECT application_id FROM team WHERE id = '{like}')");
    for some in ids.chunks(500) {
        let mut sql = String::new();
        for id in some {
            let code = format!("'N{}'", &id.replace('-', "")[8..]);
            // the application has the id of its team: nobody asks which is whose
            sql += &application.sql(&first, &[("id", format!("'{id}'"))]);
            let changes = [("id", format!("'{id}'")), ("application_id", format!("'{id}'")), ("code", code)];
            sql += &team.sql(&format!("id = '{like}'"), &changes);
        }
        db.execute_unprepared(&sql).await.expect("teams");
    }
}

async fn copy_reports(db: &DatabaseConnection, like: &str, ids: &[String]) {
    let (report, file) = (Copy::of(db, "report").await, Copy::of(db, "file").await);
    let of = format!("team_id = '{like}'");
    let query = Statement::from_string(db.get_database_backend(), format!("SELECT id::text FROM file WHERE {of}"));
    let files: Vec<String> =
        db.query_all_raw(query).await.expect("files").iter().map(|row| row.try_get_by(0).expect("an id")).collect();
    for some in ids.chunks(500) {
        let mut sql = String::new();
        for id in some {
            let mut contents = "contents".to_owned();
            for known in &files {
                let own = Uuid::now_v7();
                contents = format!("replace({contents}, '{known}', '{own}')");
                let changes = [("id", format!("'{own}'")), ("team_id", format!("'{id}'"))];
                sql += &file.sql(&format!("id = '{known}'"), &changes);
            }
            sql +=
                &report.sql(&format!("{of} AND lesson = 1"), &[("team_id", format!("'{id}'")), ("contents", contents)]);
        }
        db.execute_unprepared(&sql).await.expect("reports");
    }
}

impl Class {
    /// Submits, and gives when it was received. Every tenth does it twice at once, and is answered the same twice.
    async fn submit(&self, number: usize) -> (Timestamp, bool) {
        let path = format!("/v1/teams/{}/lessons/1/report:submit", self.id);
        let body = json!({ "etag": self.etag, "requestId": format!("night-{}", self.id) });
        let answer = if number.is_multiple_of(10) {
            let (one, other) =
                tokio::join!(self.caller.post(&path, body.clone()), self.caller.post(&path, body.clone()));
            let (one, other) = (one.ok(), other.ok());
            assert_eq!(one, other, "one request, one answer");
            one
        } else {
            self.caller.post(&path, body).await.ok()
        };
        assert_eq!(answer["teamId"], self.id.as_str(), "the answer of another class");
        assert_eq!(answer["state"], "REPORT_STATE_SUBMITTED", "{answer}");
        let received = text(&answer["verdict"]["receivedAt"]).parse().expect("an instant");
        (received, answer["verdict"]["onTime"] == true)
    }
}

/// All of them, so many at once. Gives how long it took.
async fn flood(classes: &[&Class]) -> Duration {
    let begun = Instant::now();
    let each = stream::iter(classes.iter().enumerate());
    let submit = async |(number, class): (usize, &&Class)| {
        class.submit(number).await;
    };
    each.for_each_concurrent(AT_ONCE, submit).await;
    begun.elapsed()
}

/// Each at its own moment before the deadline, the last ones after it.
async fn last_minute(classes: &[&Class], deadline: Timestamp) -> Sorted {
    let begun = Instant::now();
    let window = Duration::try_from(deadline - Timestamp::now()).expect("a time to come");
    let pace = window.div_f64(classes.len() as f64 * (1.0 - LATE));
    let each = classes.iter().enumerate().map(async |(number, class)| {
        let at = begun + pace.mul_f64(number as f64);
        tokio::time::sleep_until(at.into()).await;
        let wanted = Timestamp::now();
        let (received, on_time) = class.submit(number).await;
        assert!(wanted <= received && received <= Timestamp::now(), "received at {received}, sent after {wanted}");
        // a deadline includes the whole of its last second
        assert_eq!(on_time, received.as_second() <= deadline.as_second(), "the verdict on a report of {received}");
        at.elapsed()
    });
    Sorted::new(join_all(each).await)
}

//! Durable submissions per second on PostgreSQL, many teachers of one country at once, against single rows inserted by `pgbench`
//! from as many connections on the same server. A submission asks lessons for the rules of the track, reads the application and
//! what proves it, writes its next version, and adds to the audit log, whose end the submissions of a country wait for in turn.

use std::{path::Path, time::Duration};

use futures::future::join_all;
use tests::server::Server;

use crate::{class::Country, ground::Ground, load::drive, pgbench, report, server};

const TEACHERS: usize = 64;
const AT_ONCE: usize = 16;
const ROUNDS: usize = 6;
const INSERTS_SECONDS: u64 = 3;

/// Measures and prints.
pub async fn measure(postgres: &str, programs: &Path) {
    pgbench::prepare(postgres, programs);
    let ground = Ground::postgres(postgres, "bench");
    let server = Server::start(ground.demo());
    let country = Country::open(&ground, &server, "it").await;
    let teachers = country.teachers(TEACHERS).await;
    server::rest(&server).await;

    let before = pgbench::inserts(postgres, programs, AT_ONCE, INSERTS_SECONDS);
    let mut took = Duration::ZERO;
    for _ in 0..ROUNDS {
        let begun = join_all(teachers.iter().map(|teacher| country.begin(teacher))).await;
        took += drive(TEACHERS, AT_ONCE, |number| {
            let (teacher, begun) = (&teachers[number], &begun[number]);
            async move { drop(teacher.submit(begun).await) }
        })
        .await;
        // one application of a teacher counts; what is taken back does not
        join_all(teachers.iter().zip(&begun).map(|(teacher, begun)| teacher.withdraw(begun))).await;
        server::rest(&server).await;
    }
    let after = pgbench::inserts(postgres, programs, AT_ONCE, INSERTS_SECONDS);
    let ours = (TEACHERS * ROUNDS) as f64 / took.as_secs_f64();
    let theirs = f64::midpoint(before.per_second, after.per_second);
    report::ratio("submissions on PostgreSQL", "/s", (ours, "SubmitApplication"), (theirs, "rows of pgbench"));
}

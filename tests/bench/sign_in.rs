//! Sign-ins per second against what argon2id alone does, at the same parameters on as many threads. By design nothing else may cost
//! much: what a sign-in takes is what a guess takes. Short rounds take turns, so that other work on the machine meets both.

use std::{
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use tests::{Caller, Http, server::Server};

use crate::{ground::Ground, load::drive, report};

/// The parameters and the threads of `[identity.hashing]`.
const THREADS: usize = 2;
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

const AT_ONCE: usize = 8;
const ROUNDS: usize = 9;
const CALLS: usize = 60;
const ROUND: Duration = Duration::from_millis(600);

/// Measures and prints.
pub async fn measure() {
    let ground = Ground::sqlite();
    let server = Server::start(ground.demo());
    let http = Http::new(server.address());
    let people = ground.coordinators();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(raw());
        let took = drive(CALLS, AT_ONCE, |number| {
            let (tenant, login, password) = people[number % people.len()].clone();
            let anybody = Caller::anybody(http.clone(), &tenant);
            async move { drop(anybody.sign_in(&login, &password).await) }
        });
        ours.push(CALLS as f64 / took.await.as_secs_f64());
    }
    let (ours, theirs) = (report::median(ours), report::median(theirs));
    report::ratio("sign-ins", "/s", (ours, "through the gateway, JSON"), (theirs, "argon2id on two threads"));
}

/// Hashes per second, of threads that do nothing else and keep their memory.
fn raw() -> f64 {
    let begun = Instant::now();
    let hashes: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(hash_for_a_round)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    hashes as f64 / begun.elapsed().as_secs_f64()
}

fn hash_for_a_round() -> usize {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("parameters");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (begun, mut hashes) = (Instant::now(), 0);
    while begun.elapsed() < ROUND {
        argon
            .hash_password_into_with_memory(b"a lantern", b"sixteen bytes of", &mut [0; 32], &mut memory)
            .expect("a hash");
        hashes += 1;
    }
    hashes
}

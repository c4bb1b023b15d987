//! CPU per call: `GetTeam` of a coordinator, whose answer is a row with what belongs to it.
//!
//! Each server is the program people run, kept on one core, so that its runtime has one thread; the caller is another process. What
//! a server takes is what the scheduler wrote down for its threads, SQLite's among them, and nothing of the caller's. Rounds go
//! round the servers, so that a disturbance meets all of them; of the rounds the cheapest counts, because whatever else runs on the
//! machine can only make a call dearer.

use futures::future::{BoxFuture, FutureExt};
use proto::identity::v1::{GetTeamRequest, team_service_client::TeamServiceClient};
use tests::{Caller, Http, grpc::request, server::Server};
use tonic::transport::{Channel, Endpoint};

use crate::{
    class::Country,
    ground::{Ground, echo},
    load::drive,
    report, server,
};

/// How many calls are under way at any time.
const AT_ONCE: usize = 8;
const ROUNDS: usize = 12;
const CALLS: usize = 1_500;
/// What is aimed at, as so many bare echoes of the same run: microseconds differ from machine to machine.
const SERVICE: f64 = 3.5;
const GATEWAY_GRPC: f64 = 1.0;
const GATEWAY_JSON: f64 = 1.5;

/// One way to make the call.
struct Way<'a> {
    server: &'a Server,
    call: Box<dyn Fn() -> BoxFuture<'static, ()> + 'a>,
    micros: Vec<f64>,
}

impl<'a> Way<'a> {
    fn grpc(server: &'a Server, caller: &Caller, team_id: &str) -> Self {
        let address = format!("http://{}", server.address());
        let channel: Channel = Endpoint::from_shared(address).expect("an address").connect_lazy();
        let (caller, team_id) = (caller.clone(), team_id.to_owned());
        let call = move || {
            let (mut client, caller, team_id) =
                (TeamServiceClient::new(channel.clone()), caller.clone(), team_id.clone());
            async move {
                let answer = client.get_team(request(&caller, GetTeamRequest { team_id })).await;
                assert!(!answer.expect("a team").get_ref().id.is_empty());
            }
            .boxed()
        };
        Self { server, call: Box::new(call), micros: Vec::new() }
    }

    fn json(server: &'a Server, caller: &Caller, team_id: &str) -> Self {
        let (caller, path) = (caller.clone(), format!("/v1/teams/{team_id}"));
        let call = move || {
            let (caller, path) = (caller.clone(), path.clone());
            async move {
                assert!(caller.get(&path).await.status.is_success());
            }
            .boxed()
        };
        Self { server, call: Box::new(call), micros: Vec::new() }
    }

    async fn round(&mut self) {
        let before = server::threads(self.server);
        drive(CALLS, AT_ONCE, |_| (self.call)()).await;
        self.micros.push(server::taken_since(self.server, &before).as_secs_f64() * 1e6 / CALLS as f64);
    }

    /// Microseconds of a processor per call.
    fn micros(&self) -> f64 {
        self.micros.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Measures and prints.
pub async fn measure() {
    let ground = Ground::sqlite();
    // signing in and registering is not what is measured: it may have all cores
    let server = Server::start(ground.demo());
    let country = Country::open(&ground, &server, "it").await;
    let teachers = country.teachers(1).await;
    let team_id = country.team(&teachers[0]).await;
    server::rest(&server).await;
    server.stop();

    let broker = ground.broker();
    let [koine, identity, echo] = [ground.koine(), ground.identity(&broker), echo()].map(|it| server::on_one_core(&it));
    let caller = country.coordinator().at(&Http::new(koine.address()));
    let mut ways = [
        Way::grpc(&echo, &caller, &team_id),
        Way::grpc(&identity, &caller, &team_id),
        Way::grpc(&koine, &caller, &team_id),
        Way::json(&koine, &caller, &team_id),
    ];
    for _ in 0..ROUNDS {
        for way in &mut ways {
            way.round().await;
        }
    }
    let [echo, service, grpc, json] = ways.map(|way| way.micros());
    let unit = "µs CPU";
    report::ratio("GetTeam: gateway + service + SQLite, gRPC", unit, (grpc, "ours"), (echo, "bare tonic echo"));
    report::ratio("GetTeam through the gateway: JSON", unit, (json, "JSON over HTTP/1.1"), (grpc, "gRPC"));
    let echoes = |micros: f64| micros / echo;
    report::aim("GetTeam: service + SQLite alone, gRPC", "echoes", echoes(service), SERVICE);
    report::aim("gateway above the service, gRPC", "echoes", echoes(grpc - service), GATEWAY_GRPC);
    report::aim("gateway above the service, JSON", "echoes", echoes(json - service), GATEWAY_JSON);
}

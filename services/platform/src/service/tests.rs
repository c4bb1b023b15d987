//! Processes with small services: one that returns who calls it, and one that asks the other.

mod doors;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use proto::{
    identity::v1::{
        ExchangeTokenRequest, ExchangeTokenResponse, GetMembershipRequest, GetTenantRequest, ListCrossingsRequest,
        ListCrossingsResponse, ListMembersRequest, ListMembersResponse, ListTenantsRequest, ListTenantsResponse,
        Membership, Tenant,
        membership_service_server::{MembershipService, MembershipServiceServer},
        tenant_service_client::TenantServiceClient,
        tenant_service_server::{TenantService, TenantServiceServer},
    },
    options::v1::Role,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use tonic::{Request, Response, Status, service::Routes, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;
use uuid::Uuid;

use super::*;
use crate::{
    Ctx, Error, TenantId, border,
    client::{Gathering, peer_error},
    error::{Reason, Shared},
    event::Handlers,
    tls::{Tls, testing::Authority},
    token::{Claims, of_teacher},
};

/// Returns what it knows of its caller, or what the service that it asks knows.
struct Mirror(Host);

#[tonic::async_trait]
impl TenantService for Mirror {
    async fn get_tenant(&self, mut request: Request<GetTenantRequest>) -> Result<Response<Tenant>, Status> {
        let ctx: Ctx = request.extensions_mut().remove().ok_or_else(|| Error::internal("no context"))?;
        if self.0.name == "front" {
            let mut back = TenantServiceClient::new(self.0.peers.call("back", &ctx)?);
            return back.get_tenant(GetTenantRequest {}).await.map_err(|status| peer_error(status).into());
        }
        // the value of the check reaches the method, which need not ask again
        let knows =
            ctx.said::<Membership>().is_some_and(|said| Some(said.home.as_str()) == ctx.home().map(TenantId::as_str));
        if self.0.name == "other" && !knows {
            return Err(Error::internal("nobody said who this is").into());
        }
        let zone = if ctx.deadline().is_some() { "deadline" } else { "no deadline" };
        Ok(Response::new(Tenant {
            id: ctx.tenant().id().to_string(),
            name: ctx.actor(),
            zone: zone.to_owned(),
            ..Tenant::default()
        }))
    }

    async fn list_tenants(&self, _: Request<ListTenantsRequest>) -> Result<Response<ListTenantsResponse>, Status> {
        BEGUN.notify_one();
        GO_ON.notified().await;
        Ok(Response::new(ListTenantsResponse::default()))
    }
}

/// The call that waits, for the test of the orderly end.
static BEGUN: LazyLock<Notify> = LazyLock::new(Notify::new);
static GO_ON: LazyLock<Notify> = LazyLock::new(Notify::new);

fn mirror(host: &Host) -> Result<Routes> {
    Ok(Routes::new(TenantServiceServer::new(Mirror(host.clone()))))
}

/// A broker that cannot be reached, for services that receive facts from others.
const ELSEWHERE: &str = "[events]\nnats = \"nats://127.0.0.1:9\"\n";

/// Handlers for the facts that identity handles, which do nothing.
fn handlers(_: &Host) -> Result<Handlers> {
    Ok(Handlers::whole("identity"))
}

/// The tables of every service.
const SCHEMA: Schema = |_, database| async move { migrations::up("identity", &database).await }.boxed();

fn back() -> Service {
    Service::new("back").routes(mirror).schema(SCHEMA).signs_tokens()
}

fn front() -> Service {
    Service::new("front").routes(mirror).schema(SCHEMA)
}

/// Settings with a new folder, one tenant, and a free port.
fn config(folder: &Path, more: &str) -> Config {
    let tenants = folder.join("tenants");
    fs::create_dir_all(&tenants).unwrap();
    let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
    fs::write(tenants.join("it.toml"), head).unwrap();
    let text = format!(
        "[process]\naddress = \"127.0.0.1:0\"\ndata = {folder:?}\n[tenants]\ndir = {tenants:?}\n\
         [store]\nurl = \"sqlite:{}\"\n{more}",
        folder.display()
    );
    Config::parse(&text, Vec::new()).unwrap()
}

fn clock() -> Clock {
    Clock::held("2026-03-02T10:00:00Z".parse().unwrap())
}

async fn start(services: Vec<Service>) -> (Process, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(config(folder.path(), ""), clock(), services).await.unwrap();
    (process, folder)
}

fn asked(headers: &[(&'static str, &str)]) -> Request<GetTenantRequest> {
    let mut request = Request::new(GetTenantRequest {});
    for (name, value) in headers {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request
}

fn bearer(folder: &Path) -> String {
    bearer_of(folder, |_| ())
}

fn bearer_of(folder: &Path, change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = of_teacher(&clock());
    change(&mut claims);
    let signer = Signer::load_or_create(&folder.join("keys"), None).unwrap();
    format!("Bearer {}", signer.sign(&claims).unwrap())
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn services_of_one_process_call_each_other_for_their_caller() {
    let (process, folder) = start(vec![front(), back()]).await;
    let mut client = TenantServiceClient::new(process.peers().channel("front").unwrap());
    let token = bearer(folder.path());
    let request = asked(&[("koine-tenant", "it"), ("authorization", &token), ("grpc-timeout", "9S")]);
    let answer = client.get_tenant(request).await.unwrap().into_inner();
    assert_eq!((answer.id.as_str(), answer.zone.as_str()), ("it", "deadline"));
    assert_eq!(answer.name, format!("account {}", Uuid::from_u128(1)));
    let refused = client.get_tenant(asked(&[("koine-tenant", "nowhere")])).await.unwrap_err();
    assert_eq!(reason(&refused), "TENANT_UNKNOWN");
    drop(client);
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_file_is_added_is_there_without_a_restart() {
    let (process, folder) = start(vec![Service::new("pages").router(|host| Ok(host.probes()))]).await;
    let text = fs::read_to_string(folder.path().join("tenants/it.toml")).unwrap();
    fs::write(folder.path().join("tenants/hr.toml"), text).unwrap();
    assert!(process.tenants().get("hr").is_err());
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    assert!(process.tenants().get("hr").is_ok());
    process.stop().await;
}

#[tokio::test]
async fn a_process_says_that_it_is_well_and_leaves_nothing_behind() {
    let (process, _folder) = start(vec![back()]).await;
    let address = process.listen().await.unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let well = health.check(HealthCheckRequest { service: "back".to_owned() }).await.unwrap();
    assert_eq!(well.into_inner().status(), tonic_health::ServingStatus::Serving.into());
    let (edge, tasks) = (process.edge.clone(), process.tasks.clone());
    drop(health);
    process.stop().await;
    assert_eq!((edge.live(), tasks.live()), (vec![], vec![]));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_process_ends() {
    let (process, _folder) = start(vec![back()]).await;
    let address = process.listen().await.unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = TenantServiceClient::new(channel);
    let call = client.list_tenants(ListTenantsRequest {});
    let end = async {
        BEGUN.notified().await;
        let mut stop = Box::pin(process.stop());
        assert!(stop.as_mut().now_or_never().is_none(), "it waits for the call");
        GO_ON.notify_one();
        stop.await;
    };
    let (answer, ()) = tokio::join!(call, end);
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn only_who_has_a_certificate_is_let_in_from_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let mut settings = config(folder.path(), "");
    settings.tls = Some(authority.issue(&folder.path().join("back"), "localhost"));
    let process = Process::start(settings, clock(), vec![back()]).await.unwrap();
    let address = process.listen().await.unwrap();

    let tls = Tls::load(&authority.issue(&folder.path().join("front"), "front")).unwrap();
    let ask = async |url: String, tls: Option<&Tls>| {
        let mut gathering = Gathering::new(clock());
        gathering.there("back", &url, tls).unwrap();
        let mut client = TenantServiceClient::new(gathering.peers().channel("back").unwrap());
        client.get_tenant(asked(&[("koine-tenant", "it")])).await
    };
    let answer = ask(format!("https://localhost:{}", address.port()), Some(&tls)).await.unwrap();
    assert_eq!(answer.into_inner().name, "anonymous");
    let refused = ask(format!("http://{address}"), None).await.unwrap_err();
    assert!(peer_error(refused).is(Shared::Unreachable));
    process.stop().await;
}

#[tokio::test]
async fn without_certificates_only_this_machine_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path(), "");
    settings.process.address = SocketAddr::from(([0, 0, 0, 0], 0));
    let process = Process::start(settings, clock(), vec![back()]).await.unwrap();
    let error = process.listen().await.unwrap_err();
    assert!(format!("{error:?}").contains("[tls]"), "{error:?}");
    process.stop().await;
}

#[tokio::test]
async fn a_peer_is_called_over_the_network_only_with_certificates() {
    let mut gathering = Gathering::new(clock());
    for (url, fault) in [
        ("https://lessons:7400", "needs the section [tls]"),
        ("http://lessons:7400", "use `https://`"),
        ("lessons", "peers.lessons: "),
        ("ftp://lessons", "begins with `https://`"),
    ] {
        let error = gathering.there("lessons", url, None).unwrap_err();
        assert!(format!("{error:?}").contains(fault), "{url}: {error:?}");
    }
    assert!(gathering.there("lessons", "http://127.0.0.1:7400", None).is_ok());
    assert!(gathering.there("lessons", "http://[::1]:7400", None).is_ok());
}

#[tokio::test]
async fn a_service_that_knows_no_issuer_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let error = Process::start(config(folder.path(), ""), clock(), vec![front()]).await.err().unwrap();
    assert!(format!("{error:?}").contains("peers.identity"), "{error:?}");
}

#[tokio::test]
async fn a_service_that_lets_visitors_in_and_has_nobody_to_ask_about_them_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let identity = || Service::new("identity").routes(mirror).handlers(handlers).signs_tokens();
    let error = Process::start(config(folder.path(), ELSEWHERE), clock(), vec![identity()]).await.err().unwrap();
    assert!(format!("{error:?}").contains("identity: lets visitors in"), "{error:?}");
    let asked = identity().rechecks(|_| Ok(Recheck::new(|_| std::future::ready(Ok(())))));
    Process::start(config(folder.path(), ELSEWHERE), clock(), vec![asked]).await.unwrap().stop().await;
}

/// Services in a programme of two countries, and the authorization header of a visitor.
async fn visited(services: Vec<Service>, more: &str) -> (Process, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = config(folder.path(), more);
    let text = fs::read_to_string(folder.path().join("tenants/it.toml")).unwrap();
    let programme = format!("{}countries = [\"it\", \"hr\"]\n", text.replace("country", "programme"));
    fs::write(folder.path().join("tenants/it-hr.toml"), programme).unwrap();
    let process = Process::start(settings, clock(), services).await.unwrap();
    let token = bearer_of(folder.path(), |claims| {
        (claims.tenant, claims.home) = ("it-hr".to_owned(), Some("it".parse().unwrap()));
        claims.roles = vec![Role::TwinTeacher];
    });
    (process, folder, token)
}

/// Who a visitor is to a service, or the reason of the refusal.
async fn visit(process: &Process, service: &str, token: &str) -> String {
    let mut client = TenantServiceClient::new(process.peers().channel(service).unwrap());
    let answer = client.get_tenant(asked(&[("koine-tenant", "it-hr"), ("authorization", token)])).await;
    answer.map_or_else(|status| reason(&status), |answer| answer.into_inner().name)
}

/// The service that knows who may visit: everybody, until the test changes it.
struct Memberships;

static ENDED: AtomicBool = AtomicBool::new(false);
/// How often others asked it.
static ASKED: AtomicUsize = AtomicUsize::new(0);

#[tonic::async_trait]
impl MembershipService for Memberships {
    async fn exchange_token(
        &self,
        _: Request<ExchangeTokenRequest>,
    ) -> Result<Response<ExchangeTokenResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn get_membership(&self, _: Request<GetMembershipRequest>) -> Result<Response<Membership>, Status> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(Membership { home: "it".to_owned(), ..Membership::default() }))
    }

    async fn list_members(&self, _: Request<ListMembersRequest>) -> Result<Response<ListMembersResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn list_crossings(
        &self,
        _: Request<ListCrossingsRequest>,
    ) -> Result<Response<ListCrossingsResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

fn identity() -> Service {
    let routes = |host: &Host| Ok(mirror(host)?.add_service(MembershipServiceServer::new(Memberships)));
    Service::new("identity").routes(routes).handlers(handlers).signs_tokens().rechecks(|_| {
        Ok(Recheck::new(|ctx: Ctx| async move {
            assert_eq!(ctx.home().map(TenantId::as_str), Some("it"));
            if ENDED.load(Ordering::SeqCst) { Err(border::ended()) } else { Ok(()) }
        }))
    })
}

#[tokio::test]
async fn before_every_call_of_a_visitor_each_service_asks_whether_they_may_still_be_here() {
    let (process, _folder, token) = visited(vec![identity(), Service::new("other").routes(mirror)], ELSEWHERE).await;
    let name = format!("account {} of it", Uuid::from_u128(1));
    for (service, asked) in [("identity", 0), ("other", 1), ("other", 2)] {
        assert_eq!(visit(&process, service, &token).await, name);
        assert_eq!(
            ASKED.load(Ordering::SeqCst),
            asked,
            "{service}: once before a call, and what was said travels with it"
        );
    }
    ENDED.store(true, Ordering::SeqCst);
    for service in ["identity", "other"] {
        assert_eq!(visit(&process, service, &token).await, "MEMBERSHIP_ENDED", "{service}");
    }
    process.stop().await;
}

#[tokio::test]
async fn a_visitor_is_refused_for_now_where_the_check_cannot_be_made() {
    let nowhere = "[peers]\nidentity = \"http://127.0.0.1:9\"\n";
    let (process, _folder, token) = visited(vec![back()], nowhere).await;
    assert_eq!(visit(&process, "back", &token).await, "UNREACHABLE");
    process.stop().await;
}

#[tokio::test]
async fn pages_are_served_over_http_and_know_where_their_readers_are() {
    let pages = Service::new("pages").router(|host| {
        let who = |axum::extract::ConnectInfo(from): axum::extract::ConnectInfo<SocketAddr>| async move {
            from.ip().to_string()
        };
        Ok(host.probes().route("/who", axum::routing::get(who)))
    });
    let (process, _folder) = start(vec![pages, back()]).await;
    let address = process.listen().await.unwrap();
    let get = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(get("/who").await.ends_with("127.0.0.1"));
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get("/livez").await.starts_with("HTTP/1.1 200"));
    process.readiness.set(false);
    assert!(get("/readyz").await.starts_with("HTTP/1.1 503"));
    process.stop().await;
}

#[test]
fn a_refusal_of_a_peer_is_passed_on_where_it_concerns_the_caller() {
    let passed = |error: Error| peer_error(error.into());
    let not_found = passed(Error::not_found("team"));
    let (ours, theirs) = (Status::from(not_found), Status::from(Error::not_found("team")));
    assert_eq!((ours.message(), ours.details()), (theirs.message(), theirs.details()), "the same bytes");
    assert!(passed(Shared::TokenExpired.error("over")).is(Shared::TokenExpired));
    assert!(passed(Shared::RoleMissing.error("no")).is(Shared::RoleMissing));
    assert!(passed(Error::unreachable("down")).is(Shared::Unreachable));
    assert!(passed(Shared::DeadlinePassed.error("late")).is(Shared::Unreachable));
    assert!(passed(Shared::FieldsInvalid.error("ours")).is(Shared::Internal), "we asked wrongly");
    assert!(peer_error(Status::not_found("a proxy says so")).is(Shared::Internal));
    assert!(peer_error(Status::unknown("transport error")).is(Shared::Unreachable));
}

#[tokio::test]
async fn services_that_are_still_keep_data_and_do_nothing_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let services = || vec![back(), front()];
    let still = Process::still(config(folder.path(), ""), clock(), services()).await.unwrap();
    assert!(still.live_tasks().iter().all(|task| *task == "pipes"), "{:?}", still.live_tasks());
    assert!(still.store("back").is_ok() && !still.readiness.is_ready());
    still.stop().await;
    let process = Process::start(config(folder.path(), ""), clock(), services()).await.unwrap();
    for task in ["dispatcher", "sequencer", "tenants"] {
        assert!(process.live_tasks().contains(&task), "{task}: {:?}", process.live_tasks());
    }
    process.stop().await;
}

//! One port, three protocols: the same call gives the same answer by JSON, gRPC and gRPC-Web, and so does the same refusal.

use futures::StreamExt;
use http::Method;
use prost_reflect::SerializeOptions;
use proto::{
    google::api::HttpBody,
    identity::v1::{self as identity, file_service_client::FileServiceClient},
    lessons::v1::{self as lessons, report_service_client::ReportServiceClient},
};
use serde_json::{Value, json};
use tests::{
    Answer, Caller, Scene, World,
    grpc::{call, call_web, message, method, methods, request},
    limit::wait,
    path::text,
    scene::{PDF, PICTURE},
};
use tonic::Status;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt;

/// A message as the gateway prints it.
fn printed(message: &prost_reflect::DynamicMessage) -> Value {
    let options = SerializeOptions::new();
    message.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON")
}

/// What a refusal says, in whatever protocol it came.
#[derive(Debug, PartialEq)]
struct Refusal {
    message: String,
    reason: String,
    domain: String,
    metadata: Vec<(String, String)>,
    violations: Vec<(String, String, String)>,
    retry_after_seconds: Option<u64>,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        let mut metadata: Vec<_> = info.metadata.clone().into_iter().collect();
        metadata.sort();
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        Self {
            message: status.message().to_owned(),
            reason: info.reason.clone(),
            domain: info.domain.clone(),
            metadata,
            violations: violations.into_iter().map(|one| (one.field, one.reason, one.description)).collect(),
            retry_after_seconds: delay.map(|delay| delay.as_secs() + u64::from(delay.subsec_nanos() > 0)),
        }
    }
}

impl From<&Answer> for Refusal {
    fn from(answer: &Answer) -> Self {
        let problem = answer.json();
        let mut metadata: Vec<_> = problem["metadata"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect();
        metadata.sort();
        let violations = problem["violations"].as_array().cloned().unwrap_or_default();
        let violation = |one: &Value| (text(&one["field"]), text(&one["reason"]), text(&one["description"]));
        Self {
            message: text(&problem["detail"]),
            reason: text(&problem["reason"]),
            domain: text(&problem["domain"]),
            metadata,
            violations: violations.iter().map(violation).collect(),
            retry_after_seconds: problem["retry_after_seconds"].as_u64(),
        }
    }
}

/// A call in the three protocols.
struct Thrice<'a> {
    method: &'a str,
    http: (Method, String, Value),
    message: Value,
}

impl Thrice<'_> {
    async fn answers(&self, world: &World, caller: &Caller) -> (Answer, [Result<Value, Status>; 2]) {
        let method = method(self.method);
        let (verb, path, body) = self.http.clone();
        let path = format!("/{}{path}", caller.tenant());
        let token = Some(caller.token()).filter(|token| !token.is_empty());
        let by_json = world.http().json(verb, &path, token, body).await;
        let by_grpc = call(&world.channel(), caller, &method, message(&method, &self.message)).await;
        let by_web = call_web(caller, &method, message(&method, &self.message)).await;
        (by_json, [by_grpc, by_web].map(|answer| answer.map(|message| printed(&message))))
    }
}

fn get<'a>(method: &'a str, path: impl Into<String>, message: Value) -> Thrice<'a> {
    Thrice { method, http: (Method::GET, path.into(), Value::Null), message }
}

fn post<'a>(method: &'a str, path: impl Into<String>, body: Value, message: Value) -> Thrice<'a> {
    Thrice { method, http: (Method::POST, path.into(), body), message }
}

#[tokio::test(crate = "::tests::limit")]
async fn the_same_call_gives_the_same_answer_in_every_protocol() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let track = text(&scene.track("upper_secondary")["id"]);
    let (team, edition) = (class.id.clone(), scene.edition_id());
    for call in [
        get("identity.v1.TenantService.GetTenant", "/v1/tenant", json!({})),
        get(
            "identity.v1.TerritoryService.ListTerritories",
            "/v1/territories?prefix=ITF1&pageSize=3",
            json!({ "prefix": "ITF1", "pageSize": 3 }),
        ),
        get("identity.v1.AccountService.GetAccount", "/v1/account", json!({})),
        get("identity.v1.SchoolService.ListSchools", "/v1/schools?query=liceo", json!({ "query": "liceo" })),
        get("identity.v1.TeamService.GetTeam", format!("/v1/teams/{team}"), json!({ "teamId": team })),
        get("identity.v1.TeamService.ListTeams", "/v1/teams", json!({})),
        get("identity.v1.ApplicationService.ListApplications", "/v1/applications", json!({})),
        get("lessons.v1.EditionService.GetEdition", format!("/v1/editions/{edition}"), json!({ "editionId": edition })),
        get("lessons.v1.EditionService.ListTemplates", "/v1/templates", json!({})),
        get(
            "lessons.v1.FormService.GetForm",
            format!("/v1/tracks/{track}/lessons/1/form"),
            json!({ "trackId": track, "lesson": 1 }),
        ),
        get(
            "lessons.v1.CalendarService.ListCalendarItems",
            format!("/v1/editions/{edition}/calendar"),
            json!({ "editionId": edition }),
        ),
        get(
            "lessons.v1.ReportService.GetReport",
            format!("/v1/teams/{team}/lessons/1/report"),
            json!({ "teamId": team, "lesson": 1 }),
        ),
        get(
            "lessons.v1.ReportService.ListDeliveries",
            format!("/v1/editions/{edition}/deliveries"),
            json!({ "editionId": edition }),
        ),
    ] {
        let (by_json, others) = call.answers(&world, &scene.coordinator).await;
        let by_json = by_json.ok();
        assert_ne!(by_json, json!({}), "{}", call.method);
        for other in others {
            assert_eq!(other.unwrap(), by_json, "{}", call.method);
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_refusal_arrives_whole_in_every_protocol() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let nowhere = uuid::Uuid::now_v7().to_string();
    class.team.patch(&class.report(1, ""), json!({ "values": {} })).await.ok();
    for _ in 0..5 {
        let guess = json!({ "login": "nobody@school.example", "password": "a guess" });
        world.anybody("it").post("/v1/sessions", guess).await.refused("SIGN_IN_FAILED");
    }
    let guess = json!({ "login": "nobody@school.example", "password": "a guess" });
    let form = json!({ "email": "nobody", "givenName": "A" });
    let weak = json!({ "email": "a@b.example", "givenName": "A", "surname": "B", "password": "x" });
    let submit = json!({ "etag": "7" });
    let whose = json!({ "teamId": class.id, "lesson": 1, "etag": "7" });
    for (caller, call, reason) in [
        (
            &world.anybody("it"),
            post("identity.v1.AccountService.CreateAccount", "/v1/accounts", form.clone(), form),
            "FIELDS_INVALID",
        ),
        (
            &world.anybody("it"),
            post("identity.v1.AccountService.CreateAccount", "/v1/accounts", weak.clone(), weak),
            "FIELDS_INVALID",
        ),
        (
            &world.anybody("it"),
            post("identity.v1.SessionService.SignIn", "/v1/sessions", guess.clone(), guess),
            "RATE_EXCEEDED",
        ),
        (&world.anybody("it"), get("identity.v1.TeamService.ListTeams", "/v1/teams", json!({})), "TOKEN_MISSING"),
        (
            &class.team,
            get("identity.v1.TeamService.GetTeam", format!("/v1/teams/{nowhere}"), json!({ "teamId": nowhere })),
            "NOT_FOUND",
        ),
        (
            &class.team,
            get("identity.v1.ApplicationService.ListApplications", "/v1/applications", json!({})),
            "ROLE_MISSING",
        ),
        (
            &class.team,
            post("lessons.v1.ReportService.SubmitReport", class.report(1, ":submit"), submit, whose),
            "ETAG_STALE",
        ),
        (
            &scene.coordinator,
            post(
                "lessons.v1.EditionService.CreateEdition",
                "/v1/editions",
                json!({ "template": "x" }),
                json!({ "template": "x" }),
            ),
            "FIELDS_INVALID",
        ),
        (
            &scene.coordinator,
            post(
                "lessons.v1.EditionService.CreateEdition",
                "/v1/editions",
                json!({ "template": "22-23" }),
                json!({ "template": "22-23" }),
            ),
            "EDITION_EXISTS",
        ),
    ] {
        let (by_json, others) = call.answers(&world, caller).await;
        by_json.refused(reason);
        let refusal = Refusal::from(&by_json);
        for other in others {
            assert_eq!(Refusal::from(other.unwrap_err()), refusal, "{}", call.method);
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn headers_too_large_are_refused_alike_in_every_protocol() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let account = get("identity.v1.AccountService.GetAccount", "/v1/account", json!({}));
    // some fit as they always did
    account.answers(&world, &world.anybody("it").with_token("x".repeat(8 << 10))).await.0.refused("TOKEN_INVALID");
    for size in [17 << 10, 64 << 10] {
        let (by_json, others) = account.answers(&world, &teacher.with_token("x".repeat(size))).await;
        assert_eq!(by_json.status.as_u16(), 431, "{}", by_json.text());
        assert_eq!(by_json.refused("HEADERS_TOO_LARGE")["metadata"]["limit_bytes"], (16 << 10).to_string());
        let refusal = Refusal::from(&by_json);
        for other in others {
            let status = other.unwrap_err();
            assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status:?}");
            assert_eq!(Refusal::from(status), refusal);
        }
    }
    // also such as would end at the gateway, and where there is no page
    let (bearer, cookie) = (format!("Bearer {}", teacher.token()), "x".repeat(40 << 10));
    let headers = [("authorization", bearer.as_str()), ("cookie", cookie.as_str())];
    for path in ["/it/v1/account", "/it/v1/nothing"] {
        let answer = world.http().send(Method::GET, path, &headers, "").await;
        answer.refused("HEADERS_TOO_LARGE");
        assert_eq!(answer.status.as_u16(), 431);
    }
    teacher.get("/v1/account").await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_large_number_is_a_text_in_json_so_that_no_reader_rounds_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let path = "/v1/files:upload?name=letter.pdf&purpose=FILE_PURPOSE_SUPPORT_LETTER";
    let file = class.referent.upload(path, "application/pdf", PDF).await.ok();
    assert_eq!(file["sizeBytes"], json!(PDF.len().to_string()));
    let upload = class.path("/lessons/1/files:upload?field=cover&name=cover.png");
    let picture = class.team.upload(&upload, "image/png", PICTURE).await.ok();
    assert_eq!(picture["sizeBytes"], json!(PICTURE.len().to_string()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn no_answer_of_a_tenant_is_kept_by_what_stands_between() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Serra").await;
    let file = scene.file(&teacher, "AUTHORISATION").await;
    let session = json!({ "login": teacher.login(), "password": "not this one" });
    for answer in [
        teacher.get("/v1/account").await,
        teacher.get("/v1/schools").await,
        teacher.get(&format!("/v1/files/{file}")).await,
        teacher.get(&format!("/v1/files/{file}:download")).await,
        teacher.get("/v1/teams/0190b2c4-0000-7000-8000-000000000000").await,
        teacher.get("/v1/nothing").await,
        teacher.post("/v1/sessions", session).await,
        world.anybody("it").get("/v1/account").await,
    ] {
        let kept = answer.headers.get("cache-control").map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(kept.as_deref(), Some("no-store"), "{} {}", answer.of, answer.status);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn files_and_events_flow_by_grpc_as_they_do_by_http() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let mut files = FileServiceClient::new(world.channel());
    let piece = |data: &[u8]| identity::UploadFileRequest {
        file: Some(HttpBody { data: data.to_vec().into(), ..HttpBody::default() }),
        ..identity::UploadFileRequest::default()
    };
    let first = identity::UploadFileRequest {
        name: "letter.pdf".to_owned(),
        purpose: identity::FilePurpose::SupportLetter.into(),
        ..piece(&PDF[..9])
    };
    let pieces = tokio_stream::iter([first, piece(&PDF[9..30]), piece(&PDF[30..])]);
    let file = files.upload_file(request(&class.referent, pieces)).await.unwrap().into_inner();
    assert_eq!(file.size_bytes, i64::try_from(PDF.len()).unwrap());
    let asked = identity::DownloadFileRequest { file_id: file.id.clone() };
    let answer = files.download_file(request(&class.referent, asked)).await.unwrap();
    let bytes: Vec<u8> = answer.into_inner().map(|piece| piece.unwrap().data.to_vec()).concat().await;
    assert_eq!(bytes, PDF);
    let by_http = class.referent.get(&format!("/v1/files/{}:download", file.id)).await;
    assert_eq!(by_http.body, PDF);

    let mut reports = ReportServiceClient::new(world.channel());
    let watch = lessons::WatchDeliveriesRequest { edition_id: scene.edition_id(), after: String::new() };
    let mut events = reports.watch_deliveries(request(&scene.coordinator, watch)).await.unwrap().into_inner();
    class.team.patch(&class.report(2, ""), json!({ "values": {} })).await.ok();
    let event = wait("a delivery by gRPC", events.message()).await.unwrap().unwrap();
    assert_eq!(
        (event.team_id.as_str(), event.lesson, event.state()),
        (class.id.as_str(), 2, lessons::ReportState::Draft)
    );
    drop(events);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn reflection_lists_every_service_and_knows_every_symbol() {
    let world = World::of(&["it"]).start().await;
    let mut client = ServerReflectionClient::new(world.channel());
    let ask = async |client: &mut ServerReflectionClient<_>, what: MessageRequest| {
        let asked = ServerReflectionRequest { message_request: Some(what), ..ServerReflectionRequest::default() };
        let mut answers = client.server_reflection_info(tokio_stream::once(asked)).await.unwrap().into_inner();
        let answer = wait("an answer of the reflection service", answers.message()).await;
        answer.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(listed) =
        ask(&mut client, MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list of services")
    };
    let mut listed: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    listed.sort();
    let services = proto::descriptor().services().map(|service| service.full_name().to_owned()).collect::<Vec<_>>();
    for service in
        services.iter().map(String::as_str).chain(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"])
    {
        let found = ask(&mut client, MessageRequest::FileContainingSymbol(service.to_owned())).await;
        let is_known = matches!(found, MessageResponse::FileDescriptorResponse(_));
        assert!(is_known || service.starts_with("grpc."), "{service}: {found:?}");
        assert!(listed.contains(&service.to_owned()) || service.starts_with("grpc."), "{service}: {listed:?}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn health_is_told_by_grpc_and_by_http() {
    let world = World::of(&["it"]).start().await;
    let mut health = HealthClient::new(world.channel());
    for service in ["", "koine.identity.v1.TeamService", "koine.lessons.v1.ReportService"] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(asked).await.unwrap().into_inner().status, 1, "{service}");
    }
    let unknown = HealthCheckRequest { service: "koine.nothing".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    for probe in ["/livez", "/readyz"] {
        assert_eq!(world.http().send(Method::GET, probe, &[], "").await.status.as_u16(), 200);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_method_is_in_the_openapi_document_and_every_reason_has_a_page() {
    let world = World::of(&["it"]).start().await;
    let page = async |path: &str| world.http().send(Method::GET, path, &[], "").await;
    let document = page("/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let operations: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| text(&operation["operationId"]))
        .collect();
    assert!(operations.len() >= methods().len(), "{operations:?}");
    let whole = document.to_string();
    for reference in regex::Regex::new(r##""\$ref":"#/([^"]+)""##).unwrap().captures_iter(&whole) {
        let found = document.pointer(&format!("/{}", &reference[1]));
        assert!(found.is_some(), "{} leads nowhere", &reference[1]);
    }

    let start = page("/").await;
    assert_eq!(start.headers["content-type"], "text/html; charset=utf-8");
    assert!(start.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let index = page("/problems").await.text();
    for reasons in proto::descriptor().all_enums().filter(|found| found.name() == "Reason") {
        let service = reasons.package_name().rsplit('.').nth(1).unwrap().to_owned();
        for reason in reasons.values().filter(|value| value.number() != 0) {
            let path = format!("/problems/{service}/{}", reason.name().trim_start_matches("REASON_"));
            assert!(index.contains(&format!("\"{path}\"")), "{path}");
            let explained = page(&path).await;
            assert_eq!(explained.status.as_u16(), 200, "{path}");
        }
    }
    assert_eq!(page("/problems/identity/NOTHING").await.status.as_u16(), 404);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn pages_of_the_origins_that_were_named_may_call_and_no_others() {
    let settings = "[gateway]\ncors_origins = [\"https://app.example.org\"]\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,x-grpc-web"),
        ];
        world.http().send(Method::OPTIONS, "/it/v1/sessions", &headers, "").await
    };
    let allowed = preflight("https://app.example.org").await;
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://app.example.org");
    assert!(allowed.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert!(allowed.headers["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
    assert!(!preflight("https://elsewhere.example.org").await.headers.contains_key("access-control-allow-origin"));
    let asked = [("origin", "https://app.example.org")];
    let answer = world.http().send(Method::GET, "/v1/tenants", &asked, "").await;
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap().to_owned();
    for header in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        assert!(exposed.contains(header), "{exposed}");
    }
    world.end().await;

    // unless somebody is named, nobody is
    let world = World::of(&["it"]).start().await;
    let answer = world.http().send(Method::GET, "/v1/tenants", &asked, "").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_told_of_this_machine_holds_no_names() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Papadaki").await;
    let upload = class.path("/lessons/1/files:upload?field=cover&name=papadaki.png");
    class.team.upload(&upload, "image/png", PICTURE).await.ok();
    let metrics = world.http().send(Method::GET, "/metrics", &[], "").await;
    assert_eq!(metrics.status.as_u16(), 200);
    for secret in ["Papadaki", "papadaki", "example", &class.id, &class.code, class.referent.login()] {
        assert!(!metrics.text().contains(secret), "{secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_post_that_comes_again_with_its_idempotency_key_is_done_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let track = text(&scene.track("upper_secondary")["id"]);
    let authorization = format!("Bearer {}", teacher.token());
    let create = async |keys: &[&str], body: Value| {
        let mut headers = vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        world.http().send(Method::POST, "/it/v1/applications", &headers, body.to_string()).await
    };
    let draft = json!({ "application": { "trackId": track } });
    let with_id = |id: &str| json!({ "application": { "trackId": track }, "requestId": id });
    let made = create(&["a-1"], draft.clone()).await.ok();
    assert_eq!(create(&["a-1"], draft.clone()).await.ok(), made);
    assert_eq!(create(&[], with_id("a-1")).await.ok(), made, "header and field are one key");
    assert_ne!(create(&["a-2"], draft).await.ok()["id"], made["id"]);
    for (keys, body) in [(&["a-1"][..], with_id("a-2")), (&["a-1", "a-2"], with_id(""))] {
        let answer = create(keys, body).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert_eq!(answer.violations()[0].0, "request_id");
    }
    world.end().await;
}

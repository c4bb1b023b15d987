//! Input that is wrong on purpose. Every one of these gets a reason, and nothing is half-written.
//!
//! Wrong tokens and tenants are in `access.rs`, for every method; registers in `identity/register.rs`; hours that do not exist in
//! `lessons/calendar.rs`; two at once beside what they race for.

use http::Method;
use serde_json::{Value, json};
use tests::{
    Answer, Scene, World,
    grpc::{call_raw, method, reason},
    path::text,
};

/// Signs in with a body that is just these bytes.
async fn post(world: &World, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    world.http().send(Method::POST, path, &[("content-type", "application/json")], body).await
}

const SESSIONS: &str = "/it/v1/sessions";

#[tokio::test(crate = "::tests::limit")]
async fn a_body_of_four_megabytes_and_a_byte_is_refused_before_it_is_read() {
    let world = World::of(&["it"]).start().await;
    let padded = |size: usize| {
        let mut body = json!({ "login": "ana@school.example", "password": "a guess" }).to_string();
        body.extend(std::iter::repeat_n(' ', size - body.len()));
        body
    };
    let refused = post(&world, SESSIONS, padded((4 << 20) + 1)).await;
    assert_eq!(refused.status.as_u16(), 413);
    assert_eq!(refused.refused("BODY_TOO_LARGE")["metadata"]["limit_bytes"], (4 << 20).to_string());
    post(&world, SESSIONS, padded(4 << 20)).await.refused("SIGN_IN_FAILED");

    // by gRPC the service itself says so, and also of what is no message at all
    let sign_in = method("identity.v1.SessionService.SignIn");
    let message = vec![0x0a; (4 << 20) + 1];
    let refused = call_raw(&world.channel(), &world.anybody("it"), &sign_in, message.clone()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (tonic::Code::ResourceExhausted, "BODY_TOO_LARGE"),
        "{refused:?}"
    );
    let refused = call_raw(&world.channel(), &world.anybody("it"), &sign_in, &b"\xff\xff"[..]).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (tonic::Code::InvalidArgument, "BODY_MALFORMED"),
        "{refused:?}"
    );
    // the process goes on
    post(&world, SESSIONS, padded(200)).await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_body_that_is_not_json_of_the_method_says_what_is_wrong_with_it() {
    let world = World::of(&["it"]).start().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!(r#"{{"login": {}"x"{}}}"#, r#"{"a":"#.repeat(40), "}".repeat(40));
    for (body, field) in [
        (deep.as_bytes(), None),
        (nested.as_bytes(), None),
        (b"{", None),
        (b"", Some("login")),
        (b"[]", None),
        (b"null", None),
        (b"\"text\"", None),
        (b"{\"login\": \"a\xff\", \"password\": \"b\"}", None),
        (b"\xef\xbb\xbf\xff", None),
        (b"{\"login\": 7, \"password\": \"b\"}", Some("login")),
        (b"{\"login\": [\"a\"], \"password\": \"b\"}", Some("login")),
        (b"{\"login\": \"a\", \"password\": \"b\", \"colour\": \"red\"}", Some("colour")),
        (b"{\"login\": \"a\", \"password\": \"b\"} trailing", None),
        (b"{\"login\": \"a\\u0000b\", \"password\": \"b\"}", Some("login")),
        (b"{\"login\": \"a\\ud800\", \"password\": \"b\"}", None),
    ] {
        let answer = post(&world, SESSIONS, body.to_vec()).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status.as_u16(), 400, "{shown}: {}", answer.text());
        let problem = answer.json();
        let reason = text(&problem["reason"]);
        assert!(["BODY_MALFORMED", "FIELDS_INVALID"].contains(&reason.as_str()), "{shown}: {problem}");
        if let Some(field) = field {
            assert_eq!(problem["violations"][0]["field"], field, "{shown}: {problem}");
        }
        assert!(text(&problem["detail"]).len() > 10, "{shown}: {problem}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn everything_unknown_in_a_body_is_named_at_once() {
    let world = World::of(&["it"]).start().await;
    let form = json!({ "email": "ana@school.example", "colour": "red", "password": 7, "size": { "a": 1 } });
    let answer = world.anybody("it").post("/v1/accounts", form).await;
    let problem = answer.refused("BODY_MALFORMED");
    let mut fields: Vec<_> = problem["violations"].as_array().unwrap().iter().map(|one| text(&one["field"])).collect();
    fields.sort();
    assert_eq!(fields, ["colour", "password", "size"]);
    // no number of mistakes makes an answer without end
    let many: serde_json::Map<String, Value> = (0..50_000).map(|number| (format!("k{number}"), json!(1))).collect();
    let answer = world.anybody("it").post("/v1/accounts", json!(many)).await;
    answer.refused("BODY_MALFORMED");
    assert!(answer.body.len() < 100_000, "{}", answer.body.len());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn other_media_types_and_compressed_bodies_are_refused_by_name() {
    let world = World::of(&["it"]).start().await;
    let body = json!({ "login": "ana@school.example", "password": "a guess" }).to_string();
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        &[],
    ] {
        let answer = world.http().send(Method::POST, SESSIONS, headers, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 415, "{headers:?}: {}", answer.text());
        answer.refused("BODY_MALFORMED");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn addresses_that_lead_nowhere_say_so() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let get = async |path: &str| world.http().json(Method::GET, path, Some(coordinator.token()), Value::Null).await;
    for path in [
        "/it/v1/nothing",
        "/it",
        "/nothing",
        "/it/v1/teams/",
        "/it/v2/teams",
        "//it/v1/teams",
        "/it/v1/teams:find",
        "/v1/teams",
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}: {}", answer.text());
        let reason = text(&answer.json()["reason"]);
        assert!(["ROUTE_UNKNOWN", "TENANT_UNKNOWN"].contains(&reason.as_str()), "{path}: {reason}");
    }
    for path in ["/it/v1/teams/%2e%2e/files", "/it/%2e%2e/hr/v1/teams", "/it/v1/teams/%ff", "/it/v1/teams/a%2Fb"] {
        let answer = get(path).await;
        assert!(answer.status.is_client_error() && answer.json()["reason"].is_string(), "{path}: {}", answer.text());
    }
    get("/it/v1/teams/not-an-id").await.refused("FIELDS_INVALID");
    get("/it/v1/teams/%00").await.refused("FIELDS_INVALID");
    let other = world.http().send(Method::DELETE, "/it/v1/teams", &[], "").await;
    assert_eq!((other.status.as_u16(), &other.headers["allow"]), (405, &"GET".parse().unwrap()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn everything_wrong_in_a_query_is_named_at_once() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let answer = coordinator.get("/v1/teams?pageSize=many&colour=red&territory=ITF1&territory=ITF2").await;
    let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["page_size", "colour", "territory"]);
    let answer = coordinator.get("/v1/teams?pageSize=-1&territory=itf&editionId=7").await;
    let mut fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["edition_id", "page_size", "territory"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn control_characters_are_refused_wherever_text_is_taken() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let title = json!({ "values": { "research_title": { "text": "a\u{0}b" } } });
    assert_eq!(class.team.patch(&class.report(1, ""), title).await.violations()[0].0, "values[research_title].text");
    let key = json!({ "values": { "a\u{1b}": { "text": "x" } } });
    assert_eq!(class.team.patch(&class.report(1, ""), key).await.violations()[0].0, "values");
    assert_eq!(class.team.patch(&class.path(""), json!({ "name": "a\u{7}b" })).await.violations()[0].0, "team.name");
    let found = scene.coordinator.get("/v1/schools?query=a%00b").await;
    assert_eq!(found.violations()[0].0, "query");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_name_writes_no_line_of_its_own_into_a_letter_or_a_list() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let names = |given_name: &str, surname: &str| json!({ "givenName": given_name, "surname": surname });
    let path = "/v1/account";
    let refused = teacher.patch(path, names("Ana\tB", "Kos\nE-mail: eva@school.example")).await;
    let violations = refused.violations();
    let fields: Vec<_> = violations.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["account.given_name", "account.surname"], "{}", refused.text());
    for seen_otherwise in ["Kos\u{202e}xyz", "Ko\u{200b}s", "Kos\u{2028}Eva"] {
        assert_eq!(teacher.patch(path, names("Ana", seen_otherwise)).await.violations().len(), 1, "{seen_otherwise:?}");
    }
    assert_eq!(teacher.account().await["surname"], "Kos");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_broken_tenant_file_leaves_its_tenant_as_it_was_and_the_others_untouched() {
    let world = World::of(&["it", "hr"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let whole = String::from_utf8(std::fs::read(world.folder().join("tenants/it.toml")).unwrap()).unwrap();
    for (broken, key) in [
        (whole.replace("zone = \"Europe/Rome\"", "zone = \"Europe/Roma\""), "zone"),
        (whole.replace("nuts = [\"IT\"]", "nuts = [\"XX\"]"), "identity.nuts"),
        (whole.replace("locales = ", "colour = "), "colour"),
        (whole.replace("deadline = 2022-12-20", "deadline = 2022-13-20"), ""),
        (whole.replace("extends = \"four-lessons\"", "extends = \"five-lessons\""), "lessons.templates"),
        (whole[..whole.len() / 2].to_owned(), ""),
        (String::new(), "identity"),
    ] {
        let faults = world.write_tenant("it", &broken);
        let [fault] = &faults[..] else { panic!("one file is broken: {faults:?}") };
        assert!(fault.file.ends_with("it.toml"), "{fault:?}");
        assert!(fault.faults.iter().any(|fault| fault.contains(key)), "{key}: {fault:?}");
        teacher.get("/v1/account").await.ok();
        world.anybody("hr").get("/v1/tenant").await.ok();
    }
    assert_eq!(world.write_tenant("it", &whole), []);

    // a file whose name is none, and one that was never whole
    let stranger = world.write_tenant("Not_A_Name", &whole);
    assert!(stranger[0].file.ends_with("Not_A_Name.toml"), "{stranger:?}");
    std::fs::remove_file(world.folder().join("tenants/Not_A_Name.toml")).unwrap();
    world.write_tenant("fr", "kind = \"country\"");
    world.anybody("fr").get("/v1/tenant").await.refused("TENANT_UNKNOWN");

    // a start with a broken file is a start without that tenant, and the log says why
    world.write_tenant("it", &whole.replace("zone = \"Europe/Rome\"", "zone = \"Europe/Roma\""));
    let world = world.restart().await;
    world.anybody("it").get("/v1/tenant").await.refused("TENANT_UNKNOWN");
    world.anybody("hr").get("/v1/tenant").await.ok();
    let errors = world.expected_errors();
    assert!(errors.iter().any(|line| line.contains("it.toml") && line.contains("zone")), "{errors:#?}");
    assert!(errors.iter().any(|line| line.contains("fr.toml")), "{errors:#?}");

    // mended, it is there again with all it had
    std::fs::remove_file(world.folder().join("tenants/fr.toml")).unwrap();
    assert_eq!(world.write_tenant("it", &whole), []);
    teacher.at(world.http()).again().await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_tenant_whose_file_is_taken_away_is_gone_and_its_data_are_not() {
    let world = World::of(&["it", "hr"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let file = world.folder().join("tenants/it.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(world.process().tenants().reload(), []);
    teacher.get("/v1/account").await.refused("TENANT_UNKNOWN");
    world.anybody("hr").get("/v1/tenant").await.ok();
    assert_eq!(world.write_tenant("it", &whole), []);
    teacher.get("/v1/account").await.ok();
    world.end().await;
}

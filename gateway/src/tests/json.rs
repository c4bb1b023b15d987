//! Tests of JSON over HTTP.

use super::*;

#[tokio::test]
async fn a_get_is_answered_in_proto3_json() {
    let world = World::new();
    let request = Request::get("/it/v1/teams/7").header("authorization", "Bearer x").header("x-private", "secret");
    let response = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (status, team) = read(response).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({
        "id": "7", "code": "it", "name": "203.0.113.7", "email": "Bearer x",
        "state": "TEAM_STATE_ACTIVE", "admittedAt": "2022-12-20T22:59:59Z",
    });
    assert_eq!(team, expected);
}

#[tokio::test]
async fn a_post_takes_its_fields_from_path_and_body() {
    let world = World::new();
    let (status, team) = world.json(Method::POST, "/it/v1/teams/7:addSupportTeacher", r#"{"teacherId": "9"}"#).await;
    assert_eq!((status, team), (StatusCode::OK, json!({"id": "7", "supportTeacherIds": ["9"]})));
}

#[tokio::test]
async fn a_patch_changes_what_stands_in_its_body() {
    let world = World::new();
    let (_, team) = world.json(Method::PATCH, "/it/v1/teams/7", r#"{"name": "Oloturie"}"#).await;
    assert_eq!(team, json!({"id": "7", "name": "Oloturie", "supportTeacherIds": ["name"]}));
}

#[tokio::test]
async fn the_violations_of_a_service_reach_the_caller() {
    let (status, problem) = read(World::new().get("/it/v1/teams").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(problem["type"], "/problems/identity/CALL_CLOSED");
    assert_eq!(problem["title"], "The call of the edition has closed");
    assert_eq!(problem["metadata"]["closed_at"], "2022-10-24");
    assert_eq!(problem["violations"][1]["field"], "track_id");
}

#[tokio::test]
async fn the_message_of_an_internal_error_does_not_reach_the_caller() {
    let (status, problem) = World::new().json(Method::POST, "/it/v1/teams/7:removeSupportTeacher", "{}").await;
    assert_eq!((status, &problem["reason"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("INTERNAL")));
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

#[tokio::test]
async fn a_service_that_is_away_is_unreachable_in_every_protocol() {
    let router = router(Settings::default(), &unconnected(), intake(), watch::channel(true).1).unwrap();
    let request = Request::get("/it/v1/teams/7").body(Body::empty()).unwrap();
    let (status, problem) = read(router.clone().oneshot(request).await.unwrap()).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("UNREACHABLE")));
    let request =
        Request::post("/koine.identity.v1.TeamService/GetTeam").header("content-type", "application/grpc-web+proto");
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(response.headers().contains_key("grpc-status-details-bin"));
}

#[tokio::test]
async fn the_deadline_of_the_caller_holds_also_for_json() {
    let request = Request::get("/it/v1/teams/slow").header("grpc-timeout", "5m").body(Body::empty()).unwrap();
    let (status, problem) = read(World::new().send(request).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::GATEWAY_TIMEOUT, &json!("DEADLINE_PASSED")));
}

#[tokio::test]
async fn a_tenant_in_a_header_cannot_differ_from_the_path() {
    let world = World::new();
    let asked =
        |tenant: &str| Request::get("/it/v1/teams/7").header("koine-tenant", tenant).body(Body::empty()).unwrap();
    let (status, problem) = read(world.send(asked("hr")).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::NOT_FOUND, &json!("TENANT_UNKNOWN")));
    assert_eq!(world.send(asked("it")).await.status(), StatusCode::OK);
    let twice = Request::get("/it/v1/teams/7").header("koine-tenant", "it").header("koine-tenant", "hr");
    assert_eq!(world.send(twice.body(Body::empty()).unwrap()).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_caller_cannot_set_its_own_address() {
    let request = Request::get("/it/v1/teams/7").header("koine-address", "10.0.0.1").body(Body::empty()).unwrap();
    assert_eq!(read(World::new().send(request).await).await.1["name"], "203.0.113.7");
}

#[tokio::test]
async fn the_address_of_a_caller_is_taken_from_our_proxy() {
    let asked =
        |list: &str| Request::get("/it/v1/teams/7").header("x-forwarded-for", list).body(Body::empty()).unwrap();
    let world = World::behind_a_proxy();
    assert_eq!(read(world.send(asked("10.9.9.9, 192.0.2.60")).await).await.1["name"], "192.0.2.60");
    assert_eq!(read(World::new().send(asked("192.0.2.60")).await).await.1["name"], "203.0.113.7");
}

#[tokio::test]
async fn a_body_too_large_is_refused_whether_or_not_it_says_so() {
    let world = World::new();
    let target = "/it/v1/teams/7:addSupportTeacher";
    let unread = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let announced = Request::post(target).header("content-length", "5000").header("content-type", "application/json");
    let (status, problem) = read(world.send(announced.body(unread).unwrap()).await).await;
    assert_eq!((status, &problem["metadata"]["limit_bytes"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("4096")));
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1000])));
    let (status, problem) = world.json(Method::POST, target, Body::from_stream(endless)).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("BODY_TOO_LARGE")));
}

#[tokio::test]
async fn a_body_that_cannot_be_used_gets_an_error_that_says_what_to_do() {
    let world = World::new();
    let target = "/it/v1/teams/7:addSupportTeacher";
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let (status, problem) = world.json(Method::POST, target, deep).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("BODY_MALFORMED")));
    let (_, problem) = world.json(Method::POST, target, r#"{"teacher": "9"}"#).await;
    assert_eq!(problem["violations"][0]["field"], "teacher");
    let (status, _) = world.json(Method::POST, target, &b"{\"teacherId\": \"\xff\"}"[..]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let form = Request::post(target).header("content-type", "application/x-www-form-urlencoded").body("a=b".into());
    assert_eq!(world.send(form.unwrap()).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let zipped = Request::post(target).header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(world.send(zipped.body("x".into()).unwrap()).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, _) = world.json(Method::GET, "/it/v1/teams/7", "{}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_method_is_told_which_ones_there_are() {
    let response = World::new().send(Request::delete("/it/v1/teams/7").body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, PATCH");
}

#[tokio::test]
async fn head_is_a_get_without_its_body() {
    let mut world = World::new();
    let request = Request::head("http://gateway/it/v1/teams/7").body(tonic::body::Body::empty()).unwrap();
    let response = world.channel().oneshot(request).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

//! Tests of what callers may hold, and of how long services and callers may keep each other waiting.

use std::{num::NonZeroU32, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use http_body_util::StreamBody;
use platform::error::{Reason as _, Shared};
use proto::{
    google::api::HttpBody,
    identity::v1::{UploadFileRequest, file_service_client::FileServiceClient},
    lessons::v1::{WatchDeliveriesRequest, report_service_client::ReportServiceClient},
};
use tokio::time::Instant;
use tonic::Status;

use super::*;

fn patient(seconds: u32) -> Settings {
    Settings { deadline_seconds: NonZeroU32::new(seconds).unwrap(), ..Settings::default() }
}

fn team(id: &str) -> GetTeamRequest {
    GetTeamRequest { team_id: id.to_owned() }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn callers_who_send_nothing_hold_no_stream_to_a_service() {
    let mut world = World::new();
    let channel = world.channel();
    let silence = || {
        let body = StreamBody::new(stream::pending::<Result<http_body::Frame<Bytes>, Status>>());
        Request::post("http://gateway/koine.identity.v1.TeamService/GetTeam")
            .header("content-type", "application/grpc")
            .body(tonic::body::Body::new(body))
            .unwrap()
    };
    let mut silent: Vec<_> = (0..STREAMS * 2).map(|_| Box::pin(channel.clone().oneshot(silence()))).collect();
    assert!(silent.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
    assert_eq!(TeamServiceClient::new(channel).get_team(team("7")).await.unwrap().into_inner().id, "7");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_given_up_in_every_protocol() {
    let mut world = World::with(patient(5));
    for path in ["/it/v1/teams/slow", "/it/v1/editions/slow/deliveries:watch", "/it/v1/files/slow:download"] {
        let begun = Instant::now();
        let (status, problem) = read(world.get(path).await).await;
        assert_eq!((status, &problem["reason"]), (StatusCode::GATEWAY_TIMEOUT, &json!("DEADLINE_PASSED")), "{path}");
        assert_eq!(begun.elapsed().as_secs(), 5, "{path}");
    }
    let upload = Request::post("/it/v1/files:upload?name=slow").body(vec![0; 300_000].into()).unwrap();
    let (status, problem) = read(world.send(upload).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::GATEWAY_TIMEOUT, &json!("DEADLINE_PASSED")));

    let channel = world.channel();
    let refused = TeamServiceClient::new(channel.clone()).get_team(team("slow")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::DeadlineExceeded, "DEADLINE_PASSED".to_owned()));
    let pieces = stream::iter([UploadFileRequest {
        name: "slow".into(),
        file: Some(HttpBody::default()),
        ..UploadFileRequest::default()
    }]);
    let refused = FileServiceClient::new(channel).upload_file(pieces).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::DeadlineExceeded, "DEADLINE_PASSED".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_caller_ends_a_stream_and_says_so() {
    let mut world = World::new();
    let begun = Instant::now();
    let watch = Request::get("/it/v1/editions/quiet/deliveries:watch").header("grpc-timeout", "20S");
    let text = bytes(world.send(watch.body(Body::empty()).unwrap()).await).await;
    let text = String::from_utf8(text.to_vec()).unwrap();
    let (_, error) = text.split_once("event: error\ndata: ").unwrap();
    let problem: Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!((problem["reason"].as_str(), begun.elapsed().as_secs()), (Some("DEADLINE_PASSED"), 20));

    let begun = Instant::now();
    let asked = WatchDeliveriesRequest { edition_id: "quiet".into(), after: String::new() };
    let mut asked = tonic::Request::new(asked);
    asked.metadata_mut().insert("grpc-timeout", "7S".parse().unwrap());
    let mut watch = ReportServiceClient::new(world.channel()).watch_deliveries(asked).await.unwrap().into_inner();
    let ended = watch.message().await.unwrap_err();
    assert_eq!((reason(&ended), begun.elapsed().as_secs()), ("DEADLINE_PASSED".to_owned(), 7));
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_refused_in_every_protocol() {
    let mut world = World::new();
    for path in ["/it/v1/teams/7", "/it/v1/editions/quiet/deliveries:watch", "/it/v1/files/f:download"] {
        let request = Request::get(path).header("grpc-timeout", "soon").body(Body::empty()).unwrap();
        let (status, problem) = read(world.send(request).await).await;
        assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("FIELDS_INVALID")), "{path}");
        assert_eq!(problem["violations"][0]["field"], "grpc-timeout");
    }
    let web = Request::post("/koine.identity.v1.TeamService/GetTeam").header("content-type", "application/grpc-web");
    let web = web.header("grpc-timeout", "9").body(Body::empty()).unwrap();
    assert_eq!(world.send(web).await.headers()["grpc-status"], "3");
    let mut request = tonic::Request::new(team("7"));
    request.metadata_mut().insert("grpc-timeout", "123456789S".parse().unwrap());
    let refused = TeamServiceClient::new(world.channel()).get_team(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "FIELDS_INVALID".to_owned()));
}

#[tokio::test]
async fn what_bodies_hold_is_bounded_in_every_protocol() {
    let target = "/it/v1/teams/7:addSupportTeacher";
    let body = json!({ "teacherId": "x".repeat(200) }).to_string();
    for (limits, status, said) in [
        (Limits { bytes_per_address: 100, ..Limits::default() }, StatusCode::TOO_MANY_REQUESTS, "TOO_MUCH_AT_ONCE"),
        (Limits { bytes_in_flight: 100, ..Limits::default() }, StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
    ] {
        let mut world = World::holding(&limits);
        let (answered, problem) = world.json(Method::POST, target, body.clone()).await;
        assert_eq!((answered, &problem["reason"]), (status, &json!(said)));
        assert_eq!(problem["retry_after_seconds"], 1);
        let refused = TeamServiceClient::new(world.channel()).get_team(team(&"x".repeat(200))).await.unwrap_err();
        assert_eq!(reason(&refused), said);
        assert!(refused.get_details_retry_info().unwrap().retry_delay.is_some());
        // refused requests hold nothing
        let (answered, _) = world.json(Method::POST, target, r#"{"teacherId": "9"}"#).await;
        assert_eq!(answered, StatusCode::OK);
    }
}

#[tokio::test]
async fn one_address_has_its_part_of_the_streams_and_gives_it_back() {
    let mut world = World::with(Settings { streams_per_address: 2, ..Settings::default() });
    let path = "/it/v1/editions/quiet/deliveries:watch";
    let one = world.get(path).await;
    let asked = || WatchDeliveriesRequest { edition_id: "quiet".into(), after: String::new() };
    let mut client = ReportServiceClient::new(world.channel());
    let other = client.watch_deliveries(asked()).await.unwrap();
    let (status, problem) = read(world.get(path).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::TOO_MANY_REQUESTS, &json!("TOO_MUCH_AT_ONCE")));
    assert_eq!(reason(&client.watch_deliveries(asked()).await.unwrap_err()), "TOO_MUCH_AT_ONCE");
    assert_eq!(world.get("/it/v1/teams/7").await.status(), StatusCode::OK, "a call is no stream");
    drop(one);
    assert_eq!(world.get(path).await.status(), StatusCode::OK);
    drop(other);
}

#[tokio::test]
async fn one_address_has_its_part_of_the_requests_and_another_has_its_own() {
    let settings = Settings {
        requests_per_address: 1,
        trusted_proxies: vec!["203.0.113.0/24".parse().unwrap()],
        ..Settings::default()
    };
    let mut world = World::with(settings);
    let from =
        |address: &str, path: &str| Request::get(path).header("x-forwarded-for", address).body(Body::empty()).unwrap();
    let open = world.send(from("192.0.2.1", "/it/v1/editions/quiet/deliveries:watch")).await;
    let (status, problem) = read(world.send(from("192.0.2.1", "/it/v1/teams/7")).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::TOO_MANY_REQUESTS, &json!("TOO_MUCH_AT_ONCE")));
    let mut by_grpc = tonic::Request::new(team("7"));
    by_grpc.metadata_mut().insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    let refused = TeamServiceClient::new(world.channel()).get_team(by_grpc).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "TOO_MUCH_AT_ONCE".to_owned()));
    assert_eq!(world.send(from("192.0.2.2", "/it/v1/teams/7")).await.status(), StatusCode::OK);
    drop(open);
    assert_eq!(world.send(from("192.0.2.1", "/it/v1/teams/7")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_slow_is_a_timeout_of_the_request() {
    let world = World::new();
    let slow = || {
        let fault = Status::from(Shared::BodyTooSlow.error("It did not come.").with("limit_seconds", 15));
        let begun = stream::iter([Ok(Bytes::from_static(b"{")), Err(fault)]);
        Body::from_stream(begun.boxed())
    };
    for path in ["/it/v1/teams/7:addSupportTeacher", "/it/v1/files:upload?name=x"] {
        let request = Request::post(path).header("content-type", "application/json").body(slow()).unwrap();
        let (status, problem) = read(world.send(request).await).await;
        assert_eq!((status, &problem["reason"]), (StatusCode::REQUEST_TIMEOUT, &json!("BODY_TOO_SLOW")), "{path}");
        assert_eq!(problem["metadata"]["limit_seconds"], "15");
    }
    for method in ["TeamService/GetTeam", "FileService/UploadFile"] {
        let call = Request::post(format!("/koine.identity.v1.{method}")).version(http::Version::HTTP_2);
        let call = call.header("content-type", "application/grpc");
        let answer = world.send(call.body(slow()).unwrap()).await;
        assert_eq!(reason(&Status::from_header_map(answer.headers()).unwrap()), "BODY_TOO_SLOW", "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_for_as_long_as_pieces_move() {
    let world = World::with(patient(5));
    let pieces = stream::iter(0..20).then(async |_| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece"))
    });
    let request = Request::post("/it/v1/files:upload?name=x").body(Body::from_stream(Box::pin(pieces))).unwrap();
    let (status, file) = read(world.send(request).await).await;
    assert_eq!((status, &file["sizeBytes"]), (StatusCode::OK, &json!("100")));
}

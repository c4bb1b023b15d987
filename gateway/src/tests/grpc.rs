//! Tests of gRPC and gRPC-Web, and of the methods that the gateway answers itself.

use super::*;

#[tokio::test]
async fn grpc_goes_through_with_metadata_and_details() {
    let mut world = World::new();
    let mut client = TeamServiceClient::new(world.channel());
    let mut request = tonic::Request::new(GetTeamRequest { team_id: "7".into() });
    request.metadata_mut().insert("koine-tenant", "it".parse().unwrap());
    request.metadata_mut().insert("koine-address", "10.0.0.1".parse().unwrap());
    request.metadata_mut().insert("x-private", "kept".parse().unwrap());
    let team = client.get_team(request).await.unwrap().into_inner();
    assert_eq!((team.code.as_str(), team.name.as_str(), team.school_code.as_str()), ("it", "203.0.113.7", "kept"));
    let refused = client.list_teams(ListTeamsRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, "Too late."));
    assert_eq!(refused.get_details_bad_request().unwrap().field_violations.len(), 2);
}

#[tokio::test]
async fn the_address_of_a_caller_is_taken_from_our_proxy_by_grpc_and_grpc_web() {
    let mut world = World::behind_a_proxy();
    let mut request = tonic::Request::new(GetTeamRequest { team_id: "7".into() });
    request.metadata_mut().insert("x-forwarded-for", "192.0.2.60".parse().unwrap());
    let team = TeamServiceClient::new(world.channel()).get_team(request).await.unwrap().into_inner();
    assert_eq!(team.name, "192.0.2.60");
    let team = team_of_grpc_web(&bytes(world.send(grpc_web("forwarded", "for=192.0.2.61")).await).await).0;
    assert_eq!(team.name, "192.0.2.61");
}

/// A gRPC-Web call, with one more header.
fn grpc_web(name: &str, value: &str) -> Request<Body> {
    let message = GetTeamRequest { team_id: "7".into() }.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(&message);
    Request::post("/koine.identity.v1.TeamService/GetTeam")
        .header("content-type", "application/grpc-web+proto")
        .header("accept", "application/grpc-web+proto")
        .header(name, value)
        .body(Body::from(frame.freeze()))
        .unwrap()
}

/// The message of an answer, and the bytes after it.
fn team_of_grpc_web(body: &[u8]) -> (Team, &[u8]) {
    let end = 5 + usize::try_from(u32::from_be_bytes(body[1..5].try_into().unwrap())).unwrap();
    (Team::decode(&body[5..end]).unwrap(), &body[end..])
}

#[tokio::test]
async fn an_unknown_service_is_unimplemented() {
    let mut world = World::new();
    let mut grpc = tonic::client::Grpc::new(world.channel());
    grpc.ready().await.unwrap();
    let kind = proto::descriptor().get_message_by_name("koine.identity.v1.Team").unwrap();
    let message = prost_reflect::DynamicMessage::new(kind.clone());
    let path = http::uri::PathAndQuery::from_static("/koine.nothing.v1.Service/Method");
    let refused = grpc.unary(tonic::Request::new(message), path, crate::codec::Dynamic(kind)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.get_details_error_info().unwrap().reason),
        (Code::Unimplemented, "ROUTE_UNKNOWN".into())
    );
}

#[tokio::test]
async fn grpc_web_has_its_message_and_its_trailers_in_the_body() {
    let world = World::new();
    let response = world.send(grpc_web("koine-tenant", "it")).await;
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    let body = bytes(response).await;
    let (team, trailers) = team_of_grpc_web(&body);
    assert_eq!((team.id.as_str(), team.code.as_str(), team.name.as_str()), ("7", "it", "203.0.113.7"));
    assert_eq!(trailers[0], 0x80);
    assert!(String::from_utf8_lossy(&trailers[5..]).contains("grpc-status:0"));
}

#[tokio::test]
async fn reflection_and_health_are_answered_here() {
    let mut world = World::new();
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel());
    let asked = tonic_health::pb::HealthCheckRequest::default();
    assert_eq!(health.check(asked.clone()).await.unwrap().into_inner().status, 1);
    world.switch.send(false).unwrap();
    assert_eq!(health.check(asked).await.unwrap().into_inner().status, 2);
    assert_eq!(world.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.get("/livez").await.status(), StatusCode::OK);
    let mut reflection =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(world.channel());
    let asked = tonic_reflection::pb::v1::ServerReflectionRequest {
        message_request: Some(tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
        ..Default::default()
    };
    let answer =
        reflection.server_reflection_info(tokio_stream::once(asked)).await.unwrap().into_inner().message().await;
    assert!(format!("{answer:?}").contains("koine.identity.v1.TeamService"));
}

//! Tests of events, downloads and uploads.

use tokio::io::AsyncWriteExt;

use super::{upstream::Piece, *};

#[tokio::test]
async fn a_stream_of_messages_is_a_stream_of_events() {
    let response = World::new().get("/it/v1/editions/e/deliveries:watch").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let expected = "data: {\"teamId\":\"t\",\"lesson\":1}\n\ndata: {\"teamId\":\"t\",\"lesson\":2}\n\n";
    assert_eq!(bytes(response).await, expected);
}

#[tokio::test]
async fn the_position_of_a_message_is_the_id_of_its_event_and_resumes_the_stream() {
    let world = World::new();
    let path = "/it/v1/editions/placed/deliveries:watch";
    let rest = "data: {\"lesson\":1}\n\ndata: {\"lesson\":2}\n\n";
    let asked =
        |target: &str, last: &str| Request::get(target).header("last-event-id", last).body(Body::empty()).unwrap();
    for (target, last, id) in
        [(path, "7", "after 7"), (&format!("{path}?after=8"), "7", "after 8"), (path, "", "after ")]
    {
        let response = world.send(asked(target, last)).await;
        assert_eq!(bytes(response).await, format!("id: {id}\n{rest}"), "{target} {last}");
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_has_the_status_of_the_refusal() {
    let (status, problem) = read(World::new().get("/it/v1/editions/closed/deliveries:watch").await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("CALL_CLOSED")));
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_event_that_says_why() {
    let text = bytes(World::new().get("/it/v1/editions/broken/deliveries:watch").await).await;
    let text = String::from_utf8(text.to_vec()).unwrap();
    let (_, error) = text.split_once("event: error\ndata: ").unwrap();
    let problem: Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!(problem["reason"], "CALL_CLOSED");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_begins_at_once_and_is_kept_alive() {
    let world = World::new();
    let started = tokio::time::Instant::now();
    let response = world.get("/it/v1/editions/quiet/deliveries:watch").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(started.elapsed().as_millis() < 1000);
    let frame = response.into_body().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), ":\n\n");
    assert!((15..17).contains(&started.elapsed().as_secs()));
}

#[tokio::test]
async fn a_file_comes_down_as_its_bytes_and_cannot_act_in_our_origin() {
    let world = World::new();
    let picture = world.get("/it/v1/files/f:download").await;
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert_eq!(
        picture.headers()["content-disposition"],
        "inline; filename=\"perch_.png\"; filename*=UTF-8''perch%C3%A9.png"
    );
    assert_eq!(bytes(picture).await, "whole");
    let page = world.get("/it/v1/files/page:download").await;
    assert!(page.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(page.headers()["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert_eq!(bytes(page).await, "<script></script>");
}

#[tokio::test]
async fn a_file_that_is_refused_or_breaks_is_never_a_whole_file() {
    let world = World::new();
    assert_eq!(world.get("/it/v1/files/missing:download").await.status(), StatusCode::BAD_REQUEST);
    let broken = world.get("/it/v1/files/broken:download").await;
    assert_eq!(broken.status(), StatusCode::OK);
    assert!(broken.into_body().collect().await.is_err());
}

#[tokio::test]
async fn an_upload_goes_through_in_pieces() {
    let world = World::new();
    let request = Request::post("/it/v1/files:upload?name=perch%C3%A9.png&purpose=FILE_PURPOSE_LOGO");
    let request = request.header("content-type", "image/png").body(vec![7u8; 150_000].into()).unwrap();
    let (status, file) = read(world.send(request).await).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({
        "name": "perché.png", "purpose": "FILE_PURPOSE_LOGO", "mediaType": "image/png", "sizeBytes": "150000",
    });
    assert_eq!(file, expected);
    assert_eq!(*world.upstream.pieces.borrow(), [Ok(65_536), Ok(65_536), Ok(18_928), Ok(0)]);
}

#[tokio::test]
async fn an_empty_upload_is_one_empty_piece() {
    let world = World::new();
    let (status, file) =
        read(world.send(Request::post("/it/v1/files:upload?name=x").body(Body::empty()).unwrap()).await).await;
    assert_eq!((status, file), (StatusCode::OK, json!({"name": "x", "mediaType": "application/octet-stream"})));
}

#[tokio::test]
async fn an_upload_beyond_the_limit_is_refused_and_never_finished() {
    let world = World::new();
    let announced = Request::post("/it/v1/files:upload").header("content-length", "9999999").body(Body::empty());
    assert_eq!(world.send(announced.unwrap()).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 50_000])));
    let endless = Request::post("/it/v1/files:upload").body(Body::from_stream(endless)).unwrap();
    let (status, problem) = read(world.send(endless).await).await;
    assert_eq!((status, &problem["metadata"]["limit_bytes"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("1048576")));
    assert_eq!(*world.upstream.finished.borrow(), 0);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_an_error_for_the_service_and_not_an_end() {
    let world = World::new();
    let broken = futures::stream::iter([Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))]);
    let request = Request::post("/it/v1/files:upload").body(Body::from_stream(broken)).unwrap();
    assert_eq!(world.send(request).await.status(), StatusCode::BAD_REQUEST);
    let mut seen = world.upstream.pieces.subscribe();
    assert!(matches!(seen.wait_for(|pieces| over(pieces)).await.unwrap().last(), Some(Err(_))));
    assert_eq!(*world.upstream.finished.borrow(), 0);
}

/// Whether a stream of pieces has ended or broken off.
fn over(pieces: &[Piece]) -> bool {
    matches!(pieces.last(), Some(Ok(0) | Err(_)))
}

#[tokio::test]
async fn a_caller_that_goes_away_in_an_upload_leaves_nothing_behind() {
    let mut world = World::new();
    let mut seen = world.upstream.pieces.subscribe();
    let mut connection = world.connect();
    let head = b"POST /it/v1/files:upload?name=x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100000\r\n\r\nhalf";
    connection.write_all(head).await.unwrap();
    seen.wait_for(|pieces| *pieces == [Ok(4)]).await.unwrap();
    drop(connection);
    assert!(matches!(seen.wait_for(|pieces| over(pieces)).await.unwrap().last(), Some(Err(_))));
    assert_eq!(*world.upstream.finished.borrow(), 0);
}

#[tokio::test]
async fn an_upload_the_service_refuses_early_is_not_read_to_its_end() {
    let world = World::new();
    let started = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"half"))]);
    let endless = Body::from_stream(futures::StreamExt::chain(started, futures::stream::pending()));
    let request = Request::post("/it/v1/files:upload?name=early").body(endless).unwrap();
    let (status, problem) = read(world.send(request).await).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("CALL_CLOSED")));
}

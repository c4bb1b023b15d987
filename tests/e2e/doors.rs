//! Doors that anybody could hold shut: callers who send nothing, readers who read nothing, and too much of either.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, future::join_all, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tests::{Answer, World, path::text, scene::PDF};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt;

type Body = BoxBody<Bytes, std::io::Error>;

/// Longer than anything here takes.
const AT_MOST: Duration = Duration::from_secs(60);

/// A connection of HTTP/2, whose reader takes so many bytes of each answer.
async fn line(address: SocketAddr, window: u32) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

/// Sends a request, and gives what waits for its answer.
async fn send(
    line: &mut SendRequest<Body>,
    request: Request<Body>,
) -> impl Future<Output = Response<Incoming>> + use<> {
    line.ready().await.expect("a connection");
    let answer = line.send_request(request);
    async { answer.await.expect("an answer") }
}

fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// A body that begins and does not go on.
fn half(text: &'static str) -> Body {
    let begun = stream::iter([Ok(Frame::data(Bytes::from_static(text.as_bytes())))]);
    BodyExt::boxed(StreamBody::new(SyncStream(Box::pin(begun.chain(stream::pending())))))
}

/// Only one task reads it at a time.
struct SyncStream<S>(std::pin::Pin<Box<S>>);

impl<S: futures::Stream> futures::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

fn sign_in(body: Body) -> Request<Body> {
    Request::post("http://test/it/v1/sessions")
        .header("content-type", "application/json")
        .body(body)
        .expect("a request")
}

fn sign_in_by_grpc(body: Body) -> Request<Body> {
    Request::post("http://test/koine.identity.v1.SessionService/SignIn")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("koine-tenant", "it")
        .body(body)
        .expect("a request")
}

async fn answer(of: &str, response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole answer").to_bytes();
    Answer { of: of.to_owned(), status: parts.status, headers: parts.headers, body }
}

/// What a caller is told whose body does not come, where bodies may be silent for a second.
pub async fn too_slow(world: &World) -> Answer {
    let mut line = line(world.address(), 1 << 16).await;
    let response = send(&mut line, sign_in(half("{"))).await.await;
    answer("half a body", response).await
}

#[tokio::test(crate = "::tests::limit")]
async fn callers_who_send_nothing_keep_nobody_out_and_are_sent_away() {
    let world = World::of(&["it"]).settings("[limits]\nbody_seconds = 5\n").start().await;
    let (mut by_json, mut by_grpc, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..12 {
        let mut line = line(world.address(), 1 << 16).await;
        for number in 0..95 {
            match number % 2 {
                0 => by_json.push(send(&mut line, sign_in(half("{"))).await),
                _ => by_grpc.push(send(&mut line, sign_in_by_grpc(half("\0"))).await),
            }
        }
        // what comes by the same connection is looked at after them
        let guess = json!({ "login": "nobody@school.example", "password": "a guess" }).to_string();
        let refused = send(&mut line, sign_in(whole(guess))).await.await;
        assert!([401, 429].contains(&refused.status().as_u16()), "{}", refused.status());
        lines.push(line);
    }
    world.anybody("it").get("/v1/tenant").await.ok();
    for response in join_all(by_json).await {
        let answer = answer("half a body", response).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.refused("BODY_TOO_SLOW")["code"]),
            (408, &json!("DEADLINE_EXCEEDED"))
        );
    }
    for response in join_all(by_grpc).await {
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.get_details_error_info().expect("a reason").reason, "BODY_TOO_SLOW");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_upload_that_sends_nothing_ends() {
    let world = World::of(&["it"]).settings("[limits]\nbody_seconds = 1\n").start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let upload = Request::post("http://test/it/v1/files:upload?name=x&purpose=FILE_PURPOSE_AUTHORISATION")
        .header("authorization", format!("Bearer {}", teacher.token()))
        .header("content-type", "application/pdf");
    let by_grpc = Request::post("http://test/koine.identity.v1.FileService/UploadFile")
        .header("authorization", format!("Bearer {}", teacher.token()))
        .header("content-type", "application/grpc")
        .header("koine-tenant", "it");
    let mut line = line(world.address(), 1 << 16).await;
    let upload = send(&mut line, upload.body(half("%PDF-")).expect("a request")).await;
    let by_grpc = send(&mut line, by_grpc.body(half("\0")).expect("a request")).await;
    answer("half an upload", upload.await).await.refused("BODY_TOO_SLOW");
    let status = Status::from_header_map(by_grpc.await.headers()).expect("a status");
    assert_eq!(status.get_details_error_info().expect("a reason").reason, "BODY_TOO_SLOW");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn files_that_nobody_reads_stall_no_other_answer_and_are_ended() {
    let settings = "[limits]\nreader_seconds = 5\nleast_bytes_per_second = 1000000000\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut bytes = PDF.to_vec();
    bytes.resize(8 << 20, b' ');
    let path = "/v1/files:upload?name=x&purpose=FILE_PURPOSE_AUTHORISATION";
    let file = teacher.upload(path, "application/pdf", bytes.clone()).await.ok();
    let path = format!("/v1/files/{}:download", text(&file["id"]));
    for readers in [3, 30] {
        // none of these takes a byte, over HTTP/1.1 and over HTTP/2
        let mut sockets = Vec::new();
        let mut line = line(world.address(), 0).await;
        let mut unread = Vec::new();
        for _ in 0..readers {
            let mut socket = TcpStream::connect(world.address()).await.expect("a connection");
            let head =
                format!("GET /it{path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n\r\n", teacher.token());
            socket.write_all(head.as_bytes()).await.expect("a connection");
            socket.readable().await.expect("an answer");
            sockets.push(socket);
            let request = Request::get(format!("http://test/it{path}"));
            let request = request.header("authorization", format!("Bearer {}", teacher.token()));
            let response = send(&mut line, request.body(whole("")).expect("a request")).await.await;
            assert_eq!(response.status(), 200);
            unread.push(response.into_body());
        }
        let others = async {
            teacher.get("/v1/account").await.ok();
            assert_eq!(teacher.get(&path).await.body, bytes, "another reader gets the whole file");
        };
        timeout(AT_MOST, others).await.expect("the others are answered");
        for mut body in unread {
            let frame = timeout(AT_MOST, body.frame()).await.expect("it is ended");
            assert!(frame.expect("not the end of a file").is_err(), "it is cut off and not complete");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_time_that_cannot_be_read_is_refused_by_every_service() {
    let world = World::of(&["it"]).start().await;
    for service in ["identity", "lessons"] {
        let mut grpc = tonic::client::Grpc::new(world.process().peers().channel(service).expect("a service"));
        grpc.ready().await.expect("a channel");
        let (name, method) = match service {
            "identity" => ("koine.identity.v1.GetTenantRequest", "/koine.identity.v1.TenantService/GetTenant"),
            _ => ("koine.lessons.v1.ListEditionsRequest", "/koine.lessons.v1.EditionService/ListEditions"),
        };
        let kind = proto::descriptor().get_message_by_name(name).expect("a message");
        let mut request = tonic::Request::new(prost_reflect::DynamicMessage::new(kind.clone()));
        request.metadata_mut().insert("koine-tenant", "it".parse().expect("ASCII"));
        request.metadata_mut().insert("grpc-timeout", "soon".parse().expect("ASCII"));
        let codec = tonic_prost::ProstCodec::<prost_reflect::DynamicMessage, ()>::default();
        let refused = grpc.unary(request, method.parse().expect("a path"), codec).await.expect_err("a refusal");
        assert_eq!(refused.code(), Code::InvalidArgument, "{service}: {refused:?}");
        let fields = refused.get_details_bad_request().expect("fields").field_violations;
        assert_eq!(fields[0].field, "grpc-timeout");
    }
    world.end().await;
}

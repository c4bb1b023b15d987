//! What strangers can hold with a connection, tried over real ones.

use bytes::Bytes;
use futures::{future::join_all, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{task::JoinSet, time::timeout};
use tonic::{Code, body::Body};

use super::*;

/// Longer than any step of these tests.
const AT_MOST: Duration = Duration::from_secs(60);

/// The first bytes of an HTTP/2 connection.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A process of this service with these limits, and its address.
async fn limited(service: Service, limits: &str) -> (Process, SocketAddr, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &format!("[limits]\nleast_bytes_per_second = 1000000000\n{limits}"));
    let process = Process::start(config, clock(), vec![service]).await.unwrap();
    let address = process.listen().await.unwrap();
    (process, address, folder)
}

/// Pages, one of which is a megabyte long.
fn pages() -> Service {
    Service::new("pages")
        .router(|host| Ok(host.probes().route("/long", axum::routing::get(async || Bytes::from(vec![b'x'; 1 << 20])))))
}

/// An HTTP/2 connection that runs among these tasks. Its reader takes `window` bytes of each answer.
async fn connection(address: SocketAddr, window: u32, tasks: &mut JoinSet<()>) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tasks.spawn(async move {
        // its streams see how it ends
        let _ = connection.await;
    });
    sender
}

/// A call of a unary method that anybody may call.
fn call(body: Body) -> http::Request<Body> {
    http::Request::post("http://test/koine.identity.v1.TenantService/GetTenant")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("koine-tenant", "it")
        .body(body)
        .unwrap()
}

fn get(path: &str) -> http::Request<Body> {
    http::Request::get(format!("http://test{path}")).body(Body::empty()).unwrap()
}

fn message() -> Body {
    Body::new(Full::new(Bytes::from_static(&[0; 5])))
}

fn silence() -> Body {
    Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Status>>()))
}

/// The reason of a refusal over gRPC; `OK`, where it is none.
fn outcome<B>(answer: &http::Response<B>) -> String {
    match Status::from_header_map(answer.headers()) {
        Some(status) if status.code() != Code::Ok => reason(&status),
        _ => "OK".to_owned(),
    }
}

/// Sends these bytes and reads until the other side closes the connection.
async fn closed(address: SocketAddr, begun: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(begun).await.unwrap();
    // a reset counts as closed
    let _ = timeout(AT_MOST, stream.read_to_end(&mut Vec::new())).await.expect("it is closed");
}

/// Waits until a process has no connections.
async fn no_connection_is_left(process: &Process) {
    let gone = async {
        while process.edge.live().contains(&"connection") {
            tokio::task::yield_now().await;
        }
    };
    timeout(AT_MOST, gone).await.expect("all are closed");
}

#[tokio::test]
async fn callers_who_send_nothing_keep_nobody_out_and_are_sent_away() {
    let (process, address, _folder) = limited(back(), "body_seconds = 3").await;
    let (mut tasks, mut silent, mut lines) = (JoinSet::new(), Vec::new(), Vec::new());
    for _ in 0..12 {
        let mut line = connection(address, 1 << 16, &mut tasks).await;
        for _ in 0..95 {
            line.ready().await.unwrap();
            silent.push(line.send_request(call(silence())));
        }
        // what arrives on the same connection is handled after them
        line.ready().await.unwrap();
        assert_eq!(outcome(&line.send_request(call(message())).await.unwrap()), "OK");
        lines.push(line);
    }
    for answer in join_all(silent).await {
        assert_eq!(outcome(&answer.unwrap()), "BODY_TOO_SLOW");
    }
    drop(lines);
    process.stop().await;
}

#[tokio::test]
async fn a_connection_that_does_not_ask_is_closed_however_it_begins() {
    let half_of_the_headers = [PREFACE, SETTINGS, &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]].concat();
    let settled = [PREFACE, SETTINGS].concat();
    for service in [pages(), back()] {
        let (process, address, _folder) = limited(service, "header_seconds = 1").await;
        let begun: [&[u8]; 6] = [b"", b"GET /livez HT", b"PRI * HTTP/2", PREFACE, &settled, &half_of_the_headers];
        join_all(begun.map(|begun| closed(address, begun))).await;
        no_connection_is_left(&process).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path(), "[limits]\nheader_seconds = 1\n");
    settings.tls = Some(Authority::new("ours").issue(&folder.path().join("back"), "localhost"));
    let process = Process::start(settings, clock(), vec![back()]).await.unwrap();
    let address = process.listen().await.unwrap();
    let begun: [&[u8]; 2] = [b"", &[0x16, 0x03, 0x01, 0x02, 0x00]];
    join_all(begun.map(|begun| closed(address, begun))).await;
    process.stop().await;
}

#[tokio::test]
async fn a_connection_that_asks_no_more_is_closed() {
    let (process, address, _folder) = limited(pages(), "header_seconds = 1\nidle_seconds = 1").await;
    closed(address, b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n").await;
    closed(address, b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\nGET /livez HT").await;
    let mut tasks = JoinSet::new();
    let mut line = connection(address, 1 << 16, &mut tasks).await;
    assert_eq!(line.send_request(get("/livez")).await.unwrap().status(), 200);
    timeout(AT_MOST, tasks.join_next()).await.expect("it is closed");
    no_connection_is_left(&process).await;
    process.stop().await;
}

#[tokio::test]
async fn answers_that_are_not_read_hold_up_no_others_and_are_ended() {
    for (service, path) in [(pages(), "/long"), (back(), "")] {
        let (process, address, _folder) = limited(service, "reader_seconds = 1").await;
        let (mut tasks, mut unread) = (JoinSet::new(), Vec::new());
        let mut line = connection(address, 0, &mut tasks).await;
        for _ in 0..30 {
            line.ready().await.unwrap();
            let asked = if path.is_empty() { call(message()) } else { get(path) };
            unread.push(line.send_request(asked).await.unwrap().into_body());
        }
        let mut reads = connection(address, 1 << 16, &mut tasks).await;
        let asked = if path.is_empty() { call(message()) } else { get(path) };
        assert!(reads.send_request(asked).await.unwrap().into_body().collect().await.is_ok());
        for mut answer in unread {
            let frame = timeout(AT_MOST, answer.frame()).await.expect("it is ended");
            assert!(frame.unwrap().is_err(), "it is cut off and not complete");
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn over_http_1_a_connection_ends_whose_answer_is_not_read() {
    let (process, address, _folder) = limited(pages(), "reader_seconds = 1").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // more than the buffers of both systems hold
    for _ in 0..64 {
        stream.write_all(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    }
    stream.readable().await.unwrap();
    no_connection_is_left(&process).await;
    process.stop().await;
}

#[tokio::test]
async fn one_address_has_its_part_of_the_connections_and_gives_it_back() {
    let (process, address, _folder) = limited(pages(), "connections_per_address = 2").await;
    let ask = async |stream: &mut TcpStream| {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    for _ in 0..3 {
        let mut open = Vec::new();
        for _ in 0..2 {
            open.push(TcpStream::connect(address).await.unwrap());
        }
        let refused = ask(&mut TcpStream::connect(address).await.unwrap()).await;
        assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("TOO_MUCH_AT_ONCE"), "{refused}");
        for stream in &mut open {
            assert!(ask(stream).await.starts_with("HTTP/1.1 200"));
        }
        no_connection_is_left(&process).await;
    }
    process.stop().await;
}

#[tokio::test]
async fn a_crowd_at_the_door_keeps_nobody_from_seeing_that_the_process_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path(), "[limits]\nconnections = 1\nconnections_per_address = 1\n");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.process.admin_address = Some(free);
    let process = Process::start(settings, clock(), vec![pages()]).await.unwrap();
    let address = process.listen().await.unwrap();
    let _crowd = TcpStream::connect(address).await.unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(PREFACE).await.unwrap();
    assert!(next.read_to_end(&mut Vec::new()).await.is_ok(), "it is sent away");
    for path in ["/livez", "/readyz", "/metrics"] {
        let mut tasks = JoinSet::new();
        let mut line = connection(free, 1 << 16, &mut tasks).await;
        assert_eq!(line.send_request(get(path)).await.unwrap().status(), 200, "{path}");
    }
    process.stop().await;
}

#[tokio::test]
async fn when_all_places_are_taken_the_next_is_told_to_come_back() {
    let (process, address, _folder) = limited(pages(), "connections = 1").await;
    let _open = TcpStream::connect(address).await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    let mut told = Vec::new();
    stream.read_to_end(&mut told).await.unwrap();
    assert_eq!(told.last(), Some(&0x0b), "ENHANCE_YOUR_CALM");
    process.stop().await;
}

#[tokio::test]
async fn a_stranger_has_so_many_requests_open_on_a_connection_as_the_settings_say() {
    for (limits, expected) in [("", 256), ("streams_per_connection = 7", 7)] {
        let (process, address, _folder) = limited(pages(), limits).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut settings = vec![0; usize::from(head[2])];
        stream.read_exact(&mut settings).await.unwrap();
        // RFC 9113, 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS is 3
        let streams = settings.chunks(6).find(|entry| entry[..2] == [0, 3]).unwrap();
        assert_eq!(u32::from_be_bytes(streams[2..].try_into().unwrap()), expected);
        drop(stream);
        process.stop().await;
    }
}

//! Tests of the gateway from outside, with services written by hand, behind a pipe in memory.

mod bounds;
pub(crate) mod deprecated;
mod grpc;
mod json;
mod pages;
mod streams;
mod upstream;

use std::net::SocketAddr;

use axum::{Extension, Router, body::Body, extract::ConnectInfo};
use bytes::{BufMut, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use platform::{client::Lanes, config::Limits, intake::Intake};
use prost::Message;
use prost_reflect::DescriptorPool;
use proto::{
    identity::v1::{
        GetTeamRequest, ListTeamsRequest, Team, file_service_server::FileServiceServer,
        team_service_client::TeamServiceClient, team_service_server::TeamServiceServer,
    },
    lessons::v1::report_service_server::ReportServiceServer,
};
use serde_json::{Value, json};
use tokio::{io::DuplexStream, sync::watch, task::JoinSet};
use tonic::{
    Code,
    transport::{Channel, Endpoint, Server},
};
use tonic_types::StatusExt;
use tower::{ServiceExt, service_fn};

use crate::{Channels, Settings, router, routes};
use upstream::Upstream;

/// The number of streams that the services accept from the gateway.
const STREAMS: u32 = 16;

pub(crate) fn unconnected() -> Channels {
    let channel = Endpoint::from_static("http://nowhere.invalid").connect_lazy();
    ["identity", "lessons"].into_iter().map(|name| (name.to_owned(), Lanes::of(channel.clone()))).collect()
}

pub(crate) fn intake() -> Intake {
    Intake::new(&Limits::default())
}

/// A gateway and its services. Their tasks end with it.
struct World {
    router: Router,
    upstream: Upstream,
    switch: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// A channel with this end of a pipe as its connection.
fn over(end: DuplexStream) -> Channel {
    let mut end = Some(end);
    Endpoint::from_static("http://memory").connect_with_connector_lazy(service_fn(move |_| {
        let end = end.take().ok_or_else(|| std::io::Error::other("one connection is all there is"));
        std::future::ready(end.map(TokioIo::new))
    }))
}

impl World {
    fn new() -> Self {
        Self::with(Settings { max_body_bytes: 4096, max_upload_bytes: 1 << 20, ..Settings::default() })
    }

    /// A gateway behind a proxy.
    fn behind_a_proxy() -> Self {
        Self::with(Settings { trusted_proxies: vec!["203.0.113.0/24".parse().unwrap()], ..Settings::default() })
    }

    /// A gateway with these limits on what callers send.
    fn holding(limits: &Limits) -> Self {
        Self::made(&proto::descriptor(), Settings::default(), Intake::new(limits))
    }

    fn with(settings: Settings) -> Self {
        Self::made(&proto::descriptor(), settings, intake())
    }

    fn made(pool: &DescriptorPool, settings: Settings, intake: Intake) -> Self {
        let (near, far) = tokio::io::duplex(64 << 10);
        let upstream = Upstream::default();
        let server = Server::builder()
            .max_concurrent_streams(STREAMS)
            .add_service(TeamServiceServer::new(upstream.clone()))
            .add_service(FileServiceServer::new(upstream.clone()))
            .add_service(ReportServiceServer::new(upstream.clone()))
            .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(far)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { server.await.unwrap() });
        let channel = over(near);
        let channels =
            ["identity", "lessons"].into_iter().map(|name| (name.to_owned(), Lanes::of(channel.clone()))).collect();
        let (switch, ready) = watch::channel(true);
        let from = SocketAddr::from(([203, 0, 113, 7], 40_000));
        let router = routes(pool, settings, &channels, intake, ready).unwrap().layer(Extension(ConnectInfo(from)));
        Self { router, upstream, switch, tasks }
    }

    /// A real connection to the gateway, for gRPC clients.
    fn channel(&mut self) -> Channel {
        over(self.connect())
    }

    /// The caller's end of a connection. The caller decides how it ends.
    fn connect(&mut self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 << 10);
        let service = TowerToHyperService::new(self.router.clone());
        self.tasks.spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(far), service).await;
        });
        near
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, target: &str) -> Response<Body> {
        self.send(Request::get(target).body(Body::empty()).unwrap()).await
    }

    async fn json(&self, method: Method, target: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(target).header(header::CONTENT_TYPE, "application/json");
        read(self.send(request.body(body.into()).unwrap()).await).await
    }
}

async fn bytes(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&bytes(response).await).unwrap())
}

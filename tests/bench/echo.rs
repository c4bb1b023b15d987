//! What tonic does by itself: it reads a request and writes an answer of the size of ours.

use std::convert::Infallible;

use proto::identity::v1::{GetTeamRequest, Team};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Context, Pin, Poll, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Answers with the same team whatever it is asked.
#[derive(Clone)]
struct Echo(Team);

impl NamedService for Echo {
    const NAME: &'static str = "koine.identity.v1.TeamService";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = Method(self.0.clone());
        let mut grpc = Grpc::new(ProstCodec::<Team, GetTeamRequest>::default());
        Box::pin(async move { Ok(grpc.unary(method, request).await) })
    }
}

struct Method(Team);

impl UnaryService<GetTeamRequest> for Method {
    type Response = Team;
    type Future = Answer<Response<Team>, Status>;

    fn call(&mut self, _: Request<GetTeamRequest>) -> Self::Future {
        let team = self.0.clone();
        Box::pin(async move { Ok(Response::new(team)) })
    }
}

/// Serves on a free port, and says on which as our own processes do.
pub async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    eprintln!("ready address={}", listener.local_addr().expect("an address"));
    let incoming = TcpListenerStream::new(listener);
    let incoming =
        tokio_stream::StreamExt::map(incoming, |stream| stream.inspect(|stream| drop(stream.set_nodelay(true))));
    Server::builder().add_service(Echo(team())).serve_with_incoming(incoming).await.expect("a server");
}

/// A team with the fields of one that takes part.
fn team() -> Team {
    let id = || uuid::Uuid::now_v7().to_string();
    Team {
        id: id(),
        code: "22-23_0001".to_owned(),
        name: "Green Bridges".to_owned(),
        edition_id: id(),
        track_id: id(),
        school_id: id(),
        school_code: "CHTD007011".to_owned(),
        school_name: "Istituto tecnico commerciale e per geometri".to_owned(),
        territory: "ITF14".to_owned(),
        size: 21,
        referent_id: id(),
        etag: "1".to_owned(),
        ..Team::default()
    }
}

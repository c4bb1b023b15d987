//! The parts of all services together, as one document.

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::uri::PathAndQuery;
use proto::{google::api::HttpBody, subject::v1::SubjectHolding};
use serde_json::json;
use tonic::{Request, Response, Status, client::Grpc};
use tonic_prost::ProstCodec;

use crate::{Ctx, Error, Peers, Result, audit::Pieces, blob, client::peer_error, wire};

/// The name of the service that each service has, and of its method.
const SERVICE: &str = "DataSubjectService";
const METHOD: &str = "DescribeSubject";

/// Everything that all services have of the caller, as a JSON document with a name. The services are those whose contract has a
/// `DataSubjectService`, so that a new one is asked too. Where one cannot answer, the document breaks off with its error. Error:
/// `TOKEN_MISSING`; internal, where the settings do not name one of the services.
pub fn gather(peers: &Peers, ctx: &Ctx) -> Result<Response<Pieces>> {
    let asked: Vec<_> = names().into_iter().map(|name| Asked::new(peers, ctx, name)).collect::<Result<_>>()?;
    let about =
        json!({ "account": ctx.member()?.account, "tenant": ctx.tenant().id().as_str(), "exported_at": ctx.now() });
    // an object without its last brace, which the holdings go on
    let begin = format!("{},\"holdings\":[", about.to_string().trim_end_matches('}'));
    let parts = stream::iter(asked).then(Asked::ask).try_flatten().enumerate().map(|(number, part)| {
        let comma = if number > 0 { "," } else { "" };
        Ok::<_, Error>(format!("{comma}{}", wire::json(&part?)?))
    });
    let whole = stream::iter([Ok(begin)]).chain(parts).chain(stream::iter([Ok("]}\n".to_owned())]));
    let pieces: Pieces = Box::pin(whole.map_ok(piece).map_err(Status::from));
    let mut answer = Response::new(pieces);
    blob::name(answer.metadata_mut(), "data.json");
    Ok(answer)
}

/// The full names of the services that are asked, in their order: `koine.identity.v1.DataSubjectService`.
fn names() -> Vec<String> {
    let mut names: Vec<_> = proto::descriptor()
        .services()
        .filter(|service| service.name() == SERVICE)
        .map(|service| service.full_name().to_owned())
        .collect();
    names.sort();
    names
}

/// The services that are asked, by their names: `identity`.
pub fn services() -> Vec<String> {
    names().iter().map(|name| peer(name).to_owned()).collect()
}

/// The name of the service that a contract is of: `identity` of `koine.identity.v1.DataSubjectService`.
fn peer(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or_default()
}

/// A service that is asked.
struct Asked {
    peer: crate::client::Peer,
    path: PathAndQuery,
}

impl Asked {
    fn new(peers: &Peers, ctx: &Ctx, name: String) -> Result<Self> {
        let path = PathAndQuery::try_from(format!("/{name}/{METHOD}")).map_err(Error::internal)?;
        Ok(Self { peer: peers.call(peer(&name), ctx)?, path })
    }

    /// Asks with the caller's token. The request of each service is an empty message of its own, so one empty message is all of them.
    async fn ask(self) -> Result<impl Stream<Item = Result<SubjectHolding>>> {
        let mut client = Grpc::new(self.peer);
        client.ready().await.map_err(|error| Error::unreachable(error.to_string()))?;
        let codec = ProstCodec::<(), SubjectHolding>::default();
        let answer = client.server_streaming(Request::new(()), self.path, codec).await.map_err(peer_error)?;
        Ok(answer.into_inner().map_err(peer_error))
    }
}

fn piece(text: String) -> HttpBody {
    HttpBody { content_type: "application/json".to_owned(), data: Bytes::from(text), extensions: Vec::new() }
}

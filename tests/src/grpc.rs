//! gRPC and gRPC-Web with messages that are known by their descriptor, for tests of every method.

use bytes::{BufMut, Bytes};
use http::{HeaderMap, Method};
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::{
    google::api::{HttpRule, http_rule::Pattern},
    options::v1::Access,
};
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    transport::Channel,
};
use tonic_types::StatusExt;

use crate::{Caller, limit::wait};

/// Every method of the contract.
pub fn methods() -> Vec<MethodDescriptor> {
    proto::descriptor().services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// A method by its name: `identity.v1.TeamService.GetTeam`.
pub fn method(name: &str) -> MethodDescriptor {
    let name = format!("koine.{name}");
    methods().into_iter().find(|method| method.full_name() == name).unwrap_or_else(|| panic!("no method {name}"))
}

/// An empty request of a method.
pub fn empty(method: &MethodDescriptor) -> DynamicMessage {
    DynamicMessage::new(method.input())
}

/// A request of a method, from JSON.
pub fn message(method: &MethodDescriptor, value: &serde_json::Value) -> DynamicMessage {
    DynamicMessage::deserialize(method.input(), value).unwrap_or_else(|error| panic!("{}: {error}", method.full_name()))
}

/// A request with the caller's metadata.
pub fn request<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata(caller) {
        request.metadata_mut().insert(name, MetadataValue::try_from(value).expect("a header"));
    }
    request
}

fn metadata(caller: &Caller) -> Vec<(&'static str, String)> {
    let mut metadata = Vec::new();
    if !caller.tenant().is_empty() {
        metadata.push(("koine-tenant", caller.tenant().to_owned()));
    }
    if !caller.token().is_empty() {
        metadata.push(("authorization", format!("Bearer {}", caller.token())));
    }
    metadata
}

/// The path of a method over HTTP, without the tenant: `/v1/teams/{team_id}:handOver`.
pub fn address(method: &MethodDescriptor) -> String {
    let option = proto::descriptor().get_extension_by_name("google.api.http").expect("the option");
    let options = method.options();
    let value = options.get_extension(&option);
    let rule: HttpRule = value.as_message().expect("a rule").transcode_to().expect("a rule");
    match rule.pattern.expect("a path") {
        Pattern::Get(path)
        | Pattern::Put(path)
        | Pattern::Post(path)
        | Pattern::Delete(path)
        | Pattern::Patch(path) => path,
        Pattern::Custom(custom) => custom.path,
    }
}

/// Calls a method by gRPC and reads its answer to the end.
pub async fn call(
    channel: &Channel,
    caller: &Caller,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let answer = call_raw(channel, caller, method, message.encode_to_vec()).await?;
    Ok(DynamicMessage::decode(method.output(), answer).expect("a message"))
}

/// Calls a method by gRPC with bytes that may not be a message. Returns the last message of the answer.
pub async fn call_raw(
    channel: &Channel,
    caller: &Caller,
    method: &MethodDescriptor,
    message: impl Into<Bytes>,
) -> Result<Bytes, Status> {
    wait(format!("the whole answer to {}", method.full_name()), read(channel, caller, method, message.into())).await
}

async fn read(channel: &Channel, caller: &Caller, method: &MethodDescriptor, message: Bytes) -> Result<Bytes, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|fault| Status::from_error(Box::new(fault)))?;
    let request = request(caller, message);
    let mut answer = client.server_streaming(request, path(method).parse().expect("a path"), Raw).await?.into_inner();
    let mut last = Bytes::new();
    while let Some(message) = answer.message().await? {
        last = message;
    }
    Ok(last)
}

/// The reason of a refusal: `CALL_CLOSED`.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The option `access` of a method.
pub fn access(method: &MethodDescriptor) -> Access {
    let option = proto::descriptor().get_extension_by_name("koine.options.v1.access").expect("the option");
    let options = method.options();
    let value = options.get_extension(&option);
    value.as_message().expect("an access").transcode_to().expect("an access")
}

/// Calls a unary method by gRPC-Web.
pub async fn call_web(
    caller: &Caller,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let metadata = metadata(caller);
    let mut headers: Vec<_> = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend([("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")]);
    let answer = caller.http().send(Method::POST, &path(method), &headers, frame(&message.encode_to_vec())).await;
    assert!(answer.status.is_success(), "{}: {} {}", answer.of, answer.status, answer.text());
    let (message, trailers) = unframe(answer.body);
    let status = Status::from_header_map(&answer.headers).or_else(|| Status::from_header_map(&trailers));
    match status.expect("a status in headers or trailers") {
        status if status.code() == tonic::Code::Ok => {
            Ok(DynamicMessage::decode(method.output(), message).expect("a message"))
        }
        refused => Err(refused),
    }
}

/// The path of a method over gRPC: `/koine.identity.v1.TeamService/GetTeam`.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// A message in the frame of gRPC.
pub fn frame(message: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a message of less than 4 GiB"));
    frame.put_slice(message);
    frame.into()
}

/// The last message, and the trailers, which gRPC-Web frames like a message.
fn unframe(mut body: Bytes) -> (Bytes, HeaderMap) {
    let (mut message, mut trailers) = (Bytes::new(), HeaderMap::new());
    while body.len() >= 5 {
        let head = body.split_to(5);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let content = body.split_to(length as usize);
        if head[0] & 0x80 == 0 {
            message = content;
            continue;
        }
        for line in String::from_utf8(content.to_vec()).expect("ASCII").lines() {
            let (name, value) = line.split_once(':').expect("a trailer");
            let name: http::HeaderName = name.trim().parse().expect("a name");
            trailers.insert(name, value.trim().parse().expect("a value"));
        }
    }
    (message, trailers)
}

/// Messages as undecoded bytes.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        use bytes::Buf;
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

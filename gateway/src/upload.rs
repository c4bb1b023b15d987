//! Sends the body of a request as a stream of pieces.
//!
//! Only the piece on its way is held: the next one is read when the service has taken this one. The service may answer before it
//! has read everything, and then the rest is not read here either.

use axum::{
    body::{Body, BodyDataStream},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, header::CONTENT_TYPE, request::Parts};
use platform::intake::broken;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use tokio::sync::oneshot;
use tonic::Status;

use crate::{
    bind, body, call,
    deadline::{Deadline, Moves},
    deprecated::Notice,
    problem::Problem,
    reason,
    settings::Settings,
    table::Found,
    transcode::json,
};

/// Small enough to share a connection fairly, and large enough that the header of a piece does not matter.
const PIECE: usize = 64 << 10;

/// Answers a request whose body is a file. `notice` becomes what is deprecated of the request, as soon as it is read. Error: `BODY_TOO_LARGE`, an unsupported encoding, a fault of the body, or that of the
/// service.
pub(crate) async fn answer(
    settings: &Settings,
    found: &Found<'_>,
    field: &FieldDescriptor,
    (metadata, deadline): (HeaderMap, Deadline),
    (parts, notice): (&Parts, &mut Option<Notice>),
    incoming: Body,
) -> Result<Response, Problem> {
    body::announced(&parts.headers, settings.max_upload_bytes)?;
    body::encoding(&parts.headers)?;
    let first = first(found, parts)?;
    *notice = found.route.notices.to(&first);
    let ((fault, broke), moves) = (oneshot::channel(), Moves::new());
    let pieces = Pieces {
        first: Some((first, media_type(&parts.headers))),
        field: field.clone(),
        body: incoming.into_data_stream(),
        rest: Bytes::new(),
        left: settings.max_upload_bytes,
        limit: settings.max_upload_bytes,
        fault: Some(fault),
        moves: moves.clone(),
    };
    let answer = deadline.answer_while(&moves, call::upload(found.route, metadata, pieces.stream()));
    tokio::select! {
        // a fault of the caller's body explains the error that the service then returns
        biased;
        Ok(fault) = broke => Err(fault.into()),
        answer = answer => Ok(json(answer?, None)),
    }
}

/// The message of the first piece, with the fields of path, query and header.
fn first(found: &Found<'_>, parts: &Parts) -> Result<DynamicMessage, Status> {
    let mut message = DynamicMessage::new(found.route.input.clone());
    let mut violations = Vec::new();
    bind::path(found, &mut message, &mut violations);
    bind::query(found, parts.uri.query(), &mut message, &mut violations);
    bind::key(found.route, &parts.headers, &mut message, &mut violations);
    if violations.is_empty() { Ok(message) } else { Err(reason::fields(violations)) }
}

fn media_type(headers: &HeaderMap) -> String {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.unwrap_or("application/octet-stream").to_owned()
}

struct Pieces {
    first: Option<(DynamicMessage, String)>,
    field: FieldDescriptor,
    body: BodyDataStream,
    /// Bytes that were read and not sent yet.
    rest: Bytes,
    left: u64,
    limit: u64,
    /// Sends the fault of the body to the task that waits for the answer. None, once it was sent.
    fault: Option<oneshot::Sender<Status>>,
    /// Notes that bytes move, when the service takes a piece.
    moves: Moves,
}

impl Pieces {
    fn stream(self) -> impl Stream<Item = Result<DynamicMessage, Status>> {
        stream::unfold(self, |mut pieces| async move {
            // nothing follows a fault
            pieces.fault.as_ref()?;
            pieces.moves.on();
            match pieces.next().await {
                Ok(Some(piece)) => Some((Ok(piece), pieces)),
                Ok(None) => None,
                Err(fault) => {
                    let said = Status::internal("the upload broke off");
                    // fails only where the caller is gone and nobody waits
                    let _ = pieces.fault.take().map(|waiting| waiting.send(fault));
                    Some((Err(said), pieces))
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Option<DynamicMessage>, Status> {
        while self.rest.is_empty() {
            let Some(read) = self.body.next().await else {
                return Ok(self.first.take().map(|first| self.begin(first, Bytes::new())));
            };
            self.rest = read.map_err(|fault| broken(&fault))?;
            self.moves.on();
            self.left = self.left.checked_sub(self.rest.len() as u64).ok_or_else(|| reason::too_large(self.limit))?;
        }
        let bytes = self.rest.split_to(PIECE.min(self.rest.len()));
        Ok(Some(match self.first.take() {
            Some(first) => self.begin(first, bytes),
            None => self.piece(DynamicMessage::new(self.field.parent_message().clone()), None, bytes),
        }))
    }

    fn begin(&self, (message, media_type): (DynamicMessage, String), bytes: Bytes) -> DynamicMessage {
        self.piece(message, Some(media_type), bytes)
    }

    fn piece(&self, mut message: DynamicMessage, media_type: Option<String>, bytes: Bytes) -> DynamicMessage {
        if let Some(kind) = self.field.kind().as_message() {
            message.set_field(&self.field, Value::Message(http_body(kind, media_type, bytes)));
        }
        message
    }
}

fn http_body(kind: &MessageDescriptor, media_type: Option<String>, bytes: Bytes) -> DynamicMessage {
    let mut body = DynamicMessage::new(kind.clone());
    if let Some(media_type) = media_type {
        body.set_field_by_name("content_type", Value::String(media_type));
    }
    body.set_field_by_name("data", Value::Bytes(bytes));
    body
}

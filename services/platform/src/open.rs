//! The first of the five steps: gives the context and a valid message.
//!
//! The option `koine.options.v1.rules` declares the shape of a message, which is checked here, so that the same limits hold for
//! every caller. All violations are reported at once. The rules of the programme are checked later, in domain code.

use std::mem;

use prost_reflect::ReflectMessage;
use proto::google::api::HttpBody;
use tonic::{Request, Streaming};

use crate::{
    Ctx, Error, Result, blob,
    error::{Reason, Shared},
    sheet::Upload,
};

mod rules;
mod shape;
mod upload;

pub use rules::check;

/// Opens a request.
pub trait Open {
    /// The message of the request.
    type Message;

    /// The context, and the message without the fields that callers cannot set. Error: `FIELDS_INVALID` with every violation of the
    /// rules in the proto.
    fn open(self) -> Result<(Ctx, Self::Message)>;
}

impl<T: ReflectMessage + Default> Open for Request<T> {
    type Message = T;

    fn open(mut self) -> Result<(Ctx, T)> {
        let ctx = ctx_of(&mut self)?;
        let message = rules::taken(self.into_inner())?;
        if validates_only(&message) {
            ctx.call().validate_only();
            ctx.call().once.asked(&ctx, &in_earnest(&message)?);
        } else {
            ctx.call().once.asked(&ctx, &message);
        }
        Ok((ctx, message))
    }
}

/// Opens a request that is a stream of messages.
pub trait OpenStream {
    /// The message of the stream.
    type Piece;

    /// The context, and the messages.
    fn open_stream(self) -> Result<(Ctx, Pieces<Self::Piece>)>;
}

impl<T> OpenStream for Request<Streaming<T>> {
    type Piece = T;

    fn open_stream(mut self) -> Result<(Ctx, Pieces<T>)> {
        let ctx = ctx_of(&mut self)?;
        let pieces = Pieces { ctx: ctx.clone(), pieces: self.into_inner(), is_first: true };
        Ok((ctx, pieces))
    }
}

/// The pieces of a streamed request, each checked as it arrives. The first one says whether the call only validates.
pub struct Pieces<T> {
    ctx: Ctx,
    pieces: Streaming<T>,
    is_first: bool,
}

impl<T: ReflectMessage> Pieces<T> {
    /// The next message. None, at the end. Error: `FIELDS_INVALID`, or `BODY_MALFORMED`, where the caller went away.
    pub async fn next(&mut self) -> Result<Option<T>> {
        let piece = self.pieces.message().await.map_err(|gone| {
            Shared::BodyMalformed.error("The upload broke off before its end; nothing was kept.").caused_by(gone)
        })?;
        if piece.is_none() {
            // a caller that goes away looks like the end of the stream; after one yield this call has been dropped with it, and
            // half a file is not taken for a whole one
            tokio::task::yield_now().await;
        }
        piece.as_ref().map_or(Ok(()), check)?;
        if mem::take(&mut self.is_first) && piece.as_ref().is_some_and(validates_only) {
            self.ctx.call().validate_only();
        }
        Ok(piece)
    }

    /// All of an upload that is judged as a whole; `file` gives the part of a piece that holds bytes. With a `request_id` in the first piece
    /// it is known by that, by all its bytes and by whatever else the first piece says. Error: `reason`, at the first byte beyond `most`.
    pub async fn whole(
        mut self,
        most: u64,
        reason: impl Reason,
        file: impl Fn(T) -> Option<HttpBody>,
    ) -> Result<Upload> {
        let (mut upload, mut asked) = (Upload::default(), None);
        while let Some(piece) = self.next().await? {
            if asked.is_none() {
                asked = Some(upload::Asked::by(&piece));
            }
            let HttpBody { content_type, data, .. } = file(piece).unwrap_or_default();
            // the first message has it
            if upload.content_type.is_empty() {
                upload.content_type = content_type;
            }
            upload.bytes.extend_from_slice(&data);
            if upload.bytes.len() as u64 > most {
                return Err(blob::too_large(reason, most));
            }
        }
        asked.iter().for_each(|asked| asked.keep(&self.ctx, &upload));
        Ok(upload)
    }

    /// The first message. Error: `BODY_MALFORMED`, where there is none, and the errors of [`Pieces::next`].
    pub async fn first(&mut self) -> Result<T> {
        self.next().await?.ok_or_else(|| Shared::BodyMalformed.error("The upload is empty."))
    }
}

/// The context that the authentication layer put into the request.
fn ctx_of<T>(request: &mut Request<T>) -> Result<Ctx> {
    request
        .extensions_mut()
        .remove::<Ctx>()
        .ok_or_else(|| Error::internal("no context: the method is tenantless or unlayered"))
}

/// Whether a request asks what it would do: its message has the field `validate_only`, and that is set.
fn validates_only<T: ReflectMessage>(message: &T) -> bool {
    let Some(field) = message.descriptor().get_field_by_name("validate_only") else { return false };
    message.transcode_to_dynamic().get_field(&field).as_bool() == Some(true)
}

/// The request that does what this one asks of: both are repeated by the same key.
fn in_earnest<T: ReflectMessage + Default>(message: &T) -> Result<T> {
    let mut message = message.transcode_to_dynamic();
    message.clear_field_by_name("validate_only");
    message.transcode_to().map_err(Error::internal)
}

/// Whether a request can carry a `request_id`.
pub(crate) fn has_key<T: ReflectMessage>(message: &T) -> bool {
    message.descriptor().get_field_by_name("request_id").is_some()
}

/// The digest and key a repeated request is known by, if it carries a `request_id`.
pub(crate) fn request_key<T: ReflectMessage>(message: &T) -> Option<(String, Vec<u8>)> {
    let field = message.descriptor().get_field_by_name("request_id")?;
    let key = message.transcode_to_dynamic().get_field(&field).as_str()?.to_owned();
    if key.is_empty() {
        return None;
    }
    Some((key, digest(message).ok()?))
}

/// The SHA-256 of a message and its type's name, so that messages of different types with the same fields differ.
pub(crate) fn digest<T: ReflectMessage>(message: &T) -> Result<Vec<u8>> {
    let mut bytes = message.descriptor().full_name().as_bytes().to_vec();
    message.encode(&mut bytes).map_err(|fault| Error::internal("a message that cannot be written").caused_by(fault))?;
    Ok(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use proto::lessons::v1::{SaveDraftRequest, Value, value};

    use super::*;

    #[test]
    fn a_request_that_is_sent_again_has_the_same_key_whatever_it_holds() {
        let value = |text: &str| Value { kind: Some(value::Kind::Text(text.to_owned())) };
        let values = ["one", "two", "three", "four", "five"].map(|key| (key.to_owned(), value(key)));
        let request = SaveDraftRequest { request_id: "k".into(), values: values.into(), ..SaveDraftRequest::default() };
        let key = request_key(&request);
        assert!(key.is_some());
        for _ in 0..20 {
            let again = SaveDraftRequest::decode(request.encode_to_vec().as_slice()).unwrap();
            assert_eq!(request_key(&again), key);
        }
    }
}

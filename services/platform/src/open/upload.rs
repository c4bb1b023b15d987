//! By what an upload is known that may be repeated. Its pieces are cut anew each time, so what counts is the whole.

use aws_lc_rs::digest::{Context, SHA256};
use prost::Message;
use prost_reflect::ReflectMessage;

use super::has_key;
use crate::{Ctx, sheet::Upload};

/// What the first piece of an upload says, but for its bytes.
pub(super) struct Asked {
    /// None: it cannot carry a `request_id`.
    id: Option<String>,
    rest: Vec<u8>,
}

impl Asked {
    /// What this piece says.
    pub(super) fn by<T: ReflectMessage>(piece: &T) -> Self {
        if !has_key(piece) {
            return Self { id: None, rest: Vec::new() };
        }
        let mut message = piece.transcode_to_dynamic();
        let id = message.get_field_by_name("request_id").and_then(|id| id.as_str().map(str::to_owned));
        // what is only validated is known by the same key as what is done
        message.clear_field_by_name("validate_only");
        for field in piece.descriptor().fields() {
            if field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.api.HttpBody") {
                message.clear_field(&field);
            }
        }
        let name = piece.descriptor().full_name().as_bytes().to_vec();
        Self { id, rest: [name, message.encode_to_vec()].concat() }
    }

    /// Makes the call known by it and by the file.
    pub(super) fn keep(&self, ctx: &Ctx, upload: &Upload) {
        let Some(id) = &self.id else { return };
        let mut digest = Context::new(&SHA256);
        for part in [&self.rest[..], upload.content_type.as_bytes(), &upload.bytes] {
            // so that no part runs into the next one
            digest.update(&part.len().to_be_bytes());
            digest.update(part);
        }
        let key = Some((id.clone(), digest.finish().as_ref().to_vec()));
        ctx.call().once.known_by(ctx, key.filter(|(id, _)| !id.is_empty()));
    }
}

//! The secrets of webhooks, and signatures by them (https://www.standardwebhooks.com): `whsec_` and a key in base64, which is derived with a
//! key of the installation, so that nothing is stored by which it could be told.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use platform::{Ctx, Id, secret::Keys};

use super::Secret;

/// What the keys are for.
const PURPOSE: &str = "webhook secret";

/// The text of a secret.
pub(super) fn secret(ctx: &Ctx, keys: &Keys, id: Id<Secret>) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(key(ctx, keys, id)))
}

/// The signature of a text by a secret.
pub(super) fn sign(ctx: &Ctx, keys: &Keys, id: Id<Secret>, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key(ctx, keys, id));
    format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes())))
}

fn key(ctx: &Ctx, keys: &Keys, id: Id<Secret>) -> [u8; 32] {
    keys.derive(PURPOSE, &[ctx.tenant().id().as_str().as_bytes(), id.uuid().as_bytes()])
}

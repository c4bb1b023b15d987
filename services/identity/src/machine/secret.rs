//! The secrets of machine tokens: `koine_`, and in base64url `id ++ mac ++ checksum`. The mac is derived with a key of the installation, so
//! that nothing is stored by which a secret could be told. The prefix and the checksum are for scanners, which find a secret in a place
//! where it should not be without asking us: the checksum is the beginning of the SHA-256 of all before it.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::{Ctx, Error, Id, Result, secret::Keys};
use uuid::Uuid;

use super::{MachineToken, token};
use crate::reason::{Reason, Refuse};

const PREFIX: &str = "koine_";

/// What the mac is for.
const PURPOSE: &str = "machine token";

/// The number of bytes of the mac.
const MAC: usize = 24;

/// The number of bytes of the checksum.
const CHECKSUM: usize = 4;

/// The secret of a token.
pub(super) fn write(ctx: &Ctx, keys: &Keys, id: Id<MachineToken>) -> String {
    let mut bytes = id.uuid().as_bytes().to_vec();
    bytes.extend(mac(ctx, keys, id.uuid()));
    bytes.extend(checksum(&bytes));
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The id of the token of a secret. Error: `MACHINE_TOKEN_INVALID`, where it was mistyped, or this installation did not give it in this
/// tenant.
pub(super) fn read(ctx: &Ctx, keys: &Keys, text: &str) -> Result<Id<MachineToken>> {
    let encoded = text.trim().strip_prefix(PREFIX).ok_or_else(mistyped)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| mistyped())?;
    let (said, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(mistyped)?;
    let (id, given) = said.split_first_chunk::<16>().ok_or_else(mistyped)?;
    if given.len() != MAC || *sum != checksum(said) {
        return Err(mistyped());
    }
    let id = Uuid::from_bytes(*id);
    constant_time::verify_slices_are_equal(given, &mac(ctx, keys, id)).map_err(|_| token::invalid())?;
    Ok(id.into())
}

fn mac(ctx: &Ctx, keys: &Keys, id: Uuid) -> [u8; MAC] {
    let tenant = ctx.tenant().id().as_str().as_bytes();
    let whole = keys.derive(PURPOSE, &[tenant, id.as_bytes()]);
    std::array::from_fn(|at| whole[at])
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(PREFIX.as_bytes());
    context.update(bytes);
    let whole = context.finish();
    std::array::from_fn(|at| whole.as_ref()[at])
}

fn mistyped() -> Error {
    let text = "A part of this secret is wrong or missing. It is `koine_` and 59 characters; copy it whole.";
    Reason::MachineTokenInvalid.error(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[test]
    fn a_secret_tells_whose_it_is_and_no_other_text_does() {
        let (ground, keys) = (Ground::without_store(), Keys::random().unwrap());
        let ctx = ground.anybody();
        let id = ctx.new_id();
        let secret = write(&ctx, &keys, id);
        assert_eq!((secret.len(), secret.starts_with("koine_")), (65, true), "{secret}");
        assert_eq!(read(&ctx, &keys, &format!(" {secret}\n")).unwrap(), id);
        let refused = |text: &str| read(&ctx, &keys, text).unwrap_err();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&secret[PREFIX.len()..]).unwrap();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            let encoded = |bytes: &[u8]| format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
            assert_eq!(refused(&encoded(&broken)).message(), mistyped().message(), "byte {at}");
            // somebody who knows how checksums are made
            let said = broken[..bytes.len() - CHECKSUM].to_vec();
            let forged = encoded(&[said.clone(), checksum(&said).to_vec()].concat());
            if at < said.len() {
                assert_eq!(refused(&forged).message(), token::invalid().message(), "byte {at}");
            }
        }
        for broken in ["", "koine_", &secret[PREFIX.len()..], &secret[..64], &format!("{secret}AAAA")] {
            assert!(refused(broken).is(Reason::MachineTokenInvalid), "{broken}");
        }
        let other = Keys::random().unwrap();
        assert_eq!(read(&ctx, &other, &secret).unwrap_err().message(), token::invalid().message());
    }
}

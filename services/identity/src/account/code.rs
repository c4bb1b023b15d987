//! The codes that are mailed: `id ++ mac`, derived with a key of the installation, so that a mail can be written again after a crash
//! and no secret is stored in a row or a queue.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::{Ctx, Error, Id, Result, secret::Keys};
use uuid::Uuid;

use crate::reason::{Reason, Refuse};

/// The most codes for one thing that wait at once. Asking again leaves those that were mailed before as they are: whoever asks for letters to
/// somebody else must not end the code that its owner is typing. Beyond these none is issued: the letters that are there work.
pub(crate) const WAITING: u64 = 10;

/// The number of bytes of the mac in a code.
const MAC: usize = 16;

/// The code for an id. A code for one purpose is none for another.
pub(crate) fn write<T>(ctx: &Ctx, keys: &Keys, purpose: &str, id: Id<T>) -> String {
    let mut bytes = id.uuid().as_bytes().to_vec();
    bytes.extend(mac(ctx, keys, purpose, id.uuid()));
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The id that a code belongs to. Error: `CODE_INVALID`, where this installation did not issue the code for this purpose.
pub(crate) fn read<T>(ctx: &Ctx, keys: &Keys, purpose: &str, code: &str) -> Result<Id<T>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(code.trim()).map_err(|_| invalid())?;
    let (id, given) = bytes.split_at_checked(16).ok_or_else(invalid)?;
    let id = Uuid::from_slice(id).map_err(|_| invalid())?;
    aws_lc_rs::constant_time::verify_slices_are_equal(given, &mac(ctx, keys, purpose, id)).map_err(|_| invalid())?;
    Ok(id.into())
}

fn mac(ctx: &Ctx, keys: &Keys, purpose: &str, id: Uuid) -> [u8; MAC] {
    let tenant = ctx.tenant().id().as_str().as_bytes();
    let whole = keys.derive(purpose, &[tenant, id.as_bytes()]);
    std::array::from_fn(|at| whole[at])
}

/// The error for a code that was not issued here, was used, or was replaced.
pub(crate) fn invalid() -> Error {
    let text =
        "This code is not one we sent, was used before, or what it was for is done. Sign in, or ask for another code.";
    Reason::CodeInvalid.error(text)
}

/// The error for a code that was right and is too old.
pub(crate) fn expired() -> Error {
    Reason::CodeExpired.error("This code has expired. Ask for another one: the page for signing in offers it.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[test]
    fn a_code_tells_whose_it_is_and_no_other_text_does() {
        let (ground, keys) = (Ground::without_store(), Keys::random().unwrap());
        let ctx = ground.anybody();
        let id: Id<()> = ctx.new_id();
        let code = write(&ctx, &keys, "one", id);
        let read = |code: &str| read::<()>(&ctx, &keys, "one", code);
        assert_eq!(read(&format!(" {code}\n")).unwrap(), id);
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&code).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(read(&BASE64_URL_SAFE_NO_PAD.encode(&bytes)).is_err_and(|error| error.is(Reason::CodeInvalid)));
            bytes[at] ^= 1;
        }
        for broken in ["", "%%%", "AAAA", &code[..42], &format!("{code}AAAA")] {
            assert!(read(broken).is_err_and(|error| error.is(Reason::CodeInvalid)), "{broken}");
        }
        assert!(super::read::<()>(&ctx, &Keys::random().unwrap(), "one", &code).is_err(), "of another installation");
        assert!(super::read::<()>(&ctx, &keys, "other", &code).is_err(), "for another purpose");
    }
}

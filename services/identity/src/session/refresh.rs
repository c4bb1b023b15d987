//! The text of a refresh token: `family ++ generation ++ mac`, derived with a key of the installation. Tokens are not stored, so
//! nobody can read them from a database or a backup.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::{Ctx, Id, Result, secret::Keys};
use uuid::Uuid;

use super::{Session, over};

/// A token that this installation issued for one generation of a family of sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refresh {
    family: Id<Session>,
    generation: i32,
}

impl Refresh {
    /// The token for the current generation of a session.
    pub(super) fn of(session: &Session) -> Self {
        Self { family: session.family(), generation: session.generation }
    }

    /// The text of the token.
    pub fn write(&self, ctx: &Ctx, keys: &Keys) -> String {
        let mut bytes = self.family.uuid().as_bytes().to_vec();
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.mac(ctx, keys));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text of a token. Error: `SESSION_OVER`, where this installation did not issue it.
    pub fn read(ctx: &Ctx, keys: &Keys, text: &str) -> Result<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| over())?;
        let (family, rest) = bytes.split_first_chunk::<16>().ok_or_else(over)?;
        let (generation, mac) = rest.split_first_chunk::<4>().ok_or_else(over)?;
        let token = Self { family: Uuid::from_bytes(*family).into(), generation: i32::from_be_bytes(*generation) };
        aws_lc_rs::constant_time::verify_slices_are_equal(mac, &token.mac(ctx, keys)).map_err(|_| over())?;
        Ok(token)
    }

    fn mac(&self, ctx: &Ctx, keys: &Keys) -> [u8; 32] {
        let tenant = ctx.tenant().id().as_str().as_bytes();
        keys.derive("refresh token", &[tenant, self.family.uuid().as_bytes(), &self.generation.to_be_bytes()])
    }

    /// The first session of the family it belongs to.
    pub fn family(&self) -> Id<Session> {
        self.family
    }

    /// The generation it was issued for.
    pub fn generation(&self) -> i32 {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, testing::Ground};

    #[test]
    fn a_token_reads_as_it_was_written_and_no_other_text_does() {
        let ground = Ground::without_store();
        let (ctx, keys) = (ground.anybody(), &ground.keys);
        let session = Session::open(&ctx, &crate::testing::entry(&ctx), crate::testing::HOUR);
        let token = Refresh { generation: 7, ..Refresh::of(&session) };
        let text = token.write(&ctx, keys);
        assert_eq!(Refresh::read(&ctx, keys, &text).unwrap(), token);
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let forged = Refresh::read(&ctx, keys, &BASE64_URL_SAFE_NO_PAD.encode(&bytes));
            assert!(forged.is_err_and(|error| error.is(Reason::SessionOver)), "byte {at}");
            bytes[at] ^= 1;
        }
        for broken in ["", "AAAA", "%%%", &text[..text.len() - 1], &format!("{text}AA")] {
            assert!(Refresh::read(&ctx, keys, broken).is_err(), "{broken}");
        }
        assert!(Refresh::read(&ctx, &Keys::random().unwrap(), &text).is_err());
    }
}

//! The provisional credential with which a team signs in first (S1 "Attivazione del profilo Team Classe"). It can be used once, and
//! it expires.
//!
//! Its text is derived from its id with a key of the installation, so that the mail can be written again after a crash and no
//! secret is stored in a queue. The database stores a digest.

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, secret::Keys};
use serde::{Deserialize, Serialize};

use crate::{
    account::TeamId,
    country::Country,
    reason::{Reason, Refuse},
};

/// A provisional credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    id: Id<Credential>,
    team: TeamId,
    hash: Vec<u8>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    ended: Option<End>,
}

/// When and why a credential became invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub by: Ending,
}

/// Why a credential became invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The team chose its password with it.
    Redeemed,
    /// A newer credential replaced it.
    Replaced,
}

/// Letters and digits that are not mistaken for each other on paper (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Credential {
    /// A new credential for a team. It is valid as long as the tenant's file says.
    pub fn issue(ctx: &Ctx, keys: &Keys, team: TeamId) -> Result<Self> {
        let lifetime = ctx.tenant().section::<Country>()?.credentials().provisional();
        let id = ctx.new_id();
        let hash = hash(keys, &text(keys, id));
        Ok(Self { id, team, hash, issued_at: ctx.now(), expires_at: ctx.now() + lifetime, ended: None })
    }

    pub(super) fn stored(
        id: Id<Credential>,
        team: TeamId,
        hash: Vec<u8>,
        (issued_at, expires_at): (Timestamp, Timestamp),
        ended: Option<End>,
    ) -> Self {
        Self { id, team, hash, issued_at, expires_at, ended }
    }

    /// The text in the mail: five groups of four characters.
    pub fn text(&self, keys: &Keys) -> String {
        text(keys, self.id)
    }

    /// Whether the typed text is the credential's. Case, spaces and hyphens are ignored; O is read as 0, I and L as 1.
    pub fn fits(&self, keys: &Keys, typed: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.hash, &hash(keys, &plain(typed))).is_ok()
    }

    /// Whether it can still be redeemed. Error: `CREDENTIAL_EXPIRED`, `CREDENTIAL_USED`.
    pub fn redeemable(&self, now: Timestamp) -> Result<()> {
        if let Some(end) = self.ended {
            return Err(used(end.by));
        }
        if now > self.expires_at {
            let text = "This credential has expired. Ask your referent teacher to issue another one for the team.";
            return Err(Reason::CredentialExpired.error(text));
        }
        Ok(())
    }

    /// Marks it as invalid.
    pub fn end(&mut self, at: Timestamp, by: Ending) {
        self.ended = Some(End { at, by });
    }

    /// Its id.
    pub fn id(&self) -> Id<Credential> {
        self.id
    }

    /// The team it was issued for.
    pub fn team(&self) -> TeamId {
        self.team
    }

    /// The last instant at which it can be redeemed.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    pub(super) fn parts(&self) -> (&[u8], Timestamp, Option<End>) {
        (&self.hash, self.issued_at, self.ended)
    }
}

/// The error for a credential that became invalid before.
pub(super) fn used(by: Ending) -> Error {
    Reason::CredentialUsed.error(match by {
        Ending::Redeemed => "This credential was used before. Sign in with the password that was chosen then.",
        Ending::Replaced => {
            "A newer credential took the place of this one. It was mailed to your referent teacher: ask them."
        }
    })
}

fn text(keys: &Keys, id: Id<Credential>) -> String {
    let bytes = keys.derive("team credential", &[id.uuid().as_bytes()]);
    let letters: Vec<char> = bytes.iter().take(20).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

fn hash(keys: &Keys, text: &str) -> Vec<u8> {
    keys.derive("team credential digest", &[plain(text).as_bytes()]).to_vec()
}

fn plain(typed: &str) -> String {
    let letters = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    letters
        .flat_map(char::to_uppercase)
        .map(|letter| match letter {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

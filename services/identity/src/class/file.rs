//! Files that teachers and teams upload. The kind of a file is decided by its first bytes.

use jiff::Timestamp;
use platform::{Ctx, Id, Result, blob::Blob};
use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    reason::{Reason, Refuse},
};

pub mod api;
pub(crate) mod bytes;
pub(crate) mod store;
mod wire;

/// The record of a stored file. Its bytes are found by its place.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    id: Id<File>,
    owner: Id<Account>,
    purpose: Purpose,
    name: String,
    media_type: String,
    size: u64,
    digest: String,
    place: String,
    created_at: Timestamp,
}

/// What the caller says of a file before its bytes arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What it is for.
    pub purpose: Purpose,
    /// Its name, without a path.
    pub name: String,
}

/// What a file is for. It decides which kinds and sizes are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The head teacher's signed authorisation.
    Authorisation,
    /// A letter of support, or a statute.
    SupportLetter,
    /// The logo of a team.
    Logo,
}

/// Picture formats that browsers show and that cannot contain scripts.
const PICTURES: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

impl Purpose {
    /// The largest accepted size, in bytes.
    pub fn max_bytes(self) -> u64 {
        8 << 20
    }

    /// Error: `FILE_KIND_REFUSED`, where this purpose does not accept the media type.
    pub fn check_kind(self, media_type: &str) -> Result<()> {
        let is_letter = self != Self::Logo && media_type == "application/pdf";
        if is_letter || PICTURES.contains(&media_type) {
            return Ok(());
        }
        let wanted =
            if self == Self::Logo { "a JPEG, PNG or GIF picture" } else { "a PDF, or a JPEG, PNG or GIF picture" };
        Err(Reason::FileKindRefused
            .error(format!("This file is not {wanted}; nothing was kept."))
            .with("found", media_type))
    }
}

impl File {
    /// The record of a file that the caller has just uploaded.
    pub fn new(ctx: &Ctx, label: Label, blob: Blob) -> Result<Self> {
        let id = ctx.new_id();
        Ok(Self {
            id,
            owner: ctx.account()?,
            purpose: label.purpose,
            name: label.name,
            media_type: blob.media_type.to_owned(),
            size: blob.size,
            place: format!("{}-{id}", blob.digest),
            digest: blob.digest,
            created_at: ctx.now(),
        })
    }

    /// Whether the caller uploaded it.
    pub fn is_of(&self, ctx: &Ctx) -> bool {
        ctx.account().is_ok_and(|account| account == self.owner)
    }

    /// Its id.
    pub fn id(&self) -> Id<File> {
        self.id
    }

    /// The name under which its bytes are kept, and no other file's.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Who uploaded it.
    pub fn owner(&self) -> Id<Account> {
        self.owner
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_takes_its_kinds_and_never_what_can_run_in_a_browser() {
        assert!(Purpose::Authorisation.check_kind("application/pdf").is_ok());
        assert!(Purpose::Logo.check_kind("application/pdf").is_err());
        for purpose in [Purpose::Authorisation, Purpose::SupportLetter, Purpose::Logo] {
            assert!(purpose.check_kind("image/png").is_ok());
            for bad in ["text/html", "image/svg+xml", "application/octet-stream", "text/xml"] {
                assert!(purpose.check_kind(bad).is_err_and(|error| error.is(Reason::FileKindRefused)), "{bad}");
            }
        }
    }
}

//! A forgotten password that waits for the code its owner was mailed. Several codes wait at
//! once: one that is used ends all of them.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Id, Result, secret::Keys};

use super::{Account, code};

pub(crate) mod store;

/// A recovery of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    id: Id<Recovery>,
    account: Id<Account>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// What its codes are derived for.
const PURPOSE: &str = "recovery code";

impl Recovery {
    /// A new recovery of an account, whose code is valid for `lifetime`.
    pub fn new(ctx: &Ctx, account: Id<Account>, lifetime: SignedDuration) -> Self {
        Self { id: ctx.new_id(), account, issued_at: ctx.now(), expires_at: ctx.now() + lifetime }
    }

    /// The code in the mail.
    pub fn code(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, PURPOSE, self.id)
    }

    /// The id of the recovery that a code belongs to. Error: `CODE_INVALID`, where this installation did not issue the code.
    pub fn read_code(ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Id<Self>> {
        code::read(ctx, keys, PURPOSE, typed)
    }

    /// Error: `CODE_EXPIRED`.
    pub fn redeemable(&self, now: Timestamp) -> Result<()> {
        if now > self.expires_at { Err(code::expired()) } else { Ok(()) }
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The last instant at which its code is valid.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, testing::Ground};

    #[test]
    fn a_code_works_to_its_last_instant() {
        let ctx = Ground::without_store().anybody();
        let recovery = Recovery::new(&ctx, ctx.new_id(), SignedDuration::from_hours(2));
        assert!(recovery.redeemable(recovery.expires_at).is_ok());
        let late = recovery.redeemable(recovery.expires_at + SignedDuration::from_micros(1));
        assert!(late.is_err_and(|error| error.is(Reason::CodeExpired)));
    }
}

//! A letter by which a school is asked whether somebody teaches there. Somebody who reads the school's mail confirms with its code. Several
//! letters wait at once: one that is used ends all of them.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Id, Result, secret::Keys};

use super::{Account, code};
use crate::school::School;

pub(crate) mod store;

/// A letter to a school about a teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolLetter {
    id: Id<SchoolLetter>,
    account: Id<Account>,
    school: Id<School>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// What its codes are derived for.
const PURPOSE: &str = "school letter code";

impl SchoolLetter {
    /// A new letter, whose code is valid for `lifetime`.
    pub fn new(ctx: &Ctx, account: Id<Account>, school: Id<School>, lifetime: SignedDuration) -> Self {
        let issued_at = ctx.now();
        Self { id: ctx.new_id(), account, school, issued_at, expires_at: issued_at + lifetime }
    }

    /// The code in the mail.
    pub fn code(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, PURPOSE, self.id)
    }

    /// The id of the letter that a code belongs to. Error: `CODE_INVALID`, where this installation did not issue the code.
    pub fn read_code(ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Id<Self>> {
        code::read(ctx, keys, PURPOSE, typed)
    }

    /// Checks that the code still says something of an account. Error: `CODE_EXPIRED`; `CODE_INVALID`, where the account names another
    /// school by now, or its owner cannot sign in.
    pub fn redeemable(&self, now: Timestamp, account: &Account) -> Result<()> {
        if account.school != Some(self.school) || !account.is_living() {
            return Err(code::invalid());
        }
        if now > self.expires_at { Err(code::expired()) } else { Ok(()) }
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account of the teacher.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The school that is asked.
    pub fn school(&self) -> Id<School> {
        self.school
    }

    /// The last instant at which its code is valid.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::tests::account, reason::Reason, testing::Ground};

    #[test]
    fn a_code_works_to_its_last_instant_and_for_the_school_that_was_asked() {
        let ctx = Ground::without_store().anybody();
        let mut teacher = account(&ctx, "ana@home.example", None, None);
        teacher.school = Some(ctx.new_id());
        let letter = SchoolLetter::new(&ctx, teacher.id, teacher.school.unwrap(), SignedDuration::from_hours(336));
        assert!(letter.redeemable(letter.expires_at, &teacher).is_ok());
        let late = letter.redeemable(letter.expires_at + SignedDuration::from_micros(1), &teacher);
        assert!(late.is_err_and(|error| error.is(Reason::CodeExpired)));
        let mut gone = teacher.clone();
        gone.leave(&ctx, &[]).unwrap();
        let moved = Account { school: Some(ctx.new_id()), ..teacher.clone() };
        for other in [gone, moved, Account { school: None, ..teacher }] {
            let refused = letter.redeemable(ctx.now(), &other);
            assert!(refused.is_err_and(|error| error.is(Reason::CodeInvalid)));
        }
    }
}

//! Another address for an account. It is the login once its code is redeemed, which is mailed to the new address alone; until then
//! nothing changes. Whether the new address has an account already is decided when the mail is written, so that asking reveals nothing.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Id, Result, Violations, error::Shared, secret::Keys};

use super::{Account, Login, code};

pub(crate) mod store;

/// A change of address that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailChange {
    id: Id<EmailChange>,
    account: Id<Account>,
    former: Login,
    wanted: Login,
    asked_at: Timestamp,
    expires_at: Timestamp,
    redeemed_at: Option<Timestamp>,
    has_shown_factor: bool,
    is_final: bool,
}

/// What the codes are derived for that are mailed to the new address.
const PURPOSE: &str = "e-mail change code";

/// What the codes are derived for that are mailed to the former address.
const BACK: &str = "e-mail restoration code";

/// How long a change can be taken back.
pub(crate) const REGRET: SignedDuration = SignedDuration::from_hours(7 * 24);

impl EmailChange {
    /// Asks for another address. Its code is valid for `lifetime`. Error: a violation, where it is the address until now.
    pub fn ask(ctx: &Ctx, account: &Account, wanted: Login, lifetime: SignedDuration) -> Result<Self> {
        let mut violations = Violations::new();
        if account.login == wanted {
            violations.add("new_email", Shared::FieldsInvalid, "This is the address you have.");
        }
        violations.done()?;
        let (id, asked_at) = (ctx.new_id(), ctx.now());
        let (account, former) = (account.id, account.login.clone());
        let (redeemed_at, has_shown_factor, is_final) = (None, false, false);
        let expires_at = asked_at + lifetime;
        Ok(Self { id, account, former, wanted, asked_at, expires_at, redeemed_at, has_shown_factor, is_final })
    }

    /// This, asked for by who has shown a second factor of the account.
    #[must_use]
    pub fn with_factor_shown(self, has_shown_factor: bool) -> Self {
        Self { has_shown_factor, ..self }
    }

    /// Error: `CODE_INVALID`, where the account has a second factor by now, and whoever asked has shown none: the password alone changes
    /// no address of it.
    pub fn outlives(&self, has_factor: bool) -> Result<()> {
        if has_factor && !self.has_shown_factor { Err(code::invalid()) } else { Ok(()) }
    }

    /// The code in the mail to the new address.
    pub fn code(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, PURPOSE, self.id)
    }

    /// The id of the change that a code belongs to. Error: `CODE_INVALID`, where this installation did not issue the code.
    pub fn read_code(ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Id<Self>> {
        code::read(ctx, keys, PURPOSE, typed)
    }

    /// The code in the mail to the former address, and the last instant at which it is valid. None, where nothing has changed, or it cannot be
    /// taken back: the former address was put there by a change that can be. Else whoever has put an address of theirs there would take the
    /// account back by it after its owner has changed it once more.
    pub fn code_back(&self, ctx: &Ctx, keys: &Keys) -> Option<(String, Timestamp)> {
        let redeemed_at = self.redeemed_at.filter(|_| !self.is_final)?;
        Some((code::write(ctx, keys, BACK, self.id), redeemed_at + REGRET))
    }

    /// The id of the change that a code takes back. Error: `CODE_INVALID`, where this installation did not issue the code.
    pub fn read_code_back(ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Id<Self>> {
        code::read(ctx, keys, BACK, typed)
    }

    /// Error: `CODE_INVALID`, where it was redeemed before; `CODE_EXPIRED`.
    pub fn redeemable(&self, now: Timestamp) -> Result<()> {
        if self.redeemed_at.is_some() {
            return Err(code::invalid());
        }
        if now > self.expires_at { Err(code::expired()) } else { Ok(()) }
    }

    /// Gives the account its new address. Error: `CODE_INVALID`, where it has another one by now, or its owner cannot sign in.
    pub fn carry_out(&self, account: &mut Account) -> Result<()> {
        if account.login != self.former || !account.is_living() {
            return Err(code::invalid());
        }
        account.login = self.wanted.clone();
        Ok(())
    }

    /// Gives the account its former address back, whatever it is by now, and takes the password away, which somebody else knows. Error:
    /// `CODE_INVALID`, where nothing has changed or it is final, or its owner has left, or it is locked: then the central team decides;
    /// `CODE_EXPIRED`.
    pub fn take_back(&self, now: Timestamp, account: &mut Account) -> Result<()> {
        let Some(redeemed_at) = self.redeemed_at.filter(|_| !self.is_final && account.is_living()) else {
            return Err(code::invalid());
        };
        if now > redeemed_at + REGRET {
            return Err(code::expired());
        }
        account.login = self.former.clone();
        account.forget_password();
        Ok(())
    }

    /// Whether it was carried out, and no code takes it back.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The address at the time of asking.
    pub fn former(&self) -> &Login {
        &self.former
    }

    /// The address asked for.
    pub fn wanted(&self) -> &Login {
        &self.wanted
    }

    /// When it was asked for.
    pub fn asked_at(&self) -> Timestamp {
        self.asked_at
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

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn ones_own_address_is_no_other_one() {
        let ctx = Ground::without_store().anybody();
        let account = account(&ctx, "ana@school.example", None, None);
        let same = EmailChange::ask(&ctx, &account, Login::of("Ana@School.example"), HOUR).unwrap_err();
        assert_eq!(same.violations()[0].field, "new_email");
    }

    #[test]
    fn a_code_works_to_its_last_instant_and_for_the_address_it_was_asked_from() {
        let ctx = Ground::without_store().anybody();
        let mut account = account(&ctx, "ana@school.example", None, None);
        let change = EmailChange::ask(&ctx, &account, Login::of("ana@home.example"), HOUR).unwrap();
        assert!(change.redeemable(change.expires_at).is_ok());
        let late = change.redeemable(change.expires_at + SignedDuration::from_micros(1));
        assert!(late.is_err_and(|error| error.is(Reason::CodeExpired)));
        let redeemed = EmailChange { redeemed_at: Some(ctx.now()), ..change.clone() };
        assert!(redeemed.redeemable(ctx.now()).is_err_and(|error| error.is(Reason::CodeInvalid)));
        change.carry_out(&mut account).unwrap();
        assert_eq!(account.login(), &Login::of("ana@home.example"));
        assert!(change.take_back(ctx.now(), &mut account).is_err_and(|error| error.is(Reason::CodeInvalid)));
        let late = redeemed.take_back(ctx.now() + REGRET + SignedDuration::from_micros(1), &mut account);
        assert!(late.is_err_and(|error| error.is(Reason::CodeExpired)));
        redeemed.take_back(ctx.now() + REGRET, &mut account).unwrap();
        assert_eq!((account.login(), account.password()), (&change.former, None));
        account.login = change.wanted.clone();
        assert!(change.carry_out(&mut account).is_err_and(|error| error.is(Reason::CodeInvalid)));
    }
}

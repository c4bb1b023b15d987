//! Invitations: how people come to a role who do not register by themselves. A letter holds a code, which is derived from the id of the
//! code in the row; sent again, an invitation has another one. The invited address stands in the row alone, and only for as long as the
//! country keeps it.

use jiff::{SignedDuration, Timestamp};
use platform::{Allowed, Ctx, Error, Id, Result, Violations, secret::Keys};
use proto::options::v1::Role;

use super::{Deed, Giver, Mandate, Post};
use crate::{
    account::{Account, Login, code},
    reason::{Reason, Refuse},
};

pub mod api;
pub(crate) mod store;
mod wire;

/// What its codes are for.
const PURPOSE: &str = "invitation code";

/// The marker type of the id of a mailed code.
#[derive(Clone, Copy, Debug)]
pub enum Code {}

/// An invitation to a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    id: Id<Invitation>,
    version: i64,
    code: Id<Code>,
    /// The invited address. None, once it was removed.
    login: Option<Login>,
    post: Post,
    locale: String,
    invited: Deed,
    state: State,
}

/// Where an invitation stands. That one has expired is not stored: its time says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its code can be used.
    Pending {
        /// The last instant at which it can.
        until: Timestamp,
    },
    /// It was accepted.
    Accepted {
        /// When.
        at: Timestamp,
        /// The account that has the role now.
        account: Id<Account>,
    },
    /// It was withdrawn.
    Revoked(Deed),
}

impl Invitation {
    /// Invites an address to a role, with a code that is valid for `lifetime`. Error: every violation at once, among them
    /// `ROLE_NOT_GRANTABLE`.
    pub fn create(
        ctx: &Ctx,
        giver: &Giver,
        login: Login,
        post: Post,
        locale: String,
        lifetime: SignedDuration,
    ) -> Result<Self> {
        let mut violations = Violations::new();
        giver.refuse(ctx, &mut violations, &post)?;
        violations.done()?;
        Ok(Self {
            id: ctx.new_id(),
            version: 0,
            code: ctx.new_id(),
            login: Some(login),
            post,
            locale,
            invited: Deed { at: ctx.now(), by: giver.account },
            state: State::Pending { until: ctx.now() + lifetime },
        })
    }

    /// Gives it another code, in the name of who sends it again. Error: `ROLE_NOT_GRANTABLE`; `INVITATION_STATE`, where it has ended or
    /// its address was removed.
    pub fn reissue(&mut self, ctx: &Ctx, giver: &Giver, lifetime: SignedDuration) -> Result<()> {
        self.handled_by(giver)?;
        if !matches!(self.state, State::Pending { .. }) || self.login.is_none() {
            return Err(self.over(ctx));
        }
        self.code = ctx.new_id();
        self.invited = Deed { at: ctx.now(), by: giver.account };
        self.state = State::Pending { until: ctx.now() + lifetime };
        Ok(())
    }

    /// Withdraws it. Returns false where it was withdrawn before. Error: `ROLE_NOT_GRANTABLE`; `INVITATION_STATE`, where it was accepted.
    pub fn revoke(&mut self, ctx: &Ctx, giver: &Giver) -> Result<bool> {
        self.handled_by(giver)?;
        match self.state {
            State::Pending { .. } => {
                self.state = State::Revoked(Deed { at: ctx.now(), by: giver.account });
                Ok(true)
            }
            State::Revoked(_) => Ok(false),
            State::Accepted { .. } => Err(self.over(ctx)),
        }
    }

    /// The mandate that an account gains whose owner accepts it. `givers` are the mandates that the one who invited holds now. Error:
    /// `CODE_INVALID`, where it was accepted or withdrawn, or who invited can no longer give the role; `CODE_EXPIRED`.
    pub fn accept(&mut self, ctx: &Ctx, account: &Account, givers: &[Mandate]) -> Result<Mandate> {
        self.open(ctx.now())?;
        let is_given = self.invited.by.is_none()
            || givers.iter().any(|mandate| {
                Some(mandate.account) == self.invited.by && Giver::in_mandate(mandate).may_give(&self.post)
            });
        if !is_given {
            return Err(Reason::CodeInvalid.error(
                "Who invited you can no longer give this role. Ask the central team to send the invitation again.",
            ));
        }
        self.state = State::Accepted { at: ctx.now(), account: account.id() };
        Ok(Mandate::accepted(ctx, account, self.post.clone(), self.invited.by))
    }

    /// The address and the last instant at which the code is valid. Error: `CODE_INVALID`, where it was accepted or withdrawn;
    /// `CODE_EXPIRED`.
    pub fn open(&self, now: Timestamp) -> Result<(&Login, Timestamp)> {
        match (self.state, &self.login) {
            (State::Pending { until }, Some(login)) if now <= until => Ok((login, until)),
            (State::Pending { .. }, _) => {
                let text = "This invitation has expired. Ask who invited you to send it again.";
                Err(Reason::CodeExpired.error(text))
            }
            (State::Accepted { .. }, _) => Err(used()),
            (State::Revoked(_), _) => {
                Err(Reason::CodeInvalid.error("This invitation was withdrawn. Ask who invited you."))
            }
        }
    }

    /// The code in the mail.
    pub fn code(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, PURPOSE, self.code)
    }

    /// The id of a mailed code. Error: `CODE_INVALID`, where this installation did not issue it.
    pub fn read_code(ctx: &Ctx, keys: &Keys, code: &str) -> Result<Id<Code>> {
        code::read(ctx, keys, PURPOSE, code)
    }

    /// The error for what cannot be done with it any more.
    fn over(&self, ctx: &Ctx) -> Error {
        let state = self.word(ctx.now());
        let text = format!("This cannot be done with an invitation in the state {state}.");
        Reason::InvitationState.error(text).with("state", state)
    }

    /// The word for its state at an instant.
    fn word(&self, now: Timestamp) -> &'static str {
        match self.state {
            State::Pending { until } if now <= until => "PENDING",
            State::Pending { .. } => "EXPIRED",
            State::Accepted { .. } => "ACCEPTED",
            State::Revoked(_) => "REVOKED",
        }
    }

    /// Who may send it again or withdraw it: who may give its role. Error: `ROLE_NOT_GRANTABLE`.
    pub fn handled_by(&self, giver: &Giver) -> Result<Allowed> {
        Allowed::when(giver.may_give(&self.post), || {
            Reason::RoleNotGrantable.error("The role of this invitation is not yours to give.")
        })
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The id of its code.
    pub fn code_id(&self) -> Id<Code> {
        self.code
    }

    /// The role it leads to.
    pub fn role(&self) -> Role {
        self.post.role
    }

    /// The BCP 47 tag of the language of its letter. May be empty.
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// The account of who invites. None for the operator.
    pub fn inviter(&self) -> Option<Id<Account>> {
        self.invited.by
    }
}

/// The error for a code that is not one of ours, or whose place a newer one took.
pub(crate) fn invalid() -> Error {
    let text =
        "This code is not one we sent, or a newer one took its place. Use the newest letter, or ask who invited you.";
    Reason::CodeInvalid.error(text)
}

/// The error for a code that was used.
pub(crate) fn used() -> Error {
    Reason::CodeInvalid.error("This invitation was accepted before. Sign in.")
}

#[cfg(test)]
mod tests {
    use platform::Bound;

    use super::*;
    use crate::{account::tests::account, testing::Ground};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn invitation(ctx: &Ctx, giver: &Giver) -> Invitation {
        let post = Post { role: Role::Juror, bound: Bound::default() };
        Invitation::create(ctx, giver, Login::of("ana@school.example"), post, String::new(), DAY).unwrap()
    }

    fn coordinator(ctx: &Ctx) -> Mandate {
        Mandate::first(ctx, &account(ctx, "c@centre.example", None, None), Role::Coordinator)
    }

    #[test]
    fn it_is_accepted_once_until_its_last_instant_and_not_after_it_was_withdrawn() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let mut accepted = invitation(&ctx, &Giver::operator());
        let mut withdrawn = accepted.clone();
        let late = accepted.clone();
        ground.clock.advance(DAY);
        let ctx = ground.anybody();
        let mandate = accepted.accept(&ctx, &somebody, &[]).unwrap();
        assert_eq!((mandate.account(), mandate.role()), (somebody.id(), Role::Juror));
        assert!(accepted.accept(&ctx, &somebody, &[]).is_err_and(|error| error.is(Reason::CodeInvalid)));
        assert!(withdrawn.revoke(&ctx, &Giver::operator()).unwrap());
        assert!(!withdrawn.revoke(&ctx, &Giver::operator()).unwrap(), "it stays withdrawn");
        assert!(withdrawn.accept(&ctx, &somebody, &[]).is_err_and(|error| error.is(Reason::CodeInvalid)));
        assert!(accepted.revoke(&ctx, &Giver::operator()).is_err_and(|error| error.is(Reason::InvitationState)));
        ground.clock.advance(SignedDuration::from_micros(1));
        assert!(late.open(ground.anybody().now()).is_err_and(|error| error.is(Reason::CodeExpired)));
    }

    #[test]
    fn it_is_worth_something_while_who_invited_can_give_the_role() {
        let ctx = Ground::without_store().anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let (giver, other) = (coordinator(&ctx), coordinator(&ctx));
        let invited = invitation(&ctx, &Giver::in_mandate(&giver));
        let accept = |givers: &[Mandate]| invited.clone().accept(&ctx, &somebody, givers).is_ok();
        assert!(accept(std::slice::from_ref(&giver)));
        assert!(!accept(&[]) && !accept(std::slice::from_ref(&other)));
        let mut taken_over = invited.clone();
        taken_over.reissue(&ctx, &Giver::in_mandate(&other), DAY).unwrap();
        assert!(taken_over.accept(&ctx, &somebody, &[other]).is_ok(), "who sends it again invites");
    }

    #[test]
    fn sent_again_it_has_another_code_and_time_until_it_has_ended_or_was_forgotten() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let first = invitation(&ctx, &Giver::operator());
        ground.clock.advance(DAY + DAY);
        let ctx = ground.anybody();
        let mut again = first.clone();
        again.reissue(&ctx, &Giver::operator(), DAY).unwrap();
        assert_ne!(again.code(&ctx, &ground.keys), first.code(&ctx, &ground.keys));
        assert_eq!(again.open(ctx.now()).unwrap().1, ctx.now() + DAY);
        let mut forgotten = Invitation { login: None, ..first };
        let refused = forgotten.reissue(&ctx, &Giver::operator(), DAY).unwrap_err();
        assert!(refused.is(Reason::InvitationState));
        again.revoke(&ctx, &Giver::operator()).unwrap();
        assert!(again.reissue(&ctx, &Giver::operator(), DAY).is_err_and(|error| error.is(Reason::InvitationState)));
    }

    #[test]
    fn nobody_sends_again_or_withdraws_what_they_may_not_give() {
        let ctx = Ground::without_store().anybody();
        let mut invited = invitation(&ctx, &Giver::operator());
        let juror = Giver::in_mandate(&Mandate { role: Role::Juror, ..coordinator(&ctx) });
        assert!(invited.reissue(&ctx, &juror, DAY).is_err_and(|error| error.is(Reason::RoleNotGrantable)));
        assert!(invited.revoke(&ctx, &juror).is_err_and(|error| error.is(Reason::RoleNotGrantable)));
    }
}

//! Signing in: loads everything that could open a login, and decides who is signed in.

use platform::{Ctx, Error, Id, Reads, Result, Store, Violations, secret::Keys};

use crate::{
    account::{self, Account, Login, refuse_weak},
    class::team::{self, Credential, Team},
    password::{
        hasher::{Hash, Hasher},
        strength,
        throttle::{Attempt, Throttle},
    },
    reason::{Reason, Refuse},
    session::{self, Proof},
};

/// Everything that could open a login. It is loaded before anything is decided, and also for a login that nobody has. A registration
/// whose address is not verified opens nothing and is not looked at: who registered with somebody else's address learns nothing here.
#[derive(Debug, Default)]
pub struct LoginState {
    /// The account with the login.
    pub(crate) account: Option<Account>,
    /// The credentials of the team that shares the account. Empty for a person's account.
    pub(crate) credentials: Vec<Credential>,
}

/// Somebody who proved that they may sign in.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// The credential they signed in with. It must be redeemed before anything else is done. None where they used a password.
    pub provisional: Option<Credential>,
}

impl SignedIn {
    /// What they have shown.
    pub(crate) fn proof(&self) -> Proof {
        if self.provisional.is_some() { Proof::Credential } else { Proof::Password }
    }
}

/// What it takes to compare somebody's password. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    /// Identity's data.
    pub(crate) store: Store,
    /// The keys credentials are derived with.
    pub(crate) keys: Keys,
    /// Compares passwords.
    pub(crate) hasher: Hasher,
    /// Limits guesses.
    pub(crate) throttle: Throttle,
}

impl Door {
    /// The caller's own account, after its password was typed. Error: a violation at `current_password`; `SESSION_OVER`;
    /// `RATE_EXCEEDED`.
    pub(crate) async fn owner(&self, ctx: &Ctx, typed: &str) -> Result<Account> {
        let (_, state, _) = LoginState::load_own(&self.store.read(ctx).await?).await?;
        let attempt = self.throttle.own_in_turn(ctx).await?;
        let signed_in = self.compare(ctx, state, typed, attempt).await;
        Ok(decide_change(signed_in, Ok(()))?.account)
    }

    /// The account with a login, after its password was typed. Error: a violation at `current_password`; `RATE_EXCEEDED`.
    pub(crate) async fn holder(&self, ctx: &Ctx, login: &Login, typed: &str) -> Result<Account> {
        let state = LoginState::load(&self.store.read(ctx).await?, login).await?;
        let attempt = self.throttle.guess_in_turn(ctx, login.as_str()).await?;
        let signed_in = self.compare(ctx, state, typed, attempt).await;
        Ok(decide_change(signed_in, Ok(()))?.account)
    }

    /// Compares a typed password with what could open the login. It takes as long whether or not the login exists.
    pub(crate) async fn compare(
        &self,
        ctx: &Ctx,
        state: LoginState,
        typed: &str,
        attempt: Attempt,
    ) -> Result<SignedIn> {
        let fits = self.hasher.verify(typed, state.password()).await;
        let signed_in = fits.and_then(|fits| state.decide(ctx, &self.keys, typed, fits));
        // other refusals, such as an expired credential or a full queue, are no wrong guess
        if !signed_in.as_ref().is_err_and(|refused| refused.is(Reason::SignInFailed)) {
            attempt.give_back();
        }
        signed_in
    }
}

impl LoginState {
    /// Loads what could open a login. The statements are the same whether or not anybody has the login.
    pub(crate) async fn load(db: &impl Reads, login: &Login) -> Result<Self> {
        let account = account::store::by_login(db, login).await?;
        let team = account.as_ref().and_then(Account::team);
        let credentials = team::store::credentials(db, team.unwrap_or_else(Id::nil)).await?;
        Ok(Self { account, credentials })
    }

    /// Loads the caller's own login, what could open it, and the team whose account it is. Error: `SESSION_OVER`, where the
    /// caller's session has ended.
    pub(crate) async fn load_own(db: &impl Reads) -> Result<(Login, Self, Option<Team>)> {
        session::store::get(db, db.ctx().member()?.session.into()).await?.living(db.ctx().now())?;
        let account = account::store::get(db, db.ctx().account()?).await?;
        let state = Self::load(db, account.login()).await?;
        let team = match account.team() {
            Some(team) => team::store::find(db, team).await?,
            None => None,
        };
        Ok((account.login().clone(), state, team))
    }

    /// The hash that a typed password is compared with, if there is one.
    pub(crate) fn password(&self) -> Option<&Hash> {
        self.account.as_ref().and_then(Account::password)
    }

    /// Checks a new password. `typed` is the current one, `team` the team whose account it is. Error: `PASSWORD_WEAK` for every
    /// weakness.
    pub fn check_next(&self, ctx: &Ctx, team: Option<&Team>, typed: &str, next: &str) -> Result<()> {
        let mut violations = Violations::new();
        if strength::normal(typed) == strength::normal(next) {
            violations.add("new_password", Reason::PasswordWeak, "This is the one used until now. Choose another.");
        }
        let mut context: Vec<&str> =
            self.account.iter().flat_map(Account::context).chain(team.map(Team::name)).collect();
        if self.password().is_none() {
            // the credential was mailed, so a password derived from it is not secret
            context.push(typed);
        }
        refuse_weak(&mut violations, ctx, "new_password", next, &context)?;
        violations.done()
    }

    /// Decides who is signed in by a typed text; `fits` says whether it is the password. Error: `SIGN_IN_FAILED`, without a detail;
    /// where the text was right, also `ACCOUNT_LOCKED`, `CREDENTIAL_EXPIRED`, `CREDENTIAL_USED`.
    pub fn decide(self, ctx: &Ctx, keys: &Keys, typed: &str, fits: bool) -> Result<SignedIn> {
        let account = self.account.ok_or_else(failed)?;
        if fits {
            if account.is_locked() {
                return Err(locked());
            }
            return Ok(SignedIn { account, provisional: None });
        }
        let typed = self.credentials.into_iter().find(|credential| credential.fits(keys, typed)).ok_or_else(failed)?;
        typed.redeemable(ctx.now())?;
        Ok(SignedIn { account, provisional: Some(typed) })
    }
}

/// Combines the two checks of a change of password, so that all violations are reported at once: the current password, and the next
/// one. A wrong current password is a violation here, because the caller is signed in.
pub(crate) fn decide_change(signed_in: Result<SignedIn>, next: Result<()>) -> Result<SignedIn> {
    let mut violations = Violations::new();
    let signed_in = match signed_in {
        Err(refused) if refused.is(Reason::SignInFailed) => {
            violations.add("current_password", Reason::SignInFailed, "This is not the password used until now.");
            None
        }
        other => Some(other?),
    };
    violations.keep("new_password", next);
    violations.done()?;
    signed_in.ok_or_else(failed)
}

fn failed() -> Error {
    let text = "The login or the password is wrong, or the address is not verified yet: then follow the link in the mail we sent, or ask for \
                another one.";
    Reason::SignInFailed.error(text)
}

/// The error for a right password of an account that is locked.
pub(super) fn locked() -> Error {
    let text = "The central team has locked this account. The mail to its address says why. Write to the central team.";
    Reason::AccountLocked.error(text)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::error::Shared;

    use super::*;
    use crate::{account::tests::account, class::team::Ending, testing::Ground};

    fn hash() -> Hash {
        Hash::stored("$".to_owned())
    }

    fn opened_by(account: Account) -> LoginState {
        LoginState { account: Some(account), ..LoginState::default() }
    }

    fn reason(signed_in: Result<SignedIn>) -> &'static str {
        signed_in.map_or_else(|error| error.reason(), |_| "OK")
    }

    /// A team without a password, with a credential it was issued.
    fn team(ground: &Ground) -> (Account, Credential) {
        let ctx = ground.anybody();
        let credential = Credential::issue(&ctx, &ground.keys, ctx.new_id()).unwrap();
        (account(&ctx, "22-23_0001", Some(credential.team()), None), credential)
    }

    #[test]
    fn an_unknown_login_and_a_wrong_password_are_the_same_bytes() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let known = opened_by(account(&ctx, "ana@school.example", None, Some(hash())));
        let statuses = [known, LoginState::default()].map(|state| {
            let refused = state.decide(&ctx, &ground.keys, "wrong", false).unwrap_err();
            assert!(refused.is(Reason::SignInFailed));
            tonic::Status::from(refused)
        });
        assert_eq!(statuses[0].message(), statuses[1].message());
        assert_eq!(statuses[0].details(), statuses[1].details());
    }

    #[test]
    fn a_credential_opens_until_it_expires_and_once() {
        let ground = Ground::without_store();
        let (account, credential) = team(&ground);
        let typed = credential.text(&ground.keys);
        let enter = |credential: &Credential, typed: &str| {
            let state = LoginState { credentials: vec![credential.clone()], ..opened_by(account.clone()) };
            state.decide(&ground.anybody(), &ground.keys, typed, false)
        };
        let signed_in = enter(&credential, &typed.to_lowercase().replace('-', " ")).unwrap();
        assert_eq!(signed_in.provisional.as_ref(), Some(&credential));
        assert_eq!(reason(enter(&credential, "0000-0000-0000-0000-0000")), "SIGN_IN_FAILED");
        ground.clock.set(credential.expires_at());
        assert_eq!(reason(enter(&credential, &typed)), "OK");
        ground.clock.advance(SignedDuration::from_micros(1));
        assert_eq!(reason(enter(&credential, &typed)), "CREDENTIAL_EXPIRED");
        let mut ended = credential.clone();
        ended.end(ground.anybody().now(), Ending::Redeemed);
        assert_eq!(reason(enter(&ended, &typed)), "CREDENTIAL_USED");
    }

    #[test]
    fn an_earlier_credential_is_known_and_opens_nothing() {
        let ground = Ground::without_store();
        let (account, mut first) = team(&ground);
        let ctx = ground.anybody();
        let second = Credential::issue(&ctx, &ground.keys, first.team()).unwrap();
        first.end(ctx.now(), Ending::Replaced);
        let typed = [first.text(&ground.keys), second.text(&ground.keys)];
        let enter = |typed: &str| {
            let state = LoginState { credentials: vec![first.clone(), second.clone()], ..opened_by(account.clone()) };
            state.decide(&ctx, &ground.keys, typed, false)
        };
        let refused = enter(&typed[0]).unwrap_err();
        assert!(refused.is(Reason::CredentialUsed) && refused.message().contains("newer"), "{refused:?}");
        assert_eq!(reason(enter(&typed[1])), "OK");
    }

    #[test]
    fn everything_wrong_with_a_change_of_password_is_said_at_once() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let state = opened_by(account(&ctx, "ana@school.example", None, Some(hash())));
        let next = state.check_next(&ctx, None, "not it", "short");
        let refused = decide_change(state.decide(&ctx, &ground.keys, "not it", false), next).unwrap_err();
        assert!(refused.is(Shared::FieldsInvalid));
        let fields: Vec<_> = refused.violations().iter().map(|one| (one.field.as_str(), one.reason)).collect();
        assert_eq!(fields[0], ("current_password", "SIGN_IN_FAILED"));
        assert!(fields[1..].contains(&("new_password", "PASSWORD_WEAK")));
    }

    #[test]
    fn a_credential_that_was_used_stays_a_reason_of_its_own() {
        let used = Reason::CredentialUsed.error("Used.");
        assert!(decide_change(Err(used), Ok(())).is_err_and(|error| error.is(Reason::CredentialUsed)));
    }

    #[test]
    fn the_next_password_is_neither_the_old_one_nor_made_from_the_credential() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let (account, credential) = team(&ground);
        let typed = credential.text(&ground.keys);
        let weak = |account: &Account, typed: &str, next: &str| {
            opened_by(account.clone()).check_next(&ctx, None, typed, next).is_err()
        };
        assert!(weak(&account, &typed, &typed));
        assert!(weak(&account, &typed, &format!("{}!", typed.replace('-', ""))));
        assert!(!weak(&account, &typed, "quattro lune sul lago"));
        let person = crate::account::tests::account(&ctx, "ana@school.example", None, Some(hash()));
        assert!(weak(&person, "quattro lune sul lago", "quattro lune sul lago"));
        assert!(!weak(&person, "quattro lune sul lago", "tre stelle nel bosco"));
    }

    #[tokio::test]
    async fn a_login_that_nobody_has_cannot_be_opened() {
        let ground = Ground::new();
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        let state = LoginState::load(&db, &Login::of("nobody@school.example")).await.unwrap();
        assert!(state.account.is_none() && state.credentials.is_empty());
        assert!(state.password().is_none());
    }

    #[tokio::test]
    async fn a_caller_whose_session_ended_cannot_change_the_password() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.member(&teacher);
        let db = ground.store().read(&ctx).await.unwrap();
        assert!(LoginState::load_own(&db).await.is_err_and(|error| error.is(Reason::SessionOver)));
        drop(db);
        let session = ground.session(&teacher).await;
        let ctx = ground.member_in(&teacher, session.id());
        let db = ground.store().read(&ctx).await.unwrap();
        let (login, state, team) = LoginState::load_own(&db).await.unwrap();
        assert_eq!((login.as_str(), team), ("ana@school.example", None));
        assert_eq!(state.account.map(|account| account.id()), Some(teacher.id()));
    }
}

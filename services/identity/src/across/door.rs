//! Signing in: everything that could open a login, and who is let in.

use platform::{Ctx, Error, Id, Reads, Result, Violations, secret::Keys};

use crate::{
    account::{self, Account, Login, Registration, refuse_weak},
    class::team::{self, Credential, Team},
    password::{hasher::Hash, strength},
    reason::{Reason, Refuse},
    session,
};

/// Where somebody knocks: everything that could open a login, loaded before anything is decided. A login that nobody
/// has is a door too, and it takes as long to find it closed.
#[derive(Debug, Default)]
pub struct Door {
    /// Who has the login.
    pub(crate) account: Option<Account>,
    /// Who says they will have it, once the address is proven.
    pub(crate) registration: Option<Registration>,
    /// The credentials of the team it stands for, if it is a team's.
    pub(crate) credentials: Vec<Credential>,
}

/// Who may go in, and how.
#[derive(Debug)]
pub struct Entry {
    /// Who.
    pub account: Account,
    /// By this credential, which must be redeemed before anything else is done.
    pub provisional: Option<Credential>,
}

impl Door {
    /// The door of a login. The same questions are asked whether or not anybody has it.
    pub(crate) async fn of(db: &impl Reads, login: &Login) -> Result<Self> {
        let account = account::store::by_login(db, login).await?;
        let registration = account::store::last_registration(db, login).await?;
        let team = account.as_ref().and_then(Account::team);
        let credentials = team::store::credentials(db, team.unwrap_or_else(Id::nil)).await?;
        Ok(Self { account, registration, credentials })
    }

    /// The caller's own login and door, and the team it stands for. Error: `SESSION_OVER`, where the session the caller came with has
    /// ended.
    pub(crate) async fn own(db: &impl Reads) -> Result<(Login, Self, Option<Team>)> {
        session::store::get(db, db.ctx().member()?.session.into()).await?.living(db.ctx().now())?;
        let account = account::store::get(db, db.ctx().account()?).await?;
        let door = Self::of(db, account.login()).await?;
        let team = match account.team() {
            Some(team) => team::store::find(db, team).await?,
            None => None,
        };
        Ok((account.login().clone(), door, team))
    }

    /// The hash a password is compared with, if there is one.
    pub(crate) fn password(&self) -> Option<&Hash> {
        match &self.account {
            Some(account) => account.password(),
            None => self.registration.as_ref().map(Registration::password),
        }
    }

    /// Whether a password may take the place of the one typed now. `team` is the one the account stands for. Error:
    /// every weakness, `PASSWORD_WEAK`.
    pub fn check_next(&self, ctx: &Ctx, team: Option<&Team>, typed: &str, next: &str) -> Result<()> {
        let mut violations = Violations::new();
        if strength::normal(typed) == strength::normal(next) {
            violations.add("new_password", Reason::PasswordWeak, "This is the one used until now. Choose another.");
        }
        let mut context: Vec<&str> =
            self.account.iter().flat_map(Account::context).chain(team.map(Team::name)).collect();
        if self.password().is_none() {
            // a credential stands in a mail: nothing made from it is a secret
            context.push(typed);
        }
        refuse_weak(&mut violations, ctx, "new_password", next, &context)?;
        violations.done()
    }

    /// Lets in who typed the right words; `fits` says whether they are the password. Error: `SIGN_IN_FAILED`, without
    /// saying what is wrong; to who typed the right words also `EMAIL_UNVERIFIED`, `CREDENTIAL_EXPIRED`,
    /// `CREDENTIAL_USED`.
    pub fn enter(self, ctx: &Ctx, keys: &Keys, typed: &str, fits: bool) -> Result<Entry> {
        match (self.account, fits) {
            (Some(account), true) => Ok(Entry { account, provisional: None }),
            (None, true) => Err(unverified()),
            (Some(account), false) => {
                let typed =
                    self.credentials.into_iter().find(|credential| credential.fits(keys, typed)).ok_or_else(failed)?;
                typed.redeemable(ctx.now())?;
                Ok(Entry { account, provisional: Some(typed) })
            }
            (None, false) => Err(failed()),
        }
    }
}

/// Puts the two halves of a change of password together, so that everything wrong with it is said at once: whether the
/// current one opened the door, and whether the next one may. A wrong current password is a wrong field here, for the
/// caller is signed in.
pub(crate) fn decide_change(entry: Result<Entry>, next: Result<()>) -> Result<Entry> {
    let mut violations = Violations::new();
    let entry = match entry {
        Err(refused) if refused.is(Reason::SignInFailed) => {
            violations.add("current_password", Reason::SignInFailed, "This is not the password used until now.");
            None
        }
        other => Some(other?),
    };
    violations.keep("new_password", next);
    violations.done()?;
    entry.ok_or_else(failed)
}

fn failed() -> Error {
    Reason::SignInFailed.error("The login or the password is wrong.")
}

fn unverified() -> Error {
    let text = "The address is not verified yet. Follow the link in the mail we sent, or ask for another one.";
    Reason::EmailUnverified.error(text)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::error::Shared;

    use super::*;
    use crate::{
        account::{Form, Kind, Person, tests::account},
        class::team::Ending,
        testing::Ground,
    };

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn hash() -> Hash {
        Hash::stored("$".to_owned())
    }

    fn door(account: Account) -> Door {
        Door { account: Some(account), ..Door::default() }
    }

    fn reason(entry: Result<Entry>) -> &'static str {
        entry.map_or_else(|error| error.reason(), |_| "OK")
    }

    /// A team without a password, with a credential it was issued.
    fn team(ground: &Ground) -> (Account, Credential) {
        let ctx = ground.anybody();
        let credential = Credential::issue(&ctx, &ground.keys, ctx.new_id()).unwrap();
        (account(&ctx, "22-23_0001", Kind::Team(credential.team()), None), credential)
    }

    #[test]
    fn an_unknown_login_and_a_wrong_password_are_the_same_bytes() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let known = door(account(&ctx, "ana@school.example", Kind::Teacher, Some(hash())));
        let statuses = [known, Door::default()].map(|door| {
            let refused = door.enter(&ctx, &ground.keys, "wrong", false).unwrap_err();
            assert!(refused.is(Reason::SignInFailed));
            tonic::Status::from(refused)
        });
        assert_eq!(statuses[0].message(), statuses[1].message());
        assert_eq!(statuses[0].details(), statuses[1].details());
    }

    #[test]
    fn an_unproven_address_is_told_of_to_who_knows_the_password_alone() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let waiting = || {
            let form = Form { login: Login::of("a@b.it"), password: String::new(), person: Person::default() };
            Door { registration: Some(Registration::new(&ctx, form, hash(), HOUR)), ..Door::default() }
        };
        assert!(waiting().password().is_some());
        assert_eq!(reason(waiting().enter(&ctx, &ground.keys, "right", true)), "EMAIL_UNVERIFIED");
        assert_eq!(reason(waiting().enter(&ctx, &ground.keys, "wrong", false)), "SIGN_IN_FAILED");
    }

    #[test]
    fn a_credential_opens_until_it_expires_and_once() {
        let ground = Ground::without_store();
        let (account, credential) = team(&ground);
        let typed = credential.text(&ground.keys);
        let enter = |credential: &Credential, typed: &str| {
            let door = Door { credentials: vec![credential.clone()], ..door(account.clone()) };
            door.enter(&ground.anybody(), &ground.keys, typed, false)
        };
        let entry = enter(&credential, &typed.to_lowercase().replace('-', " ")).unwrap();
        assert_eq!(entry.provisional.as_ref(), Some(&credential));
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
            let door = Door { credentials: vec![first.clone(), second.clone()], ..door(account.clone()) };
            door.enter(&ctx, &ground.keys, typed, false)
        };
        let refused = enter(&typed[0]).unwrap_err();
        assert!(refused.is(Reason::CredentialUsed) && refused.message().contains("newer"), "{refused:?}");
        assert_eq!(reason(enter(&typed[1])), "OK");
    }

    #[test]
    fn everything_wrong_with_a_change_of_password_is_said_at_once() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let door = door(account(&ctx, "ana@school.example", Kind::Teacher, Some(hash())));
        let next = door.check_next(&ctx, None, "not it", "short");
        let refused = decide_change(door.enter(&ctx, &ground.keys, "not it", false), next).unwrap_err();
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
            door(account.clone()).check_next(&ctx, None, typed, next).is_err()
        };
        assert!(weak(&account, &typed, &typed));
        assert!(weak(&account, &typed, &format!("{}!", typed.replace('-', ""))));
        assert!(!weak(&account, &typed, "quattro lune sul lago"));
        let person = crate::account::tests::account(&ctx, "ana@school.example", Kind::Teacher, Some(hash()));
        assert!(weak(&person, "quattro lune sul lago", "quattro lune sul lago"));
        assert!(!weak(&person, "quattro lune sul lago", "tre stelle nel bosco"));
    }

    #[tokio::test]
    async fn a_login_of_nobody_has_a_door_that_nothing_opens() {
        let ground = Ground::new();
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        let door = Door::of(&db, &Login::of("nobody@school.example")).await.unwrap();
        assert!(door.account.is_none() && door.registration.is_none() && door.credentials.is_empty());
        assert!(door.password().is_none());
    }

    #[tokio::test]
    async fn a_caller_whose_session_ended_finds_no_door() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.member(&teacher);
        let db = ground.store().read(&ctx).await.unwrap();
        assert!(Door::own(&db).await.is_err_and(|error| error.is(Reason::SessionOver)));
        drop(db);
        let session = ground.session(&teacher).await;
        let ctx = ground.member_in(&teacher, session.id());
        let db = ground.store().read(&ctx).await.unwrap();
        let (login, door, team) = Door::own(&db).await.unwrap();
        assert_eq!((login.as_str(), team), ("ana@school.example", None));
        assert_eq!(door.account.map(|account| account.id()), Some(teacher.id()));
    }
}

//! A registration that waits for its e-mail address to be verified, with the code that was mailed there.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Id, Result, Violations, secret::Keys};

use super::{Account, Login, Person, code, context, refuse_nameless, refuse_weak};
use crate::password::hasher::Hash;

/// The data a teacher enters. It has no `Debug`, because it contains a password.
pub struct Form {
    /// The address; it becomes the login.
    pub login: Login,
    /// The password.
    pub password: String,
    /// Who they are.
    pub person: Person,
}

impl Form {
    /// Checks the data. Error: every violation at once, `PASSWORD_WEAK` among them.
    pub fn check(&self, ctx: &Ctx) -> Result<()> {
        let mut violations = Violations::new();
        refuse_nameless(&mut violations, "given_name", Some(&self.person.given_name));
        refuse_nameless(&mut violations, "surname", Some(&self.person.surname));
        refuse_weak(&mut violations, ctx, "password", &self.password, &context(&self.login, &self.person))?;
        violations.done()
    }
}

/// The data of one registration. The address may belong to somebody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    pub(super) id: Id<Registration>,
    pub(super) login: Login,
    pub(super) password: Hash,
    pub(super) person: Person,
    pub(super) registered_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// What its codes are derived for.
const PURPOSE: &str = "verification code";

impl Registration {
    /// A new registration whose code is valid for `lifetime`.
    pub fn new(ctx: &Ctx, form: Form, password: Hash, lifetime: SignedDuration) -> Self {
        let Form { login, person, .. } = form;
        let (id, registered_at) = (ctx.new_id(), ctx.now());
        Self { id, login, password, person, registered_at, expires_at: registered_at + lifetime }
    }

    /// The code in the mail.
    pub fn code(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, PURPOSE, self.id)
    }

    /// The id of the registration that a code belongs to. Error: `CODE_INVALID`, where this installation did not issue the code.
    pub fn read_code(ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Id<Self>> {
        code::read(ctx, keys, PURPOSE, typed)
    }

    /// Error: `CODE_EXPIRED`.
    pub fn redeemable(&self, ctx: &Ctx) -> Result<()> {
        if self.is_over(ctx) { Err(code::expired()) } else { Ok(()) }
    }

    /// The account of a registration whose address is verified now. Error: `CODE_EXPIRED`.
    pub fn confirm(&self, ctx: &Ctx) -> Result<Account> {
        self.redeemable(ctx)?;
        Ok(Account::of_person(ctx, self.login.clone(), self.person.clone(), self.password.clone()))
    }

    /// Whether its code has expired.
    pub fn is_over(&self, ctx: &Ctx) -> bool {
        ctx.now() > self.expires_at
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The address.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The password that was chosen.
    pub fn password(&self) -> &Hash {
        &self.password
    }

    /// The BCP 47 tag of the language for letters.
    pub fn locale(&self) -> &str {
        &self.person.locale
    }

    /// When the data were entered.
    pub fn registered_at(&self) -> Timestamp {
        self.registered_at
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

    fn form(password: &str) -> Form {
        let person = Person { given_name: "Ana".to_owned(), surname: "Horvat".to_owned(), ..Person::default() };
        Form { login: Login::of("ana@school.example"), password: password.to_owned(), person }
    }

    fn registration(ctx: &Ctx) -> Registration {
        Registration::new(ctx, form(""), Hash::stored("$".to_owned()), SignedDuration::from_hours(48))
    }

    #[test]
    fn a_code_works_to_its_last_instant() {
        let ground = Ground::without_store();
        let registration = registration(&ground.anybody());
        ground.clock.set(registration.expires_at);
        assert_eq!(registration.confirm(&ground.anybody()).unwrap().login(), &registration.login);
        ground.clock.advance(SignedDuration::from_micros(1));
        assert!(registration.confirm(&ground.anybody()).is_err_and(|error| error.is(Reason::CodeExpired)));
    }

    #[test]
    fn a_form_names_everything_that_is_wrong_with_it() {
        let ctx = Ground::without_store().anybody();
        let mut form = form("Horvat");
        form.person.given_name = "-".to_owned();
        let error = form.check(&ctx).unwrap_err();
        assert!(error.violations().iter().any(|one| one.field == "given_name"));
        assert!(error.violations().iter().any(|one| one.field == "password" && one.reason == "PASSWORD_WEAK"));
        form.person.given_name = "Ana".to_owned();
        form.password = "sedam mačaka na krovu".to_owned();
        assert!(form.check(&ctx).is_ok());
    }
}

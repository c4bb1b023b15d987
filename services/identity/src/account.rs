//! Accounts: a person's, or the one that the pupils of a team share. What somebody may do with theirs is said by their mandates.
//!
//! An account is created when its e-mail address is verified. Until then the data of each registration wait in a [`Registration`]
//! with a code of its own, and only that code makes them an account. Somebody who registers with another person's address cannot
//! read the code, and cannot make their own password valid for that address. In the same way only codes that are mailed to their owner
//! replace a forgotten password ([`Recovery`]) and an address ([`EmailChange`]). Who vouches for a teacher is a [`confirmation`].
//!
//! What an account is protected by beside the password is its second factor ([`factor`]) and its passkeys ([`passkey`]).
//!
//! This room imports `country`, `school` and `password`. It knows neither mandates nor sessions, and of a team the id alone.

use std::fmt;

use jiff::Timestamp;
use platform::{Ctx, Id, Result, Violations, error::Shared, text::plain};
use unicode_normalization::UnicodeNormalization;

use crate::{
    country::Country,
    password::{hasher::Hash, strength},
    reason::Reason,
    school::School,
};

pub mod api;
pub(crate) mod code;
pub mod confirmation;
pub(crate) mod email_change;
pub mod factor;
pub mod passkey;
pub mod provider_link;
pub(crate) mod recovery;
mod registration;
pub(crate) mod school_letter;
mod state;
pub(crate) mod store;
mod wire;

pub(crate) use code::invalid as invalid_code;
pub use email_change::EmailChange;
pub use passkey::Passkey;
pub use recovery::Recovery;
pub use registration::{Form, Registration};
pub use school_letter::SchoolLetter;
pub use state::State;

/// An account that somebody signs in to.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    id: Id<Account>,
    version: i64,
    login: Login,
    /// The team whose pupils share it. None for a person's account.
    team: Option<TeamId>,
    person: Person,
    school: Option<Id<School>>,
    password: Option<Hash>,
    state: State,
    created_at: Timestamp,
}

/// The marker type of a [`TeamId`]. The rooms before `class` refer to teams by id; what a team is, `class::team::Team` defines.
#[derive(Clone, Copy, Debug)]
pub enum SomeTeam {}

/// The id of a team.
pub type TeamId = Id<SomeTeam>;

/// The text somebody signs in with: an e-mail address or a team's code, in lower case, without surrounding spaces. The domain of an
/// address is written as the mail goes there (IDNA, `xn--…`), so that one mailbox is one login however it is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login(String);

impl Login {
    /// The login for a text as somebody typed it.
    pub fn of(typed: &str) -> Self {
        let text = typed.trim().nfc().collect::<String>().to_lowercase();
        let spelled = text.rsplit_once('@').and_then(|(user, domain)| {
            let domain = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?;
            Some(format!("{user}@{domain}"))
        });
        Self(spelled.unwrap_or(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is stored of a person. All fields are empty for a team.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Given name.
    pub given_name: String,
    /// Surname.
    pub surname: String,
    /// The subject a teacher teaches, in their words.
    pub subject_area: String,
    /// The BCP 47 tag of the language for letters. May be empty.
    pub locale: String,
}

/// The fields that `UpdateAccount` changes. None leaves a field as it is; `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Given name.
    pub given_name: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// The school.
    pub school: Option<Option<Id<School>>>,
    /// The subject taught.
    pub subject_area: Option<String>,
    /// The language for letters.
    pub locale: Option<Locale>,
}

/// A language that somebody asks to be written to in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale {
    /// Its BCP 47 tag. Empty: the tenant's own.
    pub tag: String,
    /// Whether there are letters in it.
    pub is_written: bool,
}

impl Account {
    /// A new account of a person who has proven to own the address, or for whom the operator vouches.
    pub(crate) fn of_person(ctx: &Ctx, login: Login, person: Person, password: Hash) -> Self {
        Self::new(ctx, login, None, person, Some(password))
    }

    /// The account that the pupils of a team share. It has no password until they redeem the team's credential.
    pub(crate) fn of_team(ctx: &Ctx, team: TeamId, login: Login) -> Self {
        Self::new(ctx, login, Some(team), Person::default(), None)
    }

    fn new(ctx: &Ctx, login: Login, team: Option<TeamId>, person: Person, password: Option<Hash>) -> Self {
        let (id, state, created_at) = (ctx.new_id(), State::Living, ctx.now());
        Self { id, version: 0, login, team, person, school: None, password, state, created_at }
    }

    /// Applies a change by the owner. `school` is the school that the change names, where there is one. Returns whether a field
    /// changed. Error: every violation at once; `SCHOOL_UNKNOWN` where the school is closed or does not exist.
    pub fn change(&mut self, change: Change, school: Option<&School>) -> Result<bool> {
        let mut violations = Violations::new();
        refuse_nameless(&mut violations, "account.given_name", change.given_name.as_deref());
        refuse_nameless(&mut violations, "account.surname", change.surname.as_deref());
        if matches!(change.school, Some(Some(_))) && !school.is_some_and(School::is_open) {
            let text =
                "This school is not in the register of this country, or is closed. Look it up in the list of schools.";
            violations.add("account.school_id", Reason::SchoolUnknown, text);
        }
        if change.locale.as_ref().is_some_and(|locale| !locale.is_written) {
            let text = "There are no letters in this language. Choose another one, or none for the country's own.";
            violations.add("account.locale", Shared::FieldsInvalid, text);
        }
        violations.done()?;
        let before = (self.person.clone(), self.school);
        let Person { given_name, surname, subject_area, locale } = &mut self.person;
        replace(given_name, change.given_name);
        replace(surname, change.surname);
        replace(subject_area, change.subject_area);
        replace(locale, change.locale.map(|locale| locale.tag));
        self.school = change.school.unwrap_or(self.school);
        Ok(before != (self.person.clone(), self.school))
    }

    /// Replaces the password.
    pub(crate) fn choose_password(&mut self, password: Hash) {
        self.password = Some(password);
    }

    /// Removes the password. From then on only a credential opens the account.
    pub(crate) fn forget_password(&mut self) {
        self.password = None;
    }

    /// Checks a new password that its owner chooses without knowing the one before. Error: `PASSWORD_WEAK` at `field` for every
    /// weakness.
    pub(crate) fn check_password(&self, ctx: &Ctx, field: &str, password: &str) -> Result<()> {
        let mut violations = Violations::new();
        refuse_weak(&mut violations, ctx, field, password, &self.context())?;
        violations.done()
    }

    /// Whether its owner can be mailed a code that replaces the password. The account that pupils share has no address of its own.
    pub(crate) fn is_recoverable(&self) -> bool {
        self.team().is_none() && self.is_living()
    }

    /// Texts that are easily guessed as its password.
    pub(crate) fn context(&self) -> [&str; 3] {
        context(&self.login, &self.person)
    }

    /// The team whose pupils share it. None for a person's account.
    pub fn team(&self) -> Option<TeamId> {
        self.team
    }

    /// Whether it was never saved.
    pub(crate) fn is_new(&self) -> bool {
        self.version == 0
    }

    /// Its id.
    pub fn id(&self) -> Id<Account> {
        self.id
    }

    /// The login.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The person's data.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The school its owner says to work at.
    pub fn school(&self) -> Option<Id<School>> {
        self.school
    }

    /// The hash of the password. None for a team that has not redeemed its credential.
    pub(crate) fn password(&self) -> Option<&Hash> {
        self.password.as_ref()
    }
}

/// A name in the form that is searched: letters alone, without case and accents. `D’Angelo` becomes `dangelo`.
pub(crate) fn folded(name: &str) -> String {
    plain(name).filter(|letter| letter.is_alphanumeric()).collect()
}

/// Adds a violation where a name has no letter.
pub(crate) fn refuse_nameless(violations: &mut Violations, field: &str, name: Option<&str>) {
    match name {
        Some(name) if name.trim().is_empty() => violations.missing(field, "A name is needed."),
        Some(name) if folded(name).is_empty() => {
            violations.add(field, Shared::FieldsInvalid, "A name has at least one letter.");
        }
        _ => {}
    }
}

/// Adds a violation for each weakness of a new password. `context` holds texts that are easily guessed for this account; the
/// country's words are added to it.
pub(crate) fn refuse_weak(
    violations: &mut Violations,
    ctx: &Ctx,
    field: &str,
    password: &str,
    context: &[&str],
) -> Result<()> {
    let tenant = ctx.tenant();
    let mut context = context.to_vec();
    context.extend(tenant.section::<Country>()?.words().iter());
    context.push(tenant.name());
    for weakness in strength::weaknesses(password, &context) {
        violations.add(field, Reason::PasswordWeak, weakness);
    }
    Ok(())
}

/// Texts that are easily guessed as the password of an account with this login.
pub(crate) fn context<'a>(login: &'a Login, person: &'a Person) -> [&'a str; 3] {
    [login.as_str(), &person.given_name, &person.surname]
}

fn replace(old: &mut String, new: Option<String>) {
    if let Some(new) = new {
        *old = new;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::Ground;

    /// An account with this login, not saved yet.
    pub(crate) fn account(ctx: &Ctx, login: &str, team: Option<TeamId>, password: Option<Hash>) -> Account {
        let person = Person { given_name: "Ana".to_owned(), surname: "Horvat".to_owned(), ..Person::default() };
        Account::new(ctx, Login::of(login), team, person, password)
    }

    #[test]
    fn a_login_is_the_same_however_it_is_typed() {
        assert_eq!(Login::of("  Maria.Rossi@Scuola.Example "), Login::of("maria.rossi@scuola.example"));
        assert_eq!(Login::of("22-23-EN_0001").as_str(), "22-23-en_0001");
        assert_eq!(Login::of("jose\u{301}@x.es"), Login::of("JOSÉ@x.es"));
        for spelled in ["ana@ⓢchool.example", "ana@ｓchool.example", "Ana@SCHOOL.example"] {
            assert_eq!(Login::of(spelled).as_str(), "ana@school.example");
        }
        assert_eq!(Login::of("ana@škola.example"), Login::of("ana@xn--kola-f6a.example"));
    }

    #[test]
    fn a_name_is_found_without_its_case_accents_and_signs() {
        assert_eq!(folded("D’Angelo"), folded("d'angelo"));
        assert_eq!(folded("De Rossi"), "derossi");
        assert_eq!(folded("ŠIMIĆ-Đurić"), "simicduric");
        assert_eq!(folded("Παπαδόπουλος"), folded("ΠΑΠΑΔΟΠΟΥΛΟΣ"));
    }

    #[test]
    fn a_team_and_who_cannot_sign_in_are_mailed_no_code() {
        let ctx = Ground::without_store().anybody();
        assert!(account(&ctx, "a@b.it", None, None).is_recoverable());
        assert!(!account(&ctx, "22-23_0001", Some(ctx.new_id()), None).is_recoverable());
        let left = Account { state: State::Left { at: ctx.now() }, ..account(&ctx, "a@b.it", None, None) };
        assert!(!left.is_recoverable());
    }

    #[test]
    fn every_wrong_field_of_a_change_is_named_and_nothing_changes() {
        let ctx = Ground::without_store().anybody();
        let mut account = account(&ctx, "a@b.it", None, None);
        let before = account.clone();
        let change = Change {
            given_name: Some(" ".to_owned()),
            surname: Some("-".to_owned()),
            school: Some(Some(ctx.new_id())),
            subject_area: Some("Geografia".to_owned()),
            locale: Some(Locale { tag: "tlh".to_owned(), is_written: false }),
        };
        let error = account.change(change, None).unwrap_err();
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["account.given_name", "account.surname", "account.school_id", "account.locale"]);
        assert_eq!(account, before);
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let ctx = Ground::without_store().anybody();
        let mut account = account(&ctx, "a@b.hr", None, None);
        account.change(Change { surname: Some("Kovač".to_owned()), ..Change::default() }, None).unwrap();
        assert_eq!((account.person.given_name.as_str(), account.person.surname.as_str()), ("Ana", "Kovač"));
    }

    #[test]
    fn the_words_of_the_country_are_no_password() {
        let ground = Ground::without_store();
        let weak = |password: &str| {
            let mut violations = Violations::new();
            refuse_weak(&mut violations, &ground.anybody(), "password", password, &["Mariangela"]).unwrap();
            !violations.is_empty()
        };
        assert!(weak("OpenCoesione2223") && weak("Mariangela.2223") && weak("Testlandia12345"));
        assert!(!weak("quattro lune sul lago"));
    }
}

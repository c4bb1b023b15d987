//! That somebody has vouched for a teacher: that they are one, at the school their account names. The country says which ways there are,
//! and whether a class can be somebody's without.
//!
//! What was said of one school is not said of another: with another school a confirmation ends, whatever its ground. With another address,
//! however it came about (a change, or one that was taken back), only that ends which the domain of the former address proved, because all
//! others vouched for a person and not for a mailbox. In both cases the domain of the address is judged anew, and may confirm at once. Whom
//! the central team refused stays so, whatever changes, until the central team confirms them, and so does an account that is registered
//! with one of their addresses after they left; what they have said of colleagues ends with it. Another name ends what somebody has said,
//! who knew a person by the former one; what differs in case, accents and signs alone is the same name.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use super::{Account, folded};
use crate::{
    country::{
        Country,
        vouching::{Proven, Way},
    },
    reason::{Reason, Refuse},
    school::School,
};

pub mod api;
pub(crate) mod store;
mod wire;

/// That a teacher is confirmed, or was.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirmation {
    account: Id<Account>,
    version: i64,
    ground: Ground,
    school: Option<Id<School>>,
    given_at: Timestamp,
    given_by: Option<Id<Account>>,
    ended: Option<Ending>,
}

/// By what a teacher is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The domain of the proven address, which teachers of the country have.
    Domain,
    /// The domain of the proven address, which is the school's own.
    SchoolDomain,
    /// The school, by a letter.
    School,
    /// A confirmed colleague.
    Colleague,
    /// The central team.
    Coordinator,
}

/// What changed of an account, whose confirmation is judged anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The name, and perhaps more.
    Name,
    /// Anything else.
    Otherwise,
}

/// When a confirmation ended, and which coordinator took it back. Nobody, where the school or the address is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ending {
    at: Timestamp,
    by: Option<Id<Account>>,
}

impl Ground {
    fn by_domain(proven: Proven) -> Self {
        match proven {
            Proven::Teacher => Self::Domain,
            Proven::OfSchool => Self::SchoolDomain,
        }
    }

    /// Whether a domain said it by itself.
    pub(crate) fn is_domain(self) -> bool {
        matches!(self, Self::Domain | Self::SchoolDomain)
    }

    /// Whether it is said of one school alone.
    fn is_of_one_school(self) -> bool {
        matches!(self, Self::SchoolDomain | Self::School | Self::Colleague)
    }

    /// The name of the ground in data and in the audit log.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::SchoolDomain => "school_domain",
            Self::School => "school",
            Self::Colleague => "colleague",
            Self::Coordinator => "coordinator",
        }
    }
}

impl Confirmation {
    fn new(ctx: &Ctx, account: &Account, ground: Ground, by: Option<Id<Account>>, before: Option<&Self>) -> Self {
        let version = before.map_or(0, |before| before.version);
        Self {
            account: account.id,
            version,
            ground,
            school: account.school,
            given_at: ctx.now(),
            given_by: by,
            ended: None,
        }
    }

    /// What a change of a teacher's account makes of its confirmation. None: it stays as it is.
    pub(crate) fn judged(
        ctx: &Ctx,
        account: &Account,
        school: Option<&School>,
        before: Option<&Self>,
        changed: Changed,
    ) -> Result<Option<Self>> {
        let domain = school.map_or("", |school| school.record.domain.as_str());
        let proven = ctx.tenant().section::<Country>()?.vouching().proven_by(account.login.as_str(), domain);
        let proven = proven.map(Ground::by_domain);
        let stands = |before: &Self| {
            let still =
                if before.ground.is_domain() { proven == Some(before.ground) } else { changed != Changed::Name };
            before.is_living() && before.school == account.school && still
        };
        if before.is_some_and(|before| before.is_taken_back() || stands(before)) {
            return Ok(None);
        }
        if let Some(ground) = proven {
            return Ok(Some(Self::new(ctx, account, ground, None, before)));
        }
        Ok(before.filter(|before| before.is_living()).map(|before| before.ended(ctx, None)))
    }

    /// The central team confirms. None: it has already. Error: `CONFIRMATION_NOT_POSSIBLE`; `ACCOUNT_STATE`.
    pub(crate) fn by_coordinator(
        ctx: &Ctx,
        by: Id<Account>,
        account: &Account,
        before: Option<&Self>,
    ) -> Result<Option<Self>> {
        provided(ctx, Way::Coordinator)?;
        account.living()?;
        let has_already = before.is_some_and(|before| before.is_living() && before.ground == Ground::Coordinator);
        Ok((!has_already).then_some(Self::new(ctx, account, Ground::Coordinator, Some(by), before)))
    }

    /// A colleague vouches: `own` is what is said of the caller. None: somebody has vouched before. Error: `CONFIRMATION_NOT_POSSIBLE`;
    /// `TEACHER_UNCONFIRMED`, where the caller is not confirmed.
    pub(crate) fn by_colleague(
        ctx: &Ctx,
        own: Option<&Self>,
        account: &Account,
        before: Option<&Self>,
    ) -> Result<Option<Self>> {
        provided(ctx, Way::Colleague)?;
        let by = ctx.account()?;
        if by == account.id {
            return Err(not_possible("OWN_ACCOUNT", "Nobody vouches for themselves. Ask a confirmed colleague."));
        }
        if !own.is_some_and(Self::is_living) {
            return Err(unconfirmed("Nobody has vouched for you yourself yet."));
        }
        account.living()?;
        refuse_taken_back(before)?;
        let has_already = before.is_some_and(Self::is_living);
        Ok((!has_already).then_some(Self::new(ctx, account, Ground::Colleague, Some(by), before)))
    }

    /// Somebody at the school confirms. None: somebody has vouched before. Error: `CONFIRMATION_NOT_POSSIBLE`.
    pub(crate) fn by_school(ctx: &Ctx, account: &Account, before: Option<&Self>) -> Result<Option<Self>> {
        provided(ctx, Way::School)?;
        refuse_taken_back(before)?;
        let has_already = before.is_some_and(Self::is_living);
        Ok((!has_already).then_some(Self::new(ctx, account, Ground::School, None, before)))
    }

    /// The central team takes back what was said of a teacher, or refuses one of whom nothing holds now: nobody else says it any more. None: it
    /// has before, or the country confirms nobody.
    pub(crate) fn refuse(ctx: &Ctx, account: &Account, before: Option<&Self>) -> Result<Option<Self>> {
        let by = ctx.account()?;
        let is_provided = ctx.tenant().section::<Country>()?.vouching().is_provided();
        if !is_provided || before.is_some_and(Self::is_taken_back) {
            return Ok(None);
        }
        let nothing = || Self::new(ctx, account, Ground::Coordinator, None, None);
        Ok(Some(before.cloned().unwrap_or_else(nothing).ended(ctx, Some(by))))
    }

    /// What holds of an account whose address the central team has refused before.
    fn refused(account: &Account, at: Timestamp, by: Id<Account>) -> Self {
        Self {
            account: account.id,
            version: 0,
            ground: Ground::Coordinator,
            school: account.school,
            given_at: at,
            given_by: None,
            ended: Some(Ending { at, by: Some(by) }),
        }
    }

    /// It ends because of what ended of who has said it.
    pub(crate) fn ended_with_its_giver(&self, ctx: &Ctx) -> Self {
        self.ended(ctx, None)
    }

    /// The address of the school that an account names, where it can be asked about the teacher. Error: `CONFIRMATION_NOT_POSSIBLE`.
    pub(crate) fn askable<'s>(ctx: &Ctx, school: Option<&'s School>, before: Option<&Self>) -> Result<&'s str> {
        provided(ctx, Way::School)?;
        refuse_taken_back(before)?;
        if before.is_some_and(Self::is_living) {
            return Err(not_possible("CONFIRMED", "Somebody has vouched for you already."));
        }
        let Some(school) = school else {
            return Err(not_possible("SCHOOL_MISSING", "Your account names no school. Choose it first."));
        };
        let address = school.record.email.as_str();
        if !platform::mail::is_address(address) {
            let text = "The register has no e-mail address of your school. Ask a colleague, or the central team.";
            return Err(not_possible("ADDRESS_MISSING", text));
        }
        Ok(address)
    }

    fn ended(&self, ctx: &Ctx, by: Option<Id<Account>>) -> Self {
        Self { ended: Some(Ending { at: ctx.now(), by }), ..self.clone() }
    }

    /// Whether it holds now.
    pub fn is_living(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether a colleague has said it, and it holds.
    pub(crate) fn is_said_by(&self, colleague: Id<Account>) -> bool {
        self.is_living() && self.ground == Ground::Colleague && self.given_by == Some(colleague)
    }

    /// Whether the central team took it back.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.ended.is_some_and(|ended| ended.by.is_some())
    }

    /// The account.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// By what.
    pub fn ground(&self) -> Ground {
        self.ground
    }
}

impl Account {
    /// The proof that the caller, of the central team, may say whether its owner is a teacher: at a school within what bounds the caller's
    /// mandate. Error: not found.
    pub(crate) fn confirmed_by(&self, ctx: &Ctx, school: Option<&School>) -> Result<Allowed> {
        let territory = school.map_or("", |school| school.record.territory.as_str());
        Allowed::when(ctx.has(Role::Coordinator) && ctx.bound().has_area(territory), nobody)
    }

    /// What differs from what it was before, as far as it counts for its confirmation. None: nothing does.
    pub(crate) fn changed_since(&self, before: &Self) -> Option<Changed> {
        let name = |account: &Self| [&account.person.given_name, &account.person.surname].map(|name| folded(name));
        if name(self) != name(before) {
            return Some(Changed::Name);
        }
        (self.school != before.school || self.login != before.login).then_some(Changed::Otherwise)
    }

    /// The proof that the caller, whose account is `own`, may know of its owner, to vouch for them: both name one school. Error: not found.
    pub(crate) fn vouched_by(&self, own: &Self) -> Result<Allowed> {
        let are_colleagues = own.school.is_some() && own.school == self.school;
        Allowed::when(are_colleagues || own.id == self.id, nobody)
    }
}

/// Error: `TEACHER_UNCONFIRMED`, where the country asks that teachers are confirmed, and this one is not.
pub(crate) fn needed(ctx: &Ctx, confirmation: Option<&Confirmation>) -> Result<()> {
    needed_at(ctx, confirmation, None)
}

/// [`needed`], for a class of a school, where there is one: what a school, its domain or a colleague has said is said of one school alone. The one rule,
/// by which classes are given and lists are marked.
pub(crate) fn needed_at(ctx: &Ctx, confirmation: Option<&Confirmation>, school: Option<Id<School>>) -> Result<()> {
    if !ctx.tenant().section::<Country>()?.vouching().is_required() {
        return Ok(());
    }
    let Some(said) = confirmation.filter(|said| said.is_living()) else {
        return Err(unconfirmed("Nobody has vouched for this teacher yet."));
    };
    if said.ground.is_of_one_school() && school.is_some() && said.school != school {
        return Err(unconfirmed("Who vouched for this teacher did so at another school."));
    }
    Ok(())
}

/// The error for a teacher who does not exist, or of whom the caller may not know.
pub(crate) fn nobody() -> Error {
    Error::not_found("teacher")
}

fn unconfirmed(what: &str) -> Error {
    let text = "Ask the school by a letter, or a confirmed colleague, or the central team.";
    Reason::TeacherUnconfirmed.error(format!("{what} {text}"))
}

fn provided(ctx: &Ctx, way: Way) -> Result<()> {
    if ctx.tenant().section::<Country>()?.vouching().has(way) {
        return Ok(());
    }
    Err(not_possible("WAY_CLOSED", "This country does not confirm teachers in this way."))
}

fn refuse_taken_back(before: Option<&Confirmation>) -> Result<()> {
    if before.is_some_and(Confirmation::is_taken_back) {
        let text = "The central team took the confirmation back, and alone can confirm again. Write to it.";
        return Err(not_possible("TAKEN_BACK", text));
    }
    Ok(())
}

fn not_possible(why: &'static str, text: &str) -> Error {
    Reason::ConfirmationNotPossible.error(text).with("why", why)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{account::tests::account, testing::Ground as Stage};

    /// A country with every way, and a teacher of a school there.
    fn stage() -> (Stage, Account) {
        let stage = Stage::vouching(
            "required = true\nways = ['domain', 'school', 'colleague', 'coordinator']\ndomains = ['edu.example']",
        );
        let mut teacher = account(&stage.anybody(), "ana@home.example", None, None);
        teacher.school = Some(stage.anybody().new_id());
        (stage, teacher)
    }

    fn reason<T>(refused: Result<T>) -> &'static str {
        refused.map_or_else(|error| error.reason(), |_| "OK")
    }

    /// A confirmation by somebody.
    pub(crate) fn given(ctx: &Ctx, account: &Account, ground: Ground) -> Confirmation {
        Confirmation::new(ctx, account, ground, Some(ctx.new_id()), None)
    }

    #[test]
    fn another_school_ends_what_was_said_of_the_one_before_whatever_its_ground() {
        let (stage, mut teacher) = stage();
        let ctx = stage.anybody();
        for ground in [Ground::School, Ground::Colleague, Ground::Coordinator] {
            let before = given(&ctx, &teacher, ground);
            assert_eq!(
                Confirmation::judged(&ctx, &teacher, None, Some(&before), Changed::Otherwise).unwrap(),
                None,
                "{ground:?}"
            );
            let moved = Account { school: Some(ctx.new_id()), ..teacher.clone() };
            let ended = Confirmation::judged(&ctx, &moved, None, Some(&before), Changed::Otherwise).unwrap().unwrap();
            assert!(!ended.is_living() && !ended.is_taken_back(), "{ground:?}");
            assert_eq!(
                Confirmation::judged(&ctx, &moved, None, Some(&ended), Changed::Otherwise).unwrap(),
                None,
                "it ends once"
            );
        }
        teacher.login = crate::account::Login::of("ana@edu.example");
        let before = given(&ctx, &teacher, Ground::Colleague);
        let moved = Account { school: Some(ctx.new_id()), ..teacher };
        let anew = Confirmation::judged(&ctx, &moved, None, Some(&before), Changed::Otherwise).unwrap().unwrap();
        assert_eq!((anew.ground, anew.school, anew.is_living()), (Ground::Domain, moved.school, true));
    }

    #[test]
    fn another_address_ends_what_the_former_one_proved_and_nothing_else() {
        let (stage, teacher) = stage();
        let ctx = stage.anybody();
        let judged = |ground| {
            let before = given(&ctx, &teacher, ground);
            Confirmation::judged(&ctx, &teacher, None, Some(&before), Changed::Otherwise).unwrap()
        };
        assert!(judged(Ground::Domain).is_some_and(|ended| !ended.is_living()));
        for ground in [Ground::School, Ground::Colleague, Ground::Coordinator] {
            assert_eq!(judged(ground), None, "{ground:?}");
        }
    }

    #[test]
    fn another_name_ends_what_somebody_said_of_the_former_one() {
        let (stage, mut teacher) = stage();
        let ctx = stage.anybody();
        let named = |teacher: &Account, surname: &str| {
            let mut named = teacher.clone();
            named.person.surname = surname.to_owned();
            named
        };
        assert_eq!(named(&teacher, "Horvat-Kos").changed_since(&teacher), Some(Changed::Name));
        assert_eq!(named(&teacher, "HÓRVAT").changed_since(&teacher), None);
        for ground in [Ground::School, Ground::Colleague, Ground::Coordinator] {
            let before = given(&ctx, &teacher, ground);
            let ended = Confirmation::judged(&ctx, &teacher, None, Some(&before), Changed::Name).unwrap();
            assert!(ended.is_some_and(|ended| !ended.is_living()), "{ground:?}");
        }
        teacher.login = crate::account::Login::of("ana@edu.example");
        let before = given(&ctx, &teacher, Ground::Domain);
        assert_eq!(Confirmation::judged(&ctx, &teacher, None, Some(&before), Changed::Name).unwrap(), None);
        let moved = Account { school: None, ..teacher.clone() };
        assert_eq!(moved.changed_since(&teacher), Some(Changed::Otherwise));
    }

    #[test]
    fn what_was_taken_back_only_the_central_team_gives_again() {
        let (stage, mut teacher) = stage();
        let colleague = account(&stage.anybody(), "ivo@edu.example", None, None);
        let ctx = stage.member(&colleague);
        let own = given(&ctx, &colleague, Ground::Domain);
        let said = given(&ctx, &teacher, Ground::School);
        let back = Confirmation::refuse(&ctx, &teacher, Some(&said)).unwrap().unwrap();
        assert_eq!(Confirmation::refuse(&ctx, &teacher, Some(&back)).unwrap(), None, "once");
        // nothing has to hold for it
        for nothing in [None, Some(&said.ended(&ctx, None))] {
            assert!(Confirmation::refuse(&ctx, &teacher, nothing).unwrap().is_some_and(|said| said.is_taken_back()));
        }
        assert_eq!(reason(Confirmation::by_school(&ctx, &teacher, Some(&back))), "CONFIRMATION_NOT_POSSIBLE");
        let vouching = Confirmation::by_colleague(&ctx, Some(&own), &teacher, Some(&back));
        assert_eq!(reason(vouching), "CONFIRMATION_NOT_POSSIBLE");
        teacher.login = crate::account::Login::of("ana@edu.example");
        assert_eq!(Confirmation::judged(&ctx, &teacher, None, Some(&back), Changed::Name).unwrap(), None);
        let again = Confirmation::by_coordinator(&ctx, colleague.id, &teacher, Some(&back)).unwrap().unwrap();
        assert!(again.is_living());
    }

    #[test]
    fn nobody_vouches_for_themselves_nor_unless_they_are_confirmed() {
        let (stage, teacher) = stage();
        let ctx = stage.member(&teacher);
        let own = given(&ctx, &teacher, Ground::School);
        let itself = Confirmation::by_colleague(&ctx, Some(&own), &teacher, None);
        assert_eq!(reason(itself), "CONFIRMATION_NOT_POSSIBLE");
        let other = account(&ctx, "ivo@home.example", None, None);
        let ended = own.ended(&ctx, None);
        for none in [None, Some(&ended)] {
            assert_eq!(reason(Confirmation::by_colleague(&ctx, none, &other, None)), "TEACHER_UNCONFIRMED");
        }
        let vouched = Confirmation::by_colleague(&ctx, Some(&own), &other, None).unwrap().unwrap();
        assert_eq!((vouched.ground, vouched.given_by), (Ground::Colleague, Some(teacher.id)));
        assert_eq!(Confirmation::by_colleague(&ctx, Some(&own), &other, Some(&vouched)).unwrap(), None);
    }

    #[test]
    fn who_is_bounded_to_a_territory_confirms_inside_of_it() {
        use platform::{Bound, Caller, Member};
        let (stage, teacher) = stage();
        let in_area = |area: &str| {
            stage.ctx(Caller::Member(Member {
                account: teacher.id.uuid(),
                session: teacher.id.uuid(),
                roles: vec![Role::Coordinator],
                mandate: None,
                bound: Bound { area: area.to_owned(), period: None },
                acts_for: None,
                home: None,
                lacks: None,
                is_half: false,
                scopes: None,
            }))
        };
        let school = stage.unsaved_school("CHTD007011");
        assert_eq!(reason(teacher.confirmed_by(&in_area("ITF"), Some(&school))), "OK");
        assert_eq!(reason(teacher.confirmed_by(&in_area("ITG"), Some(&school))), "NOT_FOUND");
        assert_eq!(reason(teacher.confirmed_by(&in_area("ITG"), None)), "NOT_FOUND");
        assert_eq!(reason(teacher.confirmed_by(&in_area(""), None)), "OK");
        assert_eq!(reason(teacher.confirmed_by(&stage.member(&teacher), Some(&school))), "NOT_FOUND");
    }

    #[test]
    fn where_the_country_says_nothing_nobody_is_asked_for_and_nobody_can_vouch() {
        let stage = Stage::without_store();
        let teacher = account(&stage.anybody(), "ana@edu.example", None, None);
        let ctx = stage.member(&teacher);
        assert_eq!(reason(needed(&ctx, None)), "OK");
        assert_eq!(Confirmation::judged(&ctx, &teacher, None, None, Changed::Otherwise).unwrap(), None);
        assert_eq!(reason(Confirmation::by_coordinator(&ctx, teacher.id, &teacher, None)), "CONFIRMATION_NOT_POSSIBLE");
        assert_eq!(reason(Confirmation::askable(&ctx, None, None)), "CONFIRMATION_NOT_POSSIBLE");
        let (stage, _) = self::stage();
        assert_eq!(reason(needed(&stage.anybody(), None)), "TEACHER_UNCONFIRMED");
    }

    #[test]
    fn what_a_school_or_a_colleague_has_said_is_worth_something_at_that_school() {
        let (stage, teacher) = stage();
        let ctx = stage.anybody();
        for (ground, elsewhere) in [
            (Ground::Domain, "OK"),
            (Ground::SchoolDomain, "TEACHER_UNCONFIRMED"),
            (Ground::School, "TEACHER_UNCONFIRMED"),
            (Ground::Colleague, "TEACHER_UNCONFIRMED"),
            (Ground::Coordinator, "OK"),
        ] {
            let said = given(&ctx, &teacher, ground);
            let at = |school| reason(needed_at(&ctx, Some(&said), school));
            assert_eq!((at(None), at(teacher.school), at(Some(ctx.new_id()))), ("OK", "OK", elsewhere), "{ground:?}");
        }
    }
}

//! Mandates: the roles that accounts have in this tenant, what bounds each, who gave it and who took it away. The room also holds the
//! invitations by which people come to a role.
//!
//! Who may give a role, and what may bound it, is said by the contract (`roles::granting`). Giving and taking away are in
//! `across::mandating`, in one place each.
//!
//! This room imports `country` and `account`. It does not know sessions, which act in mandates.

use jiff::Timestamp;
use platform::{Allowed, Bound, Ctx, Error, Id, Result, Violations, error::Shared};
use proto::options::v1::Role;

use crate::{
    account::{
        Account,
        confirmation::{self, Confirmation},
    },
    country::{Country, territory},
    reason::{Reason, Refuse},
};

pub mod api;
pub mod invitation;
pub(crate) mod roles;
pub(crate) mod store;
mod wire;

/// A role that an account has, or had.
#[derive(Clone, Debug, PartialEq)]
pub struct Mandate {
    id: Id<Mandate>,
    version: i64,
    account: Id<Account>,
    role: Role,
    bound: Bound,
    granted: Deed,
    revoked: Option<Deed>,
}

/// When something was done, and by whom. Nobody: somebody registered, a class was admitted, or it was the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<Id<Account>>,
}

/// A role with what bounds it, as somebody wants to give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The role.
    pub role: Role,
    /// What bounds it: the area is a territory, by its NUTS code, and the period an edition.
    pub bound: Bound,
}

/// Somebody who gives roles and takes them away: a role they act in, with its bound. Without a role it is the operator, who may give
/// every role that is given at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Giver {
    account: Option<Id<Account>>,
    acts_in: Option<Post>,
}

/// The account of a registered teacher (I4), for whom somebody vouches where the country asks for it: proof that a class can be theirs.
/// It is asked for wherever one becomes somebody's.
#[derive(Clone, Debug, PartialEq)]
pub struct Teacher(Account);

impl Mandate {
    /// What an account has from its beginning, because its owner registered or its class was admitted.
    pub(crate) fn first(ctx: &Ctx, account: &Account, role: Role) -> Self {
        Self::new(ctx, account.id(), Post { role, bound: Bound::default() }, None)
    }

    /// A role that somebody gives to an account. `whose` is the account, where it is a person's. Error: every violation at once, among
    /// them `ROLE_NOT_GRANTABLE`.
    pub fn grant(ctx: &Ctx, giver: &Giver, whose: Option<&Account>, post: Post) -> Result<Self> {
        let mut violations = Violations::new();
        let whose = whose.filter(|account| account.team().is_none() && !account.is_left());
        if whose.is_none() {
            let text = "No person has an account with this id, or who had it has left. Who has none is invited.";
            violations.add("account_id", Shared::FieldsInvalid, text);
        }
        giver.refuse(ctx, &mut violations, &post)?;
        let account = violations.value(whose)?;
        Ok(Self::new(ctx, account.id(), post, giver.account))
    }

    /// A role that was offered to an account, whose owner accepts it. The one who offered it gives it.
    fn accepted(ctx: &Ctx, account: &Account, post: Post, by: Option<Id<Account>>) -> Self {
        Self::new(ctx, account.id(), post, by)
    }

    fn new(ctx: &Ctx, account: Id<Account>, Post { role, bound }: Post, by: Option<Id<Account>>) -> Self {
        let granted = Deed { at: ctx.now(), by };
        Self { id: ctx.new_id(), version: 0, account, role, bound, granted, revoked: None }
    }

    /// Who may take the role away: who may give it. Error: `ROLE_NOT_GRANTABLE`.
    pub fn revoked_by(&self, giver: &Giver) -> Result<Allowed> {
        Allowed::when(giver.may_give(&self.post()), || {
            Reason::RoleNotGrantable.error("This role is not yours to take away, or nobody's.")
        })
    }

    /// Takes the role away. `coordinators` are those who can sign in. Returns false where it was taken away before. Error:
    /// `ROLE_NOT_GRANTABLE`, where the giver may not; `LAST_COORDINATOR`.
    pub fn revoke(&mut self, ctx: &Ctx, giver: &Giver, coordinators: &[Id<Account>]) -> Result<bool> {
        self.revoked_by(giver)?;
        if self.revoked.is_some() {
            return Ok(false);
        }
        if self.role == Role::Coordinator && coordinators == [self.account] {
            let text = "This is the last coordinator, without whom nobody could give roles here. Give the role to somebody else first.";
            return Err(Reason::LastCoordinator.error(text));
        }
        self.revoked = Some(Deed { at: ctx.now(), by: giver.account });
        Ok(true)
    }

    /// Ends it with its account, whose owner left.
    pub(crate) fn end(&mut self, ctx: &Ctx, owner: Id<Account>) {
        self.revoked = Some(Deed { at: ctx.now(), by: Some(owner) });
    }

    /// The one somebody acts in who has signed in: of the `living` ones of the account, oldest first, that of the `last` session, or else
    /// the first. Error: `MANDATE_MISSING`, where there is none.
    pub fn usual(living: Vec<Self>, last: Option<Id<Self>>) -> Result<Self> {
        let at = living.iter().position(|mandate| Some(mandate.id) == last).unwrap_or_default();
        living.into_iter().nth(at).ok_or_else(missing)
    }

    /// Whether it is held now, as this role.
    pub fn is(&self, role: Role) -> bool {
        self.is_living() && self.role == role
    }

    /// Whether it was not taken away.
    pub fn is_living(&self) -> bool {
        self.revoked.is_none()
    }

    fn post(&self) -> Post {
        Post { role: self.role, bound: self.bound.clone() }
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account that has it.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What bounds it.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Who gave it. Nobody, where the account has it from its beginning or from the operator.
    pub(crate) fn given_by(&self) -> Option<Id<Account>> {
        self.granted.by
    }
}

impl Giver {
    /// The caller, in the mandate of the session.
    pub fn of(ctx: &Ctx) -> Result<Self> {
        let member = ctx.member()?;
        let role = member.roles.first().copied().unwrap_or_default();
        let acts_in = Post { role, bound: ctx.bound().clone() };
        Ok(Self { account: Some(member.account.into()), acts_in: Some(acts_in) })
    }

    /// The operator.
    pub(crate) fn operator() -> Self {
        Self { account: None, acts_in: None }
    }

    /// Somebody in a mandate of theirs.
    pub(crate) fn in_mandate(mandate: &Mandate) -> Self {
        Self { account: Some(mandate.account), acts_in: Some(mandate.post()) }
    }

    /// Adds a violation for each thing because of which a role cannot be given, or not by this giver.
    fn refuse(&self, ctx: &Ctx, violations: &mut Violations, post: &Post) -> Result<()> {
        let territory = &post.bound.area;
        let country = ctx.tenant().section::<Country>()?;
        let is_here = country.contains(territory) && territory::find(territory).is_some();
        if !territory.is_empty() && !is_here {
            violations.add("territory", Shared::FieldsInvalid, "There is no such territory here.");
        }
        for (field, text) in self.faults(post) {
            violations.add(field, Reason::RoleNotGrantable, text);
        }
        Ok(())
    }

    fn may_give(&self, post: &Post) -> bool {
        self.faults(post).is_empty()
    }

    /// Why a role with this bound is not for the giver to give: fields, and what is wrong.
    fn faults(&self, Post { role, bound }: &Post) -> Vec<(&'static str, &'static str)> {
        let own = self.acts_in.as_ref();
        let granting = roles::granting(*role).filter(|said| own.is_none_or(|own| said.by().any(|by| by == own.role)));
        let Some(granting) = granting else {
            return vec![("role", "This role is not yours to give, or nobody's.")];
        };
        let mut faults = Vec::new();
        if !granting.territory && !bound.area.is_empty() {
            faults.push(("territory", "This role is for the whole country: leave the territory out."));
        } else if own.is_some_and(|own| !own.bound.has_area(&bound.area)) {
            faults.push(("territory", "Your own role is bounded to a territory: give roles inside of it."));
        }
        if !granting.edition && bound.period.is_some() {
            faults.push(("edition_id", "This role is for every edition: leave the edition out."));
        } else if own.is_some_and(|own| !own.bound.has_period(bound.period)) {
            faults.push(("edition_id", "Your own role is bounded to an edition: give roles for that one."));
        }
        faults
    }
}

impl Teacher {
    /// Proof that an account is a registered teacher's, by the mandates that it holds and what is said of it. Error:
    /// `TEACHER_NOT_REGISTERED` at `field`, also where there is no account, or its owner cannot sign in; `TEACHER_UNCONFIRMED`.
    pub fn proven(
        ctx: &Ctx,
        field: &str,
        account: Option<Account>,
        mandates: &[Mandate],
        said: Option<&Confirmation>,
    ) -> Result<Self> {
        let is_theirs = |account: &Account| {
            account.is_living()
                && mandates.iter().any(|mandate| mandate.account == account.id() && mandate.is(Role::Teacher))
        };
        let mut violations = Violations::new();
        let teacher = account.filter(is_theirs);
        if teacher.is_none() {
            let text = "There is no registered teacher with this id. They register and verify their address first.";
            violations.add(field, Reason::TeacherNotRegistered, text);
        }
        let teacher = violations.value(teacher)?;
        confirmation::needed(ctx, said)?;
        Ok(Self(teacher))
    }

    /// The id of the account.
    pub fn id(&self) -> Id<Account> {
        self.0.id()
    }
}

/// The error for a role that the account has already.
pub(crate) fn held() -> Error {
    Reason::MandateHeld.error("This account has the role already, with the same bound.")
}

fn missing() -> Error {
    let text = "Your account has no role here any more. Write to the central team, who can give it one again.";
    Reason::MandateMissing.error(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::tests::account, testing::Ground};

    fn post(role: Role, territory: &str) -> Post {
        Post { role, bound: Bound { area: territory.to_owned(), period: None } }
    }

    /// Somebody who acts in this role.
    fn giver(ctx: &Ctx, role: Role, territory: &str) -> Giver {
        Giver { account: Some(ctx.new_id()), acts_in: Some(post(role, territory)) }
    }

    fn faults(granted: Result<Mandate>) -> Vec<(String, &'static str)> {
        let refused = granted.err();
        let violations = refused.iter().flat_map(Error::violations);
        violations.map(|one| (one.field.clone(), one.reason)).collect()
    }

    #[test]
    fn the_contract_says_who_gives_a_role_and_what_bounds_it() {
        let ctx = Ground::without_store().anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let by = |giver: &Giver, post| faults(Mandate::grant(&ctx, giver, Some(&somebody), post));
        let coordinator = giver(&ctx, Role::Coordinator, "");
        let refused = |field: &str| vec![(field.to_owned(), "ROLE_NOT_GRANTABLE")];
        assert_eq!(by(&coordinator, post(Role::Juror, "ITF1")), []);
        assert_eq!(by(&giver(&ctx, Role::Juror, ""), post(Role::Juror, "")), refused("role"));
        for role in roles::all() {
            let expected = if roles::granting(role).is_some() { Vec::new() } else { refused("role") };
            assert_eq!(by(&coordinator, post(role, "")), expected, "{role:?}");
            assert_eq!(by(&Giver::operator(), post(role, "")), expected, "{role:?}");
        }
        let for_one_year =
            Post { bound: Bound { period: Some(uuid::Uuid::nil()), ..Bound::default() }, ..post(Role::Teacher, "") };
        assert_eq!(by(&coordinator, for_one_year), refused("edition_id"));
        assert_eq!(by(&coordinator, post(Role::Coordinator, "ITF1")), refused("territory"));
        assert_eq!(by(&coordinator, post(Role::Juror, "ITX")), [("territory".to_owned(), "FIELDS_INVALID")]);
        assert_eq!(by(&coordinator, post(Role::Juror, "HR02")), [("territory".to_owned(), "FIELDS_INVALID")]);
    }

    #[test]
    fn who_is_bounded_gives_inside_of_their_bound() {
        let ctx = Ground::without_store().anybody();
        let edition = Some(uuid::Uuid::from_u128(7));
        let mut south = giver(&ctx, Role::Coordinator, "ITF");
        assert!(south.may_give(&post(Role::Juror, "ITF14")) && !south.may_give(&post(Role::Juror, "")));
        assert!(!south.may_give(&post(Role::Juror, "ITG1")));
        south.acts_in.as_mut().unwrap().bound.period = edition;
        assert!(!south.may_give(&post(Role::Juror, "ITF14")));
        assert!(
            south.may_give(&Post { role: Role::Juror, bound: Bound { area: "ITF14".to_owned(), period: edition } })
        );
    }

    #[test]
    fn only_a_person_is_given_a_role() {
        let ctx = Ground::without_store().anybody();
        let team = account(&ctx, "22-23_0001", Some(ctx.new_id()), None);
        for whose in [None, Some(&team)] {
            let refused = faults(Mandate::grant(&ctx, &Giver::operator(), whose, post(Role::Juror, "")));
            assert_eq!(refused, [("account_id".to_owned(), "FIELDS_INVALID")]);
        }
    }

    #[test]
    fn the_last_coordinator_stays_and_what_was_revoked_stays_revoked() {
        let ctx = Ground::without_store().anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let mut mandate = Mandate::first(&ctx, &somebody, Role::Coordinator);
        let giver = giver(&ctx, Role::Coordinator, "");
        assert!(mandate.revoke(&ctx, &giver, &[somebody.id()]).is_err_and(|error| error.is(Reason::LastCoordinator)));
        assert!(mandate.revoke(&ctx, &giver, &[somebody.id(), ctx.new_id()]).unwrap());
        let revoked = mandate.clone();
        assert!(!mandate.revoke(&ctx, &Giver::operator(), &[]).unwrap());
        assert_eq!(mandate, revoked);
        let mut team = Mandate::first(&ctx, &somebody, Role::Team);
        assert!(team.revoke(&ctx, &giver, &[]).is_err_and(|error| error.is(Reason::RoleNotGrantable)));
    }

    #[test]
    fn somebody_signs_in_to_the_mandate_of_last_time_or_to_the_oldest() {
        let ctx = Ground::without_store().anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let [first, second] = [Role::Teacher, Role::Juror].map(|role| Mandate::first(&ctx, &somebody, role));
        let living = || vec![first.clone(), second.clone()];
        assert_eq!(Mandate::usual(living(), None).unwrap(), first);
        assert_eq!(Mandate::usual(living(), Some(second.id)).unwrap(), second);
        assert_eq!(Mandate::usual(living(), Some(ctx.new_id())).unwrap(), first, "that of last time was revoked");
        assert!(Mandate::usual(Vec::new(), None).is_err_and(|error| error.is(Reason::MandateMissing)));
    }

    #[test]
    fn only_who_has_the_role_now_is_a_registered_teacher() {
        let ctx = Ground::without_store().anybody();
        let [somebody, other] = ["a@b.it", "c@d.it"].map(|login| account(&ctx, login, None, None));
        let proven = |mandate: Mandate| Teacher::proven(&ctx, "teacher_id", Some(somebody.clone()), &[mandate], None);
        assert_eq!(proven(Mandate::first(&ctx, &somebody, Role::Teacher)).unwrap().id(), somebody.id());
        let mut gone = somebody.clone();
        gone.leave(&ctx, &[]).unwrap();
        let held = Mandate::first(&ctx, &somebody, Role::Teacher);
        assert!(Teacher::proven(&ctx, "teacher_id", Some(gone), &[held], None).is_err());
        let revoked = Some(Deed { at: ctx.now(), by: None });
        for mandate in [
            Mandate { revoked, ..Mandate::first(&ctx, &somebody, Role::Teacher) },
            Mandate::first(&ctx, &somebody, Role::Coordinator),
            Mandate::first(&ctx, &other, Role::Teacher),
        ] {
            let error = proven(mandate).unwrap_err();
            let violation = &error.violations()[0];
            assert_eq!((violation.field.as_str(), violation.reason), ("teacher_id", "TEACHER_NOT_REGISTERED"));
        }
    }

    #[test]
    fn where_the_country_asks_for_it_somebody_vouches_before_a_class_is_theirs() {
        let ctx = Ground::vouching("required = true\nways = ['coordinator']").anybody();
        let somebody = account(&ctx, "ana@school.example", None, None);
        let held = [Mandate::first(&ctx, &somebody, Role::Teacher)];
        let proven =
            |said: Option<&Confirmation>| Teacher::proven(&ctx, "teacher_id", Some(somebody.clone()), &held, said);
        assert!(proven(None).is_err_and(|error| error.is(Reason::TeacherUnconfirmed)));
        let said = Confirmation::by_coordinator(&ctx, ctx.new_id(), &somebody, None).unwrap();
        assert!(proven(said.as_ref()).is_ok());
    }
}

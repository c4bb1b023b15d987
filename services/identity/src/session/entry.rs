//! How far somebody is let in: the one place that decides what a session lacks. Nothing opens a session, gives tokens for one or takes
//! one abroad without an [`Entry`], and there is none for which nobody looked whether the account has a second factor.

use platform::{Ctx, Id, Lack, Result};

use super::Grant;
use crate::{
    account::{
        Account, TeamId,
        factor::{Factor, Held},
        provider_link::ProviderLink,
    },
    country::Country,
    mandate::Mandate,
};

/// What somebody has shown who wants to act in a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The provisional credential of a team.
    Credential,
    /// The password, and no second factor.
    Password,
    /// The password, or the answer of an identity provider, and this second factor.
    Factor(Id<Factor>),
    /// The answer of an identity provider, and no second factor here.
    Provider(Came),
}

/// How somebody came by an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// The link of the account.
    pub link: Id<ProviderLink>,
    /// Whether the provider has proven that two factors were shown there, and the country takes its word.
    pub two_factors: bool,
}

/// A mandate that somebody acts in, what they have shown for it, and what is lacking.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    team: Option<TeamId>,
    mandate: Mandate,
    factor: Option<Id<Factor>>,
    came: Option<Came>,
    lacks: Option<Lack>,
}

/// A session with its tokens, as its owner is told of it.
#[derive(Debug)]
pub struct Opened {
    pub(super) grant: Grant,
    pub(super) entry: Entry,
}

impl Entry {
    /// Decides what is lacking. A second factor that the account has is shown, whatever the role; where the country says that the role
    /// needs one, an account without one enrols it first.
    pub fn decide(ctx: &Ctx, account: &Account, mandate: Mandate, held: Held, proof: Proof) -> Result<Self> {
        let factor = match proof {
            Proof::Factor(shown) => Some(shown),
            Proof::Credential | Proof::Password | Proof::Provider(_) => None,
        };
        let came = if let Proof::Provider(came) = proof { Some(came) } else { None };
        let lacks = match (proof, held.id()) {
            (Proof::Credential, _) => Some(Lack::Password),
            (Proof::Provider(Came { two_factors: true, .. }), _) => None,
            (_, Some(held)) => (factor != Some(held)).then_some(Lack::SecondFactor),
            (_, None) => {
                let is_needed = ctx.tenant().section::<Country>()?.needs_factor(mandate.role());
                is_needed.then_some(Lack::Enrolment)
            }
        };
        Ok(Self { team: account.team(), mandate, factor, came, lacks })
    }

    /// Error: what must come first, where something is lacking.
    pub fn complete(&self) -> Result<()> {
        self.lacks.map_or(Ok(()), |lack| Err(lack.refusal()))
    }

    /// What is lacking.
    pub fn lacks(&self) -> Option<Lack> {
        self.lacks
    }

    /// The mandate.
    pub fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    /// The team that the account acts for.
    pub(super) fn team(&self) -> Option<TeamId> {
        self.team
    }

    /// The second factor that was shown.
    pub(super) fn factor(&self) -> Option<Id<Factor>> {
        self.factor
    }

    /// The answer of an identity provider that was shown.
    pub(super) fn came(&self) -> Option<Came> {
        self.came
    }
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{account::tests::account, testing::Ground};

    #[test]
    fn a_factor_is_shown_where_there_is_one_and_enrolled_where_the_role_needs_one() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["juror"]);
        let (own, other) = (strict.new_id(), strict.new_id());
        let account = account(&strict, "ana@school.example", None, None);
        let lacks = |ctx: &Ctx, role, held: Option<Id<Factor>>, proof| {
            let mandate = Mandate::first(ctx, &account, role);
            Entry::decide(ctx, &account, mandate, Held::of(held), proof).unwrap().lacks()
        };
        for (ctx, role, alone) in [
            (&ground.anybody(), Role::Juror, None),
            (&strict, Role::Teacher, None),
            (&strict, Role::Juror, Some(Lack::Enrolment)),
        ] {
            assert_eq!(lacks(ctx, role, None, Proof::Password), alone, "{role:?}");
            assert_eq!(lacks(ctx, role, None, Proof::Factor(own)), alone, "one that was given up: {role:?}");
            assert_eq!(lacks(ctx, role, Some(own), Proof::Password), Some(Lack::SecondFactor), "{role:?}");
            assert_eq!(lacks(ctx, role, Some(own), Proof::Factor(other)), Some(Lack::SecondFactor), "{role:?}");
            assert_eq!(lacks(ctx, role, Some(own), Proof::Factor(own)), None, "{role:?}");
        }
        assert_eq!(lacks(&strict, Role::Team, None, Proof::Credential), Some(Lack::Password));
        // what a provider says is as a password, unless it proves two factors
        let came = |two_factors| Proof::Provider(Came { link: strict.new_id(), two_factors });
        assert_eq!(lacks(&strict, Role::Juror, None, came(false)), Some(Lack::Enrolment));
        assert_eq!(lacks(&strict, Role::Juror, Some(own), came(false)), Some(Lack::SecondFactor));
        assert_eq!(lacks(&strict, Role::Juror, None, came(true)), None);
        assert_eq!(lacks(&strict, Role::Teacher, Some(own), came(true)), None);
    }

    #[test]
    fn what_is_lacking_is_said_by_its_reason() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["teacher"]);
        let account = account(&strict, "ana@school.example", None, None);
        let reason = |held: Option<Id<Factor>>, proof| {
            let mandate = Mandate::first(&strict, &account, Role::Teacher);
            let entry = Entry::decide(&strict, &account, mandate, Held::of(held), proof).unwrap();
            entry.complete().map_or_else(|error| error.reason(), |()| "OK")
        };
        let factor = strict.new_id();
        assert_eq!(reason(None, Proof::Credential), "PASSWORD_CHANGE_NEEDED");
        assert_eq!(reason(None, Proof::Password), "ENROLMENT_NEEDED");
        assert_eq!(reason(Some(factor), Proof::Password), "SECOND_FACTOR_NEEDED");
        assert_eq!(reason(Some(factor), Proof::Factor(factor)), "OK");
    }
}

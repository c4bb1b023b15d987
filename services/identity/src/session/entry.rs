//! How far somebody is let in: the one place that decides what a session lacks. Nothing opens a session, gives tokens for one or takes
//! one abroad without an [`Entry`], and there is none for which nobody looked whether the account has a second factor.

use platform::{Ctx, Id, Lack, Result};

use super::Grant;
use crate::{
    account::{
        Account, Passkey, TeamId,
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
    /// This passkey, whose device has looked who uses it: it counts as the password, or as both.
    Passkey(Id<Passkey>),
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
    proof: Proof,
    lacks: Option<Lack>,
    held: Held,
}

/// A session with its tokens, as its owner is told of it.
#[derive(Debug)]
pub struct Opened {
    pub(super) grant: Grant,
    pub(super) entry: Entry,
}

impl Proof {
    /// Whether it is a second factor, of those that the account has.
    pub fn is_second_factor(self, held: &Held) -> bool {
        match self {
            Self::Credential | Self::Password => false,
            Self::Factor(shown) => held.factor() == Some(shown),
            Self::Passkey(shown) => held.has(shown),
            Self::Provider(Came { link, two_factors }) => two_factors && held.has_link(link),
        }
    }
}

impl Entry {
    /// Decides what is lacking. Where the account has an app, or the country says that the role needs a second factor, one that the account
    /// has is shown: its app, or a passkey or a provider that counts as one. An account that has none enrols one first; one that has is not
    /// asked to, for whoever knows the password could.
    pub fn decide(ctx: &Ctx, account: &Account, mandate: Mandate, held: &Held, proof: Proof) -> Result<Self> {
        let is_needed = ctx.tenant().section::<Country>()?.needs_factor(mandate.role());
        let lacks = match proof {
            Proof::Credential => Some(Lack::Password),
            _ if held.factor().is_none() && !is_needed || proof.is_second_factor(held) => None,
            _ if held.is_any() => Some(Lack::SecondFactor),
            _ => Some(Lack::Enrolment),
        };
        Ok(Self { team: account.team(), mandate, proof, lacks, held: held.clone() })
    }

    /// Error: what must come first, where something is lacking.
    pub fn complete(&self) -> Result<()> {
        self.lacks.map_or(Ok(()), |lack| Err(lack.refusal()))
    }

    /// What is lacking.
    pub fn lacks(&self) -> Option<Lack> {
        self.lacks
    }

    /// Whether the account has a second factor that was not shown, whether the role needs one or not.
    pub(super) fn is_half(&self) -> bool {
        self.held.is_any() && !self.proof.is_second_factor(&self.held)
    }

    /// The mandate.
    pub fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    /// The team that the account acts for.
    pub(super) fn team(&self) -> Option<TeamId> {
        self.team
    }

    /// Whether what is lacking is shown by a passkey, and there is no app.
    pub(super) fn needs_passkey(&self) -> bool {
        self.lacks_without_app() && self.held.has_passkeys()
    }

    /// Whether what is lacking is shown by coming in by a provider, and there is no app.
    pub(super) fn needs_provider(&self) -> bool {
        self.lacks_without_app() && self.held.has_proven_links()
    }

    fn lacks_without_app(&self) -> bool {
        self.lacks == Some(Lack::SecondFactor) && self.held.factor().is_none()
    }

    /// The second factor that was shown.
    pub(super) fn factor(&self) -> Option<Id<Factor>> {
        if let Proof::Factor(shown) = self.proof { Some(shown) } else { None }
    }

    /// The passkey that was shown.
    pub(super) fn passkey(&self) -> Option<Id<Passkey>> {
        if let Proof::Passkey(shown) = self.proof { Some(shown) } else { None }
    }

    /// The answer of an identity provider that was shown.
    pub(super) fn came(&self) -> Option<Came> {
        if let Proof::Provider(came) = self.proof { Some(came) } else { None }
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
            Entry::decide(ctx, &account, mandate, &Held::of(held), proof).unwrap().lacks()
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
    }

    #[test]
    fn a_provider_is_a_second_factor_by_a_link_that_counts_where_two_were_shown_there() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["juror"]);
        let (own, weak, app) = (strict.new_id(), strict.new_id(), strict.new_id());
        let account = account(&strict, "ana@school.example", None, None);
        let decide = |role, held: &Held, proof| {
            let mandate = Mandate::first(&strict, &account, role);
            let entry = Entry::decide(&strict, &account, mandate, held, proof).unwrap();
            (entry.lacks(), entry.needs_provider())
        };
        let came = |link, two_factors| Proof::Provider(Came { link, two_factors });
        let none = Held::of(None);
        let proven = none.clone().and_link(own, true);
        let unproven = none.clone().and_link(own, false);
        let with_app = Held::of(Some(app)).and_link(own, true);
        for role in [Role::Juror, Role::Teacher] {
            for held in [&proven, &unproven, &with_app] {
                assert_eq!(decide(role, held, came(own, true)), (None, false), "{role:?}: {held:?}");
            }
            // one that was made with the password alone is no more than that
            for proof in [came(weak, true), came(own, false), Proof::Password] {
                let (needed, held) = ((Some(Lack::SecondFactor), true), role == Role::Juror);
                assert_eq!(decide(role, &proven, proof), if held { needed } else { (None, false) }, "{role:?}");
                assert_eq!(decide(role, &with_app, proof), (Some(Lack::SecondFactor), false), "{role:?}");
            }
        }
        for held in [&none, &unproven] {
            assert_eq!(decide(Role::Juror, held, came(weak, true)), (Some(Lack::Enrolment), false), "{held:?}");
            assert_eq!(decide(Role::Juror, held, Proof::Password), (Some(Lack::Enrolment), false), "{held:?}");
        }
    }

    #[test]
    fn a_passkey_counts_as_both_and_is_shown_where_the_role_needs_a_second_factor() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["juror"]);
        let (own, gone, app) = (strict.new_id(), strict.new_id(), strict.new_id());
        let account = account(&strict, "ana@school.example", None, None);
        let decide = |role, held: Option<Id<Factor>>, proof| {
            let mandate = Mandate::first(&strict, &account, role);
            let entry = Entry::decide(&strict, &account, mandate, &Held::of(held).and(vec![own]), proof).unwrap();
            (entry.lacks(), entry.needs_passkey())
        };
        for held in [None, Some(app)] {
            assert_eq!(decide(Role::Juror, held, Proof::Passkey(own)), (None, false));
            assert_eq!(decide(Role::Teacher, held, Proof::Passkey(own)), (None, false));
            for proof in [Proof::Password, Proof::Passkey(gone), Proof::Factor(strict.new_id())] {
                let lacking = (Some(Lack::SecondFactor), held.is_none());
                assert_eq!(decide(Role::Juror, held, proof), lacking, "{proof:?}: an app is not to be enrolled");
                let elsewhere = if held.is_some() { lacking } else { (None, false) };
                assert_eq!(decide(Role::Teacher, held, proof), elsewhere, "{proof:?}");
            }
        }
        assert_eq!(decide(Role::Juror, Some(app), Proof::Factor(app)), (None, false));
    }

    #[test]
    fn what_is_lacking_is_said_by_its_reason() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["teacher"]);
        let account = account(&strict, "ana@school.example", None, None);
        let reason = |held: Option<Id<Factor>>, proof| {
            let mandate = Mandate::first(&strict, &account, Role::Teacher);
            let entry = Entry::decide(&strict, &account, mandate, &Held::of(held), proof).unwrap();
            entry.complete().map_or_else(|error| error.reason(), |()| "OK")
        };
        let factor = strict.new_id();
        assert_eq!(reason(None, Proof::Credential), "PASSWORD_CHANGE_NEEDED");
        assert_eq!(reason(None, Proof::Password), "ENROLMENT_NEEDED");
        assert_eq!(reason(Some(factor), Proof::Password), "SECOND_FACTOR_NEEDED");
        assert_eq!(reason(Some(factor), Proof::Factor(factor)), "OK");
    }
}

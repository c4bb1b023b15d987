//! Engagements: a class is bound in one pair at a time, over all programmes (I13). A programme knows only its own pairs, so the country of
//! a class keeps the one engagement that the class can have. A programme takes the engagement there before it binds a pair, and gives it
//! back when the pair releases the class.

use platform::{Id, TenantId};

use crate::{
    twinning::pair::{Pair, PairStage},
    year::team::Team,
};

pub(crate) mod home;
pub(crate) mod store;
mod wire;

/// A class that is bound in a pair of a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    pub(crate) home: TenantId,
    pub(crate) team: Id<Team>,
    pub(crate) programme: TenantId,
    pub(crate) pair: Id<Pair>,
}

impl Engagement {
    /// The engagements that a pair needs now: of both classes while it binds them, otherwise none.
    fn needed(programme: &TenantId, pair: &Pair) -> Vec<Self> {
        if pair.stage().engages() { Self::of(programme, pair) } else { Vec::new() }
    }

    /// The engagements that a pair will never need again. A proposal that ends is one of these pairs, because an acceptance that failed may
    /// have taken them.
    fn over(programme: &TenantId, pair: &Pair) -> Vec<Self> {
        let is_over = !pair.stage().engages() && pair.stage() != PairStage::Proposed;
        if is_over { Self::of(programme, pair) } else { Vec::new() }
    }

    fn of(programme: &TenantId, pair: &Pair) -> Vec<Self> {
        let each = pair.sides().iter().map(|place| Self {
            home: place.side.home.clone(),
            team: place.side.team,
            programme: programme.clone(),
            pair: pair.id(),
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::{
        Ground,
        twins::{Twins, proposed},
    };

    #[test]
    fn a_class_is_bound_from_both_acceptances_until_one_class_is_out_and_never_again() {
        let ground = Ground::programme();
        let programme = ground.tenant.id().clone();
        let sides = [ground.side("hr", "HR033"), ground.side("it", "ITF14")];
        let teachers = sides.each_ref().map(|side| ground.twin(Role::TwinTeacher, side));
        let mut pair = proposed(&teachers[0], ground.ids.next(), sides);
        let counts =
            |pair: &Pair| (Engagement::needed(&programme, pair).len(), Engagement::over(&programme, pair).len());
        assert_eq!(counts(&pair), (0, 0), "a proposal binds nobody");
        let mut declined = pair.clone();
        declined.decline(&teachers[1]).unwrap();
        assert_eq!(counts(&declined), (0, 2), "what an acceptance that failed may have taken");
        pair.accept(&teachers[1]).unwrap();
        assert_eq!(counts(&pair), (2, 0));
        let mut declined = pair.clone();
        declined.decline(&teachers[0]).unwrap();
        assert_eq!(counts(&declined), (0, 2));
        let needed = Engagement::needed(&programme, &pair);
        for (engagement, place) in needed.iter().zip(pair.sides()) {
            let Engagement { home, team, programme, pair: of } = engagement;
            assert_eq!((home, *team, programme.as_str()), (&place.side.home, place.side.team, "it-hr"));
            assert_eq!(*of, pair.id());
        }
    }

    #[tokio::test]
    async fn neither_class_is_bound_after_one_has_left() {
        let mut twins = Twins::at_work().await;
        let programme = twins.ground.tenant.id().clone();
        assert_eq!(Engagement::needed(&programme, &twins.pair).len(), 2);
        let both = twins.pair.sides().clone().map(|place| place.side.team);
        twins.leaves(0).await;
        assert_eq!(twins.pair.stage(), PairStage::OneSided);
        let over = Engagement::over(&programme, &twins.pair);
        assert_eq!(over.iter().map(|engagement| engagement.team).collect::<Vec<_>>(), both);
        assert_eq!(Engagement::needed(&programme, &twins.pair), []);
    }
}

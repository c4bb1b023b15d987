//! Pairs as messages.

use jiff::Timestamp;
use platform::{Error, Id, Result, wire};
use proto::lessons::v1 as pb;

use crate::twinning::offer::{Offer, couples::Alone};

use super::{Pair, PairSide, PairStage, ProposedBy, Viewpoint, Waiting, store::Filter};

impl From<Pair> for pb::Pair {
    fn from(pair: Pair) -> Self {
        let Pair { origin, state, .. } = &pair;
        let reasons = origin.reasons.iter().map(|why| pb::MatchReason::from(*why).into());
        Self {
            id: pair.id.to_string(),
            track_id: pair.track.to_string(),
            sides: pair.sides.iter().map(|place| side(&pair, place)).collect(),
            proposed_by: pb::ProposedBy::from(origin.by).into(),
            state: pb::PairState::from(state.stage()).into(),
            state_since: Some(wire::timestamp(pair.since)),
            waiting_for: pair.waiting_for().into_iter().map(pb::Waiting::from).collect(),
            project_at: at(state.chosen().map(|chosen| chosen.at)),
            project: pair.project().cloned().map(Into::into),
            previous_pair_id: origin.previous.map(|id| id.to_string()).unwrap_or_default(),
            created_at: Some(wire::timestamp(origin.at)),
            etag: wire::etag(pair.version),
            reason: state.reason().to_owned(),
            delivered_at: at(state.work().and_then(|work| work.delivered_at)),
            match_reasons: reasons.collect(),
        }
    }
}

fn side(pair: &Pair, place: &PairSide) -> pb::PairSide {
    pb::PairSide {
        side: Some(place.side.clone().into()),
        offer_id: place.offer.to_string(),
        accepted_at: at(place.accepted_at),
        approved_at: at(place.approved_at),
        partner: pair.partner(place).cloned().map(Into::into),
        agreed_at: at(place.agreed_at),
        left_at: at(place.left_at),
        delivered_at: at(place.delivered_at),
    }
}

fn at(instant: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    instant.map(wire::timestamp)
}

impl From<Waiting> for pb::Waiting {
    fn from(waiting: Waiting) -> Self {
        Self {
            home: waiting.home.map(|home| home.to_string()).unwrap_or_default(),
            role: waiting.role.into(),
            since: Some(wire::timestamp(waiting.since)),
        }
    }
}

impl From<ProposedBy> for pb::ProposedBy {
    fn from(by: ProposedBy) -> Self {
        match by {
            ProposedBy::Teacher => Self::Teacher,
            ProposedBy::Secretariat => Self::Secretariat,
            ProposedBy::Matcher => Self::Matcher,
        }
    }
}

impl From<Alone> for pb::UnmatchedReason {
    fn from(alone: Alone) -> Self {
        match alone {
            Alone::CountryOutside => Self::CountryOutside,
            Alone::NoOtherCountry => Self::NoOtherCountry,
            Alone::NoCommonLanguage => Self::NoCommonLanguage,
            Alone::NoCommonTime => Self::NoCommonTime,
            Alone::MetBefore => Self::MetBefore,
            Alone::TwinsTaken => Self::TwinsTaken,
        }
    }
}

/// The answer to `ProposeMatches`.
pub(super) fn found(pairs: Vec<Pair>, alone: &[(Id<Offer>, Alone)]) -> pb::ProposeMatchesResponse {
    let unmatched = alone.iter().map(|(offer, why)| pb::Unmatched {
        offer_id: offer.to_string(),
        reason: pb::UnmatchedReason::from(*why).into(),
    });
    pb::ProposeMatchesResponse {
        pairs: pairs.into_iter().map(pb::Pair::from).collect(),
        unmatched: unmatched.collect(),
    }
}

impl From<PairStage> for pb::PairState {
    fn from(stage: PairStage) -> Self {
        match stage {
            PairStage::Proposed => Self::Proposed,
            PairStage::Accepted => Self::Accepted,
            PairStage::Approved => Self::Approved,
            PairStage::ProjectAgreed => Self::ProjectAgreed,
            PairStage::Active => Self::Active,
            PairStage::Suspended => Self::Suspended,
            PairStage::OneSided => Self::OneSided,
            PairStage::Completed => Self::Completed,
            PairStage::Declined => Self::Declined,
            PairStage::Lapsed => Self::Lapsed,
            PairStage::Dissolved => Self::Dissolved,
            PairStage::Repaired => Self::Repaired,
        }
    }
}

/// The state that a list is filtered by. None where none is given.
fn asked(state: pb::PairState) -> Option<PairStage> {
    match state {
        pb::PairState::Unspecified => None,
        pb::PairState::Proposed => Some(PairStage::Proposed),
        pb::PairState::Accepted => Some(PairStage::Accepted),
        pb::PairState::Approved => Some(PairStage::Approved),
        pb::PairState::ProjectAgreed => Some(PairStage::ProjectAgreed),
        pb::PairState::Active => Some(PairStage::Active),
        pb::PairState::Suspended => Some(PairStage::Suspended),
        pb::PairState::OneSided => Some(PairStage::OneSided),
        pb::PairState::Completed => Some(PairStage::Completed),
        pb::PairState::Declined => Some(PairStage::Declined),
        pb::PairState::Lapsed => Some(PairStage::Lapsed),
        pb::PairState::Dissolved => Some(PairStage::Dissolved),
        pb::PairState::Repaired => Some(PairStage::Repaired),
    }
}

impl TryFrom<&pb::ListPairsRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListPairsRequest) -> Result<Self> {
        let track = wire::optional(&request.track_id)?;
        Ok(Self { state: asked(request.state()), home: request.home.clone(), track })
    }
}

impl TryFrom<pb::Viewpoint> for Viewpoint {
    type Error = Error;

    fn try_from(view: pb::Viewpoint) -> Result<Self> {
        Ok(Self { team: view.team_id.parse()?, partner: view.partner_id })
    }
}

/// The partners the classes look at.
pub(super) fn viewpoints(views: Vec<pb::Viewpoint>) -> Result<Vec<Viewpoint>> {
    views.into_iter().map(Viewpoint::try_from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_the_name_in_errors_that_it_has_in_answers() {
        let states = (1..).map_while(|number| pb::PairState::try_from(number).ok());
        let mut named = 0;
        for state in states {
            let stage = asked(state).unwrap();
            assert_eq!(pb::PairState::from(stage), state);
            assert_eq!(format!("PAIR_STATE_{}", stage.name()), state.as_str_name());
            named += 1;
        }
        assert_eq!(named, 12, "every state of the API");
    }
}

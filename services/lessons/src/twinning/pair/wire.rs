//! Pairs as messages.

use jiff::Timestamp;
use platform::{Error, Id, Result, wire};
use proto::lessons::v1 as pb;

use crate::twinning::offer::{Offer, couples::Alone};

use super::{Pair, Place, ProposedBy, State, Viewpoint, Waiting, store::Filter};

impl From<Pair> for pb::Pair {
    fn from(pair: Pair) -> Self {
        Self {
            id: pair.id.to_string(),
            track_id: pair.track.to_string(),
            sides: pair.sides.iter().map(|place| side(&pair, place)).collect(),
            proposed_by: pb::ProposedBy::from(pair.proposed_by).into(),
            state: pb::PairState::from(pair.state).into(),
            state_since: Some(wire::timestamp(pair.since)),
            waiting_for: pair.waiting_for().into_iter().map(pb::Waiting::from).collect(),
            project_at: at(pair.project_at),
            project: pair.project.map(Into::into),
            previous_pair_id: pair.previous.map(|id| id.to_string()).unwrap_or_default(),
            created_at: Some(wire::timestamp(pair.created_at)),
            etag: wire::etag(pair.version),
            reason: pair.reason,
            delivered_at: at(pair.delivered_at),
            match_reasons: pair.matched.into_iter().map(|why| pb::MatchReason::from(why).into()).collect(),
        }
    }
}

fn side(pair: &Pair, place: &Place) -> pb::PairSide {
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

/// What the matcher did.
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

impl From<State> for pb::PairState {
    fn from(state: State) -> Self {
        match state {
            State::Proposed => Self::Proposed,
            State::Accepted => Self::Accepted,
            State::Approved => Self::Approved,
            State::ProjectAgreed => Self::ProjectAgreed,
            State::Active => Self::Active,
            State::Suspended => Self::Suspended,
            State::OneSided => Self::OneSided,
            State::Completed => Self::Completed,
            State::Declined => Self::Declined,
            State::Lapsed => Self::Lapsed,
            State::Dissolved => Self::Dissolved,
            State::Repaired => Self::Repaired,
        }
    }
}

/// The state a list is asked for. None where none is named.
fn asked(state: pb::PairState) -> Option<State> {
    match state {
        pb::PairState::Unspecified => None,
        pb::PairState::Proposed => Some(State::Proposed),
        pb::PairState::Accepted => Some(State::Accepted),
        pb::PairState::Approved => Some(State::Approved),
        pb::PairState::ProjectAgreed => Some(State::ProjectAgreed),
        pb::PairState::Active => Some(State::Active),
        pb::PairState::Suspended => Some(State::Suspended),
        pb::PairState::OneSided => Some(State::OneSided),
        pb::PairState::Completed => Some(State::Completed),
        pb::PairState::Declined => Some(State::Declined),
        pb::PairState::Lapsed => Some(State::Lapsed),
        pb::PairState::Dissolved => Some(State::Dissolved),
        pb::PairState::Repaired => Some(State::Repaired),
    }
}

impl TryFrom<&pb::ListPairsRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListPairsRequest) -> Result<Self> {
        let track = if request.track_id.is_empty() { None } else { Some(request.track_id.parse()?) };
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

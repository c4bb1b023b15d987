//! A pair as the columns of its rows, and back.

use platform::{
    Error, Result,
    store::{At, of_text, to_text},
};
use sea_orm::ActiveValue::Set;

use super::{row, side_row};
use crate::twinning::{
    pair::{ChosenProject, Origin, Pair, PairSide, PairStage, PairState, Work},
    project::{Kept, Project},
    side::Side,
};

pub(super) fn active(pair: &Pair) -> Result<row::ActiveModel> {
    let Pair { origin, state, .. } = pair;
    let project = state.chosen().map(|chosen| to_text(&Kept::from(&chosen.project))).transpose()?;
    let suspended_by = state.suspended_by().map(to_text).transpose()?;
    Ok(row::ActiveModel {
        id: Set(pair.id),
        version: Set(pair.version),
        track_id: Set(pair.track),
        proposed_by: Set(to_text(&origin.by)?),
        matched: Set(to_text(&origin.reasons)?),
        state: Set(to_text(&state.stage())?),
        state_since: Set(pair.since.into()),
        reason: Set(state.reason().to_owned()),
        project: Set(project.unwrap_or_default()),
        project_at: Set(state.chosen().map(|chosen| chosen.at.into())),
        suspended_by: Set(suspended_by.unwrap_or_default()),
        delivered_at: Set(state.work().and_then(|work| work.delivered_at).map(Into::into)),
        previous_pair_id: Set(origin.previous),
        created_at: Set(origin.at.into()),
    })
}

pub(super) fn side_active(pair: &Pair, position: i32) -> side_row::ActiveModel {
    let place = &pair.sides[usize::from(position > 0)];
    let PairSide { side, .. } = place;
    side_row::ActiveModel {
        pair_id: Set(pair.id),
        position: Set(position),
        home: Set(side.home.to_string()),
        team_id: Set(side.team),
        team_name: Set(side.team_name.clone()),
        school_name: Set(side.school_name.clone()),
        territory: Set(side.territory.clone()),
        offer_id: Set(place.offer),
        accepted_at: Set(place.accepted_at.map(Into::into)),
        approved_at: Set(place.approved_at.map(Into::into)),
        partner: Set(place.partner.clone()),
        agreed_at: Set(place.agreed_at.map(Into::into)),
        delivered_at: Set(place.delivered_at.map(Into::into)),
        has_signed: Set(place.has_signed),
        left_at: Set(place.left_at.map(Into::into)),
        is_engaged: Set(pair.stage().engages() && !place.has_left()),
    }
}

pub(super) fn place(row: side_row::Model) -> Result<PairSide> {
    Ok(PairSide {
        side: Side::of_row(&row.home, row.team_id, row.team_name, row.school_name, row.territory)?,
        offer: row.offer_id,
        accepted_at: row.accepted_at.map(|at| at.0),
        approved_at: row.approved_at.map(|at| at.0),
        partner: row.partner,
        agreed_at: row.agreed_at.map(|at| at.0),
        delivered_at: row.delivered_at.map(|at| at.0),
        has_signed: row.has_signed,
        left_at: row.left_at.map(|at| at.0),
    })
}

pub(super) fn pair(sides: Vec<PairSide>, row: row::Model) -> Result<Pair> {
    let sides = sides.try_into().map_err(|_| Error::internal(format!("pair {} has not two sides", row.id)))?;
    let state = state(&row)?;
    Ok(Pair {
        id: row.id,
        version: row.version,
        track: row.track_id,
        sides,
        origin: Origin {
            by: of_text(&row.proposed_by)?,
            reasons: of_text(&row.matched)?,
            previous: row.previous_pair_id,
            at: row.created_at.0,
        },
        state,
        since: row.state_since.0,
    })
}

/// The state, with its facts from the columns that hold them. Error: internal, where a column is empty that the state needs.
fn state(row: &row::Model) -> Result<PairState> {
    let broken = || Error::internal(format!("the state of pair {} is not whole", row.id));
    let chosen = match row.project_at {
        Some(At(at)) if !row.project.is_empty() => {
            Some(ChosenProject { project: Project::try_from(of_text::<Kept>(&row.project)?)?, at })
        }
        _ => None,
    };
    let delivered_at = row.delivered_at.map(|at| at.0);
    let work = |chosen: Option<ChosenProject>| -> Result<Work> {
        Ok(Work { chosen: chosen.ok_or_else(broken)?, delivered_at })
    };
    let reason = row.reason.clone();
    Ok(match of_text(&row.state)? {
        PairStage::Proposed => PairState::Proposed,
        PairStage::Accepted => PairState::Accepted,
        PairStage::Approved => PairState::Approved(chosen),
        PairStage::ProjectAgreed => PairState::ProjectAgreed(chosen.ok_or_else(broken)?),
        PairStage::Active => PairState::Active(work(chosen)?),
        PairStage::Suspended if row.suspended_by.is_empty() => return Err(broken()),
        PairStage::Suspended => PairState::Suspended { work: work(chosen)?, by: of_text(&row.suspended_by)?, reason },
        PairStage::OneSided => PairState::OneSided { work: work(chosen)?, reason },
        PairStage::Completed => PairState::Completed(work(chosen)?),
        PairStage::Declined => PairState::Declined(chosen),
        PairStage::Lapsed => PairState::Lapsed,
        PairStage::Dissolved => PairState::Dissolved { work: work(chosen)?, reason },
        PairStage::Repaired => PairState::Repaired { work: work(chosen)?, reason },
    })
}

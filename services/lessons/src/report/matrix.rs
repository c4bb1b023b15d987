//! The delivery matrix: teams by lessons.

use std::collections::HashMap;

use super::Delivery;
use crate::{edition::Edition, team::Team};

/// One row: a team, and one cell a lesson of its track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) team: Team,
    pub(super) deliveries: Vec<Delivery>,
}

/// The rows of these teams, in their order. `cells` are those that were begun, in no order.
pub(super) fn rows(edition: &Edition, teams: Vec<Team>, cells: Vec<Delivery>) -> Vec<Row> {
    let mut cells: HashMap<_, _> = cells.into_iter().map(|cell| ((cell.team, cell.lesson), cell)).collect();
    let mut row = |team: Team| {
        let track = edition.tracks().iter().find(|track| track.id() == team.track);
        let lessons = track.into_iter().flat_map(|track| &track.rules().lessons);
        let cell = |number| cells.remove(&(team.id, number)).unwrap_or_else(|| Delivery::none(&team, number));
        let deliveries = lessons.map(|lesson| lesson.number).map(cell).collect();
        Row { team, deliveries }
    };
    teams.into_iter().map(&mut row).collect()
}

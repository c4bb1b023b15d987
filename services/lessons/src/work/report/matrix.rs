//! The delivery matrix: teams by lessons.

use std::collections::{BTreeSet, HashMap};

use super::Delivery;
use crate::{
    work::credit::Credit,
    year::{edition::Edition, team::Team},
};

/// One row: a team with a cell for each lesson of its track, followed by cells for lessons that only a programme has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) team: Team,
    pub(super) deliveries: Vec<Delivery>,
}

/// The rows of these teams, in their order. `cells` are the reports that were begun, in any order, and `credits` those of the teams.
pub(super) fn rows(edition: &Edition, teams: Vec<Team>, cells: Vec<Delivery>, credits: Vec<Credit>) -> Vec<Row> {
    let mut home: HashMap<_, Vec<Credit>> = HashMap::new();
    for credit in credits {
        home.entry((credit.team, credit.lesson)).or_default().push(credit);
    }
    let mut cells: HashMap<_, _> = cells.into_iter().map(|cell| ((cell.seat.team, cell.lesson), cell)).collect();
    let mut row = |team: Team| {
        let track = edition.tracks().iter().find(|track| track.id() == team.track);
        let lessons = track.into_iter().flat_map(|track| &track.rules().lessons).map(|lesson| lesson.number);
        let mut numbers: Vec<i32> = lessons.collect();
        let known: BTreeSet<i32> = numbers.iter().copied().collect();
        let abroad: BTreeSet<i32> = home.keys().filter(|(of, _)| *of == team.id).map(|(_, lesson)| *lesson).collect();
        numbers.extend(abroad.difference(&known));
        let cell = |number| Delivery {
            credits: home.remove(&(team.id, number)).unwrap_or_default(),
            ..cells.remove(&(team.id, number)).unwrap_or_else(|| Delivery::none(&team, number))
        };
        let deliveries = numbers.into_iter().map(cell).collect();
        Row { team, deliveries }
    };
    teams.into_iter().map(&mut row).collect()
}

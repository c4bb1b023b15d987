//! Where a class works: at home, or in the space of one pair.

use platform::Id;

use super::Team;
use crate::twinning::pair::Pair;

/// A class at work. One that has lost its twin and found another works in a second pair: what it wrote for the first stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The class.
    pub team: Id<Team>,
    /// Its pair. None at home, where nobody is in one.
    pub pair: Option<Id<Pair>>,
}

impl Seat {
    /// The pair as rows have it, where it is part of a key: of nobody's pair, the nil id.
    pub(crate) fn pair_id(self) -> Id<Pair> {
        self.pair.unwrap_or_else(Id::nil)
    }

    /// The same, read.
    pub(crate) fn of_row(team: Id<Team>, pair: Id<Pair>) -> Self {
        Self { team, pair: (pair != Id::nil()).then_some(pair) }
    }
}

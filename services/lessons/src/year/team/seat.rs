//! Where a class works.

use platform::Id;

use super::Team;

/// A place that several classes work in together. The rooms of a country know nothing of it but its id: what a class writes in one space is
/// kept apart from what it writes in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {}

/// A class and the space it works in. A class can work in two spaces, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The class.
    pub team: Id<Team>,
    /// Its space. None in a country.
    pub space: Option<Id<Space>>,
}

impl Seat {
    /// The id of the space as rows keep it, where it is part of a key: the nil id stands for no space.
    pub(crate) fn space_id(self) -> Id<Space> {
        self.space.unwrap_or_else(Id::nil)
    }

    /// A seat from the two columns of a row. The nil id stands for no space.
    pub(crate) fn of_row(team: Id<Team>, space: Id<Space>) -> Self {
        Self { team, space: (space != Id::nil()).then_some(space) }
    }
}

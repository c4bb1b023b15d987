//! What lessons knows of a class that takes part in an edition. Identity keeps it: who may see a team may see its reports.

use platform::Id;

use crate::year::edition::{Edition, Track};

mod seat;

pub use seat::{Seat, Space};

/// A class that was admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// Its id.
    pub id: Id<Team>,
    /// Its code: `22-23-EN_0001`. Empty in a programme.
    pub code: String,
    /// The name it chose.
    pub name: String,
    /// The edition it takes part in.
    pub edition: Id<Edition>,
    /// Its track.
    pub track: Id<Track>,
    /// The name of its school.
    pub school_name: String,
    /// The NUTS-3 code of its territory. May be empty.
    pub territory: String,
    /// The space it works in. None in a country.
    pub space: Option<Id<Space>>,
}

impl Team {
    /// Where it works.
    pub fn seat(&self) -> Seat {
        Seat { team: self.id, space: self.space }
    }
}

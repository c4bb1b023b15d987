//! What lessons needs to know of a team, which identity keeps: who may see a team may see its reports. In a programme the teams are the
//! classes of its pairs, which lessons keeps itself.

use platform::Id;

use crate::{
    twinning::pair::Pair,
    year::edition::{Edition, Track},
};

pub(crate) mod peer;
mod seat;
pub(crate) mod twin;

pub use seat::Seat;

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
    /// The pair it works in, or the one it is asked of. None in a country.
    pub pair: Option<Id<Pair>>,
}

impl Team {
    /// Where it works.
    pub fn seat(&self) -> Seat {
        Seat { team: self.id, pair: self.pair }
    }
}

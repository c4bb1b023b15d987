//! A class as a programme knows it. It has only what crossed the border with its token.

use platform::{Ctx, Error, Id, Result, TenantId};
use proto::options::v1::Role;

use crate::year::team::Team;

mod contact;
mod wire;

pub use contact::check as check_contact;

/// A class of a member country. A class that has left keeps its id, its country and its territory: the gap it leaves is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The country.
    pub home: TenantId,
    /// The team.
    pub team: Id<Team>,
    /// The name the class chose.
    pub team_name: String,
    /// The name of its school.
    pub school_name: String,
    /// The NUTS-3 code of its territory.
    pub territory: String,
}

impl Side {
    /// A class from the columns that rows have of it. Error: internal, where the home is no name of a country.
    pub(crate) fn of_row(
        home: &str,
        team: Id<Team>,
        team_name: String,
        school_name: String,
        territory: String,
    ) -> Result<Self> {
        let home = home.parse().map_err(|_| Error::internal(format!("`{home}` names no country")))?;
        Ok(Self { home, team, team_name, school_name, territory })
    }

    /// Whether the caller acts for this class: its shared account, or a teacher who crossed for it.
    pub fn is_of(&self, ctx: &Ctx) -> bool {
        ctx.stands_for(self.team)
    }

    /// Whether the caller answers for the country of this class.
    pub fn is_under(&self, ctx: &Ctx) -> bool {
        ctx.has(Role::TwinCoordinator) && ctx.home() == Some(&self.home)
    }

    /// Empties the names of the class and its school.
    pub(crate) fn empty(&mut self) {
        self.team_name = String::new();
        self.school_name = String::new();
    }
}

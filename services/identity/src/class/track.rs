//! The rules of a track and its edition that identity needs to judge an application. The service lessons keeps them.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use platform::{Ctx, Id, Result};

use crate::{
    country::Level,
    reason::{Reason, Refuse},
};

pub(crate) mod peer;

/// The marker type of an edition's id.
#[derive(Clone, Copy, Debug)]
pub enum Edition {}

/// The rules of a track.
#[derive(Clone, Debug)]
pub struct Track {
    /// Its id.
    pub id: Id<Track>,
    /// The edition it belongs to.
    pub edition: Id<Edition>,
    /// The edition's code: `22-23`.
    pub edition_code: String,
    /// The part of a team's code between the edition and the number. May be empty.
    pub infix: String,
    /// The levels of school it admits (I1).
    pub levels: Vec<Level>,
    /// The most pupils of a team that is not a whole class (I3).
    pub max_team_size: i32,
    /// The most teams of one referent in the edition. 0 means no limit.
    pub max_teams_per_referent: u32,
    /// Whether the head teacher's authorisation must be attached.
    pub authorisation_required: bool,
    /// Whether it is for Interreg projects only, so that its teams meet teams of another country (I2).
    pub interreg: bool,
    /// When applications are accepted.
    pub call: Call,
}

/// When applications are accepted.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The first instant.
    pub opens: Timestamp,
    /// The last second, inclusive.
    pub closes: Timestamp,
}

impl Call {
    /// Error: `CALL_NOT_OPEN`, `CALL_CLOSED`, with the instant in the tenant's time zone.
    pub fn check(&self, ctx: &Ctx) -> Result<()> {
        let zone = ctx.tenant().zone();
        if ctx.now() < self.opens {
            let opens = local(self.opens, zone);
            return Err(Reason::CallNotOpen.error(format!("The call opens on {opens}.")).with("opens_at", opens));
        }
        if ctx.now() >= self.closes + SignedDuration::from_secs(1) {
            let closed = local(self.closes, zone);
            return Err(Reason::CallClosed.error(format!("The call closed on {closed}.")).with("closed_at", closed));
        }
        Ok(())
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).to_string()
}

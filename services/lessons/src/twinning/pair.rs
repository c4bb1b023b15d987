//! Pairs: two classes of two countries that observe one Interreg project from where they live (I13, `domain.md` §3). What happens to
//! a pair is in [`life`]; here is what it is, who may know of it and who must act next.

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, TenantId};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    reason::{Reason, Refuse},
    twinning::{
        offer::{Offer, Why},
        project::{Partner, Project},
        side::Side,
    },
    year::{
        edition::Track,
        team::{Seat, Team},
    },
};

pub(crate) mod after;
pub mod api;
mod end;
pub(crate) mod gone;
mod life;
pub(crate) mod store;
mod wire;

pub use life::Viewpoint;

/// Two classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    id: Id<Pair>,
    version: i64,
    track: Id<Track>,
    sides: [Place; 2],
    proposed_by: ProposedBy,
    matched: Vec<Why>,
    state: State,
    since: Timestamp,
    reason: String,
    project: Option<Project>,
    project_at: Option<Timestamp>,
    suspended_by: Option<Actor>,
    delivered_at: Option<Timestamp>,
    previous: Option<Id<Pair>>,
    created_at: Timestamp,
}

/// The place of one class in a pair, and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The class.
    pub side: Side,
    /// Its offer.
    pub offer: Id<Offer>,
    /// When its teacher accepted.
    pub accepted_at: Option<Timestamp>,
    /// When its country approved.
    pub approved_at: Option<Timestamp>,
    /// The partner it looks at, by its number within the project. Empty until a project is proposed.
    pub partner: String,
    /// When its teacher agreed to the project.
    pub agreed_at: Option<Timestamp>,
    /// When it had delivered the reports of all lessons.
    pub delivered_at: Option<Timestamp>,
    /// Whether its teacher has signed the joint output of the last lesson, as it is now.
    pub has_signed: bool,
    /// When it left.
    pub left_at: Option<Timestamp>,
}

/// Who does something with a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The teacher of the class of a country.
    Teacher(TenantId),
    /// The central team of a country.
    Country(TenantId),
    /// The programme's secretariat.
    Secretariat,
}

/// Who brought two classes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposedBy {
    /// The teacher of one of them.
    Teacher,
    /// The programme's secretariat.
    Secretariat,
    /// The matcher, which the secretariat asked.
    Matcher,
}

/// Where a pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// At least one teacher has not accepted yet.
    Proposed,
    /// At least one country has not approved yet.
    Accepted,
    /// The project is not agreed yet.
    Approved,
    /// The work has not begun.
    ProjectAgreed,
    /// At work.
    Active,
    /// The work rests.
    Suspended,
    /// One class has left, the other goes on.
    OneSided,
    /// Both have delivered.
    Completed,
    /// Came to nothing before the work began: somebody did not want it, or one class can come no more.
    Declined,
    /// Came to nothing before both had accepted: one class was taken by another, or looks for a twin no more.
    Lapsed,
    /// Ended before both had delivered.
    Dissolved,
    /// One class has left, and the other has found a new twin.
    Repaired,
}

impl State {
    /// Whether the classes are bound to each other: each can be in one such pair at a time (I13). Who goes on alone is free.
    pub(crate) fn engages(self) -> bool {
        matches!(self, Self::Accepted | Self::Approved | Self::ProjectAgreed | Self::Active | Self::Suspended)
    }
}

/// Who must act next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The country. None for the secretariat.
    pub home: Option<TenantId>,
    /// In which role.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

impl Pair {
    /// Whether the caller may know of this pair: its classes and the central teams of their countries, until they have left, and
    /// the secretariat.
    pub fn seen_by(&self, ctx: &Ctx) -> bool {
        self.sides.iter().any(|place| place.is_of(ctx)) || ctx.has(Role::Coordinator)
    }

    /// The place of the class the caller acts for. Error: not found.
    pub fn own(&self, ctx: &Ctx) -> Result<&Place> {
        let own = self.sides.iter().find(|place| !place.has_left() && place.side.is_of(ctx));
        own.ok_or_else(|| Error::not_found("pair"))
    }

    /// Where a class of it works.
    pub(crate) fn seat(&self, place: &Place) -> Seat {
        Seat { team: place.side.team, pair: Some(self.id) }
    }

    /// Where those work who have not left.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.sides.iter().filter(|place| !place.has_left()).map(|place| self.seat(place))
    }

    /// The place of a class that has not left.
    pub(crate) fn place_of(&self, team: Id<Team>) -> Option<&Place> {
        self.sides.iter().find(|place| place.side.team == team && !place.has_left())
    }

    /// The index of the place the caller acts for: as its class, or as its country. Error: not found.
    fn acting(&self, ctx: &Ctx) -> Result<usize> {
        self.sides.iter().position(|place| place.is_of(ctx)).ok_or_else(|| Error::not_found("pair"))
    }

    /// Who must act next, each since when.
    pub fn waiting_for(&self) -> Vec<Waiting> {
        let of = |role: Role, home: Option<TenantId>| Waiting { home, role, since: self.since };
        let each = |role: Role, is_done: fn(&Place) -> bool| self.each(role, self.since, is_done);
        match self.state {
            State::Proposed => each(Role::TwinTeacher, |place| place.accepted_at.is_some()),
            State::Accepted => each(Role::TwinCoordinator, |place| place.approved_at.is_some()),
            // who has to agree waits since there is something to agree to
            State::Approved => {
                let since = self.project_at.map_or(self.since, |proposed| proposed.max(self.since));
                self.each(Role::TwinTeacher, since, |place| place.agreed_at.is_some())
            }
            State::ProjectAgreed => each(Role::TwinTeacher, |_| false),
            State::Active => self.undelivered(),
            State::OneSided => each(Role::TwinTeacher, Place::has_left),
            State::Suspended => self.suspended_by.iter().map(|actor| of(actor.role(), actor.home().cloned())).collect(),
            State::Completed | State::Declined | State::Lapsed | State::Dissolved | State::Repaired => Vec::new(),
        }
    }

    /// Who must act while it is at work: classes that have reports to deliver, then both teachers, whose signatures deliver the joint
    /// output, then the secretariat, which completes it.
    fn undelivered(&self) -> Vec<Waiting> {
        let reports = self.sides.iter().map(|place| place.delivered_at).max().flatten().unwrap_or(self.since);
        match self.delivered_at {
            _ if self.sides.iter().any(|place| place.delivered_at.is_none()) => {
                self.each(Role::TwinTeam, self.since, |place| place.delivered_at.is_some())
            }
            None => self.each(Role::TwinTeacher, reports.max(self.since), |place| place.has_signed),
            Some(together) => {
                let since = together.max(reports).max(self.since);
                vec![Waiting { home: None, role: Role::Coordinator, since }]
            }
        }
    }

    /// Those of each class, in a role, that have not done it.
    fn each(&self, role: Role, since: Timestamp, is_done: fn(&Place) -> bool) -> Vec<Waiting> {
        let open = self.sides.iter().filter(|place| !is_done(place));
        open.map(|place| Waiting { home: Some(place.side.home.clone()), role, since }).collect()
    }

    /// Error: `PAIR_STATE` unless it stands at one of these.
    fn check_state(&self, allowed: &[State]) -> Result<()> {
        if allowed.contains(&self.state) {
            return Ok(());
        }
        let text = "The pair is not at a point where this can be done. Read it again: it says who must act next.";
        Err(Reason::PairState.error(text).with("state", self.state_name()))
    }

    /// Error: `PAIR_STATE` unless its classes can write in their space now.
    pub(crate) fn check_working(&self) -> Result<()> {
        self.check_state(&[State::Active, State::OneSided])
    }

    /// Error: `PAIR_STATE` unless its work has begun and it was not dissolved: what a class writes is no business of one it was never
    /// paired with, or is parted from. Who has found a new twin reads on what is left of the time with the one of before.
    pub(crate) fn check_begun(&self) -> Result<()> {
        self.check_state(&[State::Active, State::Suspended, State::OneSided, State::Completed, State::Repaired])
    }

    /// Error: `PAIR_STATE` where it was dissolved: its classes and their countries see no more of what is in its space but their own.
    pub(crate) fn check_together(&self, ctx: &Ctx) -> Result<()> {
        if self.state != State::Dissolved || ctx.has(Role::Coordinator) {
            return Ok(());
        }
        let text =
            "The pair was dissolved, and its space is closed. Export it: that gives each class what it wrote itself.";
        Err(Reason::PairState.error(text).with("state", self.state_name()))
    }

    /// Error: `PAIR_STATE`, for who asks for what is made when the pair starts.
    pub(crate) fn not_started(&self) -> Error {
        let text = "The pair has not started yet: its timeline is made when it does.";
        Reason::PairState.error(text).with("state", self.state_name())
    }

    fn state_name(&self) -> String {
        format!("{:?}", self.state).to_ascii_uppercase()
    }

    /// The partner a class looks at, as its project was when it was kept.
    pub(crate) fn partner(&self, place: &Place) -> Option<&Partner> {
        self.project.as_ref()?.partner_in(place.side.home.as_str(), &place.partner)
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The track of the programme's edition.
    pub fn track(&self) -> Id<Track> {
        self.track
    }

    /// The places of its two classes, in the order of their countries' names.
    pub fn sides(&self) -> &[Place; 2] {
        &self.sides
    }

    /// The classes that have not left.
    pub fn there(&self) -> impl Iterator<Item = &Side> {
        self.sides.iter().filter(|place| !place.has_left()).map(|place| &place.side)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }
}

impl Place {
    fn new(offer: &Offer) -> Self {
        Self {
            side: offer.side().clone(),
            offer: offer.id(),
            accepted_at: None,
            approved_at: None,
            partner: String::new(),
            agreed_at: None,
            delivered_at: None,
            has_signed: false,
            left_at: None,
        }
    }

    /// Whether the caller may see all that is of this class alone: it itself and its teacher, its country, the secretariat. Its twin
    /// may not.
    pub(crate) fn is_open_to(&self, ctx: &Ctx) -> bool {
        self.is_of(ctx) || !self.has_left() && ctx.has(Role::Coordinator)
    }

    /// Whether the caller is the class or its country, and it has not left.
    fn is_of(&self, ctx: &Ctx) -> bool {
        !self.has_left() && (self.side.is_of(ctx) || self.side.is_under(ctx))
    }

    /// Whether the class has left.
    pub fn has_left(&self) -> bool {
        self.left_at.is_some()
    }
}

impl Actor {
    /// Who the caller is: a member of the secretariat, of a central team, or of a class.
    fn of(ctx: &Ctx) -> Result<Self> {
        let home = ctx.home().cloned();
        match home {
            _ if ctx.has(Role::Coordinator) => Ok(Self::Secretariat),
            Some(home) if ctx.has(Role::TwinCoordinator) => Ok(Self::Country(home)),
            Some(home) => Ok(Self::Teacher(home)),
            None => Err(Error::not_found("pair")),
        }
    }

    fn role(&self) -> Role {
        match self {
            Self::Teacher(_) => Role::TwinTeacher,
            Self::Country(_) => Role::TwinCoordinator,
            Self::Secretariat => Role::Coordinator,
        }
    }

    fn home(&self) -> Option<&TenantId> {
        match self {
            Self::Teacher(home) | Self::Country(home) => Some(home),
            Self::Secretariat => None,
        }
    }

    /// Whether it may undo what another did: its own, a country what its class did, the secretariat everything.
    fn may_undo(&self, other: &Self) -> bool {
        let is_country_of = matches!((self, other), (Self::Country(own), Self::Teacher(home)) if own == home);
        *self == Self::Secretariat || self == other || is_country_of
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

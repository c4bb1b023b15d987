//! Pairs: two classes of two countries that observe one Interreg project from where they live (I13, `domain.md` §3). How a pair changes is
//! in `beginning` and `ending`, its states are in `state`. This file says what a pair is, who may see it and who must act next.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result, TenantId};
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
        team::{Seat, Space, Team},
    },
};

pub mod api;
mod beginning;
pub(crate) mod effects;
mod ending;
mod state;
pub(crate) mod store;
mod wire;

pub use beginning::Viewpoint;
pub use state::{Actor, ChosenProject, PairStage, PairState, Work};

/// Two classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    id: Id<Pair>,
    version: i64,
    track: Id<Track>,
    sides: [PairSide; 2],
    origin: Origin,
    state: PairState,
    since: Timestamp,
}

/// How two classes were brought together.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    by: ProposedBy,
    /// Why the matcher did. Empty for a pair that people proposed.
    reasons: Vec<Why>,
    /// The pair in which one of the classes lost its twin, if one did.
    previous: Option<Id<Pair>>,
    at: Timestamp,
}

/// One class in a pair, and what it has done so far.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSide {
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

/// Who proposed two classes to each other.
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

/// Somebody who must act next.
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
    /// Whether the caller may see this pair: its classes and the central teams of their countries, until the class has left, and the
    /// secretariat.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        self.sides.iter().any(|place| place.is_of(ctx)) || ctx.has(Role::Coordinator)
    }

    /// The proof that the caller may see this pair. Error: not found.
    pub fn seen_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_visible_to(ctx), || Error::not_found("pair"))
    }

    /// The proof that the caller acts in this pair, for a class or for its country. Error: not found.
    pub fn acted_in_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.acting(ctx).is_ok(), || Error::not_found("pair"))
    }

    /// The proof that the caller acts for a class of this pair. Error: not found.
    pub fn owned_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.own(ctx).is_ok(), || Error::not_found("pair"))
    }

    /// The proof that the caller acts for a class of this pair that shares its space with the other one. Error: not found; `PAIR_STATE`
    /// where it was dissolved.
    pub fn shared_by(&self, ctx: &Ctx) -> Result<Allowed> {
        let own = self.owned_by(ctx)?;
        self.check_together(ctx).map(|()| own)
    }

    /// The side of the class the caller acts for. Error: not found.
    pub fn own(&self, ctx: &Ctx) -> Result<&PairSide> {
        let own = self.sides.iter().find(|place| !place.has_left() && place.side.is_of(ctx));
        own.ok_or_else(|| Error::not_found("pair"))
    }

    /// The space its classes work in. It has the id of the pair.
    pub(crate) fn space(&self) -> Id<Space> {
        self.id.uuid().into()
    }

    /// The pair whose classes work in a space.
    pub(crate) fn of_space(space: Id<Space>) -> Id<Self> {
        space.uuid().into()
    }

    /// The seat of one of its classes.
    pub(crate) fn seat(&self, place: &PairSide) -> Seat {
        Seat { team: place.side.team, space: Some(self.space()) }
    }

    /// The seats of the classes that have not left.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.sides.iter().filter(|place| !place.has_left()).map(|place| self.seat(place))
    }

    /// The side of a class, if it has not left.
    pub(crate) fn side_of(&self, team: Id<Team>) -> Option<&PairSide> {
        self.sides.iter().find(|place| place.side.team == team && !place.has_left())
    }

    /// The index of the side the caller acts for, as its class or as its country. Error: not found.
    fn acting(&self, ctx: &Ctx) -> Result<usize> {
        self.sides.iter().position(|place| place.is_of(ctx)).ok_or_else(|| Error::not_found("pair"))
    }

    /// Who must act next, each since when.
    pub fn waiting_for(&self) -> Vec<Waiting> {
        let each = |role: Role, is_done: fn(&PairSide) -> bool| self.each(role, self.since, is_done);
        match &self.state {
            PairState::Proposed => each(Role::TwinTeacher, |side| side.accepted_at.is_some()),
            PairState::Accepted => each(Role::TwinCoordinator, |side| side.approved_at.is_some()),
            // the wait begins when there is a project to agree to
            PairState::Approved(chosen) => {
                let since = chosen.as_ref().map_or(self.since, |chosen| chosen.at.max(self.since));
                self.each(Role::TwinTeacher, since, |side| side.agreed_at.is_some())
            }
            PairState::ProjectAgreed(_) => each(Role::TwinTeacher, |_| false),
            PairState::Active(work) => self.undelivered(work),
            PairState::OneSided { .. } => each(Role::TwinTeacher, PairSide::has_left),
            PairState::Suspended { by, .. } => {
                vec![Waiting { home: by.home().cloned(), role: by.role(), since: self.since }]
            }
            PairState::Completed(_)
            | PairState::Declined(_)
            | PairState::Lapsed
            | PairState::Dissolved { .. }
            | PairState::Repaired { .. } => Vec::new(),
        }
    }

    /// Who must act while the pair is at work: first the classes that have reports to deliver, then both teachers, whose signatures deliver
    /// the joint output, then the secretariat, which completes the pair.
    fn undelivered(&self, work: &Work) -> Vec<Waiting> {
        let reports = self.sides.iter().map(|side| side.delivered_at).max().flatten().unwrap_or(self.since);
        match work.delivered_at {
            _ if self.sides.iter().any(|side| side.delivered_at.is_none()) => {
                self.each(Role::TwinTeam, self.since, |side| side.delivered_at.is_some())
            }
            None => self.each(Role::TwinTeacher, reports.max(self.since), |side| side.has_signed),
            Some(together) => {
                let since = together.max(reports).max(self.since);
                vec![Waiting { home: None, role: Role::Coordinator, since }]
            }
        }
    }

    /// The people in a role of each class that has not done it.
    fn each(&self, role: Role, since: Timestamp, is_done: fn(&PairSide) -> bool) -> Vec<Waiting> {
        let open = self.sides.iter().filter(|place| !is_done(place));
        open.map(|place| Waiting { home: Some(place.side.home.clone()), role, since }).collect()
    }

    /// Error: `PAIR_STATE` unless it is in one of these states.
    fn check_stage(&self, allowed: &[PairStage]) -> Result<()> {
        if allowed.contains(&self.stage()) { Ok(()) } else { Err(self.out_of_turn()) }
    }

    /// The error for a request that cannot be met in this state.
    fn out_of_turn(&self) -> Error {
        self.refused("The pair is not at a point where this can be done. Read it again: it says who must act next.")
    }

    fn refused(&self, text: &'static str) -> Error {
        Reason::PairState.error(text).with("state", self.stage().name())
    }

    /// Error: `PAIR_STATE` unless its classes can write in their space now.
    pub(crate) fn check_working(&self) -> Result<()> {
        self.check_stage(&[PairStage::Active, PairStage::OneSided])
    }

    /// Error: `PAIR_STATE` unless its work has begun and it was not dissolved. Before that, and after, what a class writes is not for the
    /// other one. A class that has found a new twin still reads what it shares with the earlier one, for as long as that one stays.
    pub(crate) fn check_begun(&self) -> Result<()> {
        use PairStage as S;
        self.check_stage(&[S::Active, S::Suspended, S::OneSided, S::Completed, S::Repaired])
    }

    /// Error: `PAIR_STATE` where it was dissolved: its classes and their countries see nothing of its space any more but what is their own.
    pub(crate) fn check_together(&self, ctx: &Ctx) -> Result<()> {
        if self.stage() != PairStage::Dissolved || ctx.has(Role::Coordinator) {
            return Ok(());
        }
        Err(self.refused(
            "The pair was dissolved, and its space is closed. Export it: that gives each class what it wrote itself.",
        ))
    }

    /// The error `PAIR_STATE` for a request for what is made when the pair starts.
    pub(crate) fn not_started(&self) -> Error {
        self.refused("The pair has not started yet: its timeline is made when it does.")
    }

    /// Records that a class has delivered its last report. Returns whether that is new.
    pub(crate) fn deliver(&mut self, ctx: &Ctx, team: Id<Team>) -> bool {
        let own = self.sides.iter_mut().find(|side| side.side.team == team && side.delivered_at.is_none());
        own.map(|side| side.delivered_at = Some(ctx.now())).is_some()
    }

    /// Records that the joint output of the last lesson is delivered. Returns whether that is new.
    pub(crate) fn deliver_together(&mut self, ctx: &Ctx) -> bool {
        let Some(work) = self.state.going_on().filter(|work| work.delivered_at.is_none()) else { return false };
        work.delivered_at = Some(ctx.now());
        true
    }

    /// Records which classes have signed the joint output of the last lesson, as it is now. Returns whether that changed anything.
    pub(crate) fn sign(&mut self, signed: &[Id<Team>]) -> bool {
        let before = self.sides.each_ref().map(|side| side.has_signed);
        self.sides.iter_mut().for_each(|side| side.has_signed = signed.contains(&side.side.team));
        before != self.sides.each_ref().map(|side| side.has_signed)
    }

    /// The project, as it was when it was proposed or agreed.
    fn project(&self) -> Option<&Project> {
        self.state.chosen().map(|chosen| &chosen.project)
    }

    /// The partner that a class looks at, from the project as it was when it was chosen.
    pub(crate) fn partner(&self, place: &PairSide) -> Option<&Partner> {
        self.project()?.partner_in(place.side.home.as_str(), &place.partner)
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The track of the programme's edition.
    pub fn track(&self) -> Id<Track> {
        self.track
    }

    /// Its two sides, in the order of their countries' names.
    pub fn sides(&self) -> &[PairSide; 2] {
        &self.sides
    }

    /// The classes that have not left.
    pub fn there(&self) -> impl Iterator<Item = &Side> {
        self.sides.iter().filter(|place| !place.has_left()).map(|place| &place.side)
    }

    /// The name of the state it is in.
    pub fn stage(&self) -> PairStage {
        self.state.stage()
    }
}

impl PairSide {
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

    /// Whether the caller may see what belongs to this class alone: the class and its teacher, its country, and the secretariat, but not
    /// its twin.
    pub(crate) fn is_open_to(&self, ctx: &Ctx) -> bool {
        self.is_of(ctx) || !self.has_left() && ctx.has(Role::Coordinator)
    }

    /// Whether the class has not left, and the caller is the class, its teacher or its country.
    fn is_of(&self, ctx: &Ctx) -> bool {
        !self.has_left() && (self.side.is_of(ctx) || self.side.is_under(ctx))
    }

    /// Whether the class has left.
    pub fn has_left(&self) -> bool {
        self.left_at.is_some()
    }
}

impl Actor {
    /// The caller, as a member of the secretariat, of a central team or of a class.
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

    /// Whether it may undo what `other` did. Each may undo their own, a country what its class did, the secretariat everything.
    fn may_undo(&self, other: &Self) -> bool {
        let is_country_of = matches!((self, other), (Self::Country(own), Self::Teacher(home)) if own == home);
        *self == Self::Secretariat || self == other || is_country_of
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

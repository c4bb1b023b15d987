//! Memberships: who of a country takes part in a programme that several share.
//!
//! A membership is decided at home, by what is true there of a team, its teachers and its central team. The programme is given a
//! token that lives for minutes and a [`Projection`], and asks home again before every call of a visitor ([`recheck`]).

use platform::{Ctx, Id, TenantId};
use proto::options::v1::Role;

use crate::{account::Account, session::Session, team::Team};

pub mod api;
mod guard;
pub(crate) mod store;
mod wire;

pub use guard::recheck;

/// All that a programme knows of a class of a member country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    team: Id<Team>,
    home: TenantId,
    alias: String,
    school_name: String,
    territory: String,
}

/// As what somebody visits a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// As the central team of a country.
    Coordinator,
    /// As a teacher of a team.
    Teacher(Id<Team>),
    /// As the team itself.
    Team(Id<Team>),
}

/// What a visitor is in a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    visit: Visit,
    home: TenantId,
    team: Option<Projection>,
}

impl Visit {
    /// What the caller's token says. None for who is no visitor.
    pub fn of(ctx: &Ctx) -> Option<Self> {
        let team = ctx.member().ok()?.acts_for.map(Id::from);
        match team {
            _ if ctx.has(Role::TwinCoordinator) => Some(Self::Coordinator),
            Some(team) if ctx.has(Role::TwinTeacher) => Some(Self::Teacher(team)),
            Some(team) if ctx.has(Role::TwinTeam) => Some(Self::Team(team)),
            _ => None,
        }
    }

    /// The team acted for.
    pub fn team(self) -> Option<Id<Team>> {
        match self {
            Self::Coordinator => None,
            Self::Teacher(team) | Self::Team(team) => Some(team),
        }
    }

    /// The role it is made with.
    pub fn role(self) -> Role {
        match self {
            Self::Coordinator => Role::TwinCoordinator,
            Self::Teacher(_) => Role::TwinTeacher,
            Self::Team(_) => Role::TwinTeam,
        }
    }

    /// Whether it still stands, as home has it now: the session, whose account, and the team acted for.
    pub(crate) fn stands(self, ctx: &Ctx, session: &Session, account: &Account, team: Option<&Team>) -> bool {
        let team = team.filter(|team| self.team() == Some(team.id()));
        let holds = match (self, team) {
            (Self::Coordinator, _) => account.role() == Role::Coordinator,
            (Self::Teacher(_), Some(team)) => team.has_teacher(account.id()),
            (Self::Team(id), Some(team)) => account.team() == Some(id) && !team.is_invited(),
            (Self::Teacher(_) | Self::Team(_), None) => false,
        };
        holds && session.account() == account.id() && session.living(ctx.now()).is_ok()
    }
}

//! Memberships: which people and teams of a country take part in a twinning programme.
//!
//! The home country decides a membership, by the current data of the team, its teachers and its central team. The programme gets a
//! token that is valid for minutes and a [`Projection`], and the home is asked again before every call of a visitor
//! (`across::visiting`).
//!
//! This room imports `account`, `mandate`, `session` and `class`. It loads nothing from their stores: the data to decide by are passed in.

use jiff::{Timestamp, civil::Date};
use platform::{Ctx, Error, Id, Result, Tenant, TenantId, Violations, error::Shared};
use proto::options::v1::Role;

use crate::{
    account::{Account, TeamId},
    class::team::{Code, Team},
    country::Country,
    reason::{Reason, Refuse},
    session::{Entry, Guest, Session},
};

pub mod api;
pub(crate) mod store;
mod wire;

/// Everything that a programme knows of a team of a member country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    team: TeamId,
    home: TenantId,
    alias: String,
    school_name: String,
    territory: String,
}

/// How somebody visits a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// As a coordinator of a country.
    Coordinator,
    /// As a teacher of a team.
    Teacher(TeamId),
    /// As the team itself.
    Team(TeamId),
}

/// What a visitor is in a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    visit: Visit,
    home: TenantId,
    team: Option<Projection>,
}

/// A team that has visited a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    team: Projection,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
}

/// The data at home by which a membership is decided.
#[derive(Debug)]
pub struct Standing {
    /// The session of the caller's token.
    pub session: Session,
    /// How far the session is let in to its mandate.
    pub entry: Entry,
    /// The caller's account.
    pub account: Account,
    /// The team that the caller acts for.
    pub team: Option<Team>,
}

/// A decision that a token may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    visit: Visit,
    programme: TenantId,
    team: Option<(Code, Projection)>,
}

/// The number of tokens that a team, or the central team, was given for a programme on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    id: Id<Crossing>,
    passage: Passage,
    day: Date,
    count: i32,
    first_at: Timestamp,
    last_at: Timestamp,
}

/// Who visited which programme. It does not name the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    programme: TenantId,
    visit: Visit,
    team_code: String,
}

impl Visit {
    /// The visit that a visitor's token describes. None where the caller is not a visitor.
    pub fn of(ctx: &Ctx) -> Option<Self> {
        let team = ctx.member().ok()?.acts_for.map(Id::from);
        match team {
            _ if ctx.has(Role::TwinCoordinator) => Some(Self::Coordinator),
            Some(team) if ctx.has(Role::TwinTeacher) => Some(Self::Teacher(team)),
            Some(team) if ctx.has(Role::TwinTeam) => Some(Self::Team(team)),
            _ => None,
        }
    }

    /// The visit that a caller at home asks for: a teacher for the team they name, a team for itself, a coordinator for no team.
    /// Error: a violation at `team_id`; not found, where a team names another one.
    pub fn wanted(ctx: &Ctx, team: Option<TeamId>) -> Result<Self> {
        let misplaced = |text: &str| {
            let mut violations = Violations::new();
            violations.add("team_id", Shared::FieldsInvalid, text);
            violations.done().and(Err(Error::not_found("team")))
        };
        match (ctx.member()?.acts_for.map(Id::from), team) {
            (None, None) if ctx.has(Role::Coordinator) => Ok(Self::Coordinator),
            (None, Some(_)) if ctx.has(Role::Coordinator) => {
                misplaced("The central team acts for no team: leave it out.")
            }
            (None, Some(team)) => Ok(Self::Teacher(team)),
            (None, None) => misplaced("Say for which of your teams you act, by its id."),
            (Some(own), wanted) if wanted.is_none_or(|wanted| wanted == own) => Ok(Self::Team(own)),
            (Some(_), _) => Err(Error::not_found("team")),
        }
    }

    /// The team that the visitor acts for.
    pub fn team(self) -> Option<TeamId> {
        match self {
            Self::Coordinator => None,
            Self::Teacher(team) | Self::Team(team) => Some(team),
        }
    }

    /// The role in the token.
    pub fn role(self) -> Role {
        match self {
            Self::Coordinator => Role::TwinCoordinator,
            Self::Teacher(_) => Role::TwinTeacher,
            Self::Team(_) => Role::TwinTeam,
        }
    }

    /// The role and the team for the token.
    pub(crate) fn guest(self) -> Guest {
        Guest { role: self.role(), team: self.team() }
    }

    /// Whether the account has the part that the visit claims.
    fn holds(self, Standing { account, entry, team, .. }: &Standing) -> bool {
        let mandate = entry.mandate();
        let team = team.as_ref().filter(|team| self.team() == Some(team.id()));
        match (self, team) {
            (Self::Coordinator, _) => mandate.is(Role::Coordinator),
            (Self::Teacher(_), Some(team)) => mandate.is(Role::Teacher) && team.has_teacher(account.id()),
            (Self::Team(id), Some(_)) => mandate.is(Role::Team) && account.team() == Some(id),
            (Self::Teacher(_) | Self::Team(_), None) => false,
        }
    }

    /// Whether the visit is still allowed. It is checked before every call of a visitor.
    pub fn stands(self, now: Timestamp, standing: &Standing) -> bool {
        // after a new credential was issued, the team's account is not the class's again until the credential is redeemed
        let redeemed = !matches!(self, Self::Team(_)) || standing.team.as_ref().is_some_and(|team| !team.is_invited());
        // a team that was moved to a national track does not meet teams of other countries
        let meets = standing.team.as_ref().is_none_or(Team::is_interreg);
        self.holds(standing) && redeemed && meets && standing.is_signed_in(now).is_ok()
    }
}

impl Standing {
    /// Error: `SESSION_OVER`, where the session is over or belongs to another account; what it lacks.
    fn is_signed_in(&self, now: Timestamp) -> Result<()> {
        if self.session.account() != self.account.id() {
            return Err(crate::session::over());
        }
        self.session.living(now)?;
        self.entry.complete()
    }
}

impl Exchange {
    /// Decides whether a token for a programme may be given. Error: `SESSION_OVER`; not found, where the team is not the caller's;
    /// `TEAM_NOT_ACTIVE`, `TEAM_NOT_ETC`, `TERRITORY_OUTSIDE_PROGRAMME`.
    pub fn grant(ctx: &Ctx, programme: &Tenant, visit: Visit, standing: &Standing) -> Result<Self> {
        standing.is_signed_in(ctx.now())?;
        if !visit.holds(standing) {
            return Err(Error::not_found("team"));
        }
        let team = match standing.team.as_ref().filter(|_| visit.team().is_some()) {
            Some(team) => Some((team.code().clone(), admit(ctx, programme, team)?)),
            None => None,
        };
        Ok(Self { visit, programme: programme.id().clone(), team })
    }

    /// How the programme is visited.
    pub fn visit(&self) -> Visit {
        self.visit
    }

    /// The subject in the audit logs: the team, and not the person.
    pub(crate) fn subject(&self) -> String {
        self.visit.team().map_or_else(|| "central team".to_owned(), |team| format!("team {team}"))
    }

    /// What the programme is told of the team. None for a coordinator.
    pub(crate) fn projection(&self) -> Option<&Projection> {
        self.team.as_ref().map(|(_, projection)| projection)
    }

    /// What the home counts.
    pub(crate) fn passage(&self) -> Passage {
        let team_code = self.team.as_ref().map(|(code, _)| code.to_string()).unwrap_or_default();
        Passage { programme: self.programme.clone(), visit: self.visit, team_code }
    }
}

/// What a programme is told of a team. Error: why the team may not visit the programme.
fn admit(ctx: &Ctx, programme: &Tenant, team: &Team) -> Result<Projection> {
    if team.is_invited() {
        return Err(Reason::TeamNotActive.error("The class must redeem its credential and choose a password first."));
    }
    if !team.is_interreg() {
        return Err(Reason::TeamNotEtc
            .error("Only classes of a track that observes Interreg projects meet those of another country."));
    }
    let territory = &team.school().territory;
    if !programme.section::<Country>()?.contains(territory) {
        let text = format!("The team's school is in `{territory}`, which is not in the area of this programme.");
        return Err(Reason::TerritoryOutsideProgramme.error(text).with("territory", territory));
    }
    Ok(Projection {
        team: team.id(),
        home: ctx.tenant().id().clone(),
        alias: team.name().to_owned(),
        school_name: team.school().name.clone(),
        territory: territory.clone(),
    })
}

#[cfg(test)]
mod tests {
    use platform::{Caller, testing};

    use super::*;
    use crate::testing::Ground;

    /// A caller at home.
    fn at_home(ground: &Ground, role: Role, acts_for: Option<TeamId>) -> Ctx {
        let id = || ground.anybody().new_id::<Account>().uuid();
        ground.ctx(Caller::Member(platform::Member {
            account: id(),
            session: id(),
            roles: vec![role],
            mandate: None,
            bound: platform::Bound::default(),
            scopes: None,
            acts_for: acts_for.map(Id::uuid),
            home: None,
            lacks: None,
            is_half: false,
        }))
    }

    #[test]
    fn a_teacher_comes_for_the_team_they_name_a_team_for_itself_and_the_central_team_for_none() {
        let ground = Ground::without_store();
        let (team, other) = (ground.anybody().new_id(), ground.anybody().new_id());
        let wanted =
            |role, own, named| Visit::wanted(&at_home(&ground, role, own), named).map_err(|error| error.reason());
        assert_eq!(wanted(Role::Coordinator, None, None), Ok(Visit::Coordinator));
        assert_eq!(wanted(Role::Coordinator, None, Some(team)), Err("FIELDS_INVALID"));
        assert_eq!(wanted(Role::Teacher, None, Some(team)), Ok(Visit::Teacher(team)));
        assert_eq!(wanted(Role::Teacher, None, None), Err("FIELDS_INVALID"));
        assert_eq!(wanted(Role::Team, Some(team), None), Ok(Visit::Team(team)));
        assert_eq!(wanted(Role::Team, Some(team), Some(team)), Ok(Visit::Team(team)));
        assert_eq!(wanted(Role::Team, Some(team), Some(other)), Err("NOT_FOUND"));
    }

    #[test]
    fn a_visit_is_what_the_token_says_and_nothing_without_a_role_of_visitors() {
        let ground = Ground::without_store();
        let team: TeamId = ground.anybody().new_id();
        let ids = platform::Ids::new(ground.clock.clone());
        let of = |role, team: Option<TeamId>| {
            let caller = testing::visitor(role, ground.tenant.id(), team.map(Id::uuid), &ids);
            Visit::of(&ground.ctx(caller))
        };
        for visit in [Visit::Coordinator, Visit::Teacher(team), Visit::Team(team)] {
            assert_eq!(of(visit.role(), visit.team()), Some(visit));
        }
        assert_eq!([of(Role::TwinTeacher, None), of(Role::Teacher, Some(team))], [None, None]);
    }
}

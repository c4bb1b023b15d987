//! An application (Italian "candidatura"): a teacher asks for a class to take part, and the central team decides.

use jiff::{Timestamp, civil::Date};
use platform::{Allowed, Ctx, Error, Id, Result, Violations, error::Shared};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, TeamId},
    class::{
        file::File,
        track::{Edition, Track},
    },
    country::Country,
    reason::{Reason, Refuse},
    school::School,
};

pub mod api;
pub(crate) mod store;
pub(crate) mod submission;
mod wire;

pub(crate) use submission::Evidence;

/// An application of a class to a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    id: Id<Application>,
    version: i64,
    edition: Id<Edition>,
    track: Id<Track>,
    referent: Id<Account>,
    draft: Draft,
    state: State,
    created_at: Timestamp,
}

/// The fields a teacher fills in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The school.
    pub school: Option<Id<School>>,
    /// The name the team wants to have.
    pub team_name: String,
    /// How the team relates to classes.
    pub team_type: Option<TeamType>,
    /// The classes the team comes from.
    pub classes: Vec<String>,
    /// The number of pupils.
    pub team_size: i32,
    /// Why the class wants to take part.
    pub motivation: String,
    /// How the project fits into teaching.
    pub integration_mode: Option<IntegrationMode>,
    /// The attached files.
    pub files: Vec<Id<File>>,
}

/// How a team relates to classes (I3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamType {
    /// The whole class. Its size is not limited.
    WholeClass,
    /// A group inside one class.
    GroupInClass,
    /// A group of several classes.
    MixedClasses,
}

/// How the school includes the project in its teaching (S1 "Integrazione nella didattica").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationMode {
    /// In ordinary lessons.
    Ordinary,
    /// Outside lessons.
    Extracurricular,
    /// As part of a path towards work.
    WorkPath,
}

/// What a team that was admitted with a reservation still has to hand in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The documents.
    pub documents: String,
    /// The last day, in the tenant's time zone.
    pub due_on: Date,
}

/// The state of an application, with its facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being written. Only its author sees it.
    Draft,
    /// It waits for a decision.
    Submitted {
        /// When it was submitted.
        at: Timestamp,
    },
    /// It became a team.
    Admitted {
        /// When it was submitted.
        submitted: Timestamp,
        /// When it was decided.
        at: Timestamp,
        /// The team.
        team: TeamId,
        /// What is still to be handed in.
        reservation: Option<Reservation>,
    },
    /// It was not admitted.
    Refused {
        /// When it was submitted.
        submitted: Timestamp,
        /// When it was decided.
        at: Timestamp,
        /// The reason given.
        refusal: String,
    },
    /// The teacher withdrew it.
    Withdrawn {
        /// When it was submitted. None for a draft.
        submitted: Option<Timestamp>,
        /// When it was withdrawn.
        at: Timestamp,
    },
}

/// The effect of an admission.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admitted {
    /// A new team with this id is founded.
    Founds(TeamId),
    /// The team exists; its reservation has changed.
    Changes(TeamId),
}

impl State {
    /// The name of the state, for lists and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted { .. } => "submitted",
            Self::Admitted { reservation: None, .. } => "admitted",
            Self::Admitted { .. } => "admitted_with_reservation",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }

    /// When it was submitted. None where it never was.
    pub fn submitted(&self) -> Option<Timestamp> {
        match self {
            Self::Draft => None,
            Self::Submitted { at } => Some(*at),
            Self::Admitted { submitted, .. } | Self::Refused { submitted, .. } => Some(*submitted),
            Self::Withdrawn { submitted, .. } => *submitted,
        }
    }
}

impl Application {
    /// A new draft by the caller.
    pub fn begin(ctx: &Ctx, track: &Track, draft: Draft) -> Result<Self> {
        Ok(Self {
            id: ctx.new_id(),
            version: 0,
            edition: track.edition,
            track: track.id,
            referent: ctx.account()?,
            draft,
            state: State::Draft,
            created_at: ctx.now(),
        })
    }

    /// Whether the caller may see it: its author always, the central team once it was submitted.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        self.is_of(ctx) || (ctx.has(Role::Coordinator) && self.state.submitted().is_some())
    }

    /// The proof that the caller may see it. Error: not found.
    pub fn seen_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_visible_to(ctx), || Error::not_found("application"))
    }

    fn is_of(&self, ctx: &Ctx) -> bool {
        ctx.account().is_ok_and(|account| account == self.referent)
    }

    /// Changes a draft. Returns whether a field changed. Error: `APPLICATION_STATE`, where it was submitted.
    pub fn change(&mut self, draft: Draft) -> Result<bool> {
        if self.state != State::Draft {
            return Err(self.wrong_state("Only a draft can be changed. Withdraw the application to begin again."));
        }
        Ok(std::mem::replace(&mut self.draft, draft) != self.draft)
    }

    /// Submits a draft. Error: `APPLICATION_STATE`, `CALL_NOT_OPEN`, `CALL_CLOSED`, `TEAMS_TOO_MANY`, or every violation of the
    /// track's rules at once (I1, I3, I5).
    pub(crate) fn submit(&mut self, ctx: &Ctx, track: &Track, evidence: &Evidence) -> Result<()> {
        if self.state != State::Draft {
            return Err(self.wrong_state("It was submitted before."));
        }
        track.call.check(ctx)?;
        submission::check(&self.draft, ctx.tenant().section::<Country>()?, track, evidence)?;
        self.state = State::Submitted { at: ctx.now() };
        Ok(())
    }

    /// Withdraws it. Error: `APPLICATION_STATE`, where it was decided.
    pub fn withdraw(&mut self, ctx: &Ctx) -> Result<()> {
        match self.state {
            State::Draft | State::Submitted { .. } => {
                self.state = State::Withdrawn { submitted: self.state.submitted(), at: ctx.now() };
                Ok(())
            }
            _ => Err(self.wrong_state("It was decided; write to the central team.")),
        }
    }

    /// Admits it, with or without a reservation. Error: `APPLICATION_STATE`, where it neither waits for a decision nor was admitted
    /// with a reservation; a violation for a reservation that is due before today.
    pub fn admit(&mut self, ctx: &Ctx, reservation: Option<Reservation>) -> Result<Admitted> {
        if reservation.as_ref().is_some_and(|reservation| reservation.due_on < ctx.local().date()) {
            let mut violations = Violations::new();
            violations.add(
                "reservation.due_on",
                Shared::FieldsInvalid,
                "This day is over. Choose today or a later one.",
            );
            violations.done()?;
        }
        match self.state.clone() {
            State::Submitted { at: submitted } => {
                let team = ctx.new_id();
                self.state = State::Admitted { submitted, at: ctx.now(), team, reservation };
                Ok(Admitted::Founds(team))
            }
            State::Admitted { submitted, at, team, reservation: Some(_) } => {
                self.state = State::Admitted { submitted, at, team, reservation };
                Ok(Admitted::Changes(team))
            }
            _ => Err(self.wrong_state("Only a submitted application can be admitted.")),
        }
    }

    /// Refuses it. Error: `APPLICATION_STATE`, where it does not wait for a decision.
    pub fn refuse(&mut self, ctx: &Ctx, refusal: String) -> Result<()> {
        let State::Submitted { at: submitted } = self.state else {
            return Err(self.wrong_state("Only a submitted application can be refused."));
        };
        self.state = State::Refused { submitted, at: ctx.now(), refusal };
        Ok(())
    }

    fn wrong_state(&self, advice: &str) -> Error {
        let state = self.state.name();
        Reason::ApplicationState
            .error(format!("The application is {}. {advice}", state.replace('_', " ")))
            .with("state", state.to_uppercase())
    }

    /// Its id.
    pub fn id(&self) -> Id<Application> {
        self.id
    }

    /// What the teacher wrote.
    pub(crate) fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The reservation it was admitted with. None for any other state.
    pub(crate) fn reservation(&self) -> Option<&Reservation> {
        match &self.state {
            State::Admitted { reservation, .. } => reservation.as_ref(),
            _ => None,
        }
    }

    /// The name the team wants to have, without surrounding spaces.
    pub fn team_name(&self) -> &str {
        self.draft.team_name.trim()
    }

    /// How the team relates to classes. A submitted application always has a value here.
    pub fn team_type(&self) -> TeamType {
        self.draft.team_type.unwrap_or(TeamType::GroupInClass)
    }

    /// How many pupils.
    pub fn team_size(&self) -> i32 {
        self.draft.team_size
    }

    /// The teacher who applies.
    pub fn referent(&self) -> Id<Account> {
        self.referent
    }

    /// The reason for a refusal. None where it was not refused.
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            State::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

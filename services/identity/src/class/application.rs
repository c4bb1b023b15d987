//! An application ("candidatura"): a teacher asks for a class to take part; the central team decides.

use jiff::{Timestamp, civil::Date};
use platform::{Ctx, Id, Result, Violations, error::Shared};
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

/// What the teacher writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The school.
    pub school: Option<Id<School>>,
    /// The name the team wants.
    pub team_name: String,
    /// How the team relates to classes.
    pub team_type: Option<TeamType>,
    /// The classes it comes from.
    pub classes: Vec<String>,
    /// How many pupils.
    pub team_size: i32,
    /// Why the class wants to take part.
    pub motivation: String,
    /// How it fits into teaching.
    pub integration_mode: Option<IntegrationMode>,
    /// The attached files.
    pub files: Vec<Id<File>>,
}

/// How a team relates to classes (I3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamType {
    /// The whole class; its size has no limit.
    WholeClass,
    /// A group inside one class.
    GroupInClass,
    /// A group of several classes.
    MixedClasses,
}

/// How the school fits the path into its teaching (S1 "Integrazione nella didattica").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationMode {
    /// In ordinary lessons.
    Ordinary,
    /// Outside lessons.
    Extracurricular,
    /// As a path towards work.
    WorkPath,
}

/// What an admission still waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The documents to hand in.
    pub documents: String,
    /// The last day, local to the tenant.
    pub due_on: Date,
}

/// Where an application stands, with the facts of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being written; only its author sees it.
    Draft,
    /// Waits for a decision.
    Submitted {
        /// When.
        at: Timestamp,
    },
    /// Became a team.
    Admitted {
        /// When it was submitted.
        submitted: Timestamp,
        /// When it was decided.
        at: Timestamp,
        /// The team.
        team: TeamId,
        /// What is still due.
        reservation: Option<Reservation>,
    },
    /// Was not admitted.
    Refused {
        /// When it was submitted.
        submitted: Timestamp,
        /// When it was decided.
        at: Timestamp,
        /// Why.
        refusal: String,
    },
    /// Was taken back.
    Withdrawn {
        /// When it was submitted, if it was.
        submitted: Option<Timestamp>,
        /// When it was taken back.
        at: Timestamp,
    },
}

/// What an admission leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admitted {
    /// A new team is founded under this id.
    Founds(TeamId),
    /// The team exists; what is due has changed.
    Changes(TeamId),
}

impl State {
    /// Its name, for lists and messages.
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

    /// When it was submitted, if it was.
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
    /// A draft of the caller's.
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

    /// Whether the caller may know of it: its author always, the central team once it was submitted.
    pub fn seen_by(&self, ctx: &Ctx) -> bool {
        self.is_of(ctx) || (ctx.has(Role::Coordinator) && self.state.submitted().is_some())
    }

    fn is_of(&self, ctx: &Ctx) -> bool {
        ctx.account().is_ok_and(|account| account == self.referent)
    }

    /// Changes a draft. Whether anything is another one now. Error: `APPLICATION_STATE` once it was submitted.
    pub fn change(&mut self, draft: Draft) -> Result<bool> {
        if self.state != State::Draft {
            return Err(self.wrong_state("Only a draft can be changed. Withdraw the application to begin again."));
        }
        Ok(std::mem::replace(&mut self.draft, draft) != self.draft)
    }

    /// Submits a draft. Error: `APPLICATION_STATE`, `CALL_NOT_OPEN`, `CALL_CLOSED`, `TEAMS_TOO_MANY`, and every violation of the
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

    /// Takes it back. Error: `APPLICATION_STATE` once it was decided.
    pub fn withdraw(&mut self, ctx: &Ctx) -> Result<()> {
        match self.state {
            State::Draft | State::Submitted { .. } => {
                self.state = State::Withdrawn { submitted: self.state.submitted(), at: ctx.now() };
                Ok(())
            }
            _ => Err(self.wrong_state("It was decided; write to the central team.")),
        }
    }

    /// Admits, with or without a reservation. Error: `APPLICATION_STATE` where it does not wait for a decision and is no
    /// admission that could change; a reservation due before today.
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

    /// Does not admit. Error: `APPLICATION_STATE`.
    pub fn refuse(&mut self, ctx: &Ctx, refusal: String) -> Result<()> {
        let State::Submitted { at: submitted } = self.state else {
            return Err(self.wrong_state("Only a submitted application can be refused."));
        };
        self.state = State::Refused { submitted, at: ctx.now(), refusal };
        Ok(())
    }

    fn wrong_state(&self, advice: &str) -> platform::Error {
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

    /// What its admission waits for, if it was admitted with a reservation.
    pub(crate) fn reservation(&self) -> Option<&Reservation> {
        match &self.state {
            State::Admitted { reservation, .. } => reservation.as_ref(),
            _ => None,
        }
    }

    /// The name the team wants.
    pub fn team_name(&self) -> &str {
        self.draft.team_name.trim()
    }

    /// How the team relates to classes. A submitted application has said so.
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

    /// Why it was not admitted, if it was not.
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            State::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

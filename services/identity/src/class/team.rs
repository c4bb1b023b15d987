//! A team: a class that was admitted. Its pupils are not stored; a team has a headcount, a name and a shared account.

use std::fmt;

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result, Violations};
use proto::options::v1::Role;

use crate::{
    account::{Account, TeamId},
    class::{
        application::{Application, Reservation, TeamType},
        file::File,
        track::{Edition, Track},
    },
    country::Country,
    mandate::Teacher,
    reason::{Reason, Refuse},
    school::School,
};

pub mod api;
mod credential;
mod moves;
pub(crate) mod store;
mod wire;

pub use credential::{Credential, End, Ending};
pub use moves::Move;

/// A class that was admitted. It belongs to one track of one edition (I1), and has exactly one referent at any time (I4).
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    id: TeamId,
    version: i64,
    code: Code,
    name: String,
    application: Id<Application>,
    edition: Id<Edition>,
    track: Id<Track>,
    is_interreg: bool,
    school: SchoolAtAdmission,
    team_type: TeamType,
    size: i32,
    referent: Id<Account>,
    supports: Vec<Id<Account>>,
    email: Option<String>,
    logo: Option<Id<File>>,
    admitted_at: Timestamp,
    reservation: Option<Reservation>,
    state: State,
}

/// Whether the team's shared account has a password.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It has none; the provisional credential can be redeemed.
    Invited {
        /// The last instant at which it can.
        until: Timestamp,
    },
    /// It has a password.
    Active {
        /// Since when.
        since: Timestamp,
    },
}

/// The school's data at the time of the admission. A later import does not change them.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolAtAdmission {
    /// The school.
    pub id: Id<School>,
    /// Its code in the register.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The NUTS-3 code of its territory. May be empty.
    pub territory: String,
}

impl From<&School> for SchoolAtAdmission {
    fn from(school: &School) -> Self {
        let record = &school.record;
        Self {
            id: school.id(),
            code: record.code.clone(),
            name: record.name.clone(),
            territory: record.territory.clone(),
        }
    }
}

/// The code that a team signs in with and is cited by, for example `22-23-EN_0001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// The code of the team with this number in a track. `infix` may be empty.
    pub fn new(edition: &str, infix: &str, number: u32) -> Self {
        let hyphen = if infix.is_empty() { "" } else { "-" };
        Self(format!("{edition}{hyphen}{infix}_{number:04}"))
    }

    /// The code as stored in a row.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The data that an admission adds to the application's.
#[derive(Debug)]
pub struct Admission {
    /// The edition.
    pub edition: Id<Edition>,
    /// The track.
    pub track: Id<Track>,
    /// Whether the track observes Interreg projects alone.
    pub is_interreg: bool,
    /// The code.
    pub code: Code,
    /// The school's data now.
    pub school: SchoolAtAdmission,
}

/// A record that a team was handed over to another referent.
#[derive(Clone, Debug, PartialEq)]
pub struct Handover {
    id: Id<Handover>,
    team: TeamId,
    from: Id<Account>,
    to: Id<Account>,
    reason: String,
    at: Timestamp,
}

/// The fields that `UpdateTeam` changes. None leaves a field as it is; `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The name.
    pub name: Option<String>,
    /// The team's own e-mail address.
    pub email: Option<Option<String>>,
    /// The logo.
    pub logo: Option<Option<Id<File>>>,
}

impl Team {
    /// The team founded by an admission. `credential` is mailed to its referent.
    pub(crate) fn admit(
        ctx: &Ctx,
        application: &Application,
        admission: Admission,
        credential: &Credential,
        reservation: Option<Reservation>,
    ) -> Self {
        let Admission { edition, track, is_interreg, code, school } = admission;
        Self {
            id: credential.team(),
            version: 0,
            code,
            name: application.team_name().to_owned(),
            application: application.id(),
            edition,
            track,
            is_interreg,
            school,
            team_type: application.team_type(),
            size: application.team_size(),
            referent: application.referent(),
            supports: Vec::new(),
            email: None,
            logo: None,
            admitted_at: ctx.now(),
            reservation,
            state: State::Invited { until: credential.expires_at() },
        }
    }

    /// Whether the caller may see the team: the team itself, its teachers, the central team, and machines, which are shown less.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        ctx.has(Role::Coordinator) || ctx.has(Role::Integrator) || ctx.stands_for(self.id) || self.is_taught_by(ctx)
    }

    /// The proof that the caller may see the team. Error: not found.
    pub fn seen_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_visible_to(ctx), || Error::not_found("team"))
    }

    /// The proof that the caller is the referent. Error: not found, where the caller may not see the team; `REFERENT_ONLY`.
    pub fn led_by(&self, ctx: &Ctx) -> Result<Allowed> {
        self.seen_by(ctx)?;
        Allowed::when(ctx.account::<Account>()? == self.referent, || {
            Reason::ReferentOnly
                .error("Only the referent of the team can do this. Ask them, or the central team to hand it over.")
        })
    }

    /// The proof that the caller may change name, address and logo: the team itself and its referent. Error: as [`Team::led_by`].
    pub fn changed_by(&self, ctx: &Ctx) -> Result<Allowed> {
        if ctx.stands_for(self.id) { self.seen_by(ctx) } else { self.led_by(ctx) }
    }

    /// The proof that the caller may hand the team over: the referent and the central team. Error: as [`Team::led_by`].
    pub fn handed_over_by(&self, ctx: &Ctx) -> Result<Allowed> {
        if ctx.has(Role::Coordinator) { self.seen_by(ctx) } else { self.led_by(ctx) }
    }

    /// The team as the caller may see it. Its e-mail address is visible to itself and its teachers only, and what it still owes to the
    /// central team to no machine.
    pub(crate) fn shown_to(mut self, ctx: &Ctx) -> Self {
        let is_machine = ctx.has(Role::Integrator);
        if is_machine || (!ctx.stands_for(self.id) && !self.is_taught_by(ctx)) {
            self.email = None;
        }
        if is_machine {
            self.reservation = None;
        }
        self
    }

    fn is_taught_by(&self, ctx: &Ctx) -> bool {
        ctx.account().is_ok_and(|account| self.has_teacher(account))
    }

    /// Whether the account is its referent's or a support teacher's.
    pub(crate) fn has_teacher(&self, account: Id<Account>) -> bool {
        account == self.referent || self.supports.contains(&account)
    }

    /// Changes name, address and logo. Returns whether one of them changed. Error: a violation for each forbidden word (I5);
    /// `REFERENT_ONLY` for a support teacher.
    pub fn change(&mut self, ctx: &Ctx, change: Change) -> Result<bool> {
        self.changed_by(ctx)?;
        let country: &Country = ctx.tenant().section()?;
        let mut violations = Violations::new();
        if let Some(name) = &change.name {
            if name.trim().is_empty() {
                violations.missing("team.name", "A team needs a name.");
            }
            country.words().refuse(&mut violations, "team.name", name);
        }
        if let Some(Some(email)) = &change.email {
            country.words().refuse_email(&mut violations, "team.email", email);
        }
        violations.done()?;
        let before = (self.name.clone(), self.email.clone(), self.logo);
        self.name = change.name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.email = change.email.unwrap_or_else(|| self.email.take());
        self.logo = change.logo.unwrap_or(self.logo);
        Ok(before != (self.name.clone(), self.email.clone(), self.logo))
    }

    /// Adds a support teacher (S1 "Associazione docente di supporto"). Error: `REFERENT_ONLY`, `TEACHER_ALREADY_IN_TEAM`.
    pub fn add_support(&mut self, ctx: &Ctx, teacher: &Teacher) -> Result<()> {
        self.led_by(ctx)?;
        if self.referent == teacher.id() || self.supports.contains(&teacher.id()) {
            return Err(Reason::TeacherAlreadyInTeam.error("This teacher is in the team already."));
        }
        self.supports.push(teacher.id());
        Ok(())
    }

    /// Removes a support teacher. Error: `REFERENT_ONLY`; not found, where the teacher is not a support teacher of the team.
    pub fn remove_support(&mut self, ctx: &Ctx, teacher: Id<Account>) -> Result<()> {
        self.led_by(ctx)?;
        let before = self.supports.len();
        self.supports.retain(|support| *support != teacher);
        if self.supports.len() == before { Err(Error::not_found("support teacher")) } else { Ok(()) }
    }

    /// Replaces the referent. The former referent no longer sees the team. Error: `REFERENT_ONLY`, `TEACHER_ALREADY_IN_TEAM`.
    pub fn hand_over(&mut self, ctx: &Ctx, to: &Teacher, reason: String) -> Result<Handover> {
        self.handed_over_by(ctx)?;
        if self.referent == to.id() {
            return Err(Reason::TeacherAlreadyInTeam.error("This teacher is the team's referent already."));
        }
        self.supports.retain(|support| *support != to.id());
        let from = std::mem::replace(&mut self.referent, to.id());
        Ok(Handover { id: ctx.new_id(), team: self.id, from, to: to.id(), reason, at: ctx.now() })
    }

    /// Replaces the team's credential and password by a new credential. Error: `REFERENT_ONLY`.
    pub(crate) fn reissue(&mut self, ctx: &Ctx, credential: &Credential) -> Result<()> {
        self.led_by(ctx)?;
        self.invite(credential);
        Ok(())
    }

    /// Makes this credential the only one that opens the team's account.
    pub(crate) fn invite(&mut self, credential: &Credential) {
        self.state = State::Invited { until: credential.expires_at() };
    }

    /// Whether its credential has not been redeemed.
    pub(crate) fn is_invited(&self) -> bool {
        matches!(self.state, State::Invited { .. })
    }

    /// Records that the credential was redeemed.
    pub(crate) fn activate(&mut self, now: Timestamp) {
        self.state = State::Active { since: now };
    }

    /// Replaces the reservation.
    pub(crate) fn reserve(&mut self, reservation: Option<Reservation>) {
        self.reservation = reservation;
    }

    /// Its id.
    pub fn id(&self) -> TeamId {
        self.id
    }

    /// The code it signs in with.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// The teacher who is responsible for it.
    pub fn referent(&self) -> Id<Account> {
        self.referent
    }

    /// Its teachers: the referent first, then the support teachers.
    pub(crate) fn teachers(&self) -> impl Iterator<Item = Id<Account>> {
        std::iter::once(self.referent).chain(self.supports.iter().copied())
    }

    /// Its edition.
    pub fn edition(&self) -> Id<Edition> {
        self.edition
    }

    /// Its track.
    pub fn track(&self) -> Id<Track> {
        self.track
    }

    /// Whether its track is for Interreg projects only, so that it may meet teams of other countries.
    pub fn is_interreg(&self) -> bool {
        self.is_interreg
    }

    /// Its school at the time of the admission.
    pub fn school(&self) -> &SchoolAtAdmission {
        &self.school
    }

    /// The name it chose.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_carries_edition_track_and_number() {
        assert_eq!(Code::new("22-23", "EN", 1).as_str(), "22-23-EN_0001");
        assert_eq!(Code::new("22-23", "", 63).as_str(), "22-23_0063");
    }
}

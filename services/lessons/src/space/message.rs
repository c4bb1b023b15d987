//! Messages: what two classes write to each other, where their teachers read along. Each side can hold a message back, and it is released
//! when neither does, so no teacher can release what the other one holds.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result, TenantId, Violations, error::Shared};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    twinning::{pair::Pair, side::check_contact},
    year::{
        edition::Track,
        team::Team,
        template::{Lessons, Moderation},
    },
};

pub mod api;
pub(crate) mod store;
pub(crate) mod wire;

/// A message of a class or its teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    id: Id<Message>,
    version: i64,
    pair: Id<Pair>,
    home: TenantId,
    team: Id<Team>,
    by_teacher: bool,
    role: String,
    language: String,
    text: String,
    own: Mark,
    twin: Mark,
    is_removed: bool,
    released_at: Option<Timestamp>,
    posted_at: Timestamp,
}

/// The contents of a new message.
#[derive(Clone, Debug)]
pub struct Note {
    /// The text.
    pub text: String,
    /// A BCP 47 tag.
    pub language: String,
    /// The role it is written in. May be empty.
    pub role: String,
}

/// What one side does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Lets it be read.
    Free,
    /// Holds it back from the other class.
    Held,
    /// Hides it from everybody but teachers.
    Hidden,
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Its own class and the teachers see it.
    Held,
    /// All members of the pair read it.
    Released,
    /// The teachers read it, all others see a gap.
    Hidden,
    /// Everybody sees a gap, because its class has left.
    Removed,
}

impl Message {
    /// Makes a message of the caller's class. Error: `PAIR_STATE` where the pair rests, not found for callers who do not act for a class of
    /// it, and all violations at once.
    pub fn post(ctx: &Ctx, pair: &Pair, track: &Track, note: Note) -> Result<Self> {
        let side = &pair.own(ctx)?.side;
        pair.check_working()?;
        let by_teacher = ctx.has(Role::TwinTeacher);
        check(track, &note, by_teacher)?;
        let waits = !by_teacher && ctx.tenant().section::<Lessons>()?.moderation() == Moderation::Before;
        Ok(Self {
            id: ctx.new_id(),
            version: 0,
            pair: pair.id(),
            home: side.home.clone(),
            team: side.team,
            by_teacher,
            role: note.role,
            language: note.language,
            text: note.text,
            own: if waits { Mark::Held } else { Mark::Free },
            twin: Mark::Free,
            is_removed: false,
            released_at: (!waits).then(|| ctx.now()),
            posted_at: ctx.now(),
        })
    }

    /// The proof that the caller may mark it. Whoever does is shown it, and nobody reads messages of the other class after the pair is
    /// dissolved. Error: not found, where its class has left, and for callers who do not act for a class of the pair; `PAIR_STATE`.
    pub fn marked_by(&self, ctx: &Ctx, pair: &Pair) -> Result<Allowed> {
        let shared = pair.shared_by(ctx)?;
        if self.is_removed { Err(Error::not_found("message")) } else { Ok(shared) }
    }

    /// Sets the mark of the caller's side. A message can be held back or hidden at any time, but none can be released while the pair rests.
    /// Error: as [`Message::marked_by`], `PAIR_STATE`.
    pub fn mark(&mut self, ctx: &Ctx, pair: &Pair, mark: Mark) -> Result<()> {
        self.marked_by(ctx, pair)?;
        if mark == Mark::Free {
            pair.check_working()?;
        }
        let side = &pair.own(ctx)?.side;
        let own = if side.team == self.team { &mut self.own } else { &mut self.twin };
        *own = mark;
        if self.state() == MessageState::Released {
            self.released_at.get_or_insert(ctx.now());
        }
        Ok(())
    }

    /// Where it stands.
    pub fn state(&self) -> MessageState {
        match self.own.max(self.twin) {
            _ if self.is_removed => MessageState::Removed,
            Mark::Free => MessageState::Released,
            Mark::Held => MessageState::Held,
            Mark::Hidden => MessageState::Hidden,
        }
    }

    /// Whether the caller reads its text. Check first that the caller may see the pair.
    fn is_read_by(&self, ctx: &Ctx) -> bool {
        match self.state() {
            MessageState::Released => true,
            MessageState::Held => ctx.has(Role::TwinTeacher) || ctx.stands_for(self.team),
            MessageState::Hidden => ctx.has(Role::TwinTeacher),
            MessageState::Removed => false,
        }
    }

    /// The message as the caller sees it, without the text that the caller may not read. None where it is held back and never was released,
    /// because the caller must not know of it then.
    pub fn as_shown_to(mut self, ctx: &Ctx) -> Option<Self> {
        if !self.is_read_by(ctx) {
            if self.state() == MessageState::Held && self.released_at.is_none() {
                return None;
            }
            self.text = String::new();
        }
        Some(self)
    }

    /// The countries of the sides that hold it back or hide it.
    fn kept_by<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = &'a TenantId> {
        let keeps = |team| if team == self.team { self.own } else { self.twin } != Mark::Free;
        let keepers = pair.sides().iter().filter(move |place| keeps(place.side.team));
        keepers.map(|place| &place.side.home)
    }

    /// The class that wrote it.
    pub(crate) fn team(&self) -> Id<Team> {
        self.team
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }
}

fn check(track: &Track, note: &Note, by_teacher: bool) -> Result<()> {
    let mut violations = Violations::new();
    check_contact(&mut violations, "text", &note.text);
    if by_teacher && !note.role.is_empty() {
        violations.add(
            "acting_role",
            Shared::FieldsInvalid,
            "The roles are those of the class. A teacher leaves this empty.",
        );
    } else {
        track.check_role(&mut violations, &note.role);
    }
    violations.done()
}

#[cfg(test)]
mod tests;

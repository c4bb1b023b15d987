//! Messages: what two classes write to each other, where their teachers read along. Each side can keep a message back, and it is
//! released once neither does: so nobody releases what the other teacher holds.

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, TenantId, error::Shared};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    amiss::Amiss,
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

/// What a class or its teacher wrote.
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

/// What somebody wants to send.
#[derive(Clone, Debug)]
pub struct Note {
    /// The text.
    pub text: String,
    /// A BCP 47 tag.
    pub language: String,
    /// The role it is written in. May be empty.
    pub role: String,
}

/// Whether one side keeps a message back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It does not.
    Free,
    /// From the other class.
    Held,
    /// From everybody but teachers.
    Hidden,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Seen by its own class and the teachers.
    Held,
    /// Read by all.
    Released,
    /// Read by the teachers, a gap for all others.
    Hidden,
    /// A gap.
    Removed,
}

impl Message {
    /// Writes a message. Error: `PAIR_STATE` where the pair rests, not found for who is not of it, and all violations at once.
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

    /// Marks a message for the side of the caller, a teacher. What is shown can be taken back at any time; nothing new is shown while the
    /// pair rests. Error: not found for who is not of the pair, `PAIR_STATE`.
    pub fn mark(&mut self, ctx: &Ctx, pair: &Pair, mark: Mark) -> Result<()> {
        let side = &pair.own(ctx)?.side;
        if mark == Mark::Free {
            pair.check_working()?;
        }
        if self.is_removed {
            return Err(Error::not_found("message"));
        }
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

    /// Whether the caller reads its text. That the caller knows of the pair was asked before.
    fn is_read_by(&self, ctx: &Ctx) -> bool {
        match self.state() {
            MessageState::Released => true,
            MessageState::Held => ctx.has(Role::TwinTeacher) || ctx.stands_for(self.team),
            MessageState::Hidden => ctx.has(Role::TwinTeacher),
            MessageState::Removed => false,
        }
    }

    /// The message as the caller sees it. None where it is held from them and never was released: then they do not know of it.
    pub fn as_shown_to(mut self, ctx: &Ctx) -> Option<Self> {
        if !self.is_read_by(ctx) {
            if self.state() == MessageState::Held && self.released_at.is_none() {
                return None;
            }
            self.text = String::new();
        }
        Some(self)
    }

    /// The countries of the sides that keep it back.
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
    let mut amiss = Amiss::new();
    check_contact(&mut amiss, "text", &note.text);
    if by_teacher && !note.role.is_empty() {
        amiss.add(
            "acting_role",
            Shared::FieldsInvalid,
            "The roles are those of the class. A teacher leaves this empty.",
        );
    } else {
        track.check_role(&mut amiss, &note.role);
    }
    amiss.done()
}

#[cfg(test)]
mod tests;

//! Offers: what a class that looks for a twin says about itself and about what it would like.

use jiff::{Timestamp, civil::Date};
use platform::{Allowed, Ctx, Error, Id, Result, Violations, error::Shared};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    reason::{Reason, Refuse},
    twinning::{
        pair::Pair,
        project::Project,
        side::{Side, check_contact},
    },
    year::edition::Track,
};

pub mod api;
pub(crate) mod couples;
mod matching;
pub(crate) mod store;
mod wire;

pub use matching::{Match, Why};

/// A class that looks for a twin.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    id: Id<Offer>,
    version: i64,
    track: Id<Track>,
    side: Side,
    wish: OfferDetails,
    state: OfferState,
    lost: Option<Id<Pair>>,
    published_at: Timestamp,
}

/// What a class says about itself and about what it would like.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferDetails {
    /// The languages it can work in.
    pub languages: Vec<Language>,
    /// What it is curious about, in the words of the report forms.
    pub themes: Vec<String>,
    /// How many pupils.
    pub class_size: i32,
    /// The first day it can work together.
    pub from: Date,
    /// The last one.
    pub until: Date,
    /// Projects it would like to observe, its favourite first.
    pub projects: Vec<Id<Project>>,
    /// A few words to the other class.
    pub note: String,
}

/// A language, and how well a class speaks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// A BCP 47 tag.
    pub tag: String,
    /// How well: 0 not said, 1 for A1 to 6 for C2.
    pub level: i32,
}

/// The state of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// Can be proposed for a pair.
    Open,
    /// The class is in a pair.
    Paired,
    /// Taken back.
    Withdrawn,
}

impl Offer {
    /// Publishes an offer. Error: a violation for everything that is wrong with it.
    pub fn publish(ctx: &Ctx, track: Id<Track>, side: Side, wish: OfferDetails) -> Result<Self> {
        let offer = Self {
            id: ctx.new_id(),
            version: 0,
            track,
            side,
            wish,
            state: OfferState::Open,
            lost: None,
            published_at: ctx.now(),
        };
        offer.check("")?;
        Ok(offer)
    }

    fn check(&self, at: &str) -> Result<()> {
        let mut violations = Violations::new();
        let wish = &self.wish;
        if wish.until < wish.from {
            let text = "The last day comes before the first one.";
            violations.add(format!("{at}available_until"), Reason::DatesReversed, text);
        }
        if wish.languages.is_empty() {
            violations.add(
                format!("{at}languages"),
                Shared::FieldsInvalid,
                "Name at least one language the class can work in.",
            );
        }
        if wish.class_size < 1 {
            violations.missing(format!("{at}class_size"), "Say how many pupils the class has.");
        }
        check_contact(&mut violations, &format!("{at}note"), &wish.note);
        violations.done()
    }

    /// Changes the offer. Returns whether anything is different now. Error: `OFFER_CLOSED`, and a violation for everything that is wrong
    /// with it.
    pub fn change(&mut self, wish: OfferDetails) -> Result<bool> {
        self.check_open()?;
        let before = std::mem::replace(&mut self.wish, wish);
        self.check("offer.")?;
        Ok(before != self.wish)
    }

    /// Takes it back. Error: `OFFER_CLOSED`.
    pub fn withdraw(&mut self) -> Result<()> {
        self.check_open()?;
        self.state = OfferState::Withdrawn;
        Ok(())
    }

    /// Closes the offer because the class is in a pair now. Error: `OFFER_CLOSED` for the second of two proposals that are accepted at
    /// once.
    pub(crate) fn take(&mut self) -> Result<()> {
        self.check_open()?;
        self.state = OfferState::Paired;
        Ok(())
    }

    /// Opens the offer again, after the pair ended that took it.
    pub(crate) fn reopen(&mut self) {
        self.state = OfferState::Open;
    }

    /// Opens the offer again, after the twin of the class has left a pair.
    pub(crate) fn lose_twin(&mut self, pair: Id<Pair>) {
        self.lost = Some(pair);
        self.reopen();
    }

    /// Withdraws the offer of a class that has left, and empties what it said.
    pub(crate) fn empty(&mut self) {
        self.state = OfferState::Withdrawn;
        self.side.empty();
        self.wish.note = String::new();
    }

    /// Error: `OFFER_CLOSED`, with its id.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.state == OfferState::Open {
            return Ok(());
        }
        let text = "This offer is not open any more: the class is in a pair, or has taken it back.";
        Err(Reason::OfferClosed.error(text).with("offer_id", self.id))
    }

    /// Whether the caller may see it. Everybody in the programme may see open offers; the class, its country and the secretariat may see
    /// all others.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        self.state == OfferState::Open || ctx.has(Role::Coordinator) || self.side.is_of(ctx) || self.side.is_under(ctx)
    }

    /// The proof that the caller may withdraw it: the class, its country, the secretariat. Error: not found for all others.
    pub(crate) fn withdrawn_by(&self, ctx: &Ctx) -> Result<Allowed> {
        let may = self.side.is_of(ctx) || self.side.is_under(ctx) || ctx.has(Role::Coordinator);
        Allowed::when(may, || Error::not_found("offer"))
    }

    /// The proof that the caller is the class. Error: not found for all others.
    pub(crate) fn owned_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.side.is_of(ctx), || Error::not_found("offer"))
    }

    /// The offer, if the caller may list its matches: the class and the secretariat. Error: not found for all others.
    pub(crate) fn matchable(self, ctx: &Ctx) -> Result<Self> {
        if self.side.is_of(ctx) || ctx.has(Role::Coordinator) { Ok(self) } else { Err(Error::not_found("offer")) }
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The class.
    pub fn side(&self) -> &Side {
        &self.side
    }

    /// The track of the programme's edition.
    pub fn track(&self) -> Id<Track> {
        self.track
    }

    /// The pair in which the class lost its twin, if it did.
    pub fn lost(&self) -> Option<Id<Pair>> {
        self.lost
    }
}

//! Interreg projects, as keep.eu has them (domain.md §4.3). A programme's secretariat imports them. A pair keeps the one it agreed on as it
//! was that day (I17), because programmes send their data again every few months and change it in place.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, text::fold};
use serde::{Deserialize, Serialize};

pub mod api;
mod import;
mod sheet;
pub(crate) mod store;
mod wire;

/// An Interreg project.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    id: Id<Project>,
    facts: Facts,
    imported_at: Timestamp,
}

/// What the source says of a project. Sums are decimals in euro (F14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its number at keep.eu.
    pub keep_id: String,
    /// Its short name.
    pub acronym: String,
    /// Its name.
    pub name: String,
    /// The Commission's code of its programme: `2014TC16RFCB042`.
    pub programme_cci: String,
    /// Where it stands, in the source's word: `closed`.
    pub status: String,
    /// When it began: `2019-01-01`. May be empty.
    pub starts_on: String,
    /// When it ends. May be empty.
    pub ends_on: String,
    /// The total of the operation.
    pub total: Budget,
    /// What the Union pays of it.
    pub union_share: Budget,
    /// Its themes, in the source's words.
    pub themes: Vec<String>,
    /// Its partners, in the source's order.
    pub partners: Vec<Partner>,
}

/// A partner of a project. Its share is never added to, or taken from, the total of the operation (I19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its number within the project.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it leads.
    pub is_lead: bool,
    /// The country, as tenants are named: `it`.
    pub country: String,
    /// Its NUTS code. May be shorter than NUTS-3, or empty.
    pub territory: String,
    /// Its town.
    pub town: String,
    /// Its share.
    pub share: Budget,
}

/// A sum of money, which may be unpublished: that is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// A decimal in euro: `1234567.89`.
    Published(String),
    /// Published as zero.
    PublishedZero,
    /// Not published.
    Unpublished,
}

/// Writes the sum as a sheet has it: empty where it is not published.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published(euro) => euro,
            Self::PublishedZero => "0",
            Self::Unpublished => "",
        })
    }
}

impl Project {
    /// A project as its source says now.
    pub fn new(ctx: &Ctx, facts: Facts) -> Self {
        Self { id: ctx.new_id(), facts, imported_at: ctx.now() }
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// What the source says of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What a list is ordered by.
    fn order(&self) -> String {
        fold(&self.facts.acronym)
    }

    /// What a search looks in.
    fn words(&self) -> String {
        fold(&format!("{} {} {}", self.facts.keep_id, self.facts.acronym, self.facts.name))
    }

    /// Where its partners are: country and territory, each once.
    fn places(&self) -> BTreeSet<(&str, &str)> {
        self.facts.partners.iter().map(|partner| (partner.country.as_str(), partner.territory.as_str())).collect()
    }

    /// The partner of this number, if it is in this country.
    pub fn partner_in(&self, country: &str, id: &str) -> Option<&Partner> {
        self.facts.partners.iter().find(|partner| partner.id == id && partner.country == country)
    }
}

/// What is kept of a project on the day a pair agreed to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    id: Id<Project>,
    facts: Facts,
    imported_at: i64,
}

impl From<&Project> for Kept {
    fn from(project: &Project) -> Self {
        Self { id: project.id, facts: project.facts.clone(), imported_at: project.imported_at.as_microsecond() }
    }
}

impl TryFrom<Kept> for Project {
    type Error = Error;

    fn try_from(kept: Kept) -> Result<Self> {
        let imported_at = Timestamp::from_microsecond(kept.imported_at).map_err(Error::internal)?;
        Ok(Self { id: kept.id, facts: kept.facts, imported_at })
    }
}

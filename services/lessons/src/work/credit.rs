//! Credits: what a team of a country delivered in a twinning programme, as its country was told. Training hours are computed from credits,
//! so each is kept exactly once and never removed.

use jiff::Timestamp;
use platform::{Id, TenantId};
use serde::{Deserialize, Serialize};

use crate::year::team::Team;

pub(crate) mod home;
pub(crate) mod store;
mod wire;

/// What a team delivered in a programme.
#[derive(Clone, Debug, PartialEq)]
pub struct Credit {
    pub(crate) programme: TenantId,
    pub(crate) team: Id<Team>,
    pub(crate) lesson: i32,
    pub(crate) kind: CreditKind,
    pub(crate) received_at: Timestamp,
    pub(crate) on_time: bool,
    pub(crate) digest: String,
}

/// What was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditKind {
    /// Its own report on the common project.
    MirrorReport,
    /// What it made together with its twin.
    JointOutput,
}

//! Credits as messages.

use jiff::Timestamp;
use platform::{Error, Result, TenantId, wire};
use proto::lessons::v1 as pb;

use super::{Credit, CreditKind};

impl From<CreditKind> for pb::CreditKind {
    fn from(kind: CreditKind) -> Self {
        match kind {
            CreditKind::MirrorReport => Self::MirrorReport,
            CreditKind::JointOutput => Self::JointOutput,
        }
    }
}

impl From<&Credit> for pb::Credit {
    fn from(credit: &Credit) -> Self {
        Self {
            programme: credit.programme.to_string(),
            kind: pb::CreditKind::from(credit.kind).into(),
            received_at: Some(wire::timestamp(credit.received_at)),
            on_time: credit.on_time,
        }
    }
}

impl Credit {
    /// The message that crosses to a country.
    pub(super) fn to_cross(&self, home: &TenantId) -> pb::DeliveryCrossed {
        pb::DeliveryCrossed {
            home: home.to_string(),
            team_id: self.team.to_string(),
            lesson: self.lesson,
            kind: pb::CreditKind::from(self.kind).into(),
            received_at: Some(wire::timestamp(self.received_at)),
            on_time: self.on_time,
            digest: self.digest.clone(),
        }
    }

    /// Reads the message that crossed from a programme.
    pub(super) fn crossed(programme: &TenantId, fact: pb::DeliveryCrossed) -> Result<Self> {
        let kind = match fact.kind() {
            pb::CreditKind::MirrorReport => CreditKind::MirrorReport,
            pb::CreditKind::JointOutput => CreditKind::JointOutput,
            pb::CreditKind::Unspecified => return Err(Error::internal("a delivery crossed that is of no kind")),
        };
        let at = fact.received_at.ok_or_else(|| Error::internal("a delivery crossed without its instant"))?;
        Ok(Self {
            programme: programme.clone(),
            team: fact.team_id.parse()?,
            lesson: fact.lesson,
            kind,
            received_at: Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)?,
            on_time: fact.on_time,
            digest: fact.digest,
        })
    }
}

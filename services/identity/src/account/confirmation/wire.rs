//! Confirmations as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::{Confirmation, Ground};

impl From<Ground> for pb::ConfirmationGround {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Domain => Self::Domain,
            Ground::SchoolDomain => Self::SchoolDomain,
            Ground::School => Self::School,
            Ground::Colleague => Self::Colleague,
            Ground::Coordinator => Self::Coordinator,
        }
    }
}

impl From<Confirmation> for pb::Confirmation {
    fn from(confirmation: Confirmation) -> Self {
        Self {
            ground: pb::ConfirmationGround::from(confirmation.ground).into(),
            confirmed_at: Some(wire::timestamp(confirmation.given_at)),
            confirmed_by: confirmation.given_by.map(|by| by.to_string()).unwrap_or_default(),
            school_id: confirmation.school.map(|school| school.to_string()).unwrap_or_default(),
        }
    }
}

impl Confirmation {
    /// What its account shows of it. None, where it has ended.
    pub(crate) fn shown(self) -> Option<pb::Confirmation> {
        self.is_living().then(|| self.into())
    }

    /// What other teachers are shown of it: not which person has vouched.
    pub(crate) fn shown_to_others(self) -> Option<pb::Confirmation> {
        Some(pb::Confirmation { confirmed_by: String::new(), ..self.shown()? })
    }
}

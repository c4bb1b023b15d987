//! Consents as messages.

use platform::{Error, Result, Violations, error::Shared, wire};
use proto::lessons::v1 as pb;

use super::{Channel, Consent, MissingReason, Publication, Statement};

impl TryFrom<&pb::RegisterConsentRequest> for Statement {
    type Error = Error;

    fn try_from(request: &pb::RegisterConsentRequest) -> Result<Self> {
        Ok(Self {
            file: request.file_id.parse()?,
            channel: request.channel().try_into()?,
            expires_on: wire::to_date(&request.expires_on.unwrap_or_default())?,
        })
    }
}

impl TryFrom<pb::Channel> for Channel {
    type Error = Error;

    fn try_from(channel: pb::Channel) -> Result<Self> {
        let found = match channel {
            pb::Channel::Unspecified => None,
            pb::Channel::PairSpace => Some(Self::PairSpace),
            pb::Channel::ProgrammeSite => Some(Self::ProgrammeSite),
            pb::Channel::Press => Some(Self::Press),
            pb::Channel::Social => Some(Self::Social),
        };
        let mut violations = Violations::new();
        if found.is_none() {
            violations.add("channel", Shared::FieldsInvalid, "There is no such channel.");
        }
        violations.value(found)
    }
}

impl From<Channel> for pb::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::PairSpace => Self::PairSpace,
            Channel::ProgrammeSite => Self::ProgrammeSite,
            Channel::Press => Self::Press,
            Channel::Social => Self::Social,
        }
    }
}

impl From<Consent> for pb::Consent {
    fn from(consent: Consent) -> Self {
        Self {
            id: consent.id.to_string(),
            pair_id: consent.pair.to_string(),
            home: consent.home.to_string(),
            team_id: consent.team.to_string(),
            file_id: consent.file.to_string(),
            channel: pb::Channel::from(consent.channel).into(),
            expires_on: Some(wire::date(consent.expires_on)),
            registered_at: Some(wire::timestamp(consent.registered_at)),
            withdrawn_at: consent.withdrawn_at.map(wire::timestamp),
        }
    }
}

impl From<Publication> for pb::Publication {
    fn from(publication: Publication) -> Self {
        let publishable = publication.is_granted();
        let missing = publication.missing.into_iter();
        let missing = missing
            .map(|(home, gap)| pb::MissingConsent { home: home.to_string(), gap: pb::ConsentGap::from(gap).into() });
        Self { publishable, missing: missing.collect() }
    }
}

impl From<MissingReason> for pb::ConsentGap {
    fn from(gap: MissingReason) -> Self {
        match gap {
            MissingReason::Nothing => Self::None,
            MissingReason::Expired => Self::Expired,
            MissingReason::Withdrawn => Self::Withdrawn,
            MissingReason::Left => Self::Left,
        }
    }
}

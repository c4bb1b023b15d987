//! Entries as messages.

use std::collections::BTreeSet;

use platform::{Error, Result, wire};
use proto::lessons::v1 as pb;

use super::{Delivery, Entry, Filter, region};
use crate::{space::timeline::homes::Homes, twinning::pair::PairSide};

impl TryFrom<&pb::ListEntriesRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListEntriesRequest) -> Result<Self> {
        let track = wire::optional(&request.track_id)?;
        Ok(Self { edition: request.edition_id.parse()?, track })
    }
}

/// An entry with the languages of its countries.
pub(super) fn shown(entry: Entry, homes: &Homes) -> pb::Entry {
    let mut languages: BTreeSet<String> = entry.languages().into_iter().map(str::to_owned).collect();
    let spoken = |place: &PairSide| homes.language(&place.side.home).unwrap_or_default();
    languages.extend(entry.pair.sides().iter().map(spoken).filter(|language| !language.is_empty()));
    let single = entry.is_single();
    let Entry { pair, reports, joint } = entry;
    let side = |(place, reports): (&PairSide, Vec<Delivery>)| pb::EntrySide {
        region: region(&place.side.territory).to_owned(),
        side: Some(place.side.clone().into()),
        deliveries: reports.into_iter().map(pb::EntryDelivery::from).collect(),
        language: spoken(place),
    };
    pb::Entry {
        pair_id: pair.id().to_string(),
        track_id: pair.track().to_string(),
        state: pb::PairState::from(pair.stage()).into(),
        single,
        sides: pair.sides().iter().zip(reports).map(side).collect(),
        joint: joint.into_iter().map(pb::EntryDelivery::from).collect(),
        languages: languages.into_iter().collect(),
    }
}

impl From<Delivery> for pb::EntryDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            lesson: delivery.lesson,
            kind: pb::CreditKind::from(delivery.kind).into(),
            digest: delivery.digest,
            received_at: Some(wire::timestamp(delivery.received_at)),
            on_time: delivery.on_time,
            language: delivery.language,
        }
    }
}

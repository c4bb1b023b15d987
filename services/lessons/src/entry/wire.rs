//! Entries as messages.

use platform::{Error, Result, wire};
use proto::lessons::v1 as pb;

use super::{Delivery, Entry, region, store::Filter};
use crate::pair::Place;

impl TryFrom<&pb::ListEntriesRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListEntriesRequest) -> Result<Self> {
        let track = if request.track_id.is_empty() { None } else { Some(request.track_id.parse()?) };
        Ok(Self { edition: request.edition_id.parse()?, track })
    }
}

impl From<Entry> for pb::Entry {
    fn from(entry: Entry) -> Self {
        let (single, languages) = (entry.is_single(), entry.languages().into_iter().map(str::to_owned).collect());
        let Entry { pair, reports, joint } = entry;
        let side = |(place, reports): (&Place, Vec<Delivery>)| pb::EntrySide {
            region: region(&place.side.territory).to_owned(),
            side: Some(place.side.clone().into()),
            deliveries: reports.into_iter().map(pb::EntryDelivery::from).collect(),
        };
        Self {
            pair_id: pair.id().to_string(),
            track_id: pair.track().to_string(),
            state: pb::PairState::from(pair.state()).into(),
            single,
            sides: pair.sides().iter().zip(reports).map(side).collect(),
            joint: joint.into_iter().map(pb::EntryDelivery::from).collect(),
            languages,
        }
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

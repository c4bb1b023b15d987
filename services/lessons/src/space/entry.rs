//! Entries: what evaluation reads about pairs. A pair is one entry, which has only what is delivered and cannot change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use platform::Id;

use crate::{
    space::output,
    twinning::pair::{Pair, PairSide, PairStage},
    work::{credit::CreditKind, report},
    year::edition::{Edition, Track},
};

pub mod api;
mod wire;

/// A pair, as it is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pair: Pair,
    reports: [Vec<Delivery>; 2],
    joint: Vec<Delivery>,
}

/// What entries are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The edition.
    pub(crate) edition: Id<Edition>,
    /// Only those of this track.
    pub(crate) track: Option<Id<Track>>,
}

/// Something that was delivered.
#[derive(Clone, Debug, PartialEq)]
struct Delivery {
    lesson: i32,
    kind: CreditKind,
    digest: String,
    received_at: Timestamp,
    on_time: bool,
    language: String,
}

impl Entry {
    /// The entry of a pair. `reports` and `outputs` may also hold those of other pairs.
    pub(crate) fn new(pair: Pair, track: &Track, reports: &[report::Delivery], outputs: &[output::Frozen]) -> Self {
        let own = |place: &PairSide| {
            let own = reports.iter().filter(|report| report.seat == pair.seat(place));
            sorted(own.filter_map(|report| Delivery::of_report(report, &track.rules().language)))
        };
        let [one, other] = pair.sides();
        let reports = [own(one), own(other)];
        let joint = outputs.iter().filter(|output| output.pair == pair.id());
        Self { joint: sorted(joint.map(Delivery::of_output)), reports, pair }
    }

    /// Whether one class goes on alone. Such an entry can be mentioned and is never ranked (I13).
    fn is_single(&self) -> bool {
        self.pair.stage() == PairStage::OneSided
    }

    /// The languages of all deliveries.
    fn languages(&self) -> BTreeSet<&str> {
        let all = self.reports.iter().flatten().chain(&self.joint);
        all.map(|delivery| delivery.language.as_str()).collect()
    }
}

impl Delivery {
    fn of_report(report: &report::Delivery, language: &str) -> Option<Self> {
        let report::Judged { verdict, digest } = report.state.judged()?;
        Some(Self {
            lesson: report.lesson,
            kind: CreditKind::MirrorReport,
            digest: digest.clone(),
            received_at: verdict.received_at,
            on_time: verdict.on_time,
            language: language.to_owned(),
        })
    }

    fn of_output(output: &output::Frozen) -> Self {
        let output::Frozen { lesson, language, delivered, .. } = output;
        Self {
            lesson: *lesson,
            kind: CreditKind::JointOutput,
            digest: delivered.digest.clone(),
            received_at: delivered.verdict.received_at,
            on_time: delivered.verdict.on_time,
            language: language.clone(),
        }
    }
}

fn sorted(deliveries: impl Iterator<Item = Delivery>) -> Vec<Delivery> {
    let mut deliveries: Vec<_> = deliveries.collect();
    deliveries.sort_by_key(|delivery| delivery.lesson);
    deliveries
}

/// The NUTS-2 code of the region a NUTS-3 territory is in.
fn region(territory: &str) -> &str {
    territory.get(..4).unwrap_or(territory)
}

#[cfg(test)]
mod tests;

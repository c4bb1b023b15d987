//! Entries of an edition, read from pairs, reports and joint outputs.

use platform::{Id, Page, PageRequest, Reads, Result};

use crate::{
    space::{
        entry::{Entry, Filter},
        output,
    },
    twinning::pair::{self, Pair},
    work::report,
    year::edition::{self, Track},
};

/// One page of entries, oldest first: a query each for pairs, reports and joint outputs. Error: not found where there is no such edition.
pub(crate) async fn list(db: &impl Reads, filter: &Filter, page: PageRequest<Id<Pair>>) -> Result<Page<Entry>> {
    let edition = edition::store::get(db, filter.edition).await?;
    let tracks = edition.tracks().iter().filter(|track| filter.track.is_none_or(|only| only == track.id()));
    let tracks: Vec<&Track> = tracks.collect();
    let ids: Vec<Id<Track>> = tracks.iter().map(|track| track.id()).collect();
    let pairs = pair::store::entered(db, &ids, page).await?;
    let reports = report::store::deliveries(db, pairs.items.iter().flat_map(Pair::seats)).await?;
    let outputs = output::store::frozen(db, pairs.items.iter().map(Pair::id)).await?;
    let entry = |pair: Pair| {
        let track = tracks.iter().find(|track| track.id() == pair.track())?;
        Some(Entry::new(pair, track, &reports, &outputs))
    };
    Ok(Page { items: pairs.items.into_iter().filter_map(entry).collect(), next: pairs.next })
}

//! Tells identity when the calendars of a country end, which counts from there what it keeps for some days after an edition. It is told
//! again when a calendar was moved.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::{Ctx, Id, Reads, Result, Store, event::Handlers, tenant::Kind, wire};
use proto::lessons::v1 as pb;

use crate::year::{
    calendar,
    edition::{self, Edition, Track},
};

/// An edition, with the instants at which the calendars of its tracks end.
struct Ends {
    edition: Id<Edition>,
    tracks: BTreeMap<Id<Track>, Timestamp>,
}

/// Adds the hourly task that tells it.
pub(crate) fn handlers(others: Handlers, store: Store) -> Handlers {
    others.every_hour("tell ends", move |ctx| tell(store.clone(), ctx))
}

async fn tell(store: Store, ctx: Ctx) -> Result<()> {
    // the classes that visit a programme have their year at home
    if ctx.tenant().kind() == Kind::Programme || untold(&store.read(&ctx).await?).await?.is_empty() {
        return Ok(());
    }
    let tx = store.change(&ctx).await?;
    for Ends { edition, tracks } in untold(&tx).await? {
        calendar::told::set(&tx, &tracks).await?;
        let ends_at = tracks.into_iter().map(|(track, at)| (track.to_string(), wire::timestamp(at))).collect();
        tx.emit(&pb::CalendarEnds { edition_id: edition.to_string(), ends_at });
    }
    tx.commit().await
}

/// The editions of which something else was told last, or nothing.
async fn untold(db: &impl Reads) -> Result<Vec<Ends>> {
    let told = calendar::told::all(db).await?;
    let mut untold = Vec::new();
    for edition in edition::store::all(db).await? {
        let mut tracks = BTreeMap::<_, Timestamp>::new();
        for item in calendar::store::list(db, edition.tracks().iter().map(Track::id)).await? {
            let ends = tracks.entry(item.track()).or_insert(item.ends());
            *ends = item.ends().max(*ends);
        }
        if tracks.iter().any(|(track, at)| told.get(track) != Some(at)) {
            untold.push(Ends { edition: edition.id(), tracks });
        }
    }
    Ok(untold)
}

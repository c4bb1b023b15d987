//! The teams of a programme are the classes of pairs. Who may see a class there sees what it writes; its twin does not, and reads what
//! was submitted beside its own.

use platform::{Id, Page, PageRequest, Reads, Result, ctx::Visible};

use super::Team;
use crate::{
    twinning::{
        pair::{self, Pair},
        side::Side,
    },
    year::edition::{self, Edition, Track},
};

/// What a page of classes is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The edition they take part in.
    pub(crate) edition: Id<Edition>,
    /// Only those of this track.
    pub(crate) track: Option<Id<Track>>,
    /// Only those in this territory. May be empty.
    pub(crate) territory: String,
}

/// The class, if the caller may see it. Error: not found, at once where it has left.
pub(crate) async fn get(db: &impl Reads, id: Id<Team>) -> Result<Team> {
    let pair = pair::store::of_team(db, id).await?;
    class(db, id, pair).await
}

/// The same, in one of its pairs: where it lost a twin, what it wrote with that one is still there. Error: not found.
pub(crate) async fn get_in(db: &impl Reads, id: Id<Team>, pair: Id<Pair>) -> Result<Team> {
    let pair = pair::store::find(db, pair).await?;
    class(db, id, pair).await
}

async fn class(db: &impl Reads, id: Id<Team>, pair: Option<Pair>) -> Result<Team> {
    let place = pair.as_ref().and_then(|pair| Some((pair.place_of(id)?, pair)));
    let (place, pair) = place.visible("team", |(place, _)| place.is_open_to(db.ctx()))?;
    let edition = edition::store::track_of_team(db, pair.track()).await?.edition();
    Ok(team(place.side.clone(), edition, pair))
}

/// One page of the classes the caller may see. Error: not found where there is no such edition.
pub(crate) async fn page(db: &impl Reads, filter: &Filter, page: PageRequest<Id<Team>>) -> Result<Page<Team>> {
    let edition = edition::store::get(db, filter.edition).await?;
    let tracks = edition.tracks().iter().map(Track::id).filter(|id| filter.track.is_none_or(|only| only == *id));
    let classes = pair::store::classes(db, &tracks.collect::<Vec<_>>(), &filter.territory, page).await?;
    Ok(classes.map(|(side, pair)| team(side, edition.id(), &pair)))
}

/// A class as a team of its programme, in a pair.
pub(crate) fn team(side: Side, edition: Id<Edition>, pair: &Pair) -> Team {
    Team {
        id: side.team,
        code: String::new(),
        name: side.team_name,
        edition,
        track: pair.track(),
        school_name: side.school_name,
        territory: side.territory,
        pair: Some(pair.id()),
    }
}

//! Who a class is to the caller. In a country identity says so; in a programme the classes are those of its pairs, which lessons keeps
//! itself.

use platform::{
    Allowed, Code, Ctx, Error, Id, Locks, Page, PageRequest, Peer, Peers, Reads, Result, Store, client::peer_error,
    ctx::Visible, error::Shared, page::Sizes, tenant::Kind,
};
use proto::{
    identity::v1::{self as pb, team_service_client::TeamServiceClient},
    lessons::v1::ListDeliveriesRequest,
};

use crate::{
    reason::Refuse,
    twinning::{
        pair::{self, Pair},
        side::Side,
    },
    year::{
        edition::{self, Edition, Track},
        team::Team,
    },
};

/// A class, with the pair it works in. A class of a country works in none.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// The class.
    pub(crate) team: Team,
    /// Its pair.
    pub(crate) pair: Option<Pair>,
}

/// A class that a request names, before it is loaded. A transaction must not wait for another service, so identity is asked before; a pair
/// is read in the transaction that writes, once, so that it cannot change in between.
#[derive(Clone, Debug)]
pub(crate) enum NamedClass {
    /// A class of a country, as identity shows it to the caller.
    OfCountry(Team),
    /// A class of a programme, by its id.
    OfPair(Id<Team>),
}

/// Finds classes for callers.
#[derive(Clone)]
pub struct Classes {
    peers: Peers,
    store: Store,
}

/// Which classes a page is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The edition they take part in.
    pub(crate) edition: Id<Edition>,
    /// Only those of this track.
    pub(crate) track: Option<Id<Track>>,
    /// Only those in this territory. May be empty.
    pub(crate) territory: String,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

impl Classes {
    /// Finds the teams of a country behind the channel to identity, and the classes of a programme in the data of lessons.
    pub fn new(peers: Peers, store: Store) -> Self {
        Self { peers, store }
    }

    /// The class, if the caller may see it. Error: not found.
    pub(crate) async fn get(&self, ctx: &Ctx, id: Id<Team>) -> Result<Class> {
        match self.named(ctx, id).await? {
            NamedClass::OfCountry(team) => Ok(Class::of_country(team)),
            NamedClass::OfPair(id) => get(&self.store.read(ctx).await?, id).await,
        }
    }

    /// The class in a pair it works or worked in; without a pair, as [`Classes::get`]. Error: not found.
    pub(crate) async fn get_in(&self, ctx: &Ctx, id: Id<Team>, pair: Option<Id<Pair>>) -> Result<Class> {
        match pair {
            None => self.get(ctx, id).await,
            Some(pair) => get_in(&self.store.read(ctx).await?, id, pair).await,
        }
    }

    /// The class, for a transaction that writes for it. Error: not found where identity does not show it to the caller.
    pub(crate) async fn named(&self, ctx: &Ctx, id: Id<Team>) -> Result<NamedClass> {
        if ctx.tenant().kind() == Kind::Programme {
            return Ok(NamedClass::OfPair(id));
        }
        let request = pb::GetTeamRequest { team_id: id.to_string() };
        let team = self.identity(ctx)?.get_team(request).await.map_err(peer_error)?.into_inner();
        Ok(NamedClass::OfCountry(team.try_into()?))
    }

    /// The class, for a transaction that writes for it, if the caller acts for it: its shared account, and in a programme its teacher too.
    /// Error: not found.
    pub(crate) async fn own(&self, ctx: &Ctx, id: Id<Team>) -> Result<NamedClass> {
        if ctx.stands_for(id) { self.named(ctx, id).await } else { Err(Error::not_found("team")) }
    }

    /// The class, if the caller acts for it. Error: not found.
    pub(crate) async fn get_own(&self, ctx: &Ctx, id: Id<Team>) -> Result<Class> {
        if ctx.stands_for(id) { self.get(ctx, id).await } else { Err(Error::not_found("team")) }
    }

    /// One page of the classes the caller may see. Error: not found where there is no such edition, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn page(&self, ctx: &Ctx, filter: &Filter, asked: &ListDeliveriesRequest) -> Result<Page<Team>> {
        if ctx.tenant().kind() == Kind::Programme {
            let asked = PageRequest::of(SIZES, asked)?;
            return page(&self.store.read(ctx).await?, filter, asked).await;
        }
        let page: PageRequest<String> = PageRequest::of(SIZES, asked)?;
        let request = pb::ListTeamsRequest {
            edition_id: filter.edition.to_string(),
            track_id: filter.track.map(|track| track.to_string()).unwrap_or_default(),
            territory: filter.territory.clone(),
            page_size: asked.page_size,
            page_token: page.after().cloned().unwrap_or_default(),
            ..pb::ListTeamsRequest::default()
        };
        let answer = self.identity(ctx)?.list_teams(request).await.map_err(|status| match status.code() {
            // everything else in the request was checked here by the same rules
            Code::InvalidArgument => Shared::PageTokenInvalid
                .error("This page token is not one this list gave for this filter. Start again without it."),
            _ => peer_error(status),
        });
        let pb::ListTeamsResponse { teams, next_page_token } = answer?.into_inner();
        let teams = teams.into_iter().map(Team::try_from).collect::<Result<_>>()?;
        // the token of the teams is the key of this list, so that each list takes its own tokens alone
        Ok(page.followed_by(Some(next_page_token).filter(|token| !token.is_empty()), teams))
    }

    fn identity(&self, ctx: &Ctx) -> Result<TeamServiceClient<Peer>> {
        Ok(TeamServiceClient::new(self.peers.call("identity", ctx)?))
    }
}

impl Class {
    /// A class of a country.
    pub(crate) fn of_country(team: Team) -> Self {
        Self { team, pair: None }
    }

    /// The proof that the caller may know of the class. Of a class of a country identity has said so. Error: not found, also where the class
    /// has left.
    pub(crate) fn open_to(&self, ctx: &Ctx) -> Result<Allowed> {
        let side = |pair: &Pair| pair.side_of(self.team.id).is_some_and(|side| side.is_open_to(ctx));
        Allowed::when(self.pair.as_ref().is_none_or(side), || Error::not_found("team"))
    }

    /// Error: `PAIR_STATE`, where the work of its pair does not go on.
    pub(crate) fn check_working(&self) -> Result<()> {
        self.pair.iter().try_for_each(Pair::check_working)
    }
}

/// The class of a programme in the pair it works in, if the caller may see it. Error: not found, also for a class that has left.
pub(crate) async fn get(db: &impl Reads, id: Id<Team>) -> Result<Class> {
    let pair = pair::store::of_team(db, id).await?;
    of_pair(db, id, pair).await
}

/// The class of a programme in one of its pairs: what it wrote with a twin it has lost is still there. Error: not found.
async fn get_in(db: &impl Reads, id: Id<Team>, pair: Id<Pair>) -> Result<Class> {
    let pair = pair::store::find(db, pair).await?;
    of_pair(db, id, pair).await
}

/// The class, for a transaction that writes what it makes. In a programme its pair is locked until the transaction ends: nobody else writes
/// in its space, and nobody leaves. Error: not found.
pub(crate) async fn hold(tx: &impl Locks, class: NamedClass) -> Result<Class> {
    let id = match class {
        NamedClass::OfCountry(team) => return Ok(Class::of_country(team)),
        NamedClass::OfPair(id) => id,
    };
    let pair = pair::store::of_team_to_change(tx, id).await?;
    of_pair(tx, id, pair).await
}

async fn of_pair(db: &impl Reads, id: Id<Team>, pair: Option<Pair>) -> Result<Class> {
    let side = pair.as_ref().and_then(|pair| pair.side_of(id));
    let side = side.visible("team", |side| side.is_open_to(db.ctx()))?.side.clone();
    let pair = pair.ok_or_else(|| Error::not_found("team"))?;
    let edition = edition::store::find_track(db, pair.track()).await?.edition();
    Ok(Class { team: team(side, edition, &pair), pair: Some(pair) })
}

/// One page of the classes of a programme the caller may see. Error: not found where there is no such edition.
pub(crate) async fn page(db: &impl Reads, filter: &Filter, page: PageRequest<Id<Team>>) -> Result<Page<Team>> {
    let edition = edition::store::get(db, filter.edition).await?;
    let tracks = edition.tracks().iter().map(Track::id).filter(|id| filter.track.is_none_or(|only| only == *id));
    let classes = pair::store::classes(db, &tracks.collect::<Vec<_>>(), &filter.territory, page).await?;
    Ok(classes.map(|(side, pair)| team(side, edition.id(), &pair)))
}

/// A class of a pair as a team of its programme.
fn team(side: Side, edition: Id<Edition>, pair: &Pair) -> Team {
    Team {
        id: side.team,
        code: String::new(),
        name: side.team_name,
        edition,
        track: pair.track(),
        school_name: side.school_name,
        territory: side.territory,
        space: Some(pair.space()),
    }
}

impl TryFrom<pb::Team> for Team {
    type Error = Error;

    fn try_from(team: pb::Team) -> Result<Self> {
        Ok(Self {
            id: team.id.parse()?,
            code: team.code,
            name: team.name,
            edition: team.edition_id.parse()?,
            track: team.track_id.parse()?,
            school_name: team.school_name,
            territory: team.territory,
            space: None,
        })
    }
}

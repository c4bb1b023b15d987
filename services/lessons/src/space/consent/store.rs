//! Consents as rows.

use std::collections::{HashMap, HashSet};

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::{At, of_text, to_text},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QueryTrait, sea_query::Expr,
};

use super::{Channel, Consent, Publication};
use crate::{space::shelf::Shelf, twinning::pair::Pair, work::file::File, year::team::Team};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{space::consent::Consent, twinning::pair::Pair, work::file::File, year::team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "consent")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Consent>,
        pub pair_id: Id<Pair>,
        pub home: String,
        pub team_id: Id<Team>,
        pub file_id: Id<File>,
        pub channel: String,
        pub expires_on: String,
        pub registered_at: At,
        pub withdrawn_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A statement of the caller's own class. Error: not found.
pub(crate) async fn own(db: &impl Reads, pair: &Pair, id: Id<Consent>) -> Result<Consent> {
    let team = pair.own(db.ctx())?.side.team;
    let own =
        row::Entity::find_by_id(id).filter(row::Column::PairId.eq(pair.id())).filter(row::Column::TeamId.eq(team));
    own.one(db.conn()).await?.ok_or_else(|| Error::not_found("consent")).and_then(consent)
}

/// What statements are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Asc)
        .id("id", C::Id)
        .text("home", C::Home)
        .id("team_id", C::TeamId)
        .id("file_id", C::FileId)
        .words("channel", C::Channel, "CHANNEL", ["pair_space", "programme_site", "press", "social"])
        .day("expires_on", C::ExpiresOn)
        .time("registered_at", C::RegisteredAt)
        .time("withdrawn_at", C::WithdrawnAt)
}

/// One page of the statements of a pair that the caller may know of, oldest first where nothing else is asked: those of their own class, and
/// those about `files`, which are all of the pair that the caller may know of. Others are left out by the query, so that no page token gives
/// them away.
pub(crate) async fn list(
    db: &impl Reads,
    pair: &Pair,
    files: &Shelf,
    file: Option<Id<File>>,
    page: PageRequest<Key>,
) -> Result<Page<Consent>> {
    let own = pair.sides().iter().filter(|place| place.is_open_to(db.ctx())).map(|place| place.side.team);
    let known = Condition::any()
        .add(row::Column::TeamId.is_in(own))
        .add(row::Column::FileId.is_in(files.files().map(File::id)));
    let shown = row::Entity::find()
        .filter(row::Column::PairId.eq(pair.id()))
        .filter(known)
        .apply_if(file, |query, file| query.filter(row::Column::FileId.eq(file)));
    fields().page(db, shown, page).await?.try_map(consent)
}

/// Whether a file of a pair can be shown in a channel now. The result is never stored.
pub(crate) async fn publication(db: &impl Reads, pair: &Pair, file: Id<File>, channel: Channel) -> Result<Publication> {
    let stated = stated(db, pair, &[file], channel).await?;
    Ok(Publication::new(db.ctx(), pair, &stated))
}

/// These files of a pair, each with whether it can be shown in a channel now: one query for all files.
pub(crate) async fn publications(
    db: &impl Reads,
    pair: &Pair,
    files: Vec<File>,
    channel: Channel,
) -> Result<Vec<(File, Publication)>> {
    let ids: Vec<_> = files.iter().map(File::id).collect();
    let mut by_file: HashMap<Id<File>, Vec<Consent>> = HashMap::new();
    for consent in stated(db, pair, &ids, channel).await? {
        by_file.entry(consent.file).or_default().push(consent);
    }
    let with = |file: File| {
        let stated = by_file.get(&file.id()).map(Vec::as_slice).unwrap_or_default();
        let publication = Publication::new(db.ctx(), pair, stated);
        (file, publication)
    };
    Ok(files.into_iter().map(with).collect())
}

/// The statements about some files and a channel, oldest first.
async fn stated(db: &impl Reads, pair: &Pair, files: &[Id<File>], channel: Channel) -> Result<Vec<Consent>> {
    let stated = row::Entity::find()
        .filter(row::Column::PairId.eq(pair.id()))
        .filter(row::Column::FileId.is_in(files.iter().copied()))
        .filter(row::Column::Channel.eq(to_text(&channel)?))
        .order_by_asc(row::Column::Id)
        .all(db.conn())
        .await?;
    stated.into_iter().map(consent).collect()
}

/// Adds a statement, which replaces earlier ones of its class about the file and the channel.
pub(crate) async fn add(tx: &Tx, consent: &Consent) -> Result<()> {
    close(tx, consent).await?;
    let row = row::Model {
        id: consent.id,
        pair_id: consent.pair,
        home: consent.home.to_string(),
        team_id: consent.team,
        file_id: consent.file,
        channel: to_text(&consent.channel)?,
        expires_on: consent.expires_on.to_string(),
        registered_at: consent.registered_at.into(),
        withdrawn_at: consent.withdrawn_at.map(Into::into),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Withdraws all statements of the class about the file and the channel, whichever of them the withdrawal names.
pub(crate) async fn close(tx: &Tx, consent: &Consent) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::WithdrawnAt, Expr::value(At(tx.ctx().now())))
        .filter(row::Column::PairId.eq(consent.pair))
        .filter(row::Column::TeamId.eq(consent.team))
        .filter(row::Column::FileId.eq(consent.file))
        .filter(row::Column::Channel.eq(to_text(&consent.channel)?))
        .filter(row::Column::WithdrawnAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Deletes the statements of a class that leaves, so that nothing of the pair can be shown any more. Withdrawals stay, unless the class
/// made a newer statement: they still hide who is pictured in a file of the other class.
pub(crate) async fn take_away(tx: &Tx, pair: Id<Pair>, team: Id<Team>) -> Result<()> {
    let stated = Condition::all().add(row::Column::PairId.eq(pair)).add(row::Column::TeamId.eq(team));
    let rows = row::Entity::find().filter(stated.clone()).order_by_desc(row::Column::Id).all(tx.conn()).await?;
    let (mut seen, mut stay) = (HashSet::new(), Vec::new());
    for row in rows {
        let is_newest = seen.insert((row.file_id, row.channel));
        if is_newest && row.withdrawn_at.is_some() {
            stay.push(row.id);
        }
    }
    let gone = stated.add(row::Column::Id.is_not_in(stay));
    row::Entity::delete_many().filter(gone).exec(tx.conn()).await?;
    Ok(())
}

fn consent(row: row::Model) -> Result<Consent> {
    Ok(Consent {
        id: row.id,
        pair: row.pair_id,
        home: row.home.parse().map_err(|_| Error::internal(format!("`{}` names no country", row.home)))?,
        team: row.team_id,
        file: row.file_id,
        channel: of_text(&row.channel)?,
        expires_on: row.expires_on.parse().map_err(Error::internal)?,
        registered_at: row.registered_at.0,
        withdrawn_at: row.withdrawn_at.map(|at| at.0),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use platform::{Ctx, blob::Blob, error::Shared};

    use super::*;
    use crate::{
        across::shelf,
        space::consent::Statement,
        testing::twins::Twins,
        work::file::{self, Upload},
        year::team::Seat,
    };

    async fn states(twins: &Twins, ctx: &Ctx, file: Id<File>) -> Consent {
        let statement = Statement { file, channel: Channel::PairSpace, expires_on: date(2023, 6, 9) };
        let consent = Consent::register(ctx, &twins.pair, true, statement).unwrap();
        let tx = twins.store.change(ctx).await.unwrap();
        add(&tx, &consent).await.unwrap();
        tx.commit().await.unwrap();
        consent
    }

    async fn is_shown(twins: &Twins, file: Id<File>, channel: Channel) -> bool {
        let db = twins.store.read(&twins.secretariat()).await.unwrap();
        let pair = twins.read(&db).await;
        publication(&db, &pair, file, channel).await.unwrap().is_granted()
    }

    async fn withdraws(twins: &Twins, ctx: &Ctx, consent: &Consent) -> Result<()> {
        let tx = twins.store.change(ctx).await.unwrap();
        let own = own(&tx, &twins.pair, consent.id()).await?;
        close(&tx, &own).await.unwrap();
        tx.commit().await
    }

    #[tokio::test]
    async fn a_withdrawal_counts_whichever_statement_it_names() {
        let twins = Twins::at_work().await;
        let file = twins.ground.ids.next();
        let (one, other) = (twins.teacher(0), twins.teacher(1));
        let first = states(&twins, &one, file).await;
        states(&twins, &one, file).await;
        assert!(!is_shown(&twins, file, Channel::PairSpace).await, "the other class has said nothing");
        states(&twins, &other, file).await;
        assert!(is_shown(&twins, file, Channel::PairSpace).await);
        assert!(
            !is_shown(&twins, file, Channel::Press).await
                && !is_shown(&twins, twins.ground.ids.next(), Channel::PairSpace).await
        );
        assert!(withdraws(&twins, &other, &first).await.is_err(), "not theirs");
        withdraws(&twins, &one, &first).await.unwrap();
        assert!(!is_shown(&twins, file, Channel::PairSpace).await, "though a newer one stood");
        states(&twins, &one, file).await;
        assert!(is_shown(&twins, file, Channel::PairSpace).await);
    }

    #[tokio::test]
    async fn the_statements_of_a_class_are_deleted_when_it_leaves() {
        let mut twins = Twins::at_work().await;
        let file = twins.ground.ids.next();
        for of in [0, 1] {
            states(&twins, &twins.teacher(of), file).await;
        }
        let left = twins.side(0).team;
        twins.leaves(0).await;
        assert!(!is_shown(&twins, file, Channel::PairSpace).await);
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        take_away(&tx, twins.pair.id(), left).await.unwrap();
        let asked = PageRequest::walk(9, "").unwrap();
        let files = shelf::of_pair(&tx, &twins.pair).await.unwrap();
        let stay = list(&tx, &twins.pair, &files, Some(file), asked).await.unwrap().items;
        assert_eq!(stay.iter().map(|consent| consent.home.as_str()).collect::<Vec<_>>(), ["it"]);
    }

    #[tokio::test]
    async fn the_withdrawals_of_a_class_are_kept_when_it_leaves() {
        let mut twins = Twins::at_work().await;
        let leaver = twins.teacher(1);
        let [said, taken_back, said_anew] = [(); 3].map(|()| twins.ground.ids.next::<File>());
        states(&twins, &leaver, said).await;
        for file in [taken_back, said_anew] {
            let consent = states(&twins, &leaver, file).await;
            withdraws(&twins, &leaver, &consent).await.unwrap();
        }
        states(&twins, &leaver, said_anew).await;
        let left = twins.side(1).team;
        twins.leaves(1).await;
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        take_away(&tx, twins.pair.id(), left).await.unwrap();
        tx.commit().await.unwrap();
        let db = twins.store.read(&twins.teacher(0)).await.unwrap();
        for (file, expected) in [(said, false), (taken_back, true), (said_anew, false)] {
            let publication = publication(&db, &twins.pair, file, Channel::PairSpace).await.unwrap();
            assert_eq!(publication.is_withdrawn(), expected);
            assert!(!publication.is_granted());
        }
        let stay = row::Entity::find().all(db.conn()).await.unwrap();
        assert_eq!(stay.iter().map(|row| row.file_id).collect::<Vec<_>>(), [taken_back]);
    }

    /// A picture of a class, which stands in nothing yet.
    async fn uploads(twins: &Twins, of: usize) -> Id<File> {
        let (ctx, team) = (twins.team(of), twins.side(of).team);
        let place = Upload { team, lesson: 1, field: "cover".to_owned(), name: "a.png".to_owned() };
        let blob = Blob { digest: "ab".repeat(32), size: 7, media_type: "image/png" };
        let seat = Seat { team, space: Some(twins.pair.space()) };
        let file = File::new(&ctx, seat, place, "image/png", blob);
        let tx = twins.store.change(&ctx).await.unwrap();
        file::store::add(&tx, &file).await.unwrap();
        tx.commit().await.unwrap();
        file.id()
    }

    /// Who has stated what a caller is told of, in pages of one; and whether the caller is told of a file.
    async fn told(twins: &Twins, ctx: &Ctx, file: Id<File>) -> (Vec<String>, bool) {
        let db = twins.store.read(ctx).await.unwrap();
        let (mut homes, mut token) = (Vec::new(), String::new());
        loop {
            let asked = PageRequest::walk(1, &token).unwrap();
            let files = shelf::of_pair(&db, &twins.pair).await.unwrap();
            let page = list(&db, &twins.pair, &files, None, asked).await.unwrap();
            homes.extend(page.items.iter().map(|consent| consent.home.to_string()));
            token = page.next;
            if token.is_empty() {
                break;
            }
            assert_eq!(page.items.len(), 1, "a token leads on from what was told");
        }
        let found = shelf::find(&db, &twins.pair, file).await;
        assert!(
            found.as_ref().is_ok_and(|found| found.id() == file)
                || found.as_ref().is_err_and(|no| no.is(Shared::NotFound))
        );
        (homes, found.is_ok())
    }

    #[tokio::test]
    async fn statements_about_files_of_a_draft_are_listed_to_their_own_class_only() {
        let twins = Twins::at_work().await;
        let draft = uploads(&twins, 0).await;
        states(&twins, &twins.teacher(0), draft).await;
        let homes = |homes: &[&str]| homes.iter().map(|home| (*home).to_owned()).collect::<Vec<_>>();
        for own in [twins.teacher(0), twins.team(0), twins.secretariat()] {
            assert_eq!(told(&twins, &own, draft).await, (homes(&["hr"]), true));
        }
        assert_eq!(told(&twins, &twins.teacher(1), draft).await, (homes(&[]), false));
        let theirs = uploads(&twins, 1).await;
        states(&twins, &twins.teacher(1), theirs).await;
        states(&twins, &twins.teacher(0), draft).await;
        assert_eq!(told(&twins, &twins.teacher(1), theirs).await, (homes(&["it"]), true));
        assert_eq!(told(&twins, &twins.team(1), draft).await, (homes(&["it"]), false));
        assert_eq!(told(&twins, &twins.teacher(0), draft).await, (homes(&["hr", "hr"]), true));
        assert_eq!(told(&twins, &twins.secretariat(), draft).await, (homes(&["hr", "it", "hr"]), true));
    }
}

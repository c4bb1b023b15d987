//! Joint outputs as rows.

use std::collections::BTreeSet;

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
    wire,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, TryInsertResult,
};

use super::{Bench, Contents, Delivered, Frozen, Output, Signature};
use crate::{
    twinning::pair::{self, Pair},
    work::{
        file::{self, File},
        report::Verdict,
    },
    year::{
        calendar::{self, Deadline},
        edition::{self, Track},
        moment::Moment,
        team::{Seat, twin},
    },
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::pair::Pair, year::calendar::Extension};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "output")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        pub version: i64,
        pub contents: String,
        pub saved_at: At,
        pub digest: Option<String>,
        pub received_at: Option<At>,
        pub deadline_at: Option<At>,
        pub rule_version: Option<i32>,
        pub extension_id: Option<Id<Extension>>,
        pub on_time: Option<bool>,
        pub is_single: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod signature {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::pair::Pair, year::team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "output_signature")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
        pub digest: String,
        pub signed_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A joint output with all it is signed and judged by. Error: not found, `LESSON_UNKNOWN`.
pub(crate) async fn bench(db: &impl Reads, pair: Id<Pair>, lesson: i32) -> Result<Bench> {
    let pair = pair::store::get(db, pair).await?;
    pair.check_together(db.ctx())?;
    of_pair(db, pair, lesson).await
}

/// The same, which nobody else can change until the transaction ends; nor can its deadline. Error: not found, `LESSON_UNKNOWN`,
/// `PAIR_STATE`.
pub(crate) async fn bench_to_write(tx: &Tx, pair: Id<Pair>, lesson: i32) -> Result<Bench> {
    let pair = pair::store::get_to_work(tx, pair).await?;
    edition::store::keep_deadlines(tx, pair.track()).await?;
    of_pair(tx, pair, lesson).await
}

async fn of_pair(db: &impl Reads, pair: Pair, lesson: i32) -> Result<Bench> {
    let track = edition::store::track_of_team(db, pair.track()).await?;
    track.check_lesson(lesson)?;
    let output = output(db, pair.id(), lesson).await?.unwrap_or_else(|| Output::none(pair.id(), lesson));
    let (mut files, mut deadlines) = (Vec::new(), Vec::new());
    for place in pair.sides() {
        let team = twin::team(place.side.clone(), track.edition(), &pair);
        deadlines.push(calendar::store::deadline(db, &team, lesson).await?);
        if !place.has_left() {
            files.extend(file::store::of_lesson(db, &team, lesson).await?);
        }
    }
    // who was given more time is not to be late because its twin was not
    let deadline = deadlines.into_iter().max_by_key(|deadline| deadline.moment.at());
    let deadline = deadline.ok_or_else(|| Error::internal("a pair has no sides"))?;
    let files = file::store::shelf(db, &pair, files).await?;
    Ok(Bench { output, pair, files, deadline })
}

/// The files in the joint outputs of a pair.
pub(crate) async fn files(db: &impl Reads, pair: &Pair) -> Result<BTreeSet<Id<File>>> {
    let outputs = row::Entity::find().filter(row::Column::PairId.eq(pair.id())).all(db.conn()).await?;
    let contents = outputs.iter().map(|output| of_text::<Contents>(&output.contents)).collect::<Result<Vec<_>>>()?;
    Ok(contents.into_iter().flat_map(|contents| contents.files).collect())
}

/// The late joint outputs of a lesson, of the pair of one class, or of all of a track. Nobody else can save them until the transaction
/// ends.
pub(crate) async fn late(tx: &Tx, track: Id<Track>, lesson: i32, seat: Option<Seat>) -> Result<Vec<Bench>> {
    let rows = row::Entity::find()
        .filter(row::Column::Lesson.eq(lesson))
        .filter(row::Column::OnTime.eq(false))
        .apply_if(seat, |query, seat| query.filter(row::Column::PairId.eq(seat.pair_id())))
        .lock_exclusive()
        .all(tx.conn())
        .await?;
    let mut benches = Vec::new();
    for row in rows {
        let pair = pair::store::find(tx, row.pair_id).await?.filter(|pair| pair.track() == track);
        if let Some(pair) = pair {
            benches.push(of_pair(tx, pair, lesson).await?);
        }
    }
    Ok(benches)
}

/// What some pairs have delivered together, in no order: one query, however many pairs.
pub(crate) async fn frozen(db: &impl Reads, pairs: impl Iterator<Item = Id<Pair>>) -> Result<Vec<Frozen>> {
    let rows = row::Entity::find().filter(row::Column::PairId.is_in(pairs)).all(db.conn()).await?;
    let frozen = rows.into_iter().filter_map(|row| match delivered(db, &row) {
        Ok(None) => None,
        Ok(Some(delivered)) => Some(of_text::<Contents>(&row.contents).map(|Contents { language, .. }| Frozen {
            pair: row.pair_id,
            lesson: row.lesson,
            language,
            delivered,
        })),
        Err(error) => Some(Err(error)),
    });
    frozen.collect()
}

async fn output(db: &impl Reads, pair: Id<Pair>, lesson: i32) -> Result<Option<Output>> {
    let Some(row) = row::Entity::find_by_id((pair, lesson)).one(db.conn()).await? else { return Ok(None) };
    let signatures = signature::Entity::find()
        .filter(signature::Column::PairId.eq(pair))
        .filter(signature::Column::Lesson.eq(lesson))
        .order_by_asc(signature::Column::SignedAt)
        .all(db.conn())
        .await?;
    let delivered = delivered(db, &row)?;
    Ok(Some(Output {
        pair,
        lesson,
        version: row.version,
        contents: of_text(&row.contents)?,
        saved_at: Some(row.saved_at.0),
        signatures: signatures.into_iter().map(signed).collect(),
        delivered,
    }))
}

/// Saves a joint output: a new one, or the next version of one that was read. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, output: &mut Output) -> Result<()> {
    let before = output.version;
    output.version += 1;
    let row = active(output)?;
    if before == 0 {
        let added = row::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(tx.conn()).await?;
        return if matches!(added, TryInsertResult::Inserted(1)) { Ok(()) } else { Err(wire::stale(1)) };
    }
    let saved = row::Entity::update_many()
        .set(row::ActiveModel { pair_id: NotSet, lesson: NotSet, ..row })
        .filter(row::Column::PairId.eq(output.pair))
        .filter(row::Column::Lesson.eq(output.lesson))
        .filter(row::Column::Version.eq(before))
        .exec(tx.conn())
        .await?;
    tx.saved(saved, before)?;
    save_signatures(tx, output).await
}

/// The signatures there are, and no other ones.
async fn save_signatures(tx: &Tx, output: &Output) -> Result<()> {
    signature::Entity::delete_many()
        .filter(signature::Column::PairId.eq(output.pair))
        .filter(signature::Column::Lesson.eq(output.lesson))
        .exec(tx.conn())
        .await?;
    for Signature { team, digest, at } in &output.signatures {
        let row = signature::Model {
            pair_id: output.pair,
            lesson: output.lesson,
            team_id: *team,
            digest: digest.clone(),
            signed_at: (*at).into(),
        };
        signature::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

/// Takes away what a class brought to the joint outputs of a pair: its signatures and its files. The text stays.
pub(crate) async fn take_away(tx: &Tx, pair: Id<Pair>, seat: Seat) -> Result<()> {
    let rows = row::Entity::find().filter(row::Column::PairId.eq(pair)).all(tx.conn()).await?;
    let files = file::store::ids(tx, seat).await?;
    for row in rows {
        let Some(mut output) = output(tx, pair, row.lesson).await? else { continue };
        output.lose(seat.team, &files);
        save(tx, &mut output).await?;
    }
    Ok(())
}

fn active(output: &Output) -> Result<row::ActiveModel> {
    let saved_at = output.saved_at.ok_or_else(|| Error::internal("a joint output is kept once it was saved"))?;
    let delivered = output.delivered.as_ref();
    let verdict = delivered.map(|delivered| &delivered.verdict);
    Ok(row::ActiveModel {
        pair_id: Set(output.pair),
        lesson: Set(output.lesson),
        version: Set(output.version),
        contents: Set(to_text(&output.contents)?),
        saved_at: Set(saved_at.into()),
        digest: Set(delivered.map(|delivered| delivered.digest.clone())),
        received_at: Set(verdict.map(|verdict| verdict.received_at.into())),
        deadline_at: Set(verdict.map(|verdict| verdict.deadline.moment.at().into())),
        rule_version: Set(verdict.map(|verdict| verdict.deadline.rule_version)),
        extension_id: Set(verdict.and_then(|verdict| verdict.deadline.extension)),
        on_time: Set(verdict.map(|verdict| verdict.on_time)),
        is_single: Set(delivered.is_some_and(|delivered| delivered.is_single)),
    })
}

fn delivered(db: &impl Reads, row: &row::Model) -> Result<Option<Delivered>> {
    let Some(At(received_at)) = row.received_at else { return Ok(None) };
    let whole = row.digest.clone().zip(row.deadline_at).zip(row.rule_version).zip(row.on_time);
    let Some((((digest, At(deadline)), rule_version), on_time)) = whole else {
        return Err(Error::internal(format!(
            "the delivery of lesson {} of pair {} is not whole",
            row.lesson, row.pair_id
        )));
    };
    let moment = Moment::new(deadline, db.ctx().tenant().zone());
    let deadline = Deadline { moment, rule_version, extension: row.extension_id };
    Ok(Some(Delivered { digest, verdict: Verdict { received_at, deadline, on_time }, is_single: row.is_single }))
}

fn signed(row: signature::Model) -> Signature {
    Signature { team: row.team_id, digest: row.digest, at: row.signed_at.0 }
}

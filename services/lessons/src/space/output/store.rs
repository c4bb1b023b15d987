//! Joint outputs as rows.

use std::collections::{BTreeSet, HashMap};

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{Contents, Delivered, Frozen, Output, Signature};
use crate::{
    twinning::pair::Pair,
    work::{file::File, report::Verdict},
    year::{
        calendar::Deadline,
        moment::Moment,
        team::{Space, Team},
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

/// The files in the joint outputs of a pair.
pub(crate) async fn files(db: &impl Reads, pair: Id<Pair>) -> Result<BTreeSet<Id<File>>> {
    let outputs = row::Entity::find().filter(row::Column::PairId.eq(pair)).all(db.conn()).await?;
    let contents = outputs.iter().map(|output| of_text::<Contents>(&output.contents)).collect::<Result<Vec<_>>>()?;
    Ok(contents.into_iter().flat_map(|contents| contents.files).collect())
}

/// The spaces in which a joint output of a lesson came late: of one space, or of all.
pub(crate) async fn late_spaces(db: &impl Reads, lesson: i32, only: Option<Id<Space>>) -> Result<Vec<Id<Space>>> {
    let late = row::Entity::find()
        .select_only()
        .column(row::Column::PairId)
        .filter(row::Column::Lesson.eq(lesson))
        .filter(row::Column::OnTime.eq(false))
        .apply_if(only, |query, space| query.filter(row::Column::PairId.eq(space)));
    Ok(late.into_tuple().all(db.conn()).await?)
}

/// The late joint outputs of a lesson in some spaces, in two queries. Nobody else can save them until the transaction ends.
pub(crate) async fn late(tx: &Tx, spaces: impl Iterator<Item = Id<Space>>, lesson: i32) -> Result<Vec<Output>> {
    let rows = row::Entity::find()
        .filter(row::Column::PairId.is_in(spaces))
        .filter(row::Column::Lesson.eq(lesson))
        .filter(row::Column::OnTime.eq(false))
        .order_by_asc(row::Column::PairId)
        .lock_exclusive()
        .all(tx.conn())
        .await?;
    let signed = signature::Entity::find()
        .filter(signature::Column::PairId.is_in(rows.iter().map(|row| row.pair_id)))
        .filter(signature::Column::Lesson.eq(lesson))
        .order_by_asc(signature::Column::SignedAt)
        .all(tx.conn())
        .await?;
    let mut signatures: HashMap<Id<Pair>, Vec<Signature>> = HashMap::new();
    for signature in signed {
        signatures.entry(signature.pair_id).or_default().push(signed_by(signature));
    }
    let outputs = rows.into_iter().map(|row| {
        let signatures = signatures.remove(&row.pair_id).unwrap_or_default();
        output_of(tx, row, signatures)
    });
    outputs.collect()
}

/// The delivered joint outputs of some pairs, in any order: one query for all pairs.
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

/// The joint output of a pair for a lesson. None where nobody has saved one.
pub(crate) async fn find(db: &impl Reads, pair: Id<Pair>, lesson: i32) -> Result<Option<Output>> {
    let Some(row) = row::Entity::find_by_id((pair, lesson)).one(db.conn()).await? else { return Ok(None) };
    let signatures = signature::Entity::find()
        .filter(signature::Column::PairId.eq(pair))
        .filter(signature::Column::Lesson.eq(lesson))
        .order_by_asc(signature::Column::SignedAt)
        .all(db.conn())
        .await?;
    output_of(db, row, signatures.into_iter().map(signed_by).collect()).map(Some)
}

/// Saves a joint output: a new one, or the next version of one that was read. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, output: &mut Output) -> Result<()> {
    let is_new = output.version == 0;
    output.version += 1;
    tx.save(active(output)?).await?;
    // a new one has none
    if is_new { Ok(()) } else { save_signatures(tx, output).await }
}

/// Replaces the signatures of a joint output.
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

/// Deletes what a class brought to the joint outputs of a pair which it leaves: its signatures and its `files`. The text stays.
pub(crate) async fn take_away(tx: &Tx, pair: Id<Pair>, team: Id<Team>, files: &[Id<File>]) -> Result<()> {
    let rows = row::Entity::find().filter(row::Column::PairId.eq(pair)).all(tx.conn()).await?;
    for row in rows {
        let Some(mut output) = find(tx, pair, row.lesson).await? else { continue };
        output.lose(team, files);
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

fn output_of(db: &impl Reads, row: row::Model, signatures: Vec<Signature>) -> Result<Output> {
    let delivered = delivered(db, &row)?;
    Ok(Output {
        pair: row.pair_id,
        lesson: row.lesson,
        version: row.version,
        contents: of_text(&row.contents)?,
        saved_at: Some(row.saved_at.0),
        signatures,
        delivered,
    })
}

fn signed_by(row: signature::Model) -> Signature {
    Signature { team: row.team_id, digest: row.digest, at: row.signed_at.0 }
}

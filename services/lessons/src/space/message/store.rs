//! Messages as rows.

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx,
    store::{of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::Expr,
};

use super::{Mark, Message};
use crate::{
    twinning::{pair::Pair, side::Side},
    year::team::Team,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{space::message::Message, twinning::pair::Pair, year::team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "message")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Message>,
        pub version: i64,
        pub pair_id: Id<Pair>,
        pub home: String,
        pub team_id: Id<Team>,
        pub by_teacher: bool,
        pub acting_role: String,
        pub language: String,
        pub text: String,
        pub own_mark: String,
        pub twin_mark: String,
        pub is_removed: bool,
        pub released_at: Option<At>,
        pub posted_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A message of a pair with its text, whoever asks. Error: not found.
pub(crate) async fn get(db: &impl Reads, pair: Id<Pair>, id: Id<Message>) -> Result<Message> {
    let query = row::Entity::find_by_id(id).filter(row::Column::PairId.eq(pair));
    query.one(db.conn()).await?.ok_or_else(|| Error::not_found("message")).and_then(message)
}

/// Some messages of a pair, whole, in no order.
pub(crate) async fn of_ids(db: &impl Reads, pair: Id<Pair>, ids: Vec<Id<Message>>) -> Result<Vec<Message>> {
    let query = row::Entity::find().filter(row::Column::PairId.eq(pair)).filter(row::Column::Id.is_in(ids));
    query.all(db.conn()).await?.into_iter().map(message).collect()
}

/// One page of the messages of a pair that the caller may see, as the caller sees them, oldest first.
pub(crate) async fn list(db: &impl Reads, pair: Id<Pair>, page: PageRequest<Id<Message>>) -> Result<Page<Message>> {
    let rows = row::Entity::find()
        .filter(row::Column::PairId.eq(pair))
        .apply_if(known(db)?, |query, known| query.filter(known))
        .apply_if(page.after().copied(), |query, after| query.filter(row::Column::Id.gt(after)))
        .order_by_asc(row::Column::Id)
        .limit(page.limit())
        .all(db.conn())
        .await?;
    let messages = rows.into_iter().map(message).collect::<Result<Vec<_>>>()?;
    let mut page = page.page(messages, Message::id);
    page.items = page.items.into_iter().filter_map(|message| message.as_shown_to(db.ctx())).collect();
    Ok(page)
}

/// The condition for messages the caller may see, the same rule as [`Message::as_shown_to`]. None for teachers, who see all.
fn known(db: &impl Reads) -> Result<Option<Condition>> {
    let ctx = db.ctx();
    if ctx.has(Role::TwinTeacher) {
        return Ok(None);
    }
    let held = to_text(&Mark::Held)?;
    let hidden = to_text(&Mark::Hidden)?;
    let is_hidden =
        Condition::any().add(row::Column::OwnMark.eq(hidden.as_str())).add(row::Column::TwinMark.eq(hidden.as_str()));
    let is_held = Condition::any().add(row::Column::OwnMark.eq(held.as_str())).add(row::Column::TwinMark.eq(held));
    let own = ctx.member().ok().and_then(|member| member.acts_for);
    let known = Condition::any()
        .add(row::Column::ReleasedAt.is_not_null())
        .add(row::Column::IsRemoved.eq(true))
        .add(is_hidden)
        .add(is_held.not());
    Ok(Some(match own {
        Some(team) => known.add(row::Column::TeamId.eq(Id::<Team>::from(team))),
        None => known,
    }))
}

/// What the conversation of a pair is watched under. A key is a message; an empty one is all of them.
pub(crate) fn topic(pair: Id<Pair>) -> String {
    format!("messages {pair}")
}

/// Tells who watches the messages of a pair that they are not as they were, once this transaction commits.
pub(crate) fn all_changed(tx: &Tx, pair: Id<Pair>) {
    tx.tell_watchers(topic(pair), "");
}

/// Adds a message. Who watches the conversation is told.
pub(crate) async fn add(tx: &Tx, message: &mut Message) -> Result<()> {
    tx.tell_watchers(topic(message.pair), message.id);
    message.version = 1;
    row::Entity::insert(active(message)?).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves the next version of a message. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, message: &mut Message) -> Result<()> {
    tx.tell_watchers(topic(message.pair), message.id);
    message.version += 1;
    tx.save(active(message)?).await
}

/// Empties the messages of a class that leaves, so that gaps stay, and removes the marks its teacher set on messages of the other class.
pub(crate) async fn take_away(tx: &Tx, pair: Id<Pair>, left: &Side) -> Result<()> {
    let next = Expr::col(row::Column::Version).add(1);
    row::Entity::update_many()
        .col_expr(row::Column::Text, Expr::value(""))
        .col_expr(row::Column::ActingRole, Expr::value(""))
        .col_expr(row::Column::Language, Expr::value(""))
        .col_expr(row::Column::IsRemoved, Expr::value(true))
        .col_expr(row::Column::Version, next.clone())
        .filter(row::Column::PairId.eq(pair))
        .filter(row::Column::TeamId.eq(left.team))
        .exec(tx.conn())
        .await?;
    row::Entity::update_many()
        .col_expr(row::Column::TwinMark, Expr::value(to_text(&Mark::Free)?))
        .col_expr(row::Column::Version, next)
        .filter(row::Column::PairId.eq(pair))
        .filter(row::Column::TeamId.ne(left.team))
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn active(message: &Message) -> Result<row::ActiveModel> {
    Ok(row::ActiveModel {
        id: Set(message.id),
        version: Set(message.version),
        pair_id: Set(message.pair),
        home: Set(message.home.to_string()),
        team_id: Set(message.team),
        by_teacher: Set(message.by_teacher),
        acting_role: Set(message.role.clone()),
        language: Set(message.language.clone()),
        text: Set(message.text.clone()),
        own_mark: Set(to_text(&message.own)?),
        twin_mark: Set(to_text(&message.twin)?),
        is_removed: Set(message.is_removed),
        released_at: Set(message.released_at.map(Into::into)),
        posted_at: Set(message.posted_at.into()),
    })
}

fn message(row: row::Model) -> Result<Message> {
    Ok(Message {
        id: row.id,
        version: row.version,
        pair: row.pair_id,
        home: row.home.parse().map_err(|_| Error::internal(format!("`{}` names no country", row.home)))?,
        team: row.team_id,
        by_teacher: row.by_teacher,
        role: row.acting_role,
        language: row.language,
        text: row.text,
        own: of_text(&row.own_mark)?,
        twin: of_text(&row.twin_mark)?,
        is_removed: row.is_removed,
        released_at: row.released_at.map(|at| at.0),
        posted_at: row.posted_at.0,
    })
}

#[cfg(test)]
mod tests;

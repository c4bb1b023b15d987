//! Webhooks as rows.

use platform::{Id, Locks, Reads, Result, Tx, store::At};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{Topic, Webhook, unknown};
use crate::machine::Integrator;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::machine::{
        Integrator,
        webhook::{Secret, Webhook},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Webhook>,
        pub integrator_id: Id<Integrator>,
        pub url: String,
        pub event_types: String,
        pub secret_id: Id<Secret>,
        pub former_secret_id: Option<Id<Secret>>,
        pub former_until: Option<At>,
        pub created_at: At,
        pub failing_since: Option<At>,
        pub disabled_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The webhook of an integrator. Error: not found.
pub(crate) async fn get(db: &impl Reads, of: Id<Integrator>, id: Id<Webhook>) -> Result<Webhook> {
    let own = row::Entity::find_by_id(id).filter(row::Column::IntegratorId.eq(of));
    own.one(db.conn()).await?.map(webhook).ok_or_else(unknown)
}

/// [`get`], and locks it until the transaction ends.
pub(crate) async fn get_to_change(tx: &impl Locks, of: Id<Integrator>, id: Id<Webhook>) -> Result<Webhook> {
    let own = row::Entity::find_by_id(id).filter(row::Column::IntegratorId.eq(of)).lock_exclusive();
    own.one(tx.conn()).await?.map(webhook).ok_or_else(unknown)
}

/// The webhook, whoever's it is, locked until the transaction ends.
pub(crate) async fn find_to_change(tx: &Tx, id: Id<Webhook>) -> Result<Option<Webhook>> {
    Ok(row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?.map(webhook))
}

/// The webhook, whoever's it is.
pub(crate) async fn find(db: &impl Reads, id: Id<Webhook>) -> Result<Option<Webhook>> {
    Ok(row::Entity::find_by_id(id).one(db.conn()).await?.map(webhook))
}

/// The webhooks of an integrator, oldest first.
pub(crate) async fn of_integrator(db: &impl Reads, of: Id<Integrator>) -> Result<Vec<Webhook>> {
    let theirs = row::Entity::find().filter(row::Column::IntegratorId.eq(of)).order_by_asc(row::Column::Id);
    Ok(theirs.all(db.conn()).await?.into_iter().map(webhook).collect())
}

/// The webhooks of the tenant that are told of a topic. A tenant has a few.
pub(crate) async fn wanting(db: &impl Reads, topic: Topic) -> Result<Vec<Webhook>> {
    let enabled = row::Entity::find().filter(row::Column::DisabledAt.is_null()).order_by_asc(row::Column::Id);
    let all = enabled.all(db.conn()).await?.into_iter().map(webhook);
    Ok(all.filter(|webhook| webhook.wants(topic)).collect())
}

/// Inserts a new webhook.
pub(crate) async fn insert(tx: &Tx, new: &Webhook) -> Result<()> {
    let Webhook { id, integrator, url, topics, secret, former, created_at, failing_since, disabled_at } = new.clone();
    let row = row::Model {
        id,
        integrator_id: integrator,
        url,
        event_types: topics.into_iter().map(Topic::word).collect::<Vec<_>>().join(" "),
        secret_id: secret,
        former_secret_id: former.map(|(secret, _)| secret),
        former_until: former.map(|(_, until)| At(until)),
        created_at: created_at.into(),
        failing_since: failing_since.map(At),
        disabled_at: disabled_at.map(At),
    };
    row::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves the secrets of a locked webhook, and whether it is told anything.
pub(crate) async fn save(tx: &Tx, webhook: &Webhook) -> Result<()> {
    use row::Column as C;
    row::Entity::update_many()
        .col_expr(C::SecretId, Expr::value(webhook.secret))
        .col_expr(C::FormerSecretId, Expr::value(webhook.former.map(|(secret, _)| secret)))
        .col_expr(C::FormerUntil, Expr::value(webhook.former.map(|(_, until)| At(until))))
        .col_expr(C::FailingSince, Expr::value(webhook.failing_since.map(At)))
        .col_expr(C::DisabledAt, Expr::value(webhook.disabled_at.map(At)))
        .filter(C::Id.eq(webhook.id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Deletes a webhook, with what it was told and was to be told.
pub(crate) async fn delete(tx: &Tx, id: Id<Webhook>) -> Result<()> {
    row::Entity::delete_by_id(id).exec(tx.conn()).await?;
    Ok(())
}

fn webhook(row: row::Model) -> Webhook {
    Webhook {
        id: row.id,
        integrator: row.integrator_id,
        url: row.url,
        topics: row.event_types.split_whitespace().filter_map(Topic::of_word).collect(),
        secret: row.secret_id,
        former: row.former_secret_id.zip(row.former_until.map(|until| until.0)),
        created_at: row.created_at.0,
        failing_since: row.failing_since.map(|at| at.0),
        disabled_at: row.disabled_at.map(|at| at.0),
    }
}

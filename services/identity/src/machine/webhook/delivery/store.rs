//! Deliveries as rows.

use jiff::Timestamp;
use platform::{
    Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::At,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::{Delivery, LEASE, PAUSE};
use crate::machine::webhook::Webhook;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::machine::webhook::{Delivery, Webhook};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Delivery>,
        pub webhook_id: Id<Webhook>,
        pub event_type: String,
        pub occurred_at: At,
        pub data: String,
        pub created_at: At,
        pub attempts: i32,
        pub last_attempt_at: Option<At>,
        pub last_status: i32,
        pub due_at: Option<At>,
        pub delivered_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What deliveries are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    let open = || Condition::all().add(C::DeliveredAt.is_null());
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .text("event_type", C::EventType)
        .cases(
            "state",
            [
                ("WEBHOOK_DELIVERY_STATE_PENDING", open().add(C::DueAt.is_not_null())),
                ("WEBHOOK_DELIVERY_STATE_DELIVERED", Condition::all().add(C::DeliveredAt.is_not_null())),
                ("WEBHOOK_DELIVERY_STATE_FAILED", open().add(C::DueAt.is_null())),
            ],
        )
        .time("created_at", C::CreatedAt)
        .number("attempts", C::Attempts)
        .time("last_attempt_at", C::LastAttemptAt)
        .number("last_status", C::LastStatus)
        .usually(C::CreatedAt, Order::Desc)
}

/// One page of what a webhook was told, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, of: Id<Webhook>, page: PageRequest<Key>) -> Result<Page<Delivery>> {
    let shown = row::Entity::find().filter(row::Column::WebhookId.eq(of));
    Ok(fields().page(db, shown, page).await?.map(delivery))
}

/// Inserts a new delivery.
pub(crate) async fn insert(tx: &Tx, new: &Delivery) -> Result<()> {
    let row = row_of(new.clone()).into_active_model().reset_all();
    row::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves what became of a delivery.
pub(crate) async fn save(tx: &Tx, delivery: &Delivery) -> Result<()> {
    let row = row_of(delivery.clone()).into_active_model().reset_all();
    row::Entity::update_many().set(row).filter(row::Column::Id.eq(delivery.id)).exec(tx.conn()).await?;
    Ok(())
}

/// The webhooks for which something is due now.
pub(crate) async fn webhooks_due(db: &impl Reads) -> Result<Vec<Id<Webhook>>> {
    let due = row::Entity::find().filter(row::Column::DueAt.lte(At(db.ctx().now())));
    let webhooks = due.select_only().column(row::Column::WebhookId).distinct();
    Ok(webhooks.into_tuple().all(db.conn()).await?)
}

/// Reserves the oldest that is due now for a webhook, so that no other replica sends it too.
pub(crate) async fn reserve_next(tx: &Tx, of: Id<Webhook>) -> Result<Option<Delivery>> {
    let now = tx.ctx().now();
    loop {
        let due = row::Entity::find().filter(row::Column::WebhookId.eq(of)).filter(row::Column::DueAt.lte(At(now)));
        let Some(oldest) = due.order_by_asc(row::Column::Id).one(tx.conn()).await? else { return Ok(None) };
        // where another replica was faster, this waits for its commit, and the next look finds another one
        if reserve(tx, oldest.id).await? {
            return Ok(Some(delivery(oldest)));
        }
    }
}

/// Returns false where another replica was faster.
async fn reserve(tx: &Tx, id: Id<Delivery>) -> Result<bool> {
    let now = tx.ctx().now();
    let reserved = row::Entity::update_many()
        .col_expr(row::Column::DueAt, Expr::value(At(now + LEASE)))
        .filter(row::Column::Id.eq(id))
        .filter(row::Column::DueAt.lte(At(now)))
        .exec(tx.conn())
        .await?;
    Ok(reserved.rows_affected == 1)
}

/// Puts off what is due now for a webhook that does not answer.
pub(crate) async fn put_off(tx: &Tx, of: Id<Webhook>) -> Result<()> {
    let now = tx.ctx().now();
    row::Entity::update_many()
        .col_expr(row::Column::DueAt, Expr::value(At(now + PAUSE)))
        .filter(row::Column::WebhookId.eq(of))
        .filter(row::Column::DueAt.lte(At(now)))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Gives up what a webhook was yet to be told.
pub(crate) async fn give_up(tx: &Tx, of: Id<Webhook>) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::DueAt, Expr::value(None::<At>))
        .filter(row::Column::WebhookId.eq(of))
        .filter(row::Column::DueAt.is_not_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Deletes what is older than an instant.
pub(crate) async fn forget_before(tx: &Tx, instant: Timestamp) -> Result<()> {
    row::Entity::delete_many().filter(row::Column::CreatedAt.lt(At(instant))).exec(tx.conn()).await?;
    Ok(())
}

fn row_of(delivery: Delivery) -> row::Model {
    row::Model {
        id: delivery.id,
        webhook_id: delivery.webhook,
        event_type: delivery.topic,
        occurred_at: delivery.occurred_at.into(),
        data: delivery.data,
        created_at: delivery.created_at.into(),
        attempts: delivery.attempts,
        last_attempt_at: delivery.last_attempt_at.map(At),
        last_status: delivery.last_status,
        due_at: delivery.due_at.map(At),
        delivered_at: delivery.delivered_at.map(At),
    }
}

fn delivery(row: row::Model) -> Delivery {
    Delivery {
        id: row.id,
        webhook: row.webhook_id,
        topic: row.event_type,
        occurred_at: row.occurred_at.0,
        data: row.data,
        created_at: row.created_at.0,
        attempts: row.attempts,
        last_attempt_at: row.last_attempt_at.map(|at| at.0),
        last_status: row.last_status,
        due_at: row.due_at.map(|at| at.0),
        delivered_at: row.delivered_at.map(|at| at.0),
    }
}

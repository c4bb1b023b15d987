//! Erasures as rows.

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::{Erasure, Receipt};
use crate::account::Account;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::Account;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "erasure")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Id<Account>,
        pub begun_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod receipt {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::Account;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "erasure_receipt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Id<Account>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub service: String,
        pub erased_at: At,
        pub erased: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts an erasure with its receipts.
pub(crate) async fn add(tx: &Tx, erasure: &Erasure) -> Result<()> {
    let row = row::Model { account_id: erasure.account, begun_at: erasure.begun_at.into() };
    row::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    for receipt in &erasure.receipts {
        prove(tx, erasure.account, receipt).await?;
    }
    Ok(())
}

/// Inserts the receipt of a service.
pub(crate) async fn prove(tx: &Tx, account: Id<Account>, receipt: &Receipt) -> Result<()> {
    let row = receipt::Model {
        account_id: account,
        service: receipt.service.clone(),
        erased_at: receipt.erased_at.into(),
        erased: to_text(&receipt.erased)?,
    };
    receipt::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The erasure of an account. Error: not found.
pub(crate) async fn get(db: &impl Reads, account: Id<Account>) -> Result<Erasure> {
    let row = row::Entity::find_by_id(account).one(db.conn()).await?.ok_or_else(|| Error::not_found("erasure"))?;
    let receipts = receipt::Entity::find()
        .filter(receipt::Column::AccountId.eq(account))
        .order_by_asc(receipt::Column::ErasedAt)
        .order_by_asc(receipt::Column::Service)
        .all(db.conn())
        .await?;
    let receipts = receipts.into_iter().map(|row| {
        let At(erased_at) = row.erased_at;
        Ok(Receipt { service: row.service, erased_at, erased: of_text(&row.erased)? })
    });
    Ok(Erasure { account, begun_at: row.begun_at.0, receipts: receipts.collect::<Result<_>>()? })
}

//! The transaction of a method of the wire. It ends with the answer, so a method cannot commit and forget to keep what it answers.

use std::ops::Deref;

use prost::Message;
use sea_orm::DatabaseTransaction;
use tonic::Response;

use super::{Locks, Reads, Tx, idempotency};
use crate::{Ctx, Error};

/// A [`Tx`] of a method whose caller may do what they ask for, by [`Opening::allowed`](super::Opening::allowed). It can do whatever that
/// one can, but commit.
///
/// ```compile_fail,E0507
/// async fn forgets_its_answer(store: platform::Store, ctx: platform::Ctx) -> platform::Result<()> {
///     let tx = store.write(&ctx).await?.allowed(platform::Allowed::by_access()).await?;
///     tx.commit().await
/// }
/// ```
pub struct MethodTx(Tx);

impl MethodTx {
    pub(super) fn new(tx: Tx) -> Self {
        Self(tx)
    }

    /// Commits, and answers. A request with a `request_id` is given the same answer again for 24 hours. What was asked with
    /// `validate_only` is answered in the same way, and rolled back with all of it.
    pub async fn answer<A: Message>(self, answer: A) -> Result<Response<A>, tonic::Status> {
        idempotency::keep(&self.0, &answer).await?;
        let ctx = self.0.ctx().clone();
        self.0.commit().await?;
        idempotency::kept(&ctx);
        Ok(Response::new(answer))
    }

    /// Commits what a refusal leaves behind. Returns the refusal, or the error that kept it from being committed.
    pub async fn refuse(self, refusal: Error) -> Error {
        self.0.commit().await.err().unwrap_or(refusal)
    }
}

impl Deref for MethodTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl Reads for MethodTx {
    type Conn = DatabaseTransaction;

    fn conn(&self) -> &DatabaseTransaction {
        self.0.conn()
    }

    fn ctx(&self) -> &Ctx {
        self.0.ctx()
    }
}

impl Locks for MethodTx {}

//! How a method of the wire begins to write: it loads its object, applies the object rule, and only then is the answer to a repeated
//! request looked up. Who has lost access is refused like a stranger, whatever they were answered before.

use sea_orm::DatabaseTransaction;

use super::{Locks, MethodTx, Reads, Tx, idempotency};
use crate::{Ctx, Error, Result};

/// What [`Store::write`](super::Store::write) gives to a method: the transaction in which it will write, which only reads and locks until
/// it is known that the caller may. It has no way to write, to note, to publish and to answer.
///
/// ```compile_fail,E0599
/// async fn writes_for_whoever_asks(store: platform::Store, ctx: platform::Ctx) -> platform::Result<()> {
///     let tx = store.write(&ctx).await?;
///     tx.note("hand over team", "team 1", "");
///     Ok(())
/// }
/// ```
pub struct Opening(Tx);

impl Opening {
    pub(super) fn new(tx: Tx) -> Self {
        Self(tx)
    }

    /// Turns this into the transaction of the method, for a caller of whom it is proven that they may. A call whose request was answered
    /// before, by its `request_id`, ends here, and is given that answer again. Error: that one, which a method passes on;
    /// `REQUEST_ID_REUSED`.
    pub async fn allowed(self, _: Allowed) -> Result<MethodTx> {
        idempotency::look(&self.0).await?;
        Ok(MethodTx::new(self.0))
    }
}

impl Reads for Opening {
    type Conn = DatabaseTransaction;

    fn conn(&self) -> &DatabaseTransaction {
        self.0.conn()
    }

    fn ctx(&self) -> &Ctx {
        self.0.ctx()
    }
}

impl Locks for Opening {}

/// The proof that a caller may do what they ask for. Rules of a resource give one, such as `team.led_by(&ctx)?`, and nobody can make one
/// without asking a rule:
///
/// ```compile_fail,E0423
/// let made_up = platform::Allowed(());
/// ```
#[derive(Debug)]
pub struct Allowed(());

impl Allowed {
    /// The proof of an object rule. It is for the rules of a resource, which say when a caller may, and what others are answered. Error:
    /// `refusal`, where the caller may not.
    pub fn when(may: bool, refusal: impl FnOnce() -> Error) -> Result<Self> {
        if may { Ok(Self(())) } else { Err(refusal()) }
    }

    /// The proof of a method whose request names no object, so that its option `access` alone decides who may call it: a layer has applied
    /// that before the method was called. Where the path has an id, a law asks for the reason.
    pub fn by_access() -> Self {
        Self(())
    }
}

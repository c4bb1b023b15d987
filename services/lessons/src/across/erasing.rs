//! Erasing what lessons has of a person, when identity says that their erasure has begun, and saying that it is done.

use platform::{
    Ctx, Id, Result, Store,
    event::Handlers,
    subject::{Subject, Subjects},
    wire,
};
use proto::{identity::v1::ErasureBegun, lessons::v1 as pb};

/// Somebody who has an account, which identity knows.
struct Person;

/// Adds the handler.
pub(crate) fn handlers(handlers: Handlers, store: Store, subjects: Subjects) -> Handlers {
    handlers.on("erase subject", move |ctx, begun: ErasureBegun| erase(store.clone(), subjects.clone(), ctx, begun))
}

async fn erase(store: Store, subjects: Subjects, ctx: Ctx, begun: ErasureBegun) -> Result<()> {
    let account: Id<Person> = begun.account_id.parse()?;
    let tx = store.change(&ctx).await?;
    let erased = subjects.erase(&tx, Subject { account: account.uuid(), login: None }).await?;
    let erased_at = Some(wire::timestamp(ctx.now()));
    tx.emit(&pb::SubjectErased { account_id: begun.account_id, erased_at, erased });
    tx.commit().await
}

//! The bytes of files, which are kept apart from their rows, each file's under a name of its own. They are there before the row is and go
//! after it, so that no row ever names bytes that are not there.

use platform::{
    Ctx, Result, Store, Tx,
    blob::{Blobs, Kept},
    event::Handlers,
};
use proto::identity::v1 as pb;

use super::{File, store};

/// Adds a file whose bytes are kept at its place. They stay from here on.
pub(crate) async fn add(tx: &Tx, file: &File, kept: Kept) -> Result<()> {
    store::add(tx, file).await?;
    kept.stay();
    Ok(())
}

/// Adds the handler that removes the bytes of files that were removed.
pub(crate) fn handlers(handlers: Handlers, store: Store, blobs: Blobs) -> Handlers {
    handlers.on("remove files", move |ctx, removed: pb::FilesRemoved| {
        let (store, blobs) = (store.clone(), blobs.clone());
        async move { remove(&store, &blobs, &ctx, removed.places).await }
    })
}

/// Removes the bytes of files that were removed. It can be done again.
pub(crate) async fn remove(store: &Store, blobs: &Blobs, ctx: &Ctx, places: Vec<String>) -> Result<()> {
    // files from before each had a name of its own share one, where their bytes are equal
    let free = store::free(&store.read(ctx).await?, places).await?;
    for place in &free {
        blobs.remove(ctx, place).await?;
    }
    Ok(())
}

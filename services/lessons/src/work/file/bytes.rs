//! The bytes of files, which are kept apart from their rows and found by their digests.

use bytes::Bytes;
use futures::Stream;
use platform::{Ctx, Result, Store, blob::Blobs, event::Handlers};
use proto::lessons::v1 as pb;

use super::{File, store};

/// Opens the bytes of a file that the caller was just allowed to read. Error: not found where its class has left since and its files were
/// removed.
pub(crate) async fn open(
    store: &Store,
    blobs: &Blobs,
    ctx: &Ctx,
    file: &File,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    match blobs.open(ctx, &file.digest).await {
        Ok(bytes) => Ok(bytes),
        Err(missing) => {
            let still = store::get(&store.read(ctx).await?, file.team(), file.id).await;
            Err(still.err().unwrap_or(missing))
        }
    }
}

/// Adds the handler that removes the bytes of files whose class has left, where no other file has the same bytes.
pub(crate) fn handlers(handlers: Handlers, store: Store, blobs: Blobs) -> Handlers {
    handlers.on("remove files", move |ctx, removed: pb::FilesRemoved| {
        remove(store.clone(), blobs.clone(), ctx, removed.digests)
    })
}

async fn remove(store: Store, blobs: Blobs, ctx: Ctx, digests: Vec<String>) -> Result<()> {
    let tx = store.write(&ctx).await?;
    for digest in &digests {
        if store::is_free(&tx, digest).await? {
            blobs.remove(&ctx, digest).await?;
        }
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use platform::{Tasks, blob::Settings};
    use proto::options::v1::Role;

    use super::*;
    use crate::{twinning::pair::testing::Space, work::file::Upload};

    async fn uploaded(space: &Space, blobs: &Blobs, of: usize, bytes: &[u8]) -> String {
        let ctx = space.twin(Role::TwinTeam, of);
        let mut incoming = blobs.create(&ctx);
        incoming.write(bytes.to_vec()).await.unwrap();
        let whole = incoming.whole().await.unwrap();
        let place = Upload { team: space.team(of), lesson: 1, field: "a".to_owned(), name: "a".to_owned() };
        let file = File::new(&ctx, space.seat(of), place, "text/plain", whole.blob().clone());
        let tx = space.store.write(&ctx).await.unwrap();
        store::add(&tx, &file).await.unwrap();
        whole.keep().await.unwrap();
        tx.commit().await.unwrap();
        file.digest
    }

    #[tokio::test]
    async fn bytes_are_removed_by_the_fact_however_often_it_comes_and_never_while_a_row_refers_to_them() {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs =
            Blobs::new(&Settings { folder: folder.path().to_owned(), s3: None }, "lessons", Tasks::new()).unwrap();
        let alone = uploaded(&space, &blobs, 0, b"ours").await;
        let equal = uploaded(&space, &blobs, 0, b"both").await;
        assert_eq!(uploaded(&space, &blobs, 1, b"both").await, equal);
        let ctx = space.ground.by(Role::Coordinator);
        let handle = || remove(space.store.clone(), blobs.clone(), ctx.clone(), vec![alone.clone(), equal.clone()]);
        let kept = async || [blobs.open(&ctx, &alone).await.is_ok(), blobs.open(&ctx, &equal).await.is_ok()];
        handle().await.unwrap();
        assert_eq!(kept().await, [true, true], "both are referred to");
        space.leave(0).await;
        assert_eq!(kept().await, [true, true], "a process may die here: the fact waits");
        for _ in 0..2 {
            handle().await.unwrap();
            assert_eq!(kept().await, [false, true]);
        }
        assert_eq!(uploaded(&space, &blobs, 1, b"ours").await, alone);
        handle().await.unwrap();
        assert_eq!(kept().await, [true, true], "uploaded anew before the fact came again");
    }
}

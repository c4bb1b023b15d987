//! The bytes of files, which are kept apart from their rows, each file's under a name of its own. They are there before the row is
//! and go after it, so that no row ever names bytes that are not there, and no transaction waits for a bucket.

use bytes::Bytes;
use futures::Stream;
use platform::{
    Ctx, Result, Store, Tx,
    blob::{Blobs, Kept},
    event::Handlers,
};
use proto::lessons::v1 as pb;

use super::{File, store};

/// Adds a file whose bytes are kept at its place. They stay from here on.
pub(crate) async fn add(tx: &Tx, file: &File, kept: Kept) -> Result<()> {
    store::add(tx, file).await?;
    kept.stay();
    Ok(())
}

/// Opens the bytes of a file that the caller was just allowed to read. Error: not found where its class has left since and its files were
/// removed.
pub(crate) async fn open(
    store: &Store,
    blobs: &Blobs,
    ctx: &Ctx,
    file: &File,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    match blobs.open(ctx, &file.place).await {
        Ok(bytes) => Ok(bytes),
        Err(missing) => {
            let still = store::get(&store.read(ctx).await?, file.team(), file.id).await;
            Err(still.err().unwrap_or(missing))
        }
    }
}

/// Adds the handler that removes the bytes of files whose class has left.
pub(crate) fn handlers(handlers: Handlers, store: Store, blobs: Blobs) -> Handlers {
    handlers.on("remove files", move |ctx, removed: pb::FilesRemoved| {
        remove(store.clone(), blobs.clone(), ctx, removed.digests)
    })
}

async fn remove(store: Store, blobs: Blobs, ctx: Ctx, places: Vec<String>) -> Result<()> {
    let free = store::free(&store.read(&ctx).await?, places).await?;
    for place in &free {
        blobs.remove(&ctx, place).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use platform::{Reads, Tasks, blob::Settings};
    use proto::options::v1::Role;
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::{twinning::pair::testing::Space, work::file::Upload};

    async fn uploaded(space: &Space, blobs: &Blobs, of: usize, bytes: &[u8]) -> String {
        let ctx = space.twin(Role::TwinTeam, of);
        let mut incoming = blobs.create(&ctx);
        incoming.write(bytes.to_vec()).await.unwrap();
        let whole = incoming.whole().await.unwrap();
        let place = Upload { team: space.team(of), lesson: 1, field: "a".to_owned(), name: "a".to_owned() };
        let file = File::new(&ctx, space.seat(of), place, "text/plain", whole.blob().clone());
        let kept = whole.keep_as(file.place()).await.unwrap();
        let tx = space.store.change(&ctx).await.unwrap();
        add(&tx, &file, kept).await.unwrap();
        tx.commit().await.unwrap();
        file.place
    }

    fn blobs(folder: &tempfile::TempDir) -> Blobs {
        Blobs::new(&Settings { folder: folder.path().to_owned(), s3: None }, "lessons", Tasks::new()).unwrap()
    }

    #[tokio::test]
    async fn bytes_are_removed_by_the_fact_however_often_it_comes_and_never_while_a_row_names_them() {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs = blobs(&folder);
        let ours = uploaded(&space, &blobs, 0, b"both").await;
        let theirs = uploaded(&space, &blobs, 1, b"both").await;
        assert_ne!(ours, theirs);
        let ctx = space.ground.by(Role::Coordinator);
        let handle = || remove(space.store.clone(), blobs.clone(), ctx.clone(), vec![ours.clone(), theirs.clone()]);
        let kept = async || [blobs.open(&ctx, &ours).await.is_ok(), blobs.open(&ctx, &theirs).await.is_ok()];
        handle().await.unwrap();
        assert_eq!(kept().await, [true, true], "a row names each");
        space.leave(0).await;
        assert_eq!(kept().await, [true, true], "a process may die here: the fact waits");
        for _ in 0..2 {
            handle().await.unwrap();
            assert_eq!(kept().await, [false, true]);
        }
        let anew = uploaded(&space, &blobs, 1, b"both").await;
        handle().await.unwrap();
        assert!(blobs.open(&ctx, &anew).await.is_ok(), "uploaded anew before the fact came again");
    }

    #[tokio::test]
    async fn bytes_of_a_version_that_kept_equal_ones_once_stay_until_the_last_row_that_names_them_is_gone() {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs = blobs(&folder);
        let (ours, _) = (uploaded(&space, &blobs, 0, b"both").await, uploaded(&space, &blobs, 1, b"both").await);
        let ctx = space.ground.by(Role::Coordinator);
        let tx = space.store.change(&ctx).await.unwrap();
        tx.conn().execute_unprepared(&format!("UPDATE file SET place = '{ours}'")).await.unwrap();
        tx.commit().await.unwrap();
        for (leaver, stays) in [(0, true), (1, false)] {
            space.leave(leaver).await;
            remove(space.store.clone(), blobs.clone(), ctx.clone(), vec![ours.clone()]).await.unwrap();
            assert_eq!(blobs.open(&ctx, &ours).await.is_ok(), stays);
        }
    }

    #[tokio::test]
    async fn who_removes_bytes_keeps_nobody_from_writing() {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs = blobs(&folder);
        let ours = uploaded(&space, &blobs, 0, b"ours").await;
        space.leave(0).await;
        let ctx = space.ground.by(Role::Coordinator);
        let writer = space.store.write(&ctx).await.unwrap();
        remove(space.store.clone(), blobs.clone(), ctx.clone(), vec![ours.clone()]).await.unwrap();
        assert!(blobs.open(&ctx, &ours).await.is_err());
        drop(writer);
    }
}

//! Sends a book: its pages, then its files, each read from the disk while it is sent. Only one piece of a file is in memory at a time.

use std::vec;

use ::bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use platform::{
    Ctx, Id, Result, Store,
    blob::Blobs,
    zip::{Archive, Checksum},
};

use super::shelf;
use crate::{
    space::export::{Book, entry_name},
    twinning::pair::{self, Pair},
    work::file::{File, bytes},
};

/// Reads the files of a pair for one caller.
pub(crate) struct Source {
    pub(crate) ctx: Ctx,
    pub(crate) pair: Id<Pair>,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
}

struct Sending {
    source: Source,
    /// None at the end.
    archive: Option<Archive>,
    pages: vec::IntoIter<(String, String)>,
    files: vec::IntoIter<File>,
    open: Option<stream::BoxStream<'static, Result<Bytes>>>,
}

/// The archive in pieces. Each file is checked again when its turn comes. Where it is not shown any more the archive breaks off, because
/// its pages say that the file is in it.
pub(crate) fn send(book: Book, source: Source) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let (pages, files) = book.parts(source.ctx.tenant().locales());
    let archive = Some(Archive::new(source.ctx.local().datetime()));
    let sending = Sending { source, archive, pages: pages.into_iter(), files: files.into_iter(), open: None };
    stream::try_unfold(sending, async |mut sending: Sending| {
        let piece = sending.next().await?;
        Ok(piece.map(|piece| (piece, sending)))
    })
}

impl Sending {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(open) = &mut self.open {
            match open.next().await {
                Some(piece) => return piece.map(Some),
                None => self.open = None,
            }
        }
        let Some(archive) = &mut self.archive else { return Ok(None) };
        if let Some((name, contents)) = self.pages.next() {
            return Ok(Some(archive.entry(&name, contents.as_bytes())?.into()));
        }
        if let Some(file) = self.files.next() {
            let (checksum, bytes) = self.source.open(&file).await?;
            self.open = Some(bytes);
            let name = entry_name(&file.id().to_string(), file.name(), file.media_type());
            return Ok(Some(archive.begin(&name, file.size(), checksum)?.into()));
        }
        let end = self.archive.take().map(Archive::end).transpose()?;
        Ok(end.map(Bytes::from))
    }
}

impl Source {
    /// The checksum of a file, which the archive has before its bytes, and the bytes. Error: not found where the file is not shown any
    /// more.
    async fn open(&self, file: &File) -> Result<(Checksum, stream::BoxStream<'static, Result<Bytes>>)> {
        let db = self.store.read(&self.ctx).await?;
        let pair = pair::store::get(&db, self.pair).await?;
        shelf::readable_in(&db, &pair, file.team(), file.id()).await?;
        drop(db);
        let open = || bytes::open(&self.store, &self.blobs, &self.ctx, file);
        let checksum = |mut checksum: Checksum, piece: Bytes| async move {
            checksum.add(&piece);
            Ok(checksum)
        };
        let checksum = open().await?.try_fold(Checksum::default(), checksum).await?;
        Ok((checksum, open().await?.boxed()))
    }
}

#[cfg(test)]
mod tests {
    use platform::{Tasks, blob::Settings};
    use proto::options::v1::Role;

    use super::*;
    use crate::{twinning::pair::testing::Space, work::file::Upload};

    const LARGE: usize = 3 << 20;

    /// A video of the first class.
    async fn film(space: &Space, blobs: &Blobs) -> File {
        let ctx = space.twin(Role::TwinTeam, 0);
        let mut incoming = blobs.create(&ctx);
        incoming.write(vec![7; LARGE]).await.unwrap();
        let whole = incoming.whole().await.unwrap();
        let place = Upload { team: space.team(0), lesson: 1, field: "film".to_owned(), name: "film.mp4".to_owned() };
        let file = File::new(&ctx, space.seat(0), place, "text/plain", whole.blob().clone());
        let kept = whole.keep_as(file.place()).await.unwrap();
        let tx = space.store.change(&ctx).await.unwrap();
        bytes::add(&tx, &file, kept).await.unwrap();
        tx.commit().await.unwrap();
        file
    }

    async fn begun() -> (Space, File, impl Stream<Item = Result<Bytes>> + Unpin, tempfile::TempDir) {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs =
            Blobs::new(&Settings { folder: folder.path().to_owned(), s3: None }, "lessons", Tasks::new()).unwrap();
        let file = film(&space, &blobs).await;
        let book = Book::of_files(vec![file.clone()]);
        let ctx = space.twin(Role::TwinTeam, 0);
        let source = Source { ctx, pair: space.pair, store: space.store.clone(), blobs };
        (space, file, Box::pin(send(book, source)), folder)
    }

    #[tokio::test]
    async fn an_export_has_only_one_small_piece_of_a_large_file_in_memory() {
        let (_space, file, mut sending, _folder) = begun().await;
        let (mut size, mut largest) = (0, 0);
        while let Some(piece) = sending.try_next().await.unwrap() {
            size += piece.len();
            largest = largest.max(piece.len());
        }
        assert_eq!(file.size(), LARGE as u64);
        assert!(size > LARGE && largest <= 64 * 1024, "{largest} bytes at once");
    }

    #[tokio::test]
    async fn an_archive_breaks_off_before_a_file_that_is_not_there_any_more() {
        let (space, _, mut sending, _folder) = begun().await;
        assert!(sending.try_next().await.unwrap().is_some());
        space.leave(0).await;
        let mut size = 0;
        let end = loop {
            match sending.try_next().await {
                Ok(Some(piece)) => size += piece.len(),
                end => break end,
            }
        };
        assert!(end.is_err() && size < LARGE, "{size}");
    }
}

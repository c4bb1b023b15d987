//! Files by content: the name of a file begins with the SHA-256 of its bytes, so what was recorded is what is read. They lie on local
//! disk or in a bucket of S3, behind one interface ([`object_store`]) and under the same names:
//! `<tenant>/<service>/<first two digits>/<name>`. Where nothing is ever removed the digest alone is the name, and the same bytes are
//! kept once. A service that removes bytes gives each file a name of its own, so that what goes with one row is never another's.
//!
//! No transaction waits for a disk or a bucket: a file is kept before the transaction begins that writes its row, and removed after
//! the one that deletes it. What no row names is found by nobody.
//!
//! A file that arrives is written to `<tenant>/<service>/unfinished/` until it is kept. Where a process is killed, its unfinished
//! files remain; in a bucket a lifecycle rule removes them, like uploads in parts that were never completed.

use std::{
    io::{Seek, SeekFrom},
    mem,
    ops::Range,
    sync::Arc,
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt, buffered::BufWriter, path::Path};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};
use tokio_util::io::ReaderStream;
use tonic::metadata::MetadataMap;

use crate::{Ctx, Error, Result, Tasks, error::Reason};

mod place;

pub use place::{Bucket, Settings};
use place::{Place, fault};

/// The number of bytes at the beginning of a file that its media type is guessed from.
const HEAD: usize = 512;

/// The number of bytes of a file on disk that are read at once.
const PIECE: usize = 64 * 1024;

/// The number of parts of one file that are written at the same time.
const PARTS: usize = 2;

/// The files of a service in all tenants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    place: Place,
    service: &'static str,
    tasks: Tasks,
}

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type, guessed from its first bytes: `image/png`; `application/octet-stream` where it is not recognised.
    pub media_type: &'static str,
}

impl Blobs {
    /// The files of a service, in the folder or bucket of the settings. Unfinished files are removed by tasks of `tasks`. Error:
    /// internal, with the key of a setting that cannot be used.
    pub fn new(settings: &Settings, service: &'static str, tasks: Tasks) -> Result<Self> {
        Ok(Self { place: Place::new(settings)?, service, tasks })
    }

    fn folder(&self, ctx: &Ctx) -> Path {
        self.place.root.clone().join(ctx.tenant().id().as_str()).join(self.service)
    }

    fn path(&self, ctx: &Ctx, name: &str) -> Path {
        path(self.folder(ctx), name)
    }

    /// Begins a file in the caller's tenant. Nothing is stored before it is kept.
    pub fn create(&self, ctx: &Ctx) -> Incoming {
        let folder = self.folder(ctx);
        let unfinished = folder.clone().join("unfinished").join(ctx.new_id::<Blob>().to_string());
        let store = self.place.store.clone();
        let writer =
            BufWriter::with_capacity(store.clone(), unfinished.clone(), self.place.part).with_max_concurrency(PARTS);
        Incoming {
            folder,
            unfinished: Unfinished {
                store,
                path: unfinished,
                state: State::Arriving(Box::new(writer)),
                kept: None,
                tasks: self.tasks.clone(),
            },
            size: 0,
            head: Vec::new(),
            digest: Context::new(&SHA256),
            validates_only: ctx.validates_only(),
        }
    }

    /// The bytes of a file in the caller's tenant. Error: internal, when a recorded file is missing from its place.
    pub async fn open(&self, ctx: &Ctx, name: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.get(ctx, name, GetOptions::default()).await
    }

    /// Some of the bytes of a file in the caller's tenant; fewer where it ends before. Error: as of [`Blobs::open`]; internal, where
    /// the range begins past the end.
    pub async fn range(&self, ctx: &Ctx, name: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.get(ctx, name, GetOptions::default().with_range(Some(range))).await
    }

    async fn get(&self, ctx: &Ctx, name: &str, options: GetOptions) -> Result<BoxStream<'static, Result<Bytes>>> {
        let found = self.place.store.get_opts(&self.path(ctx, name), options).await.map_err(fault)?;
        Ok(match found.payload {
            // read here, because the library reads pieces of 8 KiB and changes the thread for each
            GetResultPayload::File(mut file, _) => {
                file.seek(SeekFrom::Start(found.range.start)).map_err(Error::internal)?;
                let file = File::from_std(file).take(found.range.end - found.range.start);
                ReaderStream::with_capacity(file, PIECE).map_err(Error::internal).boxed()
            }
            GetResultPayload::Stream(pieces) => pieces.map_err(fault).boxed(),
        })
    }

    /// Removes a file of the caller's tenant for good, if it is there. Who calls this has no transaction open, and has seen that no row
    /// names the file; none will, if it had a name of its own ([`Whole::keep_as`]).
    pub async fn remove(&self, ctx: &Ctx, name: &str) -> Result<()> {
        if ctx.validates_only() {
            return Ok(());
        }
        let path = self.path(ctx, name);
        match self.place.store.delete(&path).await {
            Ok(()) => self.place.settle(&path).await,
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }
}

/// A file that is arriving. Where it is dropped, its bytes are removed.
pub struct Incoming {
    folder: Path,
    unfinished: Unfinished,
    size: u64,
    head: Vec<u8>,
    digest: Context,
    validates_only: bool,
}

impl Incoming {
    /// Appends bytes.
    pub async fn write(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        self.size += bytes.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.digest.update(&bytes);
        self.unfinished.write(bytes).await
    }

    /// The number of bytes that have arrived.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether enough bytes have arrived to guess the media type.
    pub fn is_recognisable(&self) -> bool {
        self.head.len() >= HEAD
    }

    /// The media type, guessed from the bytes that have arrived.
    pub fn media_type(&self) -> &'static str {
        infer::get(&self.head).map_or("application/octet-stream", |kind| kind.mime_type())
    }

    /// Ends the file. It is not kept yet.
    pub async fn whole(mut self) -> Result<Whole> {
        let media_type = self.media_type();
        self.unfinished.end().await?;
        let blob = Blob { digest: hex(self.digest.finish().as_ref()), size: self.size, media_type };
        Ok(Whole { folder: self.folder, unfinished: self.unfinished, blob, validates_only: self.validates_only })
    }

    /// Keeps the file: from here on it is durable and found by its digest. For a service that never removes one. For a call that only
    /// validates nothing is kept.
    pub async fn keep(self) -> Result<Blob> {
        let Whole { folder, mut unfinished, blob, validates_only } = self.whole().await?;
        if validates_only {
            return Ok(blob);
        }
        unfinished.lay_at(&path(folder, &blob.digest)).await?;
        unfinished.state = State::Gone;
        Ok(blob)
    }
}

/// A file that has arrived and is not kept yet. Where it is dropped, its bytes are removed.
pub struct Whole {
    folder: Path,
    unfinished: Unfinished,
    blob: Blob,
    validates_only: bool,
}

impl Whole {
    /// The digest, size and media type.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Keeps it under a name that no other file has or had, and that begins with two digits of its digest: from here on it is durable
    /// and found by that. Called before the transaction begins that writes the row with the name. For a call that only
    /// validates nothing is kept.
    pub async fn keep_as(mut self, name: &str) -> Result<Kept> {
        let validates_only = self.validates_only;
        if validates_only {
            return Ok(Kept { unfinished: self.unfinished, validates_only });
        }
        let path = path(self.folder, name);
        // before the wait: who goes away in the middle may leave bytes at either path
        self.unfinished.kept = Some(path.clone());
        self.unfinished.lay_at(&path).await?;
        Ok(Kept { unfinished: self.unfinished, validates_only })
    }
}

/// A file that is kept, and that no row names yet. Dropping it leaves nothing behind.
#[must_use]
pub struct Kept {
    unfinished: Unfinished,
    validates_only: bool,
}

impl Kept {
    /// From here on it stays: a row names it, or soon does. Where that row is not committed, nobody finds the file.
    pub fn stay(mut self) {
        if !self.validates_only {
            self.unfinished.state = State::Gone;
        }
    }
}

/// A file that is not kept yet. Where it is dropped, a task removes its bytes, because a caller may go away at any point.
struct Unfinished {
    store: Arc<dyn ObjectStore>,
    path: Path,
    state: State,
    /// Where it is kept, or was about to be, under a name that no other file has.
    kept: Option<Path>,
    tasks: Tasks,
}

enum State {
    Arriving(Box<BufWriter>),
    Whole,
    /// Nothing is left to remove.
    Gone,
}

impl Unfinished {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.state {
            State::Arriving(writer) => writer.put(bytes).await.map_err(fault),
            State::Whole | State::Gone => Err(Error::internal("bytes after the end of a file")),
        }
    }

    /// Makes the bytes that have arrived durable.
    async fn end(&mut self) -> Result<()> {
        // set before the wait: from here on the file must be deleted, because the writer cannot be aborted any more
        match mem::replace(&mut self.state, State::Whole) {
            State::Arriving(mut writer) => writer.shutdown().await.map_err(place::io_fault),
            State::Whole | State::Gone => Ok(()),
        }
    }

    async fn lay_at(&mut self, path: &Path) -> Result<()> {
        self.store.rename(&self.path, path).await.map_err(fault)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (state, store, path) = (mem::replace(&mut self.state, State::Gone), self.store.clone(), self.path.clone());
        let kept = self.kept.take();
        // nothing to be done where removing fails: the bytes are not referred to from anywhere
        match state {
            State::Gone => {}
            State::Arriving(mut writer) => self.tasks.spawn("remove unfinished file", async move {
                let _ = writer.abort().await;
            }),
            State::Whole => self.tasks.spawn("remove unfinished file", async move {
                let _ = store.delete(&path).await;
                if let Some(kept) = kept {
                    let _ = store.delete(&kept).await;
                }
            }),
        }
    }
}

fn path(folder: Path, name: &str) -> Path {
    folder.join(name.get(..2).unwrap_or("00")).join(name)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Adds the name of a file to the metadata of an answer. Letters outside ASCII are percent-encoded.
pub fn name(metadata: &mut MetadataMap, name: &str) {
    let encoded: String = name
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~ ".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    if let Ok(value) = encoded.parse() {
        metadata.insert("koine-file-name", value);
    }
}

/// The error for a file larger than `limit`, with the service's own reason.
pub fn too_large<R: Reason>(reason: R, limit: u64) -> Error {
    reason.error(format!("At most {} MiB fit here; nothing was kept.", limit / (1 << 20))).with("limit_bytes", limit)
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc, time::Duration};

    use object_store::memory::InMemory;
    use proptest::prelude::*;

    use super::*;
    use crate::{Caller, Clock, Ids, tenant};

    /// The first bytes of a PNG.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

    fn ctx(name: &str) -> Ctx {
        let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
        let tenant = Arc::new(tenant::parse(&name.parse().unwrap(), head, &[]).unwrap());
        let clock = Clock::held("2022-10-10T09:00:00Z".parse().unwrap());
        crate::testing::ctx(&tenant, Caller::Anonymous, &clock, &Ids::new(clock.clone()))
    }

    fn on_disk(folder: &tempfile::TempDir) -> Blobs {
        let folder = folder.path().join("not/made [yet] 100% #1");
        Blobs::new(&Settings { folder, s3: None }, "lessons", Tasks::new()).unwrap()
    }

    /// Files on disk, and files in memory.
    fn both(folder: &tempfile::TempDir) -> [Blobs; 2] {
        let elsewhere = Blobs { place: Place::of(InMemory::new()), service: "lessons", tasks: Tasks::new() };
        [on_disk(folder), elsewhere]
    }

    async fn keep(blobs: &Blobs, ctx: &Ctx, pieces: &[&'static [u8]]) -> Blob {
        let mut incoming = blobs.create(ctx);
        for piece in pieces {
            incoming.write(*piece).await.unwrap();
        }
        incoming.keep().await.unwrap()
    }

    async fn read(stream: Result<BoxStream<'static, Result<Bytes>>>) -> Vec<u8> {
        stream.unwrap().try_collect::<Vec<_>>().await.unwrap().concat()
    }

    /// The name of every file in a store.
    async fn names(blobs: &Blobs) -> Vec<String> {
        assert_eq!(blobs.tasks.shutdown(Duration::from_secs(9)).await, [] as [&str; 0]);
        let prefix = Some(&blobs.place.root).filter(|root| !root.as_ref().is_empty());
        let mut found: Vec<_> = match blobs.place.store.list(prefix).try_collect::<Vec<_>>().await {
            Ok(found) => found.into_iter().map(|one| one.location.to_string()).collect(),
            Err(_) => Vec::new(),
        };
        found.sort();
        found
    }

    /// The path of every file in a folder.
    fn files(folder: &std::path::Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[tokio::test]
    async fn a_kept_file_is_found_by_its_digest_in_its_tenant_alone() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in both(&folder) {
            let (ctx, other) = (ctx("it"), ctx("hr"));
            let kept = keep(&blobs, &ctx, &[b"a", b"bc"]).await;
            assert_eq!(kept.digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
            assert_eq!((kept.size, kept.media_type), (3, "application/octet-stream"));
            assert_eq!(read(blobs.open(&ctx, &kept.digest).await).await, b"abc");
            assert!(blobs.open(&other, &kept.digest).await.is_err());
        }
    }

    #[tokio::test]
    async fn the_path_of_a_file_is_made_of_tenant_service_and_digest() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = on_disk(&folder);
        let digest = keep(&blobs, &ctx("it"), &[b"abc"]).await.digest;
        let path = folder.path().join("not/made [yet] 100% #1/it/lessons/ba").join(&digest);
        assert_eq!(files(folder.path()), [path]);
    }

    #[tokio::test]
    async fn a_range_is_read_as_far_as_the_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in both(&folder) {
            let ctx = ctx("it");
            let digest = keep(&blobs, &ctx, &[b"0123456789"]).await.digest;
            assert_eq!(read(blobs.range(&ctx, &digest, 2..5).await).await, b"234");
            assert_eq!(read(blobs.range(&ctx, &digest, 8..50).await).await, b"89");
            assert!(blobs.range(&ctx, &digest, 10..11).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_file_that_is_dropped_leaves_nothing() {
        let large = vec![7; PIECE * 9];
        for whole in [false, true] {
            for bytes in [Bytes::from_static(b"half"), Bytes::from(large.clone())] {
                let folder = tempfile::tempdir().unwrap();
                for blobs in both(&folder) {
                    let mut incoming = blobs.create(&ctx("it"));
                    incoming.write(bytes.clone()).await.unwrap();
                    if whole {
                        drop(incoming.whole().await.unwrap())
                    } else {
                        drop(incoming)
                    }
                    assert_eq!(names(&blobs).await, [] as [&str; 0]);
                    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_call_that_only_validates_keeps_and_removes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in both(&folder) {
            let digest = keep(&blobs, &ctx("it"), &[b"abc"]).await.digest;
            let ctx = ctx("it");
            ctx.call().validate_only();
            assert_eq!(keep(&blobs, &ctx, &[b"another"]).await.size, 7);
            blobs.remove(&ctx, &digest).await.unwrap();
            let names = names(&blobs).await;
            assert!(names.len() == 1 && names[0].ends_with(&digest), "{names:?}");
        }
    }

    #[tokio::test]
    async fn the_same_bytes_are_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in both(&folder) {
            let ctx = ctx("it");
            assert_eq!(keep(&blobs, &ctx, &[b"abc"]).await, keep(&blobs, &ctx, &[b"ab", b"c"]).await);
            keep(&blobs, &ctx, &[b"abcd"]).await;
            assert_eq!(names(&blobs).await.len(), 2);
        }
    }

    #[tokio::test]
    async fn a_file_is_removed_from_its_tenant_and_its_service_alone() {
        let folder = tempfile::tempdir().unwrap();
        for ours in both(&folder) {
            let (ctx, other) = (ctx("it"), ctx("hr"));
            let theirs = Blobs { service: "identity", ..ours.clone() };
            let digest = keep(&ours, &ctx, &[b"abc"]).await.digest;
            keep(&theirs, &ctx, &[b"abc"]).await;
            keep(&ours, &other, &[b"abc"]).await;
            for _ in 0..2 {
                ours.remove(&ctx, &digest).await.unwrap();
            }
            assert!(ours.open(&ctx, &digest).await.is_err());
            assert!(theirs.open(&ctx, &digest).await.is_ok() && ours.open(&other, &digest).await.is_ok());
        }
    }

    #[tokio::test]
    async fn what_is_kept_under_a_name_of_its_own_stays_when_somebody_says_that_a_row_names_it() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in both(&folder) {
            let ctx = ctx("it");
            for (name, is_named) in [("ba-1", true), ("ba-2", false), ("ba-3", true)] {
                let mut incoming = blobs.create(&ctx);
                incoming.write(&b"abc"[..]).await.unwrap();
                let whole = incoming.whole().await.unwrap();
                assert!(blobs.open(&ctx, name).await.is_err());
                let kept = whole.keep_as(name).await.unwrap();
                assert_eq!(read(blobs.open(&ctx, name).await).await, b"abc");
                if is_named {
                    kept.stay();
                }
            }
            blobs.remove(&ctx, "ba-3").await.unwrap();
            assert!(names(&blobs).await.iter().all(|name| name.ends_with("it/lessons/ba/ba-1")));
            assert_eq!(read(blobs.open(&ctx, "ba-1").await).await, b"abc");
        }
    }

    #[tokio::test]
    async fn the_first_bytes_tell_what_a_file_is_however_they_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, ctx) = (on_disk(&folder), ctx("it"));
        let pieces: Vec<&[u8]> = PNG.chunks(1).collect();
        assert_eq!(keep(&blobs, &ctx, &pieces).await.media_type, "image/png");
        let mut incoming = blobs.create(&ctx);
        incoming.write(&[b'x'; HEAD - 1][..]).await.unwrap();
        assert!(!incoming.is_recognisable());
        incoming.write(PNG).await.unwrap();
        assert!(incoming.is_recognisable());
        assert_eq!(incoming.keep().await.unwrap().media_type, "application/octet-stream");
    }

    #[test]
    fn a_bucket_is_chosen_by_the_settings_and_its_keys_are_not_printed() {
        let text = "s3 = { bucket = 'koine', region = 'eu-south-1', endpoint = 'http://127.0.0.1:9', key_id = 'AK', key = 'SK' }";
        let settings: Settings = toml::from_str(text).unwrap();
        let blobs = Blobs::new(&settings, "lessons", Tasks::new()).unwrap();
        assert!(format!("{:?}", blobs.place.store).contains("AmazonS3"), "{blobs:?}");
        let printed = toml::to_string(&settings).unwrap() + &format!("{settings:?}{blobs:?}");
        assert!(!printed.contains("AK") && !printed.contains("SK"), "{printed}");
        assert!(toml::from_str::<Settings>("s3 = { bucket = 'koine' }").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_was_kept_in_pieces_is_read_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90_000), 0..8)) {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            runtime.block_on(async {
                let folder = tempfile::tempdir().unwrap();
                for blobs in both(&folder) {
                    let ctx = ctx("it");
                    let mut incoming = blobs.create(&ctx);
                    for piece in &pieces {
                        incoming.write(piece.clone()).await.unwrap();
                    }
                    let kept = incoming.keep().await.unwrap();
                    assert_eq!(kept.size as usize, pieces.concat().len());
                    assert_eq!(read(blobs.open(&ctx, &kept.digest).await).await, pieces.concat());
                }
            });
        }
    }
}

//! Files by content: the name of a file is the SHA-256 of its bytes, so what was recorded is what is read, and the same bytes are
//! kept once. On local disk, one folder per tenant and service; an object store takes the place of the folder in production. A service
//! removes bytes that no row of its own refers to any more: what another one keeps lies elsewhere.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};
use tokio_util::io::ReaderStream;
use tonic::metadata::MetadataMap;

use crate::{Ctx, Error, Result, error::Reason};

/// The `[blobs]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder files are kept in.
    pub folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: "data/blobs".into() }
    }
}

/// How many of a file's first bytes tell what it is.
const HEAD: usize = 512;

/// How many bytes of a file are in memory at once.
const PIECE: usize = 64 * 1024;

/// The files of a service in all tenants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
    service: &'static str,
}

/// A file that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it is, judged by its first bytes: `image/png`; `application/octet-stream` where they do not tell.
    pub media_type: &'static str,
}

impl Blobs {
    /// Files of a service under a folder.
    pub fn new(settings: &Settings, service: &'static str) -> Self {
        Self { folder: settings.folder.clone(), service }
    }

    fn of(&self, ctx: &Ctx) -> PathBuf {
        self.folder.join(ctx.tenant().id().as_str()).join(self.service)
    }

    /// Begins a file in the caller's tenant.
    pub async fn create(&self, ctx: &Ctx) -> Result<Incoming> {
        let folder = self.of(ctx);
        let unfinished = folder.join("unfinished");
        make(&unfinished).await.map_err(Error::internal)?;
        let path = unfinished.join(ctx.new_id::<Blob>().to_string());
        let file = File::create_new(&path).await.map_err(Error::internal)?;
        Ok(Incoming {
            folder,
            path: Unfinished(Some(path)),
            file,
            size: 0,
            head: Vec::new(),
            digest: Context::new(&SHA256),
        })
    }

    /// The bytes of a file in the caller's tenant. Error: internal, when a recorded file is missing from the disk.
    pub async fn open(&self, ctx: &Ctx, digest: &str) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let file = File::open(place(&self.of(ctx), digest)).await.map_err(Error::internal)?;
        Ok(ReaderStream::with_capacity(file, PIECE).map_err(Error::internal))
    }

    /// Removes a file of the caller's tenant for good, if it is there. Who calls this holds the digest ([`crate::Tx::hold`]) and has seen
    /// that no row refers to it.
    pub async fn remove(&self, ctx: &Ctx, digest: &str) -> Result<()> {
        let path = place(&self.of(ctx), digest);
        match fs::remove_file(&path).await {
            Ok(()) => settle(path.parent().unwrap_or(&path)).await.map_err(Error::internal),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::internal(error)),
        }
    }
}

/// A file that is arriving. Dropping it leaves nothing behind.
pub struct Incoming {
    folder: PathBuf,
    path: Unfinished,
    file: File,
    size: u64,
    head: Vec<u8>,
    digest: Context,
}

impl Incoming {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.digest.update(bytes);
        self.file.write_all(bytes).await.map_err(Error::internal)
    }

    /// How many bytes have arrived.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether enough bytes have arrived to tell what the file is.
    pub fn is_recognisable(&self) -> bool {
        self.head.len() >= HEAD
    }

    /// What the file is, judged by the bytes that have arrived.
    pub fn media_type(&self) -> &'static str {
        infer::get(&self.head).map_or("application/octet-stream", |kind| kind.mime_type())
    }

    /// All has arrived. Nothing is kept yet.
    pub async fn whole(self) -> Result<Whole> {
        let blob =
            Blob { digest: hex(self.digest.clone().finish().as_ref()), size: self.size, media_type: self.media_type() };
        self.file.sync_all().await.map_err(Error::internal)?;
        Ok(Whole { folder: self.folder, path: self.path, blob })
    }

    /// Keeps the file: from here on it is durable and found by its digest.
    pub async fn keep(self) -> Result<Blob> {
        self.whole().await?.keep().await
    }
}

/// A file that has arrived. Dropping it leaves nothing behind.
pub struct Whole {
    folder: PathBuf,
    path: Unfinished,
    blob: Blob,
}

impl Whole {
    /// What it is.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Keeps it: from here on it is found by its digest. Where bytes are ever removed this is called by who holds the digest
    /// ([`crate::Tx::hold`]) and has written the row that refers to it.
    pub async fn keep(mut self) -> Result<Blob> {
        let path = place(&self.folder, &self.blob.digest);
        let parent = path.parent().unwrap_or(&self.folder);
        make(parent).await.map_err(Error::internal)?;
        if let Some(unfinished) = &self.path.0 {
            fs::rename(unfinished, &path).await.map_err(Error::internal)?;
            self.path.0 = None;
        }
        settle(parent).await.map_err(Error::internal)?;
        Ok(self.blob)
    }
}

/// Makes a folder and those it lies in, each durable.
async fn make(folder: &Path) -> io::Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::create_dir(folder).await {
        Ok(()) => settle(parent).await,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent != folder => {
            Box::pin(make(parent)).await?;
            Box::pin(make(folder)).await
        }
        Err(error) => Err(error),
    }
}

/// Brings to the disk what a folder lists: a name in it is not durable with the file.
async fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

/// The path of a file that is not kept yet; removed when nobody keeps it.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // nothing to be done where it fails: the file is not referenced from anywhere
            let _ = std::fs::remove_file(path);
        }
    }
}

fn place(folder: &Path, digest: &str) -> PathBuf {
    folder.join(digest.get(..2).unwrap_or("00")).join(digest)
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

/// Says the name of a file in the metadata of the answer that brings its bytes. Letters outside ASCII are percent-encoded.
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

/// A refusal of a file that is larger than its place takes, in the words of a service's own reason.
pub fn too_large<R: Reason>(reason: R, limit: u64) -> Error {
    reason.error(format!("At most {} MiB fit here; nothing was kept.", limit / (1 << 20))).with("limit_bytes", limit)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Caller, Clock, Ids, tenant};

    /// What a PNG begins with.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

    fn ctx(name: &str) -> Ctx {
        let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
        let tenant = Arc::new(tenant::parse(&name.parse().unwrap(), head, &[]).unwrap());
        let clock = Clock::held("2022-10-10T09:00:00Z".parse().unwrap());
        crate::testing::ctx(&tenant, Caller::Anonymous, &clock, &Ids::new(clock.clone()))
    }

    fn blobs(folder: &tempfile::TempDir) -> Blobs {
        Blobs::new(&Settings { folder: folder.path().join("not/made/yet") }, "lessons")
    }

    async fn keep(blobs: &Blobs, ctx: &Ctx, pieces: &[&[u8]]) -> Blob {
        let mut incoming = blobs.create(ctx).await.unwrap();
        for piece in pieces {
            incoming.write(piece).await.unwrap();
        }
        incoming.keep().await.unwrap()
    }

    /// Every file under a folder.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[tokio::test]
    async fn a_kept_file_is_found_by_its_digest_in_its_tenant_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, ctx, other) = (blobs(&folder), ctx("it"), ctx("hr"));
        let kept = keep(&blobs, &ctx, &[b"a", b"bc"]).await;
        assert_eq!(kept.digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((kept.size, kept.media_type), (3, "application/octet-stream"));
        let bytes: Vec<Bytes> = blobs.open(&ctx, &kept.digest).await.unwrap().try_collect().await.unwrap();
        assert_eq!(bytes.concat(), b"abc");
        assert!(blobs.open(&other, &kept.digest).await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut incoming = blobs(&folder).create(&ctx("it")).await.unwrap();
        incoming.write(b"half").await.unwrap();
        assert_eq!(files(folder.path()).len(), 1);
        drop(incoming);
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn the_same_bytes_are_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, ctx) = (blobs(&folder), ctx("it"));
        assert_eq!(keep(&blobs, &ctx, &[b"abc"]).await, keep(&blobs, &ctx, &[b"ab", b"c"]).await);
        assert_eq!(files(folder.path()).len(), 1);
        keep(&blobs, &ctx, &[b"abcd"]).await;
        assert_eq!(files(folder.path()).len(), 2);
    }

    #[tokio::test]
    async fn a_file_is_removed_from_its_tenant_and_its_service_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, ctx, other) = (blobs(&folder), ctx("it"), ctx("hr"));
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

    #[tokio::test]
    async fn what_has_arrived_is_kept_when_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, ctx) = (blobs(&folder), ctx("it"));
        for is_kept in [false, true] {
            let mut incoming = blobs.create(&ctx).await.unwrap();
            incoming.write(b"abc").await.unwrap();
            let whole = incoming.whole().await.unwrap();
            let digest = whole.blob().digest.clone();
            assert!(blobs.open(&ctx, &digest).await.is_err());
            if is_kept {
                drop(whole.keep().await.unwrap())
            } else {
                drop(whole)
            }
            assert_eq!(blobs.open(&ctx, &digest).await.is_ok(), is_kept);
            assert_eq!(files(folder.path()).len(), usize::from(is_kept));
        }
    }

    #[tokio::test]
    async fn the_first_bytes_tell_what_a_file_is_however_they_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, ctx) = (blobs(&folder), ctx("it"));
        let pieces: Vec<&[u8]> = PNG.chunks(1).collect();
        assert_eq!(keep(&blobs, &ctx, &pieces).await.media_type, "image/png");
        let mut incoming = blobs.create(&ctx).await.unwrap();
        incoming.write(&[b'x'; HEAD - 1]).await.unwrap();
        assert!(!incoming.is_recognisable());
        incoming.write(PNG).await.unwrap();
        assert!(incoming.is_recognisable());
        assert_eq!(incoming.keep().await.unwrap().media_type, "application/octet-stream");
    }
}

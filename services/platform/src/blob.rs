//! Files by content: the name of a file is the SHA-256 of its bytes, so what was recorded is what is read, and the same bytes are
//! kept once. On local disk, one folder per tenant; an object store takes the place of the folder in production.

use std::path::{Path, PathBuf};

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

/// The files of all tenants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
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
    /// Files under a folder.
    pub fn new(settings: &Settings) -> Self {
        Self { folder: settings.folder.clone() }
    }

    /// Begins a file in the caller's tenant.
    pub async fn create(&self, ctx: &Ctx) -> Result<Incoming> {
        let folder = self.folder.join(ctx.tenant().id().as_str());
        let unfinished = folder.join("unfinished");
        fs::create_dir_all(&unfinished).await.map_err(Error::internal)?;
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
        let path = place(&self.folder.join(ctx.tenant().id().as_str()), digest);
        let file = File::open(&path).await.map_err(Error::internal)?;
        Ok(ReaderStream::with_capacity(file, 64 * 1024).map_err(Error::internal))
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

    /// Keeps the file: from here on it is durable and found by its digest.
    pub async fn keep(mut self) -> Result<Blob> {
        let media_type = self.media_type();
        let digest = hex(self.digest.clone().finish().as_ref());
        let path = place(&self.folder, &digest);
        self.file.sync_all().await.map_err(Error::internal)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await.map_err(Error::internal)?;
        }
        if let Some(unfinished) = self.path.0.take() {
            fs::rename(unfinished, &path).await.map_err(Error::internal)?;
        }
        Ok(Blob { digest, size: self.size, media_type })
    }
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

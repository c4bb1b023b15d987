//! Where files lie: a folder, or a bucket of S3.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    ClientOptions, CredentialProvider, ObjectStore,
    aws::{AmazonS3Builder, AwsCredential},
    local::LocalFileSystem,
    path::Path,
};
use serde::{Deserialize, Serialize};
use tokio::fs::File;

use crate::{Error, Result, secret::Secret};

/// The `[blobs]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder files are kept in, unless there is a bucket.
    pub folder: PathBuf,
    /// The bucket files are kept in, in place of the folder.
    pub s3: Option<Bucket>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: "data/blobs".into(), s3: None }
    }
}

/// The `[blobs.s3]` section: a bucket of Amazon's, or of whatever speaks its protocol. It needs a lifecycle rule that ends uploads in
/// parts which were not completed within a day.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The name of the bucket.
    pub bucket: String,
    /// Its region: `eu-south-1`.
    pub region: String,
    /// `https://host` of another store than Amazon's. By `http://` files travel unencrypted.
    pub endpoint: Option<String>,
    /// The id of the key to it.
    pub key_id: Secret,
    /// The key.
    pub key: Secret,
}

/// How many bytes travel to a bucket at once: the least it takes as a part of a file.
const PART_OF_BUCKET: usize = 5 << 20;

/// How many bytes are written to a disk at once.
const PART_OF_DISK: usize = 256 << 10;

/// How long a bucket may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// A store of files, and what is particular to it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Under which all files lie.
    pub(super) root: Path,
    /// How many bytes are written at once.
    pub(super) part: usize,
    /// The same store, where it is a disk.
    disk: Option<LocalFileSystem>,
}

impl Place {
    /// The store the settings name. Error: internal, naming a key that cannot be used.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        match &settings.s3 {
            Some(bucket) => bucket.open(),
            None => Self::folder(&settings.folder),
        }
    }

    /// A folder, which is made with the first file.
    fn folder(folder: &std::path::Path) -> Result<Self> {
        let unusable = |error: String| Error::internal(format!("blobs.folder: {}: {error}", folder.display()));
        let absolute = std::path::absolute(folder).map_err(|error| unusable(error.to_string()))?;
        let root = Path::from_absolute_path(absolute).map_err(|error| unusable(error.to_string()))?;
        // durable before it is answered: contents, names and the folders made on the way
        let disk = LocalFileSystem::new().with_fsync(true);
        Ok(Self { store: Arc::new(disk.clone()), root, part: PART_OF_DISK, disk: Some(disk) })
    }

    /// Any store.
    #[cfg(test)]
    pub(super) fn of(store: impl ObjectStore) -> Self {
        Self { store: Arc::new(store), root: Path::default(), part: PART_OF_BUCKET, disk: None }
    }

    /// Brings to the disk that a file was removed. [`LocalFileSystem`] does so for what it writes, and not for what it deletes.
    pub(super) async fn settle(&self, removed: &Path) -> Result<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let path = disk.path_to_filesystem(removed).map_err(fault)?;
        let folder = path.parent().unwrap_or(&path);
        File::open(folder).await.map_err(Error::internal)?.sync_all().await.map_err(Error::internal)
    }
}

impl Bucket {
    fn open(&self) -> Result<Place> {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        // no limit to the whole of an answer: a large file takes as long as who reads it
        let client = ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_credentials(Arc::new(Keys { id: self.key_id.clone(), key: self.key.clone() }))
            .with_client_options(client.with_allow_http(endpoint.starts_with("http://")))
            // one file is removed at a time, which stores that speak the protocol in part can do too
            .with_disable_bulk_delete(true);
        if !endpoint.is_empty() {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(|error| Error::internal(format!("blobs.s3: {error}")))?;
        Ok(Place { store: Arc::new(store), root: Path::default(), part: PART_OF_BUCKET, disk: None })
    }
}

/// The key to a bucket. It is read for each request, so that a rotated one is used without a restart.
#[derive(Debug)]
struct Keys {
    id: Secret,
    key: Secret,
}

#[tonic::async_trait]
impl CredentialProvider for Keys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let reveal = |secret: &Secret| {
            secret.reveal().map_err(|error| object_store::Error::Generic { store: "keys", source: error.into() })
        };
        Ok(Arc::new(AwsCredential { key_id: reveal(&self.id)?, secret_key: reveal(&self.key)?, token: None }))
    }
}

/// What the refusal of a store means to a caller: a bucket that cannot be reached now, or a fault of ours.
pub(super) fn fault(error: object_store::Error) -> Error {
    match error {
        object_store::Error::Generic { store: "S3", .. } => Error::unreachable(error),
        error => Error::internal(error),
    }
}

/// [`fault`], from behind an interface that knows errors of the system alone.
pub(super) fn io_fault(error: io::Error) -> Error {
    error.downcast::<object_store::Error>().map_or_else(Error::internal, fault)
}

//! The place of files: a folder, or a bucket of S3.

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

/// The section `[blobs]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder of the files, where there is no bucket.
    pub folder: PathBuf,
    /// The bucket of the files, instead of the folder.
    pub s3: Option<Bucket>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: "data/blobs".into(), s3: None }
    }
}

/// The section `[blobs.s3]`: a bucket of Amazon S3, or of another store with its protocol. The bucket needs a lifecycle rule that
/// removes uploads in parts that were not completed within a day.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The name of the bucket.
    pub bucket: String,
    /// Its region: `eu-south-1`.
    pub region: String,
    /// `https://host` of a store other than Amazon's. With `http://`, files are not encrypted on their way.
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub key_id: Secret,
    /// The secret of the access key.
    pub key: Secret,
}

/// The size of a part of an upload to a bucket, in bytes: the smallest that S3 accepts.
const PART_OF_BUCKET: usize = 5 << 20;

/// The number of bytes that are written to a disk at once.
const PART_OF_DISK: usize = 256 << 10;

/// How long a bucket may send nothing in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// A store of files, with its particulars. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    /// The path of the folder of all files.
    pub(super) root: Path,
    /// The number of bytes that are written at once.
    pub(super) part: usize,
    /// `store`, where it is a disk.
    disk: Option<LocalFileSystem>,
}

impl Place {
    /// The store of the settings. Error: internal, with the key of a setting that cannot be used.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        match &settings.s3 {
            Some(bucket) => bucket.open(),
            None => Self::folder(&settings.folder),
        }
    }

    /// A folder. It is created with the first file.
    fn folder(folder: &std::path::Path) -> Result<Self> {
        let unusable = |error: String| Error::internal(format!("blobs.folder: {}: {error}", folder.display()));
        let absolute = std::path::absolute(folder).map_err(|error| unusable(error.to_string()))?;
        let root = Path::from_absolute_path(absolute).map_err(|error| unusable(error.to_string()))?;
        // a file is durable before the call is answered: its bytes, its name, and the folders created for it
        let disk = LocalFileSystem::new().with_fsync(true);
        Ok(Self { store: Arc::new(disk.clone()), root, part: PART_OF_DISK, disk: Some(disk) })
    }

    /// Uses any store.
    #[cfg(test)]
    pub(super) fn of(store: impl ObjectStore) -> Self {
        Self { store: Arc::new(store), root: Path::default(), part: PART_OF_BUCKET, disk: None }
    }

    /// Makes the removal of a file durable. [`LocalFileSystem`] does so for what it writes, but not for what it deletes.
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
        // no limit for a whole answer: a large file takes as long as its reader
        let client = ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_credentials(Arc::new(Keys { id: self.key_id.clone(), key: self.key.clone() }))
            .with_client_options(client.with_allow_http(endpoint.starts_with("http://")))
            // files are removed one at a time, which stores with a part of the protocol can do too
            .with_disable_bulk_delete(true);
        if !endpoint.is_empty() {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(|error| Error::internal(format!("blobs.s3: {error}")))?;
        Ok(Place { store: Arc::new(store), root: Path::default(), part: PART_OF_BUCKET, disk: None })
    }
}

/// The access key of a bucket. It is read for each request, so that a rotated key is used without a restart.
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

/// Converts an error of a store. A failed request to a bucket is unreachable; everything else is internal.
pub(super) fn fault(error: object_store::Error) -> Error {
    match error {
        object_store::Error::Generic { store: "S3", .. } => Error::unreachable(error),
        error => Error::internal(error),
    }
}

/// [`fault`] for an error that was converted to [`io::Error`].
pub(super) fn io_fault(error: io::Error) -> Error {
    error.downcast::<object_store::Error>().map_or_else(Error::internal, fault)
}

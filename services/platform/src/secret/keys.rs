//! The secret of an installation, and the keys derived from it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use aws_lc_rs::{digest, hmac, rand};

use super::Secret;
use crate::{Error, Result};

/// Derives a key for each purpose from the installation's secret. Cheap to clone.
#[derive(Clone)]
pub struct Keys(hmac::Key);

impl Keys {
    /// Uses the secret of the settings. Without one, uses a file in `folder`, which is created the first time.
    pub fn load_or_create(folder: &Path, secret: Option<&Secret>) -> Result<Self> {
        match secret {
            Some(secret) => {
                let text = secret.reveal()?;
                if text.len() < 32 {
                    return Err(Error::internal("process.secret: needs at least 32 characters that nobody can guess"));
                }
                Ok(Self::of(text.as_bytes()))
            }
            None => Ok(Self::of(&read_or_make(&folder.join("secret"), || random().map(Vec::from))?)),
        }
    }

    /// Uses a random secret that is not stored: for tests, and for processes that store nothing.
    pub fn random() -> Result<Self> {
        Ok(Self::of(&random()?))
    }

    fn of(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, digest::digest(&digest::SHA256, secret).as_ref()))
    }

    /// A key or keyed digest for a purpose and its parts. The length of each part is included, so that different lists of parts
    /// give different keys.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

/// Reads a file that only its owner may read, or creates it. Two processes that start at once use the same file.
pub(crate) fn read_or_make(path: &Path, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let failed = |error: io::Error| Error::internal(format!("{}: {error}", path.display()));
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read.map_err(failed),
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let bytes = make()?;
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let written = write_private(&draft, &bytes);
    // a link is created completely or not at all, and does not replace the file of another process
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    // a draft that cannot be removed is as private as the file
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => fs::read(path).map_err(failed),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let first = Keys::load_or_create(&keys, None).unwrap().derive("a", &[]);
        assert_eq!(Keys::load_or_create(&keys, None).unwrap().derive("a", &[]), first);
        let about = fs::metadata(keys.join("secret")).unwrap();
        assert_eq!((about.permissions().mode() & 0o777, about.len()), (0o600, 32));
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn keys_differ_by_purpose_and_by_where_one_part_ends() {
        let keys = Keys::random().unwrap();
        let all = [
            keys.derive("page", &[b"ab", b"c"]),
            keys.derive("page", &[b"a", b"bc"]),
            keys.derive("audit", &[b"ab", b"c"]),
            keys.derive("page", &[b"ab", b"c", b""]),
        ];
        for (index, key) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(key), "{index}");
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_by_name() {
        let error = Keys::load_or_create(Path::new("/nowhere"), Some(&"short".into())).unwrap_err();
        assert!(format!("{error:?}").contains("process.secret"), "{error:?}");
    }
}

//! The tenants of this process, as in the watched directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;

use super::{SectionKind, Tenant, TenantId, parse, unknown};
use crate::Result;

/// The faults of a file that could not be read as a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The faults, each with its key.
    pub faults: Vec<String>,
}

/// Every tenant by its name. Cheap to clone; all clones see a reload.
#[derive(Clone)]
pub struct Tenants(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    kinds: Vec<SectionKind>,
    known: ArcSwap<BTreeMap<TenantId, Arc<Tenant>>>,
    seen: ArcSwap<Stamps>,
    /// Whether the folder could not be read the last time. It is tried every second and logged once.
    unreadable: AtomicBool,
}

type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

impl Tenants {
    /// Reads every `*.toml` of a folder. Faults are returned beside the tenants, because the valid tenants must run.
    pub fn load(folder: impl Into<PathBuf>, kinds: Vec<SectionKind>) -> (Self, Vec<Fault>) {
        let tenants = Self(Arc::new(Inner {
            folder: folder.into(),
            kinds,
            known: ArcSwap::default(),
            seen: ArcSwap::default(),
            unreadable: AtomicBool::new(false),
        }));
        let faults = tenants.reload();
        (tenants, faults)
    }

    /// The tenant with this name. Error: `TENANT_UNKNOWN`.
    pub fn get(&self, name: &str) -> Result<Arc<Tenant>> {
        let id: TenantId = name.parse()?;
        self.0.known.load().get(&id).cloned().ok_or_else(unknown)
    }

    /// All tenants, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.0.known.load().values().cloned().collect()
    }

    /// Reads the folder again, where names, sizes or times have changed. The watcher calls it about every second. This also notices
    /// the swapped links of a Kubernetes volume, which file events miss.
    pub fn reload_if_changed(&self) -> Vec<Fault> {
        match stamps(&self.0.folder) {
            Ok(files) if files == **self.0.seen.load() => {
                self.0.unreadable.store(false, Ordering::Relaxed);
                Vec::new()
            }
            Ok(files) => self.take(files),
            Err(_) if self.0.unreadable.load(Ordering::Relaxed) => Vec::new(),
            Err(error) => self.keep(&error),
        }
    }

    /// Reads the folder again. An invalid file leaves its tenant unchanged; a removed file removes its tenant and not the data.
    /// Where the folder cannot be read, nothing changes.
    pub fn reload(&self) -> Vec<Fault> {
        match stamps(&self.0.folder) {
            Ok(files) => self.take(files),
            Err(error) => self.keep(&error),
        }
    }

    fn keep(&self, error: &io::Error) -> Vec<Fault> {
        self.0.unreadable.store(true, Ordering::Relaxed);
        vec![fault(&self.0.folder, &format!("the folder cannot be read, so every tenant stays as it was: {error}"))]
    }

    fn take(&self, files: Stamps) -> Vec<Fault> {
        self.0.unreadable.store(false, Ordering::Relaxed);
        let before = self.0.known.load_full();
        let mut after = BTreeMap::new();
        let mut faults = Vec::new();
        for file in files.keys() {
            let Some(id) = name_of(file) else {
                faults.push(fault(
                    file,
                    "the file's name is not the name of a tenant: lower-case letters, digits, hyphens",
                ));
                continue;
            };
            let read = fs::read_to_string(file).map_err(|error| vec![error.to_string()]);
            match read.and_then(|text| parse(&id, &text, &self.0.kinds)) {
                Ok(tenant) => {
                    for lack in tenant.lacks() {
                        tracing::warn!(tenant = %id, "{lack}");
                    }
                    after.insert(id, Arc::new(tenant));
                }
                Err(reasons) => {
                    faults.push(Fault { file: file.clone(), faults: reasons });
                    after.extend(before.get(&id).map(|tenant| (id, tenant.clone())));
                }
            }
        }
        if files.is_empty() {
            faults.push(fault(&self.0.folder, "there is no `*.toml` file in this folder, so there is no tenant"));
        }
        self.0.known.store(Arc::new(after));
        self.0.seen.store(Arc::new(files));
        faults
    }
}

fn fault(file: &Path, reason: &str) -> Fault {
    Fault { file: file.to_owned(), faults: vec![reason.to_owned()] }
}

fn name_of(file: &Path) -> Option<TenantId> {
    file.file_stem()?.to_str()?.parse().ok()
}

fn stamps(folder: &Path) -> io::Result<Stamps> {
    let mut stamps = Stamps::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        match fs::metadata(&path) {
            Ok(about) => {
                stamps.insert(path, (about.modified()?, about.len()));
            }
            // removed after the folder was listed
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";

    fn two() -> (tempfile::TempDir, Tenants) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("tenants");
        fs::create_dir(&dir).unwrap();
        for name in ["hr.toml", "it.toml"] {
            fs::write(dir.join(name), HEAD).unwrap();
        }
        let (tenants, faults) = Tenants::load(dir, Vec::new());
        assert_eq!((tenants.all().len(), faults), (2, Vec::new()));
        (folder, tenants)
    }

    #[test]
    fn a_tenant_goes_with_its_file() {
        let (folder, tenants) = two();
        fs::remove_file(folder.path().join("tenants/it.toml")).unwrap();
        assert_eq!(tenants.reload_if_changed(), []);
        assert!(tenants.get("it").is_err() && tenants.get("hr").is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_read_takes_no_tenant_away_and_is_reported_once() {
        let (folder, tenants) = two();
        let (dir, aside) = (folder.path().join("tenants"), folder.path().join("aside"));
        fs::rename(&dir, &aside).unwrap();
        fs::write(&dir, "not a folder").unwrap();
        assert_eq!(tenants.reload_if_changed().len(), 1);
        assert_eq!(tenants.reload_if_changed(), []);
        assert_eq!(tenants.all().len(), 2);

        fs::remove_file(&dir).unwrap();
        fs::rename(&aside, &dir).unwrap();
        assert_eq!(tenants.reload_if_changed(), []);
        fs::remove_file(dir.join("hr.toml")).unwrap();
        assert_eq!(tenants.reload_if_changed(), []);
        assert_eq!(tenants.all().len(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_cannot_be_looked_at_takes_no_tenant_away() {
        let (folder, tenants) = two();
        let file = folder.path().join("tenants/it.toml");
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&file, &file).unwrap();
        assert_eq!(tenants.reload_if_changed().len(), 1);
        assert_eq!(tenants.all().len(), 2);
    }
}

//! The tenants of this process, as the watched directory has them now.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;

use super::{SectionKind, Tenant, TenantId, parse, unknown};
use crate::Result;

/// A file that could not become a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, each with its key.
    pub faults: Vec<String>,
}

/// Every tenant, by name. Cheap to clone; all clones see a reload.
#[derive(Clone)]
pub struct Tenants(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    kinds: Vec<SectionKind>,
    known: ArcSwap<BTreeMap<TenantId, Arc<Tenant>>>,
    seen: ArcSwap<Stamps>,
}

type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

impl Tenants {
    /// Reads every `*.toml` of a folder. Faults are given back, not thrown: the other tenants must run.
    pub fn load(folder: impl Into<PathBuf>, kinds: Vec<SectionKind>) -> (Self, Vec<Fault>) {
        let inner = Inner { folder: folder.into(), kinds, known: ArcSwap::default(), seen: ArcSwap::default() };
        let tenants = Self(Arc::new(inner));
        let faults = tenants.reload();
        (tenants, faults)
    }

    /// The tenant of this name. Error: `TENANT_UNKNOWN`.
    pub fn get(&self, name: &str) -> Result<Arc<Tenant>> {
        let id: TenantId = name.parse()?;
        self.0.known.load().get(&id).cloned().ok_or_else(unknown)
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.0.known.load().values().cloned().collect()
    }

    /// Reads the folder again, if anything in it changed since the last time. For the watcher, every second or so: a look at
    /// names, sizes and times also sees the swapped links of a mounted Kubernetes volume, which file events miss.
    pub fn reload_if_changed(&self) -> Vec<Fault> {
        if stamps(&self.0.folder) == **self.0.seen.load() { Vec::new() } else { self.reload() }
    }

    /// Reads the folder again. A broken file leaves its tenant as it was; a removed one takes its tenant away, data untouched.
    pub fn reload(&self) -> Vec<Fault> {
        let files = stamps(&self.0.folder);
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

fn stamps(folder: &Path) -> Stamps {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "toml"));
    files
        .filter_map(|path| {
            let about = fs::metadata(&path).ok()?;
            Some((path, (about.modified().ok()?, about.len())))
        })
        .collect()
}

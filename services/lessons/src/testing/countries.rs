//! Programmes and their countries, with the outbox of lessons that connects them.

use std::{fs, path::PathBuf};

use platform::{
    Caller, Clock, Ctx, Ids, Reads, Store, Tenants,
    event::{self, Bus, Dispatcher, Handlers},
    secret::Keys,
    store::{Budget, Engine},
    testing,
};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

/// Three countries, and two programmes that share one of them.
pub(crate) struct Countries {
    pub(crate) tenants: Tenants,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) store: Store,
    folder: TempDir,
}

impl Countries {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("tenants");
        fs::create_dir(&files).unwrap();
        for (name, head) in [
            ("it", "kind = 'country'"),
            ("hr", "kind = 'country'"),
            ("gr", "kind = 'country'"),
            ("it-hr", "kind = 'programme'\ncountries = ['it', 'hr']"),
            ("gr-it", "kind = 'programme'\ncountries = ['gr', 'it']"),
        ] {
            let text = format!("{head}\nname = 'Test'\nlocales = ['en']\nzone = 'Europe/Rome'\n");
            fs::write(files.join(format!("{name}.toml")), text).unwrap();
        }
        let (tenants, faults) = Tenants::load(&files, Vec::new());
        assert_eq!(faults, []);
        let clock = Clock::held("2023-02-24T09:00:00Z".parse().unwrap());
        let schema = |service, database| -> futures::future::BoxFuture<'static, _> {
            Box::pin(async move { migrations::up(service, &database).await })
        };
        let engine = Engine::Sqlite(folder.path().join("data"));
        let store = Store::new("lessons", engine, Budget::new(8), Keys::random().unwrap(), Some(schema));
        Self { tenants, ids: Ids::new(clock.clone()), clock, store, folder }
    }

    /// A context of nobody in a tenant.
    pub(crate) fn ctx(&self, tenant: &str) -> Ctx {
        testing::ctx(&self.tenants.get(tenant).unwrap(), Caller::Anonymous, &self.clock, &self.ids)
    }

    /// A dispatcher that brings facts to these handlers.
    pub(crate) fn dispatcher(&self, handlers: Handlers) -> Dispatcher {
        let bus = Bus::new(
            vec![(self.store.clone(), handlers)],
            event::Settings::default(),
            self.clock.clone(),
            self.ids.clone(),
        );
        Dispatcher::new(self.store.clone(), bus, self.tenants.clone(), self.clock.clone(), self.ids.clone())
    }

    /// Removes the file of a tenant. Its data stay.
    pub(crate) fn remove(&self, tenant: &str) {
        fs::remove_file(self.folder.path().join("tenants").join(format!("{tenant}.toml"))).unwrap();
        assert_eq!(self.tenants.reload(), []);
    }

    /// How often the audit log of a tenant says that something was done.
    pub(crate) async fn noted(&self, tenant: &str, action: &str) -> usize {
        let db = self.store.read(&self.ctx(tenant)).await.unwrap();
        let sql = format!("SELECT action FROM audit_entry WHERE action = '{action}'");
        let query = sea_orm::Statement::from_string(db.conn().get_database_backend(), sql);
        db.conn().query_all_raw(query).await.unwrap().len()
    }

    /// Where the data of a tenant are.
    pub(crate) fn database(&self, tenant: &str) -> PathBuf {
        self.folder.path().join("data").join(tenant)
    }
}

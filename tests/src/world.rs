//! The whole system in one process, with a clock that the test sets.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp, Zoned};
use platform::{
    Clock, Config, Process, Service,
    token::{Claims, Signer},
};
use proto::options::v1::Role;
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use serde_json::json;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{
    Caller, Http,
    engine::Engine,
    limit::wait,
    log::Log,
    mailbox::{CODE, Mailbox},
};

/// The whole system in this process, with its own storage. Its `end` asserts that nothing was left undone.
pub struct World {
    process: Process,
    clock: Clock,
    folder: TempDir,
    address: SocketAddr,
    http: Http,
    log: Log,
    text: String,
    engine: Engine,
    /// Whether something else than rows of the databases may have been changed.
    altered: AtomicBool,
}

/// A world before it starts.
pub struct Builder {
    tenants: Vec<String>,
    start: Timestamp,
    settings: String,
    folder: TempDir,
}

/// The folder of the files of the real tenants.
pub fn tenant_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/koine/tenants")
}

/// A file of test data: `schools/it.csv`.
pub fn data(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)).expect("test data")
}

/// An instant in a readable form: `2022-10-10T09:00:00[Europe/Rome]`.
pub fn instant(text: &str) -> Timestamp {
    text.parse::<Zoned>().unwrap_or_else(|error| panic!("{text}: {error}")).timestamp()
}

/// The hasher of all worlds, because a hasher has threads of its own.
fn hasher() -> &'static identity::Hasher {
    static HASHER: OnceLock<identity::Hasher> = OnceLock::new();
    HASHER.get_or_init(|| identity::Hasher::new(&identity::Settings::default().hashing).expect("threads"))
}

impl World {
    /// A world with these tenants, with a copy of their real files.
    pub fn of(tenants: &[&str]) -> Builder {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("tenants");
        fs::create_dir(&dir).expect("a folder");
        for tenant in tenants {
            let file = format!("{tenant}.toml");
            fs::copy(tenant_files().join(&file), dir.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        Builder {
            tenants: tenants.iter().map(|tenant| (*tenant).to_owned()).collect(),
            start: instant("2022-10-10T09:00:00[Europe/Rome]"),
            settings: String::new(),
            folder,
        }
    }

    /// Sets the clock to an instant: `2022-10-24T18:00:01[Europe/Rome]`.
    pub async fn passes(&self, to: &str) {
        self.passes_to(instant(to)).await;
    }

    /// Sets the clock to an instant, after all begun work has ended, because leases and deadlines of work that has just begun would
    /// otherwise end at once.
    pub async fn passes_to(&self, to: Timestamp) {
        self.settle().await;
        self.clock.set(to);
    }

    /// Advances the clock.
    pub async fn passes_by(&self, time: SignedDuration) {
        self.passes_to(self.clock.now() + time).await;
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The address of the gateway.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An HTTP client of the gateway.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// A gRPC channel to the gateway.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("an address").connect_lazy()
    }

    /// The process, for what is not visible from outside.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The folder of this world: `tenants/`, `data/`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The letters of a tenant.
    pub fn mailbox(&self, tenant: &str) -> Mailbox {
        Mailbox::new(self.folder.path().join("data/mail"), tenant)
    }

    /// The settings of the process, as TOML.
    pub fn settings(&self) -> &str {
        &self.text
    }

    /// Adds or replaces the file of a tenant and reloads the tenants. Returns the faults of the files.
    pub fn write_tenant(&self, name: &str, text: &str) -> Vec<platform::tenant::Fault> {
        fs::write(self.folder.path().join("tenants").join(format!("{name}.toml")), text).expect("a file");
        self.process.tenants().reload()
    }

    /// Waits until every entry of the audit logs is chained.
    pub async fn chain(&self) {
        for sequencer in self.process.sequencers() {
            sequencer.drain().await.expect("logs that can be chained");
        }
    }

    /// Waits until every fact is handled, without sleeping.
    pub async fn settle(&self) {
        wait("every fact to be handled", self.handled()).await;
    }

    async fn handled(&self) {
        // handling a fact may publish another one in a service that was checked before, so two checks in a row must find nothing
        let mut quiet = 0;
        loop {
            let mut waiting = 0;
            for dispatcher in self.process.dispatchers() {
                dispatcher.drain().await;
                waiting += dispatcher.waiting().await.expect("an outbox");
            }
            quiet = if waiting == 0 { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
            // the clock stands still, so a failed fact would never be tried again
            let failed = self.log.find("fact not handled");
            assert!(failed.is_empty(), "a fact was not handled: {failed:#?}");
            tokio::task::yield_now().await;
        }
    }

    /// Does the hourly work of the services, and handles the facts that it publishes.
    pub async fn hour_strikes(&self) {
        for dispatcher in self.process.dispatchers() {
            wait("what is done every hour", dispatcher.hour()).await;
        }
        self.settle().await;
    }

    /// Changes rows without the system. Returns their number.
    pub async fn tamper(&self, tenant: &str, service: &'static str, sql: &str) -> u64 {
        let changes_rows = ["UPDATE ", "DELETE ", "INSERT "].iter().any(|verb| sql.trim_start().starts_with(verb));
        self.altered.fetch_or(!changes_rows, Ordering::Relaxed);
        let database = self.engine.connect(tenant, service).await;
        let done = wait(sql, database.execute_unprepared(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        database.close().await.expect("an open database");
        done.rows_affected()
    }

    /// The texts of rows in a database, after every entry of the audit logs is chained: one list for each row, in the order of the
    /// columns.
    pub async fn rows(&self, tenant: &str, service: &'static str, sql: &str, columns: &[&str]) -> Vec<Vec<String>> {
        self.chain().await;
        let database = self.engine.connect(tenant, service).await;
        let query = Statement::from_string(database.get_database_backend(), sql);
        let rows = wait(sql, database.query_all_raw(query)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let text = |row: &QueryResult, column: &&str| {
            row.try_get("", column).unwrap_or_else(|error| panic!("{column}: {error}"))
        };
        let texts = rows.iter().map(|row| columns.iter().map(|column| text(row, column)).collect()).collect();
        database.close().await.expect("an open database");
        texts
    }

    /// The actions in the audit log of a service in a tenant, oldest first: `change team`.
    pub async fn actions(&self, tenant: &str, service: &'static str) -> Vec<String> {
        self.rows(tenant, service, "SELECT action FROM audit ORDER BY seq", &["action"]).await.concat()
    }

    /// A caller of a tenant who is not signed in.
    pub fn anybody(&self, tenant: &str) -> Caller {
        Caller::anybody(self.http.clone(), tenant)
    }

    /// A new coordinator of a tenant, signed in.
    pub async fn coordinator(&self, tenant: &str) -> Caller {
        let ctx = self.process.operator(tenant).expect("a tenant");
        let id = uuid::Uuid::now_v7();
        let (email, password) = (format!("c{}@{tenant}.example", id.simple()), "a lantern above the harbour wall");
        let person = identity::Coordinator {
            email: email.clone(),
            password: password.to_owned(),
            given_name: "Central".to_owned(),
            surname: "Team".to_owned(),
        };
        let store = self.process.store("identity").expect("identity");
        identity::create_coordinator(store, &ctx, hasher(), person).await.expect("a coordinator");
        self.anybody(tenant).sign_in(&email, password).await
    }

    /// A caller of a tenant with a token that the system's key signs, with claims that the test may change.
    pub fn forged(&self, tenant: &str, roles: &[Role], change: impl FnOnce(&mut Claims)) -> Caller {
        let now = self.clock.now().as_second();
        let mut claims = Claims {
            iss: "koine".to_owned(),
            aud: "koine".to_owned(),
            sub: uuid::Uuid::now_v7(),
            tenant: tenant.to_owned(),
            sid: uuid::Uuid::now_v7(),
            roles: roles.to_vec(),
            mid: None,
            bound: platform::Bound::default(),
            scopes: None,
            acts_for: None,
            home: None,
            provisional: false,
            lacks: None,
            is_half: false,
            iat: now,
            nbf: now,
            exp: now + 600,
            jti: uuid::Uuid::now_v7(),
        };
        change(&mut claims);
        let signer =
            Signer::load_or_create(&self.folder.path().join("data/keys"), None).expect("the key of the tokens");
        self.anybody(tenant).with_token(signer.sign(&claims).expect("a token"))
    }

    /// A new teacher of a tenant: registered, verified, signed in.
    pub async fn teacher(&self, tenant: &str, given_name: &str, surname: &str) -> Caller {
        // the files of the tenants name this domain: whoever has an address there is confirmed by it
        let email = format!("t{}@{tenant}.example", uuid::Uuid::now_v7().simple());
        self.registered(tenant, &email, given_name, surname).await
    }

    /// A new teacher of a tenant whom nobody has vouched for, with an address of anybody: registered, verified, signed in.
    pub async fn stranger(&self, tenant: &str, given_name: &str, surname: &str) -> Caller {
        let email = format!("t{}@anybody.example", uuid::Uuid::now_v7().simple());
        self.registered(tenant, &email, given_name, surname).await
    }

    /// A new teacher with an address: registered, verified, signed in.
    pub async fn registered(&self, tenant: &str, email: &str, given_name: &str, surname: &str) -> Caller {
        let password = "a sentence nobody else would choose";
        let anybody = self.anybody(tenant);
        let person = json!({ "email": email, "password": password, "givenName": given_name, "surname": surname });
        anybody.post("/v1/accounts", person).await.ok();
        self.settle().await;
        let (user, domain) = email.rsplit_once('@').expect("an address");
        let spelled = format!("{}@{}", user.to_lowercase(), idna::domain_to_ascii(domain).expect("a domain"));
        let code = self.mailbox(tenant).find(&spelled, CODE).expect("a code in the letter");
        anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": password })).await.ok();
        anybody.sign_in(email, password).await
    }

    /// Ends the process and starts another one with the same folder, settings and instant.
    pub async fn restart(self) -> Self {
        self.settle().await;
        let Self { process, clock, folder, log, text, engine, altered, .. } = self;
        wait("the process to stop", process.stop()).await;
        Self { altered, ..Self::begin(text, engine, clock, folder, log).await }
    }

    /// Ends the process, lets `change` modify its data, and starts another one with the same folder, settings and instant.
    pub async fn restart_on(self, change: impl AsyncFnOnce(&Engine, &Path)) -> Self {
        let Self { process, clock, folder, log, text, engine, .. } = self;
        process.stop().await;
        change(&engine, folder.path()).await;
        Self { altered: true.into(), ..Self::begin(text, engine, clock, folder, log).await }
    }

    async fn begin(text: String, engine: Engine, clock: Clock, folder: TempDir, log: Log) -> Self {
        let services = koine::services();
        let sections = services.iter().filter_map(Service::section).collect();
        let config = Config::parse(&text, sections).unwrap_or_else(|error| panic!("{error:?}"));
        let process = wait("the process to start", Process::start(config, clock.clone(), services)).await;
        let process = process.unwrap_or_else(|error| panic!("{error:?}"));
        let address = process.listen().await.expect("a free port");
        Self { process, clock, folder, address, http: Http::new(address), log, text, engine, altered: false.into() }
    }

    /// Ends the world. Panics where a fact was not handled, a task did not end, or an error was logged.
    pub async fn end(self) {
        self.settle().await;
        let Self { process, log, engine, altered, .. } = self;
        wait("the process to stop", process.stop()).await;
        let errors = log.take_errors();
        assert!(errors.is_empty(), "the log has errors: {errors:#?}");
        let late = log.find("cut off");
        assert!(late.is_empty(), "tasks live on: {late:#?}");
        if !altered.into_inner() {
            wait("the databases to be emptied", engine.give_back()).await;
        }
    }

    /// Removes and returns the error lines of the log, where the test expects them.
    pub fn expected_errors(&self) -> Vec<String> {
        self.log.take_errors()
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

impl Builder {
    /// Sets the clock to an instant: `2022-10-10T09:00:00[Europe/Rome]`.
    #[must_use]
    pub fn at(mut self, start: &str) -> Self {
        self.start = instant(start);
        self
    }

    /// Sets the clock to what it is, for what asks programs that know no other.
    #[must_use]
    pub fn now(mut self) -> Self {
        self.start = Clock::system().now();
        self
    }

    /// Adds settings, as TOML.
    #[must_use]
    pub fn settings(mut self, text: &str) -> Self {
        self.settings.push_str(text);
        self
    }

    /// The tenants of the world.
    pub fn tenants(&self) -> &[String] {
        &self.tenants
    }

    /// Starts the world.
    pub async fn start(self) -> World {
        let log = Log::listen();
        let clock = Clock::held(self.start);
        let data = self.folder.path().join("data");
        let engine = Engine::new(&data);
        let text = format!(
            "{store}[process]\ndata = {data:?}\naddress = \"127.0.0.1:0\"\ndrain_seconds = 5\n[tenants]\ndir = {dir:?}\n\
             [blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n{more}",
            store = engine.settings(),
            dir = self.folder.path().join("tenants"),
            blobs = data.join("blobs"),
            mail = data.join("mail"),
            more = self.settings,
        );
        World::begin(text, engine, clock, self.folder, log).await
    }
}

//! What the tests of this crate share: a country, a clock that stands still, callers, and a store in a temporary folder.

use std::{fs, net::IpAddr, sync::Arc};

use jiff::Timestamp;
use platform::{
    Caller, Clock, Ctx, Id, Ids, Member, Store, Tenant, Tenants,
    event::{self, Bus, Dispatcher, Handlers},
    mail::{self, Mailer},
    secret::Keys,
    store::{Budget, Engine},
    subject::Subjects,
    tenant::{SectionKind, parse},
    testing,
    token::{self, Signer},
};
use proto::options::v1::Role;
use tempfile::TempDir;
use tonic::Request;

use crate::{
    Settings,
    account::{Account, api::Accounts, factor::Held, tests::account},
    across,
    class::{
        application::{self, Application, Draft, IntegrationMode, TeamType},
        team::{Admission, Code, Credential, Team},
        track::{Call, Track},
    },
    country::{Country, Level},
    holdings,
    mandate::{self, Mandate},
    password::{hasher::Hasher, throttle::Throttle},
    school::{self, Import, School, register::SchoolRecord},
    session::{self, Entry, Lifetime, Proof, Session, Tokens, api::Sessions, provider::Remote},
};

mod even;

/// The environment of a test.
pub(crate) struct Ground {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    ids: Ids,
    store: Option<Store>,
    tenants: Tenants,
    folder: TempDir,
}

const HEAD: &str = "kind = 'country'\nname = 'Testlandia'\nzone = 'Europe/Rome'\n";
const SECTION: &str = "[identity]\nnuts = ['IT']\nwords = { forbidden = ['asoc', 'opencoesione'] }\n\
    [identity.schools]\ncode = '[A-Z]{4}\\d{5}[A-Z0-9]'\nlevels = [{ matches = '.', level = 'upper_secondary' }]\n\
    columns = { code = 'code', name = 'name', level = 'level', territory = 'territory' }\n";

impl Ground {
    /// Without a database.
    pub(crate) fn without_store() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("tenants");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("it.toml"), format!("{HEAD}locales = ['it', 'en']\n{SECTION}")).unwrap();
        let (tenants, faults) = Tenants::load(files, vec![SectionKind::of::<Country>()]);
        assert_eq!(faults, []);
        let clock = Clock::held("2022-10-03T08:00:00Z".parse::<Timestamp>().unwrap());
        let (ids, keys) = (Ids::new(clock.clone()), Keys::random().unwrap());
        Self { tenant: tenants.get("it").unwrap(), clock, keys, ids, store: None, tenants, folder }
    }

    /// Without a database, in a country whose table `[identity.vouching]` has this text.
    pub(crate) fn vouching(text: &str) -> Self {
        let text = format!("{HEAD}locales = ['it', 'en']\n{SECTION}[identity.vouching]\n{text}\n");
        let tenant = parse(&"it".parse().unwrap(), &text, &[SectionKind::of::<Country>()]).unwrap();
        Self { tenant: Arc::new(tenant), ..Self::without_store() }
    }

    /// With a database that has the schema of identity.
    pub(crate) fn new() -> Self {
        let mut ground = Self::without_store();
        let engine = Engine::Sqlite(ground.folder.path().join("data"));
        let schema = |service, database| -> futures::future::BoxFuture<'static, _> {
            Box::pin(async move { migrations::up(service, &database).await })
        };
        ground.store = Some(Store::new("identity", engine, Budget::new(8), ground.keys.clone(), Some(schema)));
        ground
    }

    /// A tenant whose file has this text in its head.
    pub(crate) fn tenant_of(head: &str) -> Arc<Tenant> {
        let text = format!("{HEAD}{head}\n{SECTION}");
        Arc::new(parse(&"it".parse().unwrap(), &text, &[SectionKind::of::<Country>()]).unwrap())
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// A context of an anonymous caller.
    pub(crate) fn anybody(&self) -> Ctx {
        self.ctx(Caller::Anonymous)
    }

    /// A context of an anonymous caller with a network address.
    pub(crate) fn from(&self, address: &str) -> Ctx {
        let address: IpAddr = address.parse().unwrap();
        testing::ctx_from(&self.tenant, Caller::Anonymous, &self.clock, &self.ids, address)
    }

    /// A context of an account, in a session that does not exist.
    pub(crate) fn member(&self, account: &Account) -> Ctx {
        self.member_in(account, self.ids.next())
    }

    /// A context of an account, in a session.
    pub(crate) fn member_in(&self, account: &Account, session: Id<Session>) -> Ctx {
        self.ctx(Caller::Member(Member {
            account: account.id().uuid(),
            session: session.uuid(),
            roles: vec![if account.team().is_some() { Role::Team } else { Role::Teacher }],
            mandate: None,
            bound: platform::Bound::default(),
            scopes: None,
            acts_for: account.team().map(Id::uuid),
            home: None,
            lacks: None,
            is_half: false,
        }))
    }

    /// A context in another tenant.
    pub(crate) fn ctx_in(&self, tenant: &str, caller: Caller) -> Ctx {
        testing::ctx(&self.tenants.get(tenant).unwrap(), caller, &self.clock, &self.ids)
    }

    /// A context of an anonymous caller, where the country says that these roles need a second factor.
    pub(crate) fn needing_factors(&self, roles: &[&str]) -> Ctx {
        let text =
            format!("{HEAD}locales = ['it', 'en']\n{SECTION}[identity.second_factor]\nrequired_for = {roles:?}\n");
        fs::write(self.folder.path().join("tenants/it.toml"), text).unwrap();
        assert_eq!(self.tenants.reload(), []);
        self.ctx_in("it", Caller::Anonymous)
    }

    /// Adds a programme of Italy and Croatia with this area.
    pub(crate) fn add_programme(&self, name: &str, area: &str) {
        let text = format!(
            "kind = 'programme'\nname = 'Test'\nzone = 'Europe/Rome'\nlocales = ['en']\ncountries = ['it', 'hr']\n\
             cci = ['2014TC16RFCB042']\n[identity]\nnuts = ['{area}']\n"
        );
        fs::write(self.folder.path().join(format!("tenants/{name}.toml")), text).unwrap();
        assert_eq!(self.tenants.reload(), []);
    }

    /// The tenants.
    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// A store that cannot open the database of a tenant.
    pub(crate) async fn without_data(&self, tenant: &str) -> Store {
        self.store().close().await;
        let data = self.folder.path().join("data");
        fs::remove_dir_all(data.join(tenant)).unwrap();
        fs::create_dir_all(data.join(tenant).join("identity.db")).unwrap();
        Store::new("identity", Engine::Sqlite(data), Budget::new(8), self.keys.clone(), None)
    }

    pub(crate) fn ctx(&self, caller: Caller) -> Ctx {
        testing::ctx(&self.tenant, caller, &self.clock, &self.ids)
    }

    /// A teacher, who signs in with `login` and [`PASSWORD`].
    pub(crate) async fn teacher(&self, login: &str) -> Account {
        let password = hasher().hash(PASSWORD).await.unwrap();
        let mut teacher = account(&self.anybody(), login, None, Some(password));
        let tx = self.store().change(&self.anybody()).await.unwrap();
        across::mandating::found(&tx, &mut teacher, Role::Teacher).await.unwrap();
        tx.commit().await.unwrap();
        teacher
    }

    /// A teacher, and a session of theirs.
    pub(crate) async fn signed_in_teacher(&self, login: &str) -> (Account, Session) {
        let teacher = self.teacher(login).await;
        let session = self.session(&teacher).await;
        (teacher, session)
    }

    /// A session of an account, for one hour.
    pub(crate) async fn session(&self, account: &Account) -> Session {
        let tx = self.store().change(&self.anybody()).await.unwrap();
        let mandate = mandate::store::of_account(&tx, account.id()).await.unwrap().remove(0);
        let entry = across::entry::decide(&tx, account, mandate, Proof::Password).await.unwrap();
        let session = Session::open(&self.anybody(), &entry, HOUR);
        session::store::insert(&tx, &session).await.unwrap();
        tx.commit().await.unwrap();
        session
    }

    /// A school that is open, not saved yet.
    pub(crate) fn unsaved_school(&self, code: &str) -> School {
        School { id: self.ids.next(), record: record(code), is_open: true }
    }

    /// A school that is open.
    pub(crate) async fn school(&self, code: &str) -> School {
        let record = record(code);
        let tx = self.store().change(&self.anybody()).await.unwrap();
        let import = Import::plan(tx_ctx(&tx), school::store::all(&tx).await.unwrap(), vec![record]);
        // a register with one school closes all others, which is not intended here
        let import = Import { closed: Vec::new(), ..import };
        school::store::save(&tx, &import).await.unwrap();
        tx.commit().await.unwrap();
        import.created[0].clone()
    }

    /// An application of a teacher's that waits for a decision, not saved yet.
    pub(crate) async fn application(&self, referent: &Account, school: &School) -> (Track, Application) {
        let ctx = self.member(referent);
        let track = Track {
            id: ctx.new_id(),
            edition: ctx.new_id(),
            edition_code: "22-23".to_owned(),
            infix: String::new(),
            levels: vec![Level::UpperSecondary],
            max_team_size: 25,
            max_teams_per_referent: 1,
            authorisation_required: false,
            interreg: false,
            call: Call { opens: ctx.now(), closes: ctx.now() },
        };
        let draft = Draft {
            school: Some(school.id()),
            team_name: "Vedette d'Abruzzo".to_owned(),
            team_type: Some(TeamType::WholeClass),
            classes: vec!["4B".to_owned()],
            team_size: 20,
            motivation: "Il porto".to_owned(),
            integration_mode: Some(IntegrationMode::Ordinary),
            files: Vec::new(),
        };
        let mut application = Application::begin(&ctx, &track, draft).unwrap();
        let db = self.store().read(&ctx).await.unwrap();
        let evidence = across::submission::evidence(&db, &application).await.unwrap();
        application.submit(&ctx, &track, &evidence).unwrap();
        (track, application)
    }

    /// A team of a teacher, as an admission creates it, with its credential.
    pub(crate) async fn team(&self, referent: &Account) -> (Team, Credential) {
        let school = self.school("CHTD007011").await;
        let ctx = self.member(referent);
        let (track, mut application) = self.application(referent, &school).await;
        let admission = Admission {
            edition: track.edition,
            track: track.id,
            is_interreg: track.interreg,
            code: Code::new("22-23", "", 1),
            school: (&school).into(),
        };
        let credential = Credential::issue(&ctx, &self.keys, ctx.new_id()).unwrap();
        let mut team = Team::admit(&ctx, &application, admission, &credential, None);
        let tx = self.store().change(&ctx).await.unwrap();
        application::store::save(&tx, &mut application).await.unwrap();
        across::admission::save(&tx, &mut team).await.unwrap();
        across::credential::replace(&tx, &credential).await.unwrap();
        tx.commit().await.unwrap();
        (team, credential)
    }

    /// The methods on accounts.
    pub(crate) fn accounts(&self) -> Accounts {
        let throttle = Throttle::new(&Settings::default().throttle, &self.clock);
        let (store, keys, peers) = (self.store().clone(), self.keys.clone(), testing::no_peers(&self.clock));
        Accounts { subjects: Subjects::new(store.clone(), holdings), store, keys, hasher: hasher(), throttle, peers }
    }

    /// The methods on sessions.
    pub(crate) fn sessions(&self) -> Sessions {
        let throttle = Throttle::new(&Settings::default().throttle, &self.clock);
        let tokens = Tokens::new(Signer::random().unwrap(), self.keys.clone(), &token::Settings::default());
        let (store, keys, remote) = (self.store().clone(), self.keys.clone(), Remote::new().unwrap());
        let broker = across::providing::Broker { store: store.clone(), keys, remote, public_url: String::new() };
        Sessions { store, tokens, hasher: hasher(), throttle, broker }
    }

    /// Sends mail into a folder of this ground.
    pub(crate) fn mailer(&self) -> Mailer {
        Mailer::new(&mail::Settings { folder: self.folder.path().join("mail"), ..mail::Settings::default() }).unwrap()
    }

    /// The mails sent so far, by their ids, without the line breaks of quoted-printable.
    pub(crate) fn mails(&self) -> Vec<(String, String)> {
        let Ok(files) = fs::read_dir(self.folder.path().join("mail/it")) else { return Vec::new() };
        let mut mails: Vec<_> = files
            .map(|file| {
                let path = file.unwrap().path();
                let text = fs::read_to_string(&path).unwrap().replace("=\r\n", "");
                (path.file_stem().unwrap().to_str().unwrap().to_owned(), text)
            })
            .collect();
        mails.sort();
        mails
    }

    /// The bytes of the mail with an id.
    pub(crate) fn mail(&self, id: uuid::Uuid) -> Vec<u8> {
        fs::read(self.folder.path().join(format!("mail/it/{id}.eml"))).unwrap()
    }

    /// Delivers every waiting fact. Returns how many still wait.
    pub(crate) async fn drain(&self, handlers: Handlers) -> u64 {
        let bus = Bus::new(
            vec![(self.store().clone(), handlers)],
            event::Settings::default(),
            self.clock.clone(),
            self.ids.clone(),
        );
        let store = self.store().clone();
        let dispatcher = Dispatcher::new(store, bus, self.tenants.clone(), self.clock.clone(), self.ids.clone());
        dispatcher.drain().await;
        dispatcher.waiting().await.unwrap()
    }
}

fn record(code: &str) -> SchoolRecord {
    let text = || "text".to_owned();
    SchoolRecord {
        code: code.to_owned(),
        institute_code: text(),
        name: text(),
        institute_name: text(),
        level: Level::UpperSecondary,
        kind: text(),
        municipality: text(),
        municipality_code: text(),
        territory: "ITF14".to_owned(),
        address: text(),
        email: text(),
        domain: String::new(),
    }
}

fn tx_ctx(tx: &platform::Tx) -> &Ctx {
    platform::Reads::ctx(tx)
}

/// Who is let in to a mandate of an account that does not exist.
pub(crate) fn entry(ctx: &Ctx) -> Entry {
    entry_as(ctx, Role::Teacher)
}

/// Who is let in, by the password alone, to a mandate with a role of an account that does not exist.
pub(crate) fn entry_as(ctx: &Ctx, role: Role) -> Entry {
    entered(ctx, Mandate::first(ctx, &account(ctx, "nobody@school.example", None, None), role))
}

/// How long sessions last in tests.
pub(crate) const HOUR: Lifetime =
    Lifetime { family: jiff::SignedDuration::from_hours(1), lacking: jiff::SignedDuration::from_mins(10) };

/// Who is let in to a mandate of a person's, by the password alone.
pub(crate) fn entered(ctx: &Ctx, mandate: Mandate) -> Entry {
    let somebody = account(ctx, "somebody@school.example", None, None);
    Entry::decide(ctx, &somebody, mandate, &Held::of(None), Proof::Password).unwrap()
}

/// The password of the accounts made here.
pub(crate) const PASSWORD: &str = "sette gatti sul tetto";

fn hasher() -> Hasher {
    Hasher::new(&Settings::default().hashing).unwrap()
}

/// A request as a method gets it.
pub(crate) fn request<T>(ctx: &Ctx, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(ctx.clone());
    request
}

/// The reason of a refusal.
pub(crate) fn reason<T>(answer: Result<T, tonic::Status>) -> String {
    use tonic_types::StatusExt;
    match answer {
        Ok(_) => "OK".to_owned(),
        Err(status) => status.get_error_details().error_info().unwrap().reason.clone(),
    }
}

//! What a service has of a person, place by place: for the person, who may ask for all of it.
//!
//! A service declares its places as [`Holding`]s: a table, which of its rows are the person's, the columns that are told, why they are
//! kept and until when. What every service has (its audit log, its operations, its kept answers) is declared here. From the declarations
//! [`Subjects::describe`] reads and [`Subjects::erase`] erases; the service that knows who is who [gathers](gather) the parts of all. A law compares the declarations
//! with the schema, so that no table and no column is forgotten.

use std::{collections::BTreeMap, pin::Pin};

use futures::{Stream, stream};
use proto::subject::v1::{SubjectHolding, SubjectRecord};
use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Alias, Cond, Expr, ExprTrait, Order, Query, SelectStatement},
};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::{
    Ctx, Error, Reads, Result, Store, Tx,
    store::{At, idempotency},
};

mod gather;

pub use gather::{gather, services};

/// The parts of an answer, place by place.
pub type Parts = Pin<Box<dyn Stream<Item = Result<SubjectHolding, Status>> + Send>>;

/// The number of records in one part.
const AT_ONCE: usize = 500;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Id,
    Time,
    Count,
    Number,
    Flag,
}

/// What a column of a person's row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The id of their account.
    Account,
    /// What they sign in with.
    Login,
    /// The words `account` and its id.
    Named,
    /// A text that begins with the id of their account and a slash.
    Behind,
}

/// What becomes of a person's rows when the person is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// They stay: of the person they hold the id alone, or the service erases them by itself.
    Stays,
    /// They are removed.
    Goes,
    /// These texts in them are emptied.
    Emptied(Vec<&'static str>),
}

/// A person: their account, and what they sign in with, where the service knows it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The account.
    pub account: Uuid,
    /// The address they sign in with.
    pub login: Option<&'a str>,
}

/// A place where a service has something of a person.
#[derive(Clone, Debug)]
pub struct Holding {
    table: &'static str,
    whose: Vec<(&'static str, Whose)>,
    told: Vec<(&'static str, Kind)>,
    purpose: &'static str,
    kept_until: String,
    end: End,
}

impl Holding {
    /// A table, why it is kept, and until when. Columns are added by the methods below: the first that is told orders the rows.
    pub fn new(table: &'static str, purpose: &'static str, kept_until: impl Into<String>) -> Self {
        Self { table, whose: Vec::new(), told: Vec::new(), purpose, kept_until: kept_until.into(), end: End::Stays }
    }

    /// Its rows are removed when the person is erased.
    #[must_use]
    pub fn goes(self) -> Self {
        Self { end: End::Goes, ..self }
    }

    /// Some of its texts are emptied when the person is erased.
    #[must_use]
    pub fn emptied<const N: usize>(self, columns: [&'static str; N]) -> Self {
        Self { end: End::Emptied(columns.to_vec()), ..self }
    }

    /// With the rows in which this column is the id of the person's account.
    #[must_use]
    pub fn of_account(self, column: &'static str) -> Self {
        self.of(column, Whose::Account)
    }

    /// With the rows in which this column is the address the person signs in with.
    #[must_use]
    pub fn of_login(self, column: &'static str) -> Self {
        self.of(column, Whose::Login)
    }

    fn of(mut self, column: &'static str, whose: Whose) -> Self {
        self.whose.push((column, whose));
        self
    }

    /// Tells texts.
    #[must_use]
    pub fn texts<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Text)
    }

    /// Tells identifiers.
    #[must_use]
    pub fn ids<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Id)
    }

    /// Tells instants.
    #[must_use]
    pub fn times<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Time)
    }

    /// Tells numbers of 32 bits.
    #[must_use]
    pub fn counts<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Count)
    }

    /// Tells numbers of 64 bits.
    #[must_use]
    pub fn numbers<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Number)
    }

    /// Tells values that are true or false.
    #[must_use]
    pub fn flags<const N: usize>(self, columns: [&'static str; N]) -> Self {
        self.tells(columns, Kind::Flag)
    }

    fn tells<const N: usize>(mut self, columns: [&'static str; N], kind: Kind) -> Self {
        self.told.extend(columns.map(|column| (column, kind)));
        self
    }

    /// The table.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// The columns that are told, and those that say whose a row is.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let whose = self.whose.iter().map(|(column, _)| *column);
        self.told.iter().map(|(column, _)| *column).chain(whose)
    }

    /// The condition for the rows of a person.
    fn theirs(&self, subject: Subject<'_>) -> Cond {
        let mut theirs = Cond::any();
        for (column, whose) in &self.whose {
            let column = Expr::col(Alias::new(*column));
            theirs = match (whose, subject.login) {
                (Whose::Account, _) => theirs.add(column.eq(subject.account)),
                (Whose::Named, _) => theirs.add(column.eq(format!("account {}", subject.account))),
                (Whose::Behind, _) => theirs.add(column.like(format!("{}/%", subject.account))),
                (Whose::Login, Some(login)) => theirs.add(column.eq(login)),
                // nobody has the address of somebody who has none
                (Whose::Login, None) => theirs,
            };
        }
        theirs
    }

    /// Selects what a person has here.
    fn select(&self, subject: Subject<'_>) -> SelectStatement {
        let mut select = Query::select();
        select.columns(self.told.iter().map(|(column, _)| Alias::new(*column))).from(Alias::new(self.table));
        select.cond_where(self.theirs(subject));
        if let Some((first, _)) = self.told.first() {
            select.order_by(Alias::new(*first), Order::Asc);
        }
        select
    }

    fn record(&self, row: &QueryResult) -> Result<SubjectRecord> {
        let mut values = BTreeMap::new();
        for (column, kind) in &self.told {
            let value = match kind {
                Kind::Text => row.try_get::<Option<String>>("", column)?,
                Kind::Id => row.try_get::<Option<Uuid>>("", column)?.map(|id| id.to_string()),
                Kind::Time => row.try_get::<Option<At>>("", column)?.map(|at| at.0.to_string()),
                Kind::Count => row.try_get::<Option<i32>>("", column)?.map(|count| count.to_string()),
                Kind::Number => row.try_get::<Option<i64>>("", column)?.map(|number| number.to_string()),
                Kind::Flag => row.try_get::<Option<bool>>("", column)?.map(|flag| flag.to_string()),
            };
            values.extend(value.filter(|value| !value.is_empty()).map(|value| ((*column).to_owned(), value)));
        }
        Ok(SubjectRecord { values })
    }

    /// Erases what a person has here. Returns how many rows were removed or emptied; None, where they stay.
    async fn erase(&self, tx: &Tx, subject: Subject<'_>) -> Result<Option<i64>> {
        let (backend, table) = (tx.conn().get_database_backend(), Alias::new(self.table));
        let statement = match &self.end {
            End::Stays => return Ok(None),
            End::Goes => backend.build(Query::delete().from_table(table).cond_where(self.theirs(subject))),
            End::Emptied(columns) => {
                let mut update = Query::update();
                update.table(table).values(columns.iter().map(|column| (Alias::new(*column), "".into())));
                backend.build(update.cond_where(self.theirs(subject)))
            }
        };
        let done = tx.conn().execute_raw(statement).await?;
        i64::try_from(done.rows_affected()).map(Some).map_err(Error::internal)
    }

    /// What a person has here, in parts. One that is empty, where it is nothing.
    async fn parts(&self, db: &impl Reads, service: &str, subject: Subject<'_>) -> Result<Vec<SubjectHolding>> {
        let select = db.conn().get_database_backend().build(&self.select(subject));
        let rows = db.conn().query_all_raw(select).await?;
        let records: Vec<_> = rows.iter().map(|row| self.record(row)).collect::<Result<_>>()?;
        let part = |records: &[SubjectRecord]| SubjectHolding {
            place: format!("{service}.{}", self.table),
            purpose: self.purpose.to_owned(),
            kept_until: self.kept_until.clone(),
            records: records.to_vec(),
        };
        if records.is_empty() {
            return Ok(vec![part(&[])]);
        }
        Ok(records.chunks(AT_ONCE).map(part).collect())
    }
}

/// What every service has of a person.
pub fn of_every_service() -> Vec<Holding> {
    let log = "so that it can be found later who did what; an entry holds ids alone";
    let operations = "so that who began something that takes long can ask how far it is";
    let answers = "so that a request that arrives twice is done once; the answers are told by what they are about";
    let mut audit = Holding::new("audit", log, "the end of the tenant: no entry can be taken out of the chain");
    audit = audit.of("actor", Whose::Named).of("subject", Whose::Named);
    let answered = Holding::new("answered", answers, "24 hours after the answer").of("key", Whose::Behind);
    vec![
        audit.numbers(["seq"]).times(["at"]).texts(["actor", "action", "subject", "detail"]),
        Holding::new("operation", operations, "a week after its end")
            .of_account("account")
            .goes()
            .ids(["id"])
            .texts(["state"])
            .times(["started_at", "ended_at"]),
        answered.goes().texts(["key"]).times(["at"]),
    ]
}

/// What a service has of people, for the methods of its `DataSubjectService`. Cheap to clone.
#[derive(Clone)]
pub struct Subjects {
    store: Store,
    own: fn(&Ctx) -> Result<Vec<Holding>>,
}

impl Subjects {
    /// What the service that a store belongs to has; `own` declares what it has besides what every service has.
    pub fn new(store: Store, own: fn(&Ctx) -> Result<Vec<Holding>>) -> Self {
        Self { store, own }
    }

    /// Erases what it has of a person, and notes that it did. Returns how many rows were removed or emptied, by table. Answers that were
    /// given to others and name the person are forgotten too. It can be called again.
    pub async fn erase(&self, tx: &Tx, subject: Subject<'_>) -> Result<BTreeMap<String, i64>> {
        let mut erased = BTreeMap::new();
        for holding in (self.own)(tx.ctx())?.into_iter().chain(of_every_service()) {
            if let Some(rows) = holding.erase(tx, subject).await? {
                erased.insert(holding.table.to_owned(), rows);
            }
        }
        let account = subject.account.to_string();
        for name in subject.login.into_iter().chain([account.as_str()]) {
            *erased.entry("answered".to_owned()).or_default() += idempotency::forget_naming(tx, name).await?;
        }
        tx.note("erase subject", format!("account {account}"), format!("{} rows", erased.values().sum::<i64>()));
        Ok(erased)
    }

    /// Everything that it has of the caller, who signs in with `login`, where the service knows it; and an entry that says so. Error:
    /// `TOKEN_MISSING`.
    pub async fn describe(&self, ctx: &Ctx, login: Option<&str>) -> Result<Response<Parts>> {
        let subject = Subject { account: ctx.member()?.account, login };
        let db = self.store.read(ctx).await?;
        let mut parts = Vec::new();
        for holding in (self.own)(ctx)?.into_iter().chain(of_every_service()) {
            parts.extend(holding.parts(&db, self.store.service(), subject).await?);
        }
        drop(db);
        let tx = self.store.change(ctx).await?;
        let records: usize = parts.iter().map(|part| part.records.len()).sum();
        tx.note("describe subject", format!("account {}", subject.account), format!("{records} records"));
        tx.commit().await?;
        let parts: Parts = Box::pin(stream::iter(parts.into_iter().map(Ok)));
        Ok(Response::new(parts))
    }
}

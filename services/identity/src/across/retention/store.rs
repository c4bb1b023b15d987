//! Finds what the rules delete, and deletes it.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use platform::{Error, Id, Reads, Result, Tx, store::At};
use proto::options::v1::Role;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Alias, Cond, Expr, ExprTrait, Order, Query, SelectStatement},
};
use uuid::Uuid;

use super::{Found, Idle, Patience, Rule, Subject, Verdict};
use crate::{
    account::{self, Account, State, email_change},
    across::mandating,
    class::{
        application,
        file::{self, File},
        team,
        track::{Edition, Track},
    },
    country::Country,
};

mod ends {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::class::track::{Edition, Track};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "track_end")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub track_id: Id<Track>,
        pub edition_id: Id<Edition>,
        pub ends_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod warning {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::Account;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "inactivity_warning")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Id<Account>,
        pub warned_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The number of ids in one statement: both databases bound it.
const AT_ONCE: usize = 1_000;

/// What goes by a rule at an instant, which is now or later.
pub(crate) async fn find(db: &impl Reads, rule: &Rule, at: Timestamp) -> Result<Found> {
    let before = at.checked_sub(rule.kept(db.ctx().tenant().section::<Country>()?)).map_err(Error::internal)?;
    let mut due = Vec::new();
    for (table, which) in rows(rule.subject, at, before) {
        due.push((table, ids(db, table, which).await?));
    }
    match rule.subject {
        Subject::Accounts => return accounts(db, at).await,
        Subject::Drafts => {
            let drafts = due.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
            due.push(("file", unnamed(db, before, &drafts).await?));
        }
        Subject::Documents => due.push(("file", documents(db, before).await?)),
        Subject::Waiting | Subject::Invited => {}
    }
    due.retain(|(_, ids)| !ids.is_empty());
    Ok(Found { due, ..Found::default() })
}

/// The tables whose rows are found by their own columns, each with the condition.
fn rows(subject: Subject, at: Timestamp, before: Timestamp) -> Vec<(&'static str, Cond)> {
    let older = |name| Expr::col(Alias::new(name)).lt(At(before));
    let is_empty = |name| Expr::col(Alias::new(name)).is_null();
    match subject {
        Subject::Waiting => {
            // what can still be taken back stays, as the letter promises
            let regretted = Expr::col(Alias::new("redeemed_at")).lt(At(at - email_change::REGRET));
            vec![
                ("registration", Cond::all().add(older("registered_at"))),
                ("recovery", Cond::all().add(older("issued_at"))),
                ("school_letter", Cond::all().add(older("issued_at"))),
                ("email_change", Cond::all().add(older("asked_at")).add(is_empty("redeemed_at").or(regretted))),
            ]
        }
        Subject::Drafts => {
            let counted = Expr::col(Alias::new("changed_at")).ne(0);
            vec![("application", Cond::all().add(is_empty("submitted_at")).add(counted).add(older("changed_at")))]
        }
        Subject::Invited => {
            let ended = ["expires_at", "accepted_at", "revoked_at"].map(older);
            let ended = ended.into_iter().fold(Cond::any(), Cond::add);
            vec![("invitation", Cond::all().add(Expr::col(Alias::new("email")).ne("")).add(ended))]
        }
        Subject::Documents | Subject::Accounts => Vec::new(),
    }
}

async fn ids(db: &impl Reads, table: &'static str, which: Cond) -> Result<Vec<Uuid>> {
    let id = Alias::new("id");
    let select = Query::select().column(id.clone()).from(Alias::new(table)).cond_where(which).take();
    let rows = db.conn().query_all(&select.clone().order_by(id, Order::Asc).take()).await?;
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

/// The files that were uploaded before an instant and that no team and no application names but some that go.
async fn unnamed(db: &impl Reads, before: Timestamp, going: &HashSet<Uuid>) -> Result<Vec<Uuid>> {
    let mut old: BTreeSet<_> = file::store::uploaded_before(db, before).await?.into_iter().collect();
    let namings = if old.is_empty() { Vec::new() } else { application::store::namings(db).await? };
    let staying = namings.iter().filter(|naming| !going.contains(&naming.id.uuid()));
    let named: HashSet<_> = staying.flat_map(|naming| &naming.files).collect();
    old.retain(|file| !named.contains(file));
    unworn(db, old).await
}

/// The documents of applications that were submitted in an edition that ended before an instant. One that another application names too
/// stays as long as it is the document of that one.
async fn documents(db: &impl Reads, before: Timestamp) -> Result<Vec<Uuid>> {
    let over = over(db, before).await?;
    let namings = if over.is_empty() { Vec::new() } else { application::store::namings(db).await? };
    let goes = |one: &application::store::Naming| one.is_submitted && over.contains(&one.edition);
    let (going, staying): (Vec<_>, Vec<_>) = namings.into_iter().partition(goes);
    let named: HashSet<_> = staying.iter().flat_map(|one| &one.files).collect();
    let found: BTreeSet<_> = going.into_iter().flat_map(|one| one.files).filter(|file| !named.contains(file)).collect();
    let mut there = BTreeSet::new();
    for some in found.into_iter().collect::<Vec<_>>().chunks(AT_ONCE) {
        there.extend(file::store::find_all(db, some).await?.iter().map(File::id));
    }
    unworn(db, there).await
}

/// Those of some files that are no team's logo.
async fn unworn(db: &impl Reads, mut files: BTreeSet<Id<File>>) -> Result<Vec<Uuid>> {
    if !files.is_empty() {
        let logos: HashSet<_> = team::store::logos(db).await?.into_iter().collect();
        files.retain(|file| !logos.contains(file));
    }
    Ok(files.into_iter().map(Id::uuid).collect())
}

/// The editions whose last calendar ended before an instant.
async fn over(db: &impl Reads, before: Timestamp) -> Result<HashSet<Id<Edition>>> {
    let (mut over, mut going_on) = (HashSet::new(), HashSet::new());
    for end in ends::Entity::find().all(db.conn()).await? {
        if end.ends_at.0 < before { &mut over } else { &mut going_on }.insert(end.edition_id);
    }
    Ok(&over - &going_on)
}

/// Deletes what was found of a place. Returns the places of the bytes that go with it.
pub(crate) async fn delete(
    tx: &Tx,
    rule: &Rule,
    (table, found): &(&'static str, Vec<Uuid>),
    at: Timestamp,
) -> Result<Vec<String>> {
    let before = at.checked_sub(rule.kept(tx.ctx().tenant().section::<Country>()?)).map_err(Error::internal)?;
    let mut places = Vec::new();
    for some in found.chunks(AT_ONCE) {
        if *table == "file" {
            places.extend(file::store::remove(tx, some.iter().map(|id| Id::from(*id))).await?);
        }
        let these = Expr::col(Alias::new("id")).is_in(some.iter().copied());
        // asked again: what was changed meanwhile stays
        let still = rows(rule.subject, at, before).into_iter().find(|(of, _)| of == table).map(|(_, which)| which);
        let Some(still) = still else { continue };
        let (these, table) = (still.add(these), Alias::new(*table));
        if rule.subject == Subject::Invited {
            let email = (Alias::new("email"), "".into());
            tx.conn().execute(Query::update().table(table).values([email]).cond_where(these)).await?;
        } else {
            tx.conn().execute(Query::delete().from_table(table).cond_where(these)).await?;
        }
    }
    Ok(places)
}

/// What becomes of the accounts that nobody signs in to, the one that was seen longest ago first.
async fn accounts(db: &impl Reads, at: Timestamp) -> Result<Found> {
    let (patience, now) = (Patience::of(db.ctx())?, db.ctx().now());
    let mut coordinators = mandating::able(db, Role::Coordinator).await?;
    let (mut found, mut ends) = (Found::default(), Vec::new());
    for idle in idle(db, at, None).await? {
        let id = idle.account.id();
        match idle.judge(patience, now, at, &coordinators) {
            Verdict::Waits => {}
            Verdict::Warn => found.warned.push(id),
            Verdict::Kept(obstacle) => found.kept.push((id, obstacle)),
            Verdict::Ends => {
                coordinators.retain(|one| *one != id);
                ends.push(id.uuid());
            }
        }
    }
    found.due.extend((!ends.is_empty()).then_some(("account", ends)));
    Ok(found)
}

/// The accounts of people that nobody has signed in to for so long, at an instant, that their owners are told; the one that was seen
/// longest ago first. With `only`, that account alone, if it is one.
pub(crate) async fn idle(db: &impl Reads, at: Timestamp, only: Option<Id<Account>>) -> Result<Vec<Idle>> {
    let mut since = unseen(db, Patience::of(db.ctx())?.recent(at)?, only).await?;
    let ids: Vec<_> = since.keys().copied().collect();
    let ends: HashMap<Id<Track>, _> =
        ends::Entity::find().all(db.conn()).await?.into_iter().map(|end| (end.track_id, end.ends_at.0)).collect();
    let mut found = Vec::new();
    for some in ids.chunks(AT_ONCE) {
        later(&mut since, seen(db, signed_in(), some).await?);
        later(&mut since, seen(db, by_machine(), some).await?);
        let warned = warning::Entity::find().filter(warning::Column::AccountId.is_in(some.iter().copied()));
        let warned: HashMap<_, _> =
            warned.all(db.conn()).await?.into_iter().map(|row| (row.account_id, row.warned_at.0)).collect();
        let led = team::store::led_by(db, some.iter().copied()).await?;
        for account in account::store::all(db, some.iter().copied()).await? {
            let teams = led.iter().filter(|(referent, ..)| *referent == account.id());
            let teams = teams.map(|(_, team, track)| (*team, ends.get(track).copied())).collect();
            let left = if let State::Left { at } = account.state() { Some(*at) } else { None };
            let since = since.get(&account.id()).copied().max(left).unwrap_or(at);
            found.push(Idle { warned: warned.get(&account.id()).copied(), account, since, teams });
        }
    }
    found.sort_by_key(|idle| (idle.since, idle.account.id()));
    Ok(found)
}

/// Accounts of people that are older than an instant and were not used since, with when each began.
async fn unseen(
    db: &impl Reads,
    recent: Timestamp,
    only: Option<Id<Account>>,
) -> Result<HashMap<Id<Account>, Timestamp>> {
    let mut select = Query::select().columns(["id", "created_at"].map(Alias::new)).from(Alias::new("account")).take();
    select.and_where(Expr::col(Alias::new("kind")).ne("team"));
    select.and_where(Expr::col(Alias::new("state")).ne("erased"));
    select.and_where(Expr::col(Alias::new("created_at")).lt(At(recent)));
    select.and_where_option(only.map(|only| Expr::col(Alias::new("id")).eq(only.uuid())));
    for (mut used, at) in [signed_in(), by_machine()] {
        used.column(Alias::new("account_id")).and_where(Expr::col(Alias::new(at)).gte(At(recent)));
        select.and_where(Expr::col(Alias::new("id")).not_in_subquery(used));
    }
    let rows = db.conn().query_all(&select).await?;
    let row = |row: &sea_orm::QueryResult| {
        let (id, At(at)) = (row.try_get::<Uuid>("", "id")?, row.try_get::<At>("", "created_at")?);
        Ok((Id::from(id), at))
    };
    rows.iter().map(row).collect()
}

/// Where it is known when the owner of an account was last seen, and the column that says it.
fn signed_in() -> (SelectStatement, &'static str) {
    (Query::select().from(Alias::new("session")).take(), "last_used_at")
}

/// [`signed_in`] of the machines that the owner looks after.
fn by_machine() -> (SelectStatement, &'static str) {
    let [token, system] = ["machine_token", "integrator"].map(Alias::new);
    let same = Expr::col((system.clone(), Alias::new("id"))).equals((token.clone(), Alias::new("integrator_id")));
    (Query::select().from(token).inner_join(system, same).take(), "last_used_at")
}

/// When the owners of some accounts were last seen.
async fn seen(
    db: &impl Reads,
    (mut used, at): (SelectStatement, &'static str),
    accounts: &[Id<Account>],
) -> Result<Vec<(Id<Account>, Timestamp)>> {
    let account = Alias::new("account_id");
    used.column(account.clone()).expr_as(Expr::col(Alias::new(at)).max(), Alias::new("seen"));
    used.and_where(Expr::col(account.clone()).is_in(accounts.iter().map(|id| id.uuid())));
    used.and_where(Expr::col(Alias::new(at)).is_not_null());
    let rows = db.conn().query_all(used.add_group_by([Expr::col(account)])).await?;
    let row = |row: &sea_orm::QueryResult| {
        let (id, At(at)) = (row.try_get::<Uuid>("", "account_id")?, row.try_get::<At>("", "seen")?);
        Ok((Id::from(id), at))
    };
    rows.iter().map(row).collect()
}

fn later(since: &mut HashMap<Id<Account>, Timestamp>, seen: Vec<(Id<Account>, Timestamp)>) {
    for (account, at) in seen {
        since.entry(account).and_modify(|since| *since = at.max(*since)).or_insert(at);
    }
}

/// Notes that the owner of an account is told now.
pub(crate) async fn warn(tx: &Tx, account: Id<Account>) -> Result<()> {
    warning::Entity::delete_by_id(account).exec(tx.conn()).await?;
    let row = warning::Model { account_id: account, warned_at: At(tx.ctx().now()) };
    warning::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Keeps when the calendars of an edition end.
pub(crate) async fn set_ends(tx: &Tx, edition: Id<Edition>, ends: Vec<(Id<Track>, Timestamp)>) -> Result<()> {
    let before = ends::Entity::delete_many().filter(ends::Column::EditionId.eq(edition));
    before.exec(tx.conn()).await?;
    let row = |(track_id, at)| ends::Model { track_id, edition_id: edition, ends_at: At(at) }.into_active_model();
    ends::Entity::insert_many(ends.into_iter().map(row)).exec_without_returning(tx.conn()).await?;
    Ok(())
}

//! Accounts and registrations as rows.

use jiff::Timestamp;
use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, SelectStatement},
};

use super::{Account, Login, Person, Registration, State, TeamId, code::invalid, folded};
use crate::{password::hasher::Hash, school::School};

pub(super) mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::{Account, TeamId},
        school::School,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Account>,
        pub version: i64,
        pub login: String,
        pub kind: String,
        pub given_name: String,
        pub surname: String,
        pub surname_folded: String,
        pub subject_area: String,
        pub locale: String,
        pub school_id: Option<Id<School>>,
        pub team_id: Option<TeamId>,
        pub password: Option<String>,
        pub created_at: At,
        pub state: String,
        pub facts: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod registration {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, Registration};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "registration")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Registration>,
        pub login: String,
        pub password: String,
        pub given_name: String,
        pub surname: String,
        pub subject_area: String,
        pub locale: String,
        pub registered_at: At,
        pub expires_at: At,
        pub left_id: Option<Id<Account>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The account. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Account>) -> Result<Account> {
    find(db, id).await?.ok_or_else(|| Error::not_found("account"))
}

/// The account, if there is one.
pub(crate) async fn find(db: &impl Reads, id: Id<Account>) -> Result<Option<Account>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(account).transpose()
}

/// The account of a person. Error: not found; so is the account that pupils share.
pub(crate) async fn person(db: &impl Reads, id: Id<Account>) -> Result<Account> {
    get_person(find(db, id).await?)
}

/// [`person`], and locks the account until the transaction ends.
pub(crate) async fn person_to_change(tx: &Tx, id: Id<Account>) -> Result<Account> {
    get_person(find_to_change(tx, id).await?)
}

fn get_person(found: Option<Account>) -> Result<Account> {
    found.filter(|account| account.team().is_none()).ok_or_else(|| Error::not_found("account"))
}

/// [`find`], and locks the account until the transaction ends.
pub(crate) async fn find_to_change(tx: &Tx, id: Id<Account>) -> Result<Option<Account>> {
    row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?.map(account).transpose()
}

/// The account with this login, if there is one.
pub(crate) async fn by_login(db: &impl Reads, login: &Login) -> Result<Option<Account>> {
    let query = row::Entity::find().filter(row::Column::Login.eq(login.as_str()));
    query.one(db.conn()).await?.map(account).transpose()
}

/// The accounts with these ids, in no order.
pub(crate) async fn all(db: &impl Reads, ids: impl IntoIterator<Item = Id<Account>>) -> Result<Vec<Account>> {
    let rows = row::Entity::find().filter(row::Column::Id.is_in(ids)).all(db.conn()).await?;
    rows.into_iter().map(account).collect()
}

/// Those of some accounts whose owners can sign in, in the order of their ids.
pub(crate) async fn living_among(
    db: &impl Reads,
    ids: impl IntoIterator<Item = Id<Account>>,
) -> Result<Vec<Id<Account>>> {
    let query = row::Entity::find().select_only().column(row::Column::Id).filter(row::Column::Id.is_in(ids));
    let living = query.filter(row::Column::State.eq(State::Living.name()));
    Ok(living.order_by_asc(row::Column::Id).into_tuple().all(db.conn()).await?)
}

/// The persons of a school with this surname who can sign in, at most `most`. `among` are queries for ids of accounts: a person is in all of
/// them.
pub(crate) async fn namesakes(
    db: &impl Reads,
    (surname, school): (&str, Id<School>),
    among: Vec<SelectStatement>,
    most: usize,
) -> Result<Vec<Account>> {
    let among = among.into_iter().fold(Condition::all(), |all, ids| all.add(row::Column::Id.in_subquery(ids)));
    let rows = row::Entity::find()
        .filter(among)
        .filter(row::Column::Kind.ne(TEAM))
        .filter(row::Column::SurnameFolded.eq(folded(surname)))
        .filter(row::Column::SchoolId.eq(school))
        .filter(row::Column::State.eq(State::Living.name()))
        .order_by_asc(row::Column::GivenName)
        .order_by_asc(row::Column::Id)
        .limit(u64::try_from(most).unwrap_or(u64::MAX))
        .all(db.conn())
        .await?;
    rows.into_iter().map(account).collect()
}

/// The account that the pupils of a team share. Error: not found.
pub(crate) async fn of_team(db: &impl Reads, team: TeamId) -> Result<Account> {
    let query = row::Entity::find().filter(row::Column::TeamId.eq(team));
    query.one(db.conn()).await?.map(account).transpose()?.ok_or_else(|| Error::not_found("account"))
}

/// Inserts a new account, or saves the next version of one that was read. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, account: &mut Account) -> Result<()> {
    account.version += 1;
    tx.save(row_of(account)?.into_active_model().reset_all()).await
}

/// Locks an account as it was read until the transaction ends. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn lock(tx: &Tx, account: &Account) -> Result<()> {
    let held = row::Entity::update_many()
        .col_expr(row::Column::Version, Expr::value(account.version))
        .filter(row::Column::Id.eq(account.id))
        .filter(row::Column::Version.eq(account.version))
        .exec(tx.conn())
        .await?;
    tx.saved(held, account.version)
}

fn row_of(account: &Account) -> Result<row::Model> {
    let Person { given_name, surname, subject_area, locale } = account.person.clone();
    Ok(row::Model {
        id: account.id,
        version: account.version,
        login: account.login.to_string(),
        kind: if account.team.is_some() { TEAM } else { PERSON }.to_owned(),
        surname_folded: folded(&surname),
        given_name,
        surname,
        subject_area,
        locale,
        school_id: account.school,
        team_id: account.team,
        password: account.password.as_ref().map(|hash| hash.as_str().to_owned()),
        created_at: account.created_at.into(),
        state: account.state.name().to_owned(),
        facts: to_text(&account.state)?,
    })
}

fn account(row: row::Model) -> Result<Account> {
    Ok(Account {
        id: row.id,
        version: row.version,
        login: Login(row.login),
        team: row.team_id,
        person: Person {
            given_name: row.given_name,
            surname: row.surname,
            subject_area: row.subject_area,
            locale: row.locale,
        },
        school: row.school_id,
        password: row.password.map(Hash::stored),
        state: of_text(&row.facts)?,
        created_at: row.created_at.0,
    })
}

/// The word for an account that a team shares.
const TEAM: &str = "team";
/// The word for a person's account, one of two that the table takes. Which of them a row has says nothing: mandates do.
const PERSON: &str = "teacher";

/// Inserts a registration.
pub(crate) async fn register(tx: &Tx, new: &Registration) -> Result<()> {
    let Person { given_name, surname, subject_area, locale } = new.person.clone();
    let row = registration::Model {
        id: new.id,
        login: new.login.to_string(),
        password: new.password.as_str().to_owned(),
        given_name,
        surname,
        subject_area,
        locale,
        registered_at: new.registered_at.into(),
        expires_at: new.expires_at.into(),
        left_id: None,
    };
    registration::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Lets the code of a registration be valid until an instant: that in the letters of before, too.
pub(crate) async fn extend(tx: &Tx, id: Id<Registration>, until: Timestamp) -> Result<()> {
    registration::Entity::update_many()
        .col_expr(registration::Column::ExpiresAt, Expr::value(At(until)))
        .filter(registration::Column::Id.eq(id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// The registration with this id, if it still waits.
pub(crate) async fn registration(db: &impl Reads, id: Id<Registration>) -> Result<Option<Registration>> {
    Ok(registration::Entity::find_by_id(id).one(db.conn()).await?.map(registration_of))
}

/// The latest registration with this address.
#[cfg(test)]
pub(crate) async fn last_registration(db: &impl Reads, login: &Login) -> Result<Option<Registration>> {
    let query = registration::Entity::find().filter(registration::Column::Login.eq(login.as_str()));
    let last = query.order_by_desc(registration::Column::RegisteredAt).order_by_desc(registration::Column::Id);
    Ok(last.one(db.conn()).await?.map(registration_of))
}

/// The registration with this address, where there is exactly one. Of two, one may be a stranger's.
pub(crate) async fn only_registration(db: &impl Reads, login: &Login) -> Result<Option<Registration>> {
    let query = registration::Entity::find().filter(registration::Column::Login.eq(login.as_str()));
    let mut waiting = query.limit(2).all(db.conn()).await?;
    Ok(if waiting.len() == 1 { waiting.pop().map(registration_of) } else { None })
}

/// Deletes a registration that was used, and all others with its address. Error: `CODE_INVALID`, where another call used it first.
pub(crate) async fn settle(tx: &Tx, used: &Registration) -> Result<()> {
    let gone = registration::Entity::delete_by_id(used.id).exec(tx.conn()).await?;
    if gone.rows_affected != 1 {
        return Err(invalid());
    }
    forget_registrations(tx, &used.login).await
}

/// Deletes the registrations with an address.
pub(crate) async fn forget_registrations(tx: &Tx, login: &Login) -> Result<()> {
    let theirs = registration::Entity::delete_many().filter(registration::Column::Login.eq(login.as_str()));
    theirs.exec(tx.conn()).await?;
    Ok(())
}

/// Says of the registrations with an address whose it was: its owner leaves, and their account forgets it.
pub(crate) async fn keep_owner(tx: &Tx, address: &Login, owner: Id<Account>) -> Result<()> {
    let theirs = registration::Entity::update_many().col_expr(registration::Column::LeftId, Expr::value(owner));
    theirs.filter(registration::Column::Login.eq(address.as_str())).exec(tx.conn()).await?;
    Ok(())
}

fn registration_of(row: registration::Model) -> Registration {
    Registration {
        id: row.id,
        login: Login(row.login),
        password: Hash::stored(row.password),
        person: Person {
            given_name: row.given_name,
            surname: row.surname,
            subject_area: row.subject_area,
            locale: row.locale,
        },
        registered_at: row.registered_at.0,
        expires_at: row.expires_at.0,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::{Ctx, error::Shared};

    use super::*;
    use crate::{
        account::{Form, tests},
        reason::Reason,
        testing::Ground,
    };

    async fn saved(
        ground: &Ground,
        login: &str,
        team: Option<TeamId>,
        surname: &str,
        school: Option<Id<School>>,
    ) -> Account {
        let ctx = ground.anybody();
        let mut account = tests::account(&ctx, login, team, Some(Hash::stored("$".to_owned())));
        account.person.surname = surname.to_owned();
        account.school = school;
        let tx = ground.store().change(&ctx).await.unwrap();
        save(&tx, &mut account).await.unwrap();
        tx.commit().await.unwrap();
        account
    }

    async fn waiting(ground: &Ground, ctx: &Ctx, login: &str) -> Registration {
        let form = Form { login: Login::of(login), password: String::new(), person: Person::default() };
        let new = Registration::new(ctx, form, Hash::stored("$".to_owned()), SignedDuration::from_hours(48));
        let tx = ground.store().change(ctx).await.unwrap();
        register(&tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        new
    }

    #[tokio::test]
    async fn an_account_reads_as_it_was_saved() {
        let ground = Ground::new();
        let school = ground.school("CHTD007011").await;
        let teacher = saved(&ground, "ana@school.example", None, "Šimić", Some(school.id())).await;
        let team = saved(&ground, "22-23_0001", Some(ground.anybody().new_id()), "", None).await;
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        for account in [teacher, team] {
            assert_eq!(get(&db, account.id).await.unwrap(), account);
            assert_eq!(by_login(&db, &account.login).await.unwrap(), Some(account));
        }
    }

    #[tokio::test]
    async fn a_state_reads_as_it_was_saved_and_who_cannot_sign_in_is_not_found() {
        let ground = Ground::new();
        let school = ground.school("CHTD007011").await.id();
        let teacher = saved(&ground, "t@school.example", None, "Horvat", Some(school)).await;
        let other = saved(&ground, "c@school.example", None, "Horvat", None).await;
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let living = async || living_among(&tx, [other.id, teacher.id]).await.unwrap();
        assert_eq!(namesakes(&tx, ("horvat", school), Vec::new(), 10).await.unwrap().len(), 1);
        assert_eq!(living().await, [teacher.id, other.id]);
        let mut locked = teacher.clone();
        locked.state = State::Locked { at: ctx.now(), by: ctx.new_id(), reason: "{lost".to_owned() };
        save(&tx, &mut locked).await.unwrap();
        assert_eq!(get(&tx, teacher.id).await.unwrap(), locked);
        assert_eq!(namesakes(&tx, ("horvat", school), Vec::new(), 10).await.unwrap(), []);
        assert_eq!(living().await, [other.id]);
    }

    #[tokio::test]
    async fn two_accounts_cannot_have_one_login() {
        let ground = Ground::new();
        saved(&ground, "ana@school.example", None, "Horvat", None).await;
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let twice = save(&tx, &mut tests::account(&ctx, "Ana@School.Example", None, None)).await;
        assert!(twice.is_err_and(|error| error.is(Shared::EtagStale)));
    }

    #[tokio::test]
    async fn only_who_read_the_last_version_can_save() {
        let ground = Ground::new();
        let mut first = saved(&ground, "ana@school.example", None, "Horvat", None).await;
        let mut second = first.clone();
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        save(&tx, &mut first).await.unwrap();
        assert!(save(&tx, &mut second).await.is_err_and(|error| error.is(Shared::EtagStale)));
    }

    #[tokio::test]
    async fn persons_are_found_by_the_whole_surname_at_their_school() {
        let ground = Ground::new();
        let (here, there) = (ground.school("CHTD007011").await.id(), ground.school("RMPS00101X").await.id());
        let found = saved(&ground, "a@school.example", None, "D’Angelo-Šimić", Some(here)).await;
        saved(&ground, "b@school.example", None, "D'Angelo", Some(here)).await;
        saved(&ground, "c@school.example", None, "Dangelo Simic", Some(there)).await;
        saved(&ground, "22-23_0001", Some(ground.anybody().new_id()), "Dangelo Simic", Some(here)).await;
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        assert_eq!(namesakes(&db, ("d'angelo SIMIC", here), Vec::new(), 10).await.unwrap(), [found]);
    }

    #[tokio::test]
    async fn a_registration_is_used_once_and_takes_the_others_of_its_address_along() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let first = waiting(&ground, &ctx, "ana@school.example").await;
        ground.clock.advance(SignedDuration::from_secs(1));
        let second = waiting(&ground, &ground.anybody(), "ana@school.example").await;
        let other = waiting(&ground, &ctx, "ivo@school.example").await;
        let tx = ground.store().change(&ctx).await.unwrap();
        assert_eq!(only_registration(&tx, &second.login).await.unwrap(), None, "there are two");
        assert_eq!(only_registration(&tx, &other.login).await.unwrap().as_ref(), Some(&other));
        settle(&tx, &first).await.unwrap();
        assert!(settle(&tx, &first).await.is_err_and(|error| error.is(Reason::CodeInvalid)));
        assert_eq!(registration(&tx, second.id).await.unwrap(), None);
        assert_eq!(registration(&tx, other.id).await.unwrap(), Some(other));
    }

    #[tokio::test]
    async fn a_team_shares_an_account_whose_login_is_its_code() {
        let ground = Ground::new();
        let referent = ground.teacher("ana@school.example").await;
        let (team, _) = ground.team(&referent).await;
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        let account = by_login(&db, &Login::of("22-23_0001")).await.unwrap().unwrap();
        assert_eq!((account.team, account.password), (Some(team.id()), None));
        assert_eq!(account.person, Person::default(), "nothing is known of pupils");
    }
}

//! Vouching for teachers: what confirms one and what ends that, each noted in the audit log and told to the teacher by mail. What a domain
//! says by itself is no news, and is only noted. Whoever changes what is said of an account has locked the account before.

use platform::{Ctx, Error, Id, Reads, Result, Store, Tx, event::Handlers};
use proto::{identity::v1 as pb, options::v1::Role};

use crate::{
    account::{
        self, Account, SchoolLetter,
        confirmation::{self, Changed, Confirmation, Ground},
        invalid_code, school_letter,
    },
    country::{
        Country,
        vouching::{Vouching, Way},
    },
    mandate::{self, Mandate},
    school::{self, School},
};

/// A teacher, with what a confirmation is decided by.
pub(crate) struct Case {
    account: Account,
    school: Option<School>,
    said: Option<Confirmation>,
}

impl Case {
    /// Loads what is known of a teacher. Error: not found, where the account is not a teacher's.
    pub(crate) async fn load(db: &impl Reads, id: Id<Account>) -> Result<Self> {
        Self::of(db, account::store::find(db, id).await?).await
    }

    /// [`Case::load`], and locks the account until the transaction ends.
    pub(crate) async fn load_to_change(tx: &Tx, id: Id<Account>) -> Result<Self> {
        Self::of(tx, account::store::find_to_change(tx, id).await?).await
    }

    async fn of(db: &impl Reads, account: Option<Account>) -> Result<Self> {
        let account = account.ok_or_else(confirmation::nobody)?;
        if mandate::store::holders_among(db, Role::Teacher, [account.id()]).await?.is_empty() {
            return Err(confirmation::nobody());
        }
        let school = school_of(db, &account).await?;
        let said = confirmation::store::find(db, account.id()).await?;
        Ok(Self { account, school, said })
    }

    /// The address of the school that can be asked. Error: `CONFIRMATION_NOT_POSSIBLE`.
    pub(crate) fn askable(&self, ctx: &Ctx) -> Result<&str> {
        Confirmation::askable(ctx, self.school.as_ref(), self.said.as_ref())
    }

    /// The account.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The school the account names.
    pub(crate) fn school(&self) -> Option<&School> {
        self.school.as_ref()
    }
}

async fn school_of(db: &impl Reads, account: &Account) -> Result<Option<School>> {
    match account.school() {
        Some(id) => school::store::find(db, id).await,
        None => Ok(None),
    }
}

/// Saves an account after its owner changed it, and judges anew what is said of them, where that counts.
pub(crate) async fn save_changed(tx: &Tx, account: &mut Account, before: &Account) -> Result<()> {
    account::store::save(tx, account).await?;
    match account.changed_since(before) {
        Some(changed) => judge(tx, account, changed).await,
        None => Ok(()),
    }
}

/// Judges anew what is said of an account, of which something has changed, or whose owner became a teacher. The account was saved, or
/// locked, in this transaction.
pub(crate) async fn judge(tx: &Tx, account: &Account, changed: Changed) -> Result<()> {
    let is_provided = vouching(tx.ctx())?.is_provided();
    if !is_provided || mandate::store::holders_among(tx, Role::Teacher, [account.id()]).await?.is_empty() {
        return Ok(());
    }
    // the school was asked about the account as it was
    school_letter::store::forget_of(tx, account.id()).await?;
    let said = confirmation::store::find(tx, account.id()).await?;
    let school = school_of(tx, account).await?;
    keep(tx, Confirmation::judged(tx.ctx(), account, school.as_ref(), said.as_ref(), changed)?).await
}

/// What a new mandate of a teacher's says of its account: whom somebody of the central team gives it, they vouch for. Of everybody else
/// the address is judged.
pub(crate) async fn begin(tx: &Tx, mandate: &Mandate) -> Result<()> {
    let vouching = vouching(tx.ctx())?;
    if !mandate.is(Role::Teacher) || !vouching.is_provided() {
        return Ok(());
    }
    let Case { account, said, .. } = Case::load_to_change(tx, mandate.account()).await?;
    match mandate.given_by().filter(|_| account.is_living() && vouching.has(Way::Coordinator)) {
        Some(by) => keep(tx, Confirmation::by_coordinator(tx.ctx(), by, &account, said.as_ref())?).await,
        None => judge(tx, &account, Changed::Otherwise).await,
    }
}

fn vouching(ctx: &Ctx) -> Result<&Vouching> {
    Ok(ctx.tenant().section::<Country>()?.vouching())
}

/// Keeps that a school is asked about a teacher, and publishes that it is to be mailed. Error: `CONFIRMATION_NOT_POSSIBLE`.
pub(crate) async fn ask(tx: &Tx, case: &Case) -> Result<()> {
    let ctx: &Ctx = tx.ctx();
    case.askable(ctx)?;
    let school = case.account.school().ok_or_else(confirmation::nobody)?;
    let letter = SchoolLetter::new(ctx, case.account.id(), school, vouching(ctx)?.letter());
    school_letter::store::issue(tx, &letter).await?;
    tx.note("ask school", subject(case.account.id()), format!("school {school}"));
    tx.emit(&pb::SchoolAsked { letter_id: letter.id().to_string() });
    Ok(())
}

/// Confirms a teacher with the code of a letter to the school. Error: `CODE_EXPIRED`; `CODE_INVALID`, also where the code would say
/// nothing any more, and for the second of two calls at once.
pub(crate) async fn redeem(tx: &Tx, id: Id<SchoolLetter>) -> Result<()> {
    let letter = school_letter::store::find(tx, id).await?.ok_or_else(invalid_code)?;
    let case = Case::load_to_change(tx, letter.account()).await.map_err(|error| gone(error, "NOT_FOUND"))?;
    letter.redeemable(tx.ctx().now(), &case.account)?;
    if !school_letter::store::redeem(tx, id).await? {
        return Err(invalid_code());
    }
    let next = Confirmation::by_school(tx.ctx(), &case.account, case.said.as_ref());
    // who reads the school's mail is not told how an account stands
    keep(tx, next.map_err(|error| gone(error, "CONFIRMATION_NOT_POSSIBLE"))?).await
}

fn gone(error: Error, reason: &str) -> Error {
    if error.reason() == reason { invalid_code() } else { error }
}

/// What is known of the caller and of a colleague. Error: not found, where one of them is no teacher.
pub(crate) async fn colleagues(tx: &impl Reads, own: Id<Account>, other: Id<Account>) -> Result<(Case, Case)> {
    Ok((Case::load(tx, own).await?, Case::load(tx, other).await?))
}

/// A teacher vouches for a colleague. Error: not found; `CONFIRMATION_NOT_POSSIBLE`, `TEACHER_UNCONFIRMED`, `ACCOUNT_STATE`.
pub(crate) async fn as_colleague(tx: &Tx, own: Id<Account>, other: Id<Account>) -> Result<Confirmation> {
    // in one order, so that two who vouch for each other at once do not wait for each other
    account::store::find_to_change(tx, own.min(other)).await?;
    account::store::find_to_change(tx, own.max(other)).await?;
    let (own, case) = colleagues(tx, own, other).await?;
    case.account.vouched_by(&own.account)?;
    let next = Confirmation::by_colleague(tx.ctx(), own.said.as_ref(), &case.account, case.said.as_ref())?;
    said_now(tx, next, case).await
}

/// The central team confirms a teacher. Error: not found; `CONFIRMATION_NOT_POSSIBLE`, `ACCOUNT_STATE`.
pub(crate) async fn as_coordinator(tx: &Tx, id: Id<Account>) -> Result<Confirmation> {
    let case = Case::load_to_change(tx, id).await?;
    case.account.confirmed_by(tx.ctx(), case.school())?;
    let next = Confirmation::by_coordinator(tx.ctx(), tx.ctx().account()?, &case.account, case.said.as_ref())?;
    said_now(tx, next, case).await
}

async fn said_now(tx: &Tx, next: Option<Confirmation>, case: Case) -> Result<Confirmation> {
    match next {
        Some(mut next) => save(tx, &mut next).await.map(|()| next),
        None => case.said.ok_or_else(confirmation::nobody),
    }
}

/// The central team takes back that a teacher is confirmed. Who is not, stays as they are. Error: not found.
pub(crate) async fn take_back(tx: &Tx, id: Id<Account>) -> Result<()> {
    let case = Case::load_to_change(tx, id).await?;
    case.account.confirmed_by(tx.ctx(), case.school())?;
    let next = case.said.map(|said| said.taken_back(tx.ctx())).transpose()?.flatten();
    keep(tx, next).await
}

async fn keep(tx: &Tx, next: Option<Confirmation>) -> Result<()> {
    match next {
        Some(mut next) => save(tx, &mut next).await,
        None => Ok(()),
    }
}

/// Saves what is said of an account from now on. A letter to its school is worth nothing any more.
async fn save(tx: &Tx, next: &mut Confirmation) -> Result<()> {
    confirmation::store::save(tx, next).await?;
    school_letter::store::forget_of(tx, next.account()).await?;
    let (account_id, letter_id) = (next.account().to_string(), tx.ctx().new_id::<Confirmation>().to_string());
    if !next.is_living() {
        tx.note("end confirmation", subject(next.account()), next.ground().word());
        tx.emit(&pb::ConfirmationEnded { account_id, letter_id });
        return Ok(());
    }
    tx.note("confirm teacher", subject(next.account()), next.ground().word());
    if next.ground() != Ground::Domain {
        tx.emit(&pb::TeacherConfirmed { account_id, letter_id });
    }
    Ok(())
}

/// Those of some accounts that nobody has vouched for. None, where the country does not ask for it.
pub(crate) async fn unconfirmed_among(
    db: &impl Reads,
    accounts: impl IntoIterator<Item = Id<Account>>,
) -> Result<Vec<Id<Account>>> {
    let mut accounts: Vec<_> = accounts.into_iter().collect();
    if !vouching(db.ctx())?.is_required() {
        return Ok(Vec::new());
    }
    let confirmed = confirmation::store::confirmed_among(db, accounts.iter().copied()).await?;
    accounts.retain(|account| !confirmed.contains(account));
    Ok(accounts)
}

fn subject(account: Id<Account>) -> String {
    format!("account {account}")
}

/// Adds the hourly task that judges the addresses of teachers of whom nothing was ever said: they were here before anybody vouched, or the
/// country has named a domain, or the register a school's, since.
pub(crate) fn handlers(others: Handlers, store: Store) -> Handlers {
    others.every_hour("judge addresses", move |ctx| {
        let store = store.clone();
        async move {
            if !vouching(&ctx)?.has(Way::Domain) {
                return Ok(());
            }
            for id in proven_and_unsaid(&store, &ctx).await? {
                let tx = store.change(&ctx).await?;
                if let Some(account) = account::store::find_to_change(&tx, id).await? {
                    judge(&tx, &account, Changed::Otherwise).await?;
                }
                tx.commit().await?;
            }
            Ok(())
        }
    })
}

/// How many accounts are asked for by one statement.
const AT_ONCE: usize = 1_000;

/// The teachers of whom nothing was ever said, and whose addresses prove that they are teachers.
async fn proven_and_unsaid(store: &Store, ctx: &Ctx) -> Result<Vec<Id<Account>>> {
    let db = store.read(ctx).await?;
    let mut proven = Vec::new();
    for ids in mandate::store::holders(&db, Role::Teacher).await?.chunks(AT_ONCE) {
        let said = confirmation::store::all(&db, ids.iter().copied()).await?;
        let unsaid = ids.iter().copied().filter(|id| !said.iter().any(|said| said.account() == *id));
        for account in account::store::all(&db, unsaid).await? {
            let school = school_of(&db, &account).await?;
            if account.is_living()
                && Confirmation::judged(ctx, &account, school.as_ref(), None, Changed::Otherwise)?.is_some()
            {
                proven.push(account.id());
            }
        }
    }
    Ok(proven)
}

//! Vouching for teachers: what confirms one and what ends that, each noted in the audit log and told to the teacher by mail. What a domain
//! says by itself is no news, and is only noted. Whoever changes what is said of an account has locked the account before.

use std::collections::{BTreeMap, BTreeSet};

use platform::{Ctx, Error, Id, Reads, Result, Store, Tx, event::Handlers};
use proto::{identity::v1 as pb, options::v1::Role};

use crate::{
    account::{
        self, Account, SchoolLetter,
        confirmation::{self, Changed, Confirmation},
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
        let said = said_of(db, &account).await?;
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

/// What was said last of an account, or what holds of its address where nothing was.
async fn said_of(db: &impl Reads, account: &Account) -> Result<Option<Confirmation>> {
    match confirmation::store::find(db, account.id()).await? {
        Some(said) => Ok(Some(said)),
        None => confirmation::store::refused_before(db, account).await,
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
    let said = said_of(tx, account).await?;
    // whoever was refused has perhaps another address now
    remember(tx, account, said.as_ref()).await?;
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
        Some(by) => {
            confirmation::store::forget_refused(tx, &account).await?;
            keep(tx, Confirmation::by_coordinator(tx.ctx(), by, &account, said.as_ref())?).await
        }
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
    confirmation::store::forget_refused(tx, &case.account).await?;
    said_now(tx, next, case).await
}

async fn said_now(tx: &Tx, next: Option<Confirmation>, case: Case) -> Result<Confirmation> {
    match next {
        Some(mut next) => save(tx, &mut next).await.map(|()| next),
        None => case.said.ok_or_else(confirmation::nobody),
    }
}

/// The central team takes back that a teacher is confirmed, or refuses one who is not: letters that wait are worth nothing, nobody else
/// vouches for them any more, and what they have said of colleagues ends. Error: not found.
pub(crate) async fn take_back(tx: &Tx, id: Id<Account>) -> Result<()> {
    hold_with_colleagues(tx, id).await?;
    let case = Case::load_to_change(tx, id).await?;
    case.account.confirmed_by(tx.ctx(), case.school())?;
    let Some(mut next) = Confirmation::refuse(tx.ctx(), &case.account, case.said.as_ref())? else { return Ok(()) };
    save(tx, &mut next).await?;
    confirmation::store::remember_refused(tx, &case.account, &next).await?;
    end_said_by(tx, id).await
}

/// Remembers by its address that an account was refused, where it was.
pub(crate) async fn remember(tx: &Tx, account: &Account, said: Option<&Confirmation>) -> Result<()> {
    match said.filter(|said| said.is_taken_back()) {
        Some(said) => confirmation::store::remember_refused(tx, account, said).await,
        None => Ok(()),
    }
}

/// Locks a teacher, and those whom they have vouched for, in the order in which colleagues are locked who vouch for each other.
async fn hold_with_colleagues(tx: &Tx, id: Id<Account>) -> Result<()> {
    let (mut all, mut next) = (BTreeSet::from([id]), vec![id]);
    while let Some(by) = next.pop() {
        let said = confirmation::store::said_by(tx, by).await?;
        next.extend(said.into_iter().filter(|of| all.insert(*of)));
    }
    for one in all {
        account::store::find_to_change(tx, one).await?;
    }
    Ok(())
}

/// Ends what somebody has said of colleagues, whom nobody else has vouched for, and what these have said of others. They are not refused:
/// somebody else may vouch for them.
async fn end_said_by(tx: &Tx, id: Id<Account>) -> Result<()> {
    let mut next = vec![id];
    while let Some(by) = next.pop() {
        for of in confirmation::store::said_by(tx, by).await? {
            account::store::find_to_change(tx, of).await?;
            let said = confirmation::store::find(tx, of).await?.filter(|said| said.is_said_by(by));
            if let Some(said) = said {
                save(tx, &mut said.ended_with_its_giver(tx.ctx())).await?;
                next.push(of);
            }
        }
    }
    Ok(())
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
    if !next.ground().is_domain() {
        tx.emit(&pb::TeacherConfirmed { account_id, letter_id });
    }
    Ok(())
}

/// A teacher, and the school of the class they are asked about. None: any class.
pub(crate) type Asked = (Id<Account>, Option<Id<School>>);

/// Those of some teachers who are given no class, by the rule of [`confirmation::needed_at`].
pub(crate) async fn unconfirmed_among(db: &impl Reads, asked: impl IntoIterator<Item = Asked>) -> Result<Vec<Asked>> {
    if !vouching(db.ctx())?.is_required() {
        return Ok(Vec::new());
    }
    let mut asked: Vec<_> = asked.into_iter().collect();
    let said = confirmation::store::all(db, asked.iter().map(|(account, _)| *account)).await?;
    let of: BTreeMap<_, _> = said.iter().map(|said| (said.account(), said)).collect();
    asked.retain(|(account, school)| confirmation::needed_at(db.ctx(), of.get(account).copied(), *school).is_err());
    Ok(asked)
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

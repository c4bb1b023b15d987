//! Finding teachers: who has this surname at this school, and may be given a class. It is no list of people: a whole surname at one school,
//! few at once, counted for each caller, and noted in the audit log.

use platform::{Id, Reads, Result, Tx};
use proto::options::v1::Role;

use crate::{
    account::{
        self, Account,
        confirmation::{self, Confirmation},
    },
    country::Country,
    mandate,
    school::School,
};

/// The most teachers that are found at once: enough for one surname at one school, too few to list a school.
const MOST: usize = 10;

/// Teachers of one surname at one school.
pub(crate) struct Namesakes {
    /// Each with what is said of them.
    pub(crate) teachers: Vec<(Account, Option<Confirmation>)>,
    /// Whether there are more.
    pub(crate) more: bool,
}

/// The teachers of a school with this surname, who are confirmed where the country asks for it. Error: `TEACHER_UNCONFIRMED`, where the
/// caller is a teacher for whom nobody vouches.
pub(crate) async fn namesakes(tx: &Tx, surname: &str, school: Id<School>) -> Result<Namesakes> {
    let ctx = tx.ctx();
    if ctx.has(Role::Teacher) {
        confirmation::needed(ctx, confirmation::store::find(tx, ctx.account()?).await?.as_ref())?;
    }
    let found = account::store::namesakes(tx, surname, school).await?;
    let teaching = mandate::store::holders_among(tx, Role::Teacher, found.iter().map(Account::id)).await?;
    let mut said = confirmation::store::all(tx, teaching.iter().copied()).await?;
    said.retain(Confirmation::is_living);
    let is_asked_for = ctx.tenant().section::<Country>()?.vouching().is_required();
    let mut teachers = Vec::new();
    for account in found.into_iter().filter(|account| teaching.contains(&account.id())) {
        let of_account = said.iter().find(|said| said.account() == account.id()).cloned();
        if of_account.is_some() || !is_asked_for {
            teachers.push((account, of_account));
        }
    }
    let more = teachers.len() > MOST;
    teachers.truncate(MOST);
    note(tx, &teachers, school);
    Ok(Namesakes { teachers, more })
}

fn note(tx: &Tx, teachers: &[(Account, Option<Confirmation>)], school: Id<School>) {
    let ids: Vec<_> = teachers.iter().map(|(teacher, _)| teacher.id().to_string()).collect();
    tx.note("find teachers", format!("school {school}"), format!("found {}", ids.join(" ")));
}

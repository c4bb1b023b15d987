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
    let mut among = vec![mandate::store::holding(Role::Teacher)];
    if ctx.tenant().section::<Country>()?.vouching().is_required() {
        among.push(confirmation::store::confirmed());
    }
    // one more than is shown says that there are more
    let mut found = account::store::namesakes(tx, (surname, school), among, MOST + 1).await?;
    let more = found.len() > MOST;
    found.truncate(MOST);
    let mut said = confirmation::store::all(tx, found.iter().map(Account::id)).await?;
    said.retain(Confirmation::is_living);
    let of = |account: &Account| said.iter().find(|said| said.account() == account.id()).cloned();
    let teachers: Vec<_> = found.into_iter().map(|account| (account.clone(), of(&account))).collect();
    note(tx, &teachers, school);
    Ok(Namesakes { teachers, more })
}

fn note(tx: &Tx, teachers: &[(Account, Option<Confirmation>)], school: Id<School>) {
    let ids: Vec<_> = teachers.iter().map(|(teacher, _)| teacher.id().to_string()).collect();
    tx.note("find teachers", format!("school {school}"), format!("found {}", ids.join(" ")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{Change, tests::account},
        testing::Ground,
    };

    #[tokio::test]
    async fn a_teacher_is_found_behind_any_number_of_namesakes_who_are_none() {
        let ground = Ground::new();
        let school = ground.school("CHTD007011").await;
        let mut teacher = ground.teacher("zora@school.example").await;
        let ctx = ground.anybody();
        let at = |name: &str| Change {
            given_name: Some(name.to_owned()),
            school: Some(Some(school.id())),
            ..Change::default()
        };
        let tx = ground.store().change(&ctx).await.unwrap();
        teacher.change(at("Zora"), Some(&school)).unwrap();
        account::store::save(&tx, &mut teacher).await.unwrap();
        for number in 0..120 {
            let mut other = account(&ctx, &format!("{number}@school.example"), None, None);
            other.change(at("Ana"), Some(&school)).unwrap();
            account::store::save(&tx, &mut other).await.unwrap();
        }
        let found = namesakes(&tx, "Horvat", school.id()).await.unwrap();
        assert_eq!(found.teachers.iter().map(|(teacher, _)| teacher.id()).collect::<Vec<_>>(), [teacher.id()]);
        assert!(!found.more);
    }
}

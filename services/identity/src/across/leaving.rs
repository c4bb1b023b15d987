//! Leaving: an account ends, and the teams that it supports go on without it. A team that is at work never loses its referent.

use platform::{Ctx, Id, Peers, Reads, Result, Store, Tx};

use super::{confirming, entrance, mandating, other_ways};
use crate::{
    account::{self, Account, TeamId, confirmation, factor},
    class::{team, track},
    mandate::invitation,
    reason::{Reason, Refuse},
};

/// The teams of a referent whose year is over. Asks lessons, so it is asked before a transaction is opened.
pub(crate) async fn over(store: &Store, peers: &Peers, ctx: &Ctx, referent: Id<Account>) -> Result<Vec<TeamId>> {
    let teams = team::store::of_referent(&store.read(ctx).await?, referent).await?;
    let mut over = Vec::new();
    for team in teams {
        let ends = track::peer::ends(peers, ctx, team.edition(), team.track()).await?;
        if ends.is_some_and(|ends| ends < ctx.now()) {
            over.push(team.id());
        }
    }
    Ok(over)
}

/// Ends an account. `over` are the teams that need no referent any more. Error: `TEAM_AT_WORK`, `LAST_COORDINATOR`, `ACCOUNT_STATE`.
pub(crate) async fn leave(tx: &Tx, id: Id<Account>, over: &[TeamId]) -> Result<()> {
    let coordinators = mandating::coordinators_to_change(tx).await?;
    let mut account = account::store::person_to_change(tx, id).await?;
    refuse_at_work(tx, id, over).await?;
    // whom the central team refused is known by the address, also who registers with it anew
    confirming::remember(tx, &account, confirmation::store::find(tx, id).await?.as_ref()).await?;
    let address = account.login().clone();
    account.leave(tx.ctx(), &coordinators)?;
    // who is erased later has no address any more by which it would be found
    invitation::store::withdraw(tx, &address).await?;
    invitation::store::keep_owner(tx, &address, id).await?;
    account::store::keep_owner(tx, &address, id).await?;
    team::store::remove_support(tx, id).await?;
    factor::store::remove(tx, id).await?;
    other_ways::remove_all(tx, id).await?;
    entrance::shut(tx, &mut account).await?;
    mandating::revoke_all(tx, id).await?;
    tx.note("leave account", format!("account {id}"), "");
    Ok(())
}

/// Refuses what would leave teams at work without their referent, whose account is locked: a team that is handed over to it waits, and is
/// refused. `over` are the teams that need no referent any more. Error: `TEAM_AT_WORK`.
pub(crate) async fn refuse_at_work(tx: &Tx, referent: Id<Account>, over: &[TeamId]) -> Result<()> {
    let mut teams = team::store::of_referent(tx, referent).await?;
    teams.retain(|team| !over.contains(&team.id()));
    if teams.is_empty() {
        return Ok(());
    }
    let codes: Vec<_> = teams.iter().map(|team| team.code().as_str()).collect();
    let text = "This account is the referent of teams that are at work. Hand them over to another teacher first.";
    Err(Reason::TeamAtWork.error(text).with("teams", codes.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[tokio::test]
    async fn who_is_responsible_for_a_class_at_work_stays() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let (team, _) = ground.team(&teacher).await;
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        let refused = leave(&tx, teacher.id(), &[]).await.unwrap_err();
        assert!(refused.is(Reason::TeamAtWork), "{refused:?}");
        leave(&tx, teacher.id(), &[team.id()]).await.unwrap();
        assert_eq!(crate::mandate::store::of_account(&tx, teacher.id()).await.unwrap(), []);
        assert!(leave(&tx, teacher.id(), &[team.id()]).await.is_err_and(|error| error.is(Reason::AccountState)));
    }
}

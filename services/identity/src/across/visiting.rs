//! Checks at a visitor's home whether they may still visit the programme.

use platform::{
    Border, Ctx, Error, Host, Member, Reads, Result, Store,
    border::{Recheck, ended},
};

use super::entry;
use crate::{
    account,
    class::team,
    mandate,
    membership::{Standing, Visit},
    reason::Reason,
    session,
};

/// The check that runs before every call of a visitor.
pub fn recheck(host: &Host) -> Result<Recheck> {
    let (store, border) = (host.store.clone(), host.border.clone());
    Ok(Recheck::new(move |ctx| {
        let (store, border) = (store.clone(), border.clone());
        async move { check(&store, &border, &ctx).await }
    }))
}

/// Error: `MEMBERSHIP_ENDED`; unreachable, where the home's data cannot be read.
async fn check(store: &Store, border: &Border, ctx: &Ctx) -> Result<()> {
    let (visit, home) = Visit::of(ctx).zip(ctx.home()).ok_or_else(ended)?;
    let home = border.home(ctx, home).map_err(|_| ended())?;
    let db = store.read(&home).await?;
    let standing = standing(&db, ctx.member()?, visit).await.map_err(over)?;
    if visit.stands(ctx.now(), &standing) { Ok(()) } else { Err(ended()) }
}

/// A session that does not exist has ended. Any other error is passed on.
fn over(error: Error) -> Error {
    if error.is(Reason::SessionOver) { ended() } else { error }
}

/// Loads the data by which a membership is decided, in the caller's home. Error: `SESSION_OVER`, where there is no such session or
/// account.
pub(crate) async fn standing(db: &impl Reads, caller: &Member, visit: Visit) -> Result<Standing> {
    let session = session::store::get(db, caller.session.into()).await?;
    let account = account::store::find(db, caller.account.into()).await?.ok_or_else(session::over)?;
    let team = match visit.team() {
        Some(team) => team::store::find(db, team).await?,
        None => None,
    };
    let mandate = mandate::store::get(db, session.mandate()).await?;
    let entry = entry::decide(db, &account, mandate, session.proof()).await?;
    Ok(Standing { session, entry, account, team })
}

#[cfg(test)]
mod tests {
    use platform::{Caller, error::Shared, testing};
    use proto::options::v1::Role;

    use super::*;
    use crate::{session::Session, testing::Ground};

    /// A visitor of a programme, who is somebody at home.
    fn visitor(ground: &Ground, account: &crate::account::Account, session: &Session, role: Role) -> Ctx {
        let caller = Caller::Member(Member {
            account: account.id().uuid(),
            session: session.id().uuid(),
            roles: vec![role],
            mandate: None,
            bound: platform::Bound::default(),
            scopes: None,
            acts_for: None,
            home: Some("it".parse().unwrap()),
            lacks: None,
            is_half: false,
        });
        ground.ctx_in("it-hr", caller)
    }

    #[tokio::test]
    async fn a_home_that_cannot_be_asked_is_not_a_membership_that_ended() {
        let ground = Ground::new();
        ground.add_programme("it-hr", "ITF14");
        let border = testing::border(ground.tenants());
        let (teacher, session) = ground.signed_in_teacher("ana@school.example").await;
        let ctx = visitor(&ground, &teacher, &session, Role::TwinCoordinator);
        let refused = check(ground.store(), &border, &ctx).await.unwrap_err();
        assert!(refused.is(Shared::MembershipEnded), "a teacher is no coordinator: {refused:?}");

        let away = ground.without_data("it").await;
        let refused = check(&away, &border, &ctx).await.unwrap_err();
        assert!(refused.is(Shared::Unreachable), "{refused:?}");
    }
}

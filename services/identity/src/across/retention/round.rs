//! Carries out the rules of retention, every hour. What a rule finds goes in one transaction; an account in one of its own, with the account
//! locked, so that of who signs in at that instant nothing goes. Whatever was done is not found again.

use platform::{Ctx, Id, Reads, Result, Store, Tx, event::Handlers, subject::Subjects, wire};
use proto::{identity::v1 as pb, lessons::v1 as lessons};

use super::{Idle, Patience, RULES, Rule, Subject, Verdict, store};
use crate::{
    account::{self, Account},
    across::{erasing, leaving, mandating},
    class::application,
};

/// Carries out the rules. Cheap to clone.
#[derive(Clone)]
pub(super) struct Round {
    pub(super) store: Store,
    pub(super) subjects: Subjects,
}

/// Adds the hourly task, and the handler that keeps when calendars end.
pub(crate) fn handlers(others: Handlers, store: Store, subjects: Subjects) -> Handlers {
    let round = Round { store: store.clone(), subjects };
    others
        .every_hour("retention", move |ctx| round.clone().strikes(ctx))
        .on("keep ends of calendars", move |ctx, fact| keep_ends(store.clone(), ctx, fact))
}

async fn keep_ends(store: Store, ctx: Ctx, fact: lessons::CalendarEnds) -> Result<()> {
    let tx = store.change(&ctx).await?;
    let ends = fact.ends_at.iter().map(|(track, at)| Ok((track.parse()?, wire::instant(at)?)));
    store::set_ends(&tx, fact.edition_id.parse()?, ends.collect::<Result<_>>()?).await?;
    tx.commit().await
}

impl Round {
    /// Carries out each rule. One that fails keeps no other from being carried out. Error: the first of them.
    pub(super) async fn strikes(self, ctx: Ctx) -> Result<()> {
        let mut done = Ok(());
        for rule in &RULES {
            let carried_out = match rule.subject {
                Subject::Accounts => self.accounts(&ctx, rule).await,
                _ => self.sweep(&ctx, rule).await,
            };
            done = done.and(carried_out);
        }
        done
    }

    /// Deletes the rows that a rule finds.
    async fn sweep(&self, ctx: &Ctx, rule: &Rule) -> Result<()> {
        if rule.subject == Subject::Drafts {
            self.count(ctx).await?;
        }
        // in most hours there is nothing, and nothing is locked
        let found = store::find(&self.store.read(ctx).await?, rule, ctx.now()).await?;
        if found.due.is_empty() {
            return Ok(());
        }
        let tx = self.store.change(ctx).await?;
        // one at a time: of two replicas the second finds what is left
        tx.hold("retention").await?;
        let found = store::find(&tx, rule, ctx.now()).await?;
        if found.due.is_empty() {
            return Ok(());
        }
        let mut places = Vec::new();
        for place in &found.due {
            places.extend(store::delete(&tx, rule, place, ctx.now()).await?);
        }
        if !places.is_empty() {
            tx.emit(&pb::FilesRemoved { places });
        }
        let counts: Vec<_> = found.due.iter().map(|(place, ids)| format!("{place} {}", ids.len())).collect();
        note(&tx, rule, counts.join(", "));
        tx.commit().await
    }

    /// Begins to count the days of drafts from before it was kept when they were changed.
    async fn count(&self, ctx: &Ctx) -> Result<()> {
        if !application::store::is_uncounted(&self.store.read(ctx).await?).await? {
            return Ok(());
        }
        let tx = self.store.change(ctx).await?;
        application::store::count_from_now(&tx).await?;
        tx.commit().await
    }

    /// Ends the accounts that nobody signs in to, and tells the owners of those that will end. One that fails keeps no other from ending.
    /// Error: the first of them.
    async fn accounts(&self, ctx: &Ctx, rule: &Rule) -> Result<()> {
        let found = store::find(&self.store.read(ctx).await?, rule, ctx.now()).await?;
        let due = found.due.into_iter().flat_map(|(_, ids)| ids).map(Id::from);
        let mut done = Ok(());
        for account in due.chain(found.warned) {
            done = done.and(self.account(ctx, rule, account).await);
        }
        done
    }

    /// Does with an account what is to be done once it is locked.
    async fn account(&self, ctx: &Ctx, rule: &Rule, id: Id<Account>) -> Result<()> {
        let tx = self.store.change(ctx).await?;
        let coordinators = mandating::coordinators_to_change(&tx).await?;
        account::store::person_to_change(&tx, id).await?;
        let (patience, now) = (Patience::of(ctx)?, ctx.now());
        let Some(idle) = store::idle(&tx, now, Some(id)).await?.pop() else { return Ok(()) };
        match idle.judge(patience, now, now, &coordinators) {
            Verdict::Waits | Verdict::Kept(_) => return Ok(()),
            Verdict::Ends => self.end(&tx, rule, &idle).await?,
            Verdict::Warn => warn(&tx, patience, &idle).await?,
        }
        tx.commit().await
    }

    async fn end(&self, tx: &Tx, rule: &Rule, idle: &Idle) -> Result<()> {
        let id = idle.account.id();
        let login = Some(idle.account.login()).filter(|_| !idle.account.is_left());
        if login.is_some() {
            leaving::leave(tx, id, &idle.over(tx.ctx().now())).await?;
        }
        erasing::begin(tx, &self.subjects, id, login).await?;
        note(tx, rule, format!("account {id}"));
        Ok(())
    }
}

fn note(tx: &Tx, rule: &Rule, what: String) {
    tx.note("delete what is too old", format!("rule {}", rule.key), what);
}

async fn warn(tx: &Tx, patience: Patience, idle: &Idle) -> Result<()> {
    let (id, now) = (idle.account.id(), tx.ctx().now());
    store::warn(tx, id).await?;
    tx.note("tell that account will end", format!("account {id}"), "");
    tx.emit(&pb::InactivityWarned {
        account_id: id.to_string(),
        notice_id: tx.ctx().new_id::<pb::InactivityWarned>().to_string(),
        ends_at: Some(wire::timestamp(idle.ends(patience, now))),
    });
    Ok(())
}

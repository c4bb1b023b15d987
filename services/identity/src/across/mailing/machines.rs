//! The mails about machines.

use platform::{Ctx, Error, Id, Result, wire};
use proto::identity::v1 as pb;

use super::{Mails, post};
use crate::{
    account,
    machine::{integrator, webhook},
    post::letters::Kind,
};

impl Mails {
    /// Mails that a webhook was disabled, where it still is.
    pub(super) async fn webhook_disabled(self, ctx: Ctx, event: pb::WebhookDisabled) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let Some(webhook) = webhook::store::find(&db, event.webhook_id.parse()?).await? else { return Ok(()) };
        let Some(since) = webhook.failing_since().filter(|_| !webhook.is_enabled()) else { return Ok(()) };
        let Some(integrator) = integrator::store::find(&db, webhook.integrator()).await? else { return Ok(()) };
        let account = account::store::get(&db, event.account_id.parse()?).await?;
        drop(db);
        if !account.is_living() {
            return Ok(());
        }
        let id: Id<pb::WebhookDisabled> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::WebhookDisabled)?;
        let since = post.language.moment(ctx.tenant(), since);
        let (name, system) = (account.person().given_name.as_str(), integrator.name());
        self.send(&ctx, post, &[("name", name), ("system", system), ("since", &since)]).await
    }

    /// Mails the technician of a system that a secret was made for it, where both are still there.
    pub(super) async fn machine_secret_made(self, ctx: Ctx, event: pb::MachineSecretMade) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let Some(integrator) = integrator::store::find(&db, event.integrator_id.parse()?).await? else { return Ok(()) };
        let account = account::store::get(&db, integrator.account()).await?;
        drop(db);
        if !account.is_living() {
            return Ok(());
        }
        let id: Id<pb::MachineSecretMade> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::MachineSecretMade)?;
        let at = event.made_at.ok_or_else(|| Error::internal("a fact says when"))?;
        let at = post.language.moment(ctx.tenant(), wire::instant(&at)?);
        let (name, recover) = (account.person().given_name.as_str(), self.recover(&ctx));
        let values = [("name", name), ("system", integrator.name()), ("at", &at), ("recover", &recover)];
        self.send(&ctx, post, &values).await
    }
}

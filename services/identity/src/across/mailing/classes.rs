//! The mails about who is responsible for a class, and who helps.

use platform::{Ctx, Error, Id, Result, wire};
use proto::identity::v1 as pb;
use uuid::Uuid;

use super::{Mails, post};
use crate::{
    account::{self, Account},
    class::team::{self, Team},
    post::letters::Kind,
};

/// What both letters say.
struct Change {
    team: Team,
    at: jiff::Timestamp,
}

impl Mails {
    /// Mails the former referent that a class was handed over.
    pub(super) async fn former_referent(self, ctx: Ctx, event: pb::TeamHandedOver) -> Result<()> {
        let id: Id<pb::TeamHandedOver> = event.former_letter_id.parse()?;
        let reader = event.former_account_id.clone();
        self.handed_over(&ctx, id.uuid(), &reader, event).await
    }

    /// Mails the new referent that a class was handed over.
    pub(super) async fn new_referent(self, ctx: Ctx, event: pb::TeamHandedOver) -> Result<()> {
        let id: Id<pb::TeamHandedOver> = event.new_letter_id.parse()?;
        let reader = event.new_account_id.clone();
        self.handed_over(&ctx, id.uuid(), &reader, event).await
    }

    async fn handed_over(&self, ctx: &Ctx, id: Uuid, reader: &str, event: pb::TeamHandedOver) -> Result<()> {
        let reader = self.account(ctx, reader).await?;
        let referent = self.account(ctx, &event.new_account_id).await?;
        let Some(change) = self.change_of(ctx, &event.team_id, event.handed_over_at).await? else { return Ok(()) };
        if !reader.is_living() {
            return Ok(());
        }
        let post = post(ctx, id, &reader, Kind::ClassHandedOver)?;
        let at = post.language.moment(ctx.tenant(), change.at);
        let (name, referent) = (reader.person().given_name.as_str(), full_name(&referent));
        let values = [("name", name), ("team", change.team.name()), ("referent", &referent), ("at", &at)];
        self.send(ctx, post, &values).await
    }

    /// Mails the referent of a class that somebody supports it.
    pub(super) async fn support_added(self, ctx: Ctx, event: pb::SupportTeacherAdded) -> Result<()> {
        let reader = self.account(&ctx, &event.referent_account_id).await?;
        let teacher = self.account(&ctx, &event.teacher_account_id).await?;
        let Some(change) = self.change_of(&ctx, &event.team_id, event.added_at).await? else { return Ok(()) };
        if !reader.is_living() {
            return Ok(());
        }
        let id: Id<pb::SupportTeacherAdded> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &reader, Kind::SupportAdded)?;
        let at = post.language.moment(ctx.tenant(), change.at);
        let values = [
            ("name", reader.person().given_name.as_str()),
            ("team", change.team.name()),
            ("teacher", &full_name(&teacher)),
            ("at", &at),
            ("recover", &self.recover(&ctx)),
        ];
        self.send(&ctx, post, &values).await
    }

    /// The team of a fact that says when. None, where the team is not there any more.
    async fn change_of(&self, ctx: &Ctx, team: &str, at: Option<prost_types::Timestamp>) -> Result<Option<Change>> {
        let at = wire::instant(&at.ok_or_else(|| Error::internal("a fact says when"))?)?;
        let team = team::store::find(&self.store.read(ctx).await?, team.parse()?).await?;
        Ok(team.map(|team| Change { team, at }))
    }
}

/// The name of somebody, as it stands in a letter. Of who was erased nothing is left of it.
fn full_name(account: &Account) -> String {
    let account::Person { given_name, surname, .. } = account.person();
    format!("{given_name} {surname}").trim().to_owned()
}

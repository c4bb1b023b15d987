//! The mails about what opens an account and what shuts it.

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, wire};
use proto::identity::v1 as pb;
use uuid::Uuid;

use super::{Mails, Post, post, tongue};
use crate::{
    account::{self, Account, EmailChange, State, email_change, recovery},
    across::retention::{self, Idle},
    country::Country,
    post::letters::Kind,
};

impl Mails {
    /// Mails the code that replaces a forgotten password, where it still does.
    pub(super) async fn recovery(self, ctx: Ctx, event: pb::RecoveryIssued) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let found = recovery::store::find(&db, event.recovery_id.parse()?).await?;
        let Some(recovery) = found.filter(|found| found.redeemable(ctx.now()).is_ok()) else { return Ok(()) };
        let account = account::store::get(&db, recovery.account()).await?;
        drop(db);
        if !account.is_recoverable() {
            return Ok(());
        }
        let post = post(&ctx, recovery.id().uuid(), &account, Kind::Recovery)?;
        let code = recovery.code(&ctx, &self.keys);
        let values = [
            ("name", account.person().given_name.as_str()),
            ("until", &post.language.moment(ctx.tenant(), recovery.expires_at())),
            // browsers do not send the part after the hash, so it is in no server's log
            ("link", &format!("{}#{code}", self.page(&ctx, "reset-password"))),
            ("code", &code),
        ];
        self.send(&ctx, post, &values).await
    }

    pub(super) async fn password_recovered(self, ctx: Ctx, event: pb::PasswordRecovered) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        let id: Id<pb::PasswordRecovered> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::PasswordRecovered)?;
        let at = event.recovered_at.unwrap_or_default();
        let at = Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)?;
        let at = post.language.moment(ctx.tenant(), at);
        let values = [("name", account.person().given_name.as_str()), ("at", &at), ("recover", &self.recover(&ctx))];
        self.send(&ctx, post, &values).await
    }

    /// Mails the code to a new address. Where the address has an account, its owner is told instead, and nobody knows the code.
    pub(super) async fn address_asked(self, ctx: Ctx, event: pb::EmailChangeAsked) -> Result<()> {
        let Some((change, account)) = self.waiting_change(&ctx, &event.change_id).await? else { return Ok(()) };
        let db = self.store.read(&ctx).await?;
        let known = account::store::by_login(&db, change.wanted()).await?;
        drop(db);
        if let Some(known) = known {
            let post = post(&ctx, change.id().uuid(), &known, Kind::AddressTaken)?;
            let (name, sign_in) = (known.person().given_name.as_str(), self.page(&ctx, "sign-in"));
            return self
                .send(&ctx, post, &[("name", name), ("sign_in", &sign_in), ("recover", &self.recover(&ctx))])
                .await;
        }
        let language = tongue(&ctx, &account.person().locale)?;
        let code = change.code(&ctx, &self.keys);
        let values = [
            ("asked", &*language.moment(ctx.tenant(), change.asked_at())),
            ("until", &language.moment(ctx.tenant(), change.expires_at())),
            ("link", &format!("{}#{code}", self.page(&ctx, "confirm-email"))),
            ("code", &code),
        ];
        let to = change.wanted().as_str();
        self.send(&ctx, Post { id: change.id().uuid(), to, language, kind: Kind::AddressAsked }, &values).await
    }

    /// Tells the address until now that another one was asked for, and which.
    pub(super) async fn address_warned(self, ctx: Ctx, event: pb::EmailChangeAsked) -> Result<()> {
        let Some((change, account)) = self.waiting_change(&ctx, &event.change_id).await? else { return Ok(()) };
        let id: Id<pb::EmailChangeAsked> = event.notice_id.parse()?;
        let post = Post { to: change.former().as_str(), ..post(&ctx, id.uuid(), &account, Kind::AddressWarned)? };
        let values = [
            ("name", account.person().given_name.as_str()),
            ("asked", &post.language.moment(ctx.tenant(), change.asked_at())),
            ("address", change.wanted().as_str()),
            ("recover", &self.recover(&ctx)),
        ];
        self.send(&ctx, post, &values).await
    }

    /// Tells the former address that it is given up, and how to take that back, where it can be.
    pub(super) async fn former_address(self, ctx: Ctx, event: pb::EmailChanged) -> Result<()> {
        let Some((change, account)) = self.change(&ctx, &event.change_id).await? else { return Ok(()) };
        let id: Id<pb::EmailChanged> = event.former_notice_id.parse()?;
        if change.is_final() {
            return self.changed(&ctx, id.uuid(), change.former().as_str(), (&change, &account)).await;
        }
        let Some((code, until)) = change.code_back(&ctx, &self.keys) else { return Ok(()) };
        let post = Post { to: change.former().as_str(), ..post(&ctx, id.uuid(), &account, Kind::AddressGivenUp)? };
        let values = [
            ("name", account.person().given_name.as_str()),
            ("former", change.former().as_str()),
            ("address", change.wanted().as_str()),
            ("until", &post.language.moment(ctx.tenant(), until)),
            ("link", &format!("{}#{code}", self.page(&ctx, "restore-email"))),
            ("code", &code),
        ];
        self.send(&ctx, post, &values).await
    }

    pub(super) async fn new_address(self, ctx: Ctx, event: pb::EmailChanged) -> Result<()> {
        let Some((change, account)) = self.change(&ctx, &event.change_id).await? else { return Ok(()) };
        let id: Id<pb::EmailChanged> = event.new_notice_id.parse()?;
        self.changed(&ctx, id.uuid(), change.wanted().as_str(), (&change, &account)).await
    }

    /// Tells one of both addresses which of them is the login.
    async fn changed(&self, ctx: &Ctx, id: Uuid, to: &str, of: (&EmailChange, &Account)) -> Result<()> {
        let (change, account) = of;
        let post = Post { to, ..post(ctx, id, account, Kind::AddressChanged)? };
        let values = [
            ("name", account.person().given_name.as_str()),
            ("former", change.former().as_str()),
            ("address", change.wanted().as_str()),
        ];
        self.send(ctx, post, &values).await
    }

    /// Mails why an account was locked, where it still is.
    pub(super) async fn locked(self, ctx: Ctx, event: pb::AccountLocked) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        let State::Locked { at, reason, .. } = account.state() else { return Ok(()) };
        let id: Id<pb::AccountLocked> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::AccountLocked)?;
        let at = post.language.moment(ctx.tenant(), *at);
        let name = account.person().given_name.as_str();
        self.send(&ctx, post, &[("name", name), ("at", &at), ("reason", reason)]).await
    }

    /// Mails that a lock was taken away, where there is none.
    pub(super) async fn reinstated(self, ctx: Ctx, event: pb::AccountReinstated) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        if !account.is_living() {
            return Ok(());
        }
        let id: Id<pb::AccountReinstated> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::AccountReinstated)?;
        let (name, sign_in) = (account.person().given_name.as_str(), self.page(&ctx, "sign-in"));
        self.send(&ctx, post, &[("name", name), ("sign_in", &sign_in), ("recover", &self.recover(&ctx))]).await
    }

    /// Mails that an account will end, where nobody has signed in to it meanwhile.
    pub(super) async fn idle(self, ctx: Ctx, event: pb::InactivityWarned) -> Result<()> {
        let account = event.account_id.parse()?;
        let idle = retention::store::idle(&self.store.read(&ctx).await?, ctx.now(), Some(account)).await?.pop();
        let Some(Idle { account, .. }) = idle.filter(Idle::is_warned) else { return Ok(()) };
        let id: Id<pb::InactivityWarned> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::AccountIdle)?;
        let until = post.language.moment(ctx.tenant(), wire::instant(&event.ends_at.unwrap_or_default())?);
        let (name, sign_in) = (account.person().given_name.as_str(), self.page(&ctx, "sign-in"));
        let values = [("name", name), ("until", &until), ("sign_in", &sign_in), ("recover", &self.recover(&ctx))];
        self.send(&ctx, post, &values).await
    }

    /// Mails what happened to the second factor of an account, where its owner has not left.
    pub(super) async fn factor_changed(self, ctx: Ctx, event: pb::FactorChanged) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        let kind = match event.change() {
            pb::FactorChange::Enrolled => Kind::FactorEnrolled,
            pb::FactorChange::GivenUp => Kind::FactorGivenUp,
            pb::FactorChange::Reset => Kind::FactorReset,
            pb::FactorChange::CodeUsed => Kind::RecoveryCodeUsed,
            pb::FactorChange::Unspecified => return Ok(()),
        };
        if matches!(account.state(), State::Left { .. }) {
            return Ok(());
        }
        let id: Id<pb::FactorChanged> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, kind)?;
        let at = event.changed_at.unwrap_or_default();
        let at = Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)?;
        let values = [
            ("name", account.person().given_name.as_str()),
            ("at", &post.language.moment(ctx.tenant(), at)),
            ("left", &event.recovery_codes_left.to_string()),
            ("sign_in", &self.page(&ctx, "sign-in")),
            ("recover", &self.recover(&ctx)),
        ];
        self.send(&ctx, post, &values).await
    }

    /// Mails what happened to the passkeys of an account, where its owner has not left.
    pub(super) async fn passkey_changed(self, ctx: Ctx, event: pb::PasskeyChanged) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        let kind = match event.change() {
            pb::PasskeyChange::Added => Kind::PasskeyAdded,
            pb::PasskeyChange::Removed => Kind::PasskeyRemoved,
            pb::PasskeyChange::Copied => Kind::PasskeyCopied,
            pb::PasskeyChange::Unspecified => return Ok(()),
        };
        if matches!(account.state(), State::Left { .. } | State::Erased { .. }) {
            return Ok(());
        }
        let id: Id<pb::PasskeyChanged> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, kind)?;
        let at = event.changed_at.unwrap_or_default();
        let at = Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)?;
        let values = [
            ("name", account.person().given_name.as_str()),
            ("at", &post.language.moment(ctx.tenant(), at)),
            ("recover", &self.recover(&ctx)),
        ];
        self.send(&ctx, post, &values).await
    }

    /// Mails that an account was linked with an identity provider, or is so no longer, where its owner has not left.
    pub(super) async fn provider_link_changed(self, ctx: Ctx, event: pb::ProviderLinkChanged) -> Result<()> {
        let account = self.account(&ctx, &event.account_id).await?;
        if matches!(account.state(), State::Left { .. }) {
            return Ok(());
        }
        let id: Id<pb::ProviderLinkChanged> = event.notice_id.parse()?;
        let kind = if event.is_linked { Kind::ProviderLinked } else { Kind::ProviderUnlinked };
        let post = post(&ctx, id.uuid(), &account, kind)?;
        let at = event.changed_at.unwrap_or_default();
        let at = Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)?;
        let values = [
            ("name", account.person().given_name.as_str()),
            ("provider", ctx.tenant().section::<Country>()?.provider_name(&event.provider)),
            ("at", &post.language.moment(ctx.tenant(), at)),
            ("recover", &self.recover(&ctx)),
        ];
        self.send(&ctx, post, &values).await
    }

    /// A change whose code can still be redeemed, and its account.
    async fn waiting_change(&self, ctx: &Ctx, id: &str) -> Result<Option<(EmailChange, Account)>> {
        let found = self.change(ctx, id).await?;
        Ok(found.filter(|(change, account)| change.redeemable(ctx.now()).is_ok() && account.is_living()))
    }

    async fn change(&self, ctx: &Ctx, id: &str) -> Result<Option<(EmailChange, Account)>> {
        let db = self.store.read(ctx).await?;
        let Some(change) = email_change::store::find(&db, id.parse()?).await? else { return Ok(None) };
        let account = account::store::get(&db, change.account()).await?;
        Ok(Some((change, account)))
    }

    pub(super) async fn account(&self, ctx: &Ctx, id: &str) -> Result<Account> {
        account::store::get(&self.store.read(ctx).await?, id.parse()?).await
    }

    /// The page on which a forgotten password is replaced.
    pub(super) fn recover(&self, ctx: &Ctx) -> String {
        self.page(ctx, "recover-password")
    }
}

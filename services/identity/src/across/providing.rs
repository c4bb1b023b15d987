//! Coming in by an identity provider, and linking an account with one. A link is made by who has typed the password of the account and has
//! answered at the provider, in one session; it ends when its owner removes it, and with all that goes where the owner makes the account
//! safer, or proves by mail to be it ([`other_ways`]). The owner is told by mail.

use platform::{Ctx, Error, Id, Reads, Result, Store, Tx, event::Handlers, secret::Keys, wire};
use proto::identity::v1 as pb;

use super::{
    entry,
    entry::Worth,
    other_ways,
    sign_in::{Door, locked},
};
use crate::{
    account::{
        self, Account, email_change, factor, provider_link,
        provider_link::{ProviderLink, not_linked},
    },
    country::{Country, Provider},
    session::{
        self, Came, Proof, Session, provider,
        provider::{Answer, Attempt, Remote, Shown},
    },
};

/// Leads to providers and hears their answers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Broker {
    /// Identity's data.
    pub(crate) store: Store,
    /// The keys that all of an attempt is derived with.
    pub(crate) keys: Keys,
    /// Asks providers.
    pub(crate) remote: Remote,
    /// The address under which people reach this installation.
    pub(crate) public_url: String,
}

/// The provider of a country with this code. Error: not found.
pub(crate) fn named<'c>(ctx: &'c Ctx, code: &str) -> Result<&'c Provider> {
    let providers = ctx.tenant().section::<Country>()?.providers();
    providers.iter().find(|provider| provider.code() == code).ok_or_else(|| Error::not_found("provider"))
}

/// Adds the hourly task that forgets the attempts which nobody can complete any more.
pub(crate) fn handlers(others: Handlers, store: Store) -> Handlers {
    others.every_hour("forget attempts", move |ctx| {
        let store = store.clone();
        async move {
            let tx = store.change(&ctx).await?;
            provider::store::forget_over(&tx).await?;
            tx.commit().await
        }
    })
}

impl Broker {
    /// Asks providers for who comes through a door. Error: internal.
    pub(crate) fn new(door: &Door, public_url: String) -> Result<Self> {
        Ok(Self { store: door.store.clone(), keys: door.keys.clone(), remote: Remote::new()?, public_url })
    }

    /// Where somebody goes to answer an attempt. Error: not found; `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn way_in(&self, ctx: &Ctx, code: &str, attempt: &Attempt) -> Result<String> {
        let (provider, secrets) = (named(ctx, code)?, attempt.secrets(ctx, &self.keys));
        self.remote.way_in(ctx, provider, &self.page_of(ctx, provider), secrets).await
    }

    /// Whom an answer shows. `asking` is the session that links its account; None, where somebody signs in. The attempt is used up
    /// before the provider is asked, whatever it says: of two calls at once, one goes on. Error: `PROVIDER_ANSWER_REFUSED`;
    /// `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn subject(&self, ctx: &Ctx, answer: &Answer, asking: Option<&Session>) -> Result<Shown> {
        let id = Attempt::read(ctx, &self.keys, answer)?;
        let tx = self.store.change(ctx).await?;
        let attempt = provider::store::take(&tx, id).await?;
        tx.commit().await?;
        let attempt = attempt.ok_or_else(provider::refused)?;
        let providers = ctx.tenant().section::<Country>()?.providers();
        let provider = attempt.completed(ctx.now(), providers, &answer.provider, asking)?;
        let (page, secrets) = (self.page_of(ctx, provider), attempt.secrets(ctx, &self.keys));
        let said = self.remote.subject(ctx, provider, &page, secrets, answer).await?;
        Ok(attempt.shown_by(provider.clone(), said))
    }

    /// Where the caller goes to be signed out of the provider too by which their session was opened. Empty, where there is no such place,
    /// or the provider is away: whoever signs out waits for it for a moment at most.
    pub(crate) async fn way_out(&self, ctx: &Ctx) -> Result<String> {
        let db = self.store.read(ctx).await?;
        let session = session::store::find(&db, ctx.member()?.session.into()).await?;
        let Some(came) = session.and_then(|session| session.came()) else { return Ok(String::new()) };
        let link = provider_link::store::find(&db, came.link).await?;
        drop(db);
        let country = ctx.tenant().section::<Country>()?;
        let Some(provider) = link.as_ref().and_then(|link| link.provider_of(country)) else { return Ok(String::new()) };
        let way_out = self.remote.way_out(ctx, provider, self.page(ctx, "sign-in")).await;
        Ok(way_out.ok().flatten().unwrap_or_default())
    }

    /// The URL that a provider leads back to. Each has one of its own: else one that lies could have the answer of another brought to it, and
    /// sign in with that.
    fn page_of(&self, ctx: &Ctx, provider: &Provider) -> String {
        self.page(ctx, &format!("provider/{}", provider.code()))
    }

    /// The URL of a page of the tenant.
    fn page(&self, ctx: &Ctx, name: &str) -> String {
        format!("{}/{}/{name}", self.public_url.trim_end_matches('/'), ctx.tenant().id())
    }
}

/// The account that is linked with whom a provider has shown, which is held, and what that proves. Error: `PROVIDER_NOT_LINKED`;
/// `ACCOUNT_LOCKED`.
pub(crate) async fn holder(tx: &Tx, shown: &Shown) -> Result<(Account, Proof)> {
    let (issuer, subject) = (shown.provider.issuer(), &*shown.subject);
    let found = provider_link::store::by_subject(tx, issuer, subject).await?.ok_or_else(not_linked)?;
    let account = account::store::find_to_change(tx, found.account()).await?.ok_or_else(not_linked)?;
    // read again with the account held: it may have been removed meanwhile
    let link = provider_link::store::find(tx, found.id()).await?.ok_or_else(not_linked)?;
    if account.is_locked() {
        return Err(locked());
    }
    if !account.is_living() {
        return Err(not_linked());
    }
    if shown.two_factors && !link.has_shown_two() {
        let had_none = !factor::store::held(tx, account.id()).await?.is_any();
        provider_link::store::has_shown_two(tx, link.id()).await?;
        if had_none && !link.is_weak() {
            // it is the second factor from now on, which the other sessions have not shown
            session::store::end_all(tx, account.id()).await?;
        }
    }
    Ok((account, Proof::Provider(Came { link: link.id(), two_factors: shown.two_factors })))
}

/// The caller's own session, in which an account is to be linked: whoever has shown less than one of its roles needs would come in to that
/// role by a provider of their own. Error: `SECOND_FACTOR_NEEDED`; `SESSION_OVER`.
pub(crate) async fn linking(db: &impl Reads, account: &Account) -> Result<Session> {
    entry::refuse_half(db, account).await?;
    session::store::asking(db).await
}

/// Links the caller's own account with whom a provider has shown. Error: `SESSION_OVER`; `PROVIDER_LINKED`; as of [`entry::added`].
pub(crate) async fn link(tx: &Tx, shown: Shown) -> Result<ProviderLink> {
    let ctx = tx.ctx();
    let account = account::store::person_to_change(tx, ctx.account()?).await?;
    // one that was ended meanwhile, as by a recovered password, links nothing
    session::store::asking(tx).await?.living(ctx.now())?;
    let is_factor = match entry::added(tx, &account).await? {
        Worth::Password => false,
        Worth::First => shown.two_factors,
        Worth::Factor => true,
    };
    let link = ProviderLink::new(ctx, account.id(), &shown.provider, shown.subject).made(is_factor, shown.two_factors);
    provider_link::store::insert(tx, &link).await?;
    if is_factor {
        other_ways::count_shown(tx, account.id()).await?;
        // they may be somebody else's, and have not shown it
        session::store::end_others(tx, account.id(), ctx.member()?.session.into()).await?;
    }
    tell(tx, &link, "link provider", true);
    Ok(link)
}

/// Removes the link of an account, which is held, with a provider, and ends the sessions that it opened. Error: not found;
/// `SECOND_FACTOR_NEEDED`.
pub(crate) async fn unlink(tx: &Tx, account: &Account, provider: &str) -> Result<()> {
    entry::refuse_half(tx, account).await?;
    let links = provider_link::store::of_account(tx, account.id()).await?;
    let link = links.into_iter().find(|link| link.provider() == provider).ok_or_else(|| Error::not_found("link"))?;
    provider_link::store::remove(tx, link.id()).await?;
    session::store::end_all_by_link(tx, link.id()).await?;
    email_change::store::forget_of(tx, account.id()).await?;
    tell(tx, &link, "remove provider link", false);
    Ok(())
}

/// Removes those links of an account that go. Returns whether there were any. The caller ends the sessions.
pub(crate) async fn cut(tx: &Tx, account: Id<Account>, goes: impl Fn(&ProviderLink) -> bool) -> Result<bool> {
    let links: Vec<_> = provider_link::store::of_account(tx, account).await?.into_iter().filter(goes).collect();
    for link in &links {
        provider_link::store::remove(tx, link.id()).await?;
        tell(tx, link, "remove provider link", false);
    }
    Ok(!links.is_empty())
}

/// Notes and publishes what happened, of which the owner is told by mail.
fn tell(tx: &Tx, link: &ProviderLink, action: &'static str, is_linked: bool) {
    let ctx = tx.ctx();
    tx.note(action, format!("account {}", link.account()), format!("provider {}", link.provider()));
    tx.emit(&pb::ProviderLinkChanged {
        account_id: link.account().to_string(),
        provider: link.provider().to_owned(),
        is_linked,
        changed_at: Some(wire::timestamp(ctx.now())),
        notice_id: ctx.new_id::<pb::ProviderLinkChanged>().to_string(),
    });
}

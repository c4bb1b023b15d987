//! The mails that facts cause. A mail is written from the data at the time it is sent; where its occasion no longer exists, it is
//! not sent. Its id is the id of what was issued, so a mail that is sent twice is one mail.

use jiff::Timestamp;
use platform::{
    Ctx, Error, Host, Id, Result, Store, TenantId, Tenants,
    event::Handlers,
    mail::{Mail, Mailer},
    secret::Keys,
};
use proto::{identity::v1 as pb, options::v1::Role};
use uuid::Uuid;

use crate::{
    account::{self, Account},
    class::{
        application,
        team::{self, Team},
    },
    country::Country,
    mandate::{self, Mandate, invitation, roles},
    post::{
        letters::{self, Kind, Tongue},
        reminder::Wait,
    },
};

mod accounts;
mod classes;
mod confirming;
mod machines;

/// Writes mails. Cheap to clone.
#[derive(Clone)]
struct Mails {
    store: Store,
    keys: Keys,
    mailer: Mailer,
    tenants: Tenants,
    public_url: String,
}

/// The handlers of the facts that cause mails. `public_url` is the address of the installation.
pub(crate) fn handlers(host: &Host, public_url: String) -> Handlers {
    let (store, keys, mailer) = (host.store.clone(), host.keys.clone(), host.mailer.clone());
    Mails { store, keys, mailer, tenants: host.tenants.clone(), public_url }.handlers()
}

impl Mails {
    fn handlers(self) -> Handlers {
        let [verification, repeated, credential, refused, reminder, invited, granted, revoked, hook, secret] =
            std::array::from_fn(|_| self.clone());
        self.of_classes(self.of_confirmations(self.of_accounts(Handlers::new())))
            .on_each("mail verification", move |ctx, event| verification.clone().verification(ctx, event))
            .on_each("mail registered again", move |ctx, event| repeated.clone().registered_again(ctx, event))
            .on_each("mail credential", move |ctx, event| credential.clone().credential(ctx, event))
            .on_each("mail refusal", move |ctx, event| refused.clone().refusal(ctx, event))
            .on_each("mail reminder", move |ctx, event| reminder.clone().reminder(ctx, event))
            .on_each("mail invitation", move |ctx, event| invited.clone().invitation(ctx, event))
            .on_each("mail granted mandate", move |ctx, event| granted.clone().granted(ctx, event))
            .on_each("mail revoked mandate", move |ctx, event| revoked.clone().revoked(ctx, event))
            .on_each("mail disabled webhook", move |ctx, event| hook.clone().webhook_disabled(ctx, event))
            .on_each("mail machine secret", move |ctx, event| secret.clone().machine_secret_made(ctx, event))
    }

    fn of_classes(&self, others: Handlers) -> Handlers {
        let [former, new, support] = std::array::from_fn(|_| self.clone());
        others
            .on_each("mail former referent", move |ctx, event| former.clone().former_referent(ctx, event))
            .on_each("mail new referent", move |ctx, event| new.clone().new_referent(ctx, event))
            .on_each("mail support", move |ctx, event| support.clone().support_added(ctx, event))
    }

    fn of_confirmations(&self, others: Handlers) -> Handlers {
        let [confirmed, ended, asked] = std::array::from_fn(|_| self.clone());
        others
            .on_each("mail confirmation", move |ctx, event| confirmed.clone().confirmed(ctx, event))
            .on_each("mail ended confirmation", move |ctx, event| ended.clone().confirmation_ended(ctx, event))
            .on_each("mail school", move |ctx, event| asked.clone().school_asked(ctx, event))
    }

    fn of_accounts(&self, others: Handlers) -> Handlers {
        let [recovery, recovered, asked, warned, former, new, locked, open, factor, passkey, idle, link] =
            std::array::from_fn(|_| self.clone());
        others
            .on_each("mail recovery", move |ctx, event| recovery.clone().recovery(ctx, event))
            .on_each("mail password recovered", move |ctx, event| recovered.clone().password_recovered(ctx, event))
            .on_each("mail new address", move |ctx, event| asked.clone().address_asked(ctx, event))
            .on_each("mail address until now", move |ctx, event| warned.clone().address_warned(ctx, event))
            .on_each("mail former address", move |ctx, event| former.clone().former_address(ctx, event))
            .on_each("mail changed address", move |ctx, event| new.clone().new_address(ctx, event))
            .on_each("mail lock", move |ctx, event| locked.clone().locked(ctx, event))
            .on_each("mail reinstatement", move |ctx, event| open.clone().reinstated(ctx, event))
            .on_each("mail second factor", move |ctx, event| factor.clone().factor_changed(ctx, event))
            .on_each("mail passkey", move |ctx, event| passkey.clone().passkey_changed(ctx, event))
            .on_each("mail end of account", move |ctx, event| idle.clone().idle(ctx, event))
            .on_each("mail provider", move |ctx, event| link.clone().provider_link_changed(ctx, event))
    }
}

/// The recipient and the kind of a mail.
struct Post<'a> {
    id: Uuid,
    to: &'a str,
    language: Tongue<'a>,
    kind: Kind,
}

impl Mails {
    async fn verification(self, ctx: Ctx, event: pb::VerificationIssued) -> Result<()> {
        let id: Id<account::Registration> = event.code_id.parse()?;
        let found = account::store::registration(&self.store.read(&ctx).await?, id).await?;
        let Some(registration) = found.filter(|registration| !registration.is_over(&ctx)) else { return Ok(()) };
        let language = tongue(&ctx, registration.locale())?;
        let code = registration.code(&ctx, &self.keys);
        let values = [
            ("registered", &*language.moment(ctx.tenant(), registration.registered_at())),
            ("until", &language.moment(ctx.tenant(), registration.expires_at())),
            // browsers do not send the part after the hash, so it is in no server's log
            ("link", &format!("{}#{code}", self.page(&ctx, "verify-email"))),
            ("code", &code),
        ];
        let to = registration.login().as_str();
        // a fact of an older process names no letter: it was the only one with its code
        let letter = if event.letter_id.is_empty() { &event.code_id } else { &event.letter_id };
        let letter: Id<pb::VerificationIssued> = letter.parse()?;
        self.send(&ctx, Post { id: letter.uuid(), to, language, kind: Kind::VerifyEmail }, &values).await
    }

    async fn registered_again(self, ctx: Ctx, event: pb::RegistrationRepeated) -> Result<()> {
        let account = account::store::get(&self.store.read(&ctx).await?, event.account_id.parse()?).await?;
        let id: Id<pb::RegistrationRepeated> = event.notice_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::RegisteredAgain)?;
        let (name, link) = (account.person().given_name.as_str(), self.page(&ctx, "sign-in"));
        self.send(&ctx, post, &[("name", name), ("link", &link), ("recover", &self.recover(&ctx))]).await
    }

    async fn credential(self, ctx: Ctx, event: pb::CredentialIssued) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let credential = team::store::credential(&db, event.credential_id.parse()?).await?;
        let team = team::store::find(&db, credential.team()).await?;
        let Some(team) = team.filter(|_| credential.redeemable(ctx.now()).is_ok()) else { return Ok(()) };
        let referent = account::store::get(&db, team.referent()).await?;
        drop(db);
        let post = post(&ctx, credential.id().uuid(), &referent, Kind::TeamCredential)?;
        let values = [
            ("name", referent.person().given_name.as_str()),
            ("team", team.name()),
            ("login", team.code().as_str()),
            ("credential", &credential.text(&self.keys)),
            ("until", &post.language.moment(ctx.tenant(), credential.expires_at())),
            ("link", &self.page(&ctx, "redeem")),
        ];
        self.send(&ctx, post, &values).await
    }

    async fn refusal(self, ctx: Ctx, event: pb::ApplicationRefused) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let Some(application) = application::store::find(&db, event.application_id.parse()?).await? else {
            return Ok(());
        };
        let Some(refusal) = application.refusal() else { return Ok(()) };
        let referent = account::store::get(&db, application.referent()).await?;
        drop(db);
        let post = post(&ctx, application.id().uuid(), &referent, Kind::ApplicationRefused)?;
        let name = referent.person().given_name.as_str();
        self.send(&ctx, post, &[("name", name), ("team", application.team_name()), ("refusal", refusal)]).await
    }

    /// Mails an invitation, where its code was not replaced, used or withdrawn meanwhile.
    async fn invitation(self, ctx: Ctx, event: pb::InvitationIssued) -> Result<()> {
        let id: Id<invitation::Code> = event.code_id.parse()?;
        let found = invitation::store::by_code(&self.store.read(&ctx).await?, id).await?;
        let Some(invitation) = found else { return Ok(()) };
        let Ok((login, until)) = invitation.open(ctx.now()) else { return Ok(()) };
        let language = tongue(&ctx, invitation.locale())?;
        let code = invitation.code(&ctx, &self.keys);
        let values = [
            ("role", language.role(&roles::word(invitation.role()))),
            ("until", &language.moment(ctx.tenant(), until)),
            // browsers do not send the part after the hash, so it is in no server's log
            ("link", &format!("{}#{code}", self.page(&ctx, "accept-invitation"))),
            ("code", &code),
        ];
        self.send(&ctx, Post { id: id.uuid(), to: login.as_str(), language, kind: Kind::Invitation }, &values).await
    }

    async fn granted(self, ctx: Ctx, event: pb::MandateGranted) -> Result<()> {
        let id: Id<pb::MandateGranted> = event.letter_id.parse()?;
        self.of_mandate(ctx, id.uuid(), &event.mandate_id, Kind::MandateGranted).await
    }

    async fn revoked(self, ctx: Ctx, event: pb::MandateRevoked) -> Result<()> {
        let id: Id<pb::MandateRevoked> = event.letter_id.parse()?;
        self.of_mandate(ctx, id.uuid(), &event.mandate_id, Kind::MandateRevoked).await
    }

    /// Mails to the owner of an account that a role was given or taken away.
    async fn of_mandate(self, ctx: Ctx, letter: Uuid, mandate: &str, kind: Kind) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let mandate: Mandate = mandate::store::get(&db, mandate.parse()?).await?;
        let account = account::store::get(&db, mandate.account()).await?;
        drop(db);
        let post = post(&ctx, letter, &account, kind)?;
        let language = post.language;
        let values = [
            ("name", account.person().given_name.as_str()),
            ("role", language.role(&roles::word(mandate.role()))),
            ("link", &self.page(&ctx, "sign-in")),
        ];
        self.send(&ctx, post, &values).await
    }

    /// Mails a reminder, where its reader is still responsible and the programme still exists.
    async fn reminder(self, ctx: Ctx, event: pb::ReminderAddressed) -> Result<()> {
        let Some((wait, since)) = Wait::told(event.wait()).zip(event.since) else { return Ok(()) };
        let Ok(programme) = self.tenants.get(&event.programme) else { return Ok(()) };
        let Some((account, team)) = self.reminded(&ctx, &event.account_id, &event.team_id).await? else {
            return Ok(());
        };
        let kind = if team.is_some() { Kind::ClassAwaited } else { Kind::CentralTeamAwaited };
        let id: Id<pb::ReminderAddressed> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, kind)?;
        let language = post.language;
        let since = Timestamp::new(since.seconds, since.nanos).map_err(Error::internal)?;
        let values = [
            ("name", account.person().given_name.as_str()),
            ("twinning", programme.name()),
            ("team", team.as_ref().map_or("", Team::name)),
            ("since", &language.moment(ctx.tenant(), since)),
            ("todo", language.todo(wait)),
            ("link", &self.address(programme.id(), &format!("pairs/{}", event.pair_id))),
            ("sign_in", &self.page(&ctx, "sign-in")),
        ];
        self.send(&ctx, post, &values).await
    }

    /// The account to remind and its team, or no team for a coordinator. None where the account no longer has this part.
    async fn reminded(&self, ctx: &Ctx, account: &str, team: &str) -> Result<Option<(Account, Option<Team>)>> {
        let db = self.store.read(ctx).await?;
        let Some(account) = account::store::find(&db, account.parse()?).await? else { return Ok(None) };
        if team.is_empty() {
            let held = mandate::store::of_account(&db, account.id()).await?;
            let is_coordinator = account.is_living() && held.iter().any(|mandate| mandate.is(Role::Coordinator));
            return Ok(is_coordinator.then_some((account, None)));
        }
        let team = team::store::find(&db, team.parse()?).await?;
        let team = team.filter(|team| team.has_teacher(account.id()) && team.is_interreg());
        Ok(team.map(|team| (account, Some(team))))
    }

    /// The URL of a page of the tenant.
    fn page(&self, ctx: &Ctx, name: &str) -> String {
        self.address(ctx.tenant().id(), name)
    }

    fn address(&self, tenant: &TenantId, name: &str) -> String {
        format!("{}/{tenant}/{name}", self.public_url.trim_end_matches('/'))
    }

    async fn send(&self, ctx: &Ctx, post: Post<'_>, values: &[(&str, &str)]) -> Result<()> {
        let Post { id, to, language, kind } = post;
        if !to.contains('@') {
            // the owner has left meanwhile, and with them their address
            return Ok(());
        }
        let values: Vec<_> = values.iter().copied().chain([("programme", ctx.tenant().name())]).collect();
        let letter = language.write(kind, &values);
        let (to, language) = (to.to_owned(), language.tag.to_owned());
        self.mailer.send(ctx, Mail { id, to, language, subject: letter.subject, text: letter.text }).await
    }
}

/// The language to write to somebody in.
fn tongue<'a>(ctx: &'a Ctx, locale: &str) -> Result<Tongue<'a>> {
    letters::language(ctx.tenant(), ctx.tenant().section::<Country>()?.letters(), locale)
}

fn post<'a>(ctx: &'a Ctx, id: Uuid, account: &'a Account, kind: Kind) -> Result<Post<'a>> {
    let language = tongue(ctx, &account.person().locale)?;
    Ok(Post { id, to: account.login().as_str(), language, kind })
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::testing::Ground;

    /// What is mailed on this ground.
    pub(crate) fn handlers(ground: &Ground) -> Handlers {
        let (store, keys, mailer) = (ground.store().clone(), ground.keys.clone(), ground.mailer());
        let (tenants, public_url) = (ground.tenants().clone(), "https://koine.example/".to_owned());
        Mails { store, keys, mailer, tenants, public_url }.handlers()
    }
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::account_service_server::AccountService;

    use super::{testing::handlers as mails, *};
    use crate::testing::{Ground, PASSWORD, reason, request};

    fn registering(email: &str) -> pb::CreateAccountRequest {
        pb::CreateAccountRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            given_name: "Ana".to_owned(),
            surname: "Horvat".to_owned(),
            locale: "en".to_owned(),
            ..pb::CreateAccountRequest::default()
        }
    }

    async fn emit<E: platform::event::Event>(ground: &Ground, event: &E) {
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        tx.emit(event);
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn the_code_in_the_mail_verifies_the_address() {
        let ground = Ground::new();
        let accounts = ground.accounts();
        accounts.create_account(request(&ground.anybody(), registering("ana@school.example"))).await.unwrap();
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        let [(_, mail)] = &ground.mails()[..] else { panic!("one mail") };
        assert!(mail.contains("To: ana@school.example"), "{mail}");
        assert!(mail.contains("Wednesday 5 October 2022 at 10:00 (Europe/Rome, UTC+02:00)"), "{mail}");
        let link = mail.lines().find_map(|line| line.strip_prefix("https://koine.example/it/verify-email#")).unwrap();
        let message = pb::VerifyEmailRequest { code: link.to_owned(), password: PASSWORD.to_owned() };
        assert_eq!(reason(accounts.verify_email(request(&ground.anybody(), message)).await), "OK");
    }

    #[tokio::test]
    async fn who_has_an_account_is_told_and_gets_no_code() {
        let ground = Ground::new();
        ground.teacher("ana@school.example").await;
        let accounts = ground.accounts();
        accounts.create_account(request(&ground.anybody(), registering("ana@school.example"))).await.unwrap();
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        let [(_, mail)] = &ground.mails()[..] else { panic!("one mail") };
        assert!(mail.contains("https://koine.example/it/sign-in") && !mail.contains("verify-email"), "{mail}");
        assert!(mail.contains("https://koine.example/it/recover-password"), "{mail}");
    }

    #[tokio::test]
    async fn a_code_of_nobody_is_not_mailed() {
        let ground = Ground::new();
        let message = pb::ResendVerificationRequest { email: "nobody@school.example".to_owned() };
        ground.accounts().resend_verification(request(&ground.anybody(), message)).await.unwrap();
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        assert_eq!(ground.mails(), []);
    }

    #[tokio::test]
    async fn a_code_that_expired_before_it_was_mailed_is_not_mailed() {
        let ground = Ground::new();
        let accounts = ground.accounts();
        accounts.create_account(request(&ground.anybody(), registering("ana@school.example"))).await.unwrap();
        ground.clock.advance(jiff::SignedDuration::from_hours(49));
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        assert_eq!(ground.mails(), []);
    }

    #[tokio::test]
    async fn the_referent_is_sent_the_credential_once_under_its_id() {
        let ground = Ground::new();
        let referent = ground.teacher("ana@school.example").await;
        let (_, credential) = ground.team(&referent).await;
        let event = pb::CredentialIssued::from(&credential);
        emit(&ground, &event).await;
        emit(&ground, &event).await;
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        let [(id, mail)] = &ground.mails()[..] else { panic!("one mail") };
        assert_eq!(id, &credential.id().to_string());
        assert!(mail.contains("To: ana@school.example"), "{mail}");
    }

    #[tokio::test]
    async fn a_credential_that_was_replaced_is_not_mailed() {
        let ground = Ground::new();
        let referent = ground.teacher("ana@school.example").await;
        let (team, first) = ground.team(&referent).await;
        let ctx = ground.anybody();
        let second = team::Credential::issue(&ctx, &ground.keys, team.id()).unwrap();
        let tx = ground.store().change(&ctx).await.unwrap();
        crate::across::credential::replace(&tx, &second).await.unwrap();
        tx.emit(&pb::CredentialIssued::from(&first));
        tx.emit(&pb::CredentialIssued::from(&second));
        tx.commit().await.unwrap();
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        let ids: Vec<_> = ground.mails().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [second.id().to_string()]);
    }

    #[tokio::test]
    async fn who_was_not_admitted_reads_why() {
        let ground = Ground::new();
        let referent = ground.teacher("ana@school.example").await;
        let (_, mut application) = ground.application(&referent, &ground.school("CHTD007011").await).await;
        application
            .refuse(&ground.anybody(), "The call was for ten classes; yours was the eleventh.".to_owned())
            .unwrap();
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        application::store::save(&tx, &mut application).await.unwrap();
        tx.emit(&pb::ApplicationRefused { application_id: application.id().to_string() });
        tx.commit().await.unwrap();
        assert_eq!(ground.drain(mails(&ground)).await, 0);
        let [(id, mail)] = &ground.mails()[..] else { panic!("one mail") };
        assert_eq!(id, &application.id().to_string());
        assert!(mail.contains("The call was for ten classes; yours was the eleventh."), "{mail}");
    }
}

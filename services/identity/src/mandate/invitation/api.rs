//! The methods on invitations: open, load, decide, save, answer.

use platform::{Allowed, Ctx, Open, PageRequest, Peers, Result, Store, page::Sizes, secret::Keys};
use proto::identity::v1::{self as pb, invitation_service_server::InvitationService};
use tonic::{Request, Response, Status};

use super::{Invitation, store, wire};
use crate::{
    account::{Account, Login},
    across::{
        inviting::{self, Invited},
        mandating,
    },
    class::track::peer,
    country::Country,
    mandate::{Giver, Post},
    password::{
        hasher::Hasher,
        throttle::{Occasion, Throttle},
    },
};

/// The methods on invitations.
#[derive(Clone)]
pub struct Invitations {
    /// Identity's data.
    pub store: Store,
    /// The keys codes are derived with.
    pub keys: Keys,
    /// Hashes and compares passwords.
    pub hasher: Hasher,
    /// Limits guesses, and mails to others.
    pub throttle: Throttle,
    /// The channel to lessons, which keeps editions.
    pub peers: Peers,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl InvitationService for Invitations {
    async fn create_invitation(
        &self,
        request: Request<pb::CreateInvitationRequest>,
    ) -> Result<Response<pb::Invitation>, Status> {
        let (ctx, req) = request.open()?;
        let (giver, post, login) = (Giver::of(&ctx)?, Post::try_from(&req)?, Login::of(&req.email));
        // asked before a transaction is opened, and refused after it is known that nothing is remembered
        let edition = peer::check_edition(&self.peers, &ctx, "edition_id", post.bound.period).await;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        mandating::hold_own(&tx).await?;
        edition?;
        let mut invitation = Invitation::create(&ctx, &giver, login, post, req.locale, lifetime(&ctx)?)?;
        self.throttle.letter(&ctx, Occasion::of(&ctx)?, invitation.open(ctx.now())?.0.as_str())?;
        inviting::send(&tx, &mut invitation, "invite").await?;
        tx.answer(invitation.shown(ctx.now())).await
    }

    async fn get_invitation(
        &self,
        request: Request<pb::GetInvitationRequest>,
    ) -> Result<Response<pb::Invitation>, Status> {
        let (ctx, req) = request.open()?;
        // a transaction that writes, because reading personal data is an entry of the audit log
        let tx = self.store.change(&ctx).await?;
        let invitation = store::get(&tx, req.invitation_id.parse()?).await?;
        tx.note("read invitation", format!("invitation {}", invitation.id), "");
        tx.commit().await?;
        Ok(Response::new(invitation.shown(ctx.now())))
    }

    async fn list_invitations(
        &self,
        request: Request<pb::ListInvitationsRequest>,
    ) -> Result<Response<pb::ListInvitationsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let tx = self.store.change(&ctx).await?;
        let page = store::list(&tx, page).await?;
        tx.note("list invitations", "invitations", format!("found {}", page.items.len()));
        tx.commit().await?;
        let page = page.map(|invitation| invitation.shown(ctx.now()));
        Ok(Response::new(pb::ListInvitationsResponse { invitations: page.items, next_page_token: page.next }))
    }

    async fn reissue_invitation(
        &self,
        request: Request<pb::ReissueInvitationRequest>,
    ) -> Result<Response<pb::Invitation>, Status> {
        let (ctx, req) = request.open()?;
        let giver = Giver::of(&ctx)?;
        let tx = self.store.write(&ctx).await?;
        let mut invitation = store::get(&tx, req.invitation_id.parse()?).await?;
        let tx = tx.allowed(invitation.handled_by(&giver)?).await?;
        mandating::hold_own(&tx).await?;
        invitation.reissue(&ctx, &giver, lifetime(&ctx)?)?;
        self.throttle.letter(&ctx, Occasion::of(&ctx)?, invitation.open(ctx.now())?.0.as_str())?;
        inviting::send(&tx, &mut invitation, "invite again").await?;
        tx.answer(invitation.shown(ctx.now())).await
    }

    async fn revoke_invitation(
        &self,
        request: Request<pb::RevokeInvitationRequest>,
    ) -> Result<Response<pb::Invitation>, Status> {
        let (ctx, req) = request.open()?;
        let giver = Giver::of(&ctx)?;
        let tx = self.store.write(&ctx).await?;
        let mut invitation = store::get(&tx, req.invitation_id.parse()?).await?;
        let tx = tx.allowed(invitation.handled_by(&giver)?).await?;
        if invitation.revoke(&ctx, &giver)? {
            store::save(&tx, &mut invitation).await?;
            tx.note("withdraw invitation", format!("invitation {}", invitation.id), "");
        }
        tx.answer(invitation.shown(ctx.now())).await
    }

    async fn read_invitation(
        &self,
        request: Request<pb::ReadInvitationRequest>,
    ) -> Result<Response<pb::ReadInvitationResponse>, Status> {
        let (ctx, req) = request.open()?;
        let Invited { invitation, account } = self.invited(&ctx, &req.code).await?;
        Ok(Response::new(wire::told(&ctx, &invitation, account.is_some())?))
    }

    async fn accept_invitation(
        &self,
        request: Request<pb::AcceptInvitationRequest>,
    ) -> Result<Response<pb::AcceptInvitationResponse>, Status> {
        let (ctx, req) = request.open()?;
        let invited = self.invited(&ctx, &req.code).await?;
        let code = invited.invitation.code_id();
        let account = self.proven(&ctx, invited, req).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let mandate = inviting::accept(&tx, code, account).await?;
        tx.answer(pb::AcceptInvitationResponse { mandate_id: mandate.id().to_string() }).await
    }
}

impl Invitations {
    /// The invitation of a mailed code, with the account of its address. Error: `CODE_INVALID`, `CODE_EXPIRED`, `RATE_EXCEEDED`.
    async fn invited(&self, ctx: &Ctx, code: &str) -> Result<Invited> {
        let code = self.throttle.typed(ctx, || Invitation::read_code(ctx, &self.keys, code))?;
        let invited = Invited::load(&self.store.read(ctx).await?, code).await?;
        invited.invitation.open(ctx.now())?;
        Ok(invited)
    }

    /// The account that accepts: that of the address, whose password was typed, or a new one. Error: `SIGN_IN_FAILED`, where the typed
    /// password is not the account's, which counts as a guess; every violation of a new account's data.
    async fn proven(&self, ctx: &Ctx, invited: Invited, req: pb::AcceptInvitationRequest) -> Result<Account> {
        let Invited { invitation, account } = invited;
        let (login, _) = invitation.open(ctx.now())?;
        let Some(account) = account else {
            let form = wire::form(login, invitation.locale(), req);
            form.check(ctx)?;
            let password = self.hasher.hash(&form.password).await?;
            return Ok(Account::of_person(ctx, form.login, form.person, password));
        };
        let attempt = self.throttle.guess_in_turn(ctx, login.as_str()).await?;
        let fits = self.hasher.verify(&req.password, account.password()).await;
        // a full queue is no wrong guess
        if !matches!(fits, Ok(false)) {
            attempt.give_back();
        }
        inviting::own(account, fits?)
    }
}

/// How long a code is valid in this country.
fn lifetime(ctx: &Ctx) -> Result<jiff::SignedDuration> {
    Ok(ctx.tenant().section::<Country>()?.credentials().invitation())
}

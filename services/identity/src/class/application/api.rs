//! The methods on applications.

use platform::{Allowed, Ctx, Id, MethodTx, Open, PageRequest, Peers, Result, Store, page::Sizes, secret::Keys, wire};
use proto::identity::v1::{self as pb, application_service_server::ApplicationService};
use tonic::{Request, Response, Status};

use super::{
    Application, Draft, Reservation,
    store::{self, Filter},
};
use crate::{
    across::{admission, confirming, entrance, submission},
    class::track::{self, Track},
    school,
};

/// The methods on applications.
#[derive(Clone)]
pub struct Applications {
    /// Identity's data.
    pub store: Store,
    /// The keys for credentials.
    pub keys: Keys,
    /// The channel to lessons, which keeps the rules of tracks.
    pub peers: Peers,
}

const SIZES: Sizes = Sizes { usual: 50, most: 200 };

#[tonic::async_trait]
impl ApplicationService for Applications {
    async fn create_application(
        &self,
        request: Request<pb::CreateApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let wanted = req.application.clone().unwrap_or_default();
        let track = self.track(&ctx, "application.track_id", &wanted.track_id).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entrance::owner_to_change(&tx).await?;
        let mut application = Application::begin(&ctx, &track, Draft::try_from(wanted)?)?;
        school::store::check(&tx, "application.school_id", application.draft.school).await?;
        store::save(&tx, &mut application).await?;
        answer(tx, application).await
    }

    async fn update_application(
        &self,
        request: Request<pb::UpdateApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let id = req.application.as_ref().map(|application| application.id.clone()).unwrap_or_default();
        let mut application = store::get(&tx, wire::named_id("application.id", &id)?).await?;
        let tx = tx.allowed(application.seen_by(&ctx)?).await?;
        if application.change(application.asked(req)?)? {
            school::store::check(&tx, "application.school_id", application.draft.school).await?;
            store::save(&tx, &mut application).await?;
        }
        answer(tx, application).await
    }

    async fn submit_application(
        &self,
        request: Request<pb::SubmitApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let track = self.track_of(&ctx, req.application_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let mut application = store::get(&tx, req.application_id.parse()?).await?;
        let tx = tx.allowed(application.seen_by(&ctx)?).await?;
        wire::check_etag(&req.etag, application.version)?;
        application.submit(&ctx, &track, &submission::evidence_to_submit(&tx, &application).await?)?;
        store::save(&tx, &mut application).await?;
        tx.note("submit application", format!("application {}", application.id()), "");
        answer(tx, application).await
    }

    async fn withdraw_application(
        &self,
        request: Request<pb::WithdrawApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut application = store::get(&tx, req.application_id.parse()?).await?;
        let tx = tx.allowed(application.seen_by(&ctx)?).await?;
        application.withdraw(&ctx)?;
        store::save(&tx, &mut application).await?;
        tx.note("withdraw application", format!("application {}", application.id()), "");
        answer(tx, application).await
    }

    async fn get_application(
        &self,
        request: Request<pb::GetApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let application = store::get(&db, req.application_id.parse()?).await?;
        let unconfirmed = confirming::unconfirmed_among(&db, [application.asked_of()]).await?;
        Ok(Response::new(application.marked(&unconfirmed)))
    }

    async fn list_applications(
        &self,
        request: Request<pb::ListApplicationsRequest>,
    ) -> Result<Response<pb::ListApplicationsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = Filter { edition: wire::optional(&req.edition_id)?, state: state_name(req.state()) };
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, filter, page).await?;
        let unconfirmed = confirming::unconfirmed_among(&db, page.items.iter().map(Application::asked_of)).await?;
        let page = page.map(|application| application.marked(&unconfirmed));
        Ok(Response::new(pb::ListApplicationsResponse { applications: page.items, next_page_token: page.next }))
    }

    async fn admit_application(
        &self,
        request: Request<pb::AdmitApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let track = self.track_of(&ctx, req.application_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let mut application = store::get(&tx, req.application_id.parse()?).await?;
        let tx = tx.allowed(application.seen_by(&ctx)?).await?;
        let admitted = application.admit(&ctx, req.reservation.map(Reservation::try_from).transpose()?)?;
        admission::carry_out(&tx, &self.keys, &track, &application, admitted).await?;
        store::save(&tx, &mut application).await?;
        tx.note("admit application", format!("application {}", application.id()), application.state.name());
        answer(tx, application).await
    }

    async fn refuse_application(
        &self,
        request: Request<pb::RefuseApplicationRequest>,
    ) -> Result<Response<pb::Application>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut application = store::get(&tx, req.application_id.parse()?).await?;
        let tx = tx.allowed(application.seen_by(&ctx)?).await?;
        application.refuse(&ctx, req.refusal)?;
        store::save(&tx, &mut application).await?;
        tx.note("refuse application", format!("application {}", application.id()), "");
        tx.emit(&pb::ApplicationRefused { application_id: application.id().to_string() });
        answer(tx, application).await
    }
}

impl Applications {
    async fn track(&self, ctx: &Ctx, field: &str, id: &str) -> Result<Track> {
        let id = wire::optional(id)?.unwrap_or_else(|| uuid::Uuid::nil().into());
        track::peer::get(&self.peers, ctx, field, id).await
    }

    /// The rules of an application's track. They are fetched before a transaction is opened.
    async fn track_of(&self, ctx: &Ctx, id: Id<Application>) -> Result<Track> {
        let application = store::get(&self.store.read(ctx).await?, id).await?;
        track::peer::get(&self.peers, ctx, "application_id", application.track).await
    }
}

/// Answers with an application as it is now.
async fn answer(tx: MethodTx, application: Application) -> Result<Response<pb::Application>, Status> {
    let unconfirmed = confirming::unconfirmed_among(&tx, [application.asked_of()]).await?;
    tx.answer(application.marked(&unconfirmed)).await
}

fn state_name(state: pb::ApplicationState) -> Option<&'static str> {
    match state {
        pb::ApplicationState::Unspecified => None,
        pb::ApplicationState::Draft => Some("draft"),
        pb::ApplicationState::Submitted => Some("submitted"),
        pb::ApplicationState::Admitted => Some("admitted"),
        pb::ApplicationState::AdmittedWithReservation => Some("admitted_with_reservation"),
        pb::ApplicationState::Refused => Some("refused"),
        pb::ApplicationState::Withdrawn => Some("withdrawn"),
    }
}

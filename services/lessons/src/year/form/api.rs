//! The methods on forms.

use platform::{Open, Result, Store};
use proto::lessons::v1::{self as pb, form_service_server::FormService};
use tonic::{Request, Response, Status};

use super::store;
use crate::year::edition;

/// The methods on forms.
#[derive(Clone)]
pub struct Forms {
    /// The data of lessons.
    pub store: Store,
}

#[tonic::async_trait]
impl FormService for Forms {
    async fn get_form(&self, request: Request<pb::GetFormRequest>) -> Result<Response<pb::Form>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let (track, _) = edition::store::track(&db, req.track_id.parse()?).await?;
        track.check_lesson(req.lesson)?;
        let form = store::newest(&db, track.id(), req.lesson).await?;
        Ok(Response::new(form.into()))
    }
}

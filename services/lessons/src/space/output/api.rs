//! The methods on joint outputs: open, load, decide, save, answer.

use platform::{Open, Result, Store};
use proto::lessons::v1::{self as pb, output_service_server::OutputService};
use tonic::{Request, Response, Status};

use crate::{
    across::output::{load, load_to_write, save, send_home},
    twinning::{
        pair,
        sighting::{Kind as Witnessed, witness::Witness},
    },
};

/// The methods on joint outputs.
#[derive(Clone)]
pub struct Outputs {
    /// The data of lessons.
    pub store: Store,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

#[tonic::async_trait]
impl OutputService for Outputs {
    async fn get_output(&self, request: Request<pb::GetOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        let loaded = load(&self.store.read(&ctx).await?, req.pair_id.parse()?, req.lesson).await?;
        self.witness.saw(&ctx, Witnessed::Output, loaded.makers()).await?;
        Ok(Response::new(loaded.try_into()?))
    }

    async fn save_output(&self, request: Request<pb::SaveOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.shared_by(&ctx)?).await?;
        let mut loaded = load_to_write(&tx, pair, req.lesson).await?;
        if loaded.save(&ctx, req.try_into()?)? {
            save(&tx, &mut loaded).await?;
        }
        tx.answer(loaded.try_into()?).await
    }

    async fn sign_output(&self, request: Request<pb::SignOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.shared_by(&ctx)?).await?;
        let mut loaded = load_to_write(&tx, pair, req.lesson).await?;
        let is_delivered = loaded.sign(&ctx, &req.etag, &req.digest)?;
        save(&tx, &mut loaded).await?;
        send_home(&tx, &loaded.pair, &loaded.output);
        let deed = if is_delivered { "sign and deliver output" } else { "sign output" };
        tx.note(deed, format!("pair {}, lesson {}", loaded.pair.id(), req.lesson), format!("digest {}", req.digest));
        tx.answer(loaded.try_into()?).await
    }
}

//! The methods on joint outputs: open, load, decide, save, answer.

use platform::{Id, Open, Result, Store, Tx};
use proto::lessons::v1::{self as pb, output_service_server::OutputService};
use tonic::{Request, Response, Status};

use super::{Bench, Delivered, store};
use crate::{
    twinning::{
        pair::{self, Place},
        side::check_programme,
        sighting::{Kind as Witnessed, witness::Witness},
    },
    work::credit::{
        Kind,
        home::{self, Judgement},
    },
    year::{edition::Track, team::Seat},
};

/// The methods on joint outputs.
#[derive(Clone)]
pub struct Outputs {
    /// The data of lessons.
    pub store: Store,
    /// Who writes down what is seen.
    pub witness: Witness,
}

#[tonic::async_trait]
impl OutputService for Outputs {
    async fn get_output(&self, request: Request<pb::GetOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        check_programme(&ctx)?;
        let bench = store::bench(&self.store.read(&ctx).await?, req.pair_id.parse()?, req.lesson).await?;
        self.witness.saw(&ctx, Witnessed::Output, bench.makers()).await?;
        Ok(Response::new(bench.try_into()?))
    }

    async fn save_output(&self, request: Request<pb::SaveOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut bench = store::bench_to_write(&tx, req.pair_id.parse()?, req.lesson).await?;
        if bench.save(&ctx, req.try_into()?)? {
            save(&tx, &mut bench).await?;
        }
        tx.answer(bench.try_into()?).await
    }

    async fn sign_output(&self, request: Request<pb::SignOutputRequest>) -> Result<Response<pb::Output>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut bench = store::bench_to_write(&tx, req.pair_id.parse()?, req.lesson).await?;
        let is_delivered = bench.sign(&ctx, &req.etag, &req.digest)?;
        save(&tx, &mut bench).await?;
        send_home(&tx, &bench);
        let deed = if is_delivered { "sign and deliver output" } else { "sign output" };
        tx.note(deed, format!("pair {}, lesson {}", bench.pair.id(), req.lesson), format!("digest {}", req.digest));
        tx.answer(bench.try_into()?).await
    }
}

/// Saves a joint output, and in its pair who has signed it.
async fn save(tx: &Tx, bench: &mut Bench) -> Result<()> {
    store::save(tx, &mut bench.output).await?;
    pair::after::signed(tx, &mut bench.pair, &bench.output).await
}

/// Judges late joint outputs again after a deadline has moved: of the pair of one class, or of all of a track.
pub(crate) async fn judge_again(tx: &Tx, track: Id<Track>, lesson: i32, seat: Option<Seat>) -> Result<()> {
    for mut bench in store::late(tx, track, lesson, seat).await? {
        if bench.judge_again() {
            store::save(tx, &mut bench.output).await?;
            send_home(tx, &bench);
        }
    }
    Ok(())
}

/// Once it is delivered, tells the country of each class that is there.
fn send_home(tx: &Tx, bench: &Bench) {
    let Some(Delivered { digest, verdict, .. }) = &bench.output.delivered else { return };
    for Place { side, .. } in bench.pair.sides().iter().filter(|place| !place.has_left()) {
        let (team, lesson) = (side.team, bench.output.lesson);
        home::send(tx, &side.home, &Judgement { team, lesson, kind: Kind::JointOutput, digest, verdict });
    }
}

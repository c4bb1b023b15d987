//! A pair at work in a database, for tests.

use platform::Store;
use tempfile::TempDir;
use tonic::Request;

use super::*;
use crate::{
    testing::{
        Ground,
        twins::{always_open, engaged_nowhere, project, wish},
    },
    twinning::{offer, pair::api::Pairs, sighting::witness::Witness},
    year::{
        edition::{self, Plan},
        team::Team,
    },
};
use proto::lessons::v1::{self as pb, pair_service_server::PairService};

/// A pair of a Croatian class (0) and an Italian one (1), whose forms ask for a title and take a picture.
pub(crate) struct Space {
    pub(crate) ground: Ground,
    pub(crate) store: Store,
    pub(crate) plan: Plan,
    pub(crate) sides: [Side; 2],
    pub(crate) pair: Id<Pair>,
    _folder: TempDir,
}

impl Space {
    /// Two classes at work.
    pub(crate) async fn new() -> Self {
        let ground = Ground::programme();
        let (store, folder) = ground.store();
        let mut plan = ground.plan();
        plan.edition.open_call().unwrap();
        for form in &mut plan.forms {
            form.fields.retain(|field| ["research_title", "cover"].contains(&field.key.as_str()));
            form.fields.iter_mut().for_each(|field| field.required = field.key == "research_title");
        }
        let sides = [ground.side("hr", "HR033"), ground.side("it", "ITF14")];
        let tx = store.change(&ground.by(Role::Coordinator)).await.unwrap();
        edition::store::add(&tx, &mut plan).await.unwrap();
        tx.commit().await.unwrap();
        let pair = at_work(&ground, &store, &plan, sides.clone()).await;
        Self { ground, store, plan, sides, pair, _folder: folder }
    }

    /// Another pair of the same edition, of two more classes.
    pub(crate) async fn another(&self) -> (Id<Pair>, [Side; 2]) {
        let sides = [self.ground.side("hr", "HR033"), self.ground.side("it", "ITF14")];
        (at_work(&self.ground, &self.store, &self.plan, sides.clone()).await, sides)
    }

    /// The team of a class.
    pub(crate) fn team(&self, of: usize) -> Id<Team> {
        self.sides[of].team
    }

    /// Where a class works.
    pub(crate) fn seat(&self, of: usize) -> Seat {
        Seat { team: self.team(of), space: Some(self.pair.uuid().into()) }
    }

    /// A call of a class: of its teacher, or of its shared account.
    pub(crate) fn twin(&self, role: Role, of: usize) -> Ctx {
        self.ground.twin(role, &self.sides[of])
    }

    /// A call of the central team of the country of a class.
    pub(crate) fn country(&self, of: usize) -> Ctx {
        self.ground.country(&self.sides[of].home)
    }

    /// The methods on pairs.
    fn pairs(&self) -> Pairs {
        let (store, witness) = (self.store.clone(), Witness::new(self.store.clone()));
        Pairs { engagements: engaged_nowhere(&store), store, homes: always_open(), witness }
    }

    /// A class leaves.
    pub(crate) async fn leave(&self, of: usize) {
        let request = pb::LeavePairRequest {
            pair_id: self.pair.to_string(),
            reason: "no teacher".to_owned(),
            request_id: String::new(),
        };
        self.pairs().leave_pair(call(self.twin(Role::TwinTeacher, of), request)).await.unwrap();
    }

    /// The pair rests.
    pub(crate) async fn suspend(&self) {
        let request = pb::SuspendPairRequest {
            pair_id: self.pair.to_string(),
            reason: "strike".to_owned(),
            request_id: String::new(),
        };
        self.pairs().suspend_pair(call(self.twin(Role::TwinTeacher, 0), request)).await.unwrap();
    }
}

/// A request as the layers pass it to a method.
pub(crate) fn call<T>(ctx: Ctx, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(ctx);
    request
}

async fn at_work(ground: &Ground, store: &Store, plan: &Plan, sides: [Side; 2]) -> Id<Pair> {
    let secretariat = ground.by(Role::Coordinator);
    let track = plan.edition.tracks()[0].id();
    let tx = store.change(&secretariat).await.unwrap();
    let mut offers =
        sides.map(|side| Offer::publish(&ground.twin(Role::TwinTeacher, &side), track, side, wish()).unwrap());
    let mut pair = Pair::propose(&secretariat, [&offers[0], &offers[1]]).unwrap();
    for offer in &mut offers {
        offer.take().unwrap();
        offer::store::add(&tx, offer).await.unwrap();
    }
    let chosen = ChosenProject { project: project(ground), at: ground.clock.now() };
    pair.state = PairState::Active(Work { chosen, delivered_at: None });
    store::add(&tx, &mut pair).await.unwrap();
    tx.commit().await.unwrap();
    pair.id
}

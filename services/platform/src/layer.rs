//! The layers around every method, in the order of [`stack`]: outermost first, each with the reason for its position. Methods have
//! no logging, no metrics and no check of the caller's role.
//!
//! The list is a `tower::ServiceBuilder`, and what it builds is not a `tower::Service`: a layer is an async function around the
//! next one. Layers that are services keep their state in a named future, so that ten of them are ten boxes and ten clones per
//! call. Here the whole stack is one future, in one box, that borrows.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

use crate::{Clock, Ctx, Error, Ids, Tenants, border, config::Limits, ended::Lookout, intake::Intake, token::Verifier};

mod answer;
mod authenticate;
mod authorize;
mod deadline;
mod expire;
mod explain;
mod gather;
mod limit;
mod measure;
mod method;
mod panic;
mod recheck;
mod shed;
mod speak;
#[cfg(test)]
mod testing;
mod trace;

use authenticate::Authenticate;
use authorize::Authorize;
use deadline::Deadline;
use expire::Expire;
use gather::Gather;
use limit::Limit;
use measure::Measure;
pub(crate) use method::{Method, Methods};
use panic::CatchPanic;
use recheck::Recheck;
use shed::Shed;
use speak::Speak;
use trace::Trace;

/// A call on its way to its method. It is boxed, because each layer that passed it on by value would keep a copy in its future.
pub(crate) type Inbound = Box<Call>;

/// A call, with what the layers have found out about it.
pub(crate) struct Call {
    method: Arc<Method>,
    request: Request<Body>,
    time_left: Option<Duration>,
    ctx: Option<Ctx>,
}

/// The next layer, or the methods themselves.
pub(crate) trait Next: Send + Sync + 'static {
    fn run(&self, call: Inbound) -> impl Future<Output = Response<Body>> + Send;
}

/// A step that every call passes.
pub(crate) trait Layer: Send + Sync + 'static {
    fn around(&self, call: Inbound, next: &impl Next) -> impl Future<Output = Response<Body>> + Send;
}

/// A layer over another layer, or over the methods.
struct Over<L, N>(Arc<L>, N);

impl<L: Layer, N: Next> Next for Over<L, N> {
    fn run(&self, call: Inbound) -> impl Future<Output = Response<Body>> + Send {
        self.0.around(call, &self.1)
    }
}

/// One of our layers as a `tower::Layer`, so that [`stack`] is a list.
struct Listed<L>(Arc<L>);

fn layer<L: Layer>(layer: L) -> Listed<L> {
    Listed(Arc::new(layer))
}

impl<L, N> tower::Layer<N> for Listed<L> {
    type Service = Over<L, N>;

    fn layer(&self, next: N) -> Over<L, N> {
        Over(self.0.clone(), next)
    }
}

/// The methods, under all layers.
struct Inside(Routes);

impl Next for Inside {
    async fn run(&self, call: Inbound) -> Response<Body> {
        let Call { method, mut request, ctx, .. } = *call;
        let known = ctx.as_ref().map(|ctx| ctx.call().clone()).unwrap_or_default();
        if let Some(ctx) = ctx {
            request.extensions_mut().insert(ctx);
        }
        let Ok(response) = self.0.clone().call(request).await;
        answer::answered(&known, &method, explain::explained(response))
    }
}

/// The parts of the process that the layers need.
pub(crate) struct Ground {
    pub(crate) methods: Arc<Methods>,
    pub(crate) tenants: Tenants,
    pub(crate) verifier: Verifier,
    pub(crate) lookout: Lookout,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) limits: Limits,
    pub(crate) intake: Intake,
    pub(crate) recheck: border::Recheck,
}

/// The methods of a process under all layers.
pub(crate) fn stack(ground: Ground, routes: Routes) -> Stack {
    let Ground { methods, tenants, verifier, lookout, clock, ids, limits, intake, recheck } = ground;
    let ended = lookout.ended().clone();
    let stack = ServiceBuilder::new()
        // outermost: what other layers log belongs to the call
        .layer(layer(Trace))
        // above everything that refuses
        .layer(layer(Speak(tenants.clone())))
        // sees every answer as the caller does, also those of the layers below
        .layer(layer(Measure::new()))
        // below those that must see the panic of a call, above everything that can panic
        .layer(layer(CatchPanic))
        // above everything that can wait, so that waiting counts
        .layer(layer(Deadline::new(limits.deadline_seconds)))
        // before a permit is taken: a caller who sends nothing must not keep others out
        .layer(layer(Gather { intake, pace: limits.pace_in() }))
        // before anything expensive: identifying a caller takes a signature, or a call to the issuer
        .layer(layer(Shed::new(limits.in_flight)))
        // the first layer that reads more than the name of the method
        .layer(layer(Authenticate { tenants, verifier: verifier.clone(), lookout, clock: clock.clone(), ids }))
        // as soon as the caller is known
        .layer(layer(Authorize))
        // after the caller is known, so that strangers cannot use up a tenant's calls
        .layer(layer(Limit::new(limits.per_tenant_per_second, limits.per_tenant_burst)))
        // late, because it reads another tenant's data, which a flood of calls must not reach
        .layer(layer(Recheck { ask: recheck, clock: clock.clone() }))
        // next to the methods: it reads only answers, and only of calls that were let in
        .layer(layer(Expire { verifier, ended, clock }))
        .service(Inside(routes));
    Stack(Arc::new(Served { methods, stack }))
}

/// All layers and methods, as a service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn Serve>);

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Answers requests. It hides the types of the layers.
trait Serve: Send + Sync {
    fn serve(self: Arc<Self>, request: Request<Body>) -> Answering;
}

struct Served<N> {
    methods: Arc<Methods>,
    stack: N,
}

impl<N: Next> Serve for Served<N> {
    fn serve(self: Arc<Self>, request: Request<Body>) -> Answering {
        Box::pin(async move {
            let method = self.methods.find(request.uri().path());
            Ok(self.stack.run(Box::new(Call { method, request, time_left: None, ctx: None })).await)
        })
    }
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        self.0.clone().serve(request)
    }
}

/// The answer for an error.
fn refuse(error: Error) -> Response<Body> {
    Status::from(error).into_http()
}

/// The code of an answer. A stream has none before its end, and counts as OK.
fn code_of(response: &Response<Body>) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

//! What happens to every call before its method runs, in the order of [`stack`]: outermost first, each with the reason why it
//! stands at its height. Methods themselves hold no logging, no metrics and no check of who asks.
//!
//! The list is a `tower::ServiceBuilder`, and what it builds is not a `tower::Service`: a layer is an async function around the
//! next one. Layers that are services keep their state in a named future, so that ten of them are ten boxes and ten clones per
//! call. Here the whole stack is one future, in one box, that borrows.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

use crate::{Clock, Ctx, Error, Ids, Tenants, border, config::Limits, intake::Intake, token::Verifier};

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
use trace::Trace;

/// A call on its way in. It travels in a box: each layer that passed it on by value would keep a copy in its future.
pub(crate) type Inbound = Box<Call>;

/// What is known of a call so far.
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

/// Something that happens to every call.
pub(crate) trait Layer: Send + Sync + 'static {
    fn around(&self, call: Inbound, next: &impl Next) -> impl Future<Output = Response<Body>> + Send;
}

/// A layer over another, or over the methods.
struct Over<L, N>(Arc<L>, N);

impl<L: Layer, N: Next> Next for Over<L, N> {
    fn run(&self, call: Inbound) -> impl Future<Output = Response<Body>> + Send {
        self.0.around(call, &self.1)
    }
}

/// One of ours as a `tower::Layer`, so that [`stack`] is a list.
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

/// What the layers need to know of the process.
pub(crate) struct Ground {
    pub(crate) methods: Arc<Methods>,
    pub(crate) tenants: Tenants,
    pub(crate) verifier: Verifier,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) limits: Limits,
    pub(crate) intake: Intake,
    pub(crate) recheck: border::Recheck,
}

/// The methods of a process with every layer over them.
pub(crate) fn stack(ground: Ground, routes: Routes) -> Stack {
    let Ground { methods, tenants, verifier, clock, ids, limits, intake, recheck } = ground;
    let stack = ServiceBuilder::new()
        // outermost: what any other layer logs belongs to the call
        .layer(layer(Trace))
        // sees every answer as the caller does, also those of the layers below
        .layer(layer(Measure::new()))
        // below what must see that a call panicked, above everything that can
        .layer(layer(CatchPanic))
        // above everything that can wait, so that the wait counts
        .layer(layer(Deadline::new(limits.deadline_seconds)))
        // before a permit is taken: who sends nothing must not keep others out
        .layer(layer(Gather { intake, pace: limits.pace_in() }))
        // before anything that costs: to know a stranger takes a signature, or a question to the issuer
        .layer(layer(Shed::new(limits.in_flight)))
        // the first that must read more than the name of the method
        .layer(layer(Authenticate { tenants, verifier: verifier.clone(), clock: clock.clone(), ids }))
        // as soon as the caller is known
        .layer(layer(Authorize))
        // so late, that strangers cannot use up what is a tenant's
        .layer(layer(Limit::new(limits.per_tenant_per_second, limits.per_tenant_burst)))
        // late, because it asks another tenant's data: a flood must not reach them
        .layer(layer(Recheck { ask: recheck, clock: clock.clone() }))
        // next to the methods: it looks at answers alone, and only at what was begun
        .layer(layer(Expire { verifier, clock }))
        .service(Inside(routes));
    Stack(Arc::new(Served { methods, stack }))
}

/// The whole stack, as a service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn Serve>);

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What answers a request, whatever its layers are.
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

/// The answer that says an error.
fn refuse(error: Error) -> Response<Body> {
    Status::from(error).into_http()
}

/// The code of an answer, as far as it is decided: a stream decides at its end.
fn code_of(response: &Response<Body>) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

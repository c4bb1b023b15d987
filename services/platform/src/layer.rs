//! What happens to every call before its method runs, in the order of [`stack`]: outermost first, each with the reason why it
//! stands at its height. Methods themselves hold no logging, no metrics and no check of who asks.
//!
//! A layer is an async function around the next one. It is not a `tower::Layer`: those keep their state in a named future, so
//! that eight of them are eight boxes and eight clones per call. Here the whole stack is one future, in one box, that borrows.

use std::{convert::Infallible, num::NonZeroU32, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use serde::{Deserialize, Serialize};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service;

use crate::{Clock, Ctx, Error, Ids, Tenants, border, token::Verifier};

mod authenticate;
mod authorize;
mod deadline;
mod expire;
mod explain;
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
pub(crate) use deadline::{passed as deadline_passed, write as write_timeout};
use expire::Expire;
use limit::Limit;
use measure::Measure;
pub(crate) use method::{Method, Methods};
use panic::CatchPanic;
use recheck::Recheck;
use shed::Shed;
use trace::Trace;

/// The `[limits]` section: how much a process takes on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How many calls run at once. Those above are turned away at once, while they still cost nothing.
    pub in_flight: NonZeroU32,
    /// How long a call may take, in seconds, when its caller does not say, and at most.
    pub deadline_seconds: NonZeroU32,
    /// How many calls a second one tenant can make, so that it cannot take the room of the others.
    pub per_tenant_per_second: NonZeroU32,
    /// How many it can make at once, after a pause.
    pub per_tenant_burst: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            in_flight: number(1024),
            deadline_seconds: number(60),
            per_tenant_per_second: number(2000),
            per_tenant_burst: number(4000),
        }
    }
}

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

/// A layer over another.
struct Over<L, N>(L, N);

impl<L: Layer, N: Next> Next for Over<L, N> {
    fn run(&self, call: Inbound) -> impl Future<Output = Response<Body>> + Send {
        self.0.around(call, &self.1)
    }
}

/// The methods, under all layers.
struct Inside(Routes);

impl Next for Inside {
    async fn run(&self, call: Inbound) -> Response<Body> {
        let Call { mut request, ctx, .. } = *call;
        if let Some(ctx) = ctx {
            request.extensions_mut().insert(ctx);
        }
        let Ok(response) = self.0.clone().call(request).await;
        explain::explained(response)
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
    pub(crate) recheck: border::Recheck,
}

/// The methods of a process with every layer over them.
pub(crate) fn stack(ground: Ground, routes: Routes) -> Stack {
    let Ground { methods, tenants, verifier, clock, ids, limits, recheck } = ground;
    let expire = Expire { verifier: verifier.clone(), clock: clock.clone() };
    let stack = Over(
        // outermost: what any other layer logs belongs to the call
        Trace,
        Over(
            // sees every answer as the caller does, also those of the layers below
            Measure::new(),
            Over(
                // below what must see that a call panicked, above everything that can
                CatchPanic,
                Over(
                    // above everything that can wait, so that the wait counts
                    Deadline::new(limits.deadline_seconds),
                    Over(
                        // before anything that costs: to know a stranger takes a signature, or a question to the issuer
                        Shed::new(limits.in_flight),
                        Over(
                            // the first that must read more than the name of the method
                            Authenticate { tenants, verifier, clock: clock.clone(), ids },
                            Over(
                                // as soon as the caller is known
                                Authorize,
                                Over(
                                    // so late, that strangers cannot use up what is a tenant's
                                    Limit::new(limits.per_tenant_per_second, limits.per_tenant_burst),
                                    Over(
                                        // late, because it asks another tenant's data: a flood must not reach them
                                        Recheck { ask: recheck, clock: clock.clone() },
                                        Over(
                                            // next to the methods: it looks at answers alone, and only at what was begun
                                            expire,
                                            Inside(routes),
                                        ),
                                    ),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    );
    Stack(Arc::new(Served { methods, stack }))
}

/// The layers, from the outermost to the methods.
type Layers = Over<
    Trace,
    Over<
        Measure,
        Over<
            CatchPanic,
            Over<
                Deadline,
                Over<Shed, Over<Authenticate, Over<Authorize, Over<Limit, Over<Recheck, Over<Expire, Inside>>>>>>,
            >,
        >,
    >,
>;

/// The whole stack, as a service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stack(Arc<Served>);

struct Served {
    methods: Arc<Methods>,
    stack: Layers,
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let served = self.0.clone();
        Box::pin(async move {
            let method = served.methods.find(request.uri().path());
            Ok(served.stack.run(Box::new(Call { method, request, time_left: None, ctx: None })).await)
        })
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

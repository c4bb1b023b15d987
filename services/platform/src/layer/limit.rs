//! Limits the calls of each tenant, so that one tenant cannot use up the capacity of the others.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use http::Response;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::{
    Result, TenantId,
    error::{Reason, Shared},
};

pub(super) struct Limit(DefaultKeyedRateLimiter<TenantId>);

impl Limit {
    pub(super) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)))
    }

    fn check(&self, tenant: &TenantId) -> Result<()> {
        self.0.check_key(tenant).map_err(|refused| {
            let wait = refused.wait_time_from(self.0.clock().now());
            Shared::RateExceeded
                .error("Too many calls from this tenant. Wait as long as it is said here.")
                .retry_after(wait)
        })
    }
}

impl Layer for Limit {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        // methods without a tenant answer everybody alike, and are cheap
        match call.ctx.as_ref().map_or(Ok(()), |ctx| self.check(ctx.tenant().id())) {
            Ok(()) => next.run(call).await,
            Err(error) => refuse(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::StatusExt;

    use super::*;
    use crate::{
        Caller, Ctx, Ids,
        layer::{
            Call,
            testing::{call, clock, fine, reason, tenants},
        },
    };

    #[tokio::test]
    async fn a_tenant_that_calls_too_often_is_told_when_to_come_back() {
        let limit = Limit::new(NonZeroU32::MIN, NonZeroU32::MIN);
        let (tenants, _folder) = tenants();
        let of_it = || {
            let ctx = Ctx::new(tenants.get("it").unwrap(), Caller::Anonymous, &clock(), Ids::new(clock()));
            Box::new(Call { ctx: Some(ctx), ..*call(&[]) })
        };
        assert_eq!(reason(&limit.around(of_it(), &fine()).await), "OK");
        let refused = limit.around(of_it(), &fine()).await;
        assert_eq!(reason(&refused), "RATE_EXCEEDED");
        let details = Status::from_header_map(refused.headers()).unwrap().get_error_details();
        assert!(details.retry_info().unwrap().retry_delay.is_some_and(|wait| !wait.is_zero()));
        assert_eq!(reason(&limit.around(call(&[]), &fine()).await), "OK", "what has no tenant is not counted");
    }
}

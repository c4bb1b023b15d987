//! Authenticates the caller and finds the tenant. A [`Ctx`] is made for a call only here.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderMap, Response, header::AUTHORIZATION};
use tonic::body::Body;

use super::{Inbound, Layer, Method, Next, refuse};
use crate::{
    Caller, Clock, Ctx, Error, Ids, Result, Tenant, Tenants, ctx,
    ended::Lookout,
    error::{Reason, Shared},
    tenant,
    token::Verifier,
};

pub(super) struct Authenticate {
    pub(super) tenants: Tenants,
    pub(super) verifier: Verifier,
    pub(super) lookout: Lookout,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
}

impl Layer for Authenticate {
    async fn around(&self, mut call: Inbound, next: &impl Next) -> Response<Body> {
        let asked = self.ctx(&call.method, call.request.headers(), call.time_left).await;
        match asked {
            Ok(ctx) => call.ctx = ctx,
            Err(error) => return refuse(error),
        }
        next.run(call).await
    }
}

impl Authenticate {
    /// The context of a call. None, where the method needs no tenant or does not exist.
    async fn ctx(&self, method: &Method, headers: &HeaderMap, time_left: Option<Duration>) -> Result<Option<Ctx>> {
        if method.access.as_ref().is_none_or(|access| access.tenantless) {
            return Ok(None);
        }
        let tenant = self.tenants.get(text(headers, "koine-tenant").ok_or_else(tenant::unknown)?)?;
        let token = bearer(headers)?;
        let caller = self.caller(&tenant, token).await?;
        let address = text(headers, "koine-address").and_then(|address| address.parse::<IpAddr>().ok());
        let about = ctx::Call::new(token.map(str::to_owned), address);
        Ok(Some(Ctx::new(tenant, caller, &self.clock, self.ids.clone()).with_call(about, time_left)))
    }

    async fn caller(&self, tenant: &Arc<Tenant>, token: Option<&str>) -> Result<Caller> {
        let Some(token) = token else { return Ok(Caller::Anonymous) };
        let claims = self.verifier.verify(token).await?;
        if claims.tenant != tenant.id().as_str() {
            return Err(
                Shared::TokenForeign.error("The token belongs to another tenant than the one asked. Sign in there.")
            );
        }
        self.lookout.check(tenant, &claims).await?;
        Ok(Caller::Member((&*claims).into()))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token of the header. Error: `TOKEN_INVALID`, where the header has another form, because that is a mistake the caller should
/// know.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| Some(token.trim())).ok_or_else(malformed)
}

fn malformed() -> Error {
    Shared::TokenInvalid.error("The header must read `authorization: Bearer <access token>`.")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proto::options::v1::{Access, Role};

    use super::*;
    use crate::{
        Tasks,
        ended::Ended,
        layer::{
            Call,
            testing::{Then, call, call_of, clock, reason, tenants, token},
        },
        token::{KeySource, Settings, Signer},
    };

    struct Scene {
        layer: Authenticate,
        signer: Signer,
        clock: Clock,
        ended: Ended,
        _folder: tempfile::TempDir,
    }

    fn scene() -> Scene {
        let (signer, clock, (tenants, folder)) = (Signer::random().unwrap(), clock(), tenants());
        let source = KeySource::fixed(vec![signer.public_jwk().clone()]);
        let verifier = Verifier::new(&Settings::default(), clock.clone(), source);
        let (ids, ended) = (Ids::new(clock.clone()), Ended::default());
        let lookout = Lookout::new(ended.clone(), Vec::new(), clock.clone(), ids.clone(), Tasks::new());
        let layer = Authenticate { tenants, verifier, lookout, clock: clock.clone(), ids };
        Scene { layer, signer, clock, ended, _folder: folder }
    }

    impl Scene {
        async fn reason(&self, headers: &[(&'static str, &str)]) -> String {
            reason(&self.layer.around(call(headers), &crate::layer::testing::fine()).await)
        }
    }

    #[tokio::test]
    async fn every_wrong_caller_reads_what_is_wrong() {
        let scene = scene();
        let bearer = |tenant| format!("Bearer {}", token(&scene.signer, &scene.clock, tenant));
        assert_eq!(scene.reason(&[]).await, "TENANT_UNKNOWN");
        assert_eq!(scene.reason(&[("koine-tenant", "xx")]).await, "TENANT_UNKNOWN");
        assert_eq!(scene.reason(&[("koine-tenant", "it")]).await, "OK");
        assert_eq!(scene.reason(&[("koine-tenant", "it"), ("authorization", &bearer("hr"))]).await, "TOKEN_FOREIGN");
        assert_eq!(scene.reason(&[("koine-tenant", "it"), ("authorization", "Basic dTpw")]).await, "TOKEN_INVALID");
        assert_eq!(scene.reason(&[("koine-tenant", "it"), ("authorization", "Bearer x")]).await, "TOKEN_INVALID");
        let old = bearer("it");
        assert_eq!(scene.reason(&[("koine-tenant", "it"), ("authorization", &old)]).await, "OK");
        scene.clock.advance(SignedDuration::from_mins(10));
        assert_eq!(scene.reason(&[("koine-tenant", "it"), ("authorization", &old)]).await, "TOKEN_EXPIRED");
    }

    #[tokio::test]
    async fn who_belongs_to_a_session_that_ended_is_refused_from_the_next_call_on() {
        let scene = scene();
        let bearer = format!("Bearer {}", token(&scene.signer, &scene.clock, "it"));
        let headers = [("koine-tenant", "it"), ("authorization", bearer.as_str())];
        assert_eq!(scene.reason(&headers).await, "OK");
        let until = scene.ended.kept_until(scene.clock.now());
        scene.ended.add(&"hr".parse().unwrap(), [(uuid::Uuid::from_u128(2), until)]);
        assert_eq!(scene.reason(&headers).await, "OK", "one of another tenant with the same number");
        scene.ended.add(&"it".parse().unwrap(), [(uuid::Uuid::from_u128(2), until)]);
        assert_eq!(scene.reason(&headers).await, "TOKEN_ENDED", "though it is remembered as verified");
        assert_eq!(scene.reason(&[("koine-tenant", "it")]).await, "OK", "nobody in particular");
    }

    #[tokio::test]
    async fn a_call_becomes_a_context() {
        let scene = scene();
        let token = token(&scene.signer, &scene.clock, "it");
        let bearer = format!("bearer {token}");
        let headers = [("koine-tenant", "it"), ("authorization", bearer.as_str()), ("koine-address", "192.0.2.7")];
        let inbound = Box::new(Call { time_left: Some(Duration::from_secs(3)), ..*call(&headers) });
        let now = scene.clock.now();
        let next = Then(move |call: Inbound| {
            let ctx = call.ctx.unwrap();
            assert_eq!(ctx.tenant().id().as_str(), "it");
            assert!(ctx.has(Role::Teacher) && !ctx.has(Role::Coordinator));
            assert_eq!(ctx.address(), Some([192, 0, 2, 7].into()));
            assert_eq!((ctx.now(), ctx.deadline()), (now, Some(now + SignedDuration::from_secs(3))));
            assert_eq!(ctx.call().token.as_deref(), Some(token.as_str()));
            std::future::ready(Response::new(Body::empty()))
        });
        assert_eq!(reason(&scene.layer.around(inbound, &next).await), "OK");
    }

    #[tokio::test]
    async fn a_method_without_a_tenant_has_no_context_whatever_is_sent() {
        let method = Method::with(Some(Access { anonymous: true, tenantless: true, ..Access::default() }));
        let next = Then(|call: Inbound| {
            assert!(call.ctx.is_none());
            std::future::ready(Response::new(Body::empty()))
        });
        let inbound = call_of(method, &[("koine-tenant", "nowhere"), ("authorization", "Bearer x")]);
        assert_eq!(reason(&scene().layer.around(inbound, &next).await), "OK");
    }
}

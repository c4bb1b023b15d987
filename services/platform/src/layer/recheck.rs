//! Whether a visitor may still be here. What let them in can end at any time, at home; their token knows nothing of it.

use http::Response;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::border;

pub(super) struct Recheck(pub(super) border::Recheck);

impl Layer for Recheck {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let Some(ctx) = &call.ctx else { return next.run(call).await };
        match self.0.check(ctx).await {
            Ok(()) => next.run(call).await,
            Err(error) => refuse(error),
        }
    }
}

//! A panic in one call is an error of that call, and does not affect others.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use http::Response;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::{Error, tasks::words};

pub(super) struct CatchPanic;

impl Layer for CatchPanic {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        // what the call held is dropped with it: its transaction rolls back, its permits are released
        let answer = AssertUnwindSafe(next.run(call)).catch_unwind().await;
        answer.unwrap_or_else(|panic| refuse(Error::internal(format!("panicked: {}", words(&*panic)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{Then, call, reason};

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let broken = Then(async |_| panic!("on purpose"));
        assert_eq!(reason(&CatchPanic.around(call(&[]), &broken).await), "INTERNAL");
    }
}

//! The way to the pages of the portal. It holds them to the bounds of calls: headers, requests, bytes in memory, time.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use platform::{
    intake::{Held, gather},
    kept::Kept,
};
use tonic::Status;

use crate::{Channels, Edge, body::announced, deadline::Deadline, proxy::Origin};

/// The routes of the portal's pages. None, where there is no channel to the service that the pages call.
pub(crate) fn router(edge: &Arc<Edge>, channels: &Channels) -> Router {
    let Some(lanes) = channels.get(portal::SERVICE) else { return Router::new() };
    portal::routes(lanes.calls.clone()).route_layer(from_fn_with_state(edge.clone(), lead))
}

async fn lead(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let place = match edge.admit(&mut request) {
        Ok(place) => place,
        Err(status) => return portal::refused(&headers, &status),
    };
    match page(&edge, request, next).await {
        Ok((page, held)) => page.map(|body| Body::new(Kept::new(body, (place, held)))),
        Err(status) => portal::refused(&headers, &status),
    }
}

/// The page, and the bytes that its request holds. Error: what the bounds refuse.
async fn page(edge: &Edge, request: Request, next: Next) -> Result<(Response, Held), Status> {
    let (mut head, body) = request.into_parts();
    let origin = head.extensions.get::<Origin>().map(|origin| origin.0);
    if let Some(address) = origin {
        head.extensions.insert(portal::Reader(address));
    }
    let mut held = edge.bounds.intake.held(origin, &head.extensions);
    announced(&head.headers, portal::FORM_BYTES as u64)?;
    let form = gather(body, portal::FORM_BYTES, &mut held).await?;
    let deadline = head.extensions.get::<Deadline>().copied();
    let deadline = deadline.ok_or_else(|| Status::internal("a request came in without a deadline"))?;
    let page = next.run(Request::from_parts(head, Body::from(form)));
    Ok((deadline.answer(async { Ok(page.await) }).await?, held))
}

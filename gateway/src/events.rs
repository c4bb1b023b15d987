//! A stream of answers as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use prost_reflect::DynamicMessage;
use tonic::Status;

use crate::{call, deadline::Deadline, problem::Problem, table::Route};

/// Proxies close a connection on which nothing is said; most wait for a minute or half of one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long the status of the response waits for a refusal. A quiet stream begins this much later; one that is refused after
/// its headers were sent, as tonic's services may do, still gets the HTTP status it deserves.
const PATIENCE: Duration = Duration::from_millis(100);

type Item = Result<DynamicMessage, Status>;

/// Answers with each message as an event, and with an error as a last one named `error`: also when the time of the caller is over.
pub(crate) async fn answer(
    route: &Route,
    (metadata, deadline): (HeaderMap, Deadline),
    message: DynamicMessage,
) -> Result<Response, Problem> {
    let mut messages = deadline.answer(call::stream(route, metadata, message)).await?.into_inner().fuse();
    let first = match tokio::time::timeout(PATIENCE, messages.next()).await {
        Ok(Some(Err(refused))) => return Err(refused.into()),
        Ok(first) => first,
        Err(_) => None,
    };
    let events = until_error(deadline.within(stream::iter(first).chain(messages))).map(event).map(Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// After an error there is nothing more to read.
fn until_error(items: impl Stream<Item = Item>) -> impl Stream<Item = Item> {
    items.scan(false, |over, item| {
        let item = (!*over).then_some(item);
        *over = matches!(item, Some(Err(_)));
        std::future::ready(item)
    })
}

fn event(item: Item) -> Event {
    let event = item
        .and_then(|message| Event::default().json_data(&message).map_err(|fault| Status::internal(fault.to_string())));
    event.unwrap_or_else(|status| {
        let document = Problem::from(status).json();
        Event::default().event("error").data(String::from_utf8_lossy(&document))
    })
}

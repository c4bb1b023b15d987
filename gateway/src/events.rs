//! Answers with a stream of messages as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value};
use tonic::Status;

use crate::{call, deadline::Deadline, problem::Problem, table::Route};

/// The pause after which a comment is sent: proxies close a silent connection, most after half a minute or a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long the status of the response waits for a refusal. A quiet stream begins this much later, but a stream that is refused
/// after its headers were sent, as tonic's services may do, still gets the right HTTP status.
const PATIENCE: Duration = Duration::from_millis(100);

type Item = Result<DynamicMessage, Status>;

/// Answers with each message as an event. An error is the last event, named `error`, also where the caller's time is over.
pub(crate) async fn answer(
    route: &Route,
    (metadata, deadline): (HeaderMap, Deadline),
    message: DynamicMessage,
) -> Result<Response, Problem> {
    let (accept, method) = (metadata.get(ACCEPT_LANGUAGE).cloned(), route.method().to_owned());
    let mut messages = deadline.answer(call::stream(route, metadata, message)).await?.into_inner().fuse();
    let first = match tokio::time::timeout(PATIENCE, messages.next()).await {
        Ok(Some(Err(refused))) => return Err(refused.into()),
        Ok(first) => first,
        Err(_) => None,
    };
    let position = position(&route.output);
    let events = until_error(deadline.within(stream::iter(first).chain(messages)));
    let events = events.map(move |item| {
        let problem = |status| Problem::from(status).of(&method).said_in(accept.as_ref());
        Ok::<_, Infallible>(event(item, position.as_ref(), problem))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Ends the stream after the first error.
fn until_error(items: impl Stream<Item = Item>) -> impl Stream<Item = Item> {
    items.scan(false, |over, item| {
        let item = (!*over).then_some(item);
        *over = matches!(item, Some(Err(_)));
        std::future::ready(item)
    })
}

/// Sets the position of a caller that returns, from the browser's `last-event-id`, unless the query gives one.
pub(crate) fn resume(headers: &HeaderMap, message: &mut DynamicMessage) {
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok());
    if let (Some(last), Some(field)) = (last, position(&message.descriptor()))
        && !message.has_field(&field)
    {
        message.set_field(&field, Value::String(last.to_owned()));
    }
}

/// The field of a message with the option `position`. None, where it has none.
fn position(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let option = message.parent_pool().get_extension_by_name("koine.options.v1.position")?;
    message.fields().find(|field| field.options().get_extension(&option).as_bool() == Some(true))
}

/// A message as an event. Where it is in the stream is the event's id, and no part of its data.
fn event(item: Item, position: Option<&FieldDescriptor>, problem: impl Fn(Status) -> Problem) -> Event {
    let event = item.and_then(|mut message| {
        let id = position.and_then(|field| {
            let id = message.get_field(field).as_str().map(str::to_owned);
            message.clear_field(field);
            id
        });
        // a line break in the id would end the event
        let id = id.filter(|id| !id.is_empty() && !id.contains(char::is_control));
        let event = id.into_iter().fold(Event::default(), Event::id);
        event.json_data(&message).map_err(|fault| Status::internal(fault.to_string()))
    });
    event.unwrap_or_else(|status| {
        let document = problem(status).json();
        Event::default().event("error").data(String::from_utf8_lossy(&document))
    })
}

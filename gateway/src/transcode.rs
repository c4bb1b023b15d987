//! JSON over HTTP: converts requests to messages, and answers to responses.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{
    HeaderValue,
    header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::Full as Whole;
use platform::{intake::Held, kept::Kept, shares::Full};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use proto::error::v1::Reason;
use tonic::Status;

use crate::{
    Edge, bind, body, call,
    deadline::Deadline,
    deprecated::Notice,
    diagnose, download, events, mask,
    problem::Problem,
    proxy::Origin,
    reason,
    rpc::{Body, Shape},
    table::Found,
    upload,
};

/// Answers a JSON request. Error: a problem, as for any refused call.
pub(crate) async fn answer(edge: &Edge, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    let found = edge.table.find(&parts.method, parts.uri.path())?;
    let mut notice = found.route.notices.method();
    let answer = called(edge, &found, &parts, incoming, &mut notice).await;
    let mut answer = answer.unwrap_or_else(|problem| {
        problem.of(found.route.method()).said_in(parts.headers.get(ACCEPT_LANGUAGE)).into_response()
    });
    if let Some(notice) = notice {
        notice.tell(answer.headers_mut());
    }
    Ok(answer)
}

/// Answers the request of a method. `notice` becomes what is deprecated of the request, as soon as it is read.
async fn called(
    edge: &Edge,
    found: &Found<'_>,
    parts: &Parts,
    incoming: axum::body::Body,
    notice: &mut Option<Notice>,
) -> Result<Response, Problem> {
    let metadata = call::metadata(parts, found.tenant.as_deref())?;
    let deadline = match parts.extensions.get::<Deadline>() {
        Some(deadline) => *deadline,
        None => Deadline::read(&parts.headers, &edge.settings)?,
    };
    let address = parts.extensions.get::<Origin>().map(|origin| origin.0);
    let shape = &found.route.shape;
    let place = if *shape == Shape::Unary { None } else { Some(edge.bounds.streams.take(address, 1).map_err(full)?) };
    if let Shape::Upload(field) = shape {
        return upload::answer(&edge.settings, found, field, (metadata, deadline), (parts, notice), incoming).await;
    }
    let mut held = edge.bounds.intake.held(address, &parts.extensions);
    let reading = async { Ok(body::json(&edge.settings, &parts.headers, incoming, &mut held).await) };
    let text = deadline.answer(reading).await??;
    let mut message = message(found, parts, &text)?;
    *notice = found.route.notices.to(&message);
    let answer = match shape {
        Shape::Events => {
            events::resume(&parts.headers, &mut message);
            events::answer(found.route, (metadata, deadline), message).await?
        }
        Shape::Download => download::answer(found.route, (metadata, deadline), message).await?,
        Shape::Unary | Shape::Upload(_) => {
            let answer = deadline.answer(call::unary(found.route, metadata, message)).await?;
            return Ok(json(answer, Some(held)));
        }
    };
    Ok(answer.map(|body| axum::body::Body::new(Kept::new(body, place))))
}

fn full(full: Full) -> Problem {
    platform::Error::from(full).into()
}

/// A response with this JSON. It must not be stored by caches. Its bytes are counted in `held`.
pub(crate) fn json(text: Vec<u8>, mut held: Option<Held>) -> Response {
    if let Some(held) = &mut held {
        held.add(text.len());
    }
    let body = Kept::new(Whole::new(Bytes::from(text)), held);
    let mut response = axum::body::Body::new(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Makes the request message from body, path, query and headers. Error: everything in them that cannot be used, all at once.
fn message(found: &Found<'_>, parts: &Parts, text: &[u8]) -> Result<DynamicMessage, Status> {
    let mut message = from_body(found, text)?;
    let mut violations = Vec::new();
    bind::path(found, &mut message, &mut violations);
    bind::query(found, parts.uri.query(), &mut message, &mut violations);
    bind::key(found.route, &parts.headers, &mut message, &mut violations);
    if !violations.is_empty() {
        return Err(reason::fields(violations));
    }
    if let Body::Field(field) = &found.route.body {
        mask::derive(found.route, field, text, &mut message);
    }
    Ok(message)
}

fn from_body(found: &Found<'_>, text: &[u8]) -> Result<DynamicMessage, Status> {
    let input = &found.route.input;
    let mut message = DynamicMessage::new(input.clone());
    match &found.route.body {
        _ if text.is_empty() => {}
        Body::Nothing => return Err(reason::refuse(Reason::BodyMalformed, "This method takes no body. Send none.")),
        Body::Whole => message = parse(input, "", text)?,
        Body::Field(field) => {
            if let Some(kind) = field.kind().as_message() {
                message.set_field(field, Value::Message(parse(kind, &format!("{}.", field.name()), text)?));
            }
        }
    }
    Ok(message)
}

fn parse(kind: &MessageDescriptor, prefix: &str, text: &[u8]) -> Result<DynamicMessage, Status> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let message = DynamicMessage::deserialize(kind.clone(), &mut json);
    let message = message.and_then(|message| json.end().map(|()| message));
    message.map_err(|fault| diagnose::body(kind, prefix, text, &fault))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use prost_reflect::ReflectMessage;
    use proto::identity::v1::{
        HandOverTeamRequest, ListTeamsRequest, SignInRequest, UpdateAccountRequest, UpdateApplicationRequest,
        UpdateTeamRequest,
    };
    use tonic_types::StatusExt;

    use super::*;
    use crate::{rpc, table::Table, tests::unconnected};

    fn bound<M: prost::Message + ReflectMessage + Default>(
        method: Method,
        target: &str,
        text: &str,
    ) -> Result<M, Vec<String>> {
        with_headers(method, target, &[], text)
    }

    fn with_headers<M: prost::Message + ReflectMessage + Default>(
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        text: &str,
    ) -> Result<M, Vec<String>> {
        let table = Table::new(&rpc::all(&proto::descriptor()).unwrap(), &unconnected()).unwrap();
        let request = headers
            .iter()
            .fold(http::Request::builder().uri(target), |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = table.find(&method, parts.uri.path()).unwrap();
        let fields = |status: Status| {
            let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
            violations.into_iter().map(|violation| format!("{}: {}", violation.field, violation.description)).collect()
        };
        message(&found, &parts, text.as_bytes()).map(|message| message.transcode_to().unwrap()).map_err(fields)
    }

    #[tokio::test]
    async fn query_parameters_are_read_in_both_spellings() {
        let request: ListTeamsRequest =
            bound(Method::GET, "/it/v1/teams?editionId=e%201&track_id=a+b&page_size=5", "").unwrap();
        assert_eq!((request.edition_id.as_str(), request.track_id.as_str(), request.page_size), ("e 1", "a b", 5));
    }

    #[tokio::test]
    async fn everything_wrong_in_a_query_is_named_at_once() {
        let target = "/it/v1/teams?pageSize=many&colour=red&territory=ITF1&territory=ITF2";
        let faults = bound::<ListTeamsRequest>(Method::GET, target, "").unwrap_err();
        assert_eq!(faults.len(), 3);
        assert!(faults[0].starts_with("page_size: Give a whole number"), "{}", faults[0]);
        assert!(
            faults[1].starts_with("colour: This method has no such parameter. It has `editionId`"),
            "{}",
            faults[1]
        );
        assert!(faults[2].starts_with("territory: It is given twice"), "{}", faults[2]);
    }

    #[tokio::test]
    async fn a_nested_field_takes_its_value_from_the_path() {
        let request: UpdateTeamRequest = bound(Method::PATCH, "/it/v1/teams/7", r#"{"name": "Oloturie"}"#).unwrap();
        let team = request.team.unwrap();
        assert_eq!((team.id.as_str(), team.name.as_str()), ("7", "Oloturie"));
    }

    #[tokio::test]
    async fn a_body_cannot_contradict_the_path() {
        let faults = bound::<UpdateTeamRequest>(Method::PATCH, "/it/v1/teams/7", r#"{"id": "8"}"#).unwrap_err();
        assert!(faults[0].starts_with("team.id: The path and the body"), "{}", faults[0]);
        assert!(bound::<UpdateTeamRequest>(Method::PATCH, "/it/v1/teams/7", r#"{"id": "7"}"#).is_ok());
    }

    #[tokio::test]
    async fn the_mask_is_what_stands_in_the_body() {
        let text = r#"{"givenName": "Ada", "schoolId": null, "etag": "3"}"#;
        let request: UpdateAccountRequest = bound(Method::PATCH, "/it/v1/account", text).unwrap();
        let mut paths = request.update_mask.unwrap().paths;
        paths.sort();
        assert_eq!(paths, ["given_name", "school_id"]);
    }

    #[tokio::test]
    async fn the_mask_names_neither_the_id_nor_what_a_mask_of_the_caller_leaves_out() {
        let text = r#"{"id": "7", "name": "Oloturie", "email": ""}"#;
        let derived: UpdateTeamRequest = bound(Method::PATCH, "/it/v1/teams/7", text).unwrap();
        let mut paths = derived.update_mask.unwrap().paths;
        paths.sort();
        assert_eq!(paths, ["email", "name"]);
        let given: UpdateTeamRequest = bound(Method::PATCH, "/it/v1/teams/7?updateMask=name", text).unwrap();
        assert_eq!(given.update_mask.unwrap().paths, ["name"]);
    }

    #[tokio::test]
    async fn the_mask_leaves_out_what_nobody_can_set() {
        let text = r#"{"id": "7", "code": "22-23_0001", "name": "Oloturie", "reservation": {"documents": "x"},
            "admittedAt": "2022-12-20T00:00:00Z", "etag": "3"}"#;
        let request: UpdateTeamRequest = bound(Method::PATCH, "/it/v1/teams/7", text).unwrap();
        assert_eq!(request.update_mask.unwrap().paths, ["name"]);
        let text = r#"{"trackId": "t", "state": "APPLICATION_STATE_DRAFT"}"#;
        let request: UpdateApplicationRequest = bound(Method::PATCH, "/it/v1/applications/7", text).unwrap();
        assert_eq!(request.update_mask.unwrap().paths, ["track_id"], "what is set once is not passed over");
    }

    #[tokio::test]
    async fn the_idempotency_key_is_the_request_id_and_they_must_agree() {
        let hand_over = |headers: &[(&str, &str)], text: &str| {
            with_headers::<HandOverTeamRequest>(Method::POST, "/it/v1/teams/7:handOver", headers, text)
        };
        let key = "idempotency-key";
        assert_eq!(hand_over(&[(key, "a-1")], "{}").unwrap().request_id, "a-1");
        assert_eq!(hand_over(&[(key, "\"a-1\"")], r#"{"requestId": "a-1"}"#).unwrap().request_id, "a-1");
        for (headers, text) in [
            (&[(key, "a-1")][..], r#"{"requestId": "a-2"}"#),
            (&[(key, "a-1"), (key, "a-2")], "{}"),
            (&[(key, "\"\"")], "{}"),
        ] {
            let faults = hand_over(headers, text).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with("request_id: The header"), "{faults:?}");
        }
        // a method without a `request_id` ignores the header
        assert!(with_headers::<SignInRequest>(Method::POST, "/it/v1/sessions", &[(key, "a-1")], "{}").is_ok());
    }

    #[tokio::test]
    async fn an_empty_body_is_an_empty_message() {
        assert_eq!(bound::<SignInRequest>(Method::POST, "/it/v1/sessions", "").unwrap(), SignInRequest::default());
    }

    #[tokio::test]
    async fn what_belongs_in_the_body_is_not_taken_from_the_query() {
        let faults = bound::<SignInRequest>(Method::POST, "/it/v1/sessions?login=ada", "{}").unwrap_err();
        assert!(faults[0].contains("in the body"), "{}", faults[0]);
        let faults = bound::<UpdateTeamRequest>(Method::PATCH, "/it/v1/teams/7?team.name=x", "{}").unwrap_err();
        assert!(faults[0].contains("`team` is the body"), "{}", faults[0]);
    }
}

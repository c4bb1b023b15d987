//! Errors as HTTP has them: `application/problem+json` (RFC 9457), made from a status and its `google.rpc` details.
//!
//! A caller that names a language is given `title`, `detail` and the descriptions of violations in it; then `message` is the text for
//! developers, in English. A caller that names none is given that text alone, as `detail`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
};
use platform::{
    Language,
    language::{Speaker, sentence},
};
use proto::error::v1::Reason;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, FieldViolation, StatusExt};

use crate::{
    comments::first_sentence,
    reason::{self, explained},
    rpc::service_name,
};

/// An error for an HTTP caller.
#[derive(Debug)]
pub(crate) struct Problem {
    status: Status,
    /// The HTTP status, where it is not that of the gRPC code.
    http: Option<StatusCode>,
    headers: Box<HeaderMap>,
    /// The method that was called, where it is known. Empty where it is not.
    method: String,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    code: &'static str,
    reason: &'a str,
    domain: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Violation<'a> {
    field: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self { status: explained(status), http: None, headers: Box::default(), method: String::new() }
    }
}

impl From<platform::Error> for Problem {
    fn from(error: platform::Error) -> Self {
        Status::from(error).into()
    }
}

impl Problem {
    /// The error for a known path with a method that it does not have.
    pub(crate) fn method_not_allowed(allowed: &[Method]) -> Self {
        let allowed: BTreeSet<_> = allowed.iter().map(Method::as_str).collect();
        let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("This address takes {allowed}.");
        let mut problem = Self::from(reason::refuse(Reason::RouteUnknown, message));
        problem.http = Some(StatusCode::METHOD_NOT_ALLOWED);
        problem.headers.extend(HeaderValue::try_from(allowed).map(|allowed| (ALLOW, allowed)));
        problem
    }

    /// The error for a body of a media type or encoding that is not supported.
    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        let problem = Self::from(reason::refuse(Reason::BodyMalformed, message));
        Self { http: Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), ..problem }
    }

    /// Says it in the language that its caller names by this `accept-language`. What a service has said stays as it is.
    pub(crate) fn said_in(mut self, accept: Option<&HeaderValue>) -> Self {
        if let Some(speaker) = accept.and_then(Speaker::shared_in) {
            self.status = speaker.on(&self.method).whole(self.status);
        }
        self
    }

    /// Notes which method was called: its violations may name reasons of its package.
    pub(crate) fn of(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// The document, for a body or for an event of a stream.
    pub(crate) fn json(&self) -> Vec<u8> {
        let details = self.status.get_error_details();
        let unexplained = ErrorInfo::new("", "", HashMap::new());
        let info = details.error_info().unwrap_or(&unexplained);
        let violations = details.bad_request().map_or(&[][..], |fields| &fields.field_violations);
        let text = reason::text(&info.domain, &info.reason).unwrap_or_default();
        let said = details.localized_message();
        let titled =
            said.and_then(|said| sentence(Language::of(&said.locale)?, (&info.domain, &info.reason), None, []));
        let message = self.status.message();
        let document = Document {
            r#type: format!("/problems/{}/{}", service_name(&info.domain), info.reason),
            title: first_sentence(titled.as_deref().unwrap_or(text)),
            status: self.http_status(&info.reason).as_u16(),
            detail: said.map_or(message, |said| &said.message),
            message: said.map(|_| message),
            code: code_name(self.status.code()),
            reason: &info.reason,
            domain: &info.domain,
            metadata: info.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            violations: violations.iter().map(Violation::from).collect(),
            retry_after_seconds: self.retry_after(),
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }

    fn http_status(&self, reason: &str) -> StatusCode {
        match self.http {
            Some(status) => status,
            // the table says 429, which clients and proxies understand as "send it again later"
            None if reason == "BODY_TOO_LARGE" => StatusCode::PAYLOAD_TOO_LARGE,
            None if reason == "HEADERS_TOO_LARGE" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            // 504 would say that one of our services was late
            None if reason == "BODY_TOO_SLOW" => StatusCode::REQUEST_TIMEOUT,
            None => http_status(self.status.code()),
        }
    }

    /// The pause in whole seconds, rounded up, because a caller that returns too early is refused again.
    fn retry_after(&self) -> Option<u64> {
        let delay = self.status.get_details_retry_info()?.retry_delay?;
        Some(delay.as_secs() + u64::from(delay > Duration::from_secs(delay.as_secs())))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let info = self.status.get_details_error_info();
        let status = self.http_status(info.as_ref().map_or("", |info| &info.reason));
        let mut response = (status, self.json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept-language"));
        let said = self.status.get_details_localized_message().and_then(|said| Language::of(&said.locale));
        let language = said.unwrap_or(Language::ENGLISH).tag();
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
        headers.extend(self.retry_after().map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 requires this header on every 401
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.extend(*self.headers);
        response
    }
}

impl<'a> From<&'a FieldViolation> for Violation<'a> {
    fn from(violation: &'a FieldViolation) -> Self {
        let FieldViolation { field, description, reason, localized_message } = violation;
        let said = localized_message.as_ref().map(|said| said.message.as_str());
        Self { field, description: said.unwrap_or(description), message: said.map(|_| description.as_str()), reason }
    }
}

/// The HTTP status of a gRPC code, as in `google/rpc/code.proto`.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The name of a gRPC code in `google.rpc.Code`.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tonic_types::ErrorDetails;

    use super::*;

    fn document(problem: &Problem) -> Value {
        serde_json::from_slice(&problem.json()).unwrap()
    }

    #[test]
    fn a_status_with_details_becomes_a_document_with_all_of_them() {
        let mut details = ErrorDetails::with_error_info(
            "CALL_CLOSED",
            "koine.identity.v1",
            HashMap::from([("closed_at".to_owned(), "2022-10-24".to_owned())]),
        );
        details.add_bad_request_violation("edition_id", "Its call has closed.");
        details.set_retry_info(Some(Duration::from_millis(1500)));
        let problem = Problem::from(Status::with_error_details(Code::FailedPrecondition, "Too late.", details));
        assert_eq!(
            document(&problem),
            json!({
                "type": "/problems/identity/CALL_CLOSED",
                "title": "The call of the edition has closed",
                "status": 400,
                "detail": "Too late.",
                "code": "FAILED_PRECONDITION",
                "reason": "CALL_CLOSED",
                "domain": "koine.identity.v1",
                "metadata": {"closed_at": "2022-10-24"},
                "violations": [{"field": "edition_id", "description": "Its call has closed."}],
                "retry_after_seconds": 2,
            })
        );
        let response = problem.into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn a_caller_that_names_a_language_is_spoken_to_in_it() {
        let fields = || reason::fields(vec![reason::violation(Reason::FieldsInvalid, "size".into(), "Give a number.")]);
        let croatian = HeaderValue::from_static("hr,en;q=0.5");
        let problem = Problem::from(fields()).said_in(Some(&croatian));
        let said = document(&problem);
        assert_eq!(said["title"], "Nešto nije ispravno ispunjeno");
        assert_eq!(
            said["detail"],
            "Nešto nije ispravno ispunjeno. Pogledajte navedena polja, ispravite ih i pokušajte ponovno."
        );
        assert_eq!(said["message"], "`size`: Give a number.");
        assert_eq!(
            said["violations"][0],
            json!({
                "field": "size",
                "description": "Ovaj podatak nije ispravan. Provjerite ga i ispravite.",
                "message": "Give a number.",
                "reason": "FIELDS_INVALID",
            })
        );
        let response = problem.into_response();
        assert_eq!(response.headers()[CONTENT_LANGUAGE], "hr");
        assert_eq!(response.headers()[VARY], "accept-language");
        // what a service had no room to say is said here
        let mut details = fields().get_error_details();
        let lacks = FieldViolation { reason: "SCHOOL_UNKNOWN".into(), ..FieldViolation::new("school_id", "Unknown.") };
        details.set_bad_request(vec![lacks]);
        details.set_localized_message("sl", "Nekaj ni pravilno izpolnjeno.");
        let status = Status::with_error_details(Code::InvalidArgument, "One field.", details);
        let problem =
            Problem::from(status).of("koine.identity.v1.AccountService/UpdateAccount").said_in(Some(&croatian));
        let said = document(&problem)["violations"][0]["description"].to_string();
        assert!(said.contains("Te šole ni na seznamu"), "{said}");
        // as before, where no language is named
        for accept in [None, Some(&HeaderValue::from_static("*"))] {
            let problem = Problem::from(fields()).said_in(accept);
            assert_eq!(
                (&document(&problem)["detail"], problem.json()),
                (&json!("`size`: Give a number."), Problem::from(fields()).json())
            );
            assert_eq!(problem.into_response().headers()[CONTENT_LANGUAGE], "en");
        }
    }

    #[test]
    fn codes_follow_the_table_of_google_rpc() {
        let table = [1, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
        for (code, status) in table.into_iter().enumerate().skip(1) {
            let code = i32::try_from(code + 1).unwrap();
            assert_eq!(http_status(Code::from(code)).as_u16(), status, "{code}");
        }
        assert_eq!(http_status(Code::Cancelled).as_u16(), 499);
    }

    #[test]
    fn what_is_too_large_is_413_or_431_and_not_429() {
        assert_eq!(Problem::from(reason::too_large(7)).into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let headers = Problem::from(reason::headers_too_large(7)).into_response();
        assert_eq!(headers.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let limited = Problem::from(Status::resource_exhausted("slow down"));
        assert_eq!(limited.into_response().status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn a_401_names_the_bearer_scheme() {
        let response = Problem::from(Status::unauthenticated("")).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn another_method_is_405_and_tells_which_ones_are_taken() {
        let response = Problem::method_not_allowed(&[Method::GET, Method::PATCH]).into_response();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "GET, PATCH");
    }
}

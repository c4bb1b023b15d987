//! Says refusals in the language of who calls, as `accept-language` names it. It costs a call that is answered one look at its headers.

use std::sync::Arc;

use http::{HeaderValue, Response, header::ACCEPT_LANGUAGE};
use tonic::{Code, body::Body};

use super::{Call, Inbound, Layer, Method, Next, code_of};
use crate::{
    Tenants,
    language::{Language, Speaker, ending},
};

pub(super) struct Speak(pub(super) Tenants);

/// What is needed to find out the language of a call that was refused.
struct Wish {
    accept: HeaderValue,
    tenant: Option<HeaderValue>,
    method: Arc<Method>,
}

impl Wish {
    fn of(call: &Call) -> Option<Self> {
        let headers = call.request.headers();
        let accept = headers.get(ACCEPT_LANGUAGE)?.clone();
        Some(Self { accept, tenant: headers.get("koine-tenant").cloned(), method: call.method.clone() })
    }

    fn language(&self, tenants: &Tenants) -> Option<Language> {
        Language::asked(&self.accept, || {
            let name = self.tenant.as_ref().and_then(|name| name.to_str().ok());
            let tenant = name.and_then(|name| tenants.get(name).ok());
            let first = tenant.and_then(|tenant| tenant.locales().iter().find_map(|tag| Language::of(tag)));
            first.unwrap_or(Language::ENGLISH)
        })
    }
}

impl Layer for Speak {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let wish = Wish::of(&call);
        let response = next.run(call).await;
        let Some(wish) = wish else { return response };
        let is_refused = code_of(&response) != Code::Ok;
        if !is_refused && !wish.method.streams_out {
            return response;
        }
        match wish.language(&self.0) {
            Some(language) if is_refused => Speaker::of(language, &wish.method.name).answer(response),
            Some(language) => response.map(|body| ending(body, Speaker::of(language, &wish.method.name))),
            None => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body::Frame;
    use http_body_util::{BodyExt, StreamBody};
    use proto::identity::v1::Reason as Identity;
    use tonic::Status;
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;
    use crate::{
        Error, Violations,
        error::{Reason, Shared},
        layer::{
            refuse,
            testing::{Then, call, call_of, fine, tenants},
        },
    };

    fn method(streams_out: bool) -> Arc<Method> {
        let name = "koine.identity.v1.TestService/Call".into();
        Arc::new(Method { name, access: None, streams_in: false, streams_out, watches: streams_out })
    }

    /// What is said where a call with these headers is refused.
    async fn details(headers: &[(&'static str, &str)], error: fn() -> Error) -> ErrorDetails {
        let (tenants, _folder) = tenants();
        let refused = Then(move |_| std::future::ready(refuse(error())));
        let answer = Speak(tenants).around(call_of(method(false), headers), &refused).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert!(answer.headers()["grpc-status-details-bin"].len() + status.message().len() < 8 << 10);
        status.get_error_details()
    }

    fn closed() -> Error {
        Identity::CallClosed.error("The call closed.").with("closed_at", "2022-10-24T18:00:00+02:00[Europe/Rome]")
    }

    async fn said(headers: &[(&'static str, &str)]) -> (String, String) {
        let details = details(headers, closed).await;
        details.localized_message().map(|said| (said.locale.clone(), said.message.clone())).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_refusal_is_said_in_the_language_of_who_calls() {
        let (locale, text) = said(&[("accept-language", "hr,en;q=0.5")]).await;
        assert_eq!(locale, "hr");
        assert!(text.starts_with("Poziv za prijavu zatvoren je 24.10.2022. u 18:00."), "{text}");
        assert_eq!(details(&[("accept-language", "hr")], closed).await.error_info().unwrap().reason, "CALL_CLOSED");
    }

    #[tokio::test]
    async fn an_unknown_language_falls_back_to_that_of_the_tenant_and_then_to_english() {
        assert_eq!(said(&[("accept-language", "de"), ("koine-tenant", "it")]).await.0, "it");
        assert_eq!(said(&[("accept-language", "de"), ("koine-tenant", "xx")]).await.0, "en");
        assert_eq!(said(&[("accept-language", "de")]).await.0, "en");
    }

    #[tokio::test]
    async fn who_names_no_language_gets_what_was_there_before() {
        let plain = Status::from(closed());
        for headers in [&[][..], &[("accept-language", "*")], &[("accept-language", "q=;;")]] {
            let (tenants, _folder) = tenants();
            let refused = Then(async |_| refuse(closed()));
            let answer = Speak(tenants).around(call_of(method(false), headers), &refused).await;
            let status = Status::from_header_map(answer.headers()).unwrap();
            assert_eq!((status.message(), status.details()), (plain.message(), plain.details()), "{headers:?}");
        }
    }

    fn fields() -> Error {
        let mut violations = Violations::new();
        violations.add_with("team_name", Identity::WordForbidden, "No.", [("word", &"asoc" as _)]);
        violations.add("school_id", Identity::SchoolUnknown, "No such school.");
        violations.missing("motivation", "Say why.");
        violations.done().unwrap_err()
    }

    #[tokio::test]
    async fn each_violation_is_said_with_its_own_facts() {
        let details = details(&[("accept-language", "it")], fields).await;
        let violations = &details.bad_request().unwrap().field_violations;
        let said = violations.iter().map(|one| one.localized_message.as_ref().unwrap().message.as_str());
        assert_eq!(
            said.collect::<Vec<_>>(),
            [
                "Il testo contiene «asoc», una parola riservata al programma. Scegli un nome tutto tuo.",
                "Questa scuola non è nell'elenco, oppure è chiusa. Scegline un'altra dall'elenco.",
                "Questo campo è vuoto. Compilalo.",
            ]
        );
        assert_eq!(violations[1].description, "No such school.");
        assert_eq!(violations[2].reason, "FIELDS_INVALID");
    }

    #[tokio::test]
    async fn what_is_said_leaves_an_answer_small_enough_for_every_client() {
        let many = || {
            let mut violations = Violations::new();
            for number in 0..40 {
                violations.add(
                    format!("values[{number}]"),
                    Shared::FieldsInvalid,
                    "This is not as it should be at all.",
                );
            }
            violations.done().unwrap_err()
        };
        let details = details(&[("accept-language", "el")], many).await;
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(details.localized_message().unwrap().locale, "el");
        assert!(violations[0].localized_message.is_some() && violations.last().unwrap().localized_message.is_none());
    }

    #[tokio::test]
    async fn the_end_of_a_stream_is_said_too() {
        let (tenants, _folder) = tenants();
        let next = Then(async |_| {
            let mut trailers = HeaderMap::new();
            Status::from(Shared::TokenExpired.error("Over.")).add_header(&mut trailers).unwrap();
            let frames = [Ok::<_, Status>(Frame::data("one".into())), Ok(Frame::trailers(trailers))];
            Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))))
        });
        let asked = call_of(method(true), &[("accept-language", "sl")]);
        let body = Speak(tenants).around(asked, &next).await.into_body().collect().await.unwrap();
        let status = Status::from_header_map(body.trailers().unwrap()).unwrap();
        assert_eq!(status.get_details_localized_message().unwrap().locale, "sl");
        assert_eq!(body.to_bytes(), "one");
    }

    #[tokio::test]
    async fn an_answer_is_passed_on_as_it_is() {
        let (tenants, _folder) = tenants();
        let answer = Speak(tenants).around(call(&[("accept-language", "hr")]), &fine()).await;
        assert!(answer.headers().is_empty());
    }
}

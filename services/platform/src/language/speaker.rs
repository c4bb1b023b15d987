//! Says refusals in the language of a caller. A refusal that nobody asked to hear in a language is left as it is.

use std::{
    borrow::Cow,
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body::{Frame, SizeHint};
use proto::Declared;
use tonic::{Code, Status, body::Body};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt};

use super::{Language, sentence};
use crate::error::{Shared, Wording};

/// Up to how many bytes of details violations are said: in base 64 and with the message that is less than the 8 KiB of trailers that
/// every client of gRPC takes. The sentence of the reason itself is said in any case.
const MOST: usize = 5_900;

/// How the violations of a refusal are worded, one for each: the source of a status on its way to the layer that speaks. It never
/// leaves the process.
#[derive(Debug)]
pub(crate) struct Wordings(pub(crate) Vec<Wording>);

impl fmt::Display for Wordings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("how violations are worded")
    }
}

impl StdError for Wordings {}

/// Speaks to one caller.
#[derive(Clone, Debug)]
pub struct Speaker {
    language: Language,
    /// The package whose reasons violations name, beside the shared ones.
    package: Cow<'static, str>,
}

impl Speaker {
    /// A speaker for a caller that sends this as `accept-language`, where violations name shared reasons alone. It speaks English
    /// where there is no language that the caller names. None, where the caller names no language.
    pub fn shared_in(accept: &HeaderValue) -> Option<Self> {
        let language = Language::asked(accept, || Language::ENGLISH)?;
        Some(Self { language, package: Shared::DOMAIN.into() })
    }

    /// A speaker for callers of a method: `koine.identity.v1.TeamService/GetTeam`.
    pub(crate) fn of(language: Language, method: &str) -> Self {
        Self { language, package: package_of(method).to_owned().into() }
    }

    /// A speaker of the same language for callers of a method.
    pub fn on(self, method: &str) -> Self {
        Self::of(self.language, method)
    }

    /// A status with the sentences of its reason and of its violations; as it is, where it has no reason, or sentences already.
    pub fn status(&self, status: Status) -> Status {
        let mut details = status.get_error_details();
        if details.localized_message().is_some() || !self.speak(&status, &mut details) {
            return status;
        }
        let metadata = status.metadata().clone();
        Status::with_error_details_and_metadata(status.code(), status.message(), details, metadata)
    }

    /// A status with the sentences of its reason and of all its violations, for an answer whose size has no limit. Where the status has
    /// sentences already, those of the violations that lack one are said in their language, without facts, which did not travel.
    pub fn whole(&self, status: Status) -> Status {
        let status = self.status(status);
        let mut details = status.get_error_details();
        let language = details.localized_message().and_then(|said| Language::of(&said.locale));
        let (Some(language), Some(fields)) = (language, details.bad_request().cloned()) else { return status };
        let speaker = Self { language, package: self.package.clone() };
        let mut fields = fields.field_violations;
        for violation in fields.iter_mut().filter(|violation| violation.localized_message.is_none()) {
            let said = speaker.violation(violation, None);
            violation.localized_message = said.map(|said| LocalizedMessage::new(language.tag(), said));
        }
        details.set_bad_request(fields);
        Status::with_error_details_and_metadata(status.code(), status.message(), details, status.metadata().clone())
    }

    /// Whether there was something to say.
    fn speak(&self, status: &Status, details: &mut ErrorDetails) -> bool {
        let Some(info) = details.error_info() else { return false };
        let facts = || info.metadata.iter().map(|(name, fact)| (name.as_str(), fact.as_str()));
        let reason = (info.domain.as_str(), info.reason.as_str());
        let exact = sentence(self.language, reason, Some(Wording::EXACT), facts());
        let Some(said) = exact.or_else(|| sentence(self.language, reason, None, [])) else { return false };
        let mut room = MOST.saturating_sub(status.details().len() + said.len());
        if let Some(fields) = details.bad_request().cloned() {
            let wordings = StdError::source(status).and_then(|source| source.downcast_ref::<Wordings>());
            let mut worded = wordings.into_iter().flat_map(|wordings| &wordings.0);
            let mut fields = fields.field_violations;
            for violation in &mut fields {
                let said = self.violation(violation, worded.next());
                // what finds no room is left in English
                let Some(rest) = said.as_ref().and_then(|said| room.checked_sub(said.len() + AROUND)) else { continue };
                room = rest;
                violation.localized_message = said.map(|said| LocalizedMessage::new(self.language.tag(), said));
            }
            details.set_bad_request(fields);
        }
        details.set_localized_message(self.language.tag(), said);
        true
    }

    fn violation(&self, violation: &FieldViolation, worded: Option<&Wording>) -> Option<String> {
        let facts = || worded.into_iter().flat_map(|worded| &worded.facts).map(|(name, fact)| (*name, fact.as_str()));
        let form = worded.map_or(Wording::EXACT, |worded| worded.form);
        [&self.package, Shared::DOMAIN].into_iter().find_map(|domain| {
            let reason = (domain, violation.reason.as_str());
            let plain = |form| sentence(self.language, reason, form, []);
            let exact = sentence(self.language, reason, Some(form), facts());
            exact.or_else(|| plain(Some("field"))).or_else(|| plain(None))
        })
    }

    /// An answer by gRPC whose headers say an error, with its sentences.
    pub(crate) fn answer(&self, mut answer: Response<Body>) -> Response<Body> {
        // what the violations are worded with is not in the headers
        let made = answer.extensions().get::<Status>().cloned();
        if let Some(status) = made.or_else(|| Status::from_header_map(answer.headers())) {
            // whatever cannot be a header was none before either
            let _ = self.status(status).add_header(answer.headers_mut());
        }
        answer
    }
}

/// `koine.identity.v1` for a method of one of its services.
fn package_of(method: &str) -> &str {
    let service = method.trim_start_matches('/').split('/').next().unwrap_or_default();
    service.rsplit_once('.').map_or("", |(package, _)| package)
}

/// What stands around a sentence in the details: its language, and the lengths of both.
const AROUND: usize = 10;

/// The body of an answer by gRPC. Where it ends with an error, the end has its sentences.
pub fn ending(body: Body, speaker: Speaker) -> Body {
    Body::new(Ending { body, speaker })
}

struct Ending {
    body: Body,
    speaker: Speaker,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, speaker } = &mut *self;
        let mut frame = ready!(Pin::new(body).poll_frame(cx));
        let trailers = frame.as_mut().and_then(|frame| frame.as_mut().ok()).and_then(Frame::trailers_mut);
        if let Some(trailers) = trailers
            && let Some(status) = Status::from_header_map(trailers).filter(|status| status.code() != Code::Ok)
        {
            // whatever cannot be a header was none before either
            let _ = speaker.status(status).add_header(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! What a refusal of the API says to a reader: which field is wrong, and what to do.

use http::{HeaderValue, StatusCode};
use platform::{
    Language,
    language::{Speaker, sentence},
};
use proto::Declared;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::page::Form;

/// What is wrong with a sent form.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// By the name of a field, what is said of it.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// What is said of no single field.
    pub(crate) others: Vec<String>,
}

/// A method of the service whose reasons violations name.
const METHOD: &str = "koine.identity.v1.SessionService/SignIn";

impl Faults {
    /// One sentence, of no single field.
    pub(crate) fn said(status: StatusCode, sentence: String) -> Self {
        Self { status, others: vec![sentence], ..Self::default() }
    }

    /// One sentence of a field.
    pub(crate) fn of_field(field: &'static str, sentence: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, fields: vec![(field, sentence)], ..Self::default() }
    }

    /// What a refusal says of the fields of a form. What is wrong with what was sent
    /// as a whole is said of the only field, or of the code, which the others come with.
    pub(crate) fn of(form: &Form, language: Language, refused: &Status) -> Self {
        let speaker = HeaderValue::from_static(language.tag());
        let speaker = Speaker::shared_in(&speaker).map(|speaker| speaker.on(METHOD));
        let details =
            speaker.map_or_else(|| refused.clone(), |speaker| speaker.whole(refused.clone())).get_error_details();
        let mut faults = Self { status: http_status(refused), ..Self::default() };
        for violation in details.bad_request().iter().flat_map(|fields| &fields.field_violations) {
            let said = violation.localized_message.as_ref().map_or(&violation.description, |said| &said.message);
            faults.add(form.field(&violation.field).map(|field| field.name), said);
        }
        if faults.is_empty() {
            let is_of_what_was_sent = matches!(refused.code(), Code::InvalidArgument | Code::FailedPrecondition);
            let blamed = form.fields.iter().find(|field| field.name == "code" || form.fields.len() == 1);
            let blamed = blamed.filter(|_| is_of_what_was_sent).map(|field| field.name);
            faults.add(blamed, &general(language, refused));
        }
        faults
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.others.is_empty()
    }

    /// What is said of a field.
    pub(crate) fn of_the(&self, field: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(name, _)| *name == field).map(|(_, said)| said.as_str())
    }

    /// Adds a sentence, once: several violations of a field may be worded alike.
    fn add(&mut self, field: Option<&'static str>, said: &str) {
        match field {
            Some(field) if self.of_the(field).any(|known| known == said) => {}
            Some(field) => self.fields.push((field, said.to_owned())),
            None => self.others.push(said.to_owned()),
        }
    }
}

/// The sentence of the reason for a refusal. A refusal without a reason is that of a connection.
pub(crate) fn general(language: Language, refused: &Status) -> String {
    let details = refused.get_error_details();
    if let Some(said) = details.localized_message() {
        return said.message.clone();
    }
    let info = details.error_info().map(|info| (info.domain.as_str(), info.reason.as_str()));
    let known = info.unwrap_or((proto::error::v1::Reason::DOMAIN, "UNREACHABLE"));
    sentence(language, known, None, []).unwrap_or_default()
}

/// The status of a page that says a refusal.
pub(crate) fn http_status(refused: &Status) -> StatusCode {
    match refused.code() {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => match refused.get_details_error_info() {
            Some(info) if info.reason == "BODY_TOO_LARGE" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::TOO_MANY_REQUESTS,
        },
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal | Code::DataLoss | Code::Unimplemented => StatusCode::INTERNAL_SERVER_ERROR,
        // 401 would ask the browser for a password of its own
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;
    use crate::page::FORMS;

    fn form(path: &str) -> &'static Form {
        FORMS.iter().find(|form| form.path == path).unwrap()
    }

    fn refusal(reason: &str, domain: &str, fields: &[(&str, &str)]) -> Status {
        let mut details = ErrorDetails::with_error_info(reason, domain, HashMap::new());
        let violation = |(field, reason): &(&str, &str)| FieldViolation {
            reason: (*reason).to_owned(),
            ..FieldViolation::new(*field, "In English.")
        };
        details.set_bad_request(fields.iter().map(violation).collect::<Vec<_>>());
        Status::with_error_details(Code::InvalidArgument, "In English.", details)
    }

    #[test]
    fn a_violation_is_said_once_of_its_field_in_the_readers_language() {
        let weak = ("new_password", "PASSWORD_WEAK");
        let status = refusal("FIELDS_INVALID", "koine.error.v1", &[weak, weak, ("locale", "FIELDS_INVALID")]);
        let faults = Faults::of(form("redeem"), Language::of("hr").unwrap(), &status);
        assert_eq!(faults.of_the("new-password").count(), 1, "{:?}", faults.fields);
        assert!(faults.of_the("new-password").all(|said| said.starts_with("Ovu je lozinku lako pogoditi.")));
        assert_eq!(faults.others.len(), 1);
    }

    #[test]
    fn a_refusal_as_a_whole_is_said_of_the_only_field() {
        let status = refusal("CODE_INVALID", "koine.identity.v1", &[]);
        let faults = Faults::of(form("verify-email"), Language::of("hr").unwrap(), &status);
        assert!(
            faults.of_the("code").all(|said| said.starts_with("Ovaj kôd nije valjan.")) && faults.others.is_empty()
        );
        assert_eq!(Faults::of(form("redeem"), Language::ENGLISH, &status).others.len(), 1);
    }

    #[test]
    fn a_broken_connection_is_said_too() {
        let faults = Faults::of(form("verify-email"), Language::of("sl").unwrap(), &Status::unavailable("pipe"));
        assert_eq!((faults.status, faults.fields.len()), (StatusCode::SERVICE_UNAVAILABLE, 0));
        assert!(!faults.others[0].is_empty() && !faults.others[0].contains("pipe"));
    }
}

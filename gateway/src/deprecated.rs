//! What will be taken off the wire says so in answers: `Deprecation` (RFC 9745) since when, and `Sunset` (RFC 8594) until when it is
//! served.
//!
//! A method says so in each answer, in every protocol. A field says so where a request in JSON sets it; by gRPC messages pass undecoded.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{Timestamp, civil::Date, fmt::rfc2822::DateTimePrinter, tz::TimeZone};
use prost_reflect::{DynamicMessage, ExtensionDescriptor, MethodDescriptor, Value};
use proto::options::v1::Deprecation;

use crate::{Error, rpc};

pub(crate) const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
pub(crate) const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The fewest days from the one day to the other: a year, in which there is an edition.
const DAYS: i32 = 365;

/// Since when something is deprecated, and until when it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    since: Timestamp,
    until: Timestamp,
}

/// What of a method and of its requests is deprecated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    method: Option<Notice>,
    /// By the full name of the field.
    fields: BTreeMap<String, Notice>,
}

impl Notice {
    /// What a method says. Error: it says the half of it, or days that do not fit.
    pub(crate) fn of(method: &MethodDescriptor) -> Result<Option<Self>, Error> {
        let option = rpc::extension(method.parent_pool(), "koine.options.v1.method_deprecation")?;
        let plain = method.method_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated());
        Self::read(plain, &method.options(), &option, method.full_name())
    }

    fn read(
        is_deprecated: bool,
        options: &DynamicMessage,
        option: &ExtensionDescriptor,
        of: &str,
    ) -> Result<Option<Self>, Error> {
        if !is_deprecated && !options.has_extension(option) {
            return Ok(None);
        }
        let Deprecation { since, until } = rpc::option(options, option);
        let days = since.parse::<Date>().ok().zip(until.parse::<Date>().ok()).filter(|_| is_deprecated);
        let days = days.filter(|(since, until)| since.until(*until).is_ok_and(|span| span.get_days() >= DAYS));
        let notice = days.and_then(|(since, until)| {
            let instant = |at: jiff::civil::DateTime| Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp());
            Some(Self { since: instant(since.at(0, 0, 0, 0))?, until: instant(until.at(23, 59, 59, 0))? })
        });
        let fault = || {
            let text = "what is deprecated has `deprecated = true`, and in an option the days `since` and `until`, a year after it or later";
            Error::Rule { method: of.to_owned(), fault: text.to_owned() }
        };
        notice.map(Some).ok_or_else(fault)
    }

    /// Joins two notices: the earlier beginning, and the earlier end.
    fn and(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), until: self.until.min(other.until) }
    }

    /// Says it in the headers of an answer.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let since = HeaderValue::try_from(format!("@{}", self.since.as_second()));
        headers.extend(since.ok().map(|since| (DEPRECATION, since)));
        let until = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.until).ok();
        headers.extend(until.and_then(|until| Some((SUNSET, HeaderValue::try_from(until).ok()?))));
    }
}

impl Notices {
    /// Reads what a method says, and the messages that it takes and gives. Error: one of them is deprecated without its days, or has days
    /// and is not deprecated.
    pub(crate) fn of(method: &MethodDescriptor) -> Result<Self, Error> {
        let option = rpc::extension(method.parent_pool(), "koine.options.v1.field_deprecation")?;
        let mut fields = BTreeMap::new();
        let (mut messages, mut next) = (vec![method.input(), method.output()], 0);
        while let Some(message) = messages.get(next).cloned() {
            next += 1;
            for field in message.fields() {
                let plain = field.field_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated());
                let notice = Notice::read(plain, &field.options(), &option, field.full_name())?;
                fields.extend(notice.map(|notice| (field.full_name().to_owned(), notice)));
                let inner = field.kind().as_message().cloned();
                messages.extend(inner.filter(|inner| !messages.contains(inner)));
            }
        }
        Ok(Self { method: Notice::of(method)?, fields })
    }

    /// What every answer of the method says.
    pub(crate) fn method(&self) -> Option<Notice> {
        self.method
    }

    /// What the answer to a request says.
    pub(crate) fn to(&self, request: &DynamicMessage) -> Option<Notice> {
        if self.fields.is_empty() {
            self.method
        } else {
            self.method.into_iter().chain(self.set(request)).reduce(Notice::and)
        }
    }

    /// The notices of the fields that are set, at any depth.
    fn set(&self, message: &DynamicMessage) -> Vec<Notice> {
        let set = message.fields();
        set.flat_map(|(field, value)| {
            let inner = match value {
                Value::Message(inner) => self.set(inner),
                Value::List(items) => {
                    items.iter().filter_map(Value::as_message).flat_map(|item| self.set(item)).collect()
                }
                Value::Map(items) => {
                    items.values().filter_map(Value::as_message).flat_map(|item| self.set(item)).collect()
                }
                _ => Vec::new(),
            };
            self.fields.get(field.full_name()).copied().into_iter().chain(inner)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::deprecated::{Say, declared, pool};

    fn notices(since: &str, until: &str, is_deprecated: bool) -> Result<Notices, Error> {
        let pool = pool(|set| {
            let method = declared(set, "TeamService", "method", "GetTeam");
            method.say("method_deprecation", since, until, is_deprecated);
        });
        let service = pool.get_service_by_name("koine.identity.v1.TeamService").unwrap();
        let method = service.methods().find(|method| method.name() == "GetTeam");
        Notices::of(&method.unwrap())
    }

    #[test]
    fn what_is_deprecated_says_since_when_and_is_served_for_another_year() {
        assert!(notices("2026-09-01", "2027-09-01", true).unwrap().method().is_some());
        for (since, until, is_deprecated) in [
            ("2026-09-01", "2027-08-31", true),
            ("2026-09-01", "", true),
            ("", "2027-09-01", true),
            ("soon", "2027-09-01", true),
            ("2026-09-01", "2027-09-01", false),
        ] {
            let refused = notices(since, until, is_deprecated).unwrap_err().to_string();
            assert!(refused.starts_with("koine.identity.v1.TeamService.GetTeam"), "{refused}");
        }
    }
}

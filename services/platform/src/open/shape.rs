//! The formats of strings. The text of each says what is accepted.

use jiff::{civil::DateTime, fmt::strtime};
use proto::options::v1::Format;
use uuid::Uuid;

use crate::mail;

/// Whether `text` has this shape; otherwise what it should be, and the form in which the catalogues say so.
pub(super) fn fits(format: Format, text: &str) -> Result<(), (&'static str, &'static str)> {
    let (fits, wanted, form) = match format {
        Format::Unspecified => (true, "", ""),
        Format::Uuid => {
            let fits = Uuid::try_parse(text).is_ok() && text.len() == 36;
            (fits, "Must be an id as this system gives them, a UUID.", "id")
        }
        Format::Email => (mail::is_address(text), "Must be an e-mail address, such as name@host.example.", "email"),
        Format::Url => (url(text), "Must be a link that begins with https:// or http://.", "link"),
        Format::LocalTime => (local_time(text), "Must be a local date and time, such as 2022-12-20T23:59:59.", "time"),
    };
    if fits { Ok(()) } else { Err((wanted, form)) }
}

fn url(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// Whether a text is a local time, `2022-12-20T23:59:59`, or one with an offset, in the form `+01:00` only.
fn local_time(text: &str) -> bool {
    let plain = text.len() == 19 && text.as_bytes()[10] == b'T' && text.parse::<DateTime>().is_ok();
    plain || (text.len() == 25 && strtime::parse("%Y-%m-%dT%H:%M:%S%:z", text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_take_what_people_write_and_nothing_else() {
        let good = [
            (Format::Email, "maria.rossi@istruzione.it"),
            (Format::Email, "ana.horvat+asoc@skole.hr"),
            (Format::Url, "https://opencoesione.gov.it/it/progetti/1mise/"),
            (Format::LocalTime, "2022-12-20T23:59:59"),
            (Format::LocalTime, "2022-10-30T02:30:00+01:00"),
        ];
        let bad = [
            (Format::Email, "maria"),
            (Format::Email, "a@b"),
            (Format::Email, "a b@c.it"),
            (Format::Email, "a@b.it\r\nBcc: x@y.it"),
            (Format::Url, "javascript:alert(1)"),
            (Format::Url, "https://"),
            (Format::Url, "https://good.example@evil.example/"),
            (Format::LocalTime, "2022-12-20"),
            (Format::LocalTime, "2022-12-20 23:59:59"),
            (Format::LocalTime, "2022-12-20T23:59:59Z"),
            (Format::LocalTime, "2022-02-30T10:00:00"),
            (Format::Uuid, "0190"),
        ];
        for (format, text) in good {
            assert_eq!(fits(format, text), Ok(()), "{text}");
        }
        for (format, text) in bad {
            assert!(fits(format, text).is_err(), "{text}");
        }
    }
}

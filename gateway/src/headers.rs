//! Limits the size of a call's headers. They are refused here alike in every protocol, before a connection to a service has to
//! carry them.

use http::HeaderMap;
use tonic::Status;

use crate::reason;

/// The limit for all headers of a call, counted as in HTTP/2. It is what most servers accept.
const LIMIT: usize = 16 * 1024;

/// The bytes that HTTP/2 adds for each header, RFC 9113, 6.5.2.
const EACH: usize = 32;

/// Checks the size of the headers. Error: `HEADERS_TOO_LARGE`.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Status> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + EACH).sum();
    if size > LIMIT { Err(reason::headers_too_large(LIMIT)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_count_all_together_and_to_the_byte() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append("cookie", HeaderValue::try_from("x".repeat(LIMIT / 2 - EACH - "cookie".len())).unwrap());
        }
        check(&headers).unwrap();
        headers.insert("a", HeaderValue::from_static(""));
        assert!(check(&headers).is_err());
    }
}

//! The origins whose pages may call from a browser.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::CorsLayer;

use crate::{
    Error,
    bind::IDEMPOTENCY_KEY,
    deprecated::{DEPRECATION, SUNSET},
};

/// The headers of an answer that a page may read: how a gRPC-Web call ended, when to try again, the name of a file, the allowed
/// methods, and until when the method can be called.
const EXPOSED: [HeaderName; 8] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    header::RETRY_AFTER,
    header::CONTENT_DISPOSITION,
    header::ALLOW,
    DEPRECATION,
    SUNSET,
];

const ALLOWED: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ACCEPT_LANGUAGE,
    IDEMPOTENCY_KEY,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("koine-tenant"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
];

/// The layer for these origins. None, where there are none: browsers refuse other origins by themselves. Error: an origin that is
/// not one.
pub(crate) fn layer(origins: &[String]) -> Result<Option<CorsLayer>, Error> {
    let origins = origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>, _>>()?;
    if origins.is_empty() {
        return Ok(None);
    }
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(ALLOWED)
        .expose_headers(EXPOSED)
        .max_age(Duration::from_secs(3600));
    Ok(Some(layer))
}

/// Parses an origin. Browsers send scheme, host and port and compare exactly; anything else in the list would never match.
fn parse(origin: &str) -> Result<HeaderValue, Error> {
    let uri: Option<Uri> = origin.parse().ok();
    let whole = uri.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
    match HeaderValue::try_from(origin) {
        Ok(value) if whole.as_deref() == Some(origin) => Ok(value),
        _ => Err(Error::Origin(origin.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        assert!(parse("https://app.example.org").is_ok() && parse("http://localhost:5173").is_ok());
        for origin in ["*", "app.example.org", "https://app.example.org/", "https://app.example.org/x", "null"] {
            let fault = parse(origin).unwrap_err().to_string();
            assert!(fault.contains("gateway.cors_origins"), "{fault}");
        }
    }
}

//! Bodies that are read completely into memory before the caller is known. The number of their bytes is bounded for the process,
//! for each address, and for each connection.

use std::{error::Error as StdError, net::IpAddr};

use bytes::{Bytes, BytesMut};
use http::Extensions;
use http_body::Body;
use http_body_util::BodyExt;
use tonic::Status;
use tower::BoxError;

use crate::{
    Error, Result,
    config::Limits,
    error::{Reason, Shared},
    shares::{Share, Shares},
};

/// The number of bytes before each gRPC message: a flag for compression, and the length.
pub const PREFIX: usize = 5;

/// The bounds on the bytes of bodies in memory. Cheap to clone; all clones share the counts.
#[derive(Clone, Debug)]
pub struct Intake(Shares);

/// The bound on the bytes of bodies of one connection. Its requests have it as an extension.
#[derive(Clone, Debug)]
pub(crate) struct OfConnection(Shares);

impl OfConnection {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Shares::new(limits.bytes_per_connection, usize::MAX))
    }
}

/// The bytes that the bodies of one call hold. Dropping it releases them.
#[derive(Debug)]
pub struct Held {
    here: Share,
    connection: Option<Share>,
}

impl Intake {
    /// Uses the bounds of the settings.
    pub fn new(limits: &Limits) -> Self {
        Self(Shares::new(limits.bytes_in_flight, limits.bytes_per_address))
    }

    /// An empty count for a request from an address, with the extensions of its connection.
    pub fn held(&self, address: Option<IpAddr>, extensions: &Extensions) -> Held {
        let connection = extensions.get::<OfConnection>().map(|OfConnection(shares)| shares.share(None));
        Held { here: self.0.share(address), connection }
    }
}

impl Held {
    /// Counts bytes. Error: `OVERLOADED`, `TOO_MUCH_AT_ONCE`.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        self.here.take(bytes)?;
        match &mut self.connection {
            Some(share) => share.take(bytes).map_err(|_| crate::shares::Full::PerAddress.into()),
            None => Ok(()),
        }
    }

    /// Counts the bytes of an answer. Bounds are not checked, because the call is already done.
    pub fn add(&mut self, bytes: usize) {
        self.here.add(bytes);
        if let Some(share) = &mut self.connection {
            share.add(bytes);
        }
    }
}

/// Reads a body to its end. Error: `BODY_TOO_LARGE` above `limit` bytes; `BODY_TOO_SLOW`; `BODY_MALFORMED`, where it breaks off;
/// and the errors of [`Held::take`].
pub async fn gather<B>(body: B, limit: usize, held: &mut Held) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (mut body, mut first, mut more) = (std::pin::pin!(body), Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|fault| broken(&*fault.into()))?.into_data() else { continue };
        let length = first.len().max(more.len()) + piece.len();
        if length > limit {
            return Err(too_large(limit).into());
        }
        held.take(piece.len())?;
        if first.is_empty() {
            first = piece;
            continue;
        }
        if more.is_empty() {
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&piece);
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}

/// The error for a body above a limit of bytes.
pub fn too_large(limit: usize) -> Error {
    Shared::BodyTooLarge
        .error(format!("The body is larger than {limit} bytes. Send less, or use the streamed upload."))
        .with("limit_bytes", limit)
}

/// The error for a body that broke off: the first status with details among the causes of `fault`, or else `BODY_MALFORMED`.
pub fn broken(fault: &(dyn StdError + 'static)) -> Status {
    let mut cause = Some(fault);
    let said = loop {
        let Some(fault) = cause else { break None };
        match fault.downcast_ref::<Status>().filter(|status| !status.details().is_empty()) {
            Some(said) => break Some(said),
            None => cause = fault.source(),
        }
    };
    match said {
        Some(said) => Status::with_details(said.code(), said.message(), Bytes::copy_from_slice(said.details())),
        None => Shared::BodyMalformed.error("The body ended before it was complete. Send it again.").into(),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tonic_types::StatusExt;

    use super::*;

    fn body(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = BoxError> + use<> {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| match *piece {
                "!" => Err(BoxError::from("the line broke")),
                piece => Ok(Frame::data(Bytes::from_static(piece.as_bytes()))),
            })
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    fn reason(status: &Status) -> String {
        status.get_error_details().error_info().unwrap().reason.clone()
    }

    async fn read(pieces: &[&'static str], intake: &Intake) -> Result<Bytes, String> {
        let mut held = intake.held(Some([192, 0, 2, 1].into()), &Extensions::new());
        gather(body(pieces), 6, &mut held).await.map_err(|status| reason(&status))
    }

    #[tokio::test]
    async fn a_body_is_read_whole_within_its_limit() {
        let intake = Intake::new(&Limits::default());
        assert_eq!(read(&[], &intake).await.unwrap(), "");
        assert_eq!(read(&["", "one"], &intake).await.unwrap(), "one");
        assert_eq!(read(&["o", "n", "e"], &intake).await.unwrap(), "one");
        assert_eq!(read(&["one", "two"], &intake).await.unwrap(), "onetwo");
        assert_eq!(read(&["one", "two", "3"], &intake).await.unwrap_err(), "BODY_TOO_LARGE");
        assert_eq!(read(&["one", "!"], &intake).await.unwrap_err(), "BODY_MALFORMED");
    }

    #[tokio::test]
    async fn what_bodies_hold_together_is_bounded() {
        let limits = Limits { bytes_in_flight: 8, bytes_per_address: 5, bytes_per_connection: 3, ..Limits::default() };
        let intake = Intake::new(&limits);
        assert_eq!(read(&["one", "two"], &intake).await.unwrap_err(), "TOO_MUCH_AT_ONCE");
        assert_eq!(read(&["one"], &intake).await.unwrap(), "one", "what was refused holds nothing");
        let mut other = intake.held(Some([192, 0, 2, 2].into()), &Extensions::new());
        other.take(5).unwrap();
        assert_eq!(read(&["four"], &intake).await.unwrap_err(), "OVERLOADED");

        let mut extensions = Extensions::new();
        extensions.insert(OfConnection::new(&limits));
        let mut by_connection = intake.held(None, &extensions);
        by_connection.take(3).unwrap();
        assert!(intake.held(None, &extensions).take(0).is_ok());
        assert!(by_connection.take(1).unwrap_err().is(Shared::Overloaded), "the process is full first");
        drop(other);
        assert!(by_connection.take(1).unwrap_err().is(Shared::TooMuchAtOnce));
    }
}

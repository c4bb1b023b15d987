//! Second factors as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::{Factor, Told};

/// What an account has. `is_needed` says whether the role of the session needs one.
pub(super) fn shown(factor: Option<Factor>, is_needed: bool) -> pb::Factor {
    let enrolled = factor.and_then(|factor| factor.enrolled);
    pb::Factor {
        enrolled_at: enrolled.as_ref().map(|enrolled| wire::timestamp(enrolled.at)),
        recovery_codes_left: enrolled.map_or(0, |enrolled| left(enrolled.codes.left())),
        is_needed,
    }
}

/// The number of recovery codes, of which there are few.
pub(crate) fn left(codes: u32) -> i32 {
    i32::try_from(codes).unwrap_or(i32::MAX)
}

impl Factor {
    /// What is told once, and until when it can be confirmed.
    pub(super) fn begun(&self, told: Told) -> pb::BeginEnrolmentResponse {
        let expires_at = Some(wire::timestamp(self.expires_at()));
        pb::BeginEnrolmentResponse { secret: told.secret, uri: told.uri, expires_at }
    }
}

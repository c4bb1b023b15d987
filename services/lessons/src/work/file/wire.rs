//! Files as messages.

use platform::{Error, Result, Violations, wire};
use proto::lessons::v1 as pb;

use super::{File, Upload};

impl TryFrom<&pb::UploadFileRequest> for Upload {
    type Error = Error;

    /// Only the first piece has these fields, so the shape of the message cannot require them.
    fn try_from(first: &pb::UploadFileRequest) -> Result<Self> {
        let mut violations = Violations::new();
        for (field, is_missing) in [
            ("team_id", first.team_id.is_empty()),
            ("lesson", first.lesson == 0),
            ("field", first.field.is_empty()),
            ("name", first.name.trim().is_empty()),
        ] {
            if is_missing {
                violations.missing(field, "The first piece of an upload needs this.");
            }
        }
        violations.done()?;
        Ok(Self {
            team: first.team_id.parse()?,
            lesson: first.lesson,
            field: first.field.clone(),
            name: first.name.clone(),
        })
    }
}

impl From<File> for pb::File {
    fn from(file: File) -> Self {
        Self {
            id: file.id.to_string(),
            name: file.name,
            media_type: file.media_type,
            size_bytes: i64::try_from(file.size).unwrap_or(i64::MAX),
            digest: file.digest,
            created_at: Some(wire::timestamp(file.created_at)),
        }
    }
}

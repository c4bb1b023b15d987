//! Files as messages.

use platform::{
    Error, Result,
    error::{Reason, Shared},
    wire,
};
use proto::identity::v1 as pb;

use super::{File, Purpose};

impl From<File> for pb::File {
    fn from(file: File) -> Self {
        Self {
            id: file.id.to_string(),
            name: file.name,
            purpose: pb::FilePurpose::from(file.purpose).into(),
            media_type: file.media_type,
            size_bytes: i64::try_from(file.size).unwrap_or(i64::MAX),
            digest: file.digest,
            created_at: Some(wire::timestamp(file.created_at)),
        }
    }
}

impl From<Purpose> for pb::FilePurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Authorisation => Self::Authorisation,
            Purpose::SupportLetter => Self::SupportLetter,
            Purpose::Logo => Self::Logo,
        }
    }
}

impl TryFrom<pb::FilePurpose> for Purpose {
    type Error = Error;

    fn try_from(purpose: pb::FilePurpose) -> Result<Self> {
        match purpose {
            pb::FilePurpose::Authorisation => Ok(Self::Authorisation),
            pb::FilePurpose::SupportLetter => Ok(Self::SupportLetter),
            pb::FilePurpose::Logo => Ok(Self::Logo),
            pb::FilePurpose::Unspecified => Err(Shared::FieldsInvalid.error("purpose: say what the file is for")),
        }
    }
}

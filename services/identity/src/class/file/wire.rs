//! Files as messages.

use platform::{
    Error, Result, Violations,
    error::{Reason, Shared},
    wire,
};
use proto::identity::v1 as pb;

use super::{File, Label, Purpose};

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

impl TryFrom<&pb::UploadFileRequest> for Label {
    type Error = Error;

    fn try_from(first: &pb::UploadFileRequest) -> Result<Self> {
        let mut violations = Violations::new();
        if first.name.trim().is_empty() {
            violations.missing("name", "The file needs its name.");
        }
        let purpose = violations.keep("purpose", first.purpose().try_into());
        violations.done()?;
        purpose.map(|purpose| Self { purpose, name: first.name.clone() }).ok_or_else(unsaid)
    }
}

impl TryFrom<pb::FilePurpose> for Purpose {
    type Error = Error;

    fn try_from(purpose: pb::FilePurpose) -> Result<Self> {
        match purpose {
            pb::FilePurpose::Authorisation => Ok(Self::Authorisation),
            pb::FilePurpose::SupportLetter => Ok(Self::SupportLetter),
            pb::FilePurpose::Logo => Ok(Self::Logo),
            pb::FilePurpose::Unspecified => Err(unsaid()),
        }
    }
}

fn unsaid() -> Error {
    Shared::FieldsInvalid.error("Say what the file is for.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_name_and_a_purpose_is_told_of_both() {
        let refused = Label::try_from(&pb::UploadFileRequest { name: " ".to_owned(), ..Default::default() });
        let fields: Vec<_> = refused.unwrap_err().violations().iter().map(|one| one.field.clone()).collect();
        assert_eq!(fields, ["name", "purpose"]);
    }
}

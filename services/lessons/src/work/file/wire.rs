//! Files as messages.

use platform::{Error, Id, Result, error::Shared, wire};
use proto::lessons::v1 as pb;

use super::{
    File, Place,
    shelf::{Gap, Shelf},
};
use crate::amiss::Amiss;

impl TryFrom<&pb::UploadFileRequest> for Place {
    type Error = Error;

    /// Only the first piece says where the file belongs, so its shape cannot ask for it.
    fn try_from(first: &pb::UploadFileRequest) -> Result<Self> {
        let mut amiss = Amiss::new();
        for (field, is_missing) in [
            ("team_id", first.team_id.is_empty()),
            ("lesson", first.lesson == 0),
            ("field", first.field.is_empty()),
            ("name", first.name.trim().is_empty()),
        ] {
            if is_missing {
                amiss.add(field, Shared::FieldsInvalid, "The first piece of an upload needs this.");
            }
        }
        amiss.done()?;
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

impl Shelf {
    /// A file that stands in something, as the caller may see it.
    pub(crate) fn shared(&self, id: Id<File>) -> pb::SharedFile {
        let team_id = self.file(id).map(|file| file.team().to_string()).unwrap_or_default();
        let named = pb::SharedFile { file_id: id.to_string(), team_id, ..pb::SharedFile::default() };
        let Some(file) = self.shown(id) else {
            let gap = self.gap(id).unwrap_or(&Gap::Left);
            return pb::SharedFile { gap: pb::FileGap::from(gap).into(), missing: missing(gap), ..named };
        };
        pb::SharedFile {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            digest: file.digest.clone(),
            size_bytes: i64::try_from(file.size).unwrap_or(i64::MAX),
            ..named
        }
    }
}

fn missing(gap: &Gap) -> Vec<pb::MissingConsent> {
    match gap {
        Gap::Consent(publication) => pb::Publication::from(publication.clone()).missing,
        Gap::Ended | Gap::Left => Vec::new(),
    }
}

impl From<&Gap> for pb::FileGap {
    fn from(gap: &Gap) -> Self {
        match gap {
            Gap::Consent(_) => Self::Consent,
            Gap::Ended => Self::Ended,
            Gap::Left => Self::Left,
        }
    }
}

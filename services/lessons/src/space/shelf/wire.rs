//! Files of a pair as messages.

use platform::Id;
use proto::lessons::v1 as pb;

use super::{HiddenReason, Shelf};
use crate::work::file::File;

impl Shelf {
    /// A file as a message. A file that is not shown has the reason, and no name or digest.
    pub(crate) fn shared(&self, id: Id<File>) -> pb::SharedFile {
        let team_id = self.file(id).map(|file| file.team().to_string()).unwrap_or_default();
        let named = pb::SharedFile { file_id: id.to_string(), team_id, ..pb::SharedFile::default() };
        let Some(file) = self.shown(id) else {
            let gap = self.hidden_reason(id).unwrap_or(&HiddenReason::Left);
            return pb::SharedFile { gap: pb::FileGap::from(gap).into(), missing: missing(gap), ..named };
        };
        pb::SharedFile {
            name: file.name().to_owned(),
            media_type: file.media_type().to_owned(),
            digest: file.digest().to_owned(),
            size_bytes: i64::try_from(file.size()).unwrap_or(i64::MAX),
            ..named
        }
    }
}

fn missing(gap: &HiddenReason) -> Vec<pb::MissingConsent> {
    match gap {
        HiddenReason::Consent(publication) => pb::Publication::from(publication.clone()).missing,
        HiddenReason::Ended | HiddenReason::Left => Vec::new(),
    }
}

impl From<&HiddenReason> for pb::FileGap {
    fn from(gap: &HiddenReason) -> Self {
        match gap {
            HiddenReason::Consent(_) => Self::Consent,
            HiddenReason::Ended => Self::Ended,
            HiddenReason::Left => Self::Left,
        }
    }
}

//! Joint outputs as messages.

use platform::{Error, Result, wire};
use proto::lessons::v1 as pb;

use super::{Change, Contents, LoadedOutput};

impl TryFrom<pb::SaveOutputRequest> for Change {
    type Error = Error;

    fn try_from(request: pb::SaveOutputRequest) -> Result<Self> {
        let pb::SaveOutputRequest { title, text, language, links, file_ids, cleared, etag, .. } = request;
        let files = file_ids.iter().map(|id| id.parse()).collect::<Result<_>>()?;
        Ok(Self { etag, set: Contents { title, text, language, links, files }, cleared })
    }
}

impl TryFrom<LoadedOutput> for pb::Output {
    type Error = Error;

    fn try_from(loaded: LoadedOutput) -> Result<Self> {
        let digest = if loaded.output.version == 0 { String::new() } else { loaded.digest()? };
        let state = match (&loaded.output.delivered, loaded.output.version) {
            (Some(_), _) => pb::OutputState::Delivered,
            (None, 0) => pb::OutputState::NotStarted,
            (None, _) => pb::OutputState::Draft,
        };
        let files = loaded.output.contents.files.iter().map(|id| loaded.files.shared(*id)).collect();
        let (signatures, output) = (signatures(&loaded), loaded.output);
        Ok(Self {
            pair_id: output.pair.to_string(),
            lesson: output.lesson,
            state: state.into(),
            title: output.contents.title,
            text: output.contents.text,
            language: output.contents.language,
            links: output.contents.links,
            files,
            digest,
            signatures,
            saved_at: output.saved_at.map(wire::timestamp),
            deadline: Some((&loaded.deadline.moment).into()),
            verdict: output.delivered.as_ref().map(|delivered| (&delivered.verdict).into()),
            single: output.delivered.is_some_and(|delivered| delivered.is_single),
            // nothing was read where nothing was saved
            etag: if output.version == 0 { String::new() } else { wire::etag(output.version) },
        })
    }
}

/// The signatures of classes that have not left.
fn signatures(loaded: &LoadedOutput) -> Vec<pb::OutputSignature> {
    let signed = loaded.output.signatures.iter().filter_map(|signature| {
        let place = loaded.pair.side_of(signature.team)?;
        Some(pb::OutputSignature {
            home: place.side.home.to_string(),
            team_id: signature.team.to_string(),
            signed_at: Some(wire::timestamp(signature.at)),
        })
    });
    signed.collect()
}

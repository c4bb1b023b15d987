//! Files: those that lie in the archive, why others do not, and what was stated about them.

use platform::{Result, wire};
use proto::lessons::v1 as pb;

use super::{Block, Chapter, Said, at, class, entry_name, named, text};

/// A link to a file in the archive, or the reason why the file is not in it.
pub(super) fn mention(file: &pb::SharedFile) -> Said {
    if file.gap() == pb::FileGap::Unspecified {
        return Said::File(entry_name(&file.file_id, &file.name, &file.media_type), file.name.clone());
    }
    let mut why = vec![Said::Word(match file.gap() {
        pb::FileGap::Unspecified | pb::FileGap::Consent => "withheld",
        pb::FileGap::Ended => "withheld_ended",
        pb::FileGap::Left => "removed",
    })];
    for missing in &file.missing {
        why.push(text(&missing.home.to_uppercase()));
        why.push(Said::Word(match missing.gap() {
            pb::ConsentGap::Unspecified | pb::ConsentGap::None => "gap_none",
            pb::ConsentGap::Expired => "gap_expired",
            pb::ConsentGap::Withdrawn => "gap_withdrawn",
            pb::ConsentGap::Left => "gap_left",
        }));
    }
    Said::All(why)
}

/// The chapter of all files the caller may see.
pub(super) fn chapter(pair: &pb::Pair, files: &[pb::SharedFile]) -> Chapter {
    if files.is_empty() {
        return named("files", vec![Block::Paragraph(vec![Said::Word("nothing")])]);
    }
    let columns = ["file", "class", "kind", "size", "digest"].map(Said::Word).to_vec();
    let row = |file: &pb::SharedFile| {
        let size = if file.gap() == pb::FileGap::Unspecified { file.size_bytes.to_string() } else { String::new() };
        let class = class(pair, &file.team_id);
        vec![mention(file), text(&class), text(&file.media_type), text(&size), text(&file.digest)]
    };
    named("files", vec![Block::Table(columns, files.iter().map(row).collect())])
}

/// The chapter of consents. It has no names of people.
pub(super) fn consents(consents: &[pb::Consent], files: &[pb::SharedFile]) -> Chapter {
    if consents.is_empty() {
        return named("consents", vec![Block::Paragraph(vec![Said::Word("nothing")])]);
    }
    let columns = ["file", "country", "channel", "until", "stated", "withdrawn"].map(Said::Word).to_vec();
    let row = |consent: &pb::Consent| {
        let file = files.iter().find(|file| file.file_id == consent.file_id && !file.name.is_empty());
        let until = consent.expires_on.unwrap_or_default();
        vec![
            text(file.map_or(&consent.file_id, |file| &file.name)),
            text(&consent.home.to_uppercase()),
            Said::Word(channel(consent.channel())),
            text(&format!("{:04}-{:02}-{:02}", until.year, until.month, until.day)),
            at(consent.registered_at.as_ref()),
            at(consent.withdrawn_at.as_ref()),
        ]
    };
    named("consents", vec![Block::Table(columns, consents.iter().map(row).collect())])
}

fn channel(channel: pb::Channel) -> &'static str {
    match channel {
        pb::Channel::Unspecified => "",
        pb::Channel::PairSpace => "pair_space",
        pb::Channel::ProgrammeSite => "programme_site",
        pb::Channel::Press => "press",
        pb::Channel::Social => "social",
    }
}

/// A file as data, with the name of its entry where it is in the archive.
pub(super) fn data(file: &pb::SharedFile) -> Result<serde_json::Value> {
    let mut data = wire::json(file)?;
    if file.gap() == pb::FileGap::Unspecified {
        data["entry"] = entry_name(&file.file_id, &file.name, &file.media_type).into();
    }
    Ok(data)
}

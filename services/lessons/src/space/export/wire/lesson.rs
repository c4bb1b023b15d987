//! A lesson: what the two classes wrote, side by side, and what they made together.

use platform::{Result, wire};
use proto::lessons::v1::{self as pb, value::Kind};

use super::{Block, Chapter, Lesson, Said, at, called, class, file::mention, text};

pub(super) fn chapter(pair: &pb::Pair, lesson: &Lesson) -> Chapter {
    let mut blocks = mirrors(&lesson.mirrors);
    blocks.extend(lesson.output.iter().flat_map(|made| output(pair, made)));
    let number = lesson.number.to_string();
    Chapter { name: format!("lesson-{number}"), title: vec![Said::Word("lesson"), Said::Text(number)], blocks }
}

pub(super) fn data(lesson: &Lesson) -> Result<serde_json::Value> {
    let mut data = serde_json::json!({ "number": lesson.number, "mirrors": wire::json(&lesson.mirrors)? });
    if let Some(output) = &lesson.output {
        data["output"] = wire::json(output)?;
    }
    Ok(data)
}

/// Field by field, what each class wrote.
fn mirrors(both: &pb::CompareReportsResponse) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(Said::Word("mirrors"))];
    let mut columns = vec![Said::Word("field")];
    for mirror in &both.mirrors {
        let name = called(&mirror.side.clone().unwrap_or_default());
        let gap = match mirror.gap() {
            pb::MirrorGap::Unspecified => None,
            pb::MirrorGap::NotSubmitted => Some("not_submitted"),
            pb::MirrorGap::Left => Some("removed"),
            pb::MirrorGap::Ended => Some("ended"),
        };
        blocks.extend(gap.map(|gap| Block::Paragraph(vec![text(&format!("{name}:")), Said::Word(gap)])));
        columns.push(text(&name));
    }
    let rows = both.fields.iter().filter(|field| field.values.iter().any(|value| value.value.is_some()));
    let row = |field: &pb::MirrorField| {
        let values = field.values.iter().map(|value| written(field.kind(), value));
        [text(&field.label)].into_iter().chain(values).collect()
    };
    let rows: Vec<_> = rows.map(row).collect();
    if !rows.is_empty() {
        blocks.push(Block::Table(columns, rows));
    }
    blocks
}

/// What was written in a field.
fn written(kind: pb::FieldKind, written: &pb::MirrorValue) -> Said {
    let said = match written.value.as_ref().and_then(|value| value.kind.as_ref()) {
        None => String::new(),
        Some(Kind::Text(html)) if kind == pb::FieldKind::RichText => crate::work::answer::plain(html),
        Some(Kind::Text(text) | Kind::Time(text)) => text.clone(),
        Some(Kind::Boolean(true)) => return Said::Word("yes"),
        Some(Kind::Boolean(false)) => return Said::Word("no"),
        Some(Kind::Date(date)) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        Some(Kind::Choices(choices)) => choices.items.join(", "),
        Some(Kind::Files(_)) => return Said::All(written.files.iter().map(mention).collect()),
        Some(Kind::Point(point)) => format!("{} ({}, {})", point.address, point.latitude, point.longitude),
    };
    Said::Text(said)
}

fn output(pair: &pb::Pair, output: &pb::Output) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(Said::Word("output"))];
    if output.state() == pb::OutputState::NotStarted {
        blocks.push(Block::Paragraph(vec![Said::Word("nothing")]));
        return blocks;
    }
    blocks.push(Block::Heading(text(&output.title)));
    blocks.push(Block::Rich(output.language.clone(), output.text.clone()));
    let mut facts = Vec::new();
    if !output.links.is_empty() {
        facts.push(("links", text(&output.links.join(", "))));
    }
    if !output.files.is_empty() {
        facts.push(("files", Said::All(output.files.iter().map(mention).collect())));
    }
    blocks.push(Block::Facts(facts));
    let signed = output.signatures.iter().map(|signature| {
        let by = text(&class(pair, &signature.team_id));
        Block::Paragraph(vec![by, Said::Word("signed"), at(signature.signed_at.as_ref())])
    });
    blocks.extend(signed);
    blocks
}

//! What the API gives of a pair, as chapters of a book. A slice of the pair's space that has something to take home adds a chapter here.

use platform::{Result, wire};
use proto::{lessons::v1 as pb, options::v1::Role};

use super::{Block, Book, Chapter, Said, entry_name};
use crate::space::shelf::Shelf;

mod file;
mod lesson;

/// All a caller may see of a pair.
pub(super) struct Space {
    pub(super) pair: pb::Pair,
    pub(super) timeline: Option<pb::Timeline>,
    pub(super) messages: Vec<pb::Message>,
    pub(super) lessons: Vec<Lesson>,
    pub(super) files: Shelf,
    pub(super) consents: Vec<pb::Consent>,
}

/// What was made for a lesson.
pub(super) struct Lesson {
    pub(super) number: i32,
    pub(super) mirrors: pb::CompareReportsResponse,
    /// None where the caller may not see it.
    pub(super) output: Option<pb::Output>,
}

impl TryFrom<Space> for Book {
    type Error = platform::Error;

    fn try_from(space: Space) -> Result<Self> {
        let Space { pair, timeline, messages, lessons, files, consents } = space;
        let shared: Vec<_> = files.files().map(|file| files.shared(file.id())).collect();
        let mut chapters = vec![of_pair(&pair), of_project(&pair)];
        chapters.extend(timeline.as_ref().map(of_timeline));
        chapters.extend(lessons.iter().map(|lesson| lesson::chapter(&pair, lesson)));
        chapters.push(of_conversation(&pair, &messages));
        chapters.push(file::chapter(&pair, &shared));
        chapters.push(file::consents(&consents, &shared));
        let mut data = serde_json::json!({ "pair": wire::json(&pair)? });
        if let Some(timeline) = &timeline {
            data["timeline"] = wire::json(timeline)?;
        }
        data["messages"] = messages.iter().map(wire::json).collect::<Result<_>>()?;
        data["lessons"] = lessons.iter().map(lesson::data).collect::<Result<_>>()?;
        data["files"] = shared.iter().map(file::data).collect::<Result<_>>()?;
        data["consents"] = consents.iter().map(wire::json).collect::<Result<_>>()?;
        let files = files.files().filter(|file| files.shown(file.id()).is_some()).cloned().collect();
        Ok(Self { chapters, data, files })
    }
}

fn of_timeline(timeline: &pb::Timeline) -> Chapter {
    let row = |item: &pb::TimelineItem| {
        let local = |home: &pb::HomeMoment| home.moment.clone().unwrap_or_default().local;
        let at_home: Vec<_> = item.at_home.iter().map(local).collect();
        let across: Vec<_> = item.moved_across.iter().map(|closure| closure.name.as_str()).collect();
        vec![text(&item.lesson.to_string()), text(&at_home.join(" = ")), text(&across.join(", "))]
    };
    let columns = vec![Said::Word("lesson"), Said::Word("deadline"), Said::Word("reason")];
    named("timeline", vec![Block::Table(columns, timeline.items.iter().map(row).collect())])
}

/// What was written, each message with who wrote it; where the caller may not read one, the gap.
fn of_conversation(pair: &pb::Pair, messages: &[pb::Message]) -> Chapter {
    if messages.is_empty() {
        return named("conversation", vec![Block::Paragraph(vec![Said::Word("nothing")])]);
    }
    let blocks = messages.iter().flat_map(|message| {
        let mut by = vec![text(&class(pair, &message.team_id)), at(message.posted_at.as_ref())];
        if message.role() == Role::TwinTeacher {
            by.insert(1, Said::Word("teacher"));
        }
        let said = match message.text.as_str() {
            "" => Block::Paragraph(vec![Said::Word("not_shown")]),
            said => Block::Quote(message.language.clone(), said.to_owned()),
        };
        [Block::Paragraph(by), said]
    });
    named("conversation", blocks.collect())
}

/// The name of a class in the book. A class that has left is called by its country.
fn class(pair: &pb::Pair, team: &str) -> String {
    let mut sides = pair.sides.iter().filter_map(|place| place.side.as_ref());
    let side = sides.rfind(|side| side.team_id == team);
    side.map(called).unwrap_or_default()
}

fn called(side: &pb::Side) -> String {
    let home = side.home.to_uppercase();
    if side.team_name.is_empty() { home } else { format!("{} ({home})", side.team_name) }
}

/// A chapter that has a word for its title.
fn named(key: &'static str, blocks: Vec<Block>) -> Chapter {
    Chapter { name: key.to_owned(), title: vec![Said::Word(key)], blocks }
}

fn of_pair(pair: &pb::Pair) -> Chapter {
    let mut facts = vec![("state", Said::Word(state(pair.state()))), ("since", at(pair.state_since.as_ref()))];
    if !pair.reason.is_empty() {
        facts.push(("reason", text(&pair.reason)));
    }
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(pair.sides.iter().flat_map(of_side));
    named("pair", blocks)
}

/// A class; of one that has left, the gap.
fn of_side(place: &pb::PairSide) -> Vec<Block> {
    let side = place.side.clone().unwrap_or_default();
    let mut facts = vec![("country", text(&side.home.to_uppercase())), ("territory", text(&side.territory))];
    if let Some(left) = &place.left_at {
        let gap = Block::Paragraph(vec![Said::Word("left"), at(Some(left))]);
        return vec![Block::Heading(Said::Word("class")), gap, Block::Facts(facts)];
    }
    facts.insert(0, ("school", text(&side.school_name)));
    if let Some(partner) = &place.partner {
        facts.push(("looks_at", text(&partner.name)));
    }
    vec![Block::Heading(text(&side.team_name)), Block::Facts(facts)]
}

fn of_project(pair: &pb::Pair) -> Chapter {
    let blocks = match &pair.project {
        None => vec![Block::Paragraph(vec![Said::Word("no_project")])],
        Some(project) => about(project, pair.project_at.as_ref()),
    };
    named("project", blocks)
}

fn about(project: &pb::Project, kept: Option<&prost_types::Timestamp>) -> Vec<Block> {
    let facts = vec![
        ("acronym", text(&project.acronym)),
        ("programme", text(&project.programme_cci)),
        ("state", text(&project.status)),
        ("begins", text(&project.starts_on)),
        ("ends", text(&project.ends_on)),
        ("total", sum(project.total.as_ref())),
        ("union_share", sum(project.union_share.as_ref())),
        ("themes", text(&project.themes.join(", "))),
        ("kept", at(kept)),
    ];
    let row = |partner: &pb::ProjectPartner| {
        let lead = if partner.is_lead { Said::Word("lead") } else { text("") };
        let country = text(&partner.country.to_uppercase());
        vec![
            text(&partner.name),
            lead,
            country,
            text(&partner.territory),
            text(&partner.town),
            sum(partner.share.as_ref()),
        ]
    };
    let columns = ["partner", "lead", "country", "territory", "town", "share"].map(Said::Word).to_vec();
    vec![
        Block::Heading(text(&project.name)),
        Block::Facts(facts),
        Block::Heading(Said::Word("partners")),
        Block::Table(columns, project.partners.iter().map(row).collect()),
    ]
}

fn text(text: &str) -> Said {
    Said::Text(text.to_owned())
}

/// A sum; one that is not published says so, and is not zero.
fn sum(budget: Option<&pb::Budget>) -> Said {
    match budget {
        Some(budget) if budget.state() != pb::BudgetState::Unpublished => text(&budget.euro),
        _ => Said::Word("unpublished"),
    }
}

/// The day of an instant, in UTC: a book is read in every country.
fn at(at: Option<&prost_types::Timestamp>) -> Said {
    let instant = at.and_then(|at| jiff::Timestamp::from_second(at.seconds).ok());
    Said::Text(instant.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default())
}

fn state(state: pb::PairState) -> &'static str {
    match state {
        pb::PairState::Unspecified => "",
        pb::PairState::Proposed => "proposed",
        pb::PairState::Accepted => "accepted",
        pb::PairState::Approved => "approved",
        pb::PairState::ProjectAgreed => "project_agreed",
        pb::PairState::Active => "active",
        pb::PairState::Suspended => "suspended",
        pb::PairState::OneSided => "one_sided",
        pb::PairState::Completed => "completed",
        pb::PairState::Declined => "declined",
        pb::PairState::Lapsed => "lapsed",
        pb::PairState::Dissolved => "dissolved",
        pb::PairState::Repaired => "repaired",
    }
}

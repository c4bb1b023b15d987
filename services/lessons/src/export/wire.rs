//! What the API gives of a pair, as chapters of a book. A slice of the pair's space that has something to take home adds a chapter here.

use platform::{Result, wire};
use proto::lessons::v1 as pb;

use super::{Block, Book, Chapter, Said};

impl TryFrom<pb::Pair> for Book {
    type Error = platform::Error;

    fn try_from(pair: pb::Pair) -> Result<Self> {
        let chapters = vec![of_pair(&pair), of_project(&pair)];
        Ok(Self { chapters, data: serde_json::json!({ "pair": wire::json(&pair)? }) })
    }
}

fn of_pair(pair: &pb::Pair) -> Chapter {
    let mut facts = vec![("state", Said::Word(state(pair.state()))), ("since", at(pair.state_since.as_ref()))];
    if !pair.reason.is_empty() {
        facts.push(("reason", text(&pair.reason)));
    }
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(pair.sides.iter().flat_map(of_side));
    Chapter { key: "pair", blocks }
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
    Chapter { key: "project", blocks }
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
    let columns = vec!["partner", "lead", "country", "territory", "town", "share"];
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
        pb::PairState::Dissolved => "dissolved",
        pb::PairState::Repaired => "repaired",
    }
}

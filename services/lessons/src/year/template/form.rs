//! Report forms: what a team fills in for a lesson.

use serde::{Deserialize, Serialize};

/// The fields of a form, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormTemplate {
    /// The fields.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name values are stored under: `research_title`.
    pub key: String,
    /// What people see.
    pub label: String,
    /// What to write, in a sentence or two. May be empty.
    pub help: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a report can be submitted without it.
    pub required: bool,
    /// The most characters, as a reader sees them. 0: the kind's own limit.
    pub max_chars: u16,
    /// Whether spaces count as characters ("spazi inclusi").
    pub spaces_count: bool,
    /// The most words. 0: no limit.
    pub max_words: u16,
    /// The choices offered.
    pub choices: Vec<String>,
    /// The most choices or files taken. 0: one.
    pub max_items: u16,
    /// The largest file, in bytes. 0: the kind's own limit.
    pub max_bytes: u32,
    /// The roles of the team that write it.
    pub roles: Vec<String>,
    /// Whether juries see it.
    pub evaluated: bool,
    /// The sites a link may lead to, as host names; hosts below them count too. Empty: any.
    pub hosts: Vec<String>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Line,
    /// Text with paragraphs, emphasis, lists and links.
    RichText,
    /// A link.
    Url,
    /// An e-mail address of an organisation.
    Email,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A file.
    File,
    /// A picture: JPEG, PNG or GIF.
    Image,
    /// A video, as a file.
    Video,
    /// Yes or no.
    Boolean,
    /// One of the choices.
    Choice,
    /// Some of the choices.
    Choices,
    /// A place on the map.
    Point,
    /// The address of a page that can be embedded, such as an infographic.
    Embed,
    /// The funded project the team monitors: a link to its page at one of the sources the track admits.
    Project,
    /// A civic monitoring report: a link to it.
    MonitoringReport,
}

impl FieldKind {
    /// Whether it holds text whose length can be limited.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Line | Self::RichText)
    }

    /// Whether it holds files.
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Image | Self::Video)
    }

    /// Whether it holds choices.
    pub fn is_choice(self) -> bool {
        matches!(self, Self::Choice | Self::Choices)
    }

    /// Whether it holds a link.
    pub fn is_link(self) -> bool {
        matches!(self, Self::Url | Self::Embed | Self::Project | Self::MonitoringReport)
    }
}

//! Report forms: what a class is asked for a lesson. What it answers, and whether that is as the form asks, is in `work::answer`.

use platform::Id;

use crate::year::{edition::Track, template::LessonTemplate};

pub mod api;
pub(crate) mod store;
mod wire;

pub use crate::year::template::form::{Field, FieldKind};

/// The form of one lesson of a track, in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub(crate) track: Id<Track>,
    pub(crate) lesson: i32,
    pub(crate) version: i32,
    pub(crate) fields: Vec<Field>,
}

impl Form {
    /// The first version of a form, as a template has it.
    pub(crate) fn first(track: Id<Track>, lesson: &LessonTemplate) -> Self {
        Self { track, lesson: lesson.number.into(), version: 1, fields: lesson.form.fields.clone() }
    }

    /// The field of this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

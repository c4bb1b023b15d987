//! Mirror reports: the classes of a pair answer the same questions of one project from two territories, and read the answers side by
//! side.

use jiff::Timestamp;
use platform::{Ctx, Id};

use crate::{
    twinning::{
        pair::{Pair, Place},
        side::Side,
    },
    work::file::{File, shelf::Shelf},
    year::form::{Field, Form, Value, Values},
};

/// What a class submitted last.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// The version of the form it is written in.
    pub(crate) form_version: i32,
    /// What was written.
    pub(crate) values: Values,
    /// What it is named by.
    pub(crate) digest: String,
    /// When it was received.
    pub(crate) received_at: Timestamp,
}

/// Two mirror reports, or the gaps where they would stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub(super) form: Form,
    pub(super) halves: [Half; 2],
    /// The files that stand in either, each as the caller may see it.
    pub(super) files: Shelf,
}

/// One class in a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Half {
    pub(super) side: Side,
    pub(super) has_left: bool,
    /// The pair has ended, and what this class wrote is not for the caller any more.
    pub(super) is_closed: bool,
    /// The partner of the project it looks at. Empty where none is known.
    pub(super) partner: String,
    pub(super) mirror: Option<Mirror>,
}

/// Whether what a class submitted is for the caller to read: as long as the pair lasts for both of it, then for who may see the class.
pub(crate) fn is_shown(ctx: &Ctx, pair: &Pair, place: &Place) -> bool {
    !place.has_left() && (pair.check_begun().is_ok() || place.is_open_to(ctx))
}

impl Mirror {
    /// The files that stand in it.
    pub(crate) fn files(&self) -> impl Iterator<Item = Id<File>> {
        let files = self.values.iter().filter_map(|(_, value)| match value {
            Value::Files(files) => Some(files),
            _ => None,
        });
        files.flatten().copied()
    }
}

impl Comparison {
    /// What the classes of a pair submitted, in the order of its sides.
    pub(crate) fn new(ctx: &Ctx, pair: &Pair, form: Form, sent: [Option<Mirror>; 2], files: Shelf) -> Self {
        let [one, other] = pair.sides();
        let [first, second] = sent;
        let half = |place: &Place, mirror| Half {
            side: place.side.clone(),
            has_left: place.has_left(),
            is_closed: !is_shown(ctx, pair, place),
            partner: pair.partner(place).map(|partner| partner.name.clone()).unwrap_or_default(),
            mirror,
        };
        Self { form, halves: [half(one, first), half(other, second)], files }
    }

    /// The classes of which there is something to see.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Side> {
        self.halves.iter().filter(|half| half.mirror.is_some()).map(|half| &half.side)
    }

    /// Every field of the form, with what each class wrote in it.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Field, [Option<&Value>; 2])> {
        let value = |half: usize, key: &str| self.halves[half].mirror.as_ref()?.values.get(key);
        self.form.fields.iter().map(move |field| (field, [0, 1].map(|half| value(half, &field.key))))
    }
}

#[cfg(test)]
mod tests;

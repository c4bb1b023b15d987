//! Mirror reports: the classes of a pair answer the same questions of one project from two territories, and read the answers side by
//! side.

use jiff::Timestamp;

use crate::{
    form::{Field, Form, Value, Values},
    pair::{Pair, Place},
    side::Side,
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
}

/// One class in a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Half {
    pub(super) side: Side,
    pub(super) has_left: bool,
    /// The partner of the project it looks at. Empty where none is known.
    pub(super) partner: String,
    pub(super) mirror: Option<Mirror>,
}

impl Comparison {
    /// What the classes of a pair submitted, in the order of its sides.
    pub(crate) fn new(pair: &Pair, form: Form, sent: [Option<Mirror>; 2]) -> Self {
        let [one, other] = pair.sides();
        let [first, second] = sent;
        let half = |place: &Place, mirror| Half {
            side: place.side.clone(),
            has_left: place.has_left(),
            partner: pair.partner(place).map(|partner| partner.name.clone()).unwrap_or_default(),
            mirror,
        };
        Self { form, halves: [half(one, first), half(other, second)] }
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

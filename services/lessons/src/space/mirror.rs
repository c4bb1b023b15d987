//! Mirror reports: the classes of a pair answer the same questions about one project from two territories, and read the answers side by
//! side.

use platform::Ctx;

use crate::{
    space::shelf::Shelf,
    twinning::{
        pair::{Pair, PairSide},
        side::Side,
    },
    work::{answer::Value, report::LastSubmission},
    year::form::{Field, Form},
};

mod wire;

/// Two mirror reports, or the gaps where they would stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub(crate) form: Form,
    pub(crate) halves: [Half; 2],
    /// The files that stand in either, each as the caller may see it.
    pub(crate) files: Shelf,
}

/// One class in a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Half {
    pub(crate) side: Side,
    pub(crate) has_left: bool,
    /// The pair has ended, and what this class wrote is not for the caller any more.
    pub(crate) is_closed: bool,
    /// The partner of the project it looks at. Empty where none is known.
    pub(crate) partner: String,
    pub(crate) mirror: Option<LastSubmission>,
}

/// Whether what a class submitted is for the caller to read: as long as the pair lasts for both of it, then for who may see the class.
pub(crate) fn is_shown(ctx: &Ctx, pair: &Pair, place: &PairSide) -> bool {
    !place.has_left() && (pair.check_begun().is_ok() || place.is_open_to(ctx))
}

impl Comparison {
    /// What the classes of a pair submitted, in the order of its sides.
    pub(crate) fn new(ctx: &Ctx, pair: &Pair, form: Form, sent: [Option<LastSubmission>; 2], files: Shelf) -> Self {
        let [one, other] = pair.sides();
        let [first, second] = sent;
        let half = |place: &PairSide, mirror| Half {
            side: place.side.clone(),
            has_left: place.has_left(),
            is_closed: !is_shown(ctx, pair, place),
            partner: pair.partner(place).map(|partner| partner.name.clone()).unwrap_or_default(),
            mirror,
        };
        Self { form, halves: [half(one, first), half(other, second)], files }
    }

    /// The classes of which there is something to see.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Side> {
        self.halves.iter().filter(|half| half.mirror.is_some()).map(|half| &half.side)
    }

    /// Every field of the form, with what each class wrote in it.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&Field, [Option<&Value>; 2])> {
        let value = |half: usize, key: &str| self.halves[half].mirror.as_ref()?.values.get(key);
        self.form.fields.iter().map(move |field| (field, [0, 1].map(|half| value(half, &field.key))))
    }
}

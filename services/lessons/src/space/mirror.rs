//! Mirror reports: the two classes of a pair answer the same questions about one project from two territories, and read each other's
//! answers side by side.

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

/// The mirror reports of both classes. One that is missing is a gap.
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
    /// Whether the pair has ended, so that the caller may not read this report any more.
    pub(crate) is_closed: bool,
    /// The partner of the project it looks at. Empty where none is known.
    pub(crate) partner: String,
    pub(crate) mirror: Option<LastSubmission>,
}

/// Whether the caller may read what a class submitted: while the pair lasts all its members, later those who may see the class.
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

    /// The classes whose reports are seen in it.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Side> {
        self.halves.iter().filter(|half| half.mirror.is_some()).map(|half| &half.side)
    }

    /// Every field of the form, with what each class wrote in it.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&Field, [Option<&Value>; 2])> {
        let value = |half: usize, key: &str| self.halves[half].mirror.as_ref()?.values.get(key);
        self.form.fields.iter().map(move |field| (field, [0, 1].map(|half| value(half, &field.key))))
    }
}

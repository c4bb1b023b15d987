//! Files of a pair as one caller may see them. This is the one rule for everything that shows files: joint outputs, mirror reports, the
//! export, the bytes themselves.

use std::collections::BTreeMap;

use platform::{Ctx, Id};

use crate::{space::consent::Publication, twinning::pair::Pair, work::file::File};

mod wire;

/// Why a file is not shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HiddenReason {
    /// The consent of a class is missing.
    Consent(Publication),
    /// The pair was dissolved, so its classes share no files any more.
    Ended,
    /// Its class has left, and the file with it.
    Left,
}

/// Some files, each with the reason why it is not shown, if it is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shelf(BTreeMap<Id<File>, (File, Option<HiddenReason>)>);

/// Why a file is not shown to the caller. None where it is shown. The file must be the caller's own, or stand in what the classes show each
/// other.
fn hidden_reason(ctx: &Ctx, pair: &Pair, file: &File, publication: Publication) -> Option<HiddenReason> {
    let Some(place) = pair.side_of(file.team()) else { return Some(HiddenReason::Left) };
    let is_own = place.is_open_to(ctx);
    if !is_own && pair.check_begun().is_err() {
        return Some(HiddenReason::Ended);
    }
    // a class sees its own files before anything is stated; a withdrawal hides a file from both classes
    let is_hidden = if is_own { publication.is_withdrawn() } else { !publication.is_granted() };
    (file.may_show_people() && is_hidden).then_some(HiddenReason::Consent(publication))
}

impl Shelf {
    /// Files of a pair with what was stated about each.
    pub(crate) fn new(ctx: &Ctx, pair: &Pair, files: impl IntoIterator<Item = (File, Publication)>) -> Self {
        let files = files.into_iter().map(|(file, publication)| {
            let gap = hidden_reason(ctx, pair, &file, publication);
            (file.id(), (file, gap))
        });
        Self(files.collect())
    }

    /// A file, whether it is shown or not.
    pub(crate) fn file(&self, id: Id<File>) -> Option<&File> {
        self.0.get(&id).map(|(file, _)| file)
    }

    /// Why a file is not shown.
    pub(crate) fn hidden_reason(&self, id: Id<File>) -> Option<&HiddenReason> {
        self.0.get(&id).map_or(Some(&HiddenReason::Left), |(_, gap)| gap.as_ref())
    }

    /// A file that is shown.
    pub(crate) fn shown(&self, id: Id<File>) -> Option<&File> {
        self.file(id).filter(|_| self.hidden_reason(id).is_none())
    }

    /// The files, oldest first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.values().map(|(file, _)| file)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use platform::blob::Blob;

    use super::*;
    use crate::{
        space::consent::{Channel, Consent, Statement},
        testing::twins::Twins,
        work::file::Upload,
        year::team::Seat,
    };

    fn file(twins: &Twins, of: usize, media_type: &'static str) -> File {
        let place = Upload { team: twins.side(of).team, lesson: 1, field: "cover".to_owned(), name: "a".to_owned() };
        let blob = Blob { digest: "ab".repeat(32), size: 7, media_type };
        let seat = Seat { team: twins.side(of).team, space: Some(twins.pair.space()) };
        File::new(&twins.team(of), seat, place, media_type, blob)
    }

    /// Of each class: whether its teacher said that the file may be shown, and whether it took that back.
    fn stated(twins: &Twins, said: [(bool, bool); 2]) -> Vec<Consent> {
        let statement =
            Statement { file: twins.ground.ids.next(), channel: Channel::PairSpace, expires_on: date(2023, 6, 9) };
        let stated = [0, 1].into_iter().filter(|of| said[*of].0).map(|of| {
            let mut consent = Consent::register(&twins.teacher(of), &twins.pair, true, statement).unwrap();
            if said[of].1 {
                consent.withdraw(&twins.teacher(of));
            }
            consent
        });
        stated.collect()
    }

    fn publication(twins: &Twins, said: [(bool, bool); 2]) -> Publication {
        Publication::new(&twins.secretariat(), &twins.pair, &stated(twins, said))
    }

    const UNSAID: (bool, bool) = (false, false);
    const SAID: (bool, bool) = (true, false);
    const TAKEN_BACK: (bool, bool) = (true, true);

    /// Whether a picture of the first class is shown to its own teacher, and to the other one.
    fn shown(twins: &Twins, said: [(bool, bool); 2]) -> [bool; 2] {
        let file = file(twins, 0, "image/png");
        [0, 1].map(|of| {
            let stated = [(file.clone(), publication(twins, said))];
            Shelf::new(&twins.teacher(of), &twins.pair, stated).shown(file.id()).is_some()
        })
    }

    #[tokio::test]
    async fn a_picture_is_shown_to_the_twin_while_both_say_so_and_to_nobody_once_one_has_taken_it_back() {
        let twins = Twins::at_work().await;
        for (said, expected) in [
            ([UNSAID, UNSAID], [true, false]),
            ([SAID, UNSAID], [true, false]),
            ([UNSAID, SAID], [true, false]),
            ([SAID, SAID], [true, true]),
            ([SAID, TAKEN_BACK], [false, false]),
            ([TAKEN_BACK, SAID], [false, false]),
            ([TAKEN_BACK, UNSAID], [false, false]),
        ] {
            assert_eq!(shown(&twins, said), expected, "{said:?}");
        }
    }

    #[tokio::test]
    async fn a_withdrawal_hides_a_picture_from_its_own_class_too_after_the_other_class_has_left() {
        for (said, expected) in [(TAKEN_BACK, false), (SAID, true), (UNSAID, true)] {
            let mut twins = Twins::at_work().await;
            let file = file(&twins, 0, "image/png");
            let stated = stated(&twins, [SAID, said]);
            twins.leaves(1).await;
            for owner in [twins.teacher(0), twins.secretariat()] {
                let publication = Publication::new(&owner, &twins.pair, &stated);
                let shelf = Shelf::new(&owner, &twins.pair, [(file.clone(), publication)]);
                assert_eq!(shelf.shown(file.id()).is_some(), expected, "{said:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_without_people_needs_no_consent_and_files_that_left_or_ended_are_gaps() {
        let mut twins = Twins::at_work().await;
        let table = file(&twins, 0, "text/plain");
        let shelf = |twins: &Twins, of: usize| {
            Shelf::new(&twins.teacher(of), &twins.pair, [(table.clone(), publication(twins, [UNSAID, UNSAID]))])
        };
        assert_eq!(shelf(&twins, 1).hidden_reason(table.id()), None);
        assert_eq!(
            shelf(&twins, 1).hidden_reason(twins.ground.ids.next()),
            Some(&HiddenReason::Left),
            "not there any more"
        );
        twins.pair.dissolve(&twins.secretariat(), "both schools closed".to_owned()).unwrap();
        assert_eq!(shelf(&twins, 1).hidden_reason(table.id()), Some(&HiddenReason::Ended));
        assert_eq!(shelf(&twins, 0).hidden_reason(table.id()), None, "its own stays with it");
        let mut twins = Twins::at_work().await;
        let table = file(&twins, 0, "text/plain");
        let stated = publication(&twins, [UNSAID, UNSAID]);
        twins.leaves(0).await;
        let shelf = Shelf::new(&twins.teacher(1), &twins.pair, [(table.clone(), stated)]);
        assert_eq!(shelf.hidden_reason(table.id()), Some(&HiddenReason::Left));
    }
}

//! How a pair comes about: proposed, accepted, approved, its project agreed, started.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result, Violations, wire as etag};
use proto::options::v1::Role;

use super::{ChosenProject, Origin, Pair, PairSide, PairStage, PairState, ProposedBy, Work};
use crate::{
    reason::{Reason, Refuse},
    twinning::{
        offer::{Offer, couples::Couple},
        project::Project,
    },
    year::team::Team,
};

/// The most proposals of its own that a class may have open: enough to ask the classes it likes best, too few to write to every class there
/// is (D).
const OWN: usize = 5;

/// The partner one class looks at.
#[derive(Clone, Debug)]
pub struct Viewpoint {
    /// The class.
    pub team: Id<Team>,
    /// The partner, by its number within the project.
    pub partner: String,
}

impl Pair {
    /// The proof that the caller may propose this pair: the secretariat, and a teacher of one of the classes. Error: not found.
    pub fn proposed_by(ctx: &Ctx, offers: [&Offer; 2]) -> Result<Allowed> {
        let may = ctx.has(Role::Coordinator) || offers.iter().any(|offer| offer.side().is_of(ctx));
        Allowed::when(may, || Error::not_found("offer"))
    }

    /// Proposes a pair. A teacher who proposes accepts with that. Error: `OFFER_CLOSED`, `TWINS_MISMATCHED`; not found where a teacher
    /// proposes two classes that are both not theirs, or one that the teacher may not know of.
    pub fn propose(ctx: &Ctx, offers: [&Offer; 2]) -> Result<Self> {
        Self::proposed_by(ctx, offers)?;
        if !offers.iter().all(|offer| offer.is_visible_to(ctx)) {
            return Err(Error::not_found("offer"));
        }
        let by = if ctx.has(Role::Coordinator) { ProposedBy::Secretariat } else { ProposedBy::Teacher };
        let mut pair = Self::of(ctx, offers, by)?;
        let own = pair.sides.iter_mut().find(|place| place.side.is_of(ctx));
        own.into_iter().for_each(|place| place.accepted_at = Some(ctx.now()));
        Ok(pair)
    }

    /// Checks it against `others`, the open proposals of one of its classes. Error: `PAIR_EXISTS`; `PROPOSALS_MANY` for a teacher whose
    /// class has proposed as many pairs as it may.
    pub(crate) fn check_beside(&self, ctx: &Ctx, others: &[Self]) -> Result<()> {
        let offers = |pair: &Self| pair.sides.each_ref().map(|place| place.offer);
        if let Some(same) = others.iter().find(|&other| offers(other) == offers(self)) {
            let text = "These two classes are proposed to each other already. Accept that pair, or decline it first.";
            return Err(Reason::PairExists.error(text).with("pair_id", same.id));
        }
        let has_accepted = |place: &PairSide| place.side.is_of(ctx) && place.accepted_at.is_some();
        let by_own = |pair: &Self| pair.origin.by == ProposedBy::Teacher && pair.sides.iter().any(has_accepted);
        if others.iter().filter(|&other| by_own(other)).count() < OWN {
            return Ok(());
        }
        let text =
            "Your class has proposed as many pairs as may wait for an answer at once. Take one back: decline it.";
        Err(Reason::ProposalsMany.error(text).with("limit", OWN))
    }

    /// Proposes a couple of the matcher, and keeps its reasons. Error: as [`Pair::propose`].
    pub fn matched(ctx: &Ctx, couple: &Couple<'_>) -> Result<Self> {
        let mut pair = Self::of(ctx, couple.offers, ProposedBy::Matcher)?;
        pair.origin.reasons.clone_from(&couple.reasons);
        Ok(pair)
    }

    fn of(ctx: &Ctx, mut offers: [&Offer; 2], by: ProposedBy) -> Result<Self> {
        offers.iter().try_for_each(|offer| offer.check_open())?;
        check_twins(offers)?;
        offers.sort_by(|one, other| one.side().home.cmp(&other.side().home));
        let previous = offers.iter().find_map(|offer| offer.lost());
        Ok(Self {
            id: ctx.new_id(),
            version: 0,
            track: offers[0].track(),
            sides: offers.map(PairSide::new),
            origin: Origin { by, reasons: Vec::new(), previous, at: ctx.now() },
            state: PairState::Proposed,
            since: ctx.now(),
        })
    }

    /// Accepts for the class of the caller. Returns whether both classes have accepted now; then both offers must be taken. Error:
    /// `PAIR_STATE`.
    pub fn accept(&mut self, ctx: &Ctx) -> Result<bool> {
        let own = self.acting(ctx)?;
        self.check_stage(&[PairStage::Proposed])?;
        self.sides[own].accepted_at.get_or_insert(ctx.now());
        let have_both = self.sides.iter().all(|side| side.accepted_at.is_some());
        if have_both {
            self.stand(PairState::Accepted, ctx.now());
        }
        Ok(have_both)
    }

    /// Declines, takes back or refuses what has not begun. Returns whether both offers had been taken. Error: `PAIR_STATE`.
    pub fn decline(&mut self, ctx: &Ctx) -> Result<bool> {
        use PairStage as S;
        self.check_stage(&[S::Proposed, S::Accepted, S::Approved, S::ProjectAgreed])?;
        let was_engaged = self.stage().engages();
        self.stand(PairState::Declined(self.state.chosen().cloned()), ctx.now());
        Ok(was_engaged)
    }

    /// Ends a proposal because one of the classes looks for no twin any more. Error: `PAIR_STATE`.
    pub(crate) fn lapse(&mut self, ctx: &Ctx) -> Result<()> {
        self.check_stage(&[PairStage::Proposed])?;
        self.stand(PairState::Lapsed, ctx.now());
        Ok(())
    }

    /// Approves, for the country of the caller. Error: `PAIR_STATE`.
    pub fn approve(&mut self, ctx: &Ctx) -> Result<()> {
        let own = self.acting(ctx)?;
        self.check_stage(&[PairStage::Accepted])?;
        self.sides[own].approved_at.get_or_insert(ctx.now());
        if self.sides.iter().all(|side| side.approved_at.is_some()) {
            self.stand(PairState::Approved(None), ctx.now());
        }
        Ok(())
    }

    /// Proposes the project, with the partner that each class looks at in its own country (I2). The class that proposes agrees with that.
    /// Error: `PAIR_STATE`, `PARTNER_MISPLACED`.
    pub fn propose_project(&mut self, ctx: &Ctx, project: Project, viewpoints: &[Viewpoint]) -> Result<()> {
        let own = self.acting(ctx)?;
        self.check_stage(&[PairStage::Approved])?;
        let mut violations = Violations::new();
        for place in &mut self.sides {
            let found = viewpoints.iter().position(|view| view.team == place.side.team);
            let Some(at) = found else {
                let text = format!("Say which partner the class of `{}` looks at.", place.side.home);
                violations.add("viewpoints", Reason::PartnerMisplaced, text);
                continue;
            };
            let home = place.side.home.as_str();
            match project.partner_in(home, &viewpoints[at].partner) {
                Some(partner) => place.partner.clone_from(&partner.id),
                None => violations.add(
                    format!("viewpoints[{at}].partner_id"),
                    Reason::PartnerMisplaced,
                    format!("The project has no such partner in `{home}`. Read the project: it lists its partners."),
                ),
            }
            place.agreed_at = None;
        }
        violations.done()?;
        self.sides[own].agreed_at = Some(ctx.now());
        self.state = PairState::Approved(Some(ChosenProject { project, at: ctx.now() }));
        Ok(())
    }

    /// Agrees to the project, as it was read with the etag `read`. The project is kept as it is `now` (I17). Error: `PAIR_STATE`,
    /// `ETAG_STALE` where the pair has changed since it was read.
    pub fn agree_project(&mut self, ctx: &Ctx, read: &str, now: Project) -> Result<()> {
        let own = self.acting(ctx)?;
        let PairState::Approved(Some(proposed)) = &self.state else { return Err(self.out_of_turn()) };
        if read != etag::etag(self.version) {
            return Err(etag::stale(self.version));
        }
        // where the source has dropped a partner since, the project is kept as it was proposed and read
        let is_whole = self.sides.iter().all(|side| now.partner_in(side.side.home.as_str(), &side.partner).is_some());
        let chosen = if is_whole { ChosenProject { project: now, at: ctx.now() } } else { proposed.clone() };
        self.sides[own].agreed_at.get_or_insert(ctx.now());
        if self.sides.iter().all(|side| side.agreed_at.is_some()) {
            self.stand(PairState::ProjectAgreed(chosen), ctx.now());
        } else {
            self.state = PairState::Approved(Some(chosen));
        }
        Ok(())
    }

    /// The project that was proposed. Error: `PAIR_STATE` where none was.
    pub fn proposed_project(&self) -> Result<Id<Project>> {
        let none = || self.refused("No project was proposed yet. Propose one, with the partner each class looks at.");
        self.project().map(Project::id).ok_or_else(none)
    }

    /// Starts the work. Error: `PAIR_STATE`.
    pub fn start(&mut self, ctx: &Ctx) -> Result<()> {
        let PairState::ProjectAgreed(chosen) = &self.state else { return Err(self.out_of_turn()) };
        let work = Work { chosen: chosen.clone(), delivered_at: None };
        self.stand(PairState::Active(work), ctx.now());
        Ok(())
    }

    pub(super) fn stand(&mut self, state: PairState, now: Timestamp) {
        self.state = state;
        self.since = now;
    }
}

fn check_twins([one, other]: [&Offer; 2]) -> Result<()> {
    let mut violations = Violations::new();
    if one.side().home == other.side().home {
        violations.add("offer_ids", Reason::TwinsMismatched, "Both classes are of one country; a pair is of two.");
    }
    if one.track() != other.track() {
        violations.add("offer_ids", Reason::TwinsMismatched, "The classes take part in two tracks; a pair is in one.");
    }
    violations.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ground, twins::offered};

    #[test]
    fn a_teacher_cannot_propose_a_couple_twice_or_more_pairs_than_the_limit() {
        let ground = Ground::programme();
        let (track, secretariat) = (ground.ids.next(), ground.by(Role::Coordinator));
        let offer = |home: &str| {
            let side = ground.side(home, "");
            offered(&ground.twin(Role::TwinTeacher, &side), track, side)
        };
        let own = offer("hr");
        let teacher = ground.twin(Role::TwinTeacher, own.side());
        let others: Vec<Offer> = (0..=OWN).map(|_| offer("it")).collect();
        let mut pairs: Vec<Pair> = others.iter().map(|other| Pair::propose(&teacher, [&own, other]).unwrap()).collect();
        let last = pairs.pop().unwrap();
        last.check_beside(&teacher, &pairs[1..]).unwrap();
        assert!(last.check_beside(&teacher, &pairs).unwrap_err().is(Reason::ProposalsMany));
        last.check_beside(&secretariat, &pairs).unwrap();
        let its_teacher = ground.twin(Role::TwinTeacher, others[OWN].side());
        last.check_beside(&its_teacher, &pairs).unwrap();
        pairs[0] = Pair::propose(&secretariat, [&own, &others[0]]).unwrap();
        last.check_beside(&teacher, &pairs).unwrap();

        let turned = Pair::propose(&its_teacher, [&others[OWN], &own]).unwrap();
        for (by, pair) in [(&teacher, &last), (&secretariat, &last), (&its_teacher, &turned)] {
            let refused = pair.check_beside(by, std::slice::from_ref(&last)).unwrap_err();
            assert!(refused.is(Reason::PairExists), "{refused:?}");
        }
    }
}

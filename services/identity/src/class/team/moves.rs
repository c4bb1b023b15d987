//! Moving a team to another track, for example to the national track in English when its pair has ended.

use jiff::Timestamp;
use platform::{Ctx, Id, Result, Violations, error::Shared};

use super::Team;
use crate::{
    account::TeamId,
    class::{
        application::submission::{check_level, check_size},
        track::Track,
    },
    reason::Reason,
    school::School,
};

/// A record that a team was moved to another track.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub(super) id: Id<Move>,
    pub(super) team: TeamId,
    pub(super) from: Id<Track>,
    pub(super) to: Id<Track>,
    pub(super) reason: String,
    pub(super) at: Timestamp,
}

impl Team {
    /// Moves the team to another track of its edition; nothing else changes. Error: every violation at once: the track is its own;
    /// `TRACK_UNKNOWN`, where it is of another edition; `LEVEL_NOT_ADMITTED` (I1); `TEAM_TOO_LARGE` (I3).
    pub fn move_to(&mut self, ctx: &Ctx, track: &Track, school: &School, reason: String) -> Result<Move> {
        let mut violations = Violations::new();
        if track.id == self.track {
            violations.add("track_id", Shared::FieldsInvalid, "The team is in this track already.");
        }
        if track.edition != self.edition {
            let text = "This track is of another edition. Choose one of the team's own.";
            violations.add("track_id", Reason::TrackUnknown, text);
        }
        check_level(&mut violations, "track_id", track, school);
        check_size(&mut violations, "track_id", track, Some(self.team_type), self.size);
        violations.done()?;
        let from = std::mem::replace(&mut self.track, track.id);
        self.is_interreg = track.interreg;
        Ok(Move { id: ctx.new_id(), team: self.id, from, to: track.id, reason, at: ctx.now() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{class::application::TeamType, country::Level, testing::Ground};

    #[tokio::test]
    async fn a_team_moves_within_its_edition_to_a_track_that_admits_it() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let (mut team, _) = ground.team(&teacher).await;
        let school = ground.school("CHTD007012").await;
        let (mut track, _) = ground.application(&teacher, &school).await;
        let ctx = ground.anybody();
        let reasons = |team: &mut Team, track: &Track| {
            let refused = team.move_to(&ctx, track, &school, String::new()).unwrap_err();
            refused.violations().iter().map(|one| one.reason).collect::<Vec<_>>()
        };
        let before = team.track();
        assert_eq!(reasons(&mut team, &track), ["TRACK_UNKNOWN"]);
        track.edition = team.edition;
        track.levels = vec![Level::LowerSecondary];
        (track.max_team_size, team.team_type) = (19, TeamType::GroupInClass);
        assert_eq!(reasons(&mut team, &track), ["LEVEL_NOT_ADMITTED", "TEAM_TOO_LARGE"]);
        assert_eq!(team.track(), before, "nothing is half done");
        (track.levels, track.max_team_size) = (vec![Level::UpperSecondary], 20);
        let moved = team.move_to(&ctx, &track, &school, "its twin was lost".to_owned()).unwrap();
        assert_eq!((moved.from, moved.to, team.track()), (before, track.id, track.id));
        assert_eq!(reasons(&mut team, &track), ["FIELDS_INVALID"]);
    }
}

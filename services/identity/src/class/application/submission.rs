//! The rules that an application must meet to be submitted. All are checked at once.

use platform::{Id, Result, Violations};

use super::{Draft, TeamType};
use crate::{
    account::Account,
    class::{
        file::{File, Purpose},
        track::Track,
    },
    country::Country,
    reason::{Reason, Refuse},
    school::School,
};

/// The data that the rules need besides the draft.
pub(crate) struct Evidence {
    /// The referent.
    pub(crate) referent: Id<Account>,
    /// The school with the draft's id, if there is one.
    pub(crate) school: Option<School>,
    /// Those of the attached files that exist.
    pub(crate) files: Vec<File>,
    /// The number of other applications of the referent that are submitted or admitted in the edition.
    pub(crate) others: u32,
}

/// Checks the rules. Error: `TEAMS_TOO_MANY`, or every violation at once.
pub(super) fn check(draft: &Draft, country: &Country, track: &Track, evidence: &Evidence) -> Result<()> {
    if track.max_teams_per_referent > 0 && evidence.others >= track.max_teams_per_referent {
        let max = track.max_teams_per_referent;
        let text =
            format!("You have as many teams in this edition as one referent may have ({max}). A colleague can apply.");
        return Err(Reason::TeamsTooMany.error(text).with("max", max));
    }
    let mut violations = Violations::new();
    school(&mut violations, draft, track, evidence);
    team(&mut violations, draft, country, track);
    files(&mut violations, draft, track, evidence);
    if draft.motivation.trim().is_empty() {
        violations.missing("motivation", "Say why the class wants to take part.");
    }
    if draft.integration_mode.is_none() {
        violations.missing("integration_mode", "Say how it fits into teaching.");
    }
    violations.done()
}

fn school(violations: &mut Violations, draft: &Draft, track: &Track, evidence: &Evidence) {
    match &evidence.school {
        Some(school) if school.is_open() => check_level(violations, "school_id", track, school),
        Some(_) => violations.add("school_id", Reason::SchoolUnknown, "This school is no longer in the register."),
        None if draft.school.is_some() => {
            violations.add("school_id", Reason::SchoolUnknown, "There is no such school in the register.");
        }
        None => violations.missing("school_id", "Say which school the class belongs to."),
    }
}

fn team(violations: &mut Violations, draft: &Draft, country: &Country, track: &Track) {
    if draft.team_name.trim().is_empty() {
        violations.missing("team_name", "The team needs a name.");
    }
    country.words().refuse(violations, "team_name", &draft.team_name);
    if draft.team_type.is_none() {
        violations.missing("team_type", "Say whether it is a whole class or a group.");
    }
    if draft.team_size < 1 {
        violations.missing("team_size", "Say how many pupils there are.");
    }
    check_size(violations, "team_size", track, draft.team_type, draft.team_size);
}

/// Adds a violation at `field` where the track does not admit schools of this level (I1).
pub(crate) fn check_level(violations: &mut Violations, field: &str, track: &Track, school: &School) {
    if !track.levels.contains(&school.level()) {
        let admitted: Vec<_> = track.levels.iter().map(|level| level.as_str()).collect();
        let text = format!("This track is for {} schools; this one is {}.", admitted.join(" and "), school.level());
        violations.add(field, Reason::LevelNotAdmitted, text);
    }
}

/// Adds a violation at `field` where the track does not admit a team of this size (I3).
pub(crate) fn check_size(
    violations: &mut Violations,
    field: &str,
    track: &Track,
    team_type: Option<TeamType>,
    size: i32,
) {
    let max = track.max_team_size;
    if size > max && team_type != Some(TeamType::WholeClass) {
        let text = format!("At most {max} pupils, unless the team is a whole class.");
        violations.add_with(field, Reason::TeamTooLarge, text, [("max", &max as _)]);
    }
}

fn files(violations: &mut Violations, draft: &Draft, track: &Track, evidence: &Evidence) {
    for (index, id) in draft.files.iter().enumerate() {
        if !evidence.files.iter().any(|file| file.id() == *id && file.owner() == evidence.referent) {
            violations.add(
                format!("file_ids[{index}]"),
                Reason::FileUnknown,
                "You have not uploaded a file of this id.",
            );
        }
    }
    let authorised = evidence.files.iter().any(|file| {
        draft.files.contains(&file.id())
            && file.owner() == evidence.referent
            && file.purpose() == Purpose::Authorisation
    });
    if track.authorisation_required && !authorised {
        violations.add("file_ids", Reason::DocumentMissing, "Attach the head teacher's signed authorisation.");
    }
}

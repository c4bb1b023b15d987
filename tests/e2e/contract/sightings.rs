//! What a class is shown of another country's class leaves a trace which that country can look up. A method that visitors of a
//! programme read with says in its option which sighting it writes down; what it says and does not do is an error line, which no
//! story ends with (`platform`, `layer/answer.rs`).

use prost_reflect::{DescriptorPool, MethodDescriptor};
use proto::options::v1::{Access, Role};

use super::methods::{access, http, methods};
use crate::source::holds;

/// Methods that visitors read with and that show nothing of another class, and why.
const WITHOUT: [(&str, &str); 14] = [
    ("koine.identity.v1.MembershipService.GetMembership", "what the visitor is"),
    ("koine.lessons.v1.CalendarService.ListCalendarItems", "the days of a track"),
    ("koine.lessons.v1.ConsentService.GetPublication", "whether a file is shown, and not the file"),
    ("koine.lessons.v1.EditionService.BatchGetEditions", "of the programme"),
    ("koine.lessons.v1.EditionService.GetEdition", "of the programme"),
    ("koine.lessons.v1.EditionService.GetTrack", "of the programme"),
    ("koine.lessons.v1.EditionService.ListEditions", "of the programme"),
    ("koine.lessons.v1.FormService.GetForm", "of the programme"),
    ("koine.lessons.v1.ProjectService.GetProject", "of the programme"),
    ("koine.lessons.v1.ProjectService.ListProjects", "of the programme"),
    ("koine.lessons.v1.ReportService.GetReport", "the visitor's own class; the other one's is `CompareReports`"),
    ("koine.lessons.v1.ReportService.ListDeliveries", "whether reports were delivered, and not what is in them"),
    ("koine.lessons.v1.SightingService.ListSightings", "what others saw of the visitor's own country"),
    ("koine.lessons.v1.TimelineService.GetTimeline", "days, and whether something was delivered"),
];

fn is_read_by_visitors(method: &MethodDescriptor, access: &Access) -> bool {
    let visiting = [Role::TwinTeacher, Role::TwinTeam, Role::TwinCoordinator];
    access.roles().any(|role| visiting.contains(&role)) && http(method).iter().any(|(verb, _)| *verb == "GET")
}

fn faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    let methods = methods(pool);
    for method in &methods {
        let (name, access) = (method.full_name(), access(method).unwrap_or_default());
        let excused = WITHOUT.iter().any(|(excused, _)| *excused == name);
        match access.sighting.as_str() {
            "" if is_read_by_visitors(method, &access) && !excused => faults.push(format!(
                "{name}: say in its `access` which `sighting` it writes down, or in the list here why it shows nothing of a class"
            )),
            "" => {}
            _ if excused => faults.push(format!("{name}: it has a `sighting`; strike it off the list here")),
            kind if !is_declared(pool, method, kind) => {
                faults.push(format!("{name}: `SightingKind` of its package has no `{kind}`"));
            }
            _ => {}
        }
    }
    let gone = WITHOUT.iter().filter(|(name, _)| methods.iter().all(|method| method.full_name() != *name));
    faults.extend(gone.map(|(name, _)| format!("{name}: there is no such method; strike it off the list here")));
    faults
}

fn is_declared(pool: &DescriptorPool, method: &MethodDescriptor, kind: &str) -> bool {
    let kinds = pool.get_enum_by_name(&format!("{}.SightingKind", method.parent_service().package_name()));
    kinds.is_some_and(|kinds| kinds.get_value_by_name(&format!("SIGHTING_KIND_{kind}")).is_some())
}

#[test]
fn what_visitors_are_shown_of_a_class_is_written_down() {
    holds("Who saw what of a class is written down:", &faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    #[test]
    fn a_method_that_shows_a_class_and_names_no_sighting_is_named() {
        // under another number it is a field nobody knows
        for (from, to) in [("\x32\x06EXPORT", "\x3a\x06EXPORT"), ("\x32\x06EXPORT", "\x32\x06EXPOST")] {
            let found = faults(&spoiled(from, to));
            assert!(found.len() == 1 && found[0].contains("ExportService.ExportPair: "), "{found:?}");
        }
    }
}

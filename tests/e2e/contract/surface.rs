//! What callers rely on, line by line, as it was committed in `contract.txt`: a change of the contract shows in the diff, and one
//! that breaks callers does not pass by accident.

use std::{collections::BTreeSet, fs, path::PathBuf};

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind};
use proto::options::v1::Role;

use super::{
    messages::{enums, messages},
    methods::{access, http, methods},
};

/// The lines of the surface.
fn surface(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for method in methods(pool) {
        let (name, input, output) = (
            method.full_name().to_owned(),
            stream(&method.input(), method.is_client_streaming()),
            stream(&method.output(), method.is_server_streaming()),
        );
        lines.insert(format!("rpc {name}({input}) returns ({output})"));
        lines.extend(http(&method).into_iter().map(|(verb, path)| format!("http {verb} {path} {name}")));
        let access = access(&method).unwrap_or_default();
        lines.extend(access.scopes.iter().map(|scope| format!("scope {scope} {name}")));
        lines.insert(format!("access {name} {}", callers(access)));
    }
    for field in messages(pool).iter().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let (message, number) = (field.parent_message().full_name().to_owned(), field.number());
        lines.insert(format!("field {message} {number:>3} {} {}", kind(&field), field.name()));
    }
    for declared in enums(pool) {
        lines.extend(
            declared
                .values()
                .map(|value| format!("value {} {:>3} {}", declared.full_name(), value.number(), value.name())),
        );
    }
    lines
}

fn stream(message: &prost_reflect::MessageDescriptor, streams: bool) -> String {
    format!("{}{}", if streams { "stream " } else { "" }, message.full_name())
}

fn callers(access: proto::options::v1::Access) -> String {
    let mut words: Vec<String> =
        access.roles().map(|role: Role| role.as_str_name().trim_start_matches("ROLE_").to_lowercase()).collect();
    let flags = [
        (access.anonymous, "anonymous"),
        (access.provisional, "provisional"),
        (access.tenantless, "tenantless"),
        (access.programme, "programme"),
        (access.unconfirmed, "unconfirmed"),
        (access.unenrolled, "unenrolled"),
        (access.whole, "whole"),
    ];
    words.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()));
    words.join(",")
}

fn kind(field: &FieldDescriptor) -> String {
    let name = |kind: &Kind| match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(declared) => declared.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    if let Kind::Message(entry) = field.kind()
        && entry.is_map_entry()
    {
        return format!(
            "map<{},{}>",
            name(&entry.map_entry_key_field().kind()),
            name(&entry.map_entry_value_field().kind())
        );
    }
    let presence = match field.cardinality() {
        Cardinality::Repeated => "repeated ",
        _ if field.containing_oneof().is_some_and(|choice| choice.is_synthetic()) => "optional ",
        _ => "",
    };
    format!("{presence}{}", name(&field.kind()))
}

/// What is to be done about the difference between what was committed and what is.
#[derive(Debug, PartialEq)]
struct Change {
    gone: Vec<String>,
    new: Vec<String>,
}

impl Change {
    fn between(committed: &BTreeSet<String>, now: &BTreeSet<String>) -> Self {
        let less = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
        Self { gone: less(committed, now), new: less(now, committed) }
    }

    /// Whether the new surface may be written: additions with any blessing, what breaks callers only with that of this name.
    fn blessed(&self, blessing: Option<&str>) -> bool {
        match blessing {
            Some("breaking") => true,
            Some(_) => self.gone.is_empty(),
            None => self.gone.is_empty() && self.new.is_empty(),
        }
    }

    fn told(&self) -> String {
        let mut text = String::from("The contract is not the one of tests/e2e/contract.txt.\n");
        for (mark, lines) in [('-', &self.gone), ('+', &self.new)] {
            text.extend(lines.iter().map(|line| format!("\n  {mark} {line}")));
        }
        let (what, blessing) = if self.gone.is_empty() {
            ("It has only grown, which breaks nobody.", "1")
        } else {
            (
                "What is gone or changed breaks callers that were built with it: keep it, and add beside it. If nobody can have been, say so.",
                "breaking",
            )
        };
        format!("{text}\n\n{what}\n\n  KOINE_BLESS={blessing} cargo test --workspace --test e2e contract\n")
    }
}

/// How a change is agreed to.
#[expect(clippy::disallowed_methods, reason = "who starts the tests says it")]
pub fn blessing() -> Option<String> {
    std::env::var("KOINE_BLESS").ok().filter(|blessing| !blessing.is_empty())
}

fn committed() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/contract.txt"))
}

#[test]
fn the_surface_of_the_contract_is_the_committed_one() {
    let now = surface(&proto::descriptor());
    let before = fs::read_to_string(committed()).unwrap_or_default().lines().map(str::to_owned).collect();
    let (change, blessing) = (Change::between(&before, &now), blessing());
    assert!(change.blessed(blessing.as_deref()), "{}", change.told());
    if blessing.is_some() {
        let text: String = now.into_iter().map(|line| line + "\n").collect();
        fs::write(committed(), text).expect("a file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    fn change(from: &str, to: &str) -> Change {
        Change::between(&surface(&proto::descriptor()), &surface(&spoiled(from, to)))
    }

    #[test]
    fn what_callers_rely_on_is_in_it() {
        let lines = surface(&proto::descriptor());
        for line in [
            "rpc koine.identity.v1.TeamService.GetTeam(koine.identity.v1.GetTeamRequest) returns (koine.identity.v1.Team)",
            "rpc koine.lessons.v1.ReportService.WatchDeliveries(koine.lessons.v1.WatchDeliveriesRequest) returns (stream koine.lessons.v1.Delivery)",
            "http GET /v1/teams/{team_id} koine.identity.v1.TeamService.GetTeam",
            "access koine.identity.v1.TeamService.GetTeam coordinator,teacher,team,integrator",
            "scope teams.read koine.identity.v1.TeamService.GetTeam",
            "access koine.identity.v1.TenantService.ListTenants anonymous,tenantless",
            "field koine.identity.v1.Team  13 repeated string support_teacher_ids",
            "field koine.lessons.v1.Report   5 map<string,koine.lessons.v1.Value> values",
            "field koine.options.v1.Rules   6 optional int64 min",
            "value koine.identity.v1.TeamState   2 TEAM_STATE_ACTIVE",
        ] {
            assert!(lines.contains(line), "{line}");
        }
    }

    #[test]
    fn a_change_that_breaks_callers_needs_a_blessing_of_its_own() {
        for change in [
            change("logo_file_id", "icon_file_id"),
            change("TEAM_STATE_ACTIVE", "TEAM_STATE_AKTIVE"),
            change("/v1/teachers:find", "/v1/teachers:seek"),
        ] {
            assert!((change.gone.len(), change.new.len()) >= (1, 1), "{change:?}");
            assert_eq!(
                [None, Some("1"), Some("breaking")].map(|blessing| change.blessed(blessing)),
                [false, false, true]
            );
            assert!(change.told().contains("KOINE_BLESS=breaking"));
        }
    }

    #[test]
    fn growth_needs_a_word_too_and_no_change_needs_none() {
        let growth = Change { gone: Vec::new(), new: vec!["rpc koine.x.v1.New".to_owned()] };
        assert_eq!([None, Some("1")].map(|blessing| growth.blessed(blessing)), [false, true]);
        assert!(growth.told().contains("KOINE_BLESS=1 ") && growth.told().contains("+ rpc koine.x.v1.New"));
        let nothing = Change { gone: Vec::new(), new: Vec::new() };
        assert!(nothing.blessed(None));
    }
}

//! What the files of a slice may see: `team.rs` decides and knows neither wire nor database, `team/wire.rs` no database,
//! `team/store.rs` no message. Only `team/api.rs` sees all three.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, holds, sources};

static DATABASE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bsea_orm\b"));
static GRPC: LazyLock<Regex> = LazyLock::new(|| pattern(r"\btonic(?:_\w+)?\b"));
static ASYNC: LazyLock<Regex> = LazyLock::new(|| pattern(r"\basync\b|\.await\b"));
static PROTO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bproto::|\bpb::"));
/// Roles are the one thing of the wire that rules speak of: who may do what is decided by them.
static ROLES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bproto::options::v1::Role\b"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// What a file of a service is, by its place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// `team.rs`, beside a folder with `api.rs`, `store.rs` or `wire.rs`.
    Rules,
    /// `team/api.rs`.
    Api,
    /// `team/wire.rs`.
    Wire,
    /// `team/store.rs`.
    Store,
    /// Anything else.
    Other,
}

fn is_service(source: &Source) -> bool {
    source.path.starts_with("services/") && !matches!(source.package.as_str(), "platform" | "koine" | "operator")
}

fn part(source: &Source, all: &[Source]) -> Part {
    match source.name() {
        "api.rs" => Part::Api,
        "wire.rs" => Part::Wire,
        "store.rs" => Part::Store,
        "lib.rs" | "main.rs" => Part::Other,
        _ => {
            let parts = ["api.rs", "store.rs", "wire.rs"].map(|name| format!("{}{name}", source.folder()));
            if all.iter().any(|other| parts.contains(&other.path)) { Part::Rules } else { Part::Other }
        }
    }
}

/// The messages a file sees, without the roles.
fn messages(source: &Source) -> Option<String> {
    let roles: Vec<_> = ROLES.find_iter(&source.code).map(|role| role.start()).collect();
    PROTO.find_iter(&source.code).find(|found| !roles.contains(&found.start())).map(|found| source.place(found.start()))
}

fn slice_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| is_service(source)) {
        let first = |pattern: &Regex| pattern.find(&source.code).map(|found| source.place(found.start()));
        let mut refuse =
            |place: Option<String>, what: &str| faults.extend(place.map(|place| format!("{place}: {what}")));
        match part(source, sources) {
            Part::Rules => {
                refuse(first(&DATABASE), "rules know no database: load what they need in `store.rs` and pass it in");
                refuse(first(&GRPC), "rules know no gRPC: answer with `platform::Result` and a `Reason`");
                refuse(first(&ASYNC), "rules do not wait: load before, and pass in");
                refuse(
                    messages(source),
                    "rules know no message (but `proto::options::v1::Role`): convert in `wire.rs`",
                );
            }
            Part::Wire => refuse(first(&DATABASE), "`wire.rs` turns messages into values; rows are for `store.rs`"),
            Part::Store => refuse(messages(source), "`store.rs` turns rows into values; messages are for `wire.rs`"),
            Part::Other => {
                let both = messages(source).filter(|_| DATABASE.is_match(&source.code));
                refuse(both, "only `api.rs` sees the database and the messages: part it into `wire.rs` and `store.rs`");
            }
            Part::Api => {}
        }
    }
    faults
}

#[test]
fn the_parts_of_a_slice_see_what_they_need_and_no_more() {
    let rules = sources().iter().filter(|source| is_service(source) && part(source, sources()) == Part::Rules).count();
    assert!(rules > 5, "the slices are not where they were");
    holds(
        "A slice is rules, wire, store and methods, each in its file (README, \"Add a resource\"):",
        &slice_faults(sources()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a slice, one of whose files has this line.
    fn faults(name: &str, line: &str) -> Vec<String> {
        let file = |path: &str| {
            let path = format!("services/identity/src/{path}");
            let text = if path.ends_with(name) { line } else { "" };
            Source::new("identity", &path, text.to_owned())
        };
        slice_faults(
            &["src/team.rs", "team/api.rs", "team/wire.rs", "team/store.rs", "words.rs"]
                .map(|path| file(path.trim_start_matches("src/"))),
        )
    }

    #[test]
    fn what_a_part_must_not_see_is_named() {
        for (file, line) in [
            ("src/team.rs", "use sea_orm::Set;"),
            ("src/team.rs", "fn f() -> tonic::Status;"),
            ("src/team.rs", "async fn f() {}"),
            ("src/team.rs", "use proto::identity::v1 as pb;"),
            ("src/team.rs", "use proto::options::v1::{Access, Role};"),
            ("team/wire.rs", "use sea_orm::Set;"),
            ("team/store.rs", "use proto::identity::v1::Team;"),
            ("words.rs", "use proto::identity::v1::Team; use sea_orm::Set;"),
        ] {
            let faults = faults(file, line);
            assert!(faults.len() == 1 && faults[0].contains(&format!("{file}:1: ")), "{file} {line}: {faults:?}");
        }
    }

    #[test]
    fn what_a_part_may_see_is_not() {
        for (file, line) in [
            ("src/team.rs", "use proto::options::v1::Role; // not sea_orm"),
            ("team/wire.rs", "use proto::identity::v1 as pb;"),
            ("team/store.rs", "use proto::options::v1::Role; use sea_orm::Set;"),
            ("team/api.rs", "use proto::identity::v1 as pb; use sea_orm::Set; async fn f() {}"),
            ("words.rs", "use proto::identity::v1::Team;"),
        ] {
            assert!(faults(file, line).is_empty(), "{file} {line}");
        }
    }
}

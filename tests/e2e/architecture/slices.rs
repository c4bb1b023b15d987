//! What the files of a slice may see: `team.rs` decides and knows neither wire nor database, `team/wire.rs` no database,
//! `team/store.rs` no message. Only `team/api.rs` sees all three.

use crate::source::{Source, holds, sources};

fn is_database(word: &str) -> bool {
    word == "sea_orm"
}

fn is_grpc(word: &str) -> bool {
    word == "tonic" || word.starts_with("tonic_")
}

fn is_wait(word: &str) -> bool {
    matches!(word, "async" | "await")
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

/// Roles are the one thing of the wire that rules speak of: who may do what is decided by them.
const ROLE: [&str; 4] = ["proto", "options", "v1", "Role"];

/// Where a file first names a message, by its path or as `pb`. A role is none.
fn messages(source: &Source) -> Option<String> {
    let of_wire = |path: &[String]| path[0] == "proto" || path.iter().any(|word| word == "pb");
    let is_role = |path: &[String]| path.starts_with(&ROLE.map(str::to_owned));
    let paths = source.paths().filter(|(path, _)| !path.is_empty() && of_wire(path) && !is_role(path));
    paths.map(|(_, at)| at).min().map(|at| source.place(at))
}

fn slice_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| is_service(source)) {
        let first =
            |is: fn(&str) -> bool| source.words.iter().find(|word| is(&word.text)).map(|word| source.place(word.at));
        let mut refuse =
            |place: Option<String>, what: &str| faults.extend(place.map(|place| format!("{place}: {what}")));
        match part(source, sources) {
            Part::Rules => {
                refuse(first(is_database), "rules know no database: load what they need in `store.rs` and pass it in");
                refuse(first(is_grpc), "rules know no gRPC: answer with `platform::Result` and a `Reason`");
                refuse(first(is_wait), "rules do not wait: load before, and pass in");
                refuse(
                    messages(source),
                    "rules know no message (but `proto::options::v1::Role`): convert in `wire.rs`",
                );
            }
            Part::Wire => refuse(first(is_database), "`wire.rs` turns messages into values; rows are for `store.rs`"),
            Part::Store => refuse(messages(source), "`store.rs` turns rows into values; messages are for `wire.rs`"),
            Part::Other => {
                let both = messages(source).filter(|_| first(is_database).is_some());
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
            ("src/team.rs", "fn f() -> tonic::Status {}"),
            ("src/team.rs", "fn f() { g().await }"),
            ("src/team.rs", "fn f() { debug!(\"{}\", tonic::Code::Ok); }"),
            ("src/team.rs", "use proto::{identity::v1::Team, options::v1::Role};"),
            ("src/team.rs", "use proto::options::v1 as options;"),
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
            ("src/team.rs", "use proto::options::v1::{Role}; fn f() -> proto::options::v1::Role { Role::Team }"),
            ("team/wire.rs", "use proto::identity::v1 as pb;"),
            ("team/store.rs", "use proto::options::v1::Role; use sea_orm::Set;"),
            ("team/api.rs", "use proto::identity::v1 as pb; use sea_orm::Set; async fn f() {}"),
            ("words.rs", "use proto::identity::v1::Team;"),
        ] {
            assert!(faults(file, line).is_empty(), "{file} {line}");
        }
    }
}

//! A service is a house of rooms in one order. A room is a folder of `src` and the file beside it; it knows the rooms before it and
//! none after. `api.rs` files come after all rooms: they may know every room, and only `lib.rs` knows them.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Names, Source, holds, sources};

/// The rooms of each service, from the first to the last. A room imports itself and those before it. What takes several rooms in one
/// transaction stands in the last one.
const HOUSES: [(&str, &[&str]); 2] = [
    (
        "identity",
        &[
            "post",
            "country",
            "school",
            "password",
            "account",
            "mandate",
            "session",
            "machine",
            "class",
            "membership",
            "across",
        ],
    ),
    ("lessons", &["year", "work", "twinning", "space", "across"]),
];

/// Files that stand outside of the rooms. What is for tests alone is not read at all.
const OUTSIDE: [&str; 3] = ["lib.rs", "main.rs", "reason.rs"];

/// Those of them that every room may know.
const BELOW: [&str; 1] = ["reason.rs"];

/// A service with its rooms and its files.
struct House<'a> {
    folder: String,
    rooms: &'a [&'a str],
    files: Vec<&'a Source>,
    names: Names<'a>,
}

/// One file that imports another, as it writes it.
struct Arrow<'a> {
    from: &'a Source,
    to: &'a Source,
    place: String,
    path: String,
}

impl<'a> House<'a> {
    fn new(service: &str, rooms: &'a [&'a str], sources: &'a [Source]) -> Self {
        let folder = format!("services/{service}/src/");
        let files = sources.iter().filter(|source| source.path.starts_with(&folder)).collect();
        Self { names: Names::of(&folder, sources), folder, rooms, files }
    }

    /// The path of a file below `src`: `team/store.rs`.
    fn inside(&self, source: &'a Source) -> &'a str {
        source.path.strip_prefix(&self.folder).unwrap_or(&source.path)
    }

    /// The room a file is in, by its number. None for what stands outside.
    fn room(&self, source: &'a Source) -> Option<usize> {
        let name = self.inside(source).split('/').next()?.trim_end_matches(".rs");
        self.rooms.iter().position(|room| *room == name)
    }

    fn is_outside(&self, source: &'a Source) -> bool {
        OUTSIDE.contains(&self.inside(source))
    }

    /// Every import and every path that leads from a file into another one.
    fn arrows(&self) -> Vec<Arrow<'a>> {
        let mut arrows = Vec::new();
        for from in &self.files {
            for (at, path, to) in self.names.arrows(&self.folder, from) {
                if to.path != from.path {
                    arrows.push(Arrow { from, to, place: from.place(at), path: path.join("::") });
                }
            }
        }
        arrows
    }

    /// What is wrong with one arrow.
    fn fault(&self, arrow: &Arrow<'a>) -> Option<String> {
        let Arrow { from, to, place, path } = arrow;
        let is_lib = matches!(self.inside(from), "lib.rs" | "main.rs");
        if is_lib || unit(from, "api") == unit(to, "api") && unit(from, "api").is_some() {
            return None;
        }
        if unit(to, "api").is_some() {
            return Some(format!(
                "{place}: `{path}` is an `api`, which only `lib.rs` imports. Move what is shared out of it"
            ));
        }
        let (from_room, to_room) = (self.room(from), self.room(to));
        if to_room.is_none() {
            let free = BELOW.contains(&self.inside(to)) || !self.is_outside(to);
            return (!free).then(|| format!("{place}: `{path}` is in `{}`, which knows every room", self.inside(to)));
        }
        if self.is_outside(from) {
            return Some(format!("{place}: `{path}` is in a room; `{}` stands below all of them", self.inside(from)));
        }
        if unit(from, "api").is_some() {
            return None;
        }
        let (from_room, to_room) = (from_room?, to_room?);
        let (here, there) = (self.rooms[from_room], self.rooms[to_room]);
        if to_room > from_room {
            return Some(format!(
                "{place}: `{path}` leads from the room `{here}` to the later room `{there}`. Pass a value in, or move it to the room that spans both"
            ));
        }
        let spans = from_room + 1 == self.rooms.len();
        (to_room != from_room && unit(to, "store").is_some() && !spans).then(|| {
            format!("{place}: `{path}` is the store of the room `{there}`. Let an `api` or the room `{}` load it and pass it in", self.rooms[self.rooms.len() - 1])
        })
    }

    fn place_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for source in self.files.iter().filter(|source| self.room(source).is_none() && !self.is_outside(source)) {
            faults.push(format!("{}: belongs to no room. The rooms are {}", source.path, self.rooms.join(", ")));
        }
        for room in self.rooms {
            let path = format!("{}{room}.rs", self.folder);
            match self.files.iter().find(|source| source.path == path) {
                None => faults.push(format!("{path}: there is no such room; strike it off the list")),
                Some(file) if !file.text.starts_with("//!") => {
                    faults.push(format!("{path}: begin with `//!`: what lives here, what it may know and what not"));
                }
                Some(_) => {}
            }
        }
        faults
    }

    /// The last room takes values and gives values: it knows no gRPC, and none of its functions returns a message.
    fn span_faults(&self) -> Vec<String> {
        let last = self.rooms.len().checked_sub(1);
        let files = self
            .files
            .iter()
            .filter(|source| self.room(source) == last && last.is_some() && unit(source, "api").is_none());
        let mut faults = Vec::new();
        for source in files {
            for word in source.words.iter().filter(|word| word.text.starts_with("tonic")) {
                faults.push(format!(
                    "{}: what spans rooms gives values; the answer is made in an `api`",
                    source.place(word.at)
                ));
            }
            let messages = source
                .functions
                .iter()
                .filter(|function| function.returns.iter().any(|word| matches!(word.as_str(), "pb" | "proto")));
            faults.extend(messages.map(|function| {
                format!(
                    "{}: `{}` returns a message. Give a value, and make the message in an `api`",
                    source.place(function.at),
                    function.name
                )
            }));
        }
        faults
    }

    /// Circles of files that import each other and lie in several rooms: each as the sorted paths of its files. `api` and what stands
    /// outside is left out.
    fn circles(&self, arrows: &[Arrow<'a>]) -> Vec<Vec<&'a str>> {
        let counts = |source: &'a Source| self.room(source).is_some() && unit(source, "api").is_none();
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for arrow in arrows.iter().filter(|arrow| counts(arrow.from) && counts(arrow.to)) {
            next.entry(self.inside(arrow.from)).or_default().insert(self.inside(arrow.to));
        }
        let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|from| (*from, reachable(from, &next))).collect();
        let mut circles = BTreeSet::new();
        for (from, to) in &reached {
            let circle: Vec<&str> =
                to.iter().copied().filter(|other| reached.get(other).is_some_and(|back| back.contains(from))).collect();
            let rooms: BTreeSet<_> = circle.iter().map(|file| file.split(['/', '.']).next()).collect();
            if rooms.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    fn faults(&self) -> Vec<String> {
        let arrows = self.arrows();
        let mut faults: Vec<_> = arrows.iter().filter_map(|arrow| self.fault(arrow)).collect();
        faults.extend(self.place_faults());
        faults.extend(self.span_faults());
        faults.extend(
            self.circles(&arrows)
                .iter()
                .map(|circle| format!("a circle of files over several rooms: {}", circle.join(", "))),
        );
        faults
    }
}

/// All that is reached from a file over one arrow or more.
fn reachable<'a>(from: &str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(next.get(file).into_iter().flatten());
        }
    }
    reached
}

/// The path of the `api` or `store` that a file is or is a part of: `team/store` of `team/store.rs` and of `team/store/moves.rs`.
fn unit<'a>(source: &'a Source, kind: &str) -> Option<&'a str> {
    let stem = source.path.trim_end_matches(".rs");
    let mut end = 0;
    stem.split('/').find_map(|name| {
        end += name.len() + 1;
        (name == kind).then(|| &stem[..end - 1])
    })
}

fn faults(service: &str, rooms: &[&str], sources: &[Source]) -> Vec<String> {
    House::new(service, rooms, sources).faults()
}

#[test]
fn a_room_knows_the_rooms_before_it_and_none_after() {
    for (service, rooms) in HOUSES {
        holds(
            &format!("The rooms of {service}, in their order, are {}:", rooms.join(", ")),
            &faults(service, rooms, sources()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: [&str; 3] = ["country", "team", "admission"];

    /// The faults of a house, some of whose files have other texts.
    fn with(changed: &[(&str, &str)]) -> Vec<String> {
        let mut texts = BTreeMap::from([
            (
                "lib.rs",
                "pub mod country; pub mod team; mod admission; mod reason; use team::api::Teams; pub use country::Area;",
            ),
            ("reason.rs", "pub enum Reason {}"),
            ("country.rs", "//! Country.\npub mod api; pub mod store; pub struct Area;"),
            ("country/api.rs", "use super::store; use crate::team::Team; fn f() { crate::team::store::get(); }"),
            ("country/store.rs", "use super::Area; pub fn get() {}"),
            (
                "team.rs",
                "//! Team.\npub mod api; pub mod store; mod wire; use crate::{country::Area, reason::Reason}; pub struct Team;",
            ),
            (
                "team/api.rs",
                "use crate::{admission, country}; mod answer; pub struct Teams; fn f() { country::store::get(); }",
            ),
            ("team/api/answer.rs", "use super::Teams;"),
            ("team/store.rs", "use super::Team; pub fn get() {}"),
            ("team/wire.rs", "use super::Team;"),
            (
                "admission.rs",
                "//! Admission.\nuse crate::{country, team}; fn f() -> Result<(), ()> { country::store::get(); team::store::get() }",
            ),
        ]);
        texts.extend(changed.iter().copied());
        let file = |(path, text): (&str, &str)| {
            Source::new("identity", &format!("services/identity/src/{path}"), text.to_owned())
        };
        let sources: Vec<_> = texts.into_iter().map(file).collect();
        faults("identity", &ROOMS, &sources)
    }

    /// The only fault, which is of this file.
    #[track_caller]
    fn named(path: &str, text: &str) -> String {
        let faults = with(&[(path, text)]);
        let [fault] = &faults[..] else { panic!("{path}: {text}: {faults:#?}") };
        assert!(fault.starts_with(&format!("services/identity/src/{path}:")), "{fault}");
        fault.clone()
    }

    #[test]
    fn a_house_in_order_has_no_fault() {
        assert_eq!(with(&[]), [""; 0]);
    }

    #[test]
    fn an_arrow_to_a_later_room_is_named_however_it_is_written() {
        for arrow in [
            "use crate::team::Team;",
            "use super::super::team::Team;",
            "use crate::{reason::Reason, team::{Team}};",
            "use crate::admission;",
            "fn f() { crate::team::wire::read() }",
            "fn f() { debug!(\"{:?}\", crate::team::Team); }",
            "mod row { use crate::team::Team; }",
            "#[serde(with = \"crate::team\")] struct S;",
        ] {
            let faults = with(&[("country/store.rs", &format!("pub fn get() {{}} {arrow}"))]);
            let named =
                faults.iter().filter(|fault| fault.contains("country/store.rs:1: ") && fault.contains("later room"));
            assert_eq!(named.count(), 1, "{arrow}: {faults:#?}");
        }
    }

    #[test]
    fn an_arrow_over_a_re_export_is_named() {
        let faults = with(&[
            ("lib.rs", "pub mod country; pub mod team; pub use team::Team;"),
            ("country/store.rs", "use crate::Team; pub fn get() {}"),
        ]);
        assert!(faults.len() == 1 && faults[0].contains("`crate::Team` leads from the room `country`"), "{faults:?}");
    }

    #[test]
    fn rooms_that_know_each_other_are_a_circle() {
        let faults = with(&[(
            "country.rs",
            "//! Country.\npub mod api; pub mod store; pub struct Area; use crate::team::Team;",
        )]);
        assert!(
            faults.iter().any(|fault| fault == "a circle of files over several rooms: country.rs, team.rs"),
            "{faults:#?}"
        );
        assert_eq!(faults.len(), 2, "the arrow too: {faults:#?}");
    }

    #[test]
    fn an_api_is_imported_by_nobody_but_the_lib_and_its_own_parts() {
        for (path, text) in [
            ("admission.rs", "//! Admission.\nuse crate::team::api::Teams;"),
            ("country/api.rs", "fn f() { crate::team::api::send(); }"),
            ("team/wire.rs", "use super::api;"),
        ] {
            assert!(named(path, text).contains("only `lib.rs` imports"));
        }
    }

    #[test]
    fn a_store_of_another_room_is_for_apis_and_the_last_room() {
        for (path, text) in [
            ("team/store.rs", "use crate::country; pub fn get() { country::store::get() }"),
            ("team/wire.rs", "use crate::country::store;"),
        ] {
            assert!(named(path, text).contains("is the store of the room `country`"));
        }
    }

    #[test]
    fn a_file_stands_in_a_room_and_a_room_has_a_file_that_says_what_it_is() {
        assert!(with(&[("sundry.rs", "")])[0].contains("belongs to no room"));
        assert!(with(&[("sundry/store.rs", "")])[0].contains("belongs to no room"));
        assert!(named("team.rs", "pub mod store; pub mod api; pub struct Team;").contains("begin with `//!`"));
        let missing = faults("identity", &["country"], &[]);
        assert!(missing.len() == 1 && missing[0].contains("strike it off"), "{missing:?}");
    }

    #[test]
    fn what_stands_outside_is_no_way_around_the_order() {
        assert!(named("reason.rs", "use crate::team::Team;").contains("below all"));
        let faults = with(&[
            ("lib.rs", "pub mod country; pub mod team; pub struct Settings;"),
            ("team/wire.rs", "use crate::Settings;"),
        ]);
        assert!(faults.len() == 1 && faults[0].contains("which knows every room"), "{faults:?}");
        assert!(named("team/wire.rs", "use crate::*;").contains("which knows every room"));
    }

    #[test]
    fn the_last_room_gives_values_and_no_answers() {
        for text in
            ["use tonic::Status;", "fn f() -> Result<pb::Team> { g() }", "fn f() -> proto::identity::v1::Team { g() }"]
        {
            named("admission.rs", &format!("//! Admission.\n{text}"));
        }
        assert_eq!(
            with(&[("admission.rs", "//! Admission.\nfn f() -> Result<Team> { tx.emit(&pb::TeamMoved {}); g() }")]),
            [""; 0]
        );
    }

    #[test]
    fn a_path_that_only_tests_name_is_no_arrow() {
        assert_eq!(
            with(&[("country/store.rs", "pub fn get() {} #[cfg(test)] mod tests { use crate::team::Team; }")]),
            [""; 0]
        );
    }
}

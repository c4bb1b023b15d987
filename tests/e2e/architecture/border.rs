//! Who may cross a border. A context on the other side opens the data of another tenant, so the files that make one are few, and
//! named here: another one is a decision, not an accident.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, holds, sources};

/// The files that may, and what for.
const MAY: [(&str, &str); 6] = [
    ("services/identity/src/membership/api.rs", "an exchange writes on both sides"),
    (
        "services/identity/src/membership/guard.rs",
        "before a visitor's call home is asked whether they may still be there",
    ),
    ("services/identity/src/reminder/home.rs", "who must act in a programme is reminded at home"),
    ("services/lessons/src/work/credit/home.rs", "a delivery in a programme counts at home"),
    (
        "services/lessons/src/twinning/engagement/home.rs",
        "a class is bound once over all programmes, which its home alone can say",
    ),
    ("services/lessons/src/across/moved.rs", "a class that was moved at home leaves the pair it is bound in"),
];

/// What makes a context of the other side, and the name of what it is made with.
static CROSSING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bBorder\b|\bborder\s*\.\s*(?:enter|home)\b").expect("a pattern"));

fn border_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package != "platform") {
        let may = MAY.iter().any(|(path, _)| source.path == *path);
        let found = CROSSING.find(&source.code);
        match found {
            Some(found) if !may => faults.push(format!(
                "{}: this crosses a border. Ask who may (the list in tests/e2e/architecture/border.rs) to do it",
                source.place(found.start())
            )),
            None if may => {
                faults.push(format!("{}: does not cross a border any more: strike it off the list", source.path))
            }
            _ => {}
        }
    }
    let gone = MAY.iter().filter(|(path, _)| sources.iter().all(|source| source.path != *path));
    faults.extend(gone.map(|(path, _)| format!("{path}: there is no such file; strike it off the list")));
    faults
}

#[test]
fn borders_are_crossed_where_it_was_decided() {
    holds("Who may cross a border is on a list:", &border_faults(sources()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, line: &str) -> Vec<String> {
        let mut all: Vec<_> = MAY
            .iter()
            .map(|(path, _)| Source::new("identity", path, "let there = border.enter(ctx);".to_owned()))
            .collect();
        all.retain(|source| source.path != path);
        all.push(Source::new("identity", path, line.to_owned()));
        border_faults(&all)
    }

    #[test]
    fn a_crossing_anywhere_else_is_named() {
        let other = "services/identity/src/team/api.rs";
        for line in [
            "let there = self.border.enter(&ctx, name)?;",
            "self.border\n    .home(&ctx, &id)",
            "use platform::Border;",
        ] {
            assert_eq!(faults(other, line).len(), 1, "{line}");
        }
        for line in ["border: host.border.clone(),", "// border.enter", "use platform::border::ended;"] {
            assert!(faults(other, line).is_empty(), "{line}");
        }
        assert_eq!(faults(MAY[0].0, "").len(), 1);
    }
}

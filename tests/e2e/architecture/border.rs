//! Who may cross a border. A context on the other side opens the data of another tenant, so the files that make one are few, and
//! named here: another one is a decision, not an accident.

use crate::source::{Source, holds, sources};

/// The files that may, and what for.
const MAY: [(&str, &str); 6] = [
    ("services/identity/src/membership/api.rs", "an exchange writes on both sides"),
    (
        "services/identity/src/across/visiting.rs",
        "before a visitor's call home is asked whether they may still be there",
    ),
    ("services/identity/src/across/reminding.rs", "who must act in a programme is reminded at home"),
    ("services/lessons/src/work/credit/home.rs", "a delivery in a programme counts at home"),
    (
        "services/lessons/src/twinning/engagement/home.rs",
        "a class is bound once over all programmes, which its home alone can say",
    ),
    ("services/lessons/src/across/moved.rs", "a class that was moved at home leaves the pair it is bound in"),
];

/// Where a file first names what a context of the other side is made with, or makes one: `enter` and `home` of a border take a context
/// and a name, whatever the border is called.
fn crossing(source: &Source) -> Option<usize> {
    let named = source.words.iter().filter(|word| word.text == "Border").map(|word| word.at);
    let made = source.calls.iter().filter(|call| {
        let is_crossing = matches!(call.name.as_str(), "enter" | "home");
        is_crossing && (call.receiver == "border" || call.arguments.len() == 2)
    });
    named.chain(made.map(|call| call.at)).min()
}

fn border_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package != "platform") {
        let may = MAY.iter().any(|(path, _)| source.path == *path);
        match crossing(source) {
            Some(found) if !may => faults.push(format!(
                "{}: this crosses a border. Ask who may (the list in tests/e2e/architecture/border.rs) to do it",
                source.place(found)
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
            .map(|(path, _)| Source::new("identity", path, "fn f() { border.enter(ctx) }".to_owned()))
            .collect();
        all.retain(|source| source.path != path);
        all.push(Source::new("identity", path, line.to_owned()));
        border_faults(&all)
    }

    #[test]
    fn a_crossing_anywhere_else_is_named() {
        let other = "services/identity/src/class/team/api.rs";
        for line in [
            "fn f() { let there = self.border.enter(&ctx, name)?; }",
            "fn f() { self.border\n    .home(&ctx, &id) }",
            "fn f() { let way = host.border.clone(); way.enter(&ctx, name) }",
            "fn f() { debug!(\"{:?}\", self.way.home(&ctx, &id)); }",
            "use platform::Border;",
            "use platform::{border::ended, Border as Way};",
        ] {
            assert_eq!(faults(other, line).len(), 1, "{line}");
        }
        for line in [
            "fn f() { T { border: host.border.clone() } }",
            "// border.enter",
            "use platform::border::ended;",
            "fn f() { (ctx.home(), self.enter(tx, &account, false), throttle.enter(address)) }",
        ] {
            assert!(faults(other, line).is_empty(), "{line}");
        }
        assert_eq!(faults(MAY[0].0, "").len(), 1);
    }
}

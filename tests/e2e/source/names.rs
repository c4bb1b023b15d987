//! What names mean in a crate: which file declares what a path leads to, through imports, renames, globs and re-exports.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// The modules of one crate.
pub struct Names<'a> {
    modules: BTreeMap<Vec<String>, Scope<'a>>,
}

/// One module: a file, or a part of one.
struct Scope<'a> {
    source: &'a Source,
    imports: BTreeMap<&'a str, &'a [String]>,
    globs: Vec<&'a [String]>,
    declared: BTreeSet<&'a str>,
}

/// A place on the way to what a path means.
enum Step {
    Module(Vec<String>),
    Item(Vec<String>),
}

/// Imports lead to imports; a circle of them leads nowhere.
const DEEPEST: usize = 24;

impl<'a> Names<'a> {
    /// The names of the crate whose `lib.rs` lies in `folder`, such as `services/identity/src/`.
    pub fn of(folder: &str, sources: &'a [Source]) -> Self {
        let mut modules = BTreeMap::new();
        for source in sources.iter().filter(|source| source.path.starts_with(folder) && source.name() != "main.rs") {
            let file = module_of(folder, source);
            let inside = source.inline.iter().map(|inline| inline.path.clone());
            for inline in std::iter::once(Vec::new()).chain(inside) {
                let here = source.imports.iter().filter(|import| import.module == inline);
                let scope = Scope {
                    source,
                    imports: here
                        .clone()
                        .filter_map(|import| Some((import.name.as_deref()?, &import.path[..])))
                        .collect(),
                    globs: here.filter(|import| import.name.is_none()).map(|import| &import.path[..]).collect(),
                    declared: source
                        .declared
                        .iter()
                        .filter(|(of, _)| *of == inline)
                        .map(|(_, name)| &name[..])
                        .collect(),
                };
                modules.insert([file.clone(), inline].concat(), scope);
            }
        }
        Self { modules }
    }

    /// Every path that a file names, and the file of this crate that each leads to. Paths to other crates are left out.
    pub fn arrows(&self, folder: &str, source: &'a Source) -> Vec<(usize, &'a [String], &'a Source)> {
        let file = module_of(folder, source);
        let imported = source.imports.iter().map(|import| (&import.path, import.at, import.module.clone()));
        let written = source.mentions.iter().map(|mention| {
            let around = source.inline.iter().filter(|inline| inline.body.contains(&mention.at));
            let inline = around.max_by_key(|inline| inline.path.len()).map(|inline| inline.path.clone());
            (&mention.path, mention.at, inline.unwrap_or_default())
        });
        let led = imported.chain(written).filter_map(|(path, at, inline)| {
            let module = [file.clone(), inline].concat();
            let (Step::Module(to) | Step::Item(to)) = self.follow(&module, path, 0)?;
            Some((at, &path[..], self.modules.get(&to)?.source))
        });
        led.collect()
    }

    fn follow(&self, module: &[String], path: &[String], depth: usize) -> Option<Step> {
        let (first, mut rest) = path.split_first()?;
        let mut step = match first.as_str() {
            "crate" | "$crate" => Step::Module(Vec::new()),
            "self" => Step::Module(module.to_vec()),
            "super" => {
                let mut up = module.split_last()?.1;
                while let Some(("super", more)) = rest.split_first().map(|(word, more)| (word.as_str(), more)) {
                    (up, rest) = (up.split_last()?.1, more);
                }
                Step::Module(up.to_vec())
            }
            name => self.named(module, name, depth)?,
        };
        for name in rest {
            step = match step {
                Step::Module(at) => match self.named(&at, name, depth) {
                    Some(next) => next,
                    // what a macro declares is not seen: it is of the module all the same
                    None => Step::Item(at),
                },
                item @ Step::Item(_) => item,
            };
        }
        Some(step)
    }

    /// What a name means in a module.
    fn named(&self, module: &[String], name: &str, depth: usize) -> Option<Step> {
        let scope = self.modules.get(module).filter(|_| depth < DEEPEST)?;
        let child = [module, &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            return Some(Step::Module(child));
        }
        if scope.declared.contains(name) {
            return Some(Step::Item(module.to_vec()));
        }
        if let Some(path) = scope.imports.get(name) {
            return self.follow(module, path, depth + 1);
        }
        let mut globs = scope.globs.iter();
        globs.find_map(|path| match self.follow(module, path, depth + 1)? {
            Step::Module(at) if at != module => self.named(&at, name, depth + 1),
            _ => None,
        })
    }
}

/// The path of the module that a file is: `team/store.rs` is `team::store`.
fn module_of(folder: &str, source: &Source) -> Vec<String> {
    let inside = source.path.strip_prefix(folder).unwrap_or(&source.path).trim_end_matches(".rs");
    if inside == "lib" { Vec::new() } else { inside.split('/').map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the paths of `team.rs` lead, beside other files of a crate.
    fn led(text: &str) -> Vec<(String, String)> {
        let file = |path: &str, text: &str| Source::new("x", &format!("x/src/{path}"), text.to_owned());
        let sources = [
            file("lib.rs", "pub mod school; pub mod team; pub use school::School;"),
            file(
                "school.rs",
                "pub mod store; mod import; pub use import::Import; pub struct School; mod row { pub struct Row; } \
                               pub use row::Row as Line;",
            ),
            file("school/store.rs", "pub fn get() {}"),
            file("school/import.rs", "pub enum Import { Whole }"),
            file("team/wire.rs", ""),
            file("team.rs", text),
        ];
        let names = Names::of("x/src/", &sources);
        let arrows = names.arrows("x/src/", &sources[5]);
        let inside = |found: &Source| found.path.trim_start_matches("x/src/").to_owned();
        arrows.into_iter().map(|(_, path, found)| (path.join("::"), inside(found))).collect()
    }

    #[test]
    fn a_path_leads_to_the_file_that_declares_what_it_names() {
        for (text, file) in [
            ("use crate::school::store;", "school/store.rs"),
            ("use crate::{school::{store::{get}}};", "school/store.rs"),
            ("use super::school::Import;", "school/import.rs"),
            ("use crate::School;", "school.rs"),
            ("use crate::school::Line;", "school.rs"),
            ("fn f() { crate::school::Import::Whole; }", "school/import.rs"),
            ("fn f() { debug!(\"{}\", crate::school::store::get()); }", "school/store.rs"),
            ("mod row { type A = super::super::school::store::B; }", "school/store.rs"),
            ("#[serde(with = \"crate::school::store\")] struct S;", "school/store.rs"),
        ] {
            assert_eq!(led(text).iter().map(|(_, file)| file.as_str()).collect::<Vec<_>>(), [file], "{text}");
        }
    }

    #[test]
    fn a_path_is_followed_from_the_name_an_import_gave() {
        for text in [
            "use crate::school as s; fn f() { s::store::get() }",
            "use crate::school::*; fn f() { store::get() }",
            "use crate::school; mod row { use super::*; fn f() { school::store::get() } }",
        ] {
            assert!(led(text).iter().any(|(_, file)| file == "school/store.rs"), "{text}: {:?}", led(text));
        }
    }

    #[test]
    fn a_path_of_another_crate_leads_nowhere() {
        assert_eq!(
            led("use std::fmt; use platform::school::store; fn f(x: School) { fmt::Debug::f(x); x.school(); }"),
            []
        );
    }
}

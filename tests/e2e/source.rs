//! The source of the project as the laws read it: every file of every member, parsed by `syn`, with code, prose and tests told apart.
//! A law asks for words, calls, paths, imports and functions; none searches the text of a program.

mod items;
mod names;
mod tokens;

use std::{collections::BTreeSet, fs, ops::Range, path::Path, process::Command, sync::LazyLock};

use serde_json::Value;

pub use self::{
    items::{Function, Import, Inline, parsed, text},
    names::Names,
    tokens::{Call, Mention, Word},
};

/// One `.rs` file. Everything but `text` is without the tests in it.
#[derive(Clone)]
pub struct Source {
    /// The package it belongs to.
    pub package: String,
    /// Its path from the root of the project.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Of the same length: the code, with comments and the insides of literals blanked.
    pub code: String,
    /// Of the same length: the comments.
    pub prose: String,
    /// How many lines it has.
    pub lines: usize,
    /// Every identifier and keyword, in the order of the text.
    pub words: Vec<Word>,
    /// Every call of a method, also inside macros.
    pub calls: Vec<Call>,
    /// Every path of the code, also inside macros and attributes. Those of `use` items are `imports`.
    pub mentions: Vec<Mention>,
    /// The content of every literal string.
    pub strings: Vec<String>,
    /// What its `use` items import.
    pub imports: Vec<Import>,
    /// Every function that has a body.
    pub functions: Vec<Function>,
    /// The modules inside it.
    pub inline: Vec<Inline>,
    /// The names of what it declares itself, each with the module inside it, if it is in one.
    pub declared: Vec<(Vec<String>, String)>,
    /// Where an attribute allows a statement to panic.
    pub granted: Vec<Range<usize>>,
    /// The modules in other files that it declares for tests alone.
    test_modules: Vec<String>,
}

/// What `cargo metadata` says of the members.
pub fn metadata() -> &'static Value {
    static METADATA: LazyLock<Value> = LazyLock::new(|| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path", manifest];
        let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    });
    &METADATA
}

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(metadata()["workspace_root"].as_str().expect("a path"))
}

/// The members: name and folder.
pub fn members() -> impl Iterator<Item = (&'static str, &'static Path)> {
    let packages = metadata()["packages"].as_array().expect("packages");
    packages.iter().map(|package| {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        (package["name"].as_str().expect("a name"), manifest.parent().expect("a folder"))
    })
}

/// Every file of every member that is no test from its first line to its last.
pub fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut files = Vec::new();
        for (package, folder) in members() {
            collect(package, folder, &mut files);
        }
        without_test_files(files)
    });
    &SOURCES
}

fn collect(package: &str, folder: &Path, into: &mut Vec<Source>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            // a member in the folder of a member is read by itself
            let skipped = path.join("Cargo.toml").exists() || path.ends_with("target") || path.ends_with("data");
            if !skipped {
                collect(package, &path, into);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("inside of the project").to_str().expect("UTF-8").to_owned();
            into.push(Source::new(package, &name, fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// Leaves out the files of modules that are declared for tests alone, and those below them.
fn without_test_files(files: Vec<Source>) -> Vec<Source> {
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|file| file.test_modules.iter().map(|module| format!("{}{module}", file.folder())))
        .collect();
    let is_test = |file: &Source| {
        tests.iter().any(|module| file.path == format!("{module}.rs") || file.path.starts_with(&format!("{module}/")))
    };
    files.into_iter().filter(|file| !is_test(file)).collect()
}

impl Source {
    /// A file of this text. Panics with the path and the place where the text is not Rust.
    pub fn new(package: &str, path: &str, text: String) -> Self {
        let stream = tokens::lexed(&text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let items = items::read(stream.clone()).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let tokens = tokens::read(&text, stream, &items.tests, &items.uses);
        proc_macro2::extra::invalidate_current_thread_spans();
        let lines_of_tests: usize = items.tests.iter().map(|test| text[test.clone()].lines().count()).sum();
        Self {
            package: package.to_owned(),
            path: path.to_owned(),
            lines: text.lines().count() - lines_of_tests,
            text,
            code: tokens.code,
            prose: tokens.prose,
            words: tokens.words,
            calls: tokens.calls,
            mentions: tokens.mentions,
            strings: tokens.strings,
            imports: items.imports,
            functions: items.functions.into_iter().chain(tokens.functions).collect(),
            inline: items.inline,
            declared: items.declared,
            granted: items.granted,
            test_modules: items.test_modules,
        }
    }

    /// Where the modules are that it declares: `services/identity/src/team/`.
    pub fn folder(&self) -> String {
        let stem = self.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        if matches!(name, "lib" | "main") { format!("{folder}/") } else { format!("{stem}/") }
    }

    /// Its name: `team.rs`.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// `path:line` of a place in it.
    pub fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.text[..at].matches('\n').count() + 1)
    }

    /// How many lines of a range hold code.
    pub fn lines_of_code(&self, range: Range<usize>) -> usize {
        self.code[range].lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// Every path it names, imported or written, and where.
    pub fn paths(&self) -> impl Iterator<Item = (&[String], usize)> {
        let imported = self.imports.iter().map(|import| (import.path.as_slice(), import.at));
        imported.chain(self.mentions.iter().map(|mention| (mention.path.as_slice(), mention.at)))
    }
}

/// Fails with all that is wrong at once.
#[track_caller]
pub fn holds(law: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{law}\n\n  {}\n", faults.join("\n  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Source {
        Source::new("identity", "services/identity/src/team.rs", text.to_owned())
    }

    fn names(source: &Source) -> Vec<&str> {
        source.functions.iter().map(|function| function.name.as_str()).collect()
    }

    #[test]
    fn code_prose_and_literals_are_told_apart() {
        let source = sample(
            "fn f() { let a = \"// {\"; // it's {\nlet b: &'static str = r#\"\"{\"#; /* { /* */ { */ let c = '{'; let d = br##\"{\"##; }\n",
        );
        assert_eq!(source.code.matches('{').count(), 1, "{}", source.code);
        assert!(source.code.contains("&'static str") && source.code.contains("let c"));
        assert_eq!(source.prose.split_whitespace().collect::<Vec<_>>().join(" "), "// it's { /* { /* */ { */");
        assert_eq!((source.code.len(), source.prose.len()), (source.text.len(), source.text.len()));
        assert_eq!(source.strings, ["// {", "\"{"]);
    }

    #[test]
    fn documentation_is_prose() {
        let source = sample("//! Ω {\n\n/// A `{`.\n#[doc = \"more {\"]\nfn f() {}\n");
        assert_eq!(source.prose.lines().map(str::trim).filter(|line| !line.is_empty()).count(), 2, "{}", source.prose);
        assert_eq!(source.code.matches('{').count(), 1, "{}", source.code);
    }

    #[test]
    fn tests_are_neither_code_nor_prose_nor_lines() {
        let source = sample(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    // words\n    fn b() { x.unwrap() }\n}\n\
             #[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n#[cfg(unix)]\nfn c() {}\n\
             #[tokio::test(flavor = \"x\")]\nasync fn d() {\n    x.unwrap();\n}\n",
        );
        assert_eq!(names(&source), ["a", "c"]);
        assert!(!source.code.contains("testing") && source.prose.trim().is_empty());
        assert!(source.calls.is_empty());
        assert_eq!(source.lines, 3);
    }

    #[test]
    fn what_exists_outside_of_tests_too_is_code() {
        let source = sample(
            "#[cfg(not(test))]\nfn a() {}\n#[cfg(any(test, unix))]\nfn b() {}\n#[cfg(all(test, unix))]\nfn c() {}\n\
             struct S { #[cfg(test)] d: A, e: B }\nfn f() { #[cfg(test)] let g = 1; h(); }",
        );
        assert_eq!(names(&source), ["a", "b", "f"]);
        assert!(source.code.contains("e: B") && !source.code.contains("d: A") && !source.code.contains("let g"));
    }

    #[test]
    fn a_file_declared_for_tests_alone_is_left_out() {
        let file = |path: &str, text: &str| Source::new("x", path, text.to_owned());
        let files = vec![
            file("x/src/lib.rs", "#[cfg(test)]\nmod tests;\nmod tests_of_people;"),
            file("x/src/tests.rs", ""),
            file("x/src/tests/more.rs", ""),
            file("x/src/tests_of_people.rs", ""),
        ];
        let kept: Vec<_> = without_test_files(files).into_iter().map(|file| file.path).collect();
        assert_eq!(kept, ["x/src/lib.rs", "x/src/tests_of_people.rs"]);
    }

    #[test]
    fn a_body_is_found_behind_signatures_of_every_kind() {
        let source = sample(
            "fn a<T>(x: [u8; 3], f: impl Fn() -> T) -> T\nwhere T: Copy,\n{\n  one();\n\n  { two() }\n}\n\
             trait U { fn b(); fn c() { fn d() {} } }\nmacro_rules! m { () => { fn e() { x(); } } }",
        );
        assert_eq!(names(&source), ["a", "c", "d", "e"]);
        assert_eq!(source.lines_of_code(source.functions[0].body.clone()), 2);
    }

    #[test]
    fn a_path_is_found_in_code_in_macros_in_attributes_and_in_groups_of_imports() {
        let source = sample(
            "use a::{b::{self, C}, d as e, f::*};\n#[g::h]\nfn x(y: i::J) { println!(\"{}\", k::l(m::N::<o::P>::q())); y.r(); }\n\
             #[serde(with = \"crate::s\")]\nstruct T;",
        );
        let mut paths: Vec<_> = source.paths().map(|(path, _)| path.join("::")).collect();
        paths.sort();
        for expected in ["a::b", "a::b::C", "a::d", "a::f", "crate::s", "g::h", "i::J", "k::l", "m::N", "o::P"] {
            assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
        }
        assert_eq!(source.calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["r"]);
    }

    #[test]
    fn the_project_is_found_by_itself() {
        let found: BTreeSet<_> = sources().iter().map(|source| source.path.as_str()).collect();
        for expected in
            ["services/platform/src/ctx.rs", "tests/e2e/source.rs", "proto/build.rs", "services/koine/src/main.rs"]
        {
            assert!(found.contains(expected), "{expected} in {found:#?}");
        }
        assert!(!found.contains("services/platform/src/testing.rs"));
    }
}

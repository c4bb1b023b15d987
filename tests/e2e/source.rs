//! The source of the project as the laws read it: every file of every member, with code, prose and tests told apart.

use std::{collections::BTreeSet, fs, ops::Range, path::Path, process::Command, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

/// One `.rs` file.
#[derive(Clone)]
pub struct Source {
    /// The package it belongs to.
    pub package: String,
    /// Its path from the root of the project.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Of the same length: the code outside of tests, with comments and the insides of literals blanked.
    pub code: String,
    /// Of the same length: the comments outside of tests.
    pub prose: String,
    /// How many lines it has without its tests.
    pub lines: usize,
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
    static MODULE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^(?:pub(?:\([^)]*\))? )?mod (\w+)\s*;").expect("a pattern"));
    let mut tests = BTreeSet::new();
    for file in &files {
        let (code, _) = layers(&file.text);
        for (item, _) in test_items(&file.text, &code) {
            if let Some(module) = MODULE.captures(&code[item]) {
                tests.insert(format!("{}{}", file.folder(), &module[1]));
            }
        }
    }
    let is_test = |file: &Source| {
        tests.iter().any(|module| file.path == format!("{module}.rs") || file.path.starts_with(&format!("{module}/")))
    };
    files.into_iter().filter(|file| !is_test(file)).collect()
}

impl Source {
    /// A file of this text.
    pub fn new(package: &str, path: &str, text: String) -> Self {
        let (mut code, mut prose) = layers(&text);
        let mut lines = text.lines().count();
        for (item, attribute) in test_items(&text, &code.clone()) {
            let whole = attribute.start..item.end;
            lines -= text[whole.clone()].lines().count();
            code.replace_range(whole.clone(), &blank(&text[whole.clone()]));
            prose.replace_range(whole.clone(), &blank(&text[whole]));
        }
        Self { package: package.to_owned(), path: path.to_owned(), text, code, prose, lines }
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

    /// Every function that has a body: name, where it begins, and the body.
    pub fn functions(&self) -> Vec<(&str, usize, Range<usize>)> {
        static FUNCTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bfn\s+(\w+)").expect("a pattern"));
        let found = FUNCTION.captures_iter(&self.code).filter_map(|function| {
            let (name, start) = (function.get(1)?.as_str(), function.get(0)?.start());
            Some((name, start, block(&self.code, start)?))
        });
        found.collect()
    }

    /// How many lines of a range hold code.
    pub fn lines_of_code(&self, range: Range<usize>) -> usize {
        self.code[range].lines().filter(|line| !line.trim().is_empty()).count()
    }
}

/// The inside of the first pair of braces from `start` on, if it comes before the statement ends.
pub fn block(code: &str, start: usize) -> Option<Range<usize>> {
    let (mut depth, mut opened, mut brackets) = (0_usize, None, 0_usize);
    for (offset, byte) in code.as_bytes()[start..].iter().enumerate() {
        let at = start + offset;
        match byte {
            b'(' | b'[' if depth == 0 => brackets += 1,
            b')' | b']' if depth == 0 => brackets = brackets.saturating_sub(1),
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' if brackets == 0 || depth > 0 => {
                opened = opened.or(Some(at + 1));
                depth += 1;
            }
            b'}' if depth == 1 => return opened.map(|opened| opened..at),
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Items that exist in tests alone, each with the attribute that says so.
fn test_items(text: &str, code: &str) -> Vec<(Range<usize>, Range<usize>)> {
    static ATTRIBUTE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"#\[cfg\([^\]]*\)\]|#\[(?:\w+::)?test\b[^\]]*\]").expect("a pattern"));
    static OTHERS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s*(?:#\[[^\]]*\]\s*)*").expect("a pattern"));
    static TEST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"\btest\b|"testing""#).expect("a pattern"));
    let mut items: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for attribute in ATTRIBUTE.find_iter(code).map(|found| found.range()) {
        let condition = &text[attribute.clone()];
        let inside = items.last().is_some_and(|(last, _)| attribute.start < last.end);
        if inside || condition.contains("not(") || !TEST.is_match(condition) {
            continue;
        }
        let start = attribute.end + OTHERS.find(&code[attribute.end..]).map_or(0, |others| others.end());
        let end = block(code, start).map(|body| body.end + 1);
        let end = end.or_else(|| Some(start + code[start..].find(';')? + 1)).unwrap_or(code.len());
        items.push((start..end, attribute));
    }
    items
}

/// The code and the comments of a text, each with everything else blanked. The quotes of literals stay in the code.
fn layers(text: &str) -> (String, String) {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        let comment = r"//[^\n]*|/\*.*?\*/";
        let literal = r##"r"[^"]*"|r#".*?"#|"(?:[^"\\]|\\.)*"|'(?:[^'\\\n]|\\(?:x..|u\{[^}]*\}|.))'"##;
        Regex::new(&format!("(?s)(?P<comment>{comment})|{literal}")).expect("a pattern")
    });
    let (mut code, mut prose) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut end = 0;
    for token in TOKEN.captures_iter(text) {
        let whole = token.get(0).expect("the match");
        let between = &text[end..whole.start()];
        code.push_str(between);
        prose.push_str(&blank(between));
        if token.name("comment").is_some() {
            code.push_str(&blank(whole.as_str()));
            prose.push_str(whole.as_str());
        } else {
            code.push_str(&quotes(whole.as_str()));
            prose.push_str(&blank(whole.as_str()));
        }
        end = whole.end();
    }
    code.push_str(&text[end..]);
    prose.push_str(&blank(&text[end..]));
    (code, prose)
}

/// Spaces of the same length in bytes; lines stay lines.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn quotes(literal: &str) -> String {
    let mut blanked = blank(literal);
    blanked.replace_range(..1, "\"");
    blanked.replace_range(literal.len() - 1.., "\"");
    blanked
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

    #[test]
    fn code_prose_and_literals_are_told_apart() {
        let source = sample("let a = \"// {\"; // it's {\nlet b: &'static str = r#\"\"{\"#; /* { */ let c = '{';\n");
        assert_eq!(source.code.matches('{').count(), 0, "{}", source.code);
        assert!(source.code.contains("&'static str") && source.code.contains("let c"));
        assert_eq!(source.prose.trim(), "// it's {\n                               /* { */");
        assert_eq!((source.code.len(), source.prose.len()), (source.text.len(), source.text.len()));
    }

    #[test]
    fn tests_are_neither_code_nor_prose_nor_lines() {
        let source = sample(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    // words\n    fn b() { x.unwrap() }\n}\n\
             #[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n#[cfg(unix)]\nfn c() {}\n\
             #[tokio::test(flavor = \"x\")]\nasync fn d() {\n    x.unwrap();\n}\n",
        );
        assert_eq!(source.functions().iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["a", "c"]);
        assert!(!source.code.contains("testing") && source.prose.trim().is_empty());
        assert_eq!(source.lines, 3);
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
            "fn a<T>(x: [u8; 3], f: impl Fn() -> T) -> T\nwhere T: Copy,\n{\n  one();\n\n  { two() }\n}\nfn b();",
        );
        let functions = source.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!(source.lines_of_code(functions[0].2.clone()), 2);
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

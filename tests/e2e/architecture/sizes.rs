//! How large things get, and what does not appear outside of tests.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, block, holds, sources};

const FILE: usize = 400;
const FUNCTION: usize = 40;
const METHOD: usize = 12;

fn file_faults(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.lines > FILE);
    long.map(|source| {
        format!("{}: {} lines. Find the second thing it is about and give it a file", source.path, source.lines)
    })
    .collect()
}

fn name_faults(sources: &[Source]) -> Vec<String> {
    let old = sources.iter().filter(|source| source.name() == "mod.rs");
    old.map(|source| format!("{}: call it by its module's name, beside the folder", source.path)).collect()
}

fn function_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for (name, at, body) in source.functions() {
            let lines = source.lines_of_code(body);
            if lines > FUNCTION {
                faults.push(format!("{}: `{name}` has {lines} lines. Give its steps names", source.place(at)));
            }
        }
    }
    faults
}

/// The methods of services: name, place, and how many lines of code their bodies have.
fn methods(sources: &[Source]) -> Vec<(String, String, usize)> {
    static SERVICE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"#\[tonic::async_trait\]\s*impl\b").expect("a pattern"));
    let mut methods = Vec::new();
    for source in sources {
        for found in SERVICE.find_iter(&source.code) {
            let inside = block(&source.code, found.end()).unwrap_or_default();
            for (name, at, body) in source.functions() {
                if inside.contains(&at) {
                    methods.push((name.to_owned(), source.place(at), source.lines_of_code(body)));
                }
            }
        }
    }
    methods
}

fn method_faults(sources: &[Source]) -> Vec<String> {
    let long = methods(sources).into_iter().filter(|(.., lines)| *lines > METHOD);
    long.map(|(name, place, lines)| {
        format!("{place}: `{name}` has {lines} lines. Open, load, decide, save, answer; whatever else it does belongs to the rules or the store")
    })
    .collect()
}

/// What ends a process where an error should be answered. A place that cannot fail says so with `#[expect(clippy::…, reason)]`.
fn panic_faults(sources: &[Source]) -> Vec<String> {
    static PANIC: LazyLock<Regex> = LazyLock::new(|| {
        let call = r"\.(?:unwrap|expect|unwrap_err|expect_err)\(|\b(?:panic|todo|unimplemented)!";
        Regex::new(call).expect("a pattern")
    });
    static GRANTED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#\[expect\(\s*clippy::(?:expect_used|unwrap_used|panic)\b[^\]]*\]\s*").expect("a pattern")
    });
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package != "tests") {
        let granted: Vec<_> = GRANTED
            .find_iter(&source.code)
            .map(|grant| {
                grant.end()
                    ..source.code[grant.end()..].find([';', '}']).map_or(source.code.len(), |end| grant.end() + end)
            })
            .collect();
        for found in
            PANIC.find_iter(&source.code).filter(|found| !granted.iter().any(|grant| grant.contains(&found.start())))
        {
            let (place, what) = (source.place(found.start()), found.as_str());
            faults.push(format!("{place}: `{what}` ends the call and maybe the process. Answer with an `Error`"));
        }
    }
    faults
}

#[test]
fn a_file_has_at_most_four_hundred_lines_without_its_tests() {
    holds("Files that grew too long to be read in one go:", &file_faults(sources()));
}

#[test]
fn a_module_is_found_by_its_name() {
    holds("`mod.rs` says nothing in an editor's tab:", &name_faults(sources()));
}

#[test]
fn a_function_has_at_most_forty_lines() {
    holds("Functions that do not fit on a screen:", &function_faults(sources()));
}

#[test]
fn a_method_has_at_most_twelve_lines() {
    assert!(methods(sources()).len() > 40, "the methods of the services are not where they were");
    holds("Methods with more than five steps:", &method_faults(sources()));
}

#[test]
fn nothing_outside_of_tests_panics() {
    holds("Outside of tests nothing unwraps, expects or panics:", &panic_faults(sources()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Vec<Source> {
        vec![Source::new("identity", "services/identity/src/team/api.rs", text.to_owned())]
    }

    #[test]
    fn what_is_too_long_is_named() {
        let file = sample(&"// one more\n".repeat(FILE + 1));
        assert_eq!(file_faults(&file).len(), 1);
        assert!(file_faults(&sample(&"// one more\n".repeat(FILE))).is_empty());
        let function = |lines| sample(&format!("fn long() {{\n// why\n\n{}}}", "    step();\n".repeat(lines)));
        assert!(function_faults(&function(FUNCTION)).is_empty());
        assert!(
            function_faults(&function(FUNCTION + 1))[0]
                .starts_with("services/identity/src/team/api.rs:1: `long` has 41 lines")
        );
    }

    #[test]
    fn a_method_with_a_thirteenth_line_is_named() {
        let method = |lines| {
            let body = "        step();\n".repeat(lines);
            sample(&format!(
                "#[tonic::async_trait]\nimpl S for T {{\n    async fn get(&self) {{\n{body}    }}\n}}\nfn free() {{}}"
            ))
        };
        assert!(method_faults(&method(METHOD)).is_empty());
        assert_eq!(method_faults(&method(METHOD + 1)).len(), 1);
    }

    #[test]
    fn a_panic_is_named_unless_it_says_why_it_cannot_be() {
        for text in ["x.unwrap();", "x.expect(\"\");", "panic!()", "todo!()", "x.unwrap_err();"] {
            assert_eq!(panic_faults(&sample(&format!("fn f() {{ {text} }}"))).len(), 1, "{text}");
        }
        let granted = "fn f() {\n    #[expect(clippy::expect_used, reason = \"built in\")]\n    x.expect(\"\");\n    y.expect(\"\");\n}";
        assert_eq!(panic_faults(&sample(granted)).len(), 1, "the grant is for one statement");
        assert!(panic_faults(&sample("// x.unwrap()\nfn f() { x.unwrap_or_default(); }")).is_empty());
    }

    #[test]
    fn an_old_name_is_named() {
        assert_eq!(
            name_faults(&[Source::new("identity", "services/identity/src/team/mod.rs", String::new())]).len(),
            1
        );
    }
}

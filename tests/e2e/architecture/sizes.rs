//! How large things get, and what does not appear outside of tests.

use crate::source::{Function, Source, holds, sources};

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
        for Function { name, at, body, .. } in &source.functions {
            let lines = source.lines_of_code(body.clone());
            if lines > FUNCTION {
                faults.push(format!("{}: `{name}` has {lines} lines. Give its steps names", source.place(*at)));
            }
        }
    }
    faults
}

/// The methods of services: name, place, and how many lines of code their bodies have.
fn methods(sources: &[Source]) -> Vec<(String, String, usize)> {
    let of = |source: &Source| -> Vec<_> {
        let methods = source.functions.iter().filter(|function| function.is_rpc);
        methods.map(|one| (one.name.clone(), source.place(one.at), source.lines_of_code(one.body.clone()))).collect()
    };
    sources.iter().flat_map(of).collect()
}

fn method_faults(sources: &[Source]) -> Vec<String> {
    let long = methods(sources).into_iter().filter(|(.., lines)| *lines > METHOD);
    long.map(|(name, place, lines)| {
        format!("{place}: `{name}` has {lines} lines. Open, load, decide, save, answer; whatever else it does belongs to the rules or the store")
    })
    .collect()
}

/// What ends a process where an error should be answered, and where: a method that panics, called or named, and a macro that does. A
/// statement that cannot fail says so with `#[expect(clippy::…, reason)]`.
fn panics(source: &Source) -> Vec<(usize, String)> {
    let ends = |name: &str| matches!(name, "unwrap" | "expect" | "unwrap_err" | "expect_err");
    let calls = source.calls.iter().filter(|call| ends(&call.name)).map(|call| (call.at, format!(".{}(", call.name)));
    let named = source.mentions.iter().filter(|mention| mention.path.last().is_some_and(|name| ends(name)));
    let named = named.map(|mention| (mention.at, mention.path.join("::")));
    let macros = source.words.iter().filter(|word| {
        let is_macro = matches!(word.text.as_str(), "panic" | "todo" | "unimplemented");
        is_macro && source.code[word.at + word.text.len()..].trim_start().starts_with('!')
    });
    let macros = macros.map(|word| (word.at, format!("{}!", word.text)));
    calls.chain(named).chain(macros).collect()
}

fn panic_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package != "tests") {
        let granted = |at: &usize| source.granted.iter().any(|grant| grant.contains(at));
        for (at, what) in panics(source).into_iter().filter(|(at, _)| !granted(at)) {
            let place = source.place(at);
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
        for text in [
            "x.unwrap();",
            "x.expect(\"\");",
            "panic!()",
            "todo!()",
            "x.unwrap_err();",
            "x.map(Option::unwrap);",
            "debug!(\"{}\", x.unwrap());",
            "x\n    .unwrap();",
            "std::panic!(\"\");",
        ] {
            assert_eq!(panic_faults(&sample(&format!("fn f() {{ {text} }}"))).len(), 1, "{text}");
        }
        let granted = "fn f() {\n    #[expect(clippy::expect_used, reason = \"built in\")]\n    x.expect(\"\");\n    y.expect(\"\");\n}";
        assert_eq!(panic_faults(&sample(granted)).len(), 1, "the grant is for one statement");
        let whole = "#[expect(clippy::unwrap_used, reason = \"all of it\")]\nfn f() {\n    x.unwrap();\n}";
        assert_eq!(panic_faults(&sample(whole)).len(), 1, "no grant is for a whole function");
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

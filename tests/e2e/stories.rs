//! Every method has a story: some test of the system calls its address. What a story then asks is for people to judge; that there
//! is one is judged here, so that a new method does not come alone.

use std::fs;

use prost_reflect::MethodDescriptor;
use tests::grpc::{address, methods};

use crate::source::root;

/// What the text of a story must hold where it calls a method: the verb, the last word of the address, or all before its only id.
fn trace(method: &MethodDescriptor) -> String {
    let address = address(method);
    let last = address.rsplit('/').next().unwrap_or_default();
    match last.rsplit_once(':') {
        Some((_, verb)) => format!(":{verb}"),
        None if last.starts_with('{') => format!("{}{{", address.split('{').next().unwrap_or_default()),
        None => format!("/{last}"),
    }
}

/// The text of every story, and of what stories share.
fn told() -> String {
    let mut told = String::new();
    let mut folders: Vec<_> = ["e2e/identity", "e2e/lessons", "e2e/subjects", "e2e/twinning", "src"]
        .map(|folder| root().join("tests").join(folder))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => told.push_str(&fs::read_to_string(entry).expect("a text")),
            }
        }
    }
    told
}

#[test]
fn every_method_is_called_by_some_story() {
    let told = told();
    let untold: Vec<_> = methods()
        .iter()
        .filter(|method| !told.contains(&trace(method)))
        .map(|method| format!("{}: no story says `{}`", method.full_name(), trace(method)))
        .collect();
    assert!(untold.is_empty(), "{untold:#?}");
}

#[test]
fn a_method_leaves_the_trace_of_its_address() {
    let trace = |name: &str| trace(&tests::grpc::method(name));
    assert_eq!(trace("identity.v1.TeamService.HandOverTeam"), ":handOver");
    assert_eq!(trace("identity.v1.SchoolService.GetSchool"), "/v1/schools/{");
    assert_eq!(trace("lessons.v1.FormService.GetForm"), "/form");
    assert!(!told().contains("/v1/lighthouses"), "a method nobody has told of would be found");
}

//! Which crate may depend on which.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::source::{holds, members, metadata, root};

/// What may stand in the root, beside tool files as dotfiles and what `.gitignore` names.
const ROOT: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "gateway",
    "helm",
    "migrations",
    "proto",
    "scripts",
    "services",
    "tests",
];

/// Crates of others that only some of ours may know, and who. `services` stands for every service.
const ONLY_IN: [(&str, &[&str], &str); 4] = [
    ("kube", &["operator"], "only the operator talks to Kubernetes"),
    ("maud", &["portal"], "pages for people are those of the portal"),
    (
        "axum",
        &["gateway", "portal", "platform"],
        "services speak gRPC; what speaks HTTP is gateway, portal and platform",
    ),
    (
        "sea-orm",
        &["platform", "migrations", "services", "koine", "tests"],
        "only who owns data knows the database: ask the service over gRPC",
    ),
];

/// One dependency of a member.
#[derive(Debug)]
struct Arrow {
    from: String,
    to: String,
    dev: bool,
    features: Vec<String>,
}

fn arrows(metadata: &Value) -> Vec<Arrow> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut arrows = Vec::new();
    for package in list(&metadata["packages"]) {
        for dependency in list(&package["dependencies"]) {
            arrows.push(Arrow {
                from: text(&package["name"]),
                to: text(&dependency["name"]),
                dev: dependency["kind"] == "dev",
                features: list(&dependency["features"]).iter().map(text).collect(),
            });
        }
    }
    arrows
}

/// The members that are services: those under `services/` that are neither the ground they stand on nor the binary that holds all.
fn services(metadata: &Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let places =
        packages.iter().filter_map(|package| Some((package["name"].as_str()?, package["manifest_path"].as_str()?)));
    let services = places.filter(|(name, place)| {
        place.ends_with(&format!("/services/{name}/Cargo.toml")) && !matches!(*name, "platform" | "koine" | "operator")
    });
    services.map(|(name, _)| name.to_owned()).collect()
}

fn arrow_faults(metadata: &Value) -> Vec<String> {
    let services = services(metadata);
    let ours: BTreeSet<String> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|p| p["name"].as_str().map(str::to_owned))
        .collect();
    let mut faults = Vec::new();
    for Arrow { from, to, dev, features } in arrows(metadata) {
        let fault = if services.contains(&to) && services.contains(&from) {
            "a service never depends on a service: ask it over gRPC, with `Peers` and its generated client"
        } else if services.contains(&to) && !matches!(from.as_str(), "koine" | "tests") {
            "only `koine` and `tests` name a service: read the descriptor, or call it over gRPC"
        } else if matches!(from.as_str(), "proto" | "migrations") && ours.contains(&to) {
            "it stands at the bottom and knows none of ours"
        } else if from == "platform" && ours.contains(&to) && to != "proto" && !(dev && to == "migrations") {
            "platform knows `proto` alone: whatever it needs of others is handed to it"
        } else if from == "portal" && ours.contains(&to) && !matches!(to.as_str(), "proto" | "platform") {
            "the portal is a client of the API: it knows `proto` and `platform` alone"
        } else if to == "portal" && from != "gateway" {
            "only the gateway mounts the portal"
        } else if to == "migrations" && !dev && !matches!(from.as_str(), "koine" | "tests") {
            "the schema is brought up to date by `koine`; a service may ask for it in `[dev-dependencies]`"
        } else if matches!(to.as_str(), "koine" | "tests") && from != "tests" {
            "nobody depends on what stands at the top"
        } else if to == "platform" && !dev && from != "tests" && features.iter().any(|feature| feature == "testing") {
            "the feature `testing` makes a `Ctx` of anybody's: it is for `[dev-dependencies]`"
        } else {
            continue;
        };
        faults.push(format!("{from} -> {to}: {fault}"));
    }
    faults
}

fn foreign_faults(metadata: &Value) -> Vec<String> {
    let services = services(metadata);
    let mut faults = Vec::new();
    for Arrow { from, to, .. } in arrows(metadata) {
        for (name, allowed, why) in ONLY_IN {
            let same = to == name || to.starts_with(&format!("{name}-"));
            let may = allowed.contains(&from.as_str()) || (allowed.contains(&"services") && services.contains(&from));
            if same && !may {
                faults.push(format!("{from} -> {to}: {why}"));
            }
        }
    }
    faults
}

/// Dependencies of a member's `Cargo.toml` that bring their own version.
fn version_faults(member: &str, manifest: &str) -> Vec<String> {
    let table: toml::Table = manifest.parse().expect("TOML");
    let mut tables = vec![&table];
    tables.extend(
        table
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(|targets| targets.values().filter_map(toml::Value::as_table)),
    );
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let entries =
        tables.iter().flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table())).flatten();
    let own = entries.filter(|(_, entry)| entry.get("workspace").and_then(toml::Value::as_bool) != Some(true));
    own.map(|(name, _)| {
        format!("{member}: write `{name}.workspace = true` and put the version into the Cargo.toml of the root")
    })
    .collect()
}

fn root_faults(names: &[String], ignored: &str) -> Vec<String> {
    let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
    let strange = names.iter().filter(|name| {
        !name.starts_with('.') && !ROOT.contains(&name.as_str()) && !ignored.contains(&name.trim_end_matches('/'))
    });
    strange.map(|name| format!("{name}: find it a place in a crate, in tests/ or in scripts/")).collect()
}

#[test]
fn crates_know_only_those_below_them() {
    holds("The arrows between our crates point down (README, \"Map\"):", &arrow_faults(metadata()));
}

#[test]
fn kubernetes_http_and_the_database_are_known_where_they_belong() {
    holds("Some crates of others are for a few of ours:", &foreign_faults(metadata()));
}

#[test]
fn every_version_stands_in_the_root() {
    let faults: Vec<_> = members()
        .flat_map(|(name, folder)| {
            version_faults(name, &fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest"))
        })
        .collect();
    holds("Every version stands once:", &faults);
}

#[test]
fn nothing_lies_about_in_the_root() {
    let entries = fs::read_dir(root()).expect("the root").map(|entry| entry.expect("an entry").file_name());
    let names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    let ignored = fs::read_to_string(root().join(".gitignore")).expect(".gitignore");
    holds("The root holds what everybody looks for there and nothing else:", &root_faults(&names, &ignored));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Members under `services/`, the last one depending on something.
    fn sample(from: &str, to: &str, kind: &str, features: &[&str]) -> Value {
        let package = |name: &str, dependencies: Value| {
            let place = match name {
                "gateway" | "proto" | "migrations" | "tests" => "",
                "portal" => "gateway/",
                _ => "services/",
            };
            json!({ "name": name, "manifest_path": format!("/x/{place}{name}/Cargo.toml"), "dependencies": dependencies })
        };
        let others = ["identity", "lessons", "platform", "proto", "migrations", "gateway", "portal", "koine", "tests"];
        let others = others.iter().filter(|name| **name != from).map(|name| package(name, json!([])));
        let dependency = json!([{ "name": to, "kind": kind, "features": features }]);
        json!({ "packages": others.chain([package(from, dependency)]).collect::<Vec<_>>() })
    }

    #[test]
    fn an_arrow_that_points_up_or_across_is_named() {
        for (from, to) in [
            ("identity", "lessons"),
            ("gateway", "identity"),
            ("proto", "platform"),
            ("migrations", "proto"),
            ("platform", "migrations"),
            ("identity", "koine"),
            ("lessons", "migrations"),
            ("koine", "tests"),
            ("portal", "identity"),
            ("portal", "gateway"),
            ("koine", "portal"),
        ] {
            let faults = arrow_faults(&sample(from, to, "normal", &[]));
            assert!(faults.len() == 1 && faults[0].starts_with(&format!("{from} -> {to}: ")), "{from} {to} {faults:?}");
        }
        assert_eq!(arrow_faults(&sample("lessons", "identity", "dev", &[])).len(), 1, "not in tests either");
        assert_eq!(arrow_faults(&sample("identity", "platform", "normal", &["testing"])).len(), 1);
        for (from, to, kind) in [
            ("koine", "identity", "normal"),
            ("identity", "platform", "normal"),
            ("identity", "migrations", "dev"),
            ("gateway", "portal", "normal"),
            ("portal", "proto", "normal"),
        ] {
            assert!(arrow_faults(&sample(from, to, kind, &[])).is_empty());
        }
    }

    #[test]
    fn a_crate_of_others_in_the_wrong_place_is_named() {
        for (from, to) in [
            ("identity", "axum"),
            ("gateway", "sea-orm"),
            ("gateway", "sea-orm-migration"),
            ("lessons", "kube"),
            ("gateway", "maud"),
        ] {
            assert_eq!(foreign_faults(&sample(from, to, "normal", &[])).len(), 1, "{from} {to}");
        }
        assert!(foreign_faults(&sample("identity", "sea-orm", "normal", &[])).is_empty());
    }

    #[test]
    fn a_version_of_its_own_is_named() {
        let manifest = "[dependencies]\na.workspace = true\nb = \"1\"\n[dev-dependencies]\nc = { version = \"1\", features = [] }\n\
                        [target.'cfg(unix)'.dependencies]\nd = { path = \"../d\" }";
        let faults = version_faults("identity", manifest);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("identity: write `b.workspace = true`"));
    }

    #[test]
    fn a_stray_file_in_the_root_is_named() {
        let names = ["Cargo.toml", ".clippy.toml", "target", "notes.txt"].map(str::to_owned);
        assert_eq!(root_faults(&names, "/target\n/data\n").len(), 1);
    }
}

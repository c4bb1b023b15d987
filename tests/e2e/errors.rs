//! The errors law: every reason of every package is given by some refusal here, under the code it declares, with the facts it
//! announces, as a problem document whose `type` leads to a page. A new reason fails this until something gives it.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::EnumDescriptor;
use serde_json::Value;
use tests::{Answer, World, path::text};

mod identity;
mod lessons;
mod shared;
mod twinning;

/// Reasons that no call can lead to in the time a test has, and the tests of their crates that give them.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("lessons.WATCH_LAGGED", "services/lessons/src/across/watch/messages.rs", "is(Reason::WatchLagged)"),
    ("error.OPERATION_RUNNING", "services/platform/src/operation/tests.rs", "\"OPERATION_RUNNING\""),
    ("error.OPERATION_CANCELLED", "services/platform/src/operation/tests.rs", "\"OPERATION_CANCELLED\""),
    ("error.OPERATION_INTERRUPTED", "services/platform/src/operation/tests.rs", "\"OPERATION_INTERRUPTED\""),
];

/// What a reason declares.
pub(crate) struct Declared {
    code: String,
    pub(crate) facts: Vec<String>,
}

/// Every reason, as `identity.CALL_CLOSED`.
pub(crate) fn declared() -> BTreeMap<String, Declared> {
    let reasons = proto::descriptor().all_enums().filter(|found| found.name() == "Reason").collect::<Vec<_>>();
    reasons.iter().flat_map(declared_by).collect()
}

fn declared_by(reasons: &EnumDescriptor) -> Vec<(String, Declared)> {
    let pool = proto::descriptor();
    let option = |name: &str| pool.get_extension_by_name(&format!("koine.options.v1.{name}")).expect("the option");
    let (code, metadata) = (option("code"), option("metadata"));
    let codes = pool.get_enum_by_name("google.rpc.Code").expect("the codes");
    let service = reasons.package_name().rsplit('.').nth(1).expect("koine.<service>.v1").to_owned();
    let sent = reasons.values().filter(|value| value.number() != 0);
    sent.map(|value| {
        let options = value.options();
        let number = options.get_extension(&code).as_enum_number().expect("a code");
        let code = codes.get_value(number).expect("a code of google.rpc").name().to_owned();
        let example = options.get_extension(&metadata).as_str().unwrap_or_default().to_owned();
        let facts = example.split_whitespace().filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect();
        (format!("{service}.{}", value.name().trim_start_matches("REASON_")), Declared { code, facts })
    })
    .collect()
}

/// The refusals that were looked at, and all the reasons they gave.
struct Seen {
    declared: BTreeMap<String, Declared>,
    reasons: BTreeSet<String>,
    pages: BTreeSet<String>,
}

impl Seen {
    /// Looks at a refusal for `reason` of `service`, which stands on it or on one of its fields.
    async fn refused(&mut self, world: &World, service: &str, reason: &str, answer: Answer) {
        assert!(!answer.status.is_success(), "{reason}: {}: {}", answer.of, answer.text());
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{reason}: {}", answer.of);
        let problem = answer.json();
        let domain = text(&problem["domain"]);
        let own = format!("{}.{}", domain.rsplit('.').nth(1).unwrap_or_default(), text(&problem["reason"]));
        self.explained(world, &own, &problem).await;
        let of_fields: Vec<_> =
            problem["violations"].as_array().into_iter().flatten().map(|one| text(&one["reason"])).collect();
        let wanted = format!("{service}.{reason}");
        assert!(own == wanted || of_fields.iter().any(|one| one == reason), "{wanted}: {problem}");
        if own != wanted {
            assert_eq!(
                self.declared[&wanted].code, self.declared[&own].code,
                "{wanted} stands on a field of another code"
            );
        }
        self.reasons.extend([own, wanted]);
    }

    /// The document says all its reason declares, and leads to a page that explains it.
    async fn explained(&mut self, world: &World, own: &str, problem: &Value) {
        let Some(declared) = self.declared.get(own) else { panic!("{own} is declared nowhere: {problem}") };
        assert_eq!(problem["code"], declared.code, "{own}");
        // facts of fields are announced by the reasons of the fields
        for fact in &declared.facts {
            assert!(problem["metadata"][fact].is_string(), "{own} announces `{fact}`: {problem}");
        }
        for words in ["title", "detail"] {
            assert!(text(&problem[words]).len() > 8, "{own}: {problem}");
        }
        let page = text(&problem["type"]);
        if self.pages.insert(page.clone()) {
            let answer = world.http().send(http::Method::GET, &page, &[], "").await;
            assert_eq!(answer.status.as_u16(), 200, "{own}: {page}");
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn every_reason_is_given_by_some_refusal_as_it_is_declared() {
    let mut seen = Seen { declared: declared(), reasons: BTreeSet::new(), pages: BTreeSet::new() };
    shared::give(&mut seen).await;
    identity::give(&mut seen).await;
    lessons::give(&mut seen).await;
    twinning::give(&mut seen).await;
    for (reason, file, proof) in ELSEWHERE {
        let source = std::fs::read_to_string(crate::source::root().join(file)).expect("a file");
        let tests = match file.ends_with("/tests.rs") {
            true => &*source,
            false => source.split_once("#[cfg(test)]").expect("tests").1,
        };
        assert!(tests.contains(proof), "{file} has no test that gives {reason}");
        seen.reasons.insert(reason.to_owned());
    }
    let missing: Vec<_> = seen.declared.keys().filter(|reason| !seen.reasons.contains(*reason)).collect();
    assert!(missing.is_empty(), "nothing here gives these reasons: {missing:#?}");
}

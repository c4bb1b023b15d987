//! What is asked again is done once. Who does not know whether a call arrived sends it again with the same `request_id`, so every
//! POST takes one, and its method looks whether it was answered before.

use prost_reflect::{DescriptorPool, MethodDescriptor};

use super::methods::{access, http, methods};
use crate::source::{Call, Source, holds, sources};

/// Methods that do without, and why.
const WITHOUT: [(&str, &str); 7] = [
    ("koine.identity.v1.MembershipService.ExchangeToken", "its answer holds a token, and tokens are not kept"),
    ("koine.lessons.v1.ProjectService.ImportProjects", "a list that comes again changes nothing"),
    ("koine.identity.v1.SessionService.SignOut", "a session that is over stays over, and the answer is the same"),
    ("koine.identity.v1.SessionService.ChangePassword", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.SchoolService.ImportSchools", "a list that comes again changes nothing"),
    ("koine.identity.v1.FileService.UploadFile", "a file counts where it is named: the second one is named nowhere"),
    ("koine.lessons.v1.FileService.UploadFile", "a file counts where it is named: the second one is named nowhere"),
];

fn takes_key(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("request_id").is_some()
}

/// Whether it is a POST of somebody. An answer is kept for who asked: for nobody it cannot be.
fn must_take_key(method: &MethodDescriptor) -> bool {
    http(method).iter().any(|(verb, _)| *verb == "POST") && access(method).is_none_or(|access| !access.anonymous)
}

fn key_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    let methods = methods(pool);
    for method in &methods {
        let excused = WITHOUT.iter().any(|(name, _)| *name == method.full_name());
        if excused && takes_key(method) {
            faults.push(format!("{}: it takes a `request_id`; strike it off the list here", method.full_name()));
        }
        if !excused && must_take_key(method) && !takes_key(method) {
            faults.push(format!(
                "{}: give its request a `request_id`, or say in the list here why it does without",
                method.full_name()
            ));
        }
    }
    let gone = WITHOUT.iter().filter(|(name, _)| methods.iter().all(|method| method.full_name() != *name));
    faults.extend(gone.map(|(name, _)| format!("{name}: there is no such method; strike it off the list here")));
    faults
}

/// `HandOverTeam` as its function is called: `hand_over_team`.
fn function(name: &str) -> String {
    let mut function = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !function.is_empty() {
            function.push('_');
        }
        function.extend(letter.to_lowercase());
    }
    function
}

/// Whether a function looks whether it was answered before, and answers after that.
fn looks(source: &Source, body: &std::ops::Range<usize>) -> bool {
    let call = |name: &str, fits: fn(&Call) -> bool| {
        let calls = source.calls.iter().filter(|call| body.contains(&call.at) && call.name == name && fits(call));
        calls.map(|call| call.at).min()
    };
    let (look, answer) =
        (call("answered", |call| call.arguments == ["&req"]), call("answer", |call| call.receiver == "tx"));
    look.is_some() && look < answer
}

fn look_faults(pool: &DescriptorPool, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for method in methods(pool).iter().filter(|method| takes_key(method)) {
        let service = method.parent_service().package_name().split('.').nth(1).unwrap_or_default().to_owned();
        let (folder, function) = (format!("services/{service}/"), function(method.name()));
        let looks = sources.iter().filter(|source| source.path.starts_with(&folder) && source.name() == "api.rs").any(
            |source| {
                let methods = source.functions.iter().filter(|one| one.is_rpc && one.name == function);
                methods.into_iter().any(|method| looks(source, &method.body))
            },
        );
        if !looks {
            faults.push(format!(
                "{}: `{function}` begins with `if let Some(answer) = tx.answered(&req).await?` and ends with `tx.answer(..)`",
                method.full_name()
            ));
        }
    }
    faults
}

#[test]
fn every_post_takes_a_key_by_which_it_is_done_once() {
    holds("What is asked again is done once:", &key_faults(&proto::descriptor()));
}

#[test]
fn every_method_that_takes_a_key_looks_whether_it_was_answered() {
    let taking = methods(&proto::descriptor()).iter().filter(|method| takes_key(method)).count();
    assert!(taking > 12, "the methods are not where they were");
    holds("What is asked again is done once:", &look_faults(&proto::descriptor(), sources()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    #[test]
    fn a_post_without_a_key_is_named() {
        let faults = key_faults(&spoiled("\x0arequest_id", "\x0arequest_ie"));
        assert!(
            faults.iter().any(|fault| fault.starts_with("koine.identity.v1.TeamService.HandOverTeam: ")),
            "{faults:?}"
        );
        assert!(faults.iter().all(|fault| !fault.contains("GetTeam") && !fault.contains("SignIn")), "{faults:?}");
    }

    #[test]
    fn a_method_that_is_gone_is_struck_off() {
        let faults = key_faults(&spoiled("ImportSchools", "ImportScholes"));
        assert!(faults.iter().any(|fault| fault.contains("ImportSchools: there is no such method")), "{faults:?}");
    }

    #[test]
    fn a_method_that_does_not_look_or_keeps_no_answer_is_named() {
        let forgetful = |from: &str, to: &str| -> Vec<String> {
            let team = sources()
                .iter()
                .find(|source| source.path == "services/identity/src/class/team/api.rs")
                .expect("a file");
            let text = team.text.replace(from, to);
            assert_ne!(text, team.text);
            let faults = look_faults(&proto::descriptor(), &[Source::new("identity", &team.path, text)]);
            faults.into_iter().filter(|fault| fault.contains("HandOverTeam: ")).collect()
        };
        assert_eq!(forgetful("tx.answered(&req)", "tx.unanswered()").len(), 1);
        assert_eq!(forgetful("tx.answer(", "tx.commit_and_say(").len(), 1);
        assert_eq!(
            forgetful(
                "if let Some(answer) = tx.answered(&req)",
                "// tx.answered(&req)\n if let Some(answer) = tx.other(&req)"
            )
            .len(),
            1
        );
        assert!(forgetful("let handover", "let  handover").is_empty());
    }
}

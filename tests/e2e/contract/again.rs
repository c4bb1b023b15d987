//! What is asked again is done once. Who does not know whether a call arrived sends it again with the same `request_id`, so every
//! POST takes one. `Opening::allowed` looks whether it was answered before, and a method that does not keep its answer leaves an error
//! line, which no story ends with.

use prost_reflect::{DescriptorPool, MethodDescriptor};

use super::methods::{access, http, methods};
use crate::source::holds;

/// Methods that do without, and why.
const WITHOUT: [(&str, &str); 25] = [
    ("koine.identity.v1.AccountService.FindAccount", "it changes nothing: an address does not belong into a URL"),
    (
        "koine.identity.v1.AccountService.ChangeEmail",
        "the digest of a password is not kept; the last one asked for counts",
    ),
    ("koine.identity.v1.AccountService.LeaveAccount", "the digest of a password is not kept; an account ends once"),
    (
        "koine.identity.v1.IntegratorService.CreateMachineToken",
        "its answer holds a secret, and secrets are not kept; what is one too many is revoked",
    ),
    (
        "koine.identity.v1.IntegratorService.RotateMachineToken",
        "its answer holds a secret, and secrets are not kept; what is one too many is revoked",
    ),
    (
        "koine.identity.v1.WebhookService.CreateWebhook",
        "its answer holds a secret, and secrets are not kept; what is one too many is deleted",
    ),
    (
        "koine.identity.v1.WebhookService.RotateWebhookSecret",
        "its answer holds a secret, and secrets are not kept; the last one counts",
    ),
    ("koine.identity.v1.MembershipService.ExchangeToken", "its answer holds a token, and tokens are not kept"),
    ("koine.identity.v1.FactorService.BeginEnrolment", "its answer holds a secret, and secrets are not kept"),
    ("koine.identity.v1.FactorService.ConfirmEnrolment", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.FactorService.GiveUpFactor", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.FactorService.ReplaceRecoveryCodes", "its answer holds codes, and codes are not kept"),
    (
        "koine.identity.v1.PasskeyService.BeginPasskey",
        "nothing is kept of it, and the digest of a password is not kept",
    ),
    ("koine.identity.v1.PasskeyService.ConfirmPasskey", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.PasskeyService.RemovePasskey", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.ProviderService.BeginProviderLink", "its answer holds a secret, and secrets are not kept"),
    ("koine.identity.v1.ProviderService.CompleteProviderLink", "an answer of a provider is used once"),
    (
        "koine.identity.v1.ProviderService.RemoveProviderLink",
        "the digest of a password is not kept; a link is removed once",
    ),
    ("koine.identity.v1.SessionService.ConfirmSecondFactor", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.SessionService.SignOut", "a session that is over stays over, and the answer is the same"),
    ("koine.identity.v1.SessionService.ChangePassword", "its answer holds tokens, and tokens are not kept"),
    ("koine.identity.v1.SessionService.SwitchMandate", "its answer holds tokens, and tokens are not kept"),
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

#[test]
fn every_post_takes_a_key_by_which_it_is_done_once() {
    holds("What is asked again is done once:", &key_faults(&proto::descriptor()));
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
}

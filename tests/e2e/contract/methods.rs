//! What every method says of itself.

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor};
use proto::{
    google::api::{HttpRule, http_rule::Pattern},
    options::v1::{Access, Role},
};

use super::comments;
use crate::source::holds;

/// Every method of ours.
pub fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let ours = pool.services().filter(|service| service.package_name().starts_with("koine."));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// What an option says, if it is there.
fn option<M: prost::Message + Default>(method: &MethodDescriptor, name: &str) -> Option<M> {
    let extension: ExtensionDescriptor = method.parent_pool().get_extension_by_name(name)?;
    let options: DynamicMessage = method.options();
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message()?.transcode_to().ok()
}

/// How HTTP reaches a method: verb and path of each rule.
pub fn http(method: &MethodDescriptor) -> Vec<(&'static str, String)> {
    let Some(mut rule) = option::<HttpRule>(method, "google.api.http") else { return Vec::new() };
    let more = std::mem::take(&mut rule.additional_bindings);
    let rules = std::iter::once(rule).chain(more);
    let reached = rules.filter_map(|rule| match rule.pattern? {
        Pattern::Get(path) => Some(("GET", path)),
        Pattern::Put(path) => Some(("PUT", path)),
        Pattern::Post(path) => Some(("POST", path)),
        Pattern::Delete(path) => Some(("DELETE", path)),
        Pattern::Patch(path) => Some(("PATCH", path)),
        Pattern::Custom(_) => None,
    });
    reached.collect()
}

/// Who may call a method.
pub fn access(method: &MethodDescriptor) -> Option<Access> {
    option(method, "koine.options.v1.access")
}

fn http_faults(pool: &DescriptorPool) -> Vec<String> {
    let silent = methods(pool).into_iter().filter(|method| http(method).is_empty());
    silent
        .map(|method| format!("{}: add `option (google.api.http) = {{get: \"/v1/..\"}};`", method.full_name()))
        .collect()
}

fn access_fault(access: Option<&Access>) -> Option<&'static str> {
    match access {
        None => Some("add `option (koine.options.v1.access) = {roles: [..]};`"),
        Some(access) if access.roles.is_empty() && !access.anonymous => {
            Some("nobody may call it: name a role, or `anonymous`")
        }
        Some(access) if access.anonymous && !access.roles.is_empty() => {
            Some("it is for everybody: the roles beside `anonymous` say nothing")
        }
        Some(access) if access.roles.contains(&0) => Some("nobody has the role `ROLE_UNSPECIFIED`"),
        Some(access) if access.anonymous && access.programme => Some("who is nobody is in no programme: name roles"),
        Some(_) => None,
    }
}

/// The services by which people have accounts and roles: no machine calls them.
const OF_PEOPLE: [&str; 7] = [
    "ProviderService",
    "AccountService",
    "SessionService",
    "MandateService",
    "InvitationService",
    "IntegratorService",
    "WebhookService",
];

/// What is wrong with the scopes of a method.
fn scope_fault(method: &MethodDescriptor, access: &Access) -> Option<&'static str> {
    let reads = http(method).iter().all(|(verb, _)| *verb == "GET");
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && part.len() > 2;
    let fits = |scope: &String| {
        let parted = scope.split_once('.').filter(|(noun, _)| is_word(noun));
        parted.is_some_and(|(_, verb)| verb == "read" || verb == "write" && !reads)
    };
    match access {
        access if access.scopes.is_empty() => None,
        access if !access.roles().any(|role| role == Role::Integrator) => {
            Some("no machine may call it: name `ROLE_INTEGRATOR` beside its `scopes`")
        }
        _ if OF_PEOPLE.contains(&method.parent_service().name()) => Some("accounts are for people: take `scopes` away"),
        access if !access.scopes.iter().all(fits) => {
            Some("a scope is `teams.read`, and `teams.write` where the method is no GET")
        }
        access if !reads && access.scopes.iter().all(|scope| scope.ends_with(".read")) => {
            Some("it is no GET: one of its scopes is to write")
        }
        _ => None,
    }
}

fn scope_faults(pool: &DescriptorPool) -> Vec<String> {
    let faults = methods(pool).into_iter().filter_map(|method| {
        let fault = scope_fault(&method, &access(&method)?)?;
        Some(format!("{}: {fault}", method.full_name()))
    });
    faults.collect()
}

fn access_faults(pool: &DescriptorPool) -> Vec<String> {
    let faults = methods(pool).into_iter().filter_map(|method| {
        let fault = access_fault(access(&method).as_ref())?;
        Some(format!("{}: {fault}", method.full_name()))
    });
    faults.collect()
}

fn request_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for method in methods(pool) {
        let expected = format!("{}.{}Request", method.parent_service().package_name(), method.name());
        if method.input().full_name() != expected {
            faults
                .push(format!("{}: give it a request of its own, `{expected}`: it can grow alone", method.full_name()));
        }
    }
    faults
}

/// The one request that names a tenant: it asks for a token of it.
const ASKS_FOR_A_TOKEN: &str = "koine.identity.v1.ExchangeTokenRequest.audience";

/// What cannot be said cannot be forged: the tenant is in the path and in the token.
fn tenant_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for input in methods(pool).iter().map(MethodDescriptor::input) {
        let names = |word: &str| matches!(word, "tenant" | "audience" | "programme");
        let named = input.fields().filter(|field| field.name().split('_').any(names));
        let named = named.filter(|field| field.full_name() != ASKS_FOR_A_TOKEN);
        faults.extend(named.map(|field| format!("{}: take it out; the tenant is `ctx.tenant()`", field.full_name())));
    }
    faults
}

fn list_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for method in
        methods(pool).into_iter().filter(|method| method.name().starts_with("List") && !method.is_server_streaming())
    {
        let (input, output) = (method.input(), method.output());
        let paged = input.get_field_by_name("page_size").is_some()
            && input.get_field_by_name("page_token").is_some()
            && output.get_field_by_name("next_page_token").is_some();
        if !paged && !said(&method, "comes whole") {
            faults.push(format!(
                "{}: give it `page_size`, `page_token` and `next_page_token`, or say in its comment that it comes whole, and why",
                method.full_name()
            ));
        }
    }
    faults
}

fn patch_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for method in methods(pool).into_iter().filter(|method| http(method).iter().any(|(verb, _)| *verb == "PATCH")) {
        let masked = method.input().get_field_by_name("update_mask").is_some_and(|mask| {
            mask.kind().as_message().is_some_and(|kind| kind.full_name() == "google.protobuf.FieldMask")
        });
        if !masked && !said(&method, "all others stay") {
            faults.push(format!(
                "{}: give it an `update_mask`, or say in its comment what is changed and that all others stay",
                method.full_name()
            ));
        }
    }
    faults
}

/// Whether the comment of a method says something.
fn said(method: &MethodDescriptor, words: &str) -> bool {
    let comments = comments(&method.parent_file());
    comments
        .get(method.path())
        .is_some_and(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words))
}

#[test]
fn every_method_can_be_reached_by_http() {
    assert!(methods(&proto::descriptor()).len() > 40, "the methods are not where they were");
    holds("Every method is reached as JSON over HTTP too:", &http_faults(&proto::descriptor()));
}

#[test]
fn every_method_says_who_may_call_it() {
    holds("Who may call a method is said beside it:", &access_faults(&proto::descriptor()));
}

#[test]
fn a_machine_needs_scopes_that_say_what_it_does_and_has_no_account() {
    holds("Scopes:", &scope_faults(&proto::descriptor()));
}

#[test]
fn every_method_has_a_request_of_its_own() {
    holds("Requests:", &request_faults(&proto::descriptor()));
}

#[test]
fn no_request_names_a_tenant() {
    holds("No request names a tenant:", &tenant_faults(&proto::descriptor()));
}

#[test]
fn a_list_comes_in_pages_or_says_that_it_comes_whole() {
    holds("Lists:", &list_faults(&proto::descriptor()));
}

#[test]
fn a_patch_says_what_it_changes() {
    holds("PATCH:", &patch_faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{BYTES, spoiled, tag};

    #[test]
    fn a_method_without_its_options_is_named() {
        // under another number they are options nobody knows
        let count = methods(&proto::descriptor()).len();
        assert_eq!(http_faults(&spoiled(tag(72_295_728, BYTES), tag(72_295_729, BYTES))).len(), count);
        assert_eq!(access_faults(&spoiled(tag(50_001, BYTES), tag(50_101, BYTES))).len(), count);
    }

    #[test]
    fn an_access_that_lets_nobody_in_or_says_too_much_is_named() {
        let access = |roles: &[i32], anonymous| Access { roles: roles.to_vec(), anonymous, ..Access::default() };
        for bad in [access(&[], false), access(&[1], true), access(&[1, 0], false)] {
            assert!(access_fault(Some(&bad)).is_some(), "{bad:?}");
        }
        assert!(
            access_fault(Some(&access(&[1, 2], false))).is_none() && access_fault(Some(&access(&[], true))).is_none()
        );
    }

    #[test]
    fn a_scope_that_lets_nobody_in_or_says_something_else_is_named() {
        let pool = proto::descriptor();
        let method = |name: &str| methods(&pool).into_iter().find(|method| method.name() == name).unwrap();
        let access = |role: Role, scopes: &[&str]| {
            let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            Access { roles: vec![role as i32], scopes, ..Access::default() }
        };
        let (read, written) = (method("GetTeam"), method("MoveTeam"));
        for (method, good) in [(&read, &["teams.read"][..]), (&written, &["teams.write"]), (&read, &[])] {
            assert_eq!(scope_fault(method, &access(Role::Integrator, good)), None, "{good:?}");
        }
        assert!(scope_fault(&read, &access(Role::Teacher, &["teams.read"])).is_some());
        assert!(scope_fault(&method("GetAccount"), &access(Role::Integrator, &["accounts.read"])).is_some());
        assert!(scope_fault(&written, &access(Role::Integrator, &["teams.read"])).is_some());
        for bad in ["teams.write", "teams", "Teams.read", "teams.all", ".read"] {
            assert!(scope_fault(&read, &access(Role::Integrator, &[bad])).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_shared_request_is_named() {
        assert_eq!(request_faults(&spoiled("GetSchoolRequest", "GetSchoolQuestio")).len(), 1);
    }

    #[test]
    fn a_request_with_a_tenant_is_named() {
        let faults = tenant_faults(&spoiled("\x09school_id", "\x09tenant_id"));
        assert!(
            faults.iter().any(|fault| fault.starts_with("koine.identity.v1.GetSchoolRequest.tenant_id: ")),
            "{faults:?}"
        );
        assert_eq!(tenant_faults(&spoiled("\x08audience", "\x08tenant_x")).len(), 1);
    }

    #[test]
    fn a_list_without_pages_is_named() {
        assert!(list_faults(&spoiled("\x0fnext_page_token", "\x0fnext_page_taken")).len() > 3);
    }

    #[test]
    fn a_patch_without_a_mask_is_named() {
        assert!(patch_faults(&spoiled("update_mask", "update_musk")).len() > 3);
    }
}

//! Of every field that travels between a caller and a method, `google.api.field_behavior` says what it is to the caller, so that a
//! resource can be read, changed and sent back, and the OpenAPI document tells what is asked and what is only told.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use proto::{behavior, google::api::FieldBehavior, options::v1::Rules};

use super::methods::{http, methods};
use crate::source::holds;

use FieldBehavior::{Identifier, Immutable, Optional, OutputOnly, Required};

/// What the rules of a field say.
pub fn rules(field: &FieldDescriptor) -> Rules {
    let option = field.parent_message().parent_pool().get_extension_by_name("koine.options.v1.rules");
    let options = field.options();
    let said = option.map(|option| options.get_extension(&option).into_owned());
    said.and_then(|said| said.as_message()?.transcode_to().ok()).unwrap_or_default()
}

/// The message of ours that a field holds.
fn held(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    kind.as_message().filter(|message| message.package_name().starts_with("koine.")).cloned()
}

/// Everything that can stand in a message, itself included, as far as fields lead that `leads`.
fn inside(message: MessageDescriptor, leads: fn(&FieldDescriptor) -> bool, into: &mut Vec<MessageDescriptor>) {
    if into.contains(&message) {
        return;
    }
    into.push(message.clone());
    message.fields().filter(leads).filter_map(|field| held(&field)).for_each(|inner| inside(inner, leads, into));
}

/// The messages that callers write, and those that they read.
fn travelling(pool: &DescriptorPool) -> [Vec<MessageDescriptor>; 2] {
    let (mut written, mut read) = (Vec::new(), Vec::new());
    for method in methods(pool) {
        inside(method.input(), |field| !behavior::is_output_only(field), &mut written);
        inside(method.output(), |_| true, &mut read);
    }
    // what an answer is wrapped in is told and nothing else: its name says so
    read.retain(|message| message.package_name().starts_with("koine.") && !message.name().ends_with("Response"));
    [written, read]
}

fn field_faults(pool: &DescriptorPool) -> Vec<String> {
    let [written, read] = travelling(pool);
    let requests: BTreeSet<_> = methods(pool).iter().map(|method| method.input().full_name().to_owned()).collect();
    let mut faults = Vec::new();
    for message in read.iter().chain(written.iter().filter(|message| !read.contains(message))) {
        for field in message.fields() {
            let said = behavior::behaviors(&field);
            let fault = behavior_fault(&said)
                .or_else(|| place_fault(&said, written.contains(message), requests.contains(message.full_name())))
                .or_else(|| rules_fault(&field, &said));
            faults.extend(fault.map(|fault| format!("{}: {fault}", field.full_name())));
        }
    }
    faults
}

/// One word of four says what a field is to a caller; that it is set once is said beside it.
fn behavior_fault(said: &[FieldBehavior]) -> Option<&'static str> {
    match said {
        [Required | Optional | OutputOnly | Identifier] | [Required | Optional, Immutable] => None,
        [] => Some(
            "say what it is to a caller: `[(google.api.field_behavior) = REQUIRED]`, OPTIONAL, OUTPUT_ONLY or IDENTIFIER",
        ),
        _ => Some(
            "say one of REQUIRED, OPTIONAL, OUTPUT_ONLY and IDENTIFIER, and after one of the first two perhaps IMMUTABLE",
        ),
    }
}

fn place_fault(said: &[FieldBehavior], is_written: bool, is_request: bool) -> Option<&'static str> {
    match said {
        [OutputOnly] if is_request => Some("a request tells nothing: it is REQUIRED or OPTIONAL"),
        [Identifier] | [_, Immutable] if is_request => Some("a request is no resource: it is REQUIRED or OPTIONAL"),
        [Required | Optional, ..] if !is_written => Some("no caller writes this message: it is OUTPUT_ONLY"),
        _ => None,
    }
}

fn rules_fault(field: &FieldDescriptor, said: &[FieldBehavior]) -> Option<&'static str> {
    let rules = rules(field);
    let is_required = said.contains(&Required);
    if said == [OutputOnly] && rules != Rules::default() {
        Some("what no caller sets is not judged: take the `rules` away")
    } else if is_required && field.kind() == Kind::Bool && !field.is_list() {
        Some("`false` is what is not set: it cannot be REQUIRED")
    } else if is_required && rules.max == Some(0) {
        Some("zero is what is not set: it cannot be REQUIRED")
    } else if rules.min_items > 0 && !is_required {
        Some("with `min_items` it is REQUIRED")
    } else if rules.min_items == 1 {
        Some("REQUIRED says already that there is one: take `min_items` away")
    } else {
        None
    }
}

/// The resource an update changes: the field of its request that is its body.
fn update_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for method in methods(pool) {
        let [("PATCH", path)] = &http(&method)[..] else { continue };
        if method.input().get_field_by_name("update_mask").is_none() {
            continue;
        }
        let resource = method.input().fields().find_map(|field| held(&field));
        let Some(resource) = resource else {
            faults.push(format!("{}: it changes no resource", method.full_name()));
            continue;
        };
        if method.output() != resource {
            faults.push(format!("{}: let it answer with {}, as it is now", method.full_name(), resource.full_name()));
        }
        let etag = resource.get_field_by_name(behavior::ETAG);
        if etag.is_none_or(|etag| behavior::behaviors(&etag) != [Optional]) {
            faults.push(format!("{}: give it an `etag` that is OPTIONAL", resource.full_name()));
        }
        let identifiers: Vec<_> = resource.fields().filter(behavior::is_identifier).collect();
        for field in &identifiers {
            if !path.contains(&format!(".{}}}", field.name())) {
                faults.push(format!("{}: the path of the update does not name it", field.full_name()));
            }
        }
        if path.contains('.') && identifiers.is_empty() {
            faults.push(format!("{}: say which field is its IDENTIFIER", resource.full_name()));
        }
    }
    faults
}

#[test]
fn every_field_says_what_it_is_to_a_caller() {
    let [written, read] = travelling(&proto::descriptor());
    assert!(written.len() > 60 && read.len() > 40, "the messages are not where they were");
    holds("What a field is to a caller:", &field_faults(&proto::descriptor()));
}

#[test]
fn what_an_update_changes_has_an_identity_and_a_version() {
    holds("Updates:", &update_faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{BYTES, spoiled, tag};

    /// The contract with every field that is this and nothing else as another one.
    fn told_as(from: FieldBehavior, to: FieldBehavior) -> DescriptorPool {
        let option = |behavior: FieldBehavior| [tag(1052, BYTES), vec![1, behavior as u8]].concat();
        spoiled(option(from), option(to))
    }

    #[test]
    fn a_field_that_says_nothing_is_named() {
        // under another number it is an option nobody knows
        let faults = field_faults(&spoiled(tag(1052, BYTES), tag(1053, BYTES)));
        assert!(faults.iter().any(|fault| fault.starts_with("koine.identity.v1.Team.code: say what it is")));
    }

    #[test]
    fn what_does_not_fit_its_place_is_named() {
        let faults = field_faults(&told_as(Optional, OutputOnly));
        assert!(
            faults
                .iter()
                .any(|fault| fault.starts_with("koine.identity.v1.ListTeamsRequest.page_size: a request tells"))
        );
        let faults = field_faults(&told_as(OutputOnly, Optional));
        assert!(faults.iter().any(|fault| fault.starts_with("koine.identity.v1.School.code: no caller writes")));
        assert!(!update_faults(&told_as(Identifier, OutputOnly)).is_empty());
        let faults = field_faults(&told_as(Required, Optional));
        assert!(faults.iter().any(|fault| fault.ends_with("offer_ids: with `min_items` it is REQUIRED")), "{faults:?}");
    }
}

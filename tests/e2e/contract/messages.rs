//! The shapes of messages and enums.

use prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor};

use super::comments;
use crate::source::holds;

/// Every message of ours, those inside of others included.
pub fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let ours = pool.all_messages().filter(|message| message.package_name().starts_with("koine."));
    ours.filter(|message| !message.is_map_entry()).collect()
}

/// Every enum of ours.
pub fn enums(pool: &DescriptorPool) -> Vec<EnumDescriptor> {
    pool.all_enums().filter(|declared| declared.package_name().starts_with("koine.")).collect()
}

/// `TeamState` as the values of an enum begin: `TEAM_STATE_`.
fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix + "_"
}

fn enum_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for declared in enums(pool) {
        let prefix = prefix(declared.name());
        for value in declared.values() {
            let unspecified = value.name() == format!("{prefix}UNSPECIFIED");
            if !value.name().starts_with(&prefix) {
                faults.push(format!("{}.{}: begin it with `{prefix}`", declared.full_name(), value.name()));
            } else if unspecified != (value.number() == 0) {
                faults.push(format!(
                    "{}.{}: 0 is `{prefix}UNSPECIFIED`, and nothing else is",
                    declared.full_name(),
                    value.name()
                ));
            }
        }
    }
    faults
}

fn field_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for field in messages(pool).iter().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let name = field.name();
        if !name.bytes().all(plain) || name.starts_with('_') || name.ends_with('_') || name.contains("__") {
            faults.push(format!("{}: write its name in lower_snake_case", field.full_name()));
        }
    }
    faults
}

fn reason_faults(pool: &DescriptorPool) -> Vec<String> {
    let Some(code) = pool.get_extension_by_name("koine.options.v1.code") else {
        return vec!["there is no option `code`".to_owned()];
    };
    let mut faults = Vec::new();
    for reasons in enums(pool).into_iter().filter(|declared| declared.name() == "Reason") {
        let comments = comments(&reasons.parent_file());
        for reason in reasons.values() {
            let name = format!("{}.{}", reasons.full_name(), reason.name());
            if !comments.contains_key(reason.path()) {
                faults.push(format!("{name}: say above it when it is given and what to do; it becomes a page"));
            }
            if reason.options().get_extension(&code).as_enum_number().unwrap_or_default() == 0 {
                faults.push(format!("{name}: say its `code`, and not OK"));
            }
        }
    }
    faults
}

#[test]
fn the_values_of_an_enum_carry_its_name_and_zero_means_unspecified() {
    assert!(enums(&proto::descriptor()).len() > 10, "the enums are not where they were");
    holds("Enums:", &enum_faults(&proto::descriptor()));
}

#[test]
fn fields_are_written_in_snake_case() {
    holds("Fields:", &field_faults(&proto::descriptor()));
}

#[test]
fn every_reason_has_a_comment_and_a_code() {
    let packages = enums(&proto::descriptor()).iter().filter(|declared| declared.name() == "Reason").count();
    assert!(packages >= 3, "the reasons are not where they were");
    holds("Reasons:", &reason_faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{VARINT, spoiled, tag};

    #[test]
    fn values_without_their_prefix_and_strange_zeros_are_named() {
        assert_eq!(enum_faults(&spoiled("TEAM_STATE_ACTIVE", "TEAM_STOTE_ACTIVE")).len(), 1);
        assert_eq!(enum_faults(&spoiled("TEAM_STATE_UNSPECIFIED", "TEAM_STATE_UNSPECIFIER")).len(), 1);
    }

    #[test]
    fn a_field_in_another_case_is_named() {
        let faults = field_faults(&spoiled("\x0clogo_file_id", "\x0clogo_FILE_id"));
        assert_eq!(faults, ["koine.identity.v1.Team.logo_FILE_id: write its name in lower_snake_case"]);
    }

    #[test]
    fn a_reason_without_words_is_named() {
        let comment = " The call of the edition has closed.\n";
        assert_eq!(reason_faults(&spoiled(comment, " ".repeat(comment.len()))).len(), 1);
    }

    #[test]
    fn reasons_without_a_code_are_named() {
        // under another number it is an option nobody knows
        let (code, nothing) = (tag(50_004, VARINT), tag(50_104, VARINT));
        let count: usize =
            enums(&proto::descriptor()).iter().filter(|e| e.name() == "Reason").map(|e| e.values().len()).sum();
        let faults = reason_faults(&spoiled(code, nothing));
        assert_eq!(faults.iter().filter(|fault| fault.ends_with("say its `code`, and not OK")).count(), count);
    }
}

//! Everything of the contract says what it is.

use prost_reflect::{DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor};

use super::{comments, files};
use crate::source::holds;

/// Everything of a file that needs a comment: full name, and path.
fn things(file: &FileDescriptor) -> Vec<(String, Vec<i32>)> {
    let mut things = Vec::new();
    for service in file.services() {
        things.push((service.full_name().to_owned(), service.path().to_vec()));
        things.extend(service.methods().map(|method| (method.full_name().to_owned(), method.path().to_vec())));
    }
    for message in file.messages() {
        of_message(&message, &mut things);
    }
    for declared in file.enums() {
        of_enum(&declared, &mut things);
    }
    things.extend(file.extensions().map(|option| (option.full_name().to_owned(), option.path().to_vec())));
    things
}

fn of_message(message: &MessageDescriptor, into: &mut Vec<(String, Vec<i32>)>) {
    // the compiler makes one for each map
    if message.is_map_entry() {
        return;
    }
    into.push((message.full_name().to_owned(), message.path().to_vec()));
    into.extend(message.fields().map(|field| (field.full_name().to_owned(), field.path().to_vec())));
    let choices = message.oneofs().filter(|choice| !choice.is_synthetic());
    into.extend(choices.map(|choice| (choice.full_name().to_owned(), choice.path().to_vec())));
    message.child_messages().for_each(|child| of_message(&child, into));
    message.child_enums().for_each(|child| of_enum(&child, into));
}

fn of_enum(declared: &EnumDescriptor, into: &mut Vec<(String, Vec<i32>)>) {
    into.push((declared.full_name().to_owned(), declared.path().to_vec()));
    // the path tells a value from one of the same name in another enum of the package
    let name = declared.full_name();
    into.extend(declared.values().map(|value| (format!("{name}.{}", value.name()), value.path().to_vec())));
}

fn comment_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files(pool) {
        let comments = comments(&file);
        let silent = things(&file).into_iter().filter(|(_, path)| !comments.contains_key(path));
        faults.extend(silent.map(|(name, _)| format!("{}: {name}: say in a comment above it what it is", file.name())));
    }
    faults
}

fn package_faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files(pool) {
        let folder = file.package_name().replace('.', "/");
        if file.name().rsplit_once('/').map(|(place, _)| place) != Some(&folder) {
            faults.push(format!("{}: package `{}` belongs into {folder}/", file.name(), file.package_name()));
        }
    }
    faults
}

#[test]
fn everything_of_the_contract_has_a_comment() {
    let pool = proto::descriptor();
    let count: usize = files(&pool).iter().map(|file| things(file).len()).sum();
    assert!(count > 400, "only {count} things: the contract is not where it was");
    holds("Comments become the OpenAPI document and the pages of problems:", &comment_faults(&pool));
}

#[test]
fn a_package_is_a_folder() {
    holds("A package is found by its name:", &package_faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    #[test]
    fn a_thing_without_a_comment_is_named() {
        for (comment, name) in [
            (" The call of the edition has closed.\n", "koine.identity.v1.Reason.REASON_CALL_CLOSED"),
            (" One school.\n", "koine.identity.v1.SchoolService.GetSchool"),
            (" A place.\n", "koine.lessons.v1.Point"),
            (" Degrees north, -90 to 90.\n", "koine.lessons.v1.Point.latitude"),
            (" Exactly one is set.\n", "koine.lessons.v1.Value.kind"),
        ] {
            let faults = comment_faults(&spoiled(comment, " ".repeat(comment.len())));
            assert!(faults.len() == 1 && faults[0].contains(&format!(": {name}: ")), "{name}: {faults:?}");
        }
    }

    #[test]
    fn a_package_in_another_folder_is_named() {
        assert!(!package_faults(&spoiled("koine.lessons.v1", "koine.seasons.v1")).is_empty());
    }
}

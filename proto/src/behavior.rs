//! What a field is to a caller, as `google.api.field_behavior` says beside it: read here, once, for the service that enforces it, the
//! gateway that shows it and the laws that hold it.

use std::sync::LazyLock;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor};

use crate::google::api::FieldBehavior;

/// The version of a resource that was read. It is a condition on a change and no part of it (AIP-154).
pub const ETAG: &str = "etag";

static OPTION: LazyLock<Option<ExtensionDescriptor>> =
    LazyLock::new(|| crate::descriptor().get_extension_by_name("google.api.field_behavior"));

/// Everything that is said of a field, in the order it is written in. Empty where nothing is.
pub fn behaviors(field: &FieldDescriptor) -> Vec<FieldBehavior> {
    let Some(option) = OPTION.as_ref() else { return Vec::new() };
    let options = field.options();
    let said = options.get_extension(option);
    let numbers = said.as_list().unwrap_or_default().iter().filter_map(prost_reflect::Value::as_enum_number);
    numbers.filter_map(|number| FieldBehavior::try_from(number).ok()).collect()
}

/// Whether a request is refused without the field. In the resource of an update that is so only where the change touches it.
pub fn is_required(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Required)
}

/// Whether the field is given in answers, and ignored in requests.
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::OutputOnly)
}

/// Whether the field is set when its resource is made, and never changes.
pub fn is_immutable(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Immutable)
}

/// Whether the field says which resource is meant.
pub fn is_identifier(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Identifier)
}

/// Whether an update can set the field: it is neither computed by the service, nor fixed, nor what the resource is found by.
pub fn is_changeable(field: &FieldDescriptor) -> bool {
    field.name() != ETAG && !is_output_only(field) && !is_immutable(field) && !is_identifier(field)
}

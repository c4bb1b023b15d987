//! The option `google.api.field_behavior` of fields, read here for the service that enforces it, the gateway that documents it, and
//! the laws that check it.

use std::sync::LazyLock;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor};

use crate::google::api::FieldBehavior;

/// The name of the field with the version of a resource. It is a condition of a change and not a part of it (AIP-154).
pub const ETAG: &str = "etag";

static OPTION: LazyLock<Option<ExtensionDescriptor>> =
    LazyLock::new(|| crate::descriptor().get_extension_by_name("google.api.field_behavior"));

/// The values of the option of a field, in their written order. Empty, where it has none.
pub fn behaviors(field: &FieldDescriptor) -> Vec<FieldBehavior> {
    let Some(option) = OPTION.as_ref() else { return Vec::new() };
    let options = field.options();
    let said = options.get_extension(option);
    let numbers = said.as_list().unwrap_or_default().iter().filter_map(prost_reflect::Value::as_enum_number);
    numbers.filter_map(|number| FieldBehavior::try_from(number).ok()).collect()
}

/// Whether a request without the field is refused. In an update, this holds only where the change includes the field.
pub fn is_required(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Required)
}

/// Whether the field is set in answers, and ignored in requests.
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::OutputOnly)
}

/// Whether the field is set when its resource is created, and never changes.
pub fn is_immutable(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Immutable)
}

/// Whether the field identifies the resource.
pub fn is_identifier(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&FieldBehavior::Identifier)
}

/// Whether an update can set the field: the service does not compute it, it is not immutable, and it does not identify the
/// resource.
pub fn is_changeable(field: &FieldDescriptor) -> bool {
    field.name() != ETAG && !is_output_only(field) && !is_immutable(field) && !is_identifier(field)
}

//! The fields that an update changes: those of its mask that can change and have a new value.

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value};
use proto::behavior::{ETAG, is_changeable, is_identifier, is_immutable, is_output_only, is_required};

use super::stale;
use crate::{Result, Violations, error::Shared};

/// The names of the fields of `current` that an update changes, in the order of the message: those in its `update_mask`, or without
/// a mask those that are set, where the value differs from the current one. Fields that callers cannot set are ignored (AIP-203),
/// so that a resource can be sent back as it was read; then nothing changes.
///
/// Error: `ETAG_STALE`, where the request has another `etag` than the current one; `FIELDS_INVALID` for each path of the mask that
/// is no field of the resource, each immutable field that differs, and each required field that would become empty.
pub fn changes<Q: ReflectMessage, M: ReflectMessage>(request: &Q, current: &M) -> Result<Vec<String>> {
    let (request, current) = (request.transcode_to_dynamic(), current.transcode_to_dynamic());
    let Some((prefix, given)) = resource(&request, &current.descriptor()) else { return Ok(Vec::new()) };
    check_etag(&given, &current)?;
    let mut violations = Violations::new();
    let mut changed = Vec::new();
    for field in named(&mask(&request), &given, &mut violations) {
        if given.get_field(&field) == current.get_field(&field) {
            continue;
        }
        let path = format!("{prefix}.{}", field.name());
        if is_immutable(&field) {
            let text = "This is set once and cannot be changed. Leave it out, or send it as it is.";
            violations.add(path, Shared::FieldsInvalid, text);
        } else if is_required(&field) && !given.has_field(&field) {
            violations.add(path, Shared::FieldsInvalid, "This field is needed and cannot be emptied.");
        } else {
            changed.push(field.name().to_owned());
        }
    }
    violations.done().map(|()| changed)
}

/// The resource in a request, and the name of its field.
fn resource(request: &DynamicMessage, kind: &MessageDescriptor) -> Option<(String, DynamicMessage)> {
    let field = request.descriptor().fields().find(|field| field.kind().as_message() == Some(kind))?;
    let held = request.get_field(&field);
    Some((field.name().to_owned(), held.as_message()?.clone()))
}

/// The paths of a request's `update_mask`. Empty, where there is none.
fn mask(request: &DynamicMessage) -> Vec<String> {
    let mask = request.get_field_by_name("update_mask");
    let paths = mask.as_ref().and_then(|mask| mask.as_message()?.get_field_by_name("paths"));
    let paths = paths.as_ref().and_then(|paths| paths.as_list()).unwrap_or_default();
    paths.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn check_etag(given: &DynamicMessage, current: &DynamicMessage) -> Result<()> {
    let etag = |of: &DynamicMessage| of.get_field_by_name(ETAG).and_then(|etag| etag.as_str().map(str::to_owned));
    match (etag(given), etag(current)) {
        (Some(given), Some(current)) if !given.is_empty() && given != current => Err(stale(current)),
        _ => Ok(()),
    }
}

/// The fields that an update names, without those that nobody can set.
fn named(paths: &[String], given: &DynamicMessage, violations: &mut Violations) -> Vec<FieldDescriptor> {
    let kind = given.descriptor();
    for path in paths.iter().filter(|path| *path != "*" && !is_known(&kind, path)) {
        let can: Vec<_> = kind.fields().filter(is_changeable).map(|field| field.name().to_owned()).collect();
        let text = format!("This field cannot be changed. These can: {}.", can.join(", "));
        violations.add(format!("update_mask: {path}"), Shared::FieldsInvalid, text);
    }
    let all = paths.iter().any(|path| path == "*");
    let is_named = |field: &FieldDescriptor| match paths.iter().any(|path| path == field.name()) {
        true => true,
        // `*` does not name an immutable field that is not set
        false if all => is_changeable(field) || given.has_field(field),
        false => paths.is_empty() && given.has_field(field),
    };
    kind.fields().filter(|field| (is_changeable(field) || is_immutable(field)) && is_named(field)).collect()
}

/// Whether a path of a mask names a field of the resource, or something inside a field that nobody can set.
fn is_known(kind: &MessageDescriptor, path: &str) -> bool {
    let (first, is_whole) = path.split_once('.').map_or((path, true), |(first, _)| (first, false));
    let field = kind.get_field_by_name(first);
    field.is_some_and(|field| is_whole || is_output_only(&field) || is_identifier(&field))
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;
    use proto::identity::v1 as pb;

    use super::*;

    fn before() -> pb::Application {
        pb::Application {
            id: "7".into(),
            track_id: "t".into(),
            team_name: "Kos".into(),
            team_size: 21,
            state: pb::ApplicationState::Draft.into(),
            etag: "3".into(),
            ..Default::default()
        }
    }

    fn asked(paths: &[&str], change: impl FnOnce(&mut pb::Application)) -> Result<Vec<String>> {
        let mut application = before();
        change(&mut application);
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let update_mask = (!paths.is_empty()).then_some(FieldMask { paths });
        changes(&pb::UpdateApplicationRequest { application: Some(application), update_mask }, &before())
    }

    fn refused(asked: Result<Vec<String>>) -> Vec<String> {
        asked.unwrap_err().violations().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn a_resource_that_is_sent_back_as_it_was_read_changes_nothing() {
        let every = ["id", "track_id", "team_name", "state", "etag", "reservation.documents"];
        for paths in [&[][..], &["*"], &every] {
            assert_eq!(asked(paths, |_| {}).unwrap(), Vec::<String>::new(), "{paths:?}");
        }
    }

    #[test]
    fn only_fields_with_another_value_change() {
        let edit = |application: &mut pb::Application| {
            application.team_name = "Osa".into();
            application.state = pb::ApplicationState::Admitted.into();
            application.team_size = 0;
        };
        assert_eq!(asked(&[], edit).unwrap(), ["team_name"]);
        assert_eq!(asked(&["*"], edit).unwrap(), ["team_name", "team_size"]);
        assert_eq!(asked(&["team_size", "state"], edit).unwrap(), ["team_size"]);
        // a mask that names only fields that nobody can set differs from no mask
        assert_eq!(asked(&["state"], edit).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_immutable_field_with_another_value_is_refused() {
        let other = |application: &mut pb::Application| application.track_id = "u".into();
        let none = |application: &mut pb::Application| application.track_id.clear();
        assert_eq!(refused(asked(&[], other)), ["application.track_id"]);
        assert_eq!(refused(asked(&["*"], other)), ["application.track_id"]);
        assert_eq!(refused(asked(&["track_id"], none)), ["application.track_id"]);
        assert!(asked(&[], none).is_ok() && asked(&["*"], none).is_ok() && asked(&["team_name"], other).is_ok());
    }

    #[test]
    fn a_path_that_is_no_field_is_refused_with_those_that_are() {
        let error = asked(&["colour", "team_name.x", "team_name"], |_| {}).unwrap_err();
        let told = error.violations();
        assert_eq!([&told[0].field, &told[1].field], ["update_mask: colour", "update_mask: team_name.x"]);
        assert!(told[0].description.contains("school_id, team_name") && !told[0].description.contains("state"));
    }

    #[test]
    fn an_update_of_another_version_is_refused() {
        let older = |application: &mut pb::Application| application.etag = "2".into();
        assert!(asked(&[], older).is_err_and(|error| error.is(Shared::EtagStale)));
        assert!(asked(&[], |application| application.etag.clear()).is_ok());
    }
}

//! Forms as messages.

use proto::lessons::v1 as pb;

use super::{Field, FieldKind, Form};

impl From<Form> for pb::Form {
    fn from(form: Form) -> Self {
        Self {
            track_id: form.track.to_string(),
            lesson: form.lesson,
            version: form.version,
            fields: form.fields.into_iter().map(pb::FormField::from).collect(),
        }
    }
}

impl From<Field> for pb::FormField {
    fn from(field: Field) -> Self {
        Self {
            key: field.key,
            label: field.label,
            help: field.help,
            kind: pb::FieldKind::from(field.kind).into(),
            required: field.required,
            max_chars: field.max_chars.into(),
            spaces_count: field.spaces_count,
            max_words: field.max_words.into(),
            choices: field.choices,
            max_items: field.max_items.into(),
            max_bytes: field.max_bytes.into(),
            roles: field.roles,
            evaluated: field.evaluated,
            hosts: field.hosts,
        }
    }
}

impl From<FieldKind> for pb::FieldKind {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Line => Self::Line,
            FieldKind::RichText => Self::RichText,
            FieldKind::Url => Self::Url,
            FieldKind::Email => Self::Email,
            FieldKind::Date => Self::Date,
            FieldKind::Time => Self::Time,
            FieldKind::File => Self::File,
            FieldKind::Image => Self::Image,
            FieldKind::Video => Self::Video,
            FieldKind::Boolean => Self::Boolean,
            FieldKind::Choice => Self::Choice,
            FieldKind::Choices => Self::Choices,
            FieldKind::Point => Self::Point,
            FieldKind::Embed => Self::Embed,
            FieldKind::Project => Self::Project,
            FieldKind::MonitoringReport => Self::MonitoringReport,
        }
    }
}

//! Mirror reports as messages.

use platform::wire;
use proto::lessons::v1 as pb;

use super::{Comparison, Half};
use crate::work::answer::Value;

impl From<Comparison> for pb::CompareReportsResponse {
    fn from(comparison: Comparison) -> Self {
        let value = |value: Option<&Value>| {
            let files = match value {
                Some(Value::Files(files)) => files.iter().map(|id| comparison.files.shared(*id)).collect(),
                _ => Vec::new(),
            };
            pb::MirrorValue { value: value.cloned().map(Into::into), files }
        };
        let fields = comparison.fields().map(|(field, values)| pb::MirrorField {
            key: field.key.clone(),
            label: field.label.clone(),
            kind: pb::FieldKind::from(field.kind).into(),
            values: values.map(value).into(),
        });
        Self {
            fields: fields.collect(),
            form_version: comparison.form.version,
            mirrors: comparison.halves.map(pb::Mirror::from).into(),
        }
    }
}

impl From<Half> for pb::Mirror {
    fn from(half: Half) -> Self {
        let gap = match &half.mirror {
            _ if half.has_left => pb::MirrorGap::Left,
            _ if half.is_closed => pb::MirrorGap::Ended,
            None => pb::MirrorGap::NotSubmitted,
            Some(_) => pb::MirrorGap::Unspecified,
        };
        let (digest, received_at) = half.mirror.map(|mirror| (mirror.digest, mirror.received_at)).unzip();
        Self {
            side: Some(half.side.into()),
            partner: half.partner,
            gap: gap.into(),
            digest: digest.unwrap_or_default(),
            received_at: received_at.map(wire::timestamp),
        }
    }
}

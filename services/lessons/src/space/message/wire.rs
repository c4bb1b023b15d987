//! Messages as messages.

use platform::wire;
use proto::{lessons::v1 as pb, options::v1::Role};

use super::{Message, MessageState, Note};
use crate::twinning::pair::Pair;

impl From<pb::PostMessageRequest> for Note {
    fn from(request: pb::PostMessageRequest) -> Self {
        Self { text: request.text, language: request.language, role: request.acting_role }
    }
}

/// A message as a protocol message. It must be one that was made for its reader by [`Message::as_shown_to`].
pub(crate) fn shown(message: Message, pair: &Pair) -> pb::Message {
    let role = if message.by_teacher { Role::TwinTeacher } else { Role::TwinTeam };
    pb::Message {
        id: message.id.to_string(),
        pair_id: message.pair.to_string(),
        home: message.home.to_string(),
        team_id: message.team.to_string(),
        role: role.into(),
        state: pb::MessageState::from(message.state()).into(),
        kept_by: message.kept_by(pair).map(ToString::to_string).collect(),
        acting_role: message.role,
        language: message.language,
        text: message.text,
        posted_at: Some(wire::timestamp(message.posted_at)),
        position: String::new(),
    }
}

impl From<MessageState> for pb::MessageState {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Held => Self::Held,
            MessageState::Released => Self::Released,
            MessageState::Hidden => Self::Hidden,
            MessageState::Removed => Self::Removed,
        }
    }
}

//! Operations as messages.

use jiff::Timestamp;
use prost::{Message, Name};
use prost_types::Any;
use proto::{
    google::{
        longrunning::{Operation, operation},
        rpc,
    },
    operation::v1::{OperationMetadata, OperationState},
};
use tonic::Status;

use super::{
    Progress, interrupted,
    rows::{Row, State},
};
use crate::{Error, wire};

/// An operation of a service. `here` is how far it is, where it runs in this process.
pub(super) fn shown(service: &str, row: &Row, here: Option<&Progress>, now: Timestamp) -> Operation {
    let is_left = row.state == State::Running && here.is_none() && row.lease_until < now;
    let state = if is_left { State::Failed } else { row.state };
    // what has ended is in its row
    let here = here.filter(|_| state == State::Running);
    let (done_parts, total_parts) = here.map_or(row.parts, Progress::parts);
    let metadata = OperationMetadata {
        state: OperationState::from(state).into(),
        started_at: Some(wire::timestamp(row.started_at)),
        ended_at: row.ended_at.or_else(|| is_left.then_some(row.lease_until)).map(wire::timestamp),
        done_parts,
        total_parts,
        cancel_requested: row.cancelling || here.is_some_and(|progress| progress.cancel.is_cancelled()),
    };
    let result = match state {
        State::Running => None,
        // the bytes are our own
        State::Done => Some(operation::Result::Response(Any::decode(&*row.outcome).unwrap_or_default())),
        State::Failed if is_left => Some(operation::Result::Error(status_of(interrupted()))),
        State::Failed | State::Cancelled => {
            Some(operation::Result::Error(rpc::Status::decode(&*row.outcome).unwrap_or_default()))
        }
    };
    Operation {
        name: format!("operations/{service}/{}", row.id),
        metadata: Some(packed(&metadata)),
        done: state != State::Running,
        result,
    }
}

impl From<State> for OperationState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

/// What an operation gives, as its row keeps it.
pub(super) fn any(answer: &impl Name) -> Vec<u8> {
    packed(answer).encode_to_vec()
}

/// Why an operation failed, as its row keeps it.
pub(super) fn status(error: Error) -> Vec<u8> {
    status_of(error).encode_to_vec()
}

fn packed<M: Message + Name>(message: &M) -> Any {
    Any { type_url: format!("type.googleapis.com/{}", M::full_name()), value: message.encode_to_vec() }
}

/// The error as it would travel at the end of a call.
fn status_of(error: Error) -> rpc::Status {
    let status = Status::from(error);
    let plain =
        || rpc::Status { code: status.code().into(), message: status.message().to_owned(), ..rpc::Status::default() };
    rpc::Status::decode(status.details()).unwrap_or_else(|_| plain())
}

//! The rules of messages.

use super::*;
use crate::{reason::Reason, testing::twins::Twins};

pub(super) fn note(text: &str) -> Note {
    Note { text: text.to_owned(), language: "en".to_owned(), role: String::new() }
}

fn post(twins: &Twins, ctx: &Ctx, note: Note) -> Result<Message> {
    Message::post(ctx, &twins.pair, &twins.plan.edition.tracks()[0], note)
}

/// What the Croatian team, the Italian team, a teacher of each, a central team and the secretariat read: none where they know of nothing.
fn read(twins: &Twins, message: &Message) -> [Option<String>; 6] {
    let central = twins.ground.country(&twins.side(1).home);
    [twins.team(0), twins.team(1), twins.teacher(0), twins.teacher(1), central, twins.secretariat()]
        .map(|ctx| message.clone().as_shown_to(&ctx).map(|message| message.text))
}

#[tokio::test]
async fn a_message_is_read_by_those_it_is_released_to() {
    let twins = Twins::at_work().await;
    let (some, gap) = (Some("Hello".to_owned()), Some(String::new()));
    let mut message = post(&twins, &twins.team(0), note("Hello")).unwrap();
    assert_eq!(message.state(), MessageState::Held);
    assert_eq!(read(&twins, &message), [some.clone(), None, some.clone(), some.clone(), None, None]);
    message.mark(&twins.teacher(0), &twins.pair, Mark::Free).unwrap();
    assert_eq!(read(&twins, &message), [(); 6].map(|()| some.clone()));
    message.mark(&twins.teacher(1), &twins.pair, Mark::Held).unwrap();
    assert_eq!(
        read(&twins, &message),
        [some.clone(), gap.clone(), some.clone(), some.clone(), gap.clone(), gap.clone()],
        "who knew of it sees that it is gone"
    );
    message.mark(&twins.teacher(0), &twins.pair, Mark::Hidden).unwrap();
    assert_eq!(read(&twins, &message), [gap.clone(), gap.clone(), some.clone(), some, gap.clone(), gap]);
}

#[tokio::test]
async fn nobody_releases_what_the_teacher_of_the_other_class_keeps_back() {
    let twins = Twins::at_work().await;
    let mut message = post(&twins, &twins.team(0), note("Hello")).unwrap();
    message.mark(&twins.teacher(1), &twins.pair, Mark::Free).unwrap();
    assert_eq!(message.state(), MessageState::Held, "its own teacher has not looked yet");
    message.mark(&twins.teacher(1), &twins.pair, Mark::Hidden).unwrap();
    message.mark(&twins.teacher(0), &twins.pair, Mark::Free).unwrap();
    let keepers: Vec<_> = message.kept_by(&twins.pair).map(ToString::to_string).collect();
    assert_eq!((message.state(), keepers), (MessageState::Hidden, vec!["it".to_owned()]));
    message.mark(&twins.teacher(1), &twins.pair, Mark::Free).unwrap();
    assert_eq!(message.state(), MessageState::Released);
}

#[tokio::test]
async fn a_teacher_is_not_moderated_and_has_no_role_of_the_class() {
    let twins = Twins::at_work().await;
    assert_eq!(post(&twins, &twins.teacher(0), note("Hello")).unwrap().state(), MessageState::Released);
    let as_analyst = |ctx: &Ctx| post(&twins, ctx, Note { role: "analyst".to_owned(), ..note("Hello") });
    assert!(as_analyst(&twins.team(0)).is_ok());
    assert_eq!(as_analyst(&twins.teacher(0)).unwrap_err().violations()[0].field, "acting_role");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_message_is_named_at_once() {
    let twins = Twins::at_work().await;
    let bad = Note { role: "boss".to_owned(), ..note("Write to ana@school.example") };
    let refused = post(&twins, &twins.team(0), bad).unwrap_err();
    let fields: Vec<_> = refused.violations().iter().map(|one| (one.field.as_str(), one.reason)).collect();
    assert_eq!(fields, [("text", "CONTACT_DATA"), ("acting_role", "FIELDS_INVALID")]);
}

#[tokio::test]
async fn nothing_new_is_shown_while_the_pair_rests_but_it_can_be_hidden() {
    let mut twins = Twins::at_work().await;
    let mut message = post(&twins, &twins.teacher(0), note("Hello")).unwrap();
    twins.pair.suspend(&twins.teacher(0), "strike".to_owned()).unwrap();
    assert!(post(&twins, &twins.team(0), note("Hello")).is_err_and(|error| error.is(Reason::PairState)));
    message.mark(&twins.teacher(1), &twins.pair, Mark::Hidden).unwrap();
    let released = message.mark(&twins.teacher(1), &twins.pair, Mark::Free);
    assert!(released.is_err_and(|error| error.is(Reason::PairState)));
}

//! Messages as rows: a list has what the rules say.

use platform::Ctx;

use super::*;
use crate::{
    space::message::{MessageState, tests::note},
    testing::twins::Twins,
};

const SIZE: u64 = 2;

struct Talk {
    twins: Twins,
}

impl Talk {
    async fn says(&self, ctx: &Ctx, text: &str) -> Message {
        let track = &self.twins.plan.edition.tracks()[0];
        let mut message = Message::post(ctx, &self.twins.pair, track, note(text)).unwrap();
        let tx = self.twins.store.change(ctx).await.unwrap();
        add(&tx, &mut message).await.unwrap();
        tx.commit().await.unwrap();
        message
    }

    async fn marks(&self, ctx: &Ctx, message: &mut Message, mark: Mark) {
        message.mark(ctx, &self.twins.pair, mark).unwrap();
        let tx = self.twins.store.change(ctx).await.unwrap();
        save(&tx, message).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// All the pages, one after the other.
    async fn read(&self, ctx: &Ctx) -> Vec<(String, MessageState)> {
        let db = self.twins.store.read(ctx).await.unwrap();
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let asked = PageRequest::walk(SIZE, &token).unwrap();
            let page = list(&db, self.twins.pair.id(), asked).await.unwrap();
            all.extend(page.items.into_iter().map(|message| (message.text.clone(), message.state())));
            token = page.next;
            if token.is_empty() {
                return all;
            }
        }
    }
}

fn texts(read: Vec<(String, MessageState)>) -> Vec<String> {
    read.into_iter().map(|(text, _)| text).collect()
}

#[tokio::test]
async fn a_list_has_the_messages_the_caller_may_see_oldest_first() {
    let talk = Talk { twins: Twins::at_work().await };
    let twins = &talk.twins;
    talk.says(&twins.teacher(0), "one").await;
    talk.says(&twins.team(0), "held").await;
    let mut hidden = talk.says(&twins.teacher(1), "hidden").await;
    talk.marks(&twins.teacher(0), &mut hidden, Mark::Hidden).await;
    let mut again = talk.says(&twins.teacher(0), "held again").await;
    talk.marks(&twins.teacher(0), &mut again, Mark::Held).await;
    talk.says(&twins.teacher(1), "last").await;
    assert_eq!(texts(talk.read(&twins.team(0)).await), ["one", "held", "", "held again", "last"]);
    assert_eq!(texts(talk.read(&twins.team(1)).await), ["one", "", "", "last"]);
    assert_eq!(texts(talk.read(&twins.secretariat()).await), ["one", "", "", "last"]);
    assert_eq!(texts(talk.read(&twins.teacher(1)).await), ["one", "held", "hidden", "held again", "last"]);
}

#[tokio::test]
async fn the_messages_of_a_class_become_gaps_when_it_leaves_and_those_of_the_other_stay() {
    let mut talk = Talk { twins: Twins::at_work().await };
    talk.says(&talk.twins.team(0), "held").await;
    talk.says(&talk.twins.teacher(0), "one").await;
    let mut kept = talk.says(&talk.twins.teacher(1), "two").await;
    talk.marks(&talk.twins.teacher(0), &mut kept, Mark::Hidden).await;
    let left = talk.twins.side(0).clone();
    talk.twins.leaves(0).await;
    let tx = talk.twins.store.change(&talk.twins.secretariat()).await.unwrap();
    take_away(&tx, talk.twins.pair.id(), &left).await.unwrap();
    tx.commit().await.unwrap();
    let removed = (String::new(), MessageState::Removed);
    let expected = [removed.clone(), removed, ("two".to_owned(), MessageState::Released)];
    for ctx in [talk.twins.team(1), talk.twins.teacher(1), talk.twins.secretariat()] {
        assert_eq!(talk.read(&ctx).await, expected);
    }
}

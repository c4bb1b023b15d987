//! Entries, through their method.

use proto::{
    lessons::v1::{self as pb, entry_service_server::EntryService, output_service_server::OutputService},
    options::v1::Role,
};

use super::{api::Entries, region};
use crate::{
    space::output::api::Outputs,
    testing::twins::always_open,
    twinning::{
        pair::testing::{Space, call},
        sighting::witness::Witness,
    },
};

impl Space {
    async fn entries(&self) -> Vec<pb::Entry> {
        let request = pb::ListEntriesRequest { edition_id: self.plan.edition.id().to_string(), ..Default::default() };
        let entries = Entries { store: self.store.clone(), homes: always_open() };
        let secretariat = self.ground.by(Role::Coordinator);
        entries.list_entries(call(secretariat, request)).await.unwrap().into_inner().entries
    }

    async fn deliver_output(&self) -> String {
        let outputs = Outputs { store: self.store.clone(), witness: Witness::new(self.store.clone()) };
        let save = pb::SaveOutputRequest {
            pair_id: self.pair.to_string(),
            lesson: 4,
            title: "Two ports".to_owned(),
            text: "<p>One sea.</p>".to_owned(),
            language: "hr".to_owned(),
            ..Default::default()
        };
        let saved = outputs.save_output(call(self.twin(Role::TwinTeam, 0), save)).await.unwrap().into_inner();
        for of in [0, 1] {
            let sign = pb::SignOutputRequest {
                pair_id: self.pair.to_string(),
                lesson: 4,
                digest: saved.digest.clone(),
                ..Default::default()
            };
            outputs.sign_output(call(self.twin(Role::TwinTeacher, of), sign)).await.unwrap();
        }
        saved.digest
    }
}

#[tokio::test]
async fn a_pair_is_one_entry_with_all_it_has_delivered() {
    let space = Space::new().await;
    let (other, _) = space.another().await;
    for (of, title) in [(0, "Luka"), (1, "Porto")] {
        space.submit(of, 1, title).await.unwrap();
    }
    let digest = space.deliver_output().await;
    let entries = space.entries().await;
    let pairs = entries.iter().map(|entry| entry.pair_id.clone()).collect::<Vec<_>>();
    assert_eq!(pairs, [space.pair.to_string(), other.to_string()]);
    let entry = &entries[0];
    assert_eq!((entry.state(), entry.single), (pb::PairState::Active, false));
    assert_eq!(entry.sides.iter().map(|side| side.region.as_str()).collect::<Vec<_>>(), ["HR03", "ITF1"]);
    for side in &entry.sides {
        assert_eq!(side.deliveries.iter().map(|delivery| delivery.lesson).collect::<Vec<_>>(), [1]);
        assert_eq!((side.deliveries[0].kind(), side.deliveries[0].digest.len()), (pb::CreditKind::MirrorReport, 64));
    }
    assert_eq!((entry.joint[0].kind(), &entry.joint[0].digest), (pb::CreditKind::JointOutput, &digest));
    assert_eq!(entry.languages, ["hr", "it"]);
}

#[tokio::test]
async fn an_entry_of_one_class_is_marked_and_the_class_that_left_is_a_gap() {
    let space = Space::new().await;
    space.submit(0, 1, "Luka").await.unwrap();
    space.submit(1, 1, "Porto").await.unwrap();
    space.leave(0).await;
    let entry = &space.entries().await[0];
    assert_eq!((entry.state(), entry.single), (pb::PairState::OneSided, true));
    assert_eq!([0, 1].map(|of| entry.sides[of].deliveries.len()), [0, 1]);
    assert_eq!(entry.sides[0].side.as_ref().unwrap().school_name, "");
}

#[test]
fn a_region_is_what_a_territory_begins_with() {
    assert_eq!((region("ITF14"), region("HR0"), region("")), ("ITF1", "HR0", ""));
}

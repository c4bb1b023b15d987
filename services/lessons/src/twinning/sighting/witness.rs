//! Records sightings before the thing is shown. The process remembers what it has recorded today, so that most reads need no write.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::civil::Date;
use platform::{Ctx, Result, Store, TenantId};

use super::{Kind, Sighting, What, store};
use crate::twinning::side::Side;

/// Records sightings. Cheap to clone.
#[derive(Clone)]
pub struct Witness {
    store: Store,
    known: Arc<Mutex<HashSet<(TenantId, Date, What)>>>,
}

/// The most sightings that are remembered. A programme has some hundreds a day. When there are more, after some days, all are forgotten,
/// and the database, which has them already, ignores them when they are recorded again.
const MOST: usize = 20_000;

impl Witness {
    /// Records sightings in this store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// Records that the caller is about to see something of these classes. Error: it cannot be recorded now; then it must not be shown.
    pub(crate) async fn saw(&self, ctx: &Ctx, kind: Kind, sides: impl IntoIterator<Item = &Side>) -> Result<()> {
        ctx.witnessed(kind.name());
        let (tenant, day) = (ctx.tenant().id(), ctx.local().date());
        let seen: HashSet<_> = sides
            .into_iter()
            .filter_map(|side| What::seen(ctx, kind, side))
            .map(|what| (tenant.clone(), day, what))
            .filter(|one| !self.knows(one))
            .collect();
        if seen.is_empty() {
            return Ok(());
        }
        let sightings = seen.iter().map(|(.., what)| Sighting::new(ctx, what.clone())).collect();
        let tx = self.store.change(ctx).await?;
        store::add(&tx, sightings).await?;
        tx.commit().await?;
        self.learn(seen);
        Ok(())
    }

    fn knows(&self, one: &(TenantId, Date, What)) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(one)
    }

    fn learn(&self, seen: HashSet<(TenantId, Date, What)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST {
            known.clear();
        }
        known.extend(seen);
    }
}

#[cfg(test)]
mod tests {
    use platform::PageRequest;
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::Ground;

    async fn listed(store: &Store, ctx: &Ctx) -> Vec<(Kind, String, String)> {
        let db = store.read(ctx).await.unwrap();
        let page = PageRequest::walk(50, "").unwrap();
        let page = store::list(&db, None, page).await.unwrap();
        page.items
            .into_iter()
            .map(|one| (one.what.kind, one.what.viewer_home.to_string(), one.day.to_string()))
            .collect()
    }

    #[tokio::test]
    async fn a_sighting_is_recorded_once_a_day_over_all_processes() {
        let ground = Ground::programme();
        let (store, _folder) = ground.store();
        let (one, other) = (Witness::new(store.clone()), Witness::new(store.clone()));
        let (ours, theirs) = (ground.side("it", "ITF14"), ground.side("hr", "HR033"));
        let viewer = || ground.twin(Role::TwinTeam, &theirs);
        for witness in [&one, &one, &other] {
            witness.saw(&viewer(), Kind::Offer, [&ours, &theirs, &ours]).await.unwrap();
        }
        let central = ground.country(&ours.home);
        let first = [(Kind::Offer, "hr".to_owned(), "2022-12-01".to_owned())];
        assert_eq!(listed(&store, &central).await, first);
        one.saw(&viewer(), Kind::Export, [&ours]).await.unwrap();
        ground.at("2022-12-01T23:30:00Z");
        one.saw(&viewer(), Kind::Offer, [&ours]).await.unwrap();
        let days: Vec<_> = listed(&store, &central).await.into_iter().map(|(.., day)| day).collect();
        assert_eq!(days, ["2022-12-02", "2022-12-01", "2022-12-01"], "newest first, in the programme's days");
        assert_eq!(listed(&store, &ground.country(&theirs.home)).await, [], "nothing of theirs was seen");
        assert_eq!(listed(&store, &ground.by(Role::Coordinator)).await.len(), 3);
    }

    #[tokio::test]
    async fn a_sighting_that_is_remembered_needs_no_write() {
        let ground = Ground::programme();
        let (store, _folder) = ground.store();
        let witness = Witness::new(store.clone());
        let (ours, theirs) = (ground.side("it", "ITF14"), ground.side("hr", "HR033"));
        let viewer = ground.twin(Role::TwinTeacher, &theirs);
        witness.saw(&viewer, Kind::Offer, [&ours]).await.unwrap();
        // somebody else is writing: who had to write would wait for them
        let _writer = store.change(&ground.by(Role::Coordinator)).await.unwrap();
        let again = witness.saw(&viewer, Kind::Offer, [&ours]);
        assert!(futures::FutureExt::now_or_never(again).is_some_and(|seen| seen.is_ok()));
        let more = witness.saw(&viewer, Kind::Export, [&ours]);
        assert!(futures::FutureExt::now_or_never(more).is_none());
    }
}

//! Wakes the watchers of a topic when it changes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio::sync::{
    mpsc::UnboundedSender,
    watch::{Receiver, Sender},
};

use crate::TenantId;

/// A tenant, and a topic that is watched in it.
pub(crate) type Place = (TenantId, String);

/// The bells of one store: one for each watched topic.
#[derive(Default)]
pub(crate) struct Bells {
    bells: Mutex<HashMap<Place, Sender<()>>>,
    elsewhere: OnceLock<UnboundedSender<Place>>,
}

impl Bells {
    /// A receiver that is woken when a topic changes.
    pub(crate) fn listen(&self, tenant: &TenantId, topic: &str) -> Receiver<()> {
        let mut bells = self.bells();
        bells.retain(|_, bell| bell.receiver_count() > 0);
        bells.entry((tenant.clone(), topic.to_owned())).or_default().subscribe()
    }

    /// Wakes the watchers of a topic that this process changed, and passes the bell on to other processes where there is a broker.
    pub(crate) fn ring(&self, place: Place) {
        self.heard(&place);
        self.pass_on(place);
    }

    /// Wakes only the watchers in other processes, where there is a broker: this one knows already.
    pub(crate) fn pass_on(&self, place: Place) {
        if let Some(elsewhere) = self.elsewhere.get() {
            // fails only at the end of the process, when the bells are not carried any more
            let _ = elsewhere.send(place);
        }
    }

    /// Wakes the watchers of a topic that another process changed.
    pub(crate) fn heard(&self, place: &Place) {
        if let Some(bell) = self.bells().get(place) {
            bell.send_replace(());
        }
    }

    /// Wakes all watchers, because bells of other processes may have been missed.
    pub(crate) fn all(&self) {
        self.bells().values().for_each(|bell| bell.send_replace(()));
    }

    /// Passes the bells of this process on from now on. Only the first call has an effect.
    pub(crate) fn carry(&self, elsewhere: UnboundedSender<Place>) {
        let _ = self.elsewhere.set(elsewhere);
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<Place, Sender<()>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rings_for_its_topic_in_its_tenant_and_is_gone_with_who_listens() {
        let (bells, it, hr) = (Bells::default(), "it".parse().unwrap(), "hr".parse().unwrap());
        let mine = bells.listen(&it, "a");
        let others = [bells.listen(&it, "b"), bells.listen(&hr, "a")];
        bells.ring((it.clone(), "a".to_owned()));
        assert!(mine.has_changed().unwrap());
        assert!(others.iter().all(|other| !other.has_changed().unwrap()));
        bells.all();
        assert!(others.iter().all(|other| other.has_changed().unwrap()));
        drop((mine, others));
        let _last = bells.listen(&it, "c");
        assert_eq!(bells.bells().len(), 1);
    }
}

//! Who is woken by a change.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio::sync::{
    mpsc::UnboundedSender,
    watch::{Receiver, Sender},
};

use crate::TenantId;

/// A tenant, and a topic somebody watches in it.
pub(crate) type Place = (TenantId, String);

/// The bells of one store: one for each topic that somebody watches.
#[derive(Default)]
pub(crate) struct Bells {
    bells: Mutex<HashMap<Place, Sender<()>>>,
    elsewhere: OnceLock<UnboundedSender<Place>>,
}

impl Bells {
    /// Rings when a topic changes, until it is dropped.
    pub(crate) fn listen(&self, tenant: &TenantId, topic: &str) -> Receiver<()> {
        let mut bells = self.bells();
        bells.retain(|_, bell| bell.receiver_count() > 0);
        bells.entry((tenant.clone(), topic.to_owned())).or_default().subscribe()
    }

    /// A topic has changed by a commit of this process: rings here, and elsewhere if somebody carries it there.
    pub(crate) fn ring(&self, place: Place) {
        self.heard(&place);
        if let Some(elsewhere) = self.elsewhere.get() {
            // where the process ends nobody carries it any more
            let _ = elsewhere.send(place);
        }
    }

    /// A topic has changed by a commit of another process.
    pub(crate) fn heard(&self, place: &Place) {
        if let Some(bell) = self.bells().get(place) {
            bell.send_replace(());
        }
    }

    /// Some bells of other processes may not have been heard: everybody looks.
    pub(crate) fn all(&self) {
        self.bells().values().for_each(|bell| bell.send_replace(()));
    }

    /// From here on what rings here is carried elsewhere. Only the first call has an effect.
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

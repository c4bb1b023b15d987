//! Submitting an application: what the rules of submission are decided by.

use platform::{Reads, Result, Tx};

use crate::{
    account,
    class::{
        application::{self, Application, Evidence},
        file,
    },
    school,
};

/// What the rules of submission need to know of an application, as it is now.
pub(crate) async fn evidence(db: &impl Reads, application: &Application) -> Result<Evidence> {
    let draft = application.draft();
    let school = match draft.school {
        Some(id) => school::store::find(db, id).await?,
        None => None,
    };
    Ok(Evidence {
        referent: application.referent(),
        school,
        files: file::store::find_all(db, &draft.files).await?,
        others: application::store::others(db, application).await?,
    })
}

/// [`evidence`], to decide by. Who else submits for this referent waits until this transaction ends: of two at once, the second counts
/// the first. Error: `ETAG_STALE`, where the referent's account changed in between.
pub(crate) async fn evidence_to_submit(tx: &Tx, application: &Application) -> Result<Evidence> {
    account::store::hold(tx, &account::store::get(tx, application.referent()).await?).await?;
    evidence(tx, application).await
}

//! Submitting an application: loads the data that the rules need.

use platform::{Reads, Result, Tx};

use crate::{
    account,
    class::{
        application::{self, Application, Evidence},
        file,
    },
    school,
};

/// The data that the rules of submission need, as they are now.
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

/// [`evidence`], and locks the referent's account until the transaction ends, so that of two submissions at once the second counts
/// the first. Error: `ETAG_STALE`, where the account was saved in between.
pub(crate) async fn evidence_to_submit(tx: &Tx, application: &Application) -> Result<Evidence> {
    account::store::lock(tx, &account::store::get(tx, application.referent()).await?).await?;
    evidence(tx, application).await
}

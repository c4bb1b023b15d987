//! Handing a team over to another referent.

use platform::{Reads, Result, Tx, secret::Keys};

use super::{credential, mandating};
use crate::{
    account::confirmation,
    class::team::{self, Credential, Handover, Team},
};

/// Saves a team that was handed over. Where its credential was not redeemed, the former referent knows it: it is replaced, and the
/// new one is mailed to the new referent. Error: a violation at `teacher_id`, where the new referent cannot sign in any more;
/// `TEACHER_UNCONFIRMED`, also where who vouched for them did so at another school than that of the class.
pub(crate) async fn save(tx: &Tx, keys: &Keys, team: &mut Team, handover: &Handover) -> Result<()> {
    mandating::teacher_to_change(tx, "teacher_id", team.referent()).await?;
    let said = confirmation::store::find(tx, team.referent()).await?;
    confirmation::needed_at(tx.ctx(), said.as_ref(), Some(team.school().id))?;
    let next = if team.is_invited() { Some(Credential::issue(tx.ctx(), keys, team.id())?) } else { None };
    next.iter().for_each(|next| team.invite(next));
    team::store::save(tx, team).await?;
    team::store::handover::add(tx, handover).await?;
    tx.emit(&handover.told(tx.ctx()));
    match &next {
        Some(next) => credential::send(tx, next).await,
        None => Ok(()),
    }
}

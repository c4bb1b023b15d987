//! What an admission does beside changing the application: it founds a team with its shared account and its credential.

use platform::{Ctx, Error, Result, Tx, secret::Keys};

use super::{Admitted, Application, State};
use crate::{
    account,
    class::{
        team::{self, Admission, Code, Credential, Team},
        track::Track,
    },
    school,
};

/// Founds the team, or changes what is due from it.
pub(super) async fn carry_out(
    tx: &Tx,
    keys: &Keys,
    track: &Track,
    application: &Application,
    admitted: Admitted,
) -> Result<()> {
    match admitted {
        Admitted::Founds(_) => found(tx, keys, track, application, admitted).await,
        Admitted::Changes(id) => {
            let mut team = team::store::find_to_change(tx, id).await?.ok_or_else(|| Error::not_found("team"))?;
            team.reserve(reservation(application));
            team::store::save(tx, &mut team).await
        }
    }
}

async fn found(tx: &Tx, keys: &Keys, track: &Track, application: &Application, admitted: Admitted) -> Result<()> {
    let ctx: &Ctx = platform::Reads::ctx(tx);
    let (Admitted::Founds(id) | Admitted::Changes(id)) = admitted;
    let school = application.draft.school.ok_or_else(|| Error::not_found("school"))?;
    let admission = Admission {
        edition: track.edition,
        track: track.id,
        is_interreg: track.interreg,
        code: Code::new(&track.edition_code, &track.infix, super::store::founded(tx, track.id).await? + 1),
        school: (&school::store::get(tx, school).await?).into(),
    };
    let credential = Credential::issue(ctx, keys, id)?;
    let mut team = Team::admit(ctx, application, admission, &credential, reservation(application));
    team::store::save(tx, &mut team).await?;
    account::store::open_team(tx, &team).await?;
    team::api::send(tx, &credential).await
}

fn reservation(application: &Application) -> Option<super::Reservation> {
    match &application.state {
        State::Admitted { reservation, .. } => reservation.clone(),
        _ => None,
    }
}

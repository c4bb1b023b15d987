//! Admitting an application: the team, its shared account and its first credential are created.

use platform::{Ctx, Error, Reads, Result, Tx, secret::Keys, wire};
use proto::{identity::v1 as pb, options::v1::Role};

use super::{credential, mandating};
use crate::{
    account::{Account, Login, TeamId, confirmation},
    class::{
        application::{self, Admitted, Application},
        team::{self, Admission, Code, Credential, Team},
        track::Track,
    },
    school,
};

/// Founds the team, or changes its reservation.
pub(crate) async fn carry_out(
    tx: &Tx,
    keys: &Keys,
    track: &Track,
    application: &Application,
    admitted: Admitted,
) -> Result<()> {
    match admitted {
        Admitted::Founds(id) => found(tx, keys, track, application, id).await,
        Admitted::Changes(id) => {
            let mut team = team::store::find_to_change(tx, id).await?.ok_or_else(|| Error::not_found("team"))?;
            team.reserve(application.reservation().cloned());
            team::store::save(tx, &mut team).await
        }
    }
}

async fn found(tx: &Tx, keys: &Keys, track: &Track, application: &Application, id: TeamId) -> Result<()> {
    let ctx: &Ctx = tx.ctx();
    // who has left since it was submitted, or for whom nobody vouches, is not given a team
    mandating::teacher_to_change(tx, "application_id", application.referent()).await?;
    let school = application.draft().school.ok_or_else(|| Error::not_found("school"))?;
    let said = confirmation::store::find(tx, application.referent()).await?;
    confirmation::needed_at(ctx, said.as_ref(), Some(school))?;
    let number = application::store::founded(tx, track.id).await? + 1;
    let admission = Admission {
        edition: track.edition,
        track: track.id,
        is_interreg: track.interreg,
        code: Code::new(&track.edition_code, &track.infix, number),
        school: (&school::store::get(tx, school).await?).into(),
    };
    let first = Credential::issue(ctx, keys, id)?;
    let mut team = Team::admit(ctx, application, admission, &first, application.reservation().cloned());
    save(tx, &mut team).await?;
    tx.emit(&pb::TeamAdmitted {
        team_id: id.to_string(),
        edition_id: track.edition.to_string(),
        admitted_at: Some(wire::timestamp(ctx.now())),
    });
    credential::send(tx, &first).await
}

/// Inserts a new team and the account that its pupils share.
pub(crate) async fn save(tx: &Tx, team: &mut Team) -> Result<()> {
    team::store::save(tx, team).await?;
    let mut account = Account::of_team(tx.ctx(), team.id(), Login::of(team.code().as_str()));
    mandating::found(tx, &mut account, Role::Team).await
}

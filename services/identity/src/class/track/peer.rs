//! Fetches a track from the service lessons, and looks there whether an edition exists.

use platform::{Ctx, Error, Id, Peers, Result, Violations, client::peer_error, error::Shared};
use proto::{
    identity::v1 as pb,
    lessons::v1::{
        GetEditionRequest, GetTrackRequest, GetTrackResponse, ListCalendarItemsRequest, Moment, ProjectRule,
        calendar_service_client::CalendarServiceClient, edition_service_client::EditionServiceClient,
    },
};
use uuid::Uuid;

use super::{Call, Edition, Track};
use crate::{country::Level, reason::Reason};

/// The track, fetched with the caller's token. Error: a violation at `field`, where the caller sees no track with this id.
pub(crate) async fn get(peers: &Peers, ctx: &Ctx, field: &str, id: Id<Track>) -> Result<Track> {
    let mut lessons = EditionServiceClient::new(peers.call("lessons", ctx)?);
    match lessons.get_track(GetTrackRequest { track_id: id.to_string() }).await {
        Ok(answer) => answer.into_inner().try_into(),
        Err(status) if status.code() == platform::Code::NotFound => {
            let mut violations = Violations::new();
            violations.add(
                field,
                Reason::TrackUnknown,
                "There is no such track. Choose one of an edition that is open.",
            );
            violations.done().and(Err(Error::not_found("track")))
        }
        Err(status) => Err(peer_error(status)),
    }
}

/// Checks that there is an edition, which may be left out, with the caller's token. Error: a violation at `field`, where the caller sees
/// no edition with this id.
pub(crate) async fn check_edition(peers: &Peers, ctx: &Ctx, field: &str, id: Option<Uuid>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let mut lessons = EditionServiceClient::new(peers.call("lessons", ctx)?);
    match lessons.get_edition(GetEditionRequest { edition_id: id.to_string() }).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == platform::Code::NotFound => {
            let mut violations = Violations::new();
            violations.add(field, Shared::FieldsInvalid, "There is no such edition.");
            violations.done()
        }
        Err(status) => Err(peer_error(status)),
    }
}

/// The instant at which the last item of a track's calendar ends, fetched with the caller's token. None, where it has no items.
pub(crate) async fn ends(
    peers: &Peers,
    ctx: &Ctx,
    edition: Id<Edition>,
    track: Id<Track>,
) -> Result<Option<jiff::Timestamp>> {
    let mut lessons = CalendarServiceClient::new(peers.call("lessons", ctx)?);
    let request = ListCalendarItemsRequest { edition_id: edition.to_string(), track_id: track.to_string() };
    let items = lessons.list_calendar_items(request).await.map_err(peer_error)?.into_inner().items;
    let ends: Result<Vec<_>> = items.into_iter().map(|item| instant(item.ends.or(item.starts))).collect();
    Ok(ends?.into_iter().max())
}

impl TryFrom<GetTrackResponse> for Track {
    type Error = Error;

    fn try_from(answer: GetTrackResponse) -> Result<Self> {
        let track = answer.track.unwrap_or_default();
        let edition = answer.edition.unwrap_or_default();
        Ok(Self {
            id: track.id.parse()?,
            edition: edition.id.parse()?,
            edition_code: edition.code,
            levels: track.levels().map(Level::from).collect(),
            interreg: track.project_rule() == ProjectRule::Interreg,
            infix: track.infix,
            max_team_size: track.max_team_size,
            max_teams_per_referent: u32::try_from(track.max_teams_per_referent).unwrap_or_default(),
            authorisation_required: track.authorisation_required,
            call: Call { opens: instant(edition.call_opens)?, closes: instant(edition.call_closes)? },
        })
    }
}

fn instant(moment: Option<Moment>) -> Result<jiff::Timestamp> {
    let at = moment.and_then(|moment| moment.at).unwrap_or_default();
    jiff::Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)
}

impl From<pb::SchoolLevel> for Level {
    fn from(level: pb::SchoolLevel) -> Self {
        match level {
            pb::SchoolLevel::LowerSecondary => Self::LowerSecondary,
            pb::SchoolLevel::UpperSecondary => Self::UpperSecondary,
            pb::SchoolLevel::Other | pb::SchoolLevel::Unspecified => Self::Other,
        }
    }
}

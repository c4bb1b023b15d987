//! Three services written by hand, which answer with what they received.

use std::sync::Arc;

use futures::{StreamExt, stream, stream::BoxStream};
use proto::{
    google::api::HttpBody,
    identity::v1::{file_service_server::FileService, team_service_server::TeamService, *},
    lessons::v1::{
        CompareReportsRequest, CompareReportsResponse, Delivery, GetReportRequest, ListDeliveriesRequest,
        ListDeliveriesResponse, ReopenReportRequest, Report, SaveDraftRequest, SubmitReportRequest,
        WatchDeliveriesRequest, report_service_server::ReportService,
    },
};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

/// The size of a piece, 0 for the end of the stream, or the error with which it broke off.
pub(super) type Piece = Result<usize, tonic::Code>;

#[derive(Clone, Default)]
pub(super) struct Upstream {
    /// All pieces of all uploads.
    pub(super) pieces: Arc<watch::Sender<Vec<Piece>>>,
    /// The number of uploads that were considered complete.
    pub(super) finished: Arc<watch::Sender<u32>>,
}

fn word(metadata: &MetadataMap, name: &str) -> String {
    metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// A team that shows the metadata of its request.
fn echo(metadata: &MetadataMap, id: String) -> Team {
    Team {
        id,
        code: word(metadata, "koine-tenant"),
        name: word(metadata, "koine-address"),
        email: word(metadata, "authorization"),
        school_code: word(metadata, "x-private"),
        admitted_at: Some(prost_types::Timestamp { seconds: 1_671_577_199, nanos: 0 }),
        state: TeamState::Active.into(),
        ..Team::default()
    }
}

pub(super) fn closed() -> Status {
    let metadata = std::collections::HashMap::from([("closed_at".to_owned(), "2022-10-24".to_owned())]);
    let mut details = ErrorDetails::with_error_info("CALL_CLOSED", "koine.identity.v1", metadata);
    details.add_bad_request_violation("edition_id", "Its call has closed.");
    details.add_bad_request_violation("track_id", "So has that of its track.");
    Status::with_error_details(tonic::Code::FailedPrecondition, "Too late.", details)
}

#[tonic::async_trait]
impl TeamService for Upstream {
    async fn get_team(&self, request: Request<GetTeamRequest>) -> Result<Response<Team>, Status> {
        let id = request.get_ref().team_id.clone();
        if id == "slow" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(echo(request.metadata(), id)))
    }

    async fn batch_get_teams(
        &self,
        _: Request<BatchGetTeamsRequest>,
    ) -> Result<Response<BatchGetTeamsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_teams(&self, _: Request<ListTeamsRequest>) -> Result<Response<ListTeamsResponse>, Status> {
        Err(closed())
    }

    async fn update_team(&self, request: Request<UpdateTeamRequest>) -> Result<Response<Team>, Status> {
        let UpdateTeamRequest { team, update_mask } = request.into_inner();
        let support_teacher_ids = update_mask.unwrap_or_default().paths;
        Ok(Response::new(Team { support_teacher_ids, ..team.unwrap_or_default() }))
    }

    async fn add_support_teacher(&self, request: Request<AddSupportTeacherRequest>) -> Result<Response<Team>, Status> {
        let AddSupportTeacherRequest { team_id, teacher_id, .. } = request.into_inner();
        Ok(Response::new(Team { id: team_id, support_teacher_ids: vec![teacher_id], ..Team::default() }))
    }

    async fn remove_support_teacher(&self, _: Request<RemoveSupportTeacherRequest>) -> Result<Response<Team>, Status> {
        Err(Status::internal("a secret of the database"))
    }

    async fn reissue_credential(&self, _: Request<ReissueCredentialRequest>) -> Result<Response<Team>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn hand_over_team(&self, _: Request<HandOverTeamRequest>) -> Result<Response<Team>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn move_team(&self, _: Request<MoveTeamRequest>) -> Result<Response<Team>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl FileService for Upstream {
    async fn upload_file(&self, request: Request<Streaming<UploadFileRequest>>) -> Result<Response<File>, Status> {
        let mut pieces = request.into_inner();
        let mut stored = File::default();
        loop {
            let piece = pieces.message().await;
            let seen = match &piece {
                Ok(piece) => Ok(piece.as_ref().map_or(0, |piece| piece.file.as_ref().unwrap().data.len())),
                Err(status) => Err(status.code()),
            };
            self.pieces.send_modify(|pieces| pieces.push(seen));
            let Some(piece) = piece? else { break };
            match piece.name.as_str() {
                "early" => return Err(closed()),
                "slow" => std::future::pending().await,
                _ => {}
            }
            let body = piece.file.unwrap_or_default();
            if !piece.name.is_empty() {
                (stored.name, stored.purpose, stored.media_type) = (piece.name, piece.purpose, body.content_type);
            }
            stored.size_bytes += i64::try_from(body.data.len()).unwrap();
        }
        // tonic shows a cancelled stream as an ended one; after one more wait this call is dropped before it stores half a file
        tokio::task::yield_now().await;
        self.finished.send_modify(|finished| *finished += 1);
        Ok(Response::new(stored))
    }

    type DownloadFileStream = BoxStream<'static, Result<HttpBody, Status>>;

    async fn download_file(
        &self,
        request: Request<DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let piece = |kind: &str, data: &[u8]| HttpBody {
            content_type: kind.into(),
            data: data.to_vec().into(),
            ..HttpBody::default()
        };
        let pieces = match request.into_inner().file_id.as_str() {
            "slow" => std::future::pending().await,
            "missing" => vec![Err(closed())],
            "page" => vec![Ok(piece("text/html", b"<script>")), Ok(piece("", b"</script>"))],
            "broken" => vec![Ok(piece("image/png", b"half")), Err(closed())],
            _ => vec![Ok(piece("image/png", b"whole"))],
        };
        let mut response = Response::new(stream::iter(pieces).boxed());
        response.metadata_mut().insert("koine-file-name", "perch%C3%A9.png".parse().unwrap());
        Ok(response)
    }
}

#[tonic::async_trait]
impl ReportService for Upstream {
    async fn get_report(&self, _: Request<GetReportRequest>) -> Result<Response<Report>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn save_draft(&self, _: Request<SaveDraftRequest>) -> Result<Response<Report>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn submit_report(&self, _: Request<SubmitReportRequest>) -> Result<Response<Report>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn reopen_report(&self, _: Request<ReopenReportRequest>) -> Result<Response<Report>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_deliveries(
        &self,
        _: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn compare_reports(
        &self,
        _: Request<CompareReportsRequest>,
    ) -> Result<Response<CompareReportsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type WatchDeliveriesStream = BoxStream<'static, Result<Delivery, Status>>;

    async fn watch_deliveries(
        &self,
        request: Request<WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let WatchDeliveriesRequest { edition_id, after } = request.into_inner();
        let delivery = |lesson| Ok(Delivery { team_id: "t".into(), lesson, ..Delivery::default() });
        let placed = |lesson, position| Ok(Delivery { lesson, position, ..Delivery::default() });
        Ok(Response::new(match edition_id.as_str() {
            "placed" => stream::iter([placed(1, format!("after {after}")), placed(2, "two\nlines".into())]).boxed(),
            "slow" => std::future::pending().await,
            "closed" => stream::iter([Err(closed())]).boxed(),
            "quiet" => stream::pending().boxed(),
            "broken" => stream::iter([delivery(1), Err(closed())]).boxed(),
            _ => stream::iter([delivery(1), delivery(2)]).boxed(),
        }))
    }
}

//! The methods on files.

use futures::TryStreamExt;
use platform::{
    Ctx, Error, Open, Result, Store,
    blob::{self, Blobs, Incoming},
    open::{OpenStream, Pieces},
};
use proto::{
    google::api::HttpBody,
    lessons::v1::{self as pb, file_service_server::FileService},
};
use tonic::{Request, Response, Status, Streaming};

use super::{File, Place, Rule, media_type, store};
use crate::{
    consent::{self, Channel},
    output, report,
    team::peer::Teams,
};

/// The methods on files.
#[derive(Clone)]
pub struct Files {
    /// The data of lessons.
    pub store: Store,
    /// The bytes.
    pub blobs: Blobs,
    /// The teams, which identity keeps.
    pub teams: Teams,
}

#[tonic::async_trait]
impl FileService for Files {
    async fn upload_file(
        &self,
        request: Request<Streaming<pb::UploadFileRequest>>,
    ) -> Result<Response<pb::File>, Status> {
        let (ctx, mut pieces) = request.open_stream()?;
        let first = pieces.first().await?;
        let place = Place::try_from(&first)?;
        let team = self.teams.own(&ctx, place.team).await?;
        let rule =
            report::store::desk(&self.store.read(&ctx).await?, &team, place.lesson).await?.takes(&place.field)?;
        let (media_type, incoming) = receive(self.blobs.create(&ctx).await?, rule, first, pieces).await?;
        let file = File::new(&ctx, team.seat(), place, media_type, incoming.keep().await?);
        let tx = self.store.write(&ctx).await?;
        store::add(&tx, &file).await?;
        tx.note("upload file", format!("file {}", file.id()), "");
        tx.answer(file.into()).await
    }

    type DownloadFileStream = futures::stream::BoxStream<'static, Result<HttpBody, Status>>;

    async fn download_file(
        &self,
        request: Request<pb::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let (ctx, req) = request.open()?;
        let file = self.readable(&ctx, &req).await?;
        let bytes = self.blobs.open(&ctx, &file.digest).await?;
        let content_type = file.media_type;
        let piece = move |data| HttpBody { content_type: content_type.clone(), data, extensions: Vec::new() };
        let pieces = bytes.map_ok(piece).map_err(Status::from);
        let mut answer = Response::new(Box::pin(pieces) as Self::DownloadFileStream);
        blob::name(answer.metadata_mut(), &file.name);
        Ok(answer)
    }
}

impl Files {
    /// The file, for who may see its team; in a programme also for the other class and its country, where it is in what both make
    /// together, and of a picture or a video only as long as both classes say that it may be shown. Reading it is an entry of the audit
    /// log: there may be people in it.
    async fn readable(&self, ctx: &Ctx, req: &pb::DownloadFileRequest) -> Result<File> {
        let (team, id) = (req.team_id.parse()?, req.file_id.parse()?);
        let seen = self.teams.get(ctx, team).await;
        let tx = self.store.write(ctx).await?;
        let sharing = if seen.is_ok() { None } else { output::store::sharing(&tx, team, id).await? };
        if sharing.is_none() {
            seen?;
        }
        let file = store::get(&tx, team, id).await?;
        if let Some(pair) = sharing.filter(|_| file.may_show_people()) {
            let shown = consent::store::publication(&tx, &pair, id, Channel::PairSpace).await?;
            if !shown.is_granted() {
                return Err(Error::not_found("file"));
            }
        }
        tx.note("read file", format!("file {}", file.id()), "");
        tx.commit().await?;
        Ok(file)
    }
}

/// How many of a file's first bytes are looked at.
const HEAD: usize = 512;

/// Takes the bytes in, refusing at the first one too many and as soon as it is plain that they are of another kind.
async fn receive(
    mut incoming: Incoming,
    rule: Rule,
    first: pb::UploadFileRequest,
    mut pieces: Pieces<pb::UploadFileRequest>,
) -> Result<(&'static str, Incoming)> {
    let (mut next, mut head) = (Some(first), Vec::with_capacity(HEAD));
    while let Some(piece) = next {
        let bytes = piece.file.unwrap_or_default().data;
        rule.check_size(incoming.size().saturating_add(bytes.len() as u64))?;
        head.extend(bytes.iter().take(HEAD - head.len()));
        incoming.write(&bytes).await?;
        if head.len() == HEAD {
            rule.check_kind(media_type(incoming.media_type(), &head))?;
        }
        next = pieces.next().await?;
    }
    let media_type = media_type(incoming.media_type(), &head);
    rule.check_kind(media_type)?;
    Ok((media_type, incoming))
}

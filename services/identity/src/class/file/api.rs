//! The methods on files.

use std::pin::Pin;

use futures::{Stream, TryStreamExt};
use platform::{
    Allowed, Ctx, Open, Result, Store,
    blob::{self, Blobs, Incoming},
    ctx::Visible,
    open::{OpenStream, Pieces},
};
use proto::{
    google::api::HttpBody,
    identity::v1::{self as pb, file_service_server::FileService},
    options::v1::Role,
};
use tonic::{Request, Response, Status, Streaming};

use super::{File, Label, Purpose, bytes, store};
use crate::{across::entrance, class::application, reason::Reason};

/// The methods on files.
#[derive(Clone)]
pub struct Files {
    /// Identity's data.
    pub store: Store,
    /// The stored bytes.
    pub blobs: Blobs,
}

#[tonic::async_trait]
impl FileService for Files {
    async fn upload_file(
        &self,
        request: Request<Streaming<pb::UploadFileRequest>>,
    ) -> Result<Response<pb::File>, Status> {
        let (ctx, mut pieces) = request.open_stream()?;
        let first = pieces.first().await?;
        let label = Label::try_from(&first)?;
        let whole = receive(self.blobs.create(&ctx), label.purpose, first, pieces).await?.whole().await?;
        let file = File::new(&ctx, label, whole.blob().clone())?;
        let kept = whole.keep_as(file.place()).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entrance::owner_to_change(&tx).await?;
        bytes::add(&tx, &file, kept).await?;
        tx.note("upload file", format!("file {}", file.id()), "");
        tx.answer(file.into()).await
    }

    type DownloadFileStream = Pin<Box<dyn Stream<Item = Result<HttpBody, Status>> + Send>>;

    async fn download_file(
        &self,
        request: Request<pb::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let (ctx, req) = request.open()?;
        let file = self.readable(&ctx, &req).await?;
        let read = self.blobs.open(&ctx, file.place()).await?;
        let media_type = file.media_type.clone();
        let pieces =
            read.map_ok(move |data| HttpBody { content_type: media_type.clone(), data, extensions: Vec::new() });
        let mut answer = Response::new(Box::pin(pieces.map_err(Status::from)) as Self::DownloadFileStream);
        blob::name(answer.metadata_mut(), &file.name);
        Ok(answer)
    }
}

impl Files {
    /// The file, for its uploader, and for the central team where it is attached to an application that was submitted. Each read is
    /// an entry of the audit log, because a file may name a person. Error: not found.
    async fn readable(&self, ctx: &Ctx, req: &pb::DownloadFileRequest) -> Result<File> {
        let tx = self.store.change(ctx).await?;
        let file = store::find(&tx, req.file_id.parse()?).await?;
        let attached = match &file {
            Some(file) if ctx.has(Role::Coordinator) => application::store::has_file(&tx, file).await?,
            _ => false,
        };
        let file = file.visible("file", |file| attached || file.is_of(ctx))?;
        tx.note("read file", format!("file {}", file.id()), "");
        tx.commit().await?;
        Ok(file)
    }
}

/// Receives the bytes. Error: `FILE_TOO_LARGE` or `FILE_KIND_REFUSED`, as soon as the bytes received so far show it.
async fn receive(
    mut incoming: Incoming,
    purpose: Purpose,
    first: pb::UploadFileRequest,
    mut pieces: Pieces<pb::UploadFileRequest>,
) -> Result<Incoming> {
    let mut next = Some(first);
    while let Some(piece) = next {
        incoming.write(piece.file.unwrap_or_default().data).await?;
        if incoming.size() > purpose.max_bytes() {
            return Err(blob::too_large(Reason::FileTooLarge, purpose.max_bytes()));
        }
        if incoming.is_recognisable() {
            purpose.check_kind(incoming.media_type())?;
        }
        next = pieces.next().await?;
    }
    purpose.check_kind(incoming.media_type())?;
    Ok(incoming)
}

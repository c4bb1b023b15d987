//! The methods on files.

use futures::TryStreamExt;
use platform::{
    Ctx, Open, Result, Store,
    blob::{self, Blobs, Incoming, Whole},
    open::{OpenStream, Pieces},
    tenant::Kind,
};
use proto::{
    google::api::HttpBody,
    lessons::v1::{self as pb, file_service_server::FileService},
};
use tonic::{Request, Response, Status, Streaming};

use super::{File, Rule, Upload, bytes, media_type, saved_name, store};
use crate::{
    across::{
        classes::{Class, Classes},
        report, shelf,
    },
    twinning::{
        pair,
        sighting::{Kind as Witnessed, witness::Witness},
    },
};

/// The methods on files.
#[derive(Clone)]
pub struct Files {
    /// The data of lessons.
    pub store: Store,
    /// The bytes.
    pub blobs: Blobs,
    /// Finds the classes that files belong to.
    pub classes: Classes,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

#[tonic::async_trait]
impl FileService for Files {
    async fn upload_file(
        &self,
        request: Request<Streaming<pb::UploadFileRequest>>,
    ) -> Result<Response<pb::File>, Status> {
        let (ctx, mut pieces) = request.open_stream()?;
        let first = pieces.first().await?;
        let upload = Upload::try_from(&first)?;
        let (class, rule) = self.rule(&ctx, &upload).await?;
        let (media_type, whole) = receive(self.blobs.create(&ctx), rule, first, pieces).await?;
        let file = File::new(&ctx, class.team.seat(), upload, media_type, whole.blob().clone());
        let kept = whole.keep_as(file.place()).await?;
        let tx = self.store.write(&ctx).await?.allowed(class.open_to(&ctx)?).await?;
        pair::store::check_working(&tx, class.team.seat()).await?;
        bytes::add(&tx, &file, kept).await?;
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
        let bytes = bytes::open(&self.store, &self.blobs, &ctx, &file).await?;
        let name = saved_name(&file.name, &file.media_type);
        let content_type = file.media_type;
        let piece = move |data| HttpBody { content_type: content_type.clone(), data, extensions: Vec::new() };
        let pieces = bytes.map_ok(piece).map_err(Status::from);
        let mut answer = Response::new(Box::pin(pieces) as Self::DownloadFileStream);
        blob::name(answer.metadata_mut(), &name);
        Ok(answer)
    }
}

impl Files {
    /// The caller's class, and what the field takes that it uploads for. Error: not found, and as [`LoadedReport::takes`].
    ///
    /// [`LoadedReport::takes`]: crate::work::report::LoadedReport::takes
    async fn rule(&self, ctx: &Ctx, upload: &Upload) -> Result<(Class, Rule)> {
        let class = self.classes.get_own(ctx, upload.team).await?;
        let loaded = report::load(&self.store.read(ctx).await?, &class, upload.lesson).await?;
        Ok((class, loaded.takes(&upload.field)?))
    }

    /// The file, if the caller may read it. In a country that is who may see its team. Reading a file is noted in the audit log, because
    /// people may be seen in it.
    async fn readable(&self, ctx: &Ctx, req: &pb::DownloadFileRequest) -> Result<File> {
        let (team, id) = (req.team_id.parse()?, req.file_id.parse()?);
        let is_at_home = ctx.tenant().kind() == Kind::Country;
        if is_at_home {
            self.classes.get(ctx, team).await?;
        }
        let tx = self.store.change(ctx).await?;
        let (file, side) = if is_at_home {
            (store::get(&tx, team, id).await?, None)
        } else {
            let (file, side) = shelf::readable(&tx, team, id).await?;
            (file, Some(side))
        };
        tx.note("read file", format!("file {}", file.id()), "");
        tx.commit().await?;
        self.witness.saw(ctx, Witnessed::File, side.as_ref()).await?;
        Ok(file)
    }
}

/// The number of first bytes by which the kind of a file is judged.
const HEAD: usize = 512;

/// Receives the bytes. Refuses as soon as there are too many, or as soon as it is clear that they are of another kind.
async fn receive(
    mut incoming: Incoming,
    rule: Rule,
    first: pb::UploadFileRequest,
    mut pieces: Pieces<pb::UploadFileRequest>,
) -> Result<(&'static str, Whole)> {
    let (mut next, mut head) = (Some(first), Vec::with_capacity(HEAD));
    while let Some(piece) = next {
        let bytes = piece.file.unwrap_or_default().data;
        rule.check_size(incoming.size().saturating_add(bytes.len() as u64))?;
        head.extend(bytes.iter().take(HEAD - head.len()));
        incoming.write(bytes).await?;
        if head.len() == HEAD {
            rule.check_kind(media_type(incoming.media_type(), &head))?;
        }
        next = pieces.next().await?;
    }
    let media_type = media_type(incoming.media_type(), &head);
    rule.check_kind(media_type)?;
    Ok((media_type, incoming.whole().await?))
}

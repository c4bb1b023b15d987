//! The methods on files.

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use platform::{
    Ctx, Open, Result, Store,
    blob::{self, Blobs, Incoming, Whole},
    event::Handlers,
    open::{OpenStream, Pieces},
    tenant::Kind,
};
use proto::{
    google::api::HttpBody,
    lessons::v1::{self as pb, file_service_server::FileService},
};
use tonic::{Request, Response, Status, Streaming};

use super::{File, Place, Rule, media_type, saved_name, store};
use crate::{
    twinning::sighting::{Kind as Witnessed, witness::Witness},
    work::report,
    year::team::{Seat, peer::Teams},
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
    /// Who writes down what is seen.
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
        let place = Place::try_from(&first)?;
        let (seat, rule) = self.rule(&ctx, &place).await?;
        let (media_type, bytes) = receive(self.blobs.create(&ctx).await?, rule, first, pieces).await?;
        let file = File::new(&ctx, seat, place, media_type, bytes.blob().clone());
        let tx = self.store.write(&ctx).await?;
        store::add(&tx, &file).await?;
        bytes.keep().await?;
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
        let bytes = open(&self.store, &self.blobs, &ctx, &file).await?;
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
    /// Where the caller's team works, and what the field takes that it uploads for.
    async fn rule(&self, ctx: &Ctx, place: &Place) -> Result<(Seat, Rule)> {
        let team = self.teams.own(ctx, place.team).await?;
        let desk = report::store::desk(&self.store.read(ctx).await?, &team, place.lesson).await?;
        Ok((team.seat(), desk.takes(&place.field)?))
    }

    /// The file, for who may see its team; in a programme, for who is shown it there. Reading it is an entry of the audit log: there may
    /// be people in it.
    async fn readable(&self, ctx: &Ctx, req: &pb::DownloadFileRequest) -> Result<File> {
        let (team, id) = (req.team_id.parse()?, req.file_id.parse()?);
        let is_at_home = ctx.tenant().kind() == Kind::Country;
        if is_at_home {
            self.teams.get(ctx, team).await?;
        }
        let tx = self.store.write(ctx).await?;
        let (file, side) = if is_at_home {
            (store::get(&tx, team, id).await?, None)
        } else {
            let (file, side) = store::readable(&tx, team, id).await?;
            (file, Some(side))
        };
        tx.note("read file", format!("file {}", file.id()), "");
        tx.commit().await?;
        self.witness.saw(ctx, Witnessed::File, side.as_ref()).await?;
        Ok(file)
    }
}

/// The bytes of a file that could be read just now. Error: not found, where its class has left since and taken it along.
pub(crate) async fn open(
    store: &Store,
    blobs: &Blobs,
    ctx: &Ctx,
    file: &File,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    match blobs.open(ctx, &file.digest).await {
        Ok(bytes) => Ok(bytes),
        Err(missing) => {
            let still = store::get(&store.read(ctx).await?, file.team(), file.id).await;
            Err(still.err().unwrap_or(missing))
        }
    }
}

/// What lessons does when a class has taken its files along: their bytes go too, where nothing else has the same.
pub(crate) fn handlers(handlers: Handlers, store: Store, blobs: Blobs) -> Handlers {
    handlers.on("remove files", move |ctx, removed: pb::FilesRemoved| {
        remove(store.clone(), blobs.clone(), ctx, removed.digests)
    })
}

async fn remove(store: Store, blobs: Blobs, ctx: Ctx, digests: Vec<String>) -> Result<()> {
    let tx = store.write(&ctx).await?;
    for digest in &digests {
        if store::is_free(&tx, digest).await? {
            blobs.remove(&ctx, digest).await?;
        }
    }
    tx.commit().await
}

/// How many of a file's first bytes are looked at.
const HEAD: usize = 512;

/// Takes the bytes in, refusing at the first one too many and as soon as it is plain that they are of another kind.
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
        incoming.write(&bytes).await?;
        if head.len() == HEAD {
            rule.check_kind(media_type(incoming.media_type(), &head))?;
        }
        next = pieces.next().await?;
    }
    let media_type = media_type(incoming.media_type(), &head);
    rule.check_kind(media_type)?;
    Ok((media_type, incoming.whole().await?))
}

#[cfg(test)]
mod tests {
    use platform::blob::Settings;
    use proto::options::v1::Role;

    use super::*;
    use crate::twinning::pair::testing::Space;

    async fn uploaded(space: &Space, blobs: &Blobs, of: usize, bytes: &[u8]) -> String {
        let ctx = space.twin(Role::TwinTeam, of);
        let mut incoming = blobs.create(&ctx).await.unwrap();
        incoming.write(bytes).await.unwrap();
        let whole = incoming.whole().await.unwrap();
        let place = Place { team: space.team(of), lesson: 1, field: "a".to_owned(), name: "a".to_owned() };
        let seat = Seat { team: space.team(of), pair: Some(space.pair) };
        let file = File::new(&ctx, seat, place, "text/plain", whole.blob().clone());
        let tx = space.store.write(&ctx).await.unwrap();
        store::add(&tx, &file).await.unwrap();
        whole.keep().await.unwrap();
        tx.commit().await.unwrap();
        file.digest
    }

    #[tokio::test]
    async fn bytes_are_removed_by_the_fact_however_often_it_comes_and_never_while_a_row_refers_to_them() {
        let (space, folder) = (Space::new().await, tempfile::tempdir().unwrap());
        let blobs = Blobs::new(&Settings { folder: folder.path().to_owned() }, "lessons");
        let alone = uploaded(&space, &blobs, 0, b"ours").await;
        let equal = uploaded(&space, &blobs, 0, b"both").await;
        assert_eq!(uploaded(&space, &blobs, 1, b"both").await, equal);
        let ctx = space.ground.by(Role::Coordinator);
        let handle = || remove(space.store.clone(), blobs.clone(), ctx.clone(), vec![alone.clone(), equal.clone()]);
        let kept = async || [blobs.open(&ctx, &alone).await.is_ok(), blobs.open(&ctx, &equal).await.is_ok()];
        handle().await.unwrap();
        assert_eq!(kept().await, [true, true], "both are referred to");
        space.leave(0).await;
        assert_eq!(kept().await, [true, true], "a process may die here: the fact waits");
        for _ in 0..2 {
            handle().await.unwrap();
            assert_eq!(kept().await, [false, true]);
        }
        assert_eq!(uploaded(&space, &blobs, 1, b"ours").await, alone);
        handle().await.unwrap();
        assert_eq!(kept().await, [true, true], "uploaded anew before the fact came again");
    }
}

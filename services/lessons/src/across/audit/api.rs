//! The methods on the audit log.

use platform::{
    Open, PageRequest, Result,
    audit::{Log, Part, Pieces},
    page::Sizes,
};
use proto::{
    audit::v1::{AuditKey, AuditReport},
    lessons::v1::{self as pb, audit_service_server::AuditService},
};
use tonic::{Request, Response, Status};

/// The methods on the audit log.
#[derive(Clone)]
pub struct Audits {
    /// The log of lessons.
    pub log: Log,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl AuditService for Audits {
    type ExportAuditStream = Pieces;

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = self.log.list(&ctx, PageRequest::of(SIZES, &req)?).await?;
        Ok(Response::new(pb::ListAuditEntriesResponse { entries: page.items, next_page_token: page.next }))
    }

    async fn verify_audit(&self, request: Request<pb::VerifyAuditRequest>) -> Result<Response<AuditReport>, Status> {
        let (ctx, req) = request.open()?;
        Ok(Response::new(self.log.verify(&ctx, Part::of(req.first, req.last)).await?))
    }

    async fn export_audit(&self, request: Request<pb::ExportAuditRequest>) -> Result<Response<Pieces>, Status> {
        let (ctx, req) = request.open()?;
        Ok(self.log.export(&ctx, Part::of(req.first, req.last)).await?)
    }

    async fn get_audit_key(&self, _: Request<pb::GetAuditKeyRequest>) -> Result<Response<AuditKey>, Status> {
        Ok(Response::new(self.log.key()?))
    }
}

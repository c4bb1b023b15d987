//! The methods on operations.

use std::time::Duration;

use platform::{Open, PageRequest, Result, operation::Operations, page::Sizes};
use proto::{
    google::longrunning::Operation,
    lessons::v1::{self as pb, operation_service_server::OperationService},
};
use tonic::{Request, Response, Status};

/// The methods on operations.
#[derive(Clone)]
pub struct OperationMethods {
    /// The operations of lessons.
    pub operations: Operations,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl OperationService for OperationMethods {
    async fn get_operation(&self, request: Request<pb::GetOperationRequest>) -> Result<Response<Operation>, Status> {
        let (ctx, req) = request.open()?;
        Ok(Response::new(self.operations.get(&ctx, req.operation_id.parse()?).await?))
    }

    async fn list_operations(
        &self,
        request: Request<pb::ListOperationsRequest>,
    ) -> Result<Response<pb::ListOperationsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = self.operations.list(&ctx, PageRequest::of(SIZES, &req)?).await?;
        Ok(Response::new(pb::ListOperationsResponse { operations: page.items, next_page_token: page.next }))
    }

    async fn wait_operation(&self, request: Request<pb::WaitOperationRequest>) -> Result<Response<Operation>, Status> {
        let (ctx, req) = request.open()?;
        // a negative one is over already
        let patience = req.timeout.map(|timeout| Duration::try_from(timeout).unwrap_or_default());
        Ok(Response::new(self.operations.wait(&ctx, req.operation_id.parse()?, patience).await?))
    }

    async fn cancel_operation(
        &self,
        request: Request<pb::CancelOperationRequest>,
    ) -> Result<Response<Operation>, Status> {
        let (ctx, req) = request.open()?;
        self.operations.cancel(&ctx, req.operation_id.parse()?).await
    }

    async fn delete_operation(
        &self,
        request: Request<pb::DeleteOperationRequest>,
    ) -> Result<Response<pb::DeleteOperationResponse>, Status> {
        let (ctx, req) = request.open()?;
        self.operations.delete(&ctx, req.operation_id.parse()?, pb::DeleteOperationResponse {}).await
    }
}

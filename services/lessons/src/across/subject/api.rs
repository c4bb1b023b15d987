//! The method on what is known of a person.

use platform::{
    Open, Result,
    subject::{Parts, Subjects},
};
use proto::lessons::v1::{self as pb, data_subject_service_server::DataSubjectService};
use tonic::{Request, Response, Status};

/// The method on what is known of a person.
#[derive(Clone)]
pub struct DataSubjects {
    /// What lessons has of people.
    pub subjects: Subjects,
}

#[tonic::async_trait]
impl DataSubjectService for DataSubjects {
    type DescribeSubjectStream = Parts;

    async fn describe_subject(&self, request: Request<pb::DescribeSubjectRequest>) -> Result<Response<Parts>, Status> {
        let (ctx, _) = request.open()?;
        Ok(self.subjects.describe(&ctx, None).await?)
    }
}

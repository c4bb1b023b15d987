//! `grpc.health.v1`. It uses the same readiness as `/readyz`.

use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health as HealthService, HealthServer},
};

/// The health service. It serves while the process accepts calls.
#[derive(Debug)]
pub(crate) struct Health(watch::Receiver<bool>);

impl Health {
    pub(crate) fn server(ready: watch::Receiver<bool>) -> HealthServer<Self> {
        HealthServer::new(Self(ready))
    }
}

fn known(service: &str) -> bool {
    service.is_empty() || proto::descriptor().get_service_by_name(service).is_some()
}

fn answer(ready: bool) -> HealthCheckResponse {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

fn changes(ready: watch::Receiver<bool>) -> impl Stream<Item = Result<HealthCheckResponse, Status>> {
    WatchStream::new(ready).map(|ready| Ok(answer(ready)))
}

#[tonic::async_trait]
impl HealthService for Health {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if !known(&request.get_ref().service) {
            return Err(Status::not_found("no service has this name"));
        }
        Ok(Response::new(answer(*self.0.borrow())))
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        if !known(&request.get_ref().service) {
            // the protocol requires the stream to stay open, in case such a service is added; here none is
            let unknown = HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() };
            let forever = futures::stream::once(std::future::ready(Ok(unknown))).chain(futures::stream::pending());
            return Ok(Response::new(forever.boxed()));
        }
        Ok(Response::new(changes(self.0.clone()).boxed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.to_owned() })
    }

    #[tokio::test]
    async fn health_follows_the_switch_of_the_process() {
        let (switch, ready) = watch::channel(true);
        let health = Health(ready);
        let mut seen = health.watch(asked("koine.identity.v1.TeamService")).await.unwrap().into_inner();
        assert_eq!(seen.next().await.unwrap().unwrap(), answer(true));
        switch.send(false).unwrap();
        assert_eq!(seen.next().await.unwrap().unwrap(), answer(false));
        assert_eq!(health.check(asked("")).await.unwrap().into_inner(), answer(false));
    }

    #[tokio::test]
    async fn an_unknown_service_has_no_health() {
        let health = Health(watch::channel(true).1);
        assert_eq!(health.check(asked("x")).await.unwrap_err().code(), tonic::Code::NotFound);
        let mut seen = health.watch(asked("x")).await.unwrap().into_inner();
        assert_eq!(seen.next().await.unwrap().unwrap().status, i32::from(ServingStatus::ServiceUnknown));
    }
}

//! The gateway as a part of a process: its pages are what the process's port shows.

use std::net::SocketAddr;

use axum::{Router, extract::ConnectInfo, http::StatusCode, routing::get};
use platform::{Error, Host, Result, Service, telemetry};

use crate::{Channels, Settings, router};

/// The gateway.
pub fn service() -> Service {
    Service::new("gateway").settings::<Settings>().router(pages)
}

fn pages(host: &Host) -> Result<Router> {
    let mut channels = Channels::new();
    for service in proto::descriptor().services() {
        // `koine.identity.v1` is served by `identity`
        if let Some(name) = service.package_name().rsplit('.').nth(1) {
            channels.insert(name.to_owned(), host.peers.channel(name)?);
        }
    }
    let edge = router(host.settings()?, &channels, host.readiness.watch()).map_err(Error::internal)?;
    Ok(edge.route("/metrics", get(metrics)))
}

/// For who runs this machine: how busy a country is, is nobody else's business. A collector elsewhere asks
/// `process.admin_address`.
async fn metrics(ConnectInfo(from): ConnectInfo<SocketAddr>) -> Result<String, StatusCode> {
    if from.ip().to_canonical().is_loopback() { Ok(telemetry::metrics_page()) } else { Err(StatusCode::NOT_FOUND) }
}

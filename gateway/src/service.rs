//! The gateway as a service of a process: its router serves the process's port.

use axum::{Router, extract::Request, http::StatusCode, routing::get};
use platform::{Error, Host, Result, Service, telemetry};

use crate::{Channels, Network, Settings, proxy, router};

/// The gateway's service.
pub fn service() -> Service {
    Service::new("gateway").settings::<Settings>().router(pages).proxies(proxies)
}

fn proxies(host: &Host) -> Result<Vec<Network>> {
    Ok(host.settings::<Settings>()?.trusted_proxies)
}

fn pages(host: &Host) -> Result<Router> {
    let mut channels = Channels::new();
    for service in proto::descriptor().services() {
        // `koine.identity.v1` is served by `identity`
        if let Some(name) = service.package_name().rsplit('.').nth(1) {
            channels.insert(name.to_owned(), host.peers.lanes(name)?);
        }
    }
    let settings: Settings = host.settings()?;
    let trusted = settings.trusted_proxies.clone();
    let edge = router(settings, &channels, host.intake.clone(), host.readiness.watch()).map_err(Error::internal)?;
    Ok(edge.route("/metrics", get(move |request| std::future::ready(metrics(&request, &trusted)))))
}

/// The metrics, for callers on this machine only, because they show how busy a country is. A collector elsewhere uses
/// `process.admin_address`.
fn metrics(request: &Request, trusted: &[Network]) -> Result<String, StatusCode> {
    let here = proxy::origin(request, trusted).is_some_and(|origin| origin.0.is_loopback());
    if here { Ok(telemetry::metrics_page()) } else { Err(StatusCode::NOT_FOUND) }
}

//! The life of a process, from its arguments to its last line in the log.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Process, Service, files, listen};
use crate::{Clock, Error, Result, config::Config, telemetry};

/// The body of `main`. Reads `--config <file>` or `KOINE_CONFIG`, and the environment, and runs until the system asks it to end.
pub fn run(services: impl IntoIterator<Item = Service>) -> ExitCode {
    let services: Vec<Service> = services.into_iter().collect();
    let lived = settings_file(std::env::args().skip(1))
        .and_then(|file| Config::load(file.as_deref(), services.iter().filter_map(Service::section).collect()))
        .and_then(|config| run_with(config, services));
    match lived {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // there may be no log yet; where stderr fails too, nobody can be told
            let _ = writeln!(io::stderr(), "{}", crate::config::text_of(&error));
            ExitCode::FAILURE
        }
    }
}

/// [`run`], with settings that were read before.
pub fn run_with(config: Config, services: Vec<Service>) -> Result<()> {
    // libraries without a provider of their own use this one, the only one that is built in
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?
        .block_on(live(config, services))
}

async fn live(config: Config, services: Vec<Service>) -> Result<()> {
    let name = match services.as_slice() {
        [service] => format!("koine-{}", service.name),
        _ => "koine".to_owned(),
    };
    let telemetry = telemetry::init(&name, &config.telemetry)?;
    files::raise();
    let lived = async {
        // installed before the process is reported ready, so that a request to end is not missed
        let told = listen::told_to_end()?;
        let process = Process::start(config, Clock::system(), services).await?;
        let listening = process.listen().await;
        if listening.is_ok() {
            told.await;
        }
        process.stop().await;
        listening.map(drop)
    };
    let lived = lived.await;
    tracing::info!("ended");
    telemetry.flush().await;
    lived
}

fn settings_file(arguments: impl Iterator<Item = String>) -> Result<Option<PathBuf>> {
    let arguments: Vec<String> = arguments.collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(named_by_environment()),
        ["--config", file] => Ok(Some(Path::new(file).to_owned())),
        _ => Err(Error::internal("the only argument is `--config <file>`; everything else stands in that file")),
    }
}

#[expect(clippy::disallowed_methods, reason = "the file that says everything else must be found somehow")]
fn named_by_environment() -> Option<PathBuf> {
    std::env::var_os("KOINE_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from)
}

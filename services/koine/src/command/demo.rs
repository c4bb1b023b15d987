//! Coordinators for trying out the system.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};

use aws_lc_rs::rand;
use platform::{Config, Error, Process, Result};

use super::say;

/// The file with the passwords, in the data folder; `scripts/demo` reads it.
const KEPT: &str = "demo-coordinators.txt";

/// Creates a coordinator for every country, and one for the secretariat of every programme, where there is none. Prints their
/// logins and passwords, once.
pub(super) async fn coordinators(config: &Config, process: &Process) -> Result<()> {
    let (mut made, hasher) = (Vec::new(), hasher(config)?);
    for tenant in process.tenants().all() {
        let (name, ctx) = (tenant.id(), process.operator(tenant.id().as_str())?);
        let store = process.store("identity")?;
        if identity::has_coordinator(store, &ctx).await? {
            continue;
        }
        let (email, password) = (format!("coordinator@{name}.example"), password()?);
        let person = identity::Coordinator {
            email: email.clone(),
            password: password.clone(),
            given_name: "Demo".to_owned(),
            surname: "Coordinator".to_owned(),
        };
        identity::create_coordinator(store, &ctx, &hasher, person).await?;
        made.push(format!("{name}  {email}  {password}"));
    }
    if made.is_empty() {
        return Ok(());
    }
    let path = config.process.data.join(KEPT);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    file.and_then(|mut file| writeln!(file, "{}", made.join("\n"))).map_err(Error::internal)?;
    say(format_args!(
        "Demo coordinators (tenant, login, password; shown once, kept in {}):\n{}",
        path.display(),
        made.join("\n")
    ))?;
    Ok(())
}

/// The hasher for the passwords of the accounts made here.
pub(super) fn hasher(config: &Config) -> Result<identity::Hasher> {
    identity::Hasher::new(&config.section::<identity::Settings>("identity")?.hashing)
}

/// A random password of 24 letters and digits.
pub(super) fn password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).map_err(Error::internal)?;
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(letters.chunks(6).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

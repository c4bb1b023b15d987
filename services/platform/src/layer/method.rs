//! The methods of the contract and their options, read once from the descriptor.

use std::{collections::HashMap, sync::Arc};

use prost_reflect::{DescriptorPool, MethodDescriptor};
use proto::options::v1::{Access, Role};

use crate::{Error, Result};

/// A method of the contract.
pub(crate) struct Method {
    /// `koine.identity.v1.SessionService/SignIn`.
    pub(crate) name: Arc<str>,
    /// The option `access`. None: there is no such method.
    pub(crate) access: Option<Access>,
    /// Whether requests, or answers, are streams, at the pace of the caller.
    pub(crate) streams_in: bool,
    pub(crate) streams_out: bool,
    /// Whether its answers have no end of their own. The stream of a file has one.
    pub(crate) watches: bool,
}

/// All methods by their path.
pub(crate) struct Methods {
    by_path: HashMap<String, Arc<Method>>,
    unknown: Arc<Method>,
    /// The roles that visitors can have.
    visiting: Vec<i32>,
}

impl Methods {
    /// Reads the methods. Error: every method without a valid option `access`; the process does not start.
    pub(crate) fn of(contract: &DescriptorPool) -> Result<Self> {
        let mut by_path = HashMap::new();
        let mut faults = Vec::new();
        for method in contract.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let name = format!("{}/{}", method.parent_service().full_name(), method.name());
            match access(contract, &method) {
                Ok(access) => {
                    let (streams_in, streams_out) = (method.is_client_streaming(), method.is_server_streaming());
                    let watches = streams_out && method.output().full_name() != "google.api.HttpBody";
                    let name_of = name.as_str().into();
                    let entry = Method { name: name_of, access: Some(access), streams_in, streams_out, watches };
                    by_path.insert(format!("/{name}"), Arc::new(entry));
                }
                Err(fault) => faults.push(format!("{name}: {fault}")),
            }
        }
        if !faults.is_empty() {
            return Err(Error::internal(faults.join("\n")));
        }
        // one name for all unknown methods: what strangers send must not become a label or a log line
        let unknown =
            Method { name: "_OTHER".into(), access: None, streams_in: false, streams_out: false, watches: false };
        Ok(Self { by_path, unknown: Arc::new(unknown), visiting: visiting(contract)? })
    }

    /// Whether a service, named as in its package, has a method for visitors.
    pub(crate) fn let_visitors_into(&self, service: &str) -> bool {
        let package = format!("koine.{service}.");
        let theirs = self.by_path.values().filter(|method| method.name.starts_with(&package));
        theirs
            .filter_map(|method| method.access.as_ref())
            .any(|access| access.roles.iter().any(|role| self.visiting.contains(role)))
    }

    /// The method with a path. An unknown path gives the method `_OTHER`, which has no `access`.
    pub(crate) fn find(&self, path: &str) -> Arc<Method> {
        self.by_path.get(path).unwrap_or(&self.unknown).clone()
    }
}

/// The reason of a method that only programmes have, where it is called in a country.
pub(super) const PROGRAMME_ONLY: &str = "PROGRAMME_ONLY";

/// Whether the package of a method declares this reason.
fn declares_programme_only(contract: &DescriptorPool, method: &MethodDescriptor) -> bool {
    let reasons = contract.get_enum_by_name(&format!("{}.Reason", method.parent_service().package_name()));
    let name = format!("REASON_{PROGRAMME_ONLY}");
    reasons.is_some_and(|reasons| reasons.get_value_by_name(&name).is_some())
}

fn access(contract: &DescriptorPool, method: &MethodDescriptor) -> Result<Access, &'static str> {
    let missing = "says with no `(koine.options.v1.access)` who may call it";
    let option = contract.get_extension_by_name("koine.options.v1.access").ok_or(missing)?;
    let options = method.options();
    if !options.has_extension(&option) {
        return Err(missing);
    }
    let value = options.get_extension(&option);
    let message = value.as_message().ok_or(missing)?;
    let access: Access = message.transcode_to().map_err(|_| missing)?;
    if access.roles.is_empty() && !access.anonymous {
        return Err("lets nobody in: name a role, or `anonymous`");
    }
    if access.tenantless && !access.anonymous {
        return Err("is `tenantless`, so it cannot know a role: it needs `anonymous`");
    }
    if access.programme && (access.anonymous || !declares_programme_only(contract, method)) {
        return Err("is for programmes only: it needs `roles`, and a reason `PROGRAMME_ONLY` in its package");
    }
    if !access.scopes.is_empty() && !access.roles().any(|role| role == Role::Integrator) {
        return Err("needs `scopes` and lets no machine in: they stand beside `ROLE_INTEGRATOR`");
    }
    Ok(access)
}

/// The roles that the contract marks as those of visitors.
fn visiting(contract: &DescriptorPool) -> Result<Vec<i32>> {
    let missing = || Error::internal("the contract has no roles, or no mark for those of visitors");
    let roles = contract.get_enum_by_name("koine.options.v1.Role").ok_or_else(missing)?;
    let mark = contract.get_extension_by_name("koine.options.v1.visiting").ok_or_else(missing)?;
    let marked = roles.values().filter(|role| role.options().get_extension(&mark).as_bool() == Some(true));
    Ok(marked.map(|role| role.number()).collect())
}

#[cfg(test)]
impl Method {
    /// A method for a test of one layer.
    pub(crate) fn with(access: Option<Access>) -> Arc<Self> {
        let name = "test.v1.Test/Call".into();
        Arc::new(Self { name, access, streams_in: false, streams_out: false, watches: false })
    }

    /// A method with this option, which a test can change.
    pub(crate) fn of_access(access: Access) -> Self {
        let name = "test.v1.Test/Call".into();
        Self { name, access: Some(access), streams_in: false, streams_out: false, watches: false }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn every_method_of_the_contract_says_who_may_call_it() {
        let methods = Methods::of(&proto::descriptor()).unwrap();
        let sign_in = methods.find("/koine.identity.v1.SessionService/SignIn");
        assert!(sign_in.access.as_ref().is_some_and(|access| access.anonymous && !access.tenantless));
        assert!(methods.find("/koine.identity.v1.FileService/UploadFile").streams_in);
        let (watch, download) = ("lessons.v1.ReportService/WatchDeliveries", "identity.v1.FileService/DownloadFile");
        assert!(methods.find(&format!("/koine.{watch}")).watches);
        let download = methods.find(&format!("/koine.{download}"));
        assert!(download.streams_out && !download.watches);
        assert!(methods.find("/koine.identity.v1.SessionService/Nothing").access.is_none());
    }

    #[test]
    fn a_method_that_does_not_say_it_is_named_and_refused() {
        // messages that do not know the option drop it when they are read
        let plain = prost_types::FileDescriptorSet::decode(proto::DESCRIPTOR_SET).unwrap();
        let contract = DescriptorPool::from_file_descriptor_set(plain).unwrap();
        let error = Methods::of(&contract).err().unwrap();
        assert!(format!("{error:?}").contains("koine.identity.v1.SessionService/SignIn"), "{error:?}");
    }
}

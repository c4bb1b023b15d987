//! Shared by the tests of the layers: a call, the next layer, and the outcome.

use std::{fs, sync::Arc};

use http::{Request, Response};
use proto::options::v1::Access;
use tempfile::TempDir;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;

use super::{Call, Inbound, Method, Next};
use crate::{
    Clock, Tenants,
    token::{Claims, Signer, of_teacher},
};

/// A call of a method that anybody may call, with these headers.
pub(super) fn call(headers: &[(&'static str, &str)]) -> Inbound {
    call_of(Method::with(Some(Access { anonymous: true, ..Access::default() })), headers)
}

/// A call of a method, with these headers.
pub(super) fn call_of(method: Arc<Method>, headers: &[(&'static str, &str)]) -> Inbound {
    let mut request = Request::new(Body::empty());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Box::new(Call { method, request, time_left: None, ctx: None })
}

/// The next layer, as a closure.
pub(super) struct Then<F>(pub(super) F);

impl<F, Answer> Next for Then<F>
where
    F: Fn(Inbound) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response<Body>> + Send,
{
    fn run(&self, call: Inbound) -> impl Future<Output = Response<Body>> + Send {
        (self.0)(call)
    }
}

/// A next layer that answers OK at once.
pub(super) fn fine() -> impl Next {
    Then(async |_| Response::new(Body::empty()))
}

/// The reason of a refusal; `OK`, where it is none.
pub(super) fn reason(response: &Response<Body>) -> String {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => status.get_error_details().error_info().unwrap().reason.clone(),
        _ => "OK".to_owned(),
    }
}

/// One tenant, `it`, and the folder of its file.
pub(super) fn tenants() -> (Tenants, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let text = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
    fs::write(folder.path().join("it.toml"), text).unwrap();
    let (tenants, faults) = Tenants::load(folder.path(), Vec::new());
    assert_eq!(faults, []);
    (tenants, folder)
}

/// A programme of two countries, `it-hr`, and the folder of its file.
pub(super) fn programme() -> (Tenants, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let text = "kind = \"programme\"\nname = \"Test\"\nlocales = [\"en\"]\nzone = \"Europe/Rome\"\ncountries = [\"it\", \"hr\"]\n";
    fs::write(folder.path().join("it-hr.toml"), text).unwrap();
    let (tenants, faults) = Tenants::load(folder.path(), Vec::new());
    assert_eq!(faults, []);
    (tenants, folder)
}

pub(super) fn clock() -> Clock {
    Clock::held("2026-03-02T10:00:00Z".parse().unwrap())
}

/// A token of a teacher in `tenant`.
pub(super) fn token(signer: &Signer, clock: &Clock, tenant: &str) -> String {
    signer.sign(&Claims { tenant: tenant.to_owned(), ..of_teacher(clock) }).unwrap()
}

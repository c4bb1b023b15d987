//! The routing table: every HTTP rule of the descriptor, prepared once at the start.

use http::{Method, uri::PathAndQuery};
use platform::client::Lanes;
use prost_reflect::{Cardinality, FieldDescriptor, MessageDescriptor};
use proto::error::v1::Reason;
use tonic::Status;

use crate::{
    Channels, Error,
    deprecated::Notices,
    field::FieldPath,
    path::{self, Segment},
    problem::Problem,
    reason,
    rpc::{self, Binding, Body, Rpc, Shape},
    template::{Template, Variable},
    trie::Node,
};

/// A method for one of its HTTP rules.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) shape: Shape,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    /// The path of the method over gRPC.
    pub(crate) grpc: PathAndQuery,
    pub(crate) lanes: Lanes,
    pub(crate) body: Body,
    /// The fields that have their values in the path.
    pub(crate) bound: Vec<FieldPath>,
    /// The mask of a PATCH, where it can be derived from the body.
    pub(crate) mask: Option<FieldDescriptor>,
    /// The field that identifies a repeated call, in a method that changes something.
    pub(crate) key: Option<FieldDescriptor>,
    pub(crate) notices: Notices,
    variables: Vec<Variable>,
}

/// All routes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    routes: Vec<Route>,
    /// Paths below a tenant.
    tenant: Node,
    /// Paths of methods without a tenant.
    open: Node,
}

/// A route, with the tenant and values of a path.
#[derive(Debug)]
pub(crate) struct Found<'t> {
    pub(crate) route: &'t Route,
    pub(crate) tenant: Option<String>,
    /// The value of each of the route's bound fields.
    pub(crate) values: Vec<String>,
}

impl Table {
    pub(crate) fn new(rpcs: &[Rpc], channels: &Channels) -> Result<Self, Error> {
        let mut table = Self::default();
        for rpc in rpcs {
            let lanes = channels.get(rpc.service()).ok_or_else(|| Error::Peer(rpc.service().to_owned()))?;
            for binding in &rpc.bindings {
                let refused = |fault| Error::Rule { method: rpc.method.full_name().to_owned(), fault };
                table.add(rpc, binding, lanes).map_err(refused)?;
            }
        }
        Ok(table)
    }

    fn add(&mut self, rpc: &Rpc, binding: &Binding, lanes: &Lanes) -> Result<(), String> {
        let tree = if rpc.access.tenantless { &mut self.open } else { &mut self.tenant };
        if !tree.insert(&binding.template, binding.method.clone(), self.routes.len()) {
            return Err(format!("{} {} is another method's too", binding.method, binding.template.plain()));
        }
        self.routes.push(Route::new(rpc, binding, lanes)?);
        Ok(())
    }

    /// Finds the route of a request. Error: `ROUTE_UNKNOWN`; 405, where the path has other methods; `TENANT_UNKNOWN`.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Found<'_>, Problem> {
        let segments = path::segments(path)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let mut allowed = Vec::new();
        if let Some(found) = self.within(&self.open, &segments, wanted, &mut allowed)? {
            return Ok(found);
        }
        let (tenant, rest) = segments.split_first().map_or(("", &segments[..]), |(first, rest)| (&*first.text, rest));
        match self.within(&self.tenant, rest, wanted, &mut allowed)? {
            Some(found) => Ok(Found { tenant: Some(tenant_name(tenant)?), ..found }),
            None if !allowed.is_empty() => Err(Problem::method_not_allowed(&allowed)),
            None => Err(self.unknown(path, &segments, wanted).into()),
        }
    }

    /// Finds a path in one tree: first as a path with a verb, then with the colon as part of its last segment.
    fn within(
        &self,
        tree: &Node,
        path: &[Segment<'_>],
        method: &Method,
        allowed: &mut Vec<Method>,
    ) -> Result<Option<Found<'_>>, Status> {
        if let Some((last, parents)) = path.split_last()
            && let Some((stem, verb)) = last.raw.rsplit_once(':')
        {
            let path = [parents, &[Segment::new(stem)?]].concat();
            if let Some(route) = tree.find(&path, verb, method, allowed) {
                return self.found(route, &path).map(Some);
            }
        }
        tree.find(path, "", method, allowed).map(|route| self.found(route, path)).transpose()
    }

    fn found(&self, route: usize, path: &[Segment<'_>]) -> Result<Found<'_>, Status> {
        let unread = || reason::refuse(Reason::RouteUnknown, "No method or page has this address.");
        let route = self.routes.get(route).ok_or_else(unread)?;
        let values: Option<Vec<_>> = route.variables.iter().map(|variable| variable.value(path)).collect();
        Ok(Found { route, tenant: None, values: values.ok_or_else(unread)? })
    }

    /// The error for a path without a route. It tells where only the tenant is missing, which is the most frequent fault.
    fn unknown(&self, path: &str, segments: &[Segment<'_>], method: &Method) -> Status {
        match self.within(&self.tenant, segments, method, &mut Vec::new()) {
            Ok(Some(_)) => {
                let message = format!("Put a tenant before the path, as in `/it{path}`.");
                reason::refuse(Reason::TenantUnknown, message)
            }
            _ => reason::refuse(
                Reason::RouteUnknown,
                "No method or page has this address. `/` shows all there are, `/openapi.json` for programs.",
            ),
        }
    }
}

/// Checks the form of a tenant's name; services know whether the tenant exists. Error: `TENANT_UNKNOWN`.
fn tenant_name(text: &str) -> Result<String, Status> {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() <= 63 && text.split('-').all(word) {
        return Ok(text.to_owned());
    }
    Err(reason::refuse(Reason::TenantUnknown, "No tenant has this name."))
}

impl Route {
    /// The method of the route: `koine.identity.v1.TeamService/GetTeam`.
    pub(crate) fn method(&self) -> &str {
        self.grpc.path().trim_start_matches('/')
    }

    fn new(rpc: &Rpc, binding: &Binding, lanes: &Lanes) -> Result<Self, String> {
        let (method, input) = (&rpc.method, rpc.method.input());
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let is_mask = |field: &FieldDescriptor| {
            field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.protobuf.FieldMask")
        };
        let masked = binding.method == Method::PATCH && matches!(binding.body, Body::Field(_));
        let mask = input.fields().find(is_mask).filter(|_| masked);
        Ok(Self {
            shape: rpc.shape.clone(),
            output: method.output(),
            grpc: PathAndQuery::try_from(path).map_err(|fault| fault.to_string())?,
            lanes: lanes.clone(),
            body: binding.body.clone(),
            mask,
            key: rpc::key(&input).filter(|_| binding.method != Method::GET),
            notices: rpc.notices.clone(),
            bound: bound(&input, &binding.template)?,
            variables: binding.template.variables.clone(),
            input,
        })
    }
}

fn bound(input: &MessageDescriptor, template: &Template) -> Result<Vec<FieldPath>, String> {
    let mut fields: Vec<FieldPath> = Vec::new();
    for name in template.variables.iter().map(|variable| &variable.field) {
        let field = FieldPath::resolve(input, name).ok_or_else(|| format!("the request has no field `{name}`"))?;
        if field.field().cardinality() == Cardinality::Repeated {
            return Err(format!("`{name}` is repeated and cannot stand in a path"));
        }
        if fields.iter().any(|other| other.name() == field.name()) {
            return Err(format!("`{name}` stands twice in the path"));
        }
        fields.push(field);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::{rpc, tests::unconnected};

    fn table() -> Table {
        Table::new(&rpc::all(&proto::descriptor()).unwrap(), &unconnected()).unwrap()
    }

    fn find<'t>(table: &'t Table, method: &Method, path: &str) -> (&'t str, Option<String>, Vec<String>) {
        let found = table.find(method, path).unwrap();
        (found.route.grpc.path(), found.tenant, found.values)
    }

    fn status(method: &Method, path: &str) -> (StatusCode, String) {
        let problem = table().find(method, path).unwrap_err();
        let document: serde_json::Value = serde_json::from_slice(&problem.json()).unwrap();
        let response = axum::response::IntoResponse::into_response(problem);
        (response.status(), document["reason"].as_str().unwrap().to_owned())
    }

    // channels can only be made in a runtime
    #[tokio::test]
    async fn the_tenant_is_the_first_segment_and_no_field() {
        let table = table();
        let (grpc, tenant, values) = find(&table, &Method::PATCH, "/it-hr/v1/teams/7");
        assert_eq!((grpc, tenant.as_deref()), ("/koine.identity.v1.TeamService/UpdateTeam", Some("it-hr")));
        assert_eq!(values, ["7"]);
    }

    #[tokio::test]
    async fn a_method_that_is_the_same_everywhere_has_no_tenant() {
        let table = table();
        assert_eq!(find(&table, &Method::GET, "/v1/tenants").1, None);
        assert!(find(&table, &Method::GET, "/.well-known/jwks.json").0.ends_with("ListKeys"));
        assert_eq!(status(&Method::GET, "/it/v1/tenants"), (StatusCode::NOT_FOUND, "ROUTE_UNKNOWN".into()));
    }

    #[tokio::test]
    async fn a_verb_is_told_from_a_colon_in_a_value() {
        let table = table();
        assert!(find(&table, &Method::POST, "/it/v1/teams/7:handOver").0.ends_with("HandOverTeam"));
        let (grpc, _, values) = find(&table, &Method::GET, "/it/v1/teams/22:23");
        assert!(grpc.ends_with("GetTeam"));
        assert_eq!(values, ["22:23"]);
    }

    #[tokio::test]
    async fn head_is_answered_like_get() {
        assert!(find(&table(), &Method::HEAD, "/it/v1/teams/7").0.ends_with("GetTeam"));
    }

    #[tokio::test]
    async fn an_unknown_route_tenant_and_method_have_different_errors() {
        assert_eq!(status(&Method::GET, "/it/v1/nothing"), (StatusCode::NOT_FOUND, "ROUTE_UNKNOWN".into()));
        assert_eq!(status(&Method::GET, "/v1/teams"), (StatusCode::NOT_FOUND, "TENANT_UNKNOWN".into()));
        assert_eq!(status(&Method::GET, "/IT/v1/teams"), (StatusCode::NOT_FOUND, "TENANT_UNKNOWN".into()));
        assert_eq!(status(&Method::PUT, "/it/v1/teams/7").0, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(&Method::GET, "/it/v1/teams/%ff").0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_service_without_a_channel_is_refused_at_start() {
        let mut channels = unconnected();
        channels.remove("lessons");
        let fault = Table::new(&rpc::all(&proto::descriptor()).unwrap(), &channels).unwrap_err();
        assert!(fault.to_string().contains("`lessons`"), "{fault}");
    }
}

//! The options of methods: their HTTP rules, and who may call them.

use http::Method;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor,
};
use proto::{
    google::api::{HttpRule, http_rule::Pattern},
    options::v1::Access,
};

use crate::{Error, deprecated::Notices, template::Template};

/// A method and its options.
#[derive(Debug)]
pub(crate) struct Rpc {
    pub(crate) method: MethodDescriptor,
    pub(crate) shape: Shape,
    pub(crate) access: Access,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) notices: Notices,
}

/// How requests and answers are written over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// JSON in, JSON out.
    Unary,
    /// JSON in, server-sent events out.
    Events,
    /// JSON in, a file out.
    Download,
    /// A file in, in this field of the request, JSON out.
    Upload(FieldDescriptor),
}

/// An HTTP rule of a method.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) body: Body,
}

/// The part of the request message that the body contains.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// Nothing: there is no body.
    Nothing,
    /// The whole message.
    Whole,
    /// This field.
    Field(FieldDescriptor),
}

/// Every method of the descriptor, in its order. Error: a method whose HTTP rules are not supported.
pub(crate) fn all(pool: &DescriptorPool) -> Result<Vec<Rpc>, Error> {
    let options = Options::of(pool)?;
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| Rpc::read(&options, method)).collect()
}

/// The name of the service in the name of a package: `identity` in `koine.identity.v1`.
pub(crate) fn service_name(package: &str) -> &str {
    package.split('.').rev().nth(1).unwrap_or(package)
}

struct Options {
    http: ExtensionDescriptor,
    access: ExtensionDescriptor,
}

impl Options {
    fn of(pool: &DescriptorPool) -> Result<Self, Error> {
        Ok(Self { http: extension(pool, "google.api.http")?, access: extension(pool, "koine.options.v1.access")? })
    }
}

/// An option that the `.proto` files declare. Error: it is not declared.
pub(crate) fn extension(pool: &DescriptorPool, name: &str) -> Result<ExtensionDescriptor, Error> {
    let missing = || Error::Rule { method: name.to_owned(), fault: "the descriptor has no such option".to_owned() };
    pool.get_extension_by_name(name).ok_or_else(missing)
}

/// The value of an option, or its default where it is not set.
pub(crate) fn option<M: Message + Default>(options: &DynamicMessage, extension: &ExtensionDescriptor) -> M {
    let value = options.get_extension(extension);
    value.as_message().and_then(|message| message.transcode_to().ok()).unwrap_or_default()
}

/// The field that identifies a repeated call. None, where there is none.
pub(crate) fn key(input: &MessageDescriptor) -> Option<FieldDescriptor> {
    input.get_field_by_name("request_id")
}

impl Rpc {
    fn read(options: &Options, method: MethodDescriptor) -> Result<Self, Error> {
        let refused = |fault| Error::Rule { method: method.full_name().to_owned(), fault };
        let set = method.options();
        let mut rule: HttpRule = option(&set, &options.http);
        let more = std::mem::take(&mut rule.additional_bindings);
        let rules = std::iter::once(rule).chain(more).filter(|rule| rule.pattern.is_some());
        let bindings =
            rules.map(|rule| Binding::read(&method.input(), rule)).collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let shape = Shape::read(&method, &bindings).map_err(refused)?;
        let notices = Notices::of(&method)?;
        Ok(Self { access: option(&set, &options.access), shape, bindings, notices, method })
    }

    pub(crate) fn service(&self) -> &str {
        service_name(self.method.parent_service().package_name())
    }
}

impl Binding {
    fn read(input: &MessageDescriptor, rule: HttpRule) -> Result<Self, String> {
        // no client of ours needs it, and incomplete support would be misleading
        if !rule.response_body.is_empty() {
            return Err("`response_body` is not served; answer with the message that should be the body".to_owned());
        }
        let (method, path) = match rule.pattern.ok_or("the HTTP rule has no path")? {
            Pattern::Get(path) => (Method::GET, path),
            Pattern::Put(path) => (Method::PUT, path),
            Pattern::Post(path) => (Method::POST, path),
            Pattern::Delete(path) => (Method::DELETE, path),
            Pattern::Patch(path) => (Method::PATCH, path),
            Pattern::Custom(custom) => {
                let method = Method::from_bytes(custom.kind.as_bytes());
                (method.map_err(|_| format!("`{}` is not an HTTP method", custom.kind))?, custom.path)
            }
        };
        let body = match rule.body.as_str() {
            "" => Body::Nothing,
            "*" => Body::Whole,
            name => {
                let field = input.get_field_by_name(name).filter(|field| !field.is_list() && !field.is_map());
                let field = field.filter(|field| field.kind().as_message().is_some());
                Body::Field(
                    field.ok_or_else(|| format!("`body` names `{name}`, which is not one message in the request"))?,
                )
            }
        };
        Ok(Self { method, template: Template::parse(&path)?, body })
    }
}

impl Shape {
    fn read(method: &MethodDescriptor, bindings: &[Binding]) -> Result<Self, String> {
        if method.is_client_streaming() {
            let refused = "a stream of requests reaches HTTP only through a `body` of google.api.HttpBody in every rule, \
                           and one answer";
            let bodies: Vec<_> = bindings.iter().map(|binding| &binding.body).collect();
            return match bodies[..] {
                [Body::Field(field), ref more @ ..]
                    if is_http_body(field.kind().as_message())
                        && !method.is_server_streaming()
                        && more.iter().all(|body| *body == bodies[0]) =>
                {
                    Ok(Self::Upload(field.clone()))
                }
                _ => Err(refused.to_owned()),
            };
        }
        Ok(match (is_http_body(Some(&method.output())), method.is_server_streaming()) {
            (true, _) => Self::Download,
            (false, true) => Self::Events,
            (false, false) => Self::Unary,
        })
    }
}

fn is_http_body(message: Option<&MessageDescriptor>) -> bool {
    message.is_some_and(|message| message.full_name() == "google.api.HttpBody")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(name: &str) -> Rpc {
        all(&proto::descriptor()).unwrap().into_iter().find(|rpc| rpc.method.full_name() == name).unwrap()
    }

    #[test]
    fn every_method_of_the_descriptor_can_be_served() {
        let rpcs = all(&proto::descriptor()).unwrap();
        assert!(rpcs.len() > 40);
        assert!(rpcs.iter().all(|rpc| !rpc.bindings.is_empty()));
    }

    #[test]
    fn the_shape_of_a_method_comes_from_its_streams_and_messages() {
        assert_eq!(rpc("koine.identity.v1.TeamService.GetTeam").shape, Shape::Unary);
        assert_eq!(rpc("koine.lessons.v1.ReportService.WatchDeliveries").shape, Shape::Events);
        assert_eq!(rpc("koine.identity.v1.FileService.DownloadFile").shape, Shape::Download);
        assert!(matches!(rpc("koine.identity.v1.FileService.UploadFile").shape, Shape::Upload(_)));
    }

    #[test]
    fn options_are_read_with_their_values() {
        let rpc = rpc("koine.identity.v1.TenantService.ListTenants");
        assert!(rpc.access.anonymous && rpc.access.tenantless);
        assert_eq!(rpc.service(), "identity");
    }
}

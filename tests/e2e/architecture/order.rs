//! Load, ask the rule, only then be answered again: the types hold a method to that order, for it needs a proof before it can write. Here
//! is held where proofs come from. Those of an object are given by the rules of a resource; a method that shows its `access` alone names no
//! object in its path, or is on a list.

use proto::descriptor;

use crate::{
    contract::methods::{http, methods},
    source::{Function, Source, holds, sources},
};

/// Methods with an id in their path that show their `access` alone, and why.
const BY_ACCESS: [(&str, &str); 1] =
    [("lessons.ReviseCalendarItem", "every central team may change every item of its tenant's calendars")];

/// Whether HTTP reaches a method by a path with an id in it. None, where a service has no such method.
fn has_id(package: &str, function: &Function) -> Option<bool> {
    let all = methods(&descriptor());
    let of_service = |name: &str| name.starts_with(&format!("koine.{package}."));
    let method = all.iter().find(|method| of_service(method.full_name()) && pascal(&function.name) == method.name())?;
    Some(http(method).iter().any(|(_, path)| path.contains("id}")))
}

/// The name of a method of the wire: `HandOverTeam` of `hand_over_team`.
fn pascal(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}

/// The function around a place.
fn around(source: &Source, at: usize) -> Option<&Function> {
    source.functions.iter().filter(|function| function.body.contains(&at)).max_by_key(|function| function.at)
}

fn proof_faults(sources: &[Source]) -> Vec<String> {
    let (mut faults, mut listed) = (Vec::new(), Vec::new());
    for source in sources.iter().filter(|source| source.path.starts_with("services/") && source.package != "platform") {
        let is_rule = !matches!(source.name(), "api.rs" | "store.rs" | "wire.rs");
        let mut given =
            source.mentions.iter().filter(|mention| mention.path.ends_with(&["Allowed".into(), "when".into()]));
        if let Some(given) = given.find(|_| !is_rule) {
            let place = source.place(given.at);
            faults.push(format!("{place}: who may is said by the rules of the resource: make it a method there"));
        }
        for word in source.words.iter().filter(|word| word.text == "by_access") {
            let method = around(source, word.at).filter(|function| function.is_rpc);
            let name = method.map(|method| format!("{}.{}", source.package, pascal(&method.name)));
            match method.and_then(|method| has_id(&source.package, method)) {
                None => faults
                    .push(format!("{}: only a method shows its `access`, where it is called", source.place(word.at))),
                Some(false) => {}
                Some(true) => listed.push((name.unwrap_or_default(), source.place(word.at))),
            }
        }
    }
    let is_on_list = |name: &String| BY_ACCESS.iter().any(|(listed, _)| listed == name);
    let unlisted = listed.iter().filter(|(name, _)| !is_on_list(name));
    faults.extend(unlisted.map(|(name, place)| {
        format!("{place}: `{name}` names an object: prove that the caller may by a rule of it, or say in the list here why there is none")
    }));
    let gone = BY_ACCESS.iter().filter(|(name, _)| listed.iter().all(|(listed, _)| listed != name));
    faults
        .extend(gone.map(|(name, _)| format!("{name}: does not show its `access` alone: strike it off the list here")));
    faults
}

#[test]
fn who_may_is_said_by_a_rule_of_the_object() {
    holds("A method proves that its caller may, by a rule of its object:", &proof_faults(sources()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of one file more than those of an empty project.
    fn faults(path: &str, text: &str) -> Vec<String> {
        let mut faults = proof_faults(&[Source::new("identity", path, text.to_owned())]);
        faults.retain(|fault| !fault.contains("strike it off"));
        faults
    }

    fn method(name: &str, body: &str) -> String {
        format!("#[tonic::async_trait]\nimpl S for T {{\n    async fn {name}(&self) {{ {body} }}\n}}\n")
    }

    #[test]
    fn a_proof_from_elsewhere_is_named() {
        let (api, rules) = ("services/identity/src/class/team/api.rs", "services/identity/src/class/team.rs");
        let shown = "self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?";
        assert_eq!(faults(api, &method("hand_over_team", shown)).len(), 1);
        assert!(faults(api, &method("create_application", shown)).is_empty());
        assert_eq!(faults(api, &format!("fn opened() {{ {shown} }}")).len(), 1, "in a function beside the method");
        assert_eq!(faults(rules, "fn f() { Allowed::by_access() }").len(), 1);
        let given = "fn led_by() { Allowed::when(true, || Error::not_found(\"team\")) }";
        assert_eq!(faults(api, given).len(), 1);
        assert!(faults(rules, given).is_empty());
    }

    #[test]
    fn what_is_on_the_list_for_nothing_is_struck_off() {
        assert_eq!(proof_faults(&[]).len(), BY_ACCESS.len());
    }
}

//! Finds the route of a path segment by segment: a word before a wildcard, a single wildcard before the rest.
//!
//! The cost depends on the length of the path, not on the number of routes.

use std::collections::HashMap;

use http::Method;

use crate::{
    path::Segment,
    template::{Piece, Template},
};

/// A node in the tree of all templates. Routes that end here are found by their verb.
#[derive(Debug, Default)]
pub(crate) struct Node {
    words: HashMap<Box<str>, Node>,
    one: Option<Box<Node>>,
    rest: Option<Box<Node>>,
    ends: HashMap<Box<str>, Vec<(Method, usize)>>,
}

impl Node {
    /// Inserts a route at the end of its template. Returns false, where another route with this method ends there.
    pub(crate) fn insert(&mut self, template: &Template, method: Method, route: usize) -> bool {
        let mut node = self;
        for piece in &template.pieces {
            node = match piece {
                Piece::Literal(word) => node.words.entry(word.as_str().into()).or_default(),
                Piece::One => node.one.get_or_insert_default(),
                Piece::Rest => node.rest.get_or_insert_default(),
            };
        }
        let ends = node.ends.entry(template.verb.as_str().into()).or_default();
        let free = ends.iter().all(|(taken, _)| *taken != method);
        ends.push((method, route));
        free
    }

    /// The route of a path. Where routes have the path but not the method, their methods are added to `allowed`.
    pub(crate) fn find(
        &self,
        path: &[Segment<'_>],
        verb: &str,
        method: &Method,
        allowed: &mut Vec<Method>,
    ) -> Option<usize> {
        let Some((segment, tail)) = path.split_first() else {
            return self.end(verb, method, allowed).or_else(|| self.rest.as_ref()?.end(verb, method, allowed));
        };
        let word = self.words.get(&*segment.text);
        let one = self.one.as_deref().filter(|_| !segment.text.is_empty());
        let mut next = word.into_iter().chain(one);
        next.find_map(|node| node.find(tail, verb, method, allowed))
            .or_else(|| self.rest.as_ref()?.end(verb, method, allowed))
    }

    fn end(&self, verb: &str, method: &Method, allowed: &mut Vec<Method>) -> Option<usize> {
        let ends = self.ends.get(verb)?;
        let found = ends.iter().find(|(taken, _)| taken == method);
        if found.is_none() {
            allowed.extend(ends.iter().map(|(method, _)| method.clone()));
        }
        found.map(|(_, route)| *route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::segments;

    fn tree(templates: &[(&str, Method)]) -> Node {
        let mut root = Node::default();
        for (index, (text, method)) in templates.iter().enumerate() {
            assert!(root.insert(&Template::parse(text).unwrap(), method.clone(), index));
        }
        root
    }

    fn find(root: &Node, path: &str, verb: &str, method: Method) -> Option<usize> {
        root.find(&segments(path).unwrap(), verb, &method, &mut Vec::new())
    }

    #[test]
    fn a_word_wins_over_a_variable_and_a_variable_over_the_rest() {
        let root =
            tree(&[("/v1/{rest=**}", Method::GET), ("/v1/teams/{id}", Method::GET), ("/v1/teams/mine", Method::GET)]);
        assert_eq!(find(&root, "/v1/teams/mine", "", Method::GET), Some(2));
        assert_eq!(find(&root, "/v1/teams/7", "", Method::GET), Some(1));
        assert_eq!(find(&root, "/v1/teams/7/logo", "", Method::GET), Some(0));
        assert_eq!(find(&root, "/v1", "", Method::GET), Some(0));
        assert_eq!(find(&root, "/v2", "", Method::GET), None);
    }

    #[test]
    fn a_word_that_leads_nowhere_does_not_hide_a_variable() {
        let root = tree(&[("/v1/teams/mine/logo", Method::GET), ("/v1/teams/{id}", Method::POST)]);
        assert_eq!(find(&root, "/v1/teams/mine", "", Method::POST), Some(1));
    }

    #[test]
    fn verbs_distinguish_routes_of_one_path() {
        let root = tree(&[("/v1/teams/{id}", Method::POST), ("/v1/teams/{id}:admit", Method::POST)]);
        assert_eq!(find(&root, "/v1/teams/7", "admit", Method::POST), Some(1));
        assert_eq!(find(&root, "/v1/teams/7", "", Method::POST), Some(0));
        assert_eq!(find(&root, "/v1/teams/7", "refuse", Method::POST), None);
    }

    #[test]
    fn a_path_without_the_method_tells_which_it_has() {
        let root = tree(&[("/v1/teams", Method::GET), ("/v1/teams", Method::POST)]);
        let mut allowed = Vec::new();
        assert_eq!(root.find(&segments("/v1/teams").unwrap(), "", &Method::PUT, &mut allowed), None);
        assert_eq!(allowed, [Method::GET, Method::POST]);
    }

    #[test]
    fn an_empty_segment_is_no_value() {
        assert_eq!(find(&tree(&[("/v1/teams/{id}", Method::GET)]), "/v1/teams/", "", Method::GET), None);
    }

    #[test]
    fn two_routes_cannot_end_at_one_place() {
        let mut root = tree(&[("/v1/teams/{id}", Method::GET)]);
        assert!(!root.insert(&Template::parse("/v1/teams/{team_id}").unwrap(), Method::GET, 1));
    }
}

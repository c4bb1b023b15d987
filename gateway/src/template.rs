//! The path templates of `google.api.http`:
//!
//! ```text
//! Template = "/" Segments [ Verb ] ;
//! Segments = Segment { "/" Segment } ;
//! Segment  = "*" | "**" | LITERAL | Variable ;
//! Variable = "{" FieldPath [ "=" Segments ] "}" ;
//! Verb     = ":" LITERAL ;
//! ```

use crate::path::{Segment, decode};

/// A parsed template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) variables: Vec<Variable>,
    /// The text after the colon, or empty.
    pub(crate) verb: String,
}

/// The pattern of a segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// This word.
    Literal(String),
    /// Any single segment that is not empty.
    One,
    /// All remaining segments, or none.
    Rest,
}

/// A field that has its value in the path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    /// The field's path in the request message: `team.id`.
    pub(crate) field: String,
    from: usize,
    /// None: to the end of the path.
    to: Option<usize>,
    /// Whether its pattern is not a single `*`.
    several: bool,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fault = |why: &str| format!("the path template `{text}` {why}");
        let path = text.strip_prefix('/').ok_or_else(|| fault("does not begin with `/`"))?;
        let last = path.rfind(['/', '}']).map_or(0, |at| at + 1);
        let (path, verb) = match path[last..].find(':') {
            Some(at) => (&path[..last + at], &path[last + at + 1..]),
            None => (path, ""),
        };
        let mut template = Self { pieces: Vec::new(), variables: Vec::new(), verb: verb.to_owned() };
        let mut rest = Some(path);
        while let Some(path) = rest {
            rest = template.take(path).map_err(fault)?;
        }
        match template.pieces.iter().position(|piece| *piece == Piece::Rest) {
            Some(at) if at + 1 < template.pieces.len() => Err(fault("has something after `**`")),
            _ => Ok(template),
        }
    }

    /// Adds the first segment or variable to the template, and returns the rest of the path, if there is any.
    fn take<'t>(&mut self, path: &'t str) -> Result<Option<&'t str>, &'static str> {
        let Some(variable) = path.strip_prefix('{') else {
            let (word, rest) = path.split_once('/').map_or((path, None), |(word, rest)| (word, Some(rest)));
            self.pieces.push(Piece::parse(word)?);
            return Ok(rest);
        };
        let (variable, rest) = variable.split_once('}').ok_or("has a `{` that is not closed")?;
        let (field, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        let from = self.pieces.len();
        for word in pattern.split('/') {
            self.pieces.push(Piece::parse(word)?);
        }
        let to = (!pattern.ends_with("**")).then_some(self.pieces.len());
        self.variables.push(Variable { field: field.to_owned(), from, to, several: pattern != "*" });
        match rest {
            "" => Ok(None),
            rest => rest.strip_prefix('/').map(Some).ok_or("has something between `}` and `/`"),
        }
    }

    /// The template in the form of OpenAPI: `/v1/teams/{team.id}:admit`.
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < self.pieces.len() {
            text.push('/');
            match (self.variables.iter().find(|variable| variable.from == at), &self.pieces[at]) {
                (Some(variable), _) => {
                    text.extend(["{", &variable.field, "}"]);
                    at = variable.to.unwrap_or(self.pieces.len());
                    continue;
                }
                (None, Piece::Literal(word)) => text.push_str(word),
                (None, Piece::One) => text.push('*'),
                (None, Piece::Rest) => text.push_str("**"),
            }
            at += 1;
        }
        if !self.verb.is_empty() {
            text.extend([":", &self.verb]);
        }
        text
    }
}

impl Piece {
    fn parse(word: &str) -> Result<Self, &'static str> {
        match word {
            "" => Err("has an empty segment"),
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            word if word.contains(['{', '}', '*', '=']) => Err("has a segment that is neither a word nor a wildcard"),
            word => Ok(Self::Literal(word.to_owned())),
        }
    }
}

impl Variable {
    /// The value of the variable in a path. None: it is not percent-encoded UTF-8.
    pub(crate) fn value(&self, segments: &[Segment<'_>]) -> Option<String> {
        let segments = segments.get(self.from..self.to.unwrap_or(segments.len()))?;
        match segments {
            [segment] if !self.several => Some(segment.text.clone().into_owned()),
            segments => {
                let parts: Option<Vec<_>> = segments.iter().map(|segment| decode(segment.raw, true)).collect();
                Some(parts?.join("/"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::segments;

    #[test]
    fn a_template_has_words_variables_and_a_verb() {
        let template = Template::parse("/v1/teams/{team_id}/lessons/{lesson}:extend").unwrap();
        assert_eq!(template.verb, "extend");
        assert_eq!(template.pieces.len(), 5);
        assert_eq!(template.pieces[2], Piece::One);
        assert_eq!(template.variables[1].field, "lesson");
        assert_eq!(template.plain(), "/v1/teams/{team_id}/lessons/{lesson}:extend");
    }

    #[test]
    fn a_colon_inside_a_variable_is_no_verb() {
        let template = Template::parse("/v1/{name=shelves/*/books/**}:read").unwrap();
        assert_eq!((template.verb.as_str(), template.pieces.len()), ("read", 5));
        assert_eq!(template.plain(), "/v1/{name}:read");
    }

    #[test]
    fn templates_that_cannot_be_served_say_why() {
        for (text, why) in [
            ("v1/teams", "does not begin"),
            ("/v1//teams", "empty segment"),
            ("/v1/{team", "not closed"),
            ("/v1/{team}x", "between"),
            ("/v1/**/teams", "after `**`"),
            ("/v1/te*ms", "neither"),
        ] {
            let fault = Template::parse(text).unwrap_err();
            assert!(fault.contains(why), "{text}: {fault}");
        }
    }

    #[test]
    fn a_variable_over_several_segments_joins_them_and_keeps_encoded_slashes() {
        let template = Template::parse("/v1/{name=shelves/**}").unwrap();
        let path = segments("/v1/shelves/a%20b/c%2Fd").unwrap();
        assert_eq!(template.variables[0].value(&path).unwrap(), "shelves/a b/c%2Fd");
    }

    #[test]
    fn a_variable_of_one_segment_is_decoded_whole() {
        let template = Template::parse("/v1/{name}").unwrap();
        assert_eq!(template.variables[0].value(&segments("/v1/c%2Fd").unwrap()).unwrap(), "c/d");
    }
}

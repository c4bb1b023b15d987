//! A file as a row of tokens: what is code and what is a comment, and which words, calls and paths there are. Tokens are the same
//! inside macros, which `syn` does not look into.

use std::{ops::Range, str::FromStr};

use proc_macro2::{Delimiter, Group, LexError, Spacing, TokenStream, TokenTree};

use super::Function;

/// An identifier or a keyword.
#[derive(Clone, Debug)]
pub struct Word {
    pub text: String,
    pub at: usize,
}

/// A call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// The last word of what it is called on: `border` in `self.border.enter(..)`. Empty where there is none.
    pub receiver: String,
    /// The method.
    pub name: String,
    /// What is passed, each without spaces.
    pub arguments: Vec<String>,
    /// Where the name stands.
    pub at: usize,
}

/// A path of two words or more.
#[derive(Clone, Debug)]
pub struct Mention {
    pub path: Vec<String>,
    pub at: usize,
}

/// What tokens tell of a file, without its tests.
pub struct Tokens {
    pub code: String,
    pub prose: String,
    pub words: Vec<Word>,
    pub calls: Vec<Call>,
    pub mentions: Vec<Mention>,
    pub strings: Vec<String>,
    /// Functions inside macros.
    pub functions: Vec<Function>,
}

pub fn lexed(text: &str) -> Result<TokenStream, LexError> {
    TokenStream::from_str(text)
}

/// Reads the tokens of a file. `tests` are left out; in `uses`, the places of `use` items, no paths are looked for.
pub fn read(text: &str, stream: TokenStream, tests: &[Range<usize>], uses: &[Range<usize>]) -> Tokens {
    let blank = text.bytes().map(|byte| if byte == b'\n' { b'\n' } else { b' ' }).collect();
    let mut reader = Reader {
        text,
        tests,
        uses,
        code: blank,
        prose: text.as_bytes().to_vec(),
        found: Tokens {
            code: String::new(),
            prose: String::new(),
            words: Vec::new(),
            calls: Vec::new(),
            mentions: Vec::new(),
            strings: Vec::new(),
            functions: Vec::new(),
        },
    };
    reader.stream(stream, false);
    for test in tests {
        reader.hide(test.clone());
    }
    let utf8 = |bytes| String::from_utf8(bytes).expect("whole characters were copied");
    Tokens { code: utf8(reader.code), prose: utf8(reader.prose), ..reader.found }
}

struct Reader<'a> {
    text: &'a str,
    tests: &'a [Range<usize>],
    uses: &'a [Range<usize>],
    code: Vec<u8>,
    prose: Vec<u8>,
    found: Tokens,
}

impl Reader<'_> {
    fn stream(&mut self, stream: TokenStream, in_macro: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            at += self.documentation(&trees[at..]).unwrap_or_else(|| {
                self.look(&trees, at, in_macro);
                1
            });
        }
    }

    /// How many tokens a documentation comment takes. It stays prose: `///` lexes as `#[doc = ".."]`, all at the place of the comment.
    fn documentation(&self, trees: &[TokenTree]) -> Option<usize> {
        let TokenTree::Punct(mark) = trees.first()? else { return None };
        let place = mark.span().byte_range();
        let is_comment = mark.as_char() == '#' && !self.text[place.start..].starts_with('#');
        is_comment.then(|| trees.iter().take_while(|tree| start(tree) == place.start).count())
    }

    fn look(&mut self, trees: &[TokenTree], at: usize, in_macro: bool) {
        match &trees[at] {
            TokenTree::Group(group) => self.group(trees, at, group, in_macro),
            TokenTree::Ident(ident) => {
                let place = ident.span().byte_range();
                self.copy(place.clone());
                if self.is_outside(self.tests, place.start) {
                    let text = ident.to_string().trim_start_matches("r#").to_owned();
                    self.found.words.push(Word { text, at: place.start });
                    self.path(trees, at);
                    self.call(trees, at);
                    self.function(trees, at, in_macro);
                }
            }
            TokenTree::Punct(mark) => self.copy(mark.span().byte_range()),
            TokenTree::Literal(literal) => self.literal(literal.span().byte_range(), trees.get(at.wrapping_sub(1))),
        }
    }

    fn group(&mut self, trees: &[TokenTree], at: usize, group: &Group, in_macro: bool) {
        if group.delimiter() != Delimiter::None {
            self.copy(group.span_open().byte_range());
            self.copy(group.span_close().byte_range());
        }
        self.stream(group.stream(), in_macro || is_mark(trees, at.wrapping_sub(1), '!') || is_rules(trees, at));
    }

    /// The quotes of a string stay code, its inside does not.
    fn literal(&mut self, place: Range<usize>, before: Option<&TokenTree>) {
        let text = &self.text[place.clone()];
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return self.copy(place);
        }
        self.prose[place.clone()].fill(b' ');
        (self.code[place.start], self.code[place.end - 1]) = (b'"', b'"');
        if !self.is_outside(self.tests, place.start) {
            return;
        }
        if let Ok(content) = syn::parse_str::<syn::LitStr>(text) {
            // serde and others take paths as texts
            let content = content.value();
            let is_value = matches!(before, Some(TokenTree::Punct(mark)) if mark.as_char() == '=');
            if is_value && ["crate::", "super::", "self::"].iter().any(|head| content.starts_with(head)) {
                let path = content.split("::").map(str::to_owned).collect();
                self.found.mentions.push(Mention { path, at: place.start });
            }
            self.found.strings.push(content);
        }
    }

    /// A path that begins here.
    fn path(&mut self, trees: &[TokenTree], at: usize) {
        if is_joint_colon(trees, at.wrapping_sub(2)) || !self.is_outside(self.uses, start(&trees[at])) {
            return;
        }
        let mut path = vec![trees[at].to_string()];
        let mut next = at + 1;
        while is_joint_colon(trees, next) {
            let Some(TokenTree::Ident(word)) = trees.get(next + 2) else { break };
            path.push(word.to_string());
            next += 3;
        }
        if path.len() > 1 {
            self.found.mentions.push(Mention { path, at: start(&trees[at]) });
        }
    }

    /// A method whose name stands here.
    fn call(&mut self, trees: &[TokenTree], at: usize) {
        let Some(TokenTree::Group(arguments)) = trees.get(at + 1) else { return };
        if arguments.delimiter() != Delimiter::Parenthesis || !is_mark(trees, at.wrapping_sub(1), '.') {
            return;
        }
        let receiver = match trees.get(at.wrapping_sub(2)) {
            Some(TokenTree::Ident(receiver)) => receiver.to_string(),
            _ => String::new(),
        };
        let (name, at) = (trees[at].to_string(), start(&trees[at]));
        self.found.calls.push(Call { receiver, name, arguments: parted(arguments.stream()), at });
    }

    /// A function in the tokens of a macro. Elsewhere `syn` finds it.
    fn function(&mut self, trees: &[TokenTree], at: usize, in_macro: bool) {
        let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (&trees[at], trees.get(at + 1)) else { return };
        if !in_macro || word != "fn" {
            return;
        }
        let signature =
            trees[at + 2..].iter().take_while(|tree| !matches!(tree, TokenTree::Punct(end) if end.as_char() == ';'));
        let braces = signature.filter_map(|tree| match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
            _ => None,
        });
        if let Some(body) = braces.into_iter().next() {
            let body = body.span_open().byte_range().end..body.span_close().byte_range().start;
            self.found.functions.push(Function {
                name: name.to_string(),
                at: start(&trees[at]),
                body,
                returns: Vec::new(),
                is_rpc: false,
            });
        }
    }

    fn copy(&mut self, place: Range<usize>) {
        self.code[place.clone()].copy_from_slice(&self.text.as_bytes()[place.clone()]);
        self.prose[place].fill(b' ');
    }

    fn hide(&mut self, place: Range<usize>) {
        for bytes in [&mut self.code, &mut self.prose] {
            bytes[place.clone()].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    }

    fn is_outside(&self, ranges: &[Range<usize>], at: usize) -> bool {
        !ranges.iter().any(|range| range.contains(&at))
    }
}

fn start(tree: &TokenTree) -> usize {
    match tree {
        TokenTree::Group(group) => group.span_open().byte_range().start,
        other => other.span().byte_range().start,
    }
}

fn is_mark(trees: &[TokenTree], at: usize, mark: char) -> bool {
    matches!(trees.get(at), Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

/// Whether `::` stands here.
fn is_joint_colon(trees: &[TokenTree], at: usize) -> bool {
    let first = matches!(trees.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint);
    first && is_mark(trees, at.wrapping_add(1), ':')
}

/// Whether the group here is the body of `macro_rules! name`.
fn is_rules(trees: &[TokenTree], at: usize) -> bool {
    is_mark(trees, at.wrapping_sub(2), '!')
}

/// The arguments of a call, parted at the commas between them, each without spaces.
fn parted(stream: TokenStream) -> Vec<String> {
    let mut arguments = vec![String::new()];
    for tree in stream {
        match (&tree, arguments.last_mut()) {
            (TokenTree::Punct(mark), _) if mark.as_char() == ',' => arguments.push(String::new()),
            (_, Some(last)) => last.push_str(&tree.to_string().split_whitespace().collect::<String>()),
            _ => {}
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

//! From the text of a filter to a tree of comparisons. Fields and their types are not known here.

use super::Fault;

/// How deep parentheses may stand in each other.
const DEPTH: usize = 10;

/// How many comparisons a filter may have: each is work for the database.
const COMPARISONS: usize = 30;

/// What a filter says.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Comparison),
}

/// A field, an operator and a value.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) field: Part<String>,
    pub(super) operator: Part<Operator>,
    pub(super) value: Part<Literal>,
}

/// A part of a comparison, and the number of its first character.
#[derive(Clone, Debug)]
pub(super) struct Part<T> {
    pub(super) at: usize,
    pub(super) is: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Has,
}

/// Every operator as it is written. Those of two letters come before those they begin with.
pub(super) const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    (":", Operator::Has),
];

/// A value as it is written, without quotes and backslashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: String,
    /// Whether `*` stands at its end.
    pub(super) has_star: bool,
}

/// What a filter says. None where it is empty. Error: the first place where it is not a filter.
pub(super) fn tree(text: &str) -> Result<Option<Tree>, Fault> {
    let mut parser = Parser { letters: text.chars().collect(), at: 0, comparisons: 0 };
    if parser.peek().is_none() {
        return Ok(None);
    }
    let tree = parser.all(0)?;
    match parser.peek() {
        None => Ok(Some(tree)),
        Some(_) => Err(parser.fault("The filter ends before this. Put `AND` or `OR` between two comparisons.")),
    }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    comparisons: usize,
}

impl Parser {
    fn fault(&self, text: impl Into<String>) -> Fault {
        Fault::new(self.at + 1, text)
    }

    fn part<T>(at: usize, is: T) -> Part<T> {
        Part { at: at + 1, is }
    }

    fn letter(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    /// The next letter that is no space.
    fn peek(&mut self) -> Option<char> {
        while self.letter().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.letter()
    }

    /// Whether the next letter that is no space is this one; then it is read.
    fn reads(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        self.at += usize::from(is_next);
        is_next
    }

    /// Whether these letters come next.
    fn is_next(&self, text: &str) -> bool {
        let mut letters = self.letters[self.at..].iter();
        text.chars().all(|letter| letters.next() == Some(&letter))
    }

    /// Whether this word comes next; then it is read.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let end = self.at + word.len();
        let ends = self.letters.get(end).is_none_or(|next| next.is_whitespace() || *next == '(');
        let is_next = ends && self.is_next(word);
        if is_next {
            self.at = end;
        }
        is_next
    }

    fn all(&mut self, depth: usize) -> Result<Tree, Fault> {
        let mut parts = vec![self.any(depth)?];
        while self.word("AND") {
            parts.push(self.any(depth)?);
        }
        Ok(Tree::All(parts))
    }

    fn any(&mut self, depth: usize) -> Result<Tree, Fault> {
        let mut parts = vec![self.one(depth)?];
        while self.word("OR") {
            parts.push(self.one(depth)?);
        }
        Ok(Tree::Any(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Tree, Fault> {
        let is_not = self.word("NOT") || self.reads('-');
        let tree = if self.peek() == Some('(') { self.group(depth)? } else { Tree::Is(self.comparison()?) };
        Ok(if is_not { Tree::Not(Box::new(tree)) } else { tree })
    }

    fn group(&mut self, depth: usize) -> Result<Tree, Fault> {
        if depth == DEPTH {
            return Err(self.fault(format!("Parentheses stand in each other deeper than {DEPTH} levels.")));
        }
        self.at += 1;
        let inner = self.all(depth + 1)?;
        if self.reads(')') { Ok(inner) } else { Err(self.fault("A closing parenthesis is missing.")) }
    }

    fn comparison(&mut self) -> Result<Comparison, Fault> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS {
            return Err(self.fault(format!("A filter has at most {COMPARISONS} comparisons.")));
        }
        Ok(Comparison { field: self.field(), operator: self.operator()?, value: self.value()? })
    }

    /// The name that comes next. It is empty where none comes.
    fn field(&mut self) -> Part<String> {
        self.peek();
        let start = self.at;
        while self.letter().is_some_and(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.')) {
            self.at += 1;
        }
        Self::part(start, self.letters[start..self.at].iter().collect())
    }

    fn operator(&mut self) -> Result<Part<Operator>, Fault> {
        self.peek();
        let Some((text, operator)) = OPERATORS.into_iter().find(|(text, _)| self.is_next(text)) else {
            return Err(self.fault("A comparison is needed here: a field, one of = != < <= > >= :, and a value."));
        };
        let start = self.at;
        self.at += text.len();
        Ok(Self::part(start, operator))
    }

    /// A word, or a text between quotes.
    fn value(&mut self) -> Result<Part<Literal>, Fault> {
        let quote = self.peek().filter(|letter| matches!(letter, '"' | '\''));
        let start = self.at;
        self.at += usize::from(quote.is_some());
        let mut value = Literal::default();
        while let Some(letter) = self.letter().filter(|letter| !ends(quote, *letter)) {
            if value.has_star {
                return Err(self.fault("`*` stands at the end of a value. Write `\\*` for the letter."));
            }
            self.at += 1;
            match letter {
                '*' => value.has_star = true,
                '\\' => value.text.push(self.escaped()?),
                _ => value.text.push(letter),
            }
        }
        match quote {
            Some(quote) if !self.reads(quote) => Err(Fault::new(start + 1, "This text has no closing quote.")),
            None if self.at == start => Err(self.fault("A value is needed here.")),
            _ => Ok(Self::part(start, value)),
        }
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let letter = self.letter().ok_or_else(|| self.fault("A letter is needed after the backslash."))?;
        self.at += 1;
        Ok(letter)
    }
}

/// Whether a value ends before this letter.
fn ends(quote: Option<char>, letter: char) -> bool {
    match quote {
        Some(quote) => letter == quote,
        None => letter.is_whitespace() || "()\"',".contains(letter),
    }
}

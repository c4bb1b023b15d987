//! Pages that are read without a network and without a program: plain HTML, readable aloud, nothing that runs.

use super::{Block, Chapter, Said, words::Words};

const STYLE: &str = "body{font:1.1rem/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
                     a{color:#00458b}table{border-collapse:collapse}th,td{border:1px solid #767676;padding:.3rem .6rem;\
                     text-align:left;vertical-align:top}dt{font-weight:bold}dd{margin:0 0 .6rem}";

/// The first page: one link for each language.
pub(super) fn languages(languages: &[Words]) -> String {
    let links = languages.iter().map(|words| {
        let (tag, title) = (words.tag(), escaped(words.say("title")));
        format!("<li lang=\"{tag}\"><a href=\"{tag}/index.html\" hreflang=\"{tag}\">{title}</a></li>\n")
    });
    let first = languages.first();
    let title = first.map_or("", |words| words.say("title"));
    whole(first.map_or("en", Words::tag), title, &format!("<nav><ul>\n{}</ul></nav>\n", links.collect::<String>()))
}

/// The contents of the book in one language.
pub(super) fn contents(words: &Words, chapters: &[Chapter]) -> String {
    let links = chapters.iter().map(|chapter| {
        let title = escaped(&sentence(words, &chapter.title));
        format!("<li><a href=\"{}.html\">{title}</a></li>\n", chapter.name)
    });
    let heading = escaped(words.say("contents"));
    let body = format!(
        "<nav aria-label=\"{heading}\"><ul>\n{}</ul></nav>\n<p><a href=\"../data.json\">{}</a></p>\n<p>{}</p>\n",
        links.collect::<String>(),
        escaped(words.say("data")),
        escaped(words.say("source")),
    );
    whole(words.tag(), words.say("title"), &body)
}

/// A chapter in one language.
pub(super) fn chapter(words: &Words, chapter: &Chapter) -> String {
    let blocks: String = chapter.blocks.iter().map(|one| block(words, one)).collect();
    let back = format!("<p><a href=\"index.html\">{}</a></p>\n", escaped(words.say("contents")));
    whole(words.tag(), &sentence(words, &chapter.title), &format!("{blocks}{back}"))
}

fn whole(tag: &str, title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn block(words: &Words, block: &Block) -> String {
    let said = |said: &Said| shown(words, said);
    match block {
        Block::Heading(heading) => format!("<h2>{}</h2>\n", said(heading)),
        Block::Paragraph(parts) => format!("<p>{}</p>\n", parts.iter().map(said).collect::<Vec<_>>().join(" ")),
        Block::Quote(tag, text) => format!("<blockquote lang=\"{}\">{}</blockquote>\n", escaped(tag), escaped(text)),
        Block::Rich(tag, html) => format!("<div lang=\"{}\">{html}</div>\n", escaped(tag)),
        Block::Facts(facts) => {
            let facts = facts
                .iter()
                .map(|(key, fact)| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(words.say(key)), said(fact)));
            format!("<dl>\n{}</dl>\n", facts.collect::<String>())
        }
        Block::Table(columns, rows) => {
            let head = columns.iter().map(|name| format!("<th scope=\"col\">{}</th>", said(name)));
            let row = |row: &Vec<Said>| {
                let cells = row.iter().enumerate().map(|(place, cell)| match place {
                    0 => format!("<th scope=\"row\">{}</th>", said(cell)),
                    _ => format!("<td>{}</td>", said(cell)),
                });
                format!("<tr>{}</tr>\n", cells.collect::<String>())
            };
            let (head, rows) = (head.collect::<String>(), rows.iter().map(row).collect::<String>());
            format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
        }
    }
}

fn sentence(words: &Words, parts: &[Said]) -> String {
    parts.iter().map(|part| text(words, part)).collect::<Vec<_>>().join(" ")
}

fn text(words: &Words, said: &Said) -> String {
    match said {
        Said::Word(key) => words.say(key).to_owned(),
        Said::Text(text) | Said::File(_, text) => text.clone(),
        Said::All(all) => all.iter().map(|one| text(words, one)).collect::<Vec<_>>().join(", "),
    }
}

/// The text as markup, with links relative to a page of a language.
fn shown(words: &Words, said: &Said) -> String {
    match said {
        Said::File(entry, name) => format!("<a href=\"../{}\">{}</a>", escaped(entry), escaped(name)),
        Said::All(all) => all.iter().map(|one| shown(words, one)).collect::<Vec<_>>().join(", "),
        Said::Word(_) | Said::Text(_) => escaped(&text(words, said)),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(sign),
        }
    }
    escaped
}

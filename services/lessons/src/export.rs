//! The space of a pair as a book: chapters of blocks, in words that every language of the programme has, and the same as data. What
//! slices bring is put into blocks by [`wire`]; how a block looks is the business of [`page`].

use jiff::civil::DateTime;
use platform::{Result, zip::Archive};

pub mod api;
mod page;
mod wire;
mod words;

/// What is read in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A word of ours, by its key: each language has its own.
    Word(&'static str),
    /// What people wrote, as it is.
    Text(String),
}

/// A piece of a chapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading.
    Heading(Said),
    /// A sentence or more.
    Paragraph(Vec<Said>),
    /// What is known, by the keys of the words that name it.
    Facts(Vec<(&'static str, Said)>),
    /// A table: its columns' names, and its rows.
    Table(Vec<Said>, Vec<Vec<Said>>),
    /// What somebody wrote in a language: its tag, and the text.
    Quote(String, String),
    /// The same in the markup of reports, which was cleaned when it was saved.
    Rich(String, String),
}

/// A chapter: a page in every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chapter {
    /// What the page is called: `lesson-1`.
    name: String,
    title: Vec<Said>,
    blocks: Vec<Block>,
}

/// A whole book.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    chapters: Vec<Chapter>,
    /// The same, as the API gives it.
    data: serde_json::Value,
}

impl Book {
    /// The book as an archive, in pieces: a page that leads to the languages, the pages of each, the data.
    pub(crate) fn archive(&self, languages: &[String], at: DateTime) -> Result<Vec<Vec<u8>>> {
        let mut archive = Archive::new(at);
        let mut pieces = Vec::new();
        for (name, contents) in self.entries(languages) {
            pieces.push(archive.entry(&name, contents.as_bytes())?);
        }
        pieces.push(archive.end()?);
        Ok(pieces)
    }

    fn entries(&self, languages: &[String]) -> Vec<(String, String)> {
        let languages: Vec<_> = languages.iter().filter_map(|tag| words::find(tag)).collect();
        let mut entries = vec![("index.html".to_owned(), page::languages(&languages))];
        for words in &languages {
            entries.push((format!("{}/index.html", words.tag()), page::contents(words, &self.chapters)));
            for chapter in &self.chapters {
                entries.push((format!("{}/{}.html", words.tag(), chapter.name), page::chapter(words, chapter)));
            }
        }
        entries.push(("data.json".to_owned(), format!("{:#}\n", self.data)));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        let text = |text: &str| Said::Text(text.to_owned());
        let blocks = vec![
            Block::Heading(text("<b>Fiume</b> & \"co\"")),
            Block::Paragraph(vec![Said::Word("left"), text("2023-05-01")]),
            Block::Facts(vec![("state", Said::Word("active"))]),
            Block::Table(
                vec![Said::Word("partner"), Said::Word("share")],
                vec![vec![text("A port"), Said::Word("unpublished")]],
            ),
            Block::Quote("hr".to_owned(), "<i>Bok</i>".to_owned()),
            Block::Rich("hr".to_owned(), "<p>Luka</p>".to_owned()),
        ];
        let chapter = Chapter { name: "pair".to_owned(), title: vec![Said::Word("pair")], blocks };
        Book { chapters: vec![chapter], data: serde_json::json!({ "pair": { "id": "1" } }) }
    }

    fn entries(languages: &[&str]) -> Vec<(String, String)> {
        book().entries(&languages.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_language_has_every_page_and_what_is_not_spoken_is_left_out() {
        let names: Vec<_> = entries(&["en", "it", "xx"]).into_iter().map(|(name, _)| name).collect();
        let expected = ["index.html", "en/index.html", "en/pair.html", "it/index.html", "it/pair.html", "data.json"];
        assert_eq!(names, expected);
    }

    #[test]
    fn every_link_of_a_page_leads_to_an_entry() {
        let entries = entries(&["en", "hr", "el"]);
        let mut led = 0;
        for (name, text) in entries.iter().filter(|(name, _)| name.ends_with(".html")) {
            for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let target = match link.strip_prefix("../") {
                    Some(above) => above.to_owned(),
                    None if folder.is_empty() => link.to_owned(),
                    None => format!("{folder}/{link}"),
                };
                assert!(entries.iter().any(|(name, _)| *name == target), "{name}: {link}");
                led += 1;
            }
        }
        assert!(led > 8, "{led}");
    }

    #[test]
    fn what_people_wrote_is_text_and_never_markup() {
        let entries = entries(&["it"]);
        let (_, page) = entries.iter().find(|(name, _)| name == "it/pair.html").unwrap();
        assert!(page.contains("&lt;b&gt;Fiume&lt;/b&gt; &amp; &quot;co&quot;"), "{page}");
        assert!(page.contains("<blockquote lang=\"hr\">&lt;i&gt;Bok&lt;/i&gt;</blockquote>"), "{page}");
        assert!(page.contains("<div lang=\"hr\"><p>Luka</p></div>"), "cleaned when it was saved");
        assert!(page.contains("<html lang=\"it\">") && page.contains("Al lavoro") && !page.contains("<script"));
        assert!(page.contains("<th scope=\"col\">Partner</th>") && page.contains("<td>non pubblicato</td>"), "{page}");
    }
}

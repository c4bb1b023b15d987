//! The space of a pair as a book for people, in every language of the programme, and as data for programs. What slices bring is put into
//! blocks by [`wire`]; how a block looks is the business of [`page`].

use crate::work::file::{File, saved_name};

pub mod api;
mod page;
mod wire;
mod words;

/// A piece of text in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A word of ours by its key. Every language has a translation of it.
    Word(&'static str),
    /// What people wrote, unchanged.
    Text(String),
    /// A file of the archive: the name of its entry, and its own.
    File(String, String),
    /// All of these.
    All(Vec<Said>),
}

/// A piece of a chapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading.
    Heading(Said),
    /// A sentence or more.
    Paragraph(Vec<Said>),
    /// Facts, each with the key of the word that names it.
    Facts(Vec<(&'static str, Said)>),
    /// A table: its columns' names, and its rows.
    Table(Vec<Said>, Vec<Vec<Said>>),
    /// What somebody wrote: the tag of its language, and the text.
    Quote(String, String),
    /// What somebody wrote in the markup of reports: the tag of its language, and the text, which was cleaned when it was saved.
    Rich(String, String),
}

/// A chapter: a page in every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chapter {
    /// The name of the page: `lesson-1`.
    name: String,
    title: Vec<Said>,
    blocks: Vec<Block>,
}

/// A whole book.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    chapters: Vec<Chapter>,
    /// The contents as the API gives them.
    data: serde_json::Value,
    /// The files that lie in the archive.
    files: Vec<File>,
}

/// The name of a file in the archive. Every system can unpack it, no page has to encode it, and its extension is one of the file's kind.
pub(crate) fn entry_name(id: &str, name: &str, media_type: &str) -> String {
    let safe = |sign: char| if sign.is_ascii_alphanumeric() || "-_.".contains(sign) { sign } else { '_' };
    let name: String = name.chars().map(safe).collect();
    let name = saved_name(name.trim_matches('.'), media_type);
    // keep the extension, which says what kind of file it is
    let name = &name[name.len().saturating_sub(80)..];
    format!("files/{id}-{name}")
}

impl Book {
    /// The pages of the archive in some languages, each with its name, and the files that lie in it.
    pub(crate) fn parts(self, languages: &[String]) -> (Vec<(String, String)>, Vec<File>) {
        (self.entries(languages), self.files)
    }

    /// The entries of the archive: a page that links to the languages, the pages of each language, the data.
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
impl Book {
    /// A book of files and no chapter.
    pub(crate) fn of_files(files: Vec<File>) -> Self {
        Self { chapters: Vec::new(), data: serde_json::json!({}), files }
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
            Block::Paragraph(vec![Said::All(vec![
                Said::File("files/1-a.png".to_owned(), "'a'.png".to_owned()),
                Said::Word("yes"),
            ])]),
            Block::Table(
                vec![Said::Word("partner"), Said::Word("share")],
                vec![vec![text("A port"), Said::Word("unpublished")]],
            ),
            Block::Quote("hr".to_owned(), "<i>Bok</i>".to_owned()),
            Block::Rich("hr".to_owned(), "<p>Luka</p>".to_owned()),
        ];
        let chapter = Chapter { name: "pair".to_owned(), title: vec![Said::Word("pair")], blocks };
        Book { chapters: vec![chapter], data: serde_json::json!({ "pair": { "id": "1" } }), files: Vec::new() }
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
                let is_there = target == "files/1-a.png" || entries.iter().any(|(name, _)| *name == target);
                assert!(is_there, "{name}: {link}");
                led += 1;
            }
        }
        assert!(led > 8, "{led}");
    }

    #[test]
    fn a_file_has_a_name_every_system_can_unpack() {
        let png = |name: &str| entry_name("1", name, "image/png");
        assert_eq!(png("a port.png"), "files/1-a_port.png");
        assert_eq!(png("../..\\Škver\"'<&#%.png.."), "files/1-_..__kver______.png");
        let film = entry_name("1", &format!("{}.mp4", "x".repeat(200)), "video/mp4");
        assert_eq!(film, format!("files/1-{}.mp4", "x".repeat(76)));
        assert_eq!(png("..."), "files/1-.png");
    }

    #[test]
    fn a_file_of_the_archive_does_not_run() {
        let text = |name: &str| entry_name("1", name, "text/plain");
        assert_eq!(text("risultati.html"), "files/1-risultati.html.txt");
        assert_eq!(text("a.hta"), "files/1-a.hta.txt");
        assert_eq!(text("a.html."), "files/1-a.html.txt");
        assert_eq!(text(&format!("{}.HTML", "x".repeat(200))), format!("files/1-{}.HTML.txt", "x".repeat(71)));
        assert_eq!(text("comuni.CSV"), "files/1-comuni.CSV");
        assert_eq!(entry_name("1", "a.svg", "image/png"), "files/1-a.svg.png");
    }

    #[test]
    fn texts_of_people_are_never_markup_in_the_export() {
        let entries = entries(&["it"]);
        let (_, page) = entries.iter().find(|(name, _)| name == "it/pair.html").unwrap();
        assert!(page.contains("&lt;b&gt;Fiume&lt;/b&gt; &amp; &quot;co&quot;"), "{page}");
        assert!(page.contains("<blockquote lang=\"hr\">&lt;i&gt;Bok&lt;/i&gt;</blockquote>"), "{page}");
        assert!(page.contains("<div lang=\"hr\"><p>Luka</p></div>"), "cleaned when it was saved");
        assert!(page.contains("<html lang=\"it\">") && page.contains("Al lavoro") && !page.contains("<script"));
        assert!(page.contains("<a href=\"../files/1-a.png\">&#39;a&#39;.png</a>, sì"), "{page}");
        assert!(page.contains("<th scope=\"col\">Partner</th>") && page.contains("<td>non pubblicato</td>"), "{page}");
    }
}

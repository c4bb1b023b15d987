//! The text of a mail as HTML: its paragraphs, with links that can be followed. Nothing is loaded and nothing runs.

use std::fmt::Write;

use super::Mail;

/// The page of a mail.
pub(super) fn page(Mail { language, subject, text, .. }: &Mail) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n</head>\n<body>\n",
        escaped(language),
        escaped(subject)
    );
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let lines: Vec<_> = paragraph.lines().map(line).collect();
        // writing to a string cannot fail
        let _ = writeln!(page, "<p>{}</p>", lines.join("<br>\n"));
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// A line, with each word that is an address of the web as a link.
fn line(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let word = escaped(word);
        let is_link = word.starts_with("https://") || word.starts_with("http://");
        if is_link { format!("<a href=\"{word}\">{word}</a>") } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn written(text: &str) -> String {
        let [to, language, subject, text] = ["a@b.it", "hr", "A & B", text].map(str::to_owned);
        page(&Mail { id: Uuid::nil(), to, language, subject, text })
    }

    #[test]
    fn paragraphs_lines_and_links_stay_what_they_are() {
        let page = written("Dobar dan,\n\nStranica: https://koine.example/hr/redeem\nKôd: X\n");
        assert!(page.contains("<html lang=\"hr\">") && page.contains("<title>A &amp; B</title>"), "{page}");
        assert!(
            page.contains("<p>Dobar dan,</p>\n<p>Stranica: <a href=\"https://koine.example/hr/redeem\">"),
            "{page}"
        );
        assert!(page.contains("</a><br>\nKôd: X</p>"), "{page}");
    }

    #[test]
    fn what_somebody_typed_is_no_html() {
        let page = written("<script>alert(1)</script> https://a.example/\"onclick='x'>");
        assert!(!page.contains("<script") && !page.contains("\"onclick") && !page.contains("'x'"), "{page}");
    }
}

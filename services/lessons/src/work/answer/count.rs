//! How long a text is, as a reader sees it (F13).

use unicode_segmentation::UnicodeSegmentation;

use super::markup;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Characters a reader tells apart: a letter with its accents is one, an emoji of a family is one.
    pub(super) chars: usize,
    /// Characters without spaces of any kind ("spazi esclusi").
    pub(super) chars_without_spaces: usize,
    /// Words: what stands between spaces and holds a letter or a digit.
    pub(super) words: usize,
}

/// Counts a text; of a rich text, without its markup. The end of a paragraph ends a word and counts as no character.
pub(super) fn text(text: &str, is_rich: bool) -> Count {
    let blocks = if is_rich { markup::blocks(text) } else { vec![text.trim().to_owned()] };
    blocks.iter().map(|block| plain(block)).fold(Count::default(), |one, other| Count {
        chars: one.chars + other.chars,
        chars_without_spaces: one.chars_without_spaces + other.chars_without_spaces,
        words: one.words + other.words,
    })
}

fn plain(text: &str) -> Count {
    let spaces = text.graphemes(true).filter(|letter| letter.chars().all(char::is_whitespace)).count();
    let chars = text.graphemes(true).count();
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    Count { chars, chars_without_spaces: chars - spaces, words }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(text_: &str, is_rich: bool) -> (usize, usize, usize) {
        let Count { chars, chars_without_spaces, words } = text(text_, is_rich);
        (chars, chars_without_spaces, words)
    }

    #[test]
    fn a_character_is_what_a_reader_takes_for_one() {
        assert_eq!(counted("perché", false), (6, 6, 1));
        assert_eq!(counted("perche\u{301}", false), (6, 6, 1), "a combining accent belongs to its letter");
        assert_eq!(counted("👩‍👩‍👧‍👦 🇮🇹 👍🏽", false), (5, 3, 0), "a family, a flag and a toned thumb are one each");
        assert_eq!(counted("Đurđica šćepa", false), (13, 12, 2));
        assert_eq!(counted("Ελλάδα", false), (6, 6, 1));
    }

    #[test]
    fn every_kind_of_space_is_a_space_and_the_ends_do_not_count() {
        assert_eq!(counted("  un due\u{a0}tre\u{2003}\u{202f}quattro ", false), (19, 15, 4));
        assert_eq!(counted("<p>un&nbsp;due</p>", true), (6, 5, 2));
    }

    #[test]
    fn markup_is_not_counted_and_entities_are_what_they_stand_for() {
        assert_eq!(counted("<p>a <strong>b</strong><em>c</em> &amp; &lt;d&gt;</p>", true), (10, 7, 3));
        assert_eq!(counted("&amp;lt;", true), (4, 4, 1), "an entity that was written out stays written out");
        assert_eq!(counted("a < b > c", false), (9, 5, 3), "a line has no markup to strip");
        assert_eq!(counted("<script>alert('x')</script><p>ok</p>", true), (2, 2, 1));
        assert_eq!(counted("<a href=\"https://example.org/very/long\">qui</a>", true), (3, 3, 1));
    }

    #[test]
    fn a_paragraph_parts_words_and_is_no_character() {
        assert_eq!(counted("<p>uno</p><p>due</p>", true), (6, 6, 2));
        assert_eq!(counted("<ul>\n  <li>uno</li>\n  <li>due tre</li>\n</ul>", true), (10, 9, 3));
        assert_eq!(counted("uno<br>due", true), (6, 6, 2));
        assert_eq!(counted("<p>uno\n   due</p>", true), (7, 6, 2), "what a browser shows as one space is one");
    }

    #[test]
    fn words_are_counted_as_people_count_them() {
        assert_eq!(counted("L'acqua di post-terremoto – oggi", false).2, 4);
        assert_eq!(counted("", true), (0, 0, 0));
        assert_eq!(counted("<p></p><p> </p>", true), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn emphasis_changes_no_count(words in prop::collection::vec("[a-zà-ž]{1,8}", 1..12), at in 0_usize..12) {
            let plain = words.join(" ");
            let at = at % words.len();
            let mut emphasised = words;
            emphasised[at] = format!("<strong>{}</strong>", emphasised[at]);
            prop_assert_eq!(text(&plain, false), text(&format!("<p>{}</p>", emphasised.join(" ")), true));
        }

        #[test]
        fn counting_takes_any_text(any in ".{0,300}") {
            let count = text(&any, true);
            prop_assert!(count.chars_without_spaces <= count.chars);
            prop_assert!(count.words <= count.chars_without_spaces);
        }
    }
}

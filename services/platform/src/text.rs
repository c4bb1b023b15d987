//! Normal forms of texts, for comparing what people type with what is stored.

use std::iter;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The characters in lower case, without accents and with ligatures split. Characters without width are dropped.
pub fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    let shown = text.nfkd().filter(|sign| !is_combining_mark(*sign) && !without_width(*sign));
    shown.flat_map(char::to_lowercase).filter(|sign| !is_combining_mark(*sign)).flat_map(bare)
}

/// A text in lower case, without accents and without letters that only one country uses.
pub fn fold(text: &str) -> String {
    plain(text).collect()
}

/// Whether a character shows nothing, or turns the order of others. Joiners are part of what people write, such as signs made of several.
pub fn is_unseen(sign: char) -> bool {
    matches!(sign,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn without_width(sign: char) -> bool {
    is_unseen(sign) || matches!(sign, '\u{200c}' | '\u{200d}')
}

/// Letters that Unicode normalisation does not split.
fn bare(sign: char) -> impl Iterator<Item = char> {
    let (first, second) = match sign {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ø' => ('o', None),
        'đ' => ('d', None),
        'ł' => ('l', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        _ => (sign, None),
    };
    iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_case_and_accents() {
        assert_eq!(fold("Škola ŽUPANIJE Forlì"), "skola zupanije forli");
        assert_eq!(fold("ΓΥΜΝΆΣΙΟ"), fold("γυμνάσιο"));
        assert_eq!(fold("Đakovo, Đurđevac"), "dakovo, durdevac");
        assert_eq!(fold("ΣΈΡΡΕΣ"), fold("Σέρρες"));
    }
}

//! Texts as everybody reads them, for comparing what people type with what is written.

use std::iter;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Letters as everybody reads them: lower case, without accents, ligatures apart. What has no width gives nothing.
pub fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    let shown = text.nfkd().filter(|sign| !is_combining_mark(*sign) && !without_width(*sign));
    shown.flat_map(char::to_lowercase).filter(|sign| !is_combining_mark(*sign)).flat_map(bare)
}

/// A text without case, accents and letters of one country alone.
pub fn fold(text: &str) -> String {
    plain(text).collect()
}

fn without_width(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Letters that normalisation leaves whole.
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

//! Checks whether a new password is strong enough, following NIST SP 800-63B-4: at least 15 code points, no rules of composition,
//! and nothing that is easily guessed, such as common passwords, keyboard patterns, names, the team's code and the programme's
//! words.

use std::{collections::HashSet, sync::LazyLock};

use platform::text::plain;
use unicode_normalization::UnicodeNormalization;

use crate::country::words::unmasked;

/// The fewest code points.
const MIN: usize = 15;

/// The most code points. A longer password would only take longer to hash.
const MAX: usize = 256;

/// The fewest letters and digits that must remain when everything easily guessed is removed.
const OWN: usize = 8;

/// The fewest different characters.
const DIFFERENT: usize = 5;

/// The fewest neighbouring characters that count as a pattern, for example `abcd`, `4321` or `qwer`.
const RUN: usize = 4;

static COMMON: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let words = include_str!("../../data/passwords.txt").lines().filter(|line| !line.starts_with('#'));
    words.map(|word| letters(word).into_iter().map(|letter| letter.read).collect()).collect()
});

const ROWS: [&str; 7] = ["1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm"];

/// The form (NFKC) in which a password is hashed and compared. It does not depend on how a keyboard composes accents.
pub(crate) fn normal(password: &str) -> String {
    password.nfkc().collect()
}

/// The weaknesses of a password; empty where it is strong enough. `context` holds what is easily guessed for this account: the
/// owner's names, the login, the team's code, the tenant's name, the programme's words.
pub(crate) fn weaknesses(password: &str, context: &[&str]) -> Vec<String> {
    let password = normal(password);
    let length = password.chars().count();
    if length > MAX {
        return vec![format!("The password has {length} characters; at most {MAX} are taken.")];
    }
    let mut found = Vec::new();
    if length < MIN {
        found.push(format!(
            "The password has {length} characters; at least {MIN} are needed. A short sentence is easy to keep."
        ));
    }
    found.extend(pattern(&password).or_else(|| guessable(&password, context)));
    found
}

/// The weakness of a password that is one repeated pattern.
fn pattern(password: &str) -> Option<String> {
    let signs: Vec<_> = password.chars().flat_map(char::to_lowercase).collect();
    let different = signs.iter().collect::<HashSet<_>>().len();
    if different < DIFFERENT {
        return Some(format!(
            "The password has only {different} different characters; at least {DIFFERENT} are needed."
        ));
    }
    let period =
        (1..=signs.len() / 2).find(|period| signs.iter().zip(&signs[*period..]).all(|(one, next)| one == next))?;
    Some(format!("The password repeats its first {period} characters; a repetition adds nothing."))
}

/// The weakness of a password of which little remains when everything easily guessed is removed.
fn guessable(password: &str, context: &[&str]) -> Option<String> {
    let letters = letters(password);
    let mut taken = runs(&letters);
    let near = near(context);
    for word in near.iter().chain(COMMON.iter()) {
        take(&letters, word, &mut taken);
    }
    let own = taken.iter().filter(|taken| !**taken).count();
    (own < OWN && taken.contains(&true)).then(|| {
        format!(
            "Without common words, patterns, names and words of the programme the password has {own} letters and digits of its \
             own; at least {OWN} are needed."
        )
    })
}

/// A letter or digit of a password.
struct Letter {
    /// As written, in lower case and without accents.
    written: char,
    /// As read: `@` is an a.
    read: char,
}

fn letters(text: &str) -> Vec<Letter> {
    let signs = plain(text).map(|written| Letter { written, read: unmasked(written) });
    signs.filter(|letter| letter.read.is_alphanumeric()).collect()
}

/// The words to look for: each token of each text of the context, and each text as a whole.
fn near(context: &[&str]) -> Vec<Vec<char>> {
    let tokens = context.iter().flat_map(|text| text.split(|sign: char| !sign.is_alphanumeric()).chain([*text]));
    let words = tokens.map(|token| letters(token).into_iter().map(|letter| letter.read).collect::<Vec<_>>());
    words.filter(|word| word.len() > 2).collect()
}

fn take(letters: &[Letter], word: &[char], taken: &mut [bool]) {
    if word.is_empty() {
        return;
    }
    for (at, seen) in letters.windows(word.len()).enumerate() {
        if seen.iter().zip(word).all(|(letter, sign)| letter.read == *sign) {
            taken[at..at + word.len()].fill(true);
        }
    }
}

/// Marks repeated characters, neighbours in the alphabet and neighbours on a keyboard, in both directions.
fn runs(letters: &[Letter]) -> Vec<bool> {
    let mut taken = vec![false; letters.len()];
    let steps: [fn(char, char) -> bool; 5] =
        [|one, next| one == next, follows, |one, next| follows(next, one), beside, |one, next| beside(next, one)];
    for step in steps {
        let mut from = 0;
        for at in 1..=letters.len() {
            let on = letters.get(at).is_some_and(|next| step(letters[at - 1].written, next.written));
            if !on {
                if at - from >= RUN {
                    taken[from..at].fill(true);
                }
                from = at;
            }
        }
    }
    taken
}

fn follows(one: char, next: char) -> bool {
    u32::from(one) + 1 == u32::from(next)
}

fn beside(one: char, next: char) -> bool {
    ROWS.iter().any(|row| row.chars().zip(row.chars().skip(1)).any(|pair| pair == (one, next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: [&str; 6] = [
        "Mariangela De Rossi",
        "m.derossi@scuola.example",
        "22-23-EN_0001",
        "Italia",
        "opencoesione",
        "Vedette d'Abruzzo",
    ];

    fn weak(password: &str) -> bool {
        !weaknesses(password, &CONTEXT).is_empty()
    }

    #[test]
    fn callers_are_told_the_length_that_is_judged() {
        let option = proto::descriptor().get_extension_by_name("koine.options.v1.rules").unwrap();
        for (message, field) in [("CreateAccountRequest", "password"), ("ChangePasswordRequest", "new_password")] {
            let message = proto::descriptor().get_message_by_name(&format!("koine.identity.v1.{message}")).unwrap();
            let options = message.get_field_by_name(field).unwrap().options();
            let rules: proto::options::v1::Rules =
                options.get_extension(&option).as_message().unwrap().transcode_to().unwrap();
            assert_eq!((rules.judged_min_len as usize, rules.max_len as usize), (MIN, MAX), "{field}");
            assert!(weaknesses(&rules.example, &[]).is_empty(), "{field}");
        }
    }

    #[test]
    fn length_counts_code_points_and_nothing_else_is_asked_for() {
        assert!(!weak("sette gatti blu"), "15 code points, lower case only");
        assert!(weak("sette gatti bl"));
        assert!(!weak("επτά μπλε γάτες"), "15 code points, 27 bytes");
        let long: String = (0..256).filter_map(|at| char::from_u32(0x4e00 + at * 7 % 997)).collect();
        assert!(!weak(&long));
        assert!(weaknesses(&format!("{long}x"), &[])[0].contains("at most 256"));
    }

    #[test]
    fn a_composed_accent_and_a_combined_one_are_the_same_password() {
        assert_eq!(normal("perche\u{301} no"), normal("perché no"));
        assert_eq!(normal("ﬁne"), "fine");
        assert_eq!(weaknesses("e\u{301}tude des rivie\u{300}r", &[]).len(), 0, "15 code points when composed");
    }

    #[test]
    fn what_anybody_would_try_is_weak() {
        for password in [
            "passwordpassword",
            "Password1234567",
            "P@ssw0rd2023!!!!",
            "qwertyuiopasdfgh",
            "123456789012345",
            "abcdefghijklmnop",
            "aaaaaaaaaaaaaaaa",
            "abababababababab",
            "zyxwvutsrqponml",
            "iloveyouiloveyou1",
            "qwertzuiopasdfghj",
            "1q2w3e4r5t6y7u8i",
            "correcthorsebatterystaple",
            "benvenuto2023!!",
            "lozinka123456789",
            "contraseña12345",
            "κωδικός12345678",
        ] {
            assert!(weak(password), "{password}");
        }
    }

    #[test]
    fn names_and_words_of_the_programme_count_for_nothing() {
        for password in [
            "MariangelaDeRossi1",
            "m.derossi@scuola.example",
            "22-23-EN_0001-22",
            "OpenCoesione2223",
            "0penC0esione!2023",
            "vedette.abruzzo.22",
            "Mariangela.Italia.99",
        ] {
            assert!(weak(password), "{password}");
        }
        assert!(!weak("Mariangela ama i treni lenti"), "a name inside a sentence does no harm");
        assert!(!weak("opencoesione kiwi zebra tuono"));
    }

    #[test]
    fn passphrases_and_generated_passwords_pass() {
        for password in [
            "quattro lune sul lago",
            "Xk7#pQ9z!mW2vL4",
            "nikad ne reci nikad više",
            "tri zelena jabolka na mizi",
            "el tren de las siete llega tarde",
            "η θάλασσα ξέρει το όνομα",
            "vg5wqhtzk28nrdm",
            "🦊🦊 volpe rossa 🌲🌲 bosco fitto",
        ] {
            assert_eq!(weaknesses(password, &CONTEXT), Vec::<String>::new(), "{password}");
        }
    }

    #[test]
    fn the_reason_never_repeats_the_password() {
        for password in ["Mariangela", "hunter2hunter2hunter2"] {
            let told = weaknesses(password, &CONTEXT);
            assert!(!told.is_empty() && told.iter().all(|text| !text.contains(password)), "{told:?}");
        }
    }

    #[test]
    fn the_list_of_common_passwords_is_as_the_file_promises() {
        assert!(COMMON.len() > 150);
        assert!(COMMON.iter().all(|word| word.len() >= 4), "a shorter word would eat into passphrases");
    }
}

//! The recovery codes of a second factor, for who has lost the app. Each works once.

use platform::{Ctx, Id, secret::Keys};

/// How many there are.
const COUNT: u8 = 10;

/// What they are derived for. (A code that replaces a forgotten password is another one.)
const PURPOSE: &str = "recovery code of a second factor";

/// Letters and digits that are not mistaken for each other on paper (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number of letters in each half of a code: 50 bits in all, which nobody guesses.
const HALF: usize = 5;

/// A set of recovery codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecoveryCodes {
    pub(super) id: Id<RecoveryCodes>,
    /// A bit for each code that was used.
    pub(super) used: i32,
}

impl RecoveryCodes {
    /// A new set.
    pub(super) fn issue(ctx: &Ctx) -> Self {
        Self { id: ctx.new_id(), used: 0 }
    }

    /// All of them, as they are told.
    pub(super) fn texts(&self, ctx: &Ctx, keys: &Keys) -> Vec<String> {
        (0..COUNT).map(|number| self.text(ctx, keys, number)).collect()
    }

    /// How many were not used.
    pub(super) fn left(&self) -> u32 {
        u32::from(COUNT).saturating_sub(self.used.count_ones())
    }

    /// Uses the code that was typed. Returns false, where it is none of them or was used before. Case, spaces and hyphens are ignored;
    /// O is read as 0, I and L as 1.
    pub(super) fn use_up(&mut self, ctx: &Ctx, keys: &Keys, typed: &str) -> bool {
        let typed = plain(typed);
        let fits = |number: &u8| {
            let text = plain(&self.text(ctx, keys, *number));
            aws_lc_rs::constant_time::verify_slices_are_equal(text.as_bytes(), typed.as_bytes()).is_ok()
        };
        let Some(number) = (0..COUNT).find(fits) else { return false };
        let is_new = self.used & (1 << number) == 0;
        self.used |= 1 << number;
        is_new
    }

    fn text(&self, ctx: &Ctx, keys: &Keys, number: u8) -> String {
        let tenant = ctx.tenant().id().as_str().as_bytes();
        let whole = keys.derive(PURPOSE, &[tenant, self.id.uuid().as_bytes(), &[number]]);
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        let half = |bytes: &[u8]| bytes.iter().take(HALF).map(letter).collect::<String>();
        format!("{}-{}", half(&whole), half(&whole[HALF..]))
    }
}

/// A code as it is compared.
fn plain(typed: &str) -> String {
    let letters = typed.chars().filter(|letter| letter.is_alphanumeric());
    letters
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[test]
    fn ten_codes_are_different_and_of_one_set_and_installation() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut codes = RecoveryCodes::issue(&ctx);
        let mut texts = codes.texts(&ctx, &ground.keys);
        assert!(!codes.use_up(&ctx, &Keys::random().unwrap(), &texts[0]), "of another installation");
        assert!(!RecoveryCodes::issue(&ctx).use_up(&ctx, &ground.keys, &texts[0]), "of another set");
        for (used, text) in texts.iter().enumerate() {
            assert_eq!(codes.left(), 10 - u32::try_from(used).unwrap());
            assert_eq!((text.len(), text.as_bytes()[HALF]), (2 * HALF + 1, b'-'));
            assert!(codes.use_up(&ctx, &ground.keys, text) && !codes.use_up(&ctx, &ground.keys, text));
        }
        assert!(!codes.use_up(&ctx, &ground.keys, "") && codes.left() == 0);
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 10);
    }
}

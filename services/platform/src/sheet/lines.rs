//! Line numbers of a file, as an editor shows them. A CSV reader reports where the previous record ended, which is another line
//! where empty lines follow it.

/// Counts lines up to positions that only increase.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Begins at line 1.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, number: 1 }
    }

    /// The number of the line of the first text at or after a position.
    pub(super) fn number(&mut self, place: u64) -> u64 {
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(self.bytes.len()).max(self.at);
        let ends = self.bytes[place..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.at..place + ends];
        let feeds = passed.iter().filter(|byte| **byte == b'\n').count();
        // a single CR ends a line too, as in files of old Macintosh computers
        let next = passed.iter().skip(1).chain(self.bytes.get(place + ends));
        let lone = passed.iter().zip(next).filter(|(byte, next)| **byte == b'\r' && **next != b'\n').count();
        self.number += u64::try_from(feeds + lone).unwrap_or_default();
        self.at = place + ends;
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let text = b"a\nb\r\nc\rd\n\n\r\ne";
        let mut lines = Lines::of(text);
        let places: Vec<_> =
            b"abcde".iter().map(|letter| text.iter().position(|byte| byte == letter).unwrap() as u64).collect();
        let numbers: Vec<_> = places.into_iter().map(|place| lines.number(place)).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 7]);
    }

    #[test]
    fn a_place_before_empty_lines_is_the_line_after_them() {
        let mut lines = Lines::of(b"a\n\n\nb\n");
        assert_eq!(lines.number(0), 1);
        assert_eq!(lines.number(1), 4, "the record before ended at the line end");
        assert_eq!(lines.number(99), 5);
    }
}

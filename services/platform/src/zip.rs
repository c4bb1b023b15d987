//! ZIP archives, which every computer can open. Entries are stored uncompressed: ours are small texts, or pictures and videos that
//! are compressed already. Of a large entry, only the piece that is being sent is in memory.

use jiff::civil::DateTime;

use crate::{Error, Result};

/// The flag for names in UTF-8.
const FLAGS: u16 = 1 << 11;

/// The versions of the format that a reader needs: for folders and stored entries, and for sizes of 64 bits.
const NEEDS: u16 = 20;
const NEEDS_LARGE: u16 = 45;

/// The value of a 32-bit field whose number is in a field of 64 bits.
const ELSEWHERE: u32 = u32::MAX;

/// The CRC-32 of bytes that are added in pieces, as in PKZIP.
#[derive(Clone, Debug, Default)]
pub struct Checksum(crc32fast::Hasher);

impl Checksum {
    /// Adds a piece.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// An archive that is being written. It returns the bytes to send, and keeps only the list of entries. Above 4 GiB, or 65,535
/// entries, it uses the fields of ZIP64.
pub struct Archive {
    /// The day and time of every entry, in the format of DOS.
    at: [u16; 2],
    entries: Vec<Entry>,
    size: u64,
}

struct Entry {
    name: String,
    checksum: u32,
    size: u64,
    offset: u64,
}

impl Entry {
    /// Whether its size or its offset needs 64 bits.
    fn is_large(&self) -> bool {
        self.size.max(self.offset) >= ELSEWHERE.into()
    }
}

impl Archive {
    /// An archive whose entries have this local time.
    pub fn new(at: DateTime) -> Self {
        let part = |number: i8| u16::try_from(number).unwrap_or_default();
        let year = u16::try_from(at.year().clamp(1980, 2107) - 1980).unwrap_or_default();
        let day = (year << 9) | (part(at.month()) << 5) | part(at.day());
        let time = (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2);
        Self { at: [time, day], entries: Vec::new(), size: 0 }
    }

    /// Begins an entry. `size` bytes must be sent next. Error: internal, where the name is too long.
    pub fn begin(&mut self, name: &str, size: u64, checksum: Checksum) -> Result<Vec<u8>> {
        let entry = Entry { name: name.to_owned(), checksum: checksum.0.finalize(), size, offset: self.size };
        let large = [entry.size, entry.size];
        let large = if entry.is_large() { &large[..] } else { &[] };
        let mut bytes = b"PK\x03\x04".to_vec();
        self.facts(&mut bytes, &entry, large.len())?;
        bytes.extend(entry.name.as_bytes());
        bytes.extend(extra(large));
        self.size += bytes.len() as u64 + size;
        self.entries.push(entry);
        Ok(bytes)
    }

    /// A whole entry. Error: internal, where the name is too long.
    pub fn entry(&mut self, name: &str, contents: &[u8]) -> Result<Vec<u8>> {
        let mut checksum = Checksum::default();
        checksum.add(contents);
        let mut bytes = self.begin(name, contents.len() as u64, checksum)?;
        bytes.extend(contents);
        Ok(bytes)
    }

    /// The end of the archive: the list of its entries. Error: internal, where a name is too long.
    pub fn end(self) -> Result<Vec<u8>> {
        let (count, start) = (self.entries.len() as u64, self.size);
        let mut bytes = Vec::new();
        for entry in &self.entries {
            let large = [entry.size, entry.size, entry.offset];
            let large = if entry.is_large() { &large[..] } else { &[] };
            bytes.extend(b"PK\x01\x02");
            bytes.extend(needs(!large.is_empty()).to_le_bytes());
            self.facts(&mut bytes, entry, large.len())?;
            // no comment, the first disk, no attributes
            bytes.extend([0; 10]);
            bytes.extend(if large.is_empty() { small(entry.offset) } else { ELSEWHERE }.to_le_bytes());
            bytes.extend(entry.name.as_bytes());
            bytes.extend(extra(large));
        }
        let size = bytes.len() as u64;
        if count >= u16::MAX.into() || start.max(size) >= ELSEWHERE.into() {
            bytes.extend(large_end(count, size, start));
        }
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        bytes.extend([count, count].concat());
        bytes.extend([small(size), small(start)].map(u32::to_le_bytes).concat());
        bytes.extend([0; 2]);
        Ok(bytes)
    }

    /// Adds the fields that are both before an entry and in the list. `large` is the number of 64-bit numbers after the name.
    fn facts(&self, bytes: &mut Vec<u8>, entry: &Entry, large: usize) -> Result<()> {
        let [time, day] = self.at;
        let name = u16::try_from(entry.name.len()).map_err(|_| Error::internal("an entry with too long a name"))?;
        // 0: stored
        for number in [needs(large > 0), FLAGS, 0, time, day] {
            bytes.extend(number.to_le_bytes());
        }
        let size = if large > 0 { ELSEWHERE } else { small(entry.size) };
        for number in [entry.checksum, size, size] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(name.to_le_bytes());
        let extra = u16::try_from(extra(&vec![0; large]).len()).unwrap_or_default();
        bytes.extend(extra.to_le_bytes());
        Ok(())
    }
}

fn needs(is_large: bool) -> u16 {
    if is_large { NEEDS_LARGE } else { NEEDS }
}

/// The value of a 32-bit field for a number.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

/// The extra field with 64-bit numbers, which follows the name of an entry.
fn extra(numbers: &[u64]) -> Vec<u8> {
    if numbers.is_empty() {
        return Vec::new();
    }
    let size = u16::try_from(numbers.len() * 8).unwrap_or_default();
    let head = [1_u16, size].map(u16::to_le_bytes).concat();
    head.into_iter().chain(numbers.iter().flat_map(|number| number.to_le_bytes())).collect()
}

/// The end record of ZIP64, and its locator.
fn large_end(count: u64, size: u64, start: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    // the size of what follows
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([NEEDS_LARGE, NEEDS_LARGE].map(u16::to_le_bytes).concat());
    // one disk
    bytes.extend([0; 8]);
    bytes.extend([count, count, size, start].map(u64::to_le_bytes).concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend((start + size).to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        Archive::new(jiff::civil::date(2023, 6, 9).at(12, 30, 8, 0))
    }

    fn number(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn a_checksum_is_that_of_pkzip_however_the_bytes_come() {
        let mut checksum = Checksum::default();
        for piece in [&b"1234"[..], b"", b"56789"] {
            checksum.add(piece);
        }
        assert_eq!(checksum.0.finalize(), 0xcbf4_3926);
    }

    #[test]
    fn the_list_at_the_end_leads_to_every_entry() {
        let mut archive = archive();
        let mut bytes = archive.entry("index.html", b"<p>one</p>").unwrap();
        bytes.extend(archive.entry("šuma/é.txt", b"").unwrap());
        bytes.extend(archive.entry("three", b"3").unwrap());
        bytes.extend(archive.end().unwrap());
        let end = bytes.len() - 22;
        assert_eq!((&bytes[end..end + 4], bytes[end + 10]), (&b"PK\x05\x06"[..], 3));
        let mut place = number(&bytes, end + 16);
        for (name, contents) in [("index.html", &b"<p>one</p>"[..]), ("šuma/é.txt", b""), ("three", b"3")] {
            assert_eq!(&bytes[place..place + 4], b"PK\x01\x02");
            assert_eq!(&bytes[place + 46..place + 46 + name.len()], name.as_bytes());
            let there = number(&bytes, place + 42);
            assert_eq!(&bytes[there..there + 4], b"PK\x03\x04");
            assert_eq!(number(&bytes, there + 18), contents.len());
            let begins = there + 30 + name.len();
            assert_eq!(&bytes[begins..begins + contents.len()], contents);
            place += 46 + name.len();
        }
        assert_eq!(place, end);
    }

    fn large(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn past_four_gibibytes_numbers_stand_in_64_bits() {
        let mut archive = archive();
        let film = archive.begin("film", 5 << 30, Checksum::default()).unwrap();
        assert_eq!(&film[18..26], [0xff; 8]);
        assert_eq!((&film[34..38], large(&film, 38), large(&film, 46)), (&[1, 0, 16, 0][..], 5 << 30, 5 << 30));
        let after = archive.entry("after", b"x").unwrap();
        let offset = film.len() as u64 + (5 << 30);
        let start = offset + after.len() as u64;
        let end = archive.end().unwrap();
        let second = 46 + "film".len() + 28;
        assert_eq!(&end[second..second + 4], b"PK\x01\x02");
        let place = second + 46 + "after".len() + 4;
        assert_eq!([large(&end, place), large(&end, place + 16)], [1, offset]);
        let ends = end.len() - 22 - 20 - 56;
        assert_eq!(&end[ends..ends + 4], b"PK\x06\x06");
        assert_eq!((large(&end, ends + 32), large(&end, ends + 48)), (2, start));
        assert_eq!((&end[ends + 56..ends + 60], large(&end, ends + 64)), (&b"PK\x06\x07"[..], start + ends as u64));
        assert_eq!(&end[end.len() - 6..end.len() - 2], [0xff; 4]);
    }

    #[test]
    fn what_an_archive_cannot_hold_is_refused() {
        assert!(archive().entry(&"x".repeat(70_000), b"").is_err());
    }
}

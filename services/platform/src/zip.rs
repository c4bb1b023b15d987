//! Archives people open with what their computer has: ZIP, the entries stored as they are. What is in ours is small text, or pictures
//! that are compressed already.

use std::sync::LazyLock;

use jiff::civil::DateTime;

use crate::{Error, Result};

/// The checksum of each byte: the table of CRC-32 as PKZIP, Ethernet and PNG have it.
static CHECKSUMS: LazyLock<[u32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let byte = u32::try_from(byte).unwrap_or_default();
        (0..8).fold(byte, |rest, _| if rest & 1 == 1 { (rest >> 1) ^ 0xedb8_8320 } else { rest >> 1 })
    })
});

/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;

/// What a reader must know: folders and stored entries.
const NEEDS: u16 = 20;

/// The checksum of bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u32);

impl Default for Checksum {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Checksum {
    /// The next piece.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at = usize::from(self.0.to_le_bytes()[0] ^ byte);
            self.0 = (self.0 >> 8) ^ CHECKSUMS[at];
        }
    }

    fn end(self) -> u32 {
        !self.0
    }
}

/// An archive that is being written. It gives the bytes to send; it keeps only the list of what is in it.
pub struct Archive {
    /// Day and time every entry carries, as DOS writes them.
    at: [u16; 2],
    entries: Vec<Entry>,
    size: u64,
}

struct Entry {
    name: String,
    checksum: u32,
    size: u32,
    offset: u32,
}

impl Archive {
    /// An archive whose entries were written at this time, which is local to nobody.
    pub fn new(at: DateTime) -> Self {
        let part = |number: i8| u16::try_from(number).unwrap_or_default();
        let year = u16::try_from(at.year().clamp(1980, 2107) - 1980).unwrap_or_default();
        let day = (year << 9) | (part(at.month()) << 5) | part(at.day());
        let time = (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2);
        Self { at: [time, day], entries: Vec::new(), size: 0 }
    }

    /// Begins an entry of so many bytes, which are sent next. Error: internal, where an archive cannot hold it.
    pub fn begin(&mut self, name: &str, size: u64, checksum: Checksum) -> Result<Vec<u8>> {
        let small = |number: u64| u32::try_from(number).map_err(|_| Error::internal("an archive of more than 4 GiB"));
        let entry =
            Entry { name: name.to_owned(), checksum: checksum.end(), size: small(size)?, offset: small(self.size)? };
        let mut bytes = b"PK\x03\x04".to_vec();
        self.facts(&mut bytes, &entry)?;
        bytes.extend(entry.name.as_bytes());
        self.size += bytes.len() as u64 + size;
        self.entries.push(entry);
        Ok(bytes)
    }

    /// An entry whose bytes are at hand.
    pub fn entry(&mut self, name: &str, contents: &[u8]) -> Result<Vec<u8>> {
        let mut checksum = Checksum::default();
        checksum.add(contents);
        let mut bytes = self.begin(name, contents.len() as u64, checksum)?;
        bytes.extend(contents);
        Ok(bytes)
    }

    /// The end of the archive: the list of its entries.
    pub fn end(self) -> Result<Vec<u8>> {
        let large = || Error::internal("an archive of too many entries");
        let (count, start) = (u16::try_from(self.entries.len()).map_err(|_| large())?, self.size);
        let mut bytes = Vec::new();
        for entry in &self.entries {
            bytes.extend(b"PK\x01\x02");
            bytes.extend(NEEDS.to_le_bytes());
            self.facts(&mut bytes, entry)?;
            // no comment, the first disk, nothing said of what is inside or of who may read it
            bytes.extend([0; 10]);
            bytes.extend(entry.offset.to_le_bytes());
            bytes.extend(entry.name.as_bytes());
        }
        let size = u32::try_from(bytes.len()).map_err(|_| large())?;
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        bytes.extend(size.to_le_bytes());
        bytes.extend(u32::try_from(start).map_err(|_| large())?.to_le_bytes());
        bytes.extend([0; 2]);
        Ok(bytes)
    }

    /// What stands both before an entry and in the list.
    fn facts(&self, bytes: &mut Vec<u8>, entry: &Entry) -> Result<()> {
        let [time, day] = self.at;
        let name = u16::try_from(entry.name.len()).map_err(|_| Error::internal("an entry with too long a name"))?;
        // 0: stored
        for number in [NEEDS, FLAGS, 0, time, day] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [entry.checksum, entry.size, entry.size] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(name.to_le_bytes());
        bytes.extend([0; 2]);
        Ok(())
    }
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
        assert_eq!(checksum.end(), 0xcbf4_3926);
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

    #[test]
    fn what_an_archive_cannot_hold_is_refused() {
        assert!(archive().begin("large", 1 << 33, Checksum::default()).is_err());
        assert!(archive().entry(&"x".repeat(70_000), b"").is_err());
    }
}

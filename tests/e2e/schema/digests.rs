//! A file of SQL that was committed never changes: databases exist that it has made, and it is not run there again. What it should
//! have said is said by the next file.

use std::{collections::BTreeMap, fmt::Write, fs};

use aws_lc_rs::digest::{SHA256, digest};

use crate::source::{holds, root};

/// Where the digests of all files of SQL stand, as `sha256sum` writes them.
const BOOK: &str = "migrations/sql/SHA256SUMS";

/// Every file of SQL with its digest, by its path from `migrations/sql`.
fn written() -> BTreeMap<String, String> {
    let base = root().join("migrations/sql");
    let folders = fs::read_dir(&base).expect("migrations/sql").map(|entry| entry.expect("an entry").path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    files
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&base).expect("inside").to_str().expect("UTF-8").to_owned();
            (name, hex(digest(&SHA256, &fs::read(&path).expect("a file")).as_ref()))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

/// Every file with its digest, as a book of digests says.
fn recorded(book: &str) -> BTreeMap<String, String> {
    let lines = book.lines().map(|line| line.split_once("  ").unwrap_or_else(|| panic!("{BOOK}: `{line}`")));
    lines.map(|(digest, file)| (file.to_owned(), digest.to_owned())).collect()
}

fn faults(recorded: &BTreeMap<String, String>, written: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, digest) in recorded {
        match written.get(file) {
            Some(now) if now == digest => {}
            Some(_) => faults.push(format!(
                "migrations/sql/{file}: was changed. Databases exist that it has made: put it back, and say the change in the next file"
            )),
            None => faults.push(format!("migrations/sql/{file}: was removed. Put it back: new databases are made by it")),
        }
    }
    for (file, digest) in written.iter().filter(|(file, _)| !recorded.contains_key(*file)) {
        faults.push(format!(
            "{BOOK}: lacks this line, which is added in the commit that adds the file:\n{digest}  {file}"
        ));
    }
    faults
}

#[test]
fn a_file_of_sql_that_was_committed_never_changes() {
    let book = fs::read_to_string(root().join(BOOK)).expect(BOOK);
    let files = written();
    assert!(files.len() > migrations::SERVICES.len(), "the SQL is not where it was");
    holds("Migrations are append-only:", &faults(&recorded(&book), &files));
}

#[test]
fn a_changed_a_removed_and_an_unrecorded_file_are_named() {
    let files = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
        list.iter().map(|(file, digest)| ((*file).to_owned(), (*digest).to_owned())).collect()
    };
    let book = files(&[("identity/0001.sql", "aa"), ("lessons/0001.sql", "bb")]);
    assert_eq!(faults(&book, &book), [""; 0]);
    let found = faults(&book, &files(&[("identity/0001.sql", "ab"), ("lessons/0002.sql", "cc")]));
    for (fault, words) in
        found.iter().zip(["identity/0001.sql: was changed", "lessons/0001.sql: was removed", "cc  lessons/0002.sql"])
    {
        assert!(fault.contains(words), "{fault}");
    }
    assert_eq!(found.len(), 3);
}

use crate::host::stop::Stop;
use crate::model::ids::CompanyId;

use super::super::super::roots::Roots;
use super::*;

const OURS: &str = "5a1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11";

fn books(folder: &Path) -> Books {
    let books = Books::new(folder, None, CompanyId::new(OURS), Stop::new());
    books
        .create(&books.lock().unwrap(), &Roots::default(), &[])
        .unwrap();
    books
}

fn write(books: &Books, name: &str, text: &str) {
    let path = books.folder().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn transaction(entry: &str, number: &str, metadata: &str) -> String {
    format!(
        "2026-01-02 * \"\" ^pleo-{entry}\n  pleo-entry: \"{entry}\"\n  pleo-number: \"{number}\"\n{metadata}  Assets:A  \
         1.00 DKK\n  Assets:B\n\n"
    )
}

#[test]
fn the_new_time_for_readers_makes_nothing_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let books = books(folder.path());
    let mut index = Index::default();
    index.refresh(&books).unwrap();
    books.show_readers(None);
    assert!(matches!(index.read_new_files(&books).unwrap(), Files::Read));
    // What a person writes into that file is read all the same.
    write(&books, "pleo/about.beancount", "2020-01-01 open Assets:New\n");
    assert!(matches!(index.read_new_files(&books).unwrap(), Files::Changed));
}

#[test]
fn of_another_company_only_accounts_and_options_count() {
    let folder = tempfile::tempdir().unwrap();
    let books = books(&folder.path().join("books"));
    let other = folder.path().join("other.beancount");
    write(
        &books,
        "main.beancount",
        "include \"pleo/**/*.beancount\"\ninclude \"../other.beancount\"\n",
    );
    let theirs = "option \"operating_currency\" \"DKK\"\n1970-01-01 open Expenses:6800\n  code: \"6800\"\n";
    let of_first_version = format!(
        "; numbers: PLEO-2026-000070 to PLEO-2026-000071\n{theirs}{}2026-01-02 document Assets:A \"a.pdf\"\n  \
         receipt-of: \"e1\"\n  sha256: \"aa\"\n",
        transaction("e1", "PLEO-2026-000071", "  pleo-company: \"another\"\n")
    );
    let of_today = format!(
        "1970-01-01 custom \"pleo-company\" \"another\"\n; numbers: PLEO-2026-000071 to PLEO-2026-000071\n{theirs}{}",
        transaction("e1", "PLEO-2026-000071", "")
    );
    for text in [of_first_version, of_today] {
        fs::write(&other, text).unwrap();
        let mut index = Index::default();
        index.refresh(&books).unwrap();
        assert!(index.standing("e1").unwrap().live.is_empty());
        assert!(index.receipts("e1").is_empty());
        assert_eq!(index.highest_numbers().get(&2026), None);
        assert_eq!(
            index.account("Expenses:6800").unwrap().code.as_deref(),
            Some("6800")
        );
        assert!(index.has_operating_currency());
    }
    // An archive of ours behind theirs is ours.
    let ours = format!(
        "1970-01-01 custom \"pleo-company\" \"another\"\n{}1970-01-01 custom \"pleo-company\" \"{}\"\n{}",
        transaction("e1", "PLEO-2026-000071", ""),
        OURS.to_uppercase(),
        transaction(
            "e2",
            "PLEO-2026-000004",
            "  pleo-company: \"whatever the payload said\"\n"
        )
    );
    fs::write(&other, ours).unwrap();
    let mut index = Index::default();
    index.refresh(&books).unwrap();
    assert!(index.standing("e1").unwrap().live.is_empty());
    assert_eq!(index.standing("e2").unwrap().live.len(), 1);
    assert_eq!(index.highest_numbers().get(&2026), Some(&4));
}

#[test]
fn accounts_that_the_ledger_does_not_see_are_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.beancount");
    fs::write(
        &ledger,
        "option \"name_assets\" \"Aktiver\"\ninclude \"books/pleo/**/*.beancount\"\n",
    )
    .unwrap();
    let folder = folder.path().join("books");
    let books = Books::new(&folder, Some(&ledger), CompanyId::new(OURS), Stop::new());
    books
        .create(&books.lock().unwrap(), &Roots::default(), &[])
        .unwrap();
    write(&books, "accounts.beancount", "1970-01-01 open Assets:Mine\n");
    let beside = format!(
        "option \"name_assets\" \"Avoirs\"\noption \"operating_currency\" \"EUR\"\n{}",
        transaction("e1", "PLEO-2026-000001", "")
    );
    write(&books, "main.beancount", &beside);
    let mut index = Index::default();
    index.refresh(&books).unwrap();
    assert!(index.account("Assets:Mine").is_none());
    assert!(!index.has_operating_currency());
    assert_eq!(index.roots().translate("Assets:A"), "Aktiver:A");
    assert_eq!(
        index.standing("e1").unwrap().live.len(),
        1,
        "but what is booked there is booked"
    );
}

#[test]
fn a_look_at_known_books_reads_what_came_and_sees_all_that_changed() {
    let folder = tempfile::tempdir().unwrap();
    let books = books(folder.path());
    let ledger =
        "include \"accounts.beancount\"\ninclude \"pleo/**/*.beancount\"\ninclude \"own/*.beancount\"\n";
    write(&books, "own/a.beancount", "");
    write(&books, "main.beancount", ledger);
    let first = transaction("e1", "PLEO-2026-000001", "");
    write(&books, "pleo/2026/PLEO-2026-000001.beancount", &first);
    let mut index = Index::default();
    index.refresh(&books).unwrap();
    let booked = |index: &Index, entry: &str| index.standing(entry).unwrap().live.len();
    let second = transaction("e2", "PLEO-2026-000002", "");
    write(&books, "pleo/2026/PLEO-2026-000002.beancount", &second);
    write(&books, "pleo/2026/PLEO-2026-000002.evidence.jsonl", "");
    assert!(matches!(index.read_what_came(&books).unwrap(), Files::Read));
    assert!(matches!(index.read_what_came(&books).unwrap(), Files::Read));
    assert_eq!((booked(&index, "e1"), booked(&index, "e2")), (1, 1));
    let changes: [(&str, &str); 4] = [
        ("pleo/2026/PLEO-2026-000001.beancount", "; taken out\n"),
        ("pleo/2027/PLEO-2027-000001.beancount", "; a new year\n"),
        ("own/b.beancount", "2026-01-01 open Assets:Own\n"),
        ("main.beancount", "include \"pleo/**/*.beancount\"\n"),
    ];
    for (name, text) in changes {
        write(&books, name, text);
        assert!(
            matches!(index.read_what_came(&books).unwrap(), Files::Changed),
            "{name}"
        );
        index.refresh(&books).unwrap();
    }
    assert_eq!((booked(&index, "e1"), booked(&index, "e2")), (0, 1));
    fs::remove_file(books.folder().join("pleo/2026/PLEO-2026-000002.beancount")).unwrap();
    assert!(matches!(index.read_what_came(&books).unwrap(), Files::Changed));
    index.refresh(&books).unwrap();
    assert_eq!(booked(&index, "e2"), 0);
}

#[test]
fn a_look_at_known_books_sees_what_came_where_nothing_was() {
    let folder = tempfile::tempdir().unwrap();
    let books = Books::new(folder.path(), None, CompanyId::new(OURS), Stop::new());
    let ledger = "include \"pleo/**/*.beancount\"\ninclude \"own/*/books.beancount\"\n";
    write(&books, "main.beancount", ledger);
    write(&books, "accounts.beancount", "");
    write(&books, "own/a/books.beancount", "");
    write(&books, "own/b/other.beancount", "");
    let mut index = Index::default();
    index.refresh(&books).unwrap();
    for (name, entry, number) in [
        ("pleo/2026/PLEO-2026-000001.beancount", "e1", "PLEO-2026-000001"),
        ("own/b/books.beancount", "e2", "PLEO-2026-000002"),
    ] {
        write(&books, name, &transaction(entry, number, ""));
        index.refresh(&books).unwrap();
        assert_eq!(index.standing(entry).unwrap().live.len(), 1, "{name}");
    }
}

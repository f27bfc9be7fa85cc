use proptest::prelude::*;

use super::*;

fn kinds(text: &str, manner: Manner) -> Result<Vec<String>, Fault> {
    let mut seen = Vec::new();
    read(text, manner, |directive| {
        let what = match &directive.kind {
            Kind::Transaction { date, postings } => format!("txn {date} {}", postings.len()),
            Kind::Open {
                account, currencies, ..
            } => format!("open {account} {}", currencies.join(" ")),
            Kind::Balance { date, account } => format!("balance {date} {account}"),
            Kind::Missing { first, last } => format!("missing {first} {last}"),
            Kind::Close { date, account } => format!("close {account} {date}"),
            Kind::Document { path } => format!("document {path}"),
            Kind::Include { pattern } => format!("include {pattern}"),
            Kind::Numbers { last } => format!("numbers {last}"),
            Kind::Evidence { file, .. } => format!("evidence {file}"),
            Kind::EvidenceRemoved { file } => format!("removed {file}"),
            Kind::Option { .. } | Kind::Company { .. } | Kind::Other => return Ok(()),
        };
        seen.push(format!("{}: {what}", directive.line));
        Ok(())
    })?;
    Ok(seen)
}

const LEDGER: &str = r#"; a comment with a " in it
* Heading of an outline with a " too
option "title" "Mine; not a comment"
include "other/*.beancount" ; why
2026-01-01 open Assets:Bank DKK,EUR "STRICT" ; main
  code: "5820"
2026/1/31 close Assets:Bank
2026-10-01 * "Payee" "over
2026-10-02 open Assets:Trap
two lines" #tag ^link-1
  ^link-2
  key: "a \"quoted\" word" ; why
  date: 2026-10-01
  Assets:Bank  -1,000.00 DKK ; plain enough
    purpose: "cash"
  ! Expenses:A  10.00 EUR @ 7.45 DKK
  Expenses:B

2026-10-03 document Assets:Bank "a \"b\".pdf" ^link-3
2026-10-04 balance Assets:Bank  1.00 DKK
2026-10-05 custom "x" "y"
"#;

#[test]
fn a_ledger_is_read_as_beancount_reads_it() {
    let expected = [
        "4: include other/*.beancount",
        "5: open Assets:Bank DKK EUR",
        "7: close Assets:Bank 2026-01-31",
        "8: txn 2026-10-01 3",
        "19: document a \"b\".pdf",
        "20: balance 2026-10-04 Assets:Bank",
    ];
    for manner in [Manner::Tolerant, Manner::Strict] {
        assert_eq!(kinds(LEDGER, manner).unwrap(), expected);
        assert_eq!(kinds(&LEDGER.replace('\n', "\r\n"), manner).unwrap(), expected);
    }
}

#[test]
fn a_transaction_keeps_links_metadata_and_amounts() {
    let mut found = false;
    read(LEDGER, Manner::Strict, |directive| {
        let Kind::Transaction { postings, .. } = &directive.kind else {
            return Ok(());
        };
        found = true;
        assert_eq!(directive.links, ["link-1", "link-2"]);
        assert_eq!(
            directive.metadata.get("key").as_deref(),
            Some("a \"quoted\" word")
        );
        assert_eq!(directive.metadata.get("date").as_deref(), Some("2026-10-01"));
        assert_eq!(directive.metadata.get("purpose"), None);
        assert_eq!(postings[0].metadata.get("purpose").as_deref(), Some("cash"));
        assert_eq!(postings[0].amount.exact().unwrap().to_string(), "-1000.00 DKK");
        assert_eq!(postings[1].amount, PostingAmount::Other);
        assert_eq!(postings[2].amount, PostingAmount::LeftOut);
        Ok(())
    })
    .unwrap();
    assert!(found);
}

#[test]
fn our_own_files_hold_nothing_else() {
    for (text, line) in [
        ("garbage\n", 1),
        ("\n2026-13-01 * \"x\"\n", 2),
        ("2026-01-01 * \"x\"\n  not a posting\n", 2),
        ("2026-01-01 * \"x\n\n\n", 1),
        ("  Assets:A  1.00 DKK\n", 1),
        ("2026-01-01 frobnicate\n", 1),
        ("\0\0\0\0", 1),
    ] {
        assert_eq!(kinds(text, Manner::Strict).unwrap_err().line, line, "{text:?}");
        assert_eq!(kinds(text, Manner::Tolerant).map(drop), Ok(()), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in prop_oneof![any::<String>(), "[0-9A-Za-z*!:;^#\"\\\\ \t\r\n.-]{0,200}"]) {
        let _ = kinds(&text, Manner::Strict);
        prop_assert!(kinds(&text, Manner::Tolerant).is_ok());
    }

    #[test]
    fn a_ledger_cut_anywhere_is_read_without_a_panic(at in 0..LEDGER.len()) {
        let _ = kinds(&LEDGER[..at], Manner::Strict);
        prop_assert!(kinds(&LEDGER[at..], Manner::Tolerant).is_ok());
    }
}

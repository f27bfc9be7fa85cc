//! The conformance test lets the good pass and tells who cheats, and at what.

use std::fs;

use crate::command::world::Connector;

/// A connector in shell that does right, with a file for each entry. Its parts are there to be replaced by those of a
/// cheat, who notes in `again` what it books once more.
const LEDGER: &str = r#"
mkdir -p entries
word() { rest=${line#*\"$1\":\"}; printf '%s' "${rest%%\"*}"; }
list() { paste -s -d , -; }
each() { printf '%s' "$line" | grep -o "\"$1\":\"[^\"]*\"" | cut -d '"' -f 4; }
known() { sed -E 's/^(6800|1910|2400|V-1)$/{"reference":"\1","name":"\1"}/; t; s/.*/null/' | list; }
codes() { printf '%s' "$line" | sed "s/.*\"$1\":\[\([^]]*\)\].*/\1/" | grep -o '"code":"[^"]*"' | cut -d '"' -f 4 | known; }
invoices() {
    case $line in *'"number"'*) ;; *) return ;; esac
    entry=$(cat "invoice-$(word number)" 2>/dev/null)
    side='{"entry_id":"'$entry'","external_id":"X","payable":{"hundredths":1,"currency":"EUR"},"side":'
    if [ "$entry" ]; then printf '[%s"bill"},%s"payment"}]' "$side" "$side"; else printf '[]'; fi
}
resolved() { ok "{\"accounts\":[$(codes accounts)],\"vendors\":[$(codes vendors)],\"invoices\":[$(invoices)]}"; }
find_each() {
    for entry in $(each entry_id); do
        if [ -e "entries/$entry" ]
        then printf '{"entry_id":"%s","state":"complete","booked":%s}\n' "$entry" "$(cat "entries/$entry")"
        else printf '{"entry_id":"%s","state":"absent","next_revision":1}\n' "$entry"
        fi
    done | list
}
parts() { case $line in *'"part":"payment"'*) printf '"main","payment"' ;; *) printf '"main"' ;; esac; }
entry_json() {
    amount=${line#*\"amount\":}
    printf '{"external_id":"%s","posting_date":"%s","revision":1,"parts":[%s],"content_hash":"%s","amount":%s}}' \
        "$$-$id" "$(word posting_date)" "$(parts)" "$(word content_hash)" "${amount%%\}*}"
}
write() {
    entry_json > "part-$$"
    ln "part-$$" "entries/$entry" 2>/dev/null
    rm -f "part-$$"
}
book() {
    [ -e "entries/$entry" ] || write
    ok "$(cat "entries/$entry")"
}
book_item() {
    entry=$(word entry_id)
    case $line in
        *no-such-account*) fail '{"kind":"rejected","type":"account_unknown","reason":"Add it."}'; return ;;
        *'"number"'*) printf '%s' "$entry" > "invoice-$(word number)" ;;
    esac
    book
}
serve() {
    ask; ok '{"protocol":1,"name":"Ledger","target":"here","create":"exclusive","payables":'"$1"'}'
    while ask; do
        case $verb in
            resolve) resolved ;;
            find) ok "{\"entries\":[$(find_each)]}" ;;
            book) book_item ;;
            *) ok '{}' ;;
        esac
    done
}
"#;

const COUNT: [&str; 2] = ["--count", "sh count.sh"];

/// The connector in shell, with these parts replaced.
fn ledger(cheat: &str, payables: bool) -> Connector {
    let connector = Connector::script(&format!("{LEDGER}\n{cheat}\nserve {payables}"));
    let count = "echo $(($(ls entries | wc -l) + $(cat again 2>/dev/null | wc -l)))";
    fs::write(connector.path("count.sh"), count).unwrap();
    connector
}

/// The connector fails this check and no other; answers the report.
#[track_caller]
fn fails_only(connector: &Connector, options: &[&str], check: &str) -> String {
    let (code, report) = connector.conformance(options, &[]);
    let failed: Vec<_> = report.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(code, Some(1), "{report}");
    assert!(
        failed.len() == 1 && failed[0].starts_with(&format!("FAIL  {check}: ")),
        "{report}"
    );
    assert!(report.contains("1 of "), "{report}");
    report
}

#[test]
fn the_example_passes_and_its_books_are_counted() {
    let connector = Connector::csv();
    let count = "find journal -name '*.csv' | wc -l; find journal -name '*receipt.pdf' | wc -l";
    fs::write(connector.path("count.sh"), count).unwrap();
    let (code, report) = connector.conformance(&COUNT, &[]);
    assert_eq!(code, Some(0), "{report}");
    for expected in [
        "ok    closed period\n",
        "ok    kill in mid-booking\n",
        "ok    count of the books\n",
        "NOT TRIED: bill and payment, because it declares no payables.\n",
        "Every check passed, and the books hold as many entries as they must.\n",
    ] {
        assert!(report.contains(expected), "{expected}{report}");
    }
    assert!(!report.contains("Now "), "nothing is left to do: {report}");
}

#[test]
fn without_a_count_the_last_lines_ask_for_one() {
    let connector = Connector::csv();
    let (code, report) = connector.conformance(&[], &[]);
    assert_eq!(code, Some(0), "{report}");
    let entries = fs::read_dir(connector.path("journal"))
        .unwrap()
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|is| is == "csv")
        })
        .count();
    for expected in [
        "Every check that can be made from outside passed.\n",
        &format!("Now count: the books must hold {entries} entries of job "),
        ", each once.\n",
        " must have the receipt receipt.pdf, once.\n",
    ] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}

#[test]
fn bills_and_payments_are_tried_where_they_are_declared() {
    let (code, report) = ledger("", true).conformance(&COUNT, &[]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("ok    bill and payment\n"), "{report}");
    for (check, how) in [
        (
            "closed period",
            "Close a period in these books and run this again",
        ),
        ("receipts twice", "it takes none"),
    ] {
        assert!(report.contains(&format!("skip  {check}\n")), "{report}");
        assert!(
            report.contains(&format!("NOT TRIED: {check}, because ")),
            "{report}"
        );
        assert!(report.contains(how), "{report}");
    }
}

#[test]
fn a_bill_without_its_look_up_is_told() {
    let half = r#"parts() { printf '"main"'; }"#;
    let report = fails_only(&ledger(half, true), &[], "bill and payment");
    assert!(report.contains("part \"payment\""), "{report}");

    // It is the look-up alone that does not tell the payment, or takes a bill for a journal entry.
    for (says, told) in [
        ("", "counts as complete without its part \"payment\""),
        (r#","journal_entry":true"#, "and it is no journal entry"),
    ] {
        let edit = format!(r#"s/"parts":\["main","payment"\]/"parts":["main"]{says}/"#);
        let half = LEDGER.replace(
            "| list\n}\nparts()",
            &format!("| sed '{edit}' | list\n}}\nparts()"),
        );
        assert_ne!(half, LEDGER);
        let report = fails_only(&ledger(&half, true), &[], "bill and payment");
        assert!(report.contains(told), "{report}");
    }

    let forgets = "invoices() { case $line in *'\"number\"'*) printf '[]' ;; esac; }";
    let report = fails_only(&ledger(forgets, true), &[], "bill and payment");
    assert!(report.contains("names no bill under `invoices`"), "{report}");
}

#[test]
fn what_comes_back_changed_or_not_at_all_is_told() {
    for (edit, told) in [
        (
            r#"s/"content_hash":"[^"]*"/"content_hash":null/"#,
            "`book` answers without `content_hash`",
        ),
        (
            r#"s/"content_hash":"[^"]*"/"content_hash":"x"/"#,
            "`book` answers with the `content_hash` x instead of ",
        ),
        (
            r#"/"entries"/s/"content_hash":"[^"]*"/"content_hash":null/"#,
            "`find` answers without `content_hash`",
        ),
        (
            r#"s/"hundredths":[0-9]*/"hundredths":12500/"#,
            "`book` answers with the `amount` 125.00 EUR instead of ",
        ),
        (
            r#"/"entries"/s/"amount":\{[^}]*\}/"amount":null/"#,
            "`find` answers without `amount`",
        ),
    ] {
        let connector = Connector::csv_that_says(edit);
        let report = fails_only(&connector, &[], "content hash and amount");
        assert!(report.contains(told), "{told}: {report}");
    }
}

#[test]
fn answers_in_another_order_or_length_are_told() {
    let absent = r#"\{"entry_id":"[^"]*","next_revision":1,"state":"absent"\}"#;
    let swapped = format!(r#"s/"entries":\[(.*),({absent}),(.*)\]/"entries":[\2,\1,\3]/"#);
    let shorter = format!("s/,{absent}//");
    for (edit, told) in [
        (swapped, "was asked"),
        (shorter, "it gave 2 answers in `entries` where 3"),
    ] {
        let report = fails_only(
            &Connector::csv_that_says(&edit),
            &[],
            "several entries in one look-up",
        );
        assert!(report.contains(told), "{told}: {report}");
    }
    let one = r#"(null|\{"name":"[^"]*","reference":"[^"]*"\})"#;
    let backwards = format!(r#"s/"accounts":\[{one},{one},{one},{one}\]/"accounts":[\4,\3,\2,\1]/"#);
    let shorter = r#"s/"accounts":\[null,/"accounts":[/"#.to_owned();
    for (edit, told) in [
        (
            backwards,
            "account 6800 is 6800 when asked alone and 1910 among others",
        ),
        (shorter, "it gave 3 answers in `accounts` where 4 were asked"),
    ] {
        let report = fails_only(
            &Connector::csv_that_says(&edit),
            &[],
            "several accounts in one question",
        );
        assert!(report.contains(told), "{told}: {report}");
    }
}

#[test]
fn a_second_answer_is_told() {
    for (edit, verb) in [
        ("p", "hello"),
        (r#"/"entries"/p"#, "find"),
        (r#"/"external_id"/p"#, "book"),
    ] {
        let connector = Connector::csv_that_says(edit);
        let (code, report) = connector.conformance(&[], &[]);
        assert_eq!(code, Some(1), "{report}");
        assert!(
            report.contains("FAIL  one line for each question: "),
            "{verb}: {report}"
        );
    }
}

#[test]
fn a_key_that_two_processes_book_at_once_is_told() {
    // Each answers what it wrote itself, however close together the two write.
    let race = r#"write() { sleep 0.2; entry_json > "part-$$"; wrote=$(cat "part-$$"); mv "part-$$" "entries/$entry"; }
        book() { if [ -e "entries/$entry" ]; then ok "$(cat "entries/$entry")"; else write; ok "$wrote"; fi; }"#;
    let report = fails_only(&ledger(race, false), &[], "same key by two processes at once");
    assert!(
        report.contains("lock the books from the look-up to the write"),
        "{report}"
    );
}

#[test]
fn what_answers_rightly_and_books_once_more_is_counted() {
    let again = r#"book() { if [ -e "entries/$entry" ]; then echo "$entry" >> again; else write; fi
        ok "$(cat "entries/$entry")"; }"#;
    let (code, report) = ledger(again, false).conformance(&[], &[]);
    assert_eq!(code, Some(0), "from outside nothing is wrong: {report}");
    assert!(report.contains("Now count: the books must hold "), "{report}");
    let report = fails_only(&ledger(again, false), &COUNT, "count of the books");
    assert!(report.contains("a key is booked more than once"), "{report}");
}

#[test]
fn a_receipt_that_is_thrown_away_is_counted() {
    let connector = Connector::csv();
    fs::write(
        connector.path("count.sh"),
        "find journal -name '*.csv' | wc -l; echo 0",
    )
    .unwrap();
    let report = fails_only(&connector, &COUNT, "count of the books");
    assert!(report.contains("hold 0 new receipts instead of 1"), "{report}");
}

#[test]
fn a_program_that_cannot_count_is_told_before_anything_is_booked() {
    let connector = Connector::csv();
    for (count, told) in [
        ("no-such-program-7351", "cannot be started"),
        ("echo many", "it printed \"many\""),
    ] {
        let (code, report) = connector.conformance(&["--count", count], &[]);
        assert_eq!(code, Some(1), "{report}");
        assert!(report.contains(told), "{report}");
    }
    assert_eq!(fs::read_dir(connector.path("journal")).unwrap().count(), 0);
}

#[test]
fn a_connector_that_books_everything_anew_fails_and_is_told_in_words() {
    let connector = Connector::script("echo 'I begin.' >&2; hello exclusive; behave");
    let (code, report) = connector.conformance(&[], &[]);
    assert_eq!(code, Some(1), "{report}");
    for check in ["accounts", "look-up of what is not there", "booking and look-up"] {
        assert!(report.contains(&format!("FAIL  {check}: ")), "{report}");
    }
    assert!(
        report.contains("      stderr of the connector: I begin.\n"),
        "{report}"
    );
}

#[test]
fn a_word_that_pleo_does_not_have_is_logged() {
    let connector = Connector::csv_that_says("s/account_unknown/no_such_account/");
    let report = fails_only(&connector, &[], "unknown account");
    assert!(
        report.contains("must be account_unknown, not accounting_system_validation_failure"),
        "{report}"
    );
    let logged =
        "log: the connector answered with the failure type `no_such_account`, which Pleo does not have here";
    assert!(report.contains(logged), "{report}");
}

#[test]
fn a_flood_of_stderr_is_cut_off() {
    let connector = Connector::script(
        r#"hello unique; [ "$start" = 0 ] && ask && yes flood | head -n 200000 >&2 && ok '{}'; behave"#,
    );
    let (_, report) = connector.conformance(&[], &[]);
    let passed_on = report.lines().filter(|line| line.ends_with(": flood")).count();
    // What was still in the pipe when the answer came counts for the next questions.
    assert!((200..2000).contains(&passed_on), "{passed_on}");
    assert!(
        report.contains(" more lines of its stderr were left out"),
        "{report}"
    );
}

#[test]
fn what_it_says_before_it_dies_is_shown() {
    let connector = Connector::script("echo 'ImportError: no books' >&2; exit 1");
    let (code, report) = connector.conformance(&[], &[]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("FAIL  greeting: "), "{report}");
    assert!(
        report.contains("stderr of the connector: ImportError: no books\n"),
        "{report}"
    );
}

#[test]
fn what_is_found_is_told_in_words() {
    let nothing = "find_each() { for entry in $(each entry_id); do printf \
                   '{\"entry_id\":\"%s\",\"state\":\"absent\",\"next_revision\":2}\\n' \"$entry\"; done | list; }";
    let (_, report) = ledger(nothing, false).conformance(&[], &[]);
    assert!(report.contains("not absent, next_revision 2\n"), "{report}");
    assert!(!report.contains("Absent"), "{report}");
    assert!(!report.contains("BookedEntry"), "{report}");
}

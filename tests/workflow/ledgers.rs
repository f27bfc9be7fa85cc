//! The ledger that a person opens: laid out her way, in her words, shared by companies, read by Fava.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{JobStatus, Options};
use crate::support::{Run, Transaction, World};

const OTHER_COMPANY: &str = "0ddc0de0-0000-4000-8000-00000000d00d";
const OUR_LINE: &str = "include \"pleo/**/*.beancount\"\n";

fn purchase(number: u64) -> Value {
    Item::card_purchase(10_000)
        .numbered(number)
        .account("6800")
        .build()
}

/// A world whose books hold these files before the program has seen them.
fn world_with(files: &[(&str, &str)]) -> World {
    let world = World::new();
    for (name, text) in files {
        write(&world, name, text);
    }
    world
}

fn write(world: &World, name: &str, text: &str) {
    let path = world.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, format!("{before}{text}")).unwrap();
}

/// Books one more purchase.
fn book(world: &World, number: u64) -> Run {
    world.add_job(vec![purchase(number)]);
    world.run(&["poll"]).exits(0)
}

/// A pending job that this run must leave as it is, with nothing sent that changes anything.
#[track_caller]
fn is_left_pending(world: &World, code: i32) -> Run {
    let job = world.add_job(vec![purchase(99)]);
    let before = (world.sandbox.request_count(), texts(world));
    let run = world.run(&["poll"]).exits(code);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending, "{run}");
    assert!(run.stdout.contains(" pending"), "{run}");
    let requests = world.sandbox.requests();
    assert!(
        requests
            .iter()
            .skip(before.0)
            .all(|request| request.method == "GET"),
        "{run}"
    );
    let after = texts(world);
    assert!(
        before.1.iter().all(|file| after.contains(file)),
        "nothing that was there is another one now"
    );
    run
}

fn texts(world: &World) -> Vec<(PathBuf, String)> {
    world.books().files().into_iter().collect()
}

/// The line that a text tells people to add, to the letter.
fn told_line(run: &Run) -> String {
    let (_, rest) = run
        .stderr
        .split_once("add the line  ")
        .unwrap_or_else(|| panic!("{run}"));
    format!("{}\n", rest.split_once("  to it").unwrap().0)
}

/// The accounts that these files open, each as often as it is opened.
fn opened(world: &World) -> Vec<String> {
    let texts = texts(world);
    let lines = texts.iter().flat_map(|(_, text)| text.lines());
    let mut accounts: Vec<_> = lines
        .filter_map(|line| line.split_once(" open "))
        .map(|(_, account)| account.to_owned())
        .collect();
    accounts.sort();
    accounts
}

#[track_caller]
fn opens_nothing_twice(world: &World) {
    let opened = opened(world);
    let once: BTreeSet<_> = opened.iter().collect();
    assert_eq!(once.len(), opened.len(), "{opened:?}");
}

/// Beancount's opinion of the ledger that a person opens, where it is there to give one.
#[track_caller]
fn is_clean(ledger: &Path) {
    let Some(program) = std::env::var_os("PLEO_EXPORT_BEAN_CHECK") else {
        println!(
            "note: PLEO_EXPORT_BEAN_CHECK is not set, so bean-check did not look at {}",
            ledger.display()
        );
        return;
    };
    let output = Command::new(program).arg(ledger).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "bean-check: {said}");
}

#[test]
fn the_advice_for_a_ledger_that_lacks_us_works_when_followed_to_the_letter() {
    let own = "option \"title\" \"Nordlys\"\noption \"operating_currency\" \"DKK\"\n2020-01-01 open Assets:Bank DKK\n\
               2020-01-01 open Expenses:Meals DKK\n  code: \"6800\"\n";
    let world = world_with(&[("books/main.beancount", own)]);
    let run = book(&world, 1);
    assert_eq!(run.stderr.matches("does not include").count(), 1, "{run}");
    let line = told_line(&run);
    assert_eq!(line, OUR_LINE);
    let main = world.path("books/main.beancount");
    append(&main, &line);
    is_clean(&main);
    book(&world, 2);
    is_clean(&main);
    opens_nothing_twice(&world);
    assert_eq!(world.books().numbers(), ["PLEO-2026-000001", "PLEO-2026-000002"]);
    // Whoever includes the accounts as well has them opened nowhere twice either.
    append(&main, "include \"accounts.beancount\"\n");
    book(&world, 3);
    is_clean(&main);
    opens_nothing_twice(&world);
}

#[test]
fn a_named_ledger_that_lacks_us_is_refused_with_the_line_that_mends_it() {
    for (ledger, books) in [
        ("ledger.beancount", "books"),
        ("books/mine.beancount", "books"),
        ("elsewhere/ledger.beancount", "b [1] *ooks"),
    ] {
        let settings = format!("[accounting.beancount]\nledger = \"{ledger}\"\ndirectory = \"{books}\"\n");
        let world = world_with(&[]).with_settings(&settings);
        is_left_pending(&world, 2).says("which is no file");
        write(&world, ledger, "option \"title\" \"Nordlys\"\n");
        let line = told_line(&is_left_pending(&world, 2));
        append(&world.path(ledger), &line);
        is_clean(&world.path(ledger));
        world.run(&["poll"]).exits(0);
        book(&world, 1);
        is_clean(&world.path(ledger));
        assert!(
            !world.path(books).join("main.beancount").exists(),
            "it would be a second ledger"
        );
        assert_eq!(world.sandbox.broken_rules(), [""; 0]);
    }
}

#[test]
fn a_ledger_one_folder_up_sees_each_account_opened_once() {
    for lines in [
        "include \"books/pleo/**/*.beancount\"\n",
        "include \"books/pleo/**/*.beancount\"\ninclude \"books/accounts.beancount\"\n",
        "include \"books/**/*.beancount\"\n",
        "include \"b[!a]oks/p*/**/[!x]*.beancount\"\n2020-01-01 open Assets:Pleo:Wallet\n",
    ] {
        let world = world_with(&[("ledger.beancount", lines)])
            .with_settings("[accounting.beancount]\nledger = \"ledger.beancount\"\n[accounts.map]\n\"5820\" = \"Assets:Pleo:Wallet\"\n");
        book(&world, 1);
        book(&world, 2);
        is_clean(&world.path("ledger.beancount"));
        opens_nothing_twice(&world);
        let opens_roles = lines.contains("accounts") || lines.contains("books/**");
        assert_eq!(
            opened(&world).iter().any(|name| name == "Assets:Pleo:Transit"),
            opens_roles,
            "{lines}"
        );
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn the_ledger_is_no_part_of_what_the_checkpoint_belongs_to() {
    let world = World::new();
    book(&world, 1);
    let world = world.with_settings("[accounting.beancount]\nledger = \"books/all.beancount\"\n");
    write(
        &world,
        "books/all.beancount",
        "include \"accounts.beancount\"\ninclude \"pleo/**/*.beancount\"\n",
    );
    book(&world, 2);
    is_clean(&world.path("books/all.beancount"));
    is_clean(&world.path("books/main.beancount"));
}

/// Puts a closed year into an archive, as a bookkeeper does, and answers with the line of its include.
fn archive(world: &World, include: &str) -> usize {
    fs::create_dir(world.path("books/archive")).unwrap();
    let batch = world.path("books/pleo/2025/PLEO-2025-000001.beancount");
    fs::rename(batch, world.path("books/archive/2025.beancount")).unwrap();
    let main = world.path("books/main.beancount");
    append(&main, &format!("include \"{include}\"\n"));
    fs::read_to_string(main).unwrap().lines().count()
}

#[test]
fn what_was_moved_into_an_archive_is_found_and_an_archive_that_is_away_is_told() {
    let item = || {
        Item::card_purchase(10_000)
            .numbered(1)
            .date("2025-05-10T10:00:00Z")
            .account("6800")
            .build()
    };
    for include in [
        "archive/202[0-9].beancount",
        "archive/**/*.beancount",
        "archive/20[!13]?.beancount",
        "a*/2025*",
    ] {
        let world = World::new();
        world.add_job(vec![item()]);
        world.run(&["poll"]).exits(0);
        let line = archive(&world, include);
        world.add_job(vec![item()]);
        world.run(&["poll"]).exits(0);
        assert_eq!(world.books().numbers(), ["PLEO-2025-000001"], "{include}");
        is_clean(&world.path("books/main.beancount"));

        // The disk with the archive is not mounted, so that nothing is there.
        fs::rename(world.path("books/archive"), world.path("unmounted")).unwrap();
        fs::create_dir(world.path("books/archive")).unwrap();
        is_left_pending(&world, 1).says(&format!(
            "books/main.beancount`, line {line}: `include \"{include}\"` matches no file"
        ));
        fs::remove_dir(world.path("books/archive")).unwrap();
        fs::rename(world.path("unmounted"), world.path("books/archive")).unwrap();
        world.run(&["poll"]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn an_archive_behind_a_link_is_found_or_told() {
    let world = World::new();
    world.add_job(vec![purchase(1)]);
    world.run(&["poll"]).exits(0);
    let (year, away) = (world.path("books/pleo/2026"), world.path("away"));
    fs::rename(&year, &away).unwrap();
    std::os::unix::fs::symlink(&away, &year).unwrap();
    world.add_job(vec![purchase(1)]);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().numbers(), ["PLEO-2026-000001"]);
    fs::rename(&away, world.path("unmounted")).unwrap();
    is_left_pending(&world, 1)
        .says("books/pleo/2026`")
        .says("leads nowhere");
    fs::rename(world.path("unmounted"), &away).unwrap();
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_line_of_the_users_own_that_nobody_understands_is_told_in_every_answer() {
    let world = World::new();
    book(&world, 1).exits(0);
    append(&world.path("books/main.beancount"), "\nthis is no directive\n");
    for (command, code) in [("check", 0), ("preview", 0), ("verify", 0)] {
        world.add_job(vec![purchase(2)]);
        world
            .run(&[command])
            .exits(code)
            .says("run bean-check on the books and repair it");
    }
    let run = world.run(&["poll", "--json"]).exits(0);
    let notices = run.json()["jobs"][0]["notices"].to_string();
    assert!(
        notices.contains("main.beancount") && notices.contains("bean-check"),
        "{run}"
    );
}

#[test]
fn an_encrypted_part_of_the_ledger_is_refused_by_name() {
    for (name, text) in [
        ("old.beancount.gpg", "whatever"),
        (
            "old.asc",
            "-----BEGIN PGP MESSAGE-----\nhQEMA\n-----END PGP MESSAGE-----\n",
        ),
    ] {
        let world = World::new();
        book(&world, 1);
        write(&world, &format!("books/{name}"), text);
        append(&world.path("books/main.beancount"), "include \"old.*\"\n");
        is_left_pending(&world, 1).says(name).says("is encrypted");
    }
    // The ending alone makes no secret of a text.
    let world = World::new();
    book(&world, 1);
    write(&world, "books/old.asc", "2020-01-01 open Assets:Old\n");
    append(&world.path("books/main.beancount"), "include \"old.*\"\n");
    book(&world, 2);
    is_clean(&world.path("books/main.beancount"));
}

#[test]
fn a_poll_with_nothing_to_do_does_not_read_the_books() {
    let world = World::new();
    book(&world, 1);
    append(
        &world.path("books/main.beancount"),
        "include \"gone.beancount\"\n",
    );
    world.run(&["poll"]).exits(0);
    is_left_pending(&world, 1).says("gone.beancount");
    world.run(&["poll"]).exits(1);
}

const DANISH: &str = "option \"title\" \"N\"\noption \"operating_currency\" \"DKK\"\noption \"name_assets\" \"Aktiver\"\n\
    option \"name_liabilities\" \"Passiver\"\noption \"name_equity\" \"Egenkapital\"\noption \"name_income\" \"Indtægter\"\n\
    option \"name_expenses\" \"Omkostninger\"\n2020-01-01 open Aktiver:Bank DKK\ninclude \"accounts.beancount\"\n\
    include \"pleo/**/*.beancount\"\n";

#[test]
fn books_follow_what_the_ledger_calls_its_accounts() {
    let world = world_with(&[("books/main.beancount", DANISH)]);
    world.add_job(vec![
        purchase(1),
        Item::out_of_pocket(5_000)
            .numbered(2)
            .account("6800")
            .receipt("pdf")
            .build(),
        Item::card_purchase(10_000)
            .numbered(3)
            .account("6800")
            .without_contra_account()
            .build(),
    ]);
    // What the first run will make is not missing, whoever asks before it.
    world.run(&["check"]).exits(0);
    world.run(&["preview"]).exits(0).says("Omkostninger:6800");
    world.run(&["poll"]).exits(0);
    world.add_job(vec![Item::wallet_topup(50_000).numbered(4).build()]);
    world.run(&["poll"]);
    is_clean(&world.path("books/main.beancount"));
    let kinds = [
        "Aktiver:",
        "Passiver:",
        "Egenkapital:",
        "Indtægter:",
        "Omkostninger:",
    ];
    for transaction in world.books().transactions() {
        for (account, _) in transaction.postings {
            assert!(kinds.iter().any(|kind| account.starts_with(kind)), "{account}");
        }
    }
    let opened = opened(&world);
    for name in [
        "Aktiver:Pleo:Wallet",
        "Omkostninger:6800",
        "Passiver:Pleo:OutOfPocket",
    ] {
        assert!(opened.iter().any(|known| known == name), "{name} in {opened:?}");
    }
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn names_from_the_settings_are_taken_as_they_are() {
    let danish = "[accounts]\nwallet = \"Aktiver:Pleo:Øl-kort\"\n[accounts.map]\n\"6800\" = \"Omkostninger:Rejser:٣\"\n\
                  \"5820\" = \"Aktiver:Pleo:Øl-kort\"\n";
    let world = world_with(&[("books/main.beancount", DANISH)]).with_settings(danish);
    book(&world, 1);
    is_clean(&world.path("books/main.beancount"));
    let text = world.books().files().into_values().collect::<String>();
    assert!(text.contains("  Omkostninger:Rejser:٣  100.00 DKK"), "{text}");

    let world = world.with_settings("[accounts]\nwallet = \"Assets:Pleo:Wallet\"\n");
    is_left_pending(&world, 2)
        .says("`Assets:Pleo:Wallet` cannot be an account")
        .says("Aktiver, Passiver");
    let world = World::new().with_settings("[accounts]\nwallet = \"Aktiver:Pleo\"\n");
    is_left_pending(&world, 2).says("`Aktiver:Pleo` cannot be an account");
}

/// A second company with a Pleo of its own, that keeps its books in a folder of the first one's world.
fn another_company(first: &World, settings: &str) -> World {
    let options = Options {
        company: OTHER_COMPANY.to_owned(),
        ..Options::default()
    };
    let books = first.path("books").display().to_string();
    World::with_options(options).with_settings(&settings.replace("FIRST", books.trim_end_matches("/books")))
}

fn purchase_of_another(number: u64) -> Value {
    Item::card_purchase(7_000)
        .numbered(number)
        .set("companyId", json!(OTHER_COMPANY))
        .account("6800")
        .build()
}

#[test]
fn a_books_folder_belongs_to_one_company() {
    let first = World::new();
    book(&first, 1);
    let second = another_company(&first, "[accounting.beancount]\ndirectory = \"FIRST/books\"\n");
    let batch = first.path("books/pleo/2026/PLEO-2026-000001.beancount");
    let today = fs::read_to_string(&batch).unwrap();
    assert!(
        today.contains(&format!("custom \"pleo-company\" \"{}\"\n", seed::COMPANY_ID)),
        "{today}"
    );
    // As the first version wrote it, the entries alone say whose they are.
    let lines = today.split_inclusive('\n');
    let mut of_the_first_version: String = lines
        .filter(|line| !line.contains("custom \"pleo-company\""))
        .collect();
    let company = format!("  pleo-company: \"{}\"\n  pleo-entry: ", seed::COMPANY_ID);
    of_the_first_version = of_the_first_version.replace("  pleo-entry: ", &company);
    for text in [today, of_the_first_version] {
        fs::write(&batch, text).unwrap();
        let job = second.add_job(vec![purchase_of_another(2)]);
        let run = second.run(&["poll"]).exits(2);
        assert_eq!(second.sandbox.job(&job).status, JobStatus::Pending);
        run.says(seed::COMPANY_ID)
            .says("belongs to one company")
            .says("PLEO-2026-000001.beancount");
        second.sandbox.cancel_job(&job);
    }
    book(&first, 3);
    first.keeps_its_promise_and_all_rules();
}

#[test]
fn two_companies_that_share_a_folder_part_as_the_text_says() {
    // As the first version let them: each wrote into the same folder.
    let first = World::new();
    book(&first, 1);
    let shared = another_company(&first, "");
    let theirs = shared.path("books");
    shared.add_job(vec![purchase_of_another(2)]);
    shared.run(&["poll"]).exits(0);
    let of_second = theirs.join("pleo/2026/PLEO-2026-000001.beancount");
    let moved = first.path("books/pleo/2026/PLEO-2026-000002.beancount");
    let renumbered = fs::read_to_string(&of_second)
        .unwrap()
        .replace("PLEO-2026-000001", "PLEO-2026-000002");
    fs::write(&moved, &renumbered).unwrap();
    fs::remove_file(of_second).unwrap();

    let job = first.add_job(vec![purchase(3)]);
    let run = first
        .run(&["poll"])
        .exits(2)
        .says(OTHER_COMPANY)
        .says("PLEO-2026-000002.beancount");
    assert_eq!(first.sandbox.job(&job).status, JobStatus::Pending, "{run}");
    // The files that name the other company go to the same place in its folder.
    fs::rename(&moved, theirs.join("pleo/2026/PLEO-2026-000002.beancount")).unwrap();
    first.run(&["poll"]).exits(0);
    shared.add_job(vec![purchase_of_another(2), purchase_of_another(4)]);
    shared.run(&["poll"]).exits(0);
    assert_eq!(
        shared.books().numbers(),
        ["PLEO-2026-000002", "PLEO-2026-000003"],
        "found, and gone on from there"
    );
    is_clean(&first.path("books/main.beancount"));
    is_clean(&shared.path("books/main.beancount"));
}

#[test]
fn companies_that_share_a_ledger_open_each_account_once_and_keep_their_entries_apart() {
    let ledger = "option \"operating_currency\" \"DKK\"\noption \"name_assets\" \"Aktiver\"\ninclude \"books/pleo/**/*.beancount\"\n\
                  include \"second/pleo/**/*.beancount\"\n";
    let first = world_with(&[("ledger.beancount", ledger)])
        .with_settings("[accounting.beancount]\nledger = \"ledger.beancount\"\n");
    // Where one of the companies has no books yet, beancount takes the include of these for an error, and so do we.
    write(&first, "books/pleo/about.beancount", "");
    write(&first, "second/pleo/about.beancount", "");
    let second = another_company(
        &first,
        "[accounting.beancount]\nledger = \"FIRST/ledger.beancount\"\ndirectory = \"FIRST/second\"\n",
    );
    for round in 0..4 {
        // The same entry id at both companies, in the other's job too, and at the same time.
        first.add_job(vec![purchase(round), purchase(round + 100)]);
        second.add_job(vec![purchase_of_another(round)]);
        let mut running = [first.spawn(&["poll"]), second.spawn(&["poll"])];
        for child in &mut running {
            assert_eq!(child.wait().unwrap().code(), Some(0), "round {round}");
        }
        is_clean(&first.path("ledger.beancount"));
    }
    let of_both: Vec<_> = ["books", "second"]
        .map(|folder| crate::support::Books {
            folder: first.path(folder),
        })
        .into_iter()
        .collect();
    assert_eq!(
        of_both
            .iter()
            .map(|books| books.numbers().len())
            .collect::<Vec<_>>(),
        [8, 4]
    );
    assert_eq!(
        of_both[1].numbers()[0],
        "PLEO-2026-000001",
        "each counts by itself"
    );
    let mut opened: Vec<String> = of_both
        .iter()
        .flat_map(|books| books.files().into_values())
        .flat_map(|text| {
            text.lines()
                .filter(|line| line.contains(" open "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let count = opened.len();
    opened.sort();
    opened.dedup();
    assert_eq!(opened.len(), count, "{opened:?}");
}

#[test]
fn whoever_shares_the_ledger_waits_for_its_folder_first() {
    let world = world_with(&[("ledger.beancount", "include \"books/pleo/**/*.beancount\"\n")])
        .with_settings("[accounting.beancount]\nledger = \"ledger.beancount\"\n");
    world.add_job(vec![purchase(1)]);
    let held = File::create(world.path(".pleo-export.lock")).unwrap();
    held.lock().unwrap();
    let mut child = world.spawn(&["poll", "-v"]);
    let mut said = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(said.any(|line| line.contains("waiting for another process to finish with the books")));
    assert!(!world.path("books").exists(), "nothing is touched before");
    held.unlock().unwrap();
    assert_eq!(
        child.wait().unwrap().code(),
        Some(0),
        "{:?}",
        said.collect::<Vec<_>>()
    );
}

fn time_of(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_batch_gives_a_file_that_readers_know_a_new_time() {
    let world = World::new();
    book(&world, 1);
    let about = world.path("books/pleo/about.beancount");
    let text = fs::read_to_string(&about).unwrap();
    let mut before = time_of(&about);
    for number in 2..5 {
        book(&world, number);
        let after = time_of(&about);
        assert!(
            after >= before + Duration::from_secs(1),
            "coarse clocks see it too"
        );
        before = after;
    }
    // A killed run left a batch that nobody was told of.
    let old = SystemTime::now() - Duration::from_secs(3600);
    File::options()
        .write(true)
        .open(&about)
        .unwrap()
        .set_modified(old)
        .unwrap();
    world.add_job(vec![purchase(1)]);
    world.run(&["poll"]).exits(0);
    assert!(time_of(&about) >= time_of(&world.path("books/pleo/2026/PLEO-2026-000004.beancount")));
    assert_eq!(fs::read_to_string(&about).unwrap(), text);

    fs::remove_file(&about).unwrap();
    fs::create_dir(&about).unwrap();
    book(&world, 5).says("could not be given a new time");
}

#[test]
fn fava_and_the_cache_of_beancount_see_a_batch() {
    let Some(checker) = std::env::var_os("PLEO_EXPORT_BEAN_CHECK") else {
        println!("note: PLEO_EXPORT_BEAN_CHECK is not set, so neither beancount's cache nor Fava was asked");
        return;
    };
    let world = World::new();
    book(&world, 1);
    // What that run left for the next one to make good is made good before anybody looks.
    world.add_job(vec![purchase(1)]);
    world.run(&["poll"]).exits(0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/see_new_batch.py");
    let mut reader = Command::new(Path::new(&checker).with_file_name("python"))
        .arg(script)
        .arg(world.path("books/main.beancount"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(reader.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "loaded");
    book(&world, 2);
    reader.stdin.take().unwrap().write_all(b"\n").unwrap();
    let seen: Vec<_> = said.map(Result::unwrap).collect();
    assert_eq!(
        seen,
        [
            "cache: 1 more",
            "polling fava: changed True, 1 more",
            "watching fava: changed True, 1 more"
        ]
    );
    assert!(reader.wait().unwrap().success());
}

#[test]
fn entries_have_an_address_in_the_fava_that_the_settings_name() {
    let world =
        World::new().with_settings("[accounting.beancount]\nfava_url = \"https://fava.example/books/\"\n");
    let job = world.add_job(vec![purchase(1)]);
    world.run(&["poll"]).exits(0);
    let told = world
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT");
    let told: String = told.map(|request| request.body.to_string()).collect();
    assert!(
        told.contains("\"externalUrl\":\"https://fava.example/books/journal/?filter=%5Epleo-"),
        "{told}"
    );
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    for wrong in [
        "fava.example",
        "ftp://fava.example",
        "https://me:secret@fava.example",
    ] {
        let world = World::new().with_settings(&format!("[accounting.beancount]\nfava_url = \"{wrong}\"\n"));
        let run = world
            .run(&["poll"])
            .exits(2)
            .says("accounting.beancount.fava_url");
        assert!(!run.stderr.contains("secret"), "{run}");
    }
}

/// The postings of a transaction the other way round, as a person writes them.
fn turned(transaction: &Transaction) -> String {
    let postings = transaction.postings.iter();
    let turned = postings.map(|(account, amount)| match amount.strip_prefix('-') {
        Some(amount) => format!("  {account}  {amount}\n"),
        None => format!("  {account}  -{amount}\n"),
    });
    turned.collect()
}

#[test]
fn entries_are_taken_back_in_the_words_of_the_ledger() {
    let world = world_with(&[("books/main.beancount", DANISH)]);
    world.add_job(vec![purchase(1), purchase(2)]);
    world.run(&["poll"]).exits(0);
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    // The other one by hand and without the mark: it is known by the expense that it moves.
    let second = world.books().transactions().remove(1);
    assert!(second.metadata["pleo-number"].ends_with('2'));
    let link = format!("^pleo-{}", second.metadata["pleo-entry"]);
    let main = world.path("books/main.beancount");
    append(
        &main,
        &format!("{} * \"Wrong\" {link}\n{}", &second.head[..10], turned(&second)),
    );
    is_clean(&main);
    world.add_job(vec![purchase(1), purchase(2)]);
    world.run(&["poll"]).exits(0);
    is_clean(&main);
    let numbers = world.books().numbers();
    assert_eq!(
        numbers[numbers.len() - 2..],
        ["PLEO-2026-000004", "PLEO-2026-000005"]
    );
    world.keeps_its_promise_and_all_rules();
    world.has_each_entry_once();
}

#[test]
fn a_mirror_by_hand_is_of_the_company_whose_link_it_carries() {
    let ledger = "option \"operating_currency\" \"DKK\"\ninclude \"books/pleo/**/*.beancount\"\n\
                  include \"second/pleo/**/*.beancount\"\n";
    let first = world_with(&[
        ("ledger.beancount", ledger),
        ("books/pleo/about.beancount", ""),
        ("second/pleo/about.beancount", ""),
    ])
    .with_settings("[accounting.beancount]\nledger = \"ledger.beancount\"\n");
    let second = another_company(
        &first,
        "[accounting.beancount]\nledger = \"FIRST/ledger.beancount\"\ndirectory = \"FIRST/second\"\n",
    );
    book(&first, 1);
    let other = || vec![purchase_of_another(2)];
    second.add_job(other());
    second.run(&["poll"]).exits(0);
    // Both have the number 1, on the same accounts.
    let entry = other()[0]["accountingEntryId"].as_str().unwrap().to_owned();
    let ledger = first.path("ledger.beancount");
    let of_second = crate::support::Books {
        folder: first.path("second"),
    };
    let booked = of_second.transactions().remove(0);
    let mirror = format!(
        "{} * \"Wrong\" ^pleo-{entry}\n  pleo-reverses: \"PLEO-2026-000001\"\n{}",
        &booked.head[..10],
        turned(&booked)
    );
    append(&ledger, &mirror);
    is_clean(&ledger);
    let run = book(&first, 1);
    assert_eq!(first.books().numbers(), ["PLEO-2026-000001"], "{run}");
    assert!(!run.stderr.contains("pleo-reverses"), "{run}");
    second.add_job(other());
    second.run(&["poll"]).exits(0);
    assert_eq!(of_second.numbers(), ["PLEO-2026-000001", "PLEO-2026-000002"]);
}

//! The same job with another accounting system: a change of settings, and of nothing else.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::built::example;
use crate::interrupt;
use crate::sandbox::seed::Item;
use crate::sandbox::{ItemStatus, Job, JobStatus};
use crate::support::World;

/// The example connector, as an integrator has it.
pub fn connector() -> String {
    example("csv_connector").display().to_string()
}

#[test]
fn a_connector_books_what_the_workflow_brings_and_twice_finds_it() {
    let world = World::new();
    let journal = world.path("journal");
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("accounts.txt"), "6800\n5820\n1510\n").unwrap();
    let world = world.with_settings(&format!(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [{:?}, \"journal\"]\ntimeout_seconds = 20\n",
        connector()
    ));
    let items = |numbers: std::ops::Range<u64>| -> Vec<_> {
        numbers
            .map(|number| {
                Item::card_purchase(12_500)
                    .numbered(number)
                    .tax("S25")
                    .receipt("pdf")
                    .build()
            })
            .collect()
    };
    let mut first = items(0..30);
    first.push(Item::card_purchase(100).numbered(99).account("9999").build());
    let job = world.sandbox.add_job(Job::of(first));
    world.run(&["poll"]).exits(3).says("account_unknown");
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 30);
    let again = world.sandbox.add_job(Job::of(items(0..31)));
    world.run(&["poll"]).exits(0);
    let (before, after) = (world.sandbox.job(&job), world.sandbox.job(&again));
    for item in after.items.iter().take(30) {
        assert_eq!(item.external_id, before.item(&item.entry).external_id);
    }
    let booked = fs::read_dir(journal.join("journal")).unwrap().filter(|file| {
        file.as_ref().is_ok_and(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "csv")
        })
    });
    assert_eq!(booked.count(), 31);
    // What it shows is compared, and what it does not show is said.
    let run = world.run(&["verify"]).exits(0).says("No difference in 62 items");
    run.says("Not compared: receipts: ")
        .says("Not compared: evidence: ");
    let lost = fs::read_dir(journal.join("journal"))
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut lost: Vec<_> = lost
        .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
        .collect();
    lost.sort();
    let moved = journal.join("moved-aside");
    fs::rename(&lost[0], &moved).unwrap();
    world
        .run(&["verify"])
        .exits(6)
        .says("Told to Pleo, and not booked (not_booked, 1)");
    fs::rename(&moved, &lost[0]).unwrap();
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    // The protocol has no verb for it: a person does it by hand.
    let number = after.items[0].external_id.clone().unwrap();
    let run = world.run(&["reverse", &number, "--json"]).exits(2);
    let message = run.json()["error"]["message"].to_string();
    assert!(message.contains("reverse them there by hand"), "{run}");
    // It does not take entries back, so nobody is told to have it do so.
    let changed = Item::card_purchase(13_000)
        .numbered(7)
        .tax("S25")
        .receipt("pdf")
        .build();
    let job = world.sandbox.add_job(Job::of(vec![changed]));
    world.run(&["poll"]).exits(6);
    let text = world.sandbox.job(&job).items.remove(0).failure_reason.unwrap();
    assert!(
        text.contains(" by hand, all of its documents, then export again"),
        "{text}"
    );
    assert!(!text.contains("pleo-export reverse"), "{text}");
}

#[test]
fn with_a_hash_of_a_version_to_come_the_day_and_the_amount_tell_a_change() {
    let world = World::new();
    let journal = world.path("journal");
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("accounts.txt"), "6800\n5820\n").unwrap();
    let world = world.with_settings(&format!(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [{:?}, \"journal\"]\ntimeout_seconds = 20\n",
        connector()
    ));
    let on = |date: &str| Item::card_purchase(12_500).numbered(1).date(date).build();
    world.add_job(vec![on("2026-09-14T10:00:00Z")]);
    world.run(&["poll"]).exits(0);
    let file = fs::read_dir(journal.join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(",2:"), "{text}");
    fs::write(&file, text.replace(",2:", ",9:")).unwrap();
    world.add_job(vec![on("2026-09-14T11:00:00Z")]);
    world.run(&["poll"]).exits(0);
    let job = world.add_job(vec![on("2026-09-15T10:00:00Z")]);
    world.run(&["poll"]).exits(6);
    let reason = world.sandbox.job(&job).items[0].failure_reason.clone().unwrap();
    assert!(
        reason.contains("the date is now 2026-09-15 instead of 2026-09-14"),
        "{reason}"
    );
}

#[test]
fn a_connector_that_is_not_there_is_a_matter_of_settings() {
    let world = World::new().with_settings(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [\"./no-such-program\"]\n",
    );
    let job = world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(2).says("no-such-program");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
    // Nor does it say that such books can only be searched, early or late in the life of another instance's job.
    let control = world.sandbox.control();
    control.set_job_status(&job, JobStatus::InProgress);
    for minutes in [0, 40] {
        control.advance_clock(Duration::from_secs(minutes * 60));
        let run = world
            .run(&["run-job", &job, "--adopt"])
            .exits(2)
            .says("no-such-program");
        assert!(!run.stderr.contains("only be searched"), "{run}");
    }
}

#[test]
fn an_odoo_that_does_not_answer_is_waited_for_and_then_left_to_the_next_run() {
    let world = World::new()
        .with_settings(
            "[accounting]\ngive_up_after_seconds = 1\nsystem = \"odoo\"\n\
             [accounting.odoo]\nurl = \"http://127.0.0.1:9\"\ndatabase = \"books\"\n",
        )
        .with_variable("ODOO_API_KEY", "key");
    let job = world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(5);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Pending), 2);
}

/// The example connector, as one whose books can only be searched. The program is asked to stop at the fourth booking,
/// whose answer waits until it has heard that.
const STOPS_AT_THE_FOURTH: &str = r#"
while read -r line; do
    case $line in
        *'"verb":"book"'*)
            count=$((count + 1))
            if [ "$count" = 4 ] && [ -e go ]; then kill -TERM $PPID; read -r _ < go; fi ;;
    esac
    printf '%s\n' "$line"
done | CONNECTOR journal | sed -u 's/"create":"unique"/"create":"search"/'
"#;

#[test]
fn a_wish_to_stop_ends_a_batch_after_the_entry_in_hand_also_where_books_can_only_be_searched() {
    let world = World::new();
    let journal = world.path("journal");
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("accounts.txt"), "6800\n5820\n").unwrap();
    let script = STOPS_AT_THE_FOURTH.replace("CONNECTOR", &connector());
    fs::write(world.path("connector.sh"), script).unwrap();
    let world = world.with_settings(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [\"/bin/sh\", \"connector.sh\"]\n",
    );
    let items = |number| Item::card_purchase(100).numbered(number).receipt("pdf").build();
    let job = world.add_job((0..12).map(items).collect());
    let go = world.path("go");
    assert!(Command::new("mkfifo").arg(&go).status().unwrap().success());
    let booked = || {
        let files = fs::read_dir(journal.join("journal")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
            .count()
    };
    let heard = OnceLock::new();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            heard.wait();
            fs::write(&go, "on\n").unwrap();
        });
        interrupt::end_of(world.spawn(&["poll"]), "poll until TERM", &heard)
    });
    fs::remove_file(&go).unwrap();
    assert_eq!(booked(), 4, "{run}");
    run.exits(5);
    let run = world.run(&["poll"]).exits(0);
    assert_eq!(booked(), 12, "{run}");
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 12, "{run}");
}

/// Keeps bills, and died between a bill and its payment; from then on it says what the file `says` has.
const LOST_THE_PAYMENT: &str = r#"
ok() { printf '{"id":%s,"ok":%s}\n' "$id" "$1"; }
each() { printf '%s' "$line" | grep -o "\"$1\":" | sed "s/.*/$2/" | paste -s -d , -; }
while IFS= read -r line; do
    id=${line#*\"id\":}; id=${id%%,*}
    verb=${line#*\"verb\":\"}; verb=${verb%%\"*}
    case $verb in
        hello) ok '{"protocol":1,"name":"Table","target":"here","create":"unique","payables":true}' ;;
        resolve) ok '{"accounts":['"$(each purpose '{"reference":"a","name":"a"}')"'],"vendors":['"$(each tax_number '{"reference":"v","name":"v"}')"']}' ;;
        find)
            state='"state":"absent","next_revision":1'
            [ ! -e booked ] || state='"state":"complete","booked":{"external_id":"X-1","posting_date":"2026-09-14","revision":1,'$(cat says)'}'
            ok '{"entries":[{"entry_id":"ENTRY",'"$state"'}]}' ;;
        book) touch booked; exit ;;
        *) ok '{}' ;;
    esac
done
"#;

#[test]
fn a_bill_without_its_payment_is_not_told_as_successful() {
    let world = World::new().with_settings(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [\"/bin/sh\", \"connector.sh\"]\n\
         [accounts]\naccounts_payable = \"7440\"\n[bookkeeping]\nattachments = \"none\"\n",
    );
    let entry = "7e57c0de-0000-4000-8000-0000000000e1";
    let script = LOST_THE_PAYMENT.replace("ENTRY", entry);
    fs::write(world.path("connector.sh"), script).unwrap();
    let bill = Item::card_purchase(12_500).id(entry).without_tax();
    let bill = bill.vendor("Nordlys Kontor A/S").method("accounts_payable");
    let job = world.add_job(vec![bill.build()]);
    for (says, exit, successful) in [
        (r#""parts":["main"]"#, 2, 0),
        // Only what is no bill is complete so.
        (r#""parts":["main"],"journal_entry":true"#, 0, 1),
    ] {
        fs::write(world.path("says"), says).unwrap();
        let run = world.run(&["poll"]).exits(exit);
        let state = world.sandbox.job(&job);
        assert_eq!(state.count(ItemStatus::Successful), successful, "{run}");
    }
}

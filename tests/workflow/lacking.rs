//! Books that were restored, or are not mounted: what Pleo was told of would be booked a second time.

use std::fs;
use std::time::Duration;

use crate::sandbox::Event;
use crate::sandbox::seed::Item;
use crate::support::World;

/// More than half of the hour that a job lives.
const LATE: Duration = Duration::from_secs(40 * 60);

#[test]
fn books_that_are_gone_are_found_before_the_start_and_by_check() {
    let world = World::new();
    let today = || Item::card_purchase(700).at(chrono::Utc::now());
    let items = (20..27).map(|number| today().numbered(number).build());
    world.add_job(items.collect());
    world.run(&["poll"]).exits(0);
    let check = world.run(&["check"]);
    assert!(check.stdout.contains("✓ books"), "{check}");
    fs::rename(world.path("books"), world.path("elsewhere")).unwrap();

    let job = world.add_job(vec![today().numbered(40).build()]);
    let says = "restored, or not mounted?";
    for arguments in [&["poll", "-q"][..], &["run-job", &job, "-q"], &["poll", "--json"]] {
        let run = world
            .run(arguments)
            .exits(6)
            .says(says)
            .says("poll --books-are-right");
        assert_eq!(world.sandbox.job(&job).events, [], "{run}");
    }
    let check = world.run(&["check"]).exits(2).says(says);
    assert!(
        check.stdout.contains("✗ books") && !check.stdout.contains("✓ books"),
        "{check}"
    );
    check.says("poll --books-are-right");

    world.sandbox.advance_clock(LATE);
    let run = world
        .run(&["poll", "-q"])
        .exits(6)
        .says(says)
        .says("export again in Pleo");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed], "{run}");
    assert_eq!(
        state.failure_reason_type.as_deref(),
        Some("validation_failure"),
        "{run}"
    );
    assert!(state.failure_reason.unwrap().contains(says));
    assert_eq!(world.books().entries(), Vec::<String>::new());

    // Mounted again, everything goes on by itself.
    fs::remove_dir_all(world.path("books")).unwrap();
    fs::rename(world.path("elsewhere"), world.path("books")).unwrap();
    world.add_job(vec![today().numbered(40).build()]);
    world.run(&["poll"]).exits(0);
    let check = world.run(&["check"]);
    assert!(check.stdout.contains("✓ books"), "{check}");
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_job_in_progress_whose_entries_the_books_lack_is_failed_before_it_expires() {
    let world = World::new();
    let items = || {
        (20..27).map(|number| {
            Item::card_purchase(700)
                .numbered(number)
                .at(chrono::Utc::now())
                .build()
        })
    };
    world.add_job(items().collect());
    world.run(&["poll"]).exits(0);
    let files = world.books().files().into_keys();
    let mut batches = files.filter(|file| file.to_string_lossy().contains("/pleo/20"));
    let file = batches.next().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    // The numbers say nothing, so it is known only from the items.
    let numbers = text.lines().find(|line| line.starts_with("; numbers:")).unwrap();
    fs::write(&file, format!("{numbers}\n")).unwrap();
    let job = world.add_job(items().collect());
    let says = "the books lack 7 entries";
    world.run(&["poll"]).exits(6).says(says);
    assert_eq!(world.sandbox.job(&job).events, [Event::Started]);
    world.sandbox.advance_clock(LATE);
    let run = world
        .run(&["poll"])
        .exits(6)
        .says(says)
        .says("export again in Pleo");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed], "{run}");
    assert!(state.failure_reason.unwrap().contains(says));
}

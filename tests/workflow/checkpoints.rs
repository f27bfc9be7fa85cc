use std::fs;

use crate::interrupt::{Fate, is_event, nth_of};
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, Hook, ItemStatus, JobStatus};
use crate::support::World;

const SMALL_BATCHES: &str = "[pleo]\nbatch_size = 5\n";

fn delete_checkpoint(world: &World) {
    for file in [
        "checkpoint.sqlite3",
        "checkpoint.sqlite3-wal",
        "checkpoint.sqlite3-shm",
    ] {
        let _ = fs::remove_file(world.path(file));
    }
}

fn copy_checkpoint(world: &World, from: &str, to: &str) {
    for companion in ["", "-wal", "-shm"] {
        let file = world.path(&format!("{from}{companion}"));
        if file.exists() {
            fs::copy(file, world.path(&format!("{to}{companion}"))).unwrap();
        }
    }
}

#[test]
fn lost_in_mid_job_a_person_adopts_the_job_and_every_entry_is_found() {
    for nth in 1..=5 {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(15, 1);
        world.kill_at_update(nth, Fate::TakesEffect);
        let booked = world.books().numbers();
        delete_checkpoint(&world);
        // Without the checkpoint nothing says that the job is ours.
        world
            .run(&["poll", "-v"])
            .exits(0)
            .says("in progress for another instance");
        world.run(&["run-job", &job]).exits(6).says("--adopt");
        assert_eq!(world.books().numbers(), booked);
        world.run(&["run-job", &job, "--adopt"]).exits(0);
        assert!(world.books().numbers().starts_with(&booked));
        assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 15);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn lost_with_the_job_expired_the_next_export_finds_every_entry() {
    let world = World::new().with_settings(SMALL_BATCHES);
    let job = world.add_mixed_job(15, 1);
    world.kill_at_update(4, Fate::IsLost);
    let booked = world.books().numbers();
    assert!(!booked.is_empty());
    delete_checkpoint(&world);
    world.sandbox.expire_job(&job);
    world.run(&["poll"]).exits(0);
    let again = world.add_mixed_job(15, 1);
    world.run(&["poll"]).exits(0);
    assert!(world.books().numbers().starts_with(&booked));
    assert_eq!(world.sandbox.job(&again).count(ItemStatus::Successful), 15);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_older_copy_that_is_restored_books_nothing_again() {
    for saved_at in 1..=5 {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(15, 1);
        world.kill_at_update(saved_at, Fate::TakesEffect);
        copy_checkpoint(&world, "checkpoint.sqlite3", "backup");
        // Some more is done, then that progress is forgotten.
        world.run_and_signal(&["poll"], "KILL", Fate::IsLost, nth_of("PUT", 2));
        delete_checkpoint(&world);
        copy_checkpoint(&world, "backup", "checkpoint.sqlite3");
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
        let numbers = world.books().numbers();
        world.keeps_its_promise_and_all_rules();

        // And once more with a job that is over: there is nothing to be done, and nothing to complain of.
        delete_checkpoint(&world);
        copy_checkpoint(&world, "backup", "checkpoint.sqlite3");
        world.run(&["poll"]).exits(0).says("was over already: completed");
        world.run(&["poll"]).exits(0);
        assert_eq!(world.books().numbers(), numbers);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_job_that_another_instance_completed_has_not_failed() {
    for (items, status, exit) in [
        (seed::mixed(15, 1), "completed", 0),
        (
            [
                seed::mixed(14, 1),
                vec![Item::card_purchase(100).without_account().build()],
            ]
            .concat(),
            "completed_with_errors",
            3,
        ),
    ] {
        let world = World::new().with_settings(SMALL_BATCHES);
        world.add_job(items);
        world.kill_at_update(1, Fate::TakesEffect);
        copy_checkpoint(&world, "checkpoint.sqlite3", "backup");
        world.run(&["poll"]).exits(exit);
        delete_checkpoint(&world);
        copy_checkpoint(&world, "backup", "checkpoint.sqlite3");
        world
            .run(&["poll", "--metrics-file", "pleo.prom"])
            .exits(exit)
            .says("was over already");

        let run = world.run(&["status", "--json"]).exits(0);
        let (job, message) = (&run.json()["jobs"][0], &run.json()["health"]["message"]);
        assert_eq!(
            (&job["status"], &job["items"]["open"]),
            (&status.into(), &0.into()),
            "{run}"
        );
        match status {
            "completed" => assert!(message.is_null() && job["next_step"] == "nothing", "{run}"),
            _ => assert!(message.as_str().unwrap().starts_with("1 item of job"), "{run}"),
        }
        let metrics = fs::read_to_string(world.path("pleo.prom")).unwrap();
        assert!(metrics.contains(&format!("status=\"{status}\"}} 1")), "{metrics}");
    }
}

#[test]
fn a_copy_on_a_second_machine_at_the_same_time_books_nothing_again() {
    for nth in 1..=6 {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(15, 1);
        world.kill_at_update(1, Fate::TakesEffect);
        copy_checkpoint(&world, "checkpoint.sqlite3", "second.sqlite3");
        let second = world.command(&["resume"]);
        let second = std::sync::Mutex::new(Some(second));
        let (sender, child) = std::sync::mpsc::channel();
        let is_moment = nth_of("PUT", nth);
        world.sandbox.on_request(move |request| {
            if is_moment(request)
                && let Some(mut second) = second.lock().unwrap().take()
            {
                let running = second
                    .env("PLEO_EXPORT_CHECKPOINT", "second.sqlite3")
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null())
                    .spawn();
                sender.send(running.unwrap()).unwrap();
            }
            Hook::Continue
        });
        let first = world.run(&["resume"]);
        let second = child.recv().unwrap().wait().unwrap();
        // One of them may find the job closed by the other, which is as good.
        assert_eq!(second.code(), Some(0));
        let first = first.exits(0);
        let state = world.sandbox.job(&job);
        assert_eq!(state.status, JobStatus::Completed, "{first}");
        assert_eq!(state.count(ItemStatus::Successful), 15);
        world.keeps_its_promise();
    }
}

#[test]
fn a_checkpoint_of_another_company_host_or_target_is_refused() {
    let world = World::new();
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    let before = fs::read(world.path("checkpoint.sqlite3")).unwrap();
    let requests = world.sandbox.request_count();
    let other_host = world.sandbox.url().replace("127.0.0.1", "localhost");
    for (variable, value, named) in [
        (
            "PLEO_COMPANY_ID",
            "7e57c0de-0000-4000-8000-0000000000cc",
            "7e57c0de-0000-4000-8000-0000000000cc",
        ),
        ("PLEO_BASE_URL", other_host.as_str(), "localhost"),
        ("PLEO_EXPORT_BOOKS", "other-books", "other-books"),
    ] {
        // That polls of this company fail over its books is kept, so the last one changes the file.
        assert!(
            fs::read(world.path("checkpoint.sqlite3")).unwrap() == before,
            "it was changed"
        );
        world
            .run_with(variable, value, &["poll"])
            .exits(2)
            .says(named)
            .says("PLEO_EXPORT_CHECKPOINT");
    }
    assert_eq!(world.sandbox.request_count(), requests, "nothing is sent");
    world.run(&["poll"]).exits(0);
}

#[test]
fn two_processes_with_two_checkpoints_share_one_books_folder() {
    // Two companies on two servers, one set of books, at the same time, twice over.
    let worlds = [World::new(), World::new()];
    let books = worlds[0].path("books");
    let books = books.to_str().unwrap();
    for (world, seed) in worlds.iter().zip([1, 2]) {
        world.add_mixed_job(40, seed);
        world.add_mixed_job(40, seed + 2);
    }
    let runs: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = worlds
            .iter()
            .map(|world| scope.spawn(move || world.run_with("PLEO_EXPORT_BOOKS", books, &["poll"])))
            .collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for run in runs {
        run.exits(0);
    }
    let shared = worlds[0].books();
    assert_eq!(shared.entries().len(), 160);
    shared.has_nothing_twice();
    let mut numbers = shared.numbers();
    let all = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "no number is given twice");
    shared.are_clean();
    worlds[0].keeps_its_promise_and_all_rules();
    assert_eq!(worlds[1].sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn the_same_entries_come_to_two_processes_at_once() {
    // Two servers that hold the same expenses, as staging and production might: the books have each once.
    let worlds = [World::new(), World::new()];
    let books = worlds[0].path("books");
    let books = books.to_str().unwrap();
    for world in &worlds {
        world.add_job(seed::mixed(60, 7));
    }
    std::thread::scope(|scope| {
        for world in &worlds {
            scope.spawn(move || world.run_with("PLEO_EXPORT_BOOKS", books, &["poll"]).exits(0));
        }
    });
    let shared = worlds[0].books();
    assert_eq!(shared.entries().len(), 60);
    shared.has_nothing_twice();
    for world in &worlds {
        let job = &world.sandbox.jobs()[0];
        assert_eq!(job.count(ItemStatus::Successful), 60);
        assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    }
    worlds[0].keeps_its_promise();
}

#[test]
fn a_job_that_pleo_has_forgotten_does_not_hold_up_the_others() {
    let world = World::new();
    world.add_mixed_job(3, 1);
    world.run_and_signal(&["poll"], "KILL", Fate::IsLost, |request| {
        is_event(request, "completed")
    });
    let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    connection
        .execute("UPDATE job SET id = '7e57c0de-0000-4000-8000-000000000bad'", [])
        .unwrap();
    drop(connection);
    let job = world.sandbox.jobs()[0].id.clone();
    world.sandbox.expire_job(&job);
    let next = world.add_mixed_job(3, 2);
    world
        .run(&["poll"])
        .exits(2)
        .says("7e57c0de-0000-4000-8000-000000000bad");
    assert_eq!(world.sandbox.job(&next).status, JobStatus::Completed);
}

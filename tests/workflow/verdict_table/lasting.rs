//! An accounting system that stays out of reach: every run that tries gives the job a new lifetime, and it ends all the same.

use std::fs;
use std::time::Duration;

use super::{CONNECTOR, ENTRY};
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, JobStatus};
use crate::support::World;

#[test]
fn an_outage_in_mid_job_ends_with_the_jobs_own_time() {
    for (verb, exit, begins) in [
        ("book", 3, "The connector `Table` says: \"No route to it.\""),
        ("find", 6, "May be booked: "),
    ] {
        let world = World::new().with_settings(
            "[accounting]\nsystem = \"command\"\ngive_up_after_seconds = 1\n[accounting.command]\n\
             program = [\"/bin/sh\", \"connector.sh\"]\ntimeout_seconds = 20\n",
        );
        let script = CONNECTOR.replace("CREATE", "unique").replace("ENTRY", ENTRY);
        fs::write(
            world.path("connector.sh"),
            script.replace("LIE", "No route to it."),
        )
        .unwrap();
        fs::write(world.path("fault"), format!("{verb} unavailable always\n")).unwrap();
        let job = world.add_job(vec![Item::card_purchase(100).id(ENTRY).receipt("pdf").build()]);
        for _ in 0..3 {
            world.run(&["poll"]).exits(5).says("No route to it");
            assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
            assert_eq!(world.kept_receipts(), [""; 0], "fetched again by the next run");
            world.sandbox.advance_clock(Duration::from_secs(16 * 60));
        }
        let run = world.run(&["poll"]).exits(exit).says("No route to it");
        let state = world.sandbox.job(&job);
        assert_eq!(state.events, [Event::Started, Event::Failed], "{run}");
        let text = state.item(ENTRY).failure_reason.clone().unwrap();
        assert!(
            text.starts_with(begins) && text.contains("export again"),
            "{text}"
        );
        world.run(&["poll"]).exits(0);
    }
}

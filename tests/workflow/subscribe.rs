use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Fault, Trouble};
use crate::support::{Run, World};

fn address(world: &World) -> String {
    format!("https://example.com/webhooks/pleo/{}", world.sandbox.company())
}

/// The world's subscription, which keeps no secret from a test.
#[track_caller]
fn secret(world: &World) -> String {
    let [(_, secret)] = &world.sandbox.subscriptions()[..] else {
        panic!("one subscription: {:?}", world.sandbox.subscriptions());
    };
    secret.clone()
}

fn file(world: &World) -> String {
    fs::read_to_string(world.path("checkpoint.sqlite3.webhook.json")).unwrap()
}

#[track_caller]
fn is_silent(run: &Run, secret: &str) {
    let key = secret.trim_start_matches("whsec_");
    assert!(!run.stdout.contains(key) && !run.stderr.contains(key), "{run}");
}

#[test]
fn an_address_is_subscribed_once_and_its_secret_is_kept_for_us_alone() {
    let world = World::new();
    for _ in 0..2 {
        let run = world.run(&["subscribe", &address(&world), "-vv"]).exits(0);
        is_silent(&run.says("example.com"), &secret(&world));
    }
    assert!(file(&world).contains(&secret(&world)));
    let path = world.path("checkpoint.sqlite3.webhook.json");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    world
        .run(&["subscribe", "--list"])
        .exits(0)
        .says("ACTIVE")
        .says("here");
    let list = world.run(&["subscribe", "--list", "--json"]).exits(0);
    is_silent(&list, &secret(&world));
    let list = list.json();
    let subscription = &list["subscriptions"][0];
    assert_eq!(subscription["url"], address(&world));
    assert_eq!(subscription["events"][0], "v1.export-job.created");
    assert_eq!(
        (&subscription["status"], &subscription["has_secret"]),
        (&"ACTIVE".into(), &true.into())
    );
    let id = subscription["id"].as_str().unwrap().to_uppercase();
    world
        .run(&["subscribe", "--remove", &id])
        .exits(0)
        .says("removed");
    assert!(world.sandbox.subscriptions().is_empty() && !file(&world).contains("whsec_"));
    let run = world.run(&["subscribe", "--remove", &id, "--json"]).exits(2);
    assert_eq!(run.json()["error"]["kind"], "usage");
    world
        .run(&["subscribe", "--list"])
        .exits(0)
        .says("No subscription");
    assert!(
        world.sandbox.broken_rules().is_empty(),
        "{:?}",
        world.sandbox.broken_rules()
    );
}

#[test]
fn a_lost_answer_makes_no_second_subscription() {
    for trouble in [
        Trouble::LostAnswer,
        Trouble::TruncatedBody,
        Trouble::StatusAfterEffect(502),
    ] {
        let world = World::new().impatient();
        world
            .sandbox
            .fault(Fault::new(trouble.clone()).on("POST", "/v1/subscriptions"));
        world.run(&["subscribe", &address(&world)]).exits(5);
        world.run(&["subscribe", &address(&world)]).exits(0);
        assert!(file(&world).contains(&secret(&world)), "{trouble:?}");
    }
    // The secret comes by a call of its own, which may fail when the subscription is there.
    let world = World::new().impatient();
    world.sandbox.fault(
        Fault::new(Trouble::Status(500))
            .on("GET", "/v1/subscriptions/*/secret")
            .always(),
    );
    world.run(&["subscribe", &address(&world)]).exits(5);
    world.sandbox.clear_faults();
    world.run(&["subscribe", &address(&world)]).exits(0);
    assert!(file(&world).contains(&secret(&world)));
}

#[test]
fn what_is_gone_at_pleo_can_be_removed_here() {
    let world = World::new();
    let before = world.sandbox.snapshot();
    world.run(&["subscribe", &address(&world)]).exits(0);
    let id = world.run(&["subscribe", "--list", "--json"]).json()["subscriptions"][0]["id"].clone();
    world.sandbox.restore(&before);
    world
        .run(&["subscribe", "--list"])
        .exits(0)
        .says("does not know subscription");
    world
        .run(&["subscribe", "--remove", id.as_str().unwrap()])
        .exits(0);
    assert!(!file(&world).contains("whsec_"));
}

#[test]
fn addresses_that_pleo_would_refuse_are_never_sent() {
    let world = World::new();
    for address in [
        "http://example.com/webhooks/pleo/1",
        "example.com",
        "https://user:password@example.com/",
        "http://user:password@example.com/",
        "user:password@example.com",
        "https://example.com/?key=1",
        "ftp://127.0.0.1/",
        // Where `listen` answers for another company.
        "https://example.com/webhooks/pleo/11111111-2222-4333-8444-555555555555",
        "",
    ] {
        let run = world.run(&["subscribe", address]).exits(2);
        assert!(!run.stderr.contains("password@"), "{run}");
    }
    world.run(&["subscribe"]).exits(2);
    world.run(&["subscribe", "--list", "--remove", "1"]).exits(2);
    world.run(&["subscribe", "--remove", ".."]).exits(2);
    assert_eq!(world.sandbox.request_count(), 0);
    world
        .run(&["subscribe", "https://example.com/hooks"])
        .exits(0)
        .says("see that what stands before it leads");
}

#[test]
fn a_file_of_another_company_or_a_damaged_one_is_left_as_it_is() {
    let world = World::new();
    world.run(&["subscribe", &address(&world)]).exits(0);
    let requests = world.sandbox.request_count();
    let kept = file(&world);
    let foreign = kept.replace(world.sandbox.company(), "99999999-9999-4999-8999-999999999999");
    for (content, code) in [(foreign, 2), (kept[..kept.len() / 2].to_owned(), 1)] {
        fs::write(world.path("checkpoint.sqlite3.webhook.json"), &content).unwrap();
        let run = world.run(&["subscribe", &address(&world)]).exits(code);
        is_silent(&run.says("webhook.json"), &secret(&world));
        assert_eq!(file(&world), content);
    }
    assert_eq!(world.sandbox.request_count(), requests);
}

/// Each asks Pleo between reading and writing the file, which takes its time here.
#[test]
fn of_two_at_once_neither_loses_its_secret() {
    let world = World::new();
    world.sandbox.fault(
        Fault::new(Trouble::SlowMilliseconds(300))
            .on("GET", "/v1/subscriptions/*/secret")
            .always(),
    );
    let begun: Vec<_> = ["a", "b", "c"]
        .map(|host| format!("https://{host}.example/webhooks/pleo/{}", world.sandbox.company()))
        .iter()
        .map(|address| world.command(&["subscribe", address]).spawn().unwrap())
        .collect();
    for mut child in begun {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let kept = file(&world);
    let subscriptions = world.sandbox.subscriptions();
    assert_eq!(subscriptions.len(), 3);
    for (url, secret) in subscriptions {
        assert!(kept.contains(&secret), "the secret of {url} is lost");
    }
}

#[test]
fn secrets_that_others_can_read_or_have_chosen_are_not_used() {
    let world = World::new();
    world.run(&["subscribe", &address(&world)]).exits(0);
    let path = world.path("checkpoint.sqlite3.webhook.json");
    let requests = world.sandbox.request_count();
    let refuses = || {
        for command in [
            &["subscribe", &address(&world)][..],
            &["subscribe", "--list"],
            #[cfg(feature = "listen")]
            &["listen", "--bind", "127.0.0.1:0"],
        ] {
            world.run(command).exits(2).says("webhook.json").says("chmod 600");
        }
    };
    for mode in [0o640, 0o604, 0o620, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        refuses();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&path, world.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), &path).unwrap();
    refuses();
    assert_eq!(world.sandbox.request_count(), requests);
    // Which is told as what it is, and not to be moved away.
    world.run(&["check"]).exits(0).says("chmod 600");
}

#[test]
fn a_secret_that_checks_nothing_is_no_success() {
    for useless in ["abc", "whsec_", "whsec_!!!"] {
        let world = World::new();
        let body = format!("{{\"data\":{{\"secretKey\":\"{useless}\"}}}}");
        let says = Fault::new(Trouble::Page(200, "application/json".into(), body));
        world
            .sandbox
            .fault(says.on("GET", "/v1/subscriptions/*/secret").always());
        world
            .run(&["subscribe", &address(&world)])
            .exits(6)
            .says("subscribe --remove");
        assert!(!world.path("checkpoint.sqlite3.webhook.json").exists());
        world.sandbox.clear_faults();
        world.run(&["subscribe", &address(&world)]).exits(0);
    }
}

#[test]
fn a_pleo_that_answered_before_is_out_of_reach_for_a_time() {
    for trouble in [Trouble::LostAnswer, Trouble::ResetBeforeEffect] {
        let world = World::new().impatient();
        world.run(&["subscribe", &address(&world)]).exits(0);
        let id = world.run(&["subscribe", "--list", "--json"]).json()["subscriptions"][0]["id"].clone();
        world.sandbox.fault(Fault::new(trouble).always());
        world.run(&["subscribe", &address(&world)]).exits(5);
        world
            .run(&["subscribe", "--remove", id.as_str().unwrap()])
            .exits(5);
    }
}

#[test]
fn a_subscription_that_is_switched_off_is_a_persons_matter() {
    let world = World::new();
    world.run(&["subscribe", &address(&world)]).exits(0);
    let off = |name: &str| {
        world.sandbox.fault(
            Fault::new(Trouble::OddBytes {
                from: "\"ACTIVE\"".into(),
                to: b"\"INACTIVE\"".to_vec(),
            })
            .on("GET", "/v1/subscriptions"),
        );
        let run = world.run(&["subscribe", name]).exits(6);
        run.says("switched off")
    };
    off(&address(&world));
    let list = off("--list");
    assert!(list.stdout.contains("INACTIVE"), "{list}");
}

#[test]
fn killed_at_any_moment_it_can_be_repeated_and_no_secret_lies_aside() {
    let mut moments = Vec::new();
    for n in 1_usize.. {
        let world = World::new();
        let killed = world.run_with(
            "PLEO_EXPORT_KILL_AT",
            &n.to_string(),
            &["subscribe", &address(&world)],
        );
        if killed.code.is_some() {
            killed.exits(0);
            break;
        }
        moments.push(killed.stderr.lines().last().unwrap_or_default().to_owned());
        world.run(&["subscribe", &address(&world)]).exits(0);
        assert!(file(&world).contains(&secret(&world)), "{moments:?}");
        let names = fs::read_dir(world.path("")).unwrap();
        let mut names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        assert!(!names.any(|name| name.contains(".part")), "{moments:?}");
    }
    assert!(
        moments
            .iter()
            .any(|moment| moment.contains("subscriptions written")),
        "{moments:?}"
    );
}

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{SECRET, TOKENS, connected, hides, registered, registered_with};
use crate::interrupt::nth_of;
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Hook, ItemStatus, RetryAfter, Trouble};
use crate::support::Run;

/// On the token endpoint.
fn on_refresh(trouble: Trouble) -> Fault {
    Fault::new(trouble).on("POST", "/oauth/token")
}

#[test]
fn tokens_are_renewed_ahead_of_their_end_and_not_before() {
    for (seconds, refreshes) in [(3600, 0), (90, 0), (30, 1), (-86_400, 1)] {
        let world = connected(seconds);
        let before = world.token("refresh_token");
        world.run(&["poll"]).exits(0);
        assert_eq!(
            (world.sandbox.refreshes(), world.token_requests()),
            (refreshes, refreshes),
            "{seconds}"
        );
        assert_eq!(world.token("refresh_token") == before, refreshes == 0);
        world.has_live_tokens();
        // The next run takes what the first one kept.
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.refreshes(), refreshes);
        world.breaks_no_rule();
    }
}

#[test]
fn tokens_that_live_shorter_than_a_job_are_renewed_within_it() {
    let world = registered_with(|options| options.oauth_client.access_token_seconds = 1);
    world.connect(-60);
    world.add_mixed_job(6, 1);
    let control = world.sandbox.control();
    let (first, second) = (nth_of("PUT", 1), nth_of("GET", 3));
    world.sandbox.on_request(move |request| {
        if first(request) || second(request) {
            // It takes its time, so that the token ends.
            let control = control.clone();
            return Hook::AfterEffect(Box::new(move || {
                control.expire_access_tokens();
            }));
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    assert!(world.sandbox.refreshes() >= 3, "{}", world.sandbox.refreshes());
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_token_that_pleo_refuses_in_mid_job_is_renewed_once_and_the_job_goes_on() {
    // Whatever the clock here says about it.
    for (method, nth) in [
        ("GET", 1),
        ("GET", 4),
        ("PUT", 1),
        ("PUT", 2),
        ("POST", 1),
        ("POST", 2),
    ] {
        let world = connected(86_400 * 365);
        world.add_mixed_job(6, 1);
        let (control, is_moment) = (world.sandbox.control(), nth_of(method, nth));
        world.sandbox.on_request(move |request| {
            if is_moment(request) {
                control.expire_access_tokens();
            }
            Hook::Continue
        });
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.refreshes(), 1, "{method} {nth}");
        world.has_live_tokens();
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_token_that_ends_while_too_much_is_read_past_is_renewed_as_any_other() {
    let world = connected(86_400);
    let large = Item::card_purchase(100).note(&"x".repeat(200_000));
    let job = world.add_job(vec![large.build(), Item::card_purchase(100).build()]);
    let (control, before) = (world.sandbox.control(), Mutex::new((String::new(), false)));
    world.sandbox.on_request(move |request| {
        let (query, is_over) = &mut *before.lock().unwrap();
        if request.path == "/v3/export-items" {
            // What is too large by itself is asked for again.
            if *query == request.query && !*is_over {
                control.expire_access_tokens();
                *is_over = true;
            }
            query.clone_from(&request.query);
        }
        Hook::Continue
    });
    world
        .run_with("PLEO_EXPORT_LARGEST_ANSWER", "150000", &["poll"])
        .exits(3);
    assert_eq!(world.sandbox.refreshes(), 1);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 1);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_pleo_that_refuses_its_newest_token_is_asked_no_more() {
    let world = connected(3600);
    world.sandbox.fault(
        Fault::new(Trouble::Status(401))
            .on("GET", "/v3/export-jobs")
            .always(),
    );
    world.run(&["poll"]).exits(2).says("pleo-export login");
    assert_eq!(
        (world.sandbox.refreshes(), world.requests_to("/v3/export-jobs")),
        (1, 2)
    );
    // A firewall's 401 is no word of Pleo's.
    let world = connected(3600);
    let page = Trouble::Page(401, "text/html".into(), "<p>Log in to the guest network".into());
    world
        .sandbox
        .fault(Fault::new(page).on("GET", "/v3/export-jobs").always());
    world.run(&["poll"]).exits(2).says("firewall");
    assert_eq!(world.sandbox.refreshes(), 0);
}

#[test]
fn processes_that_need_new_tokens_at_the_same_moment_refresh_once() {
    for life in [900, 30] {
        let world = registered_with(|options| options.oauth_client.access_token_seconds = life);
        world.connect(-60);
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        let world = world.with_settings(&settings.replace("_seconds = 2", "_seconds = 30"));
        // Long enough for all of them to come.
        world.sandbox.fault(on_refresh(Trouble::SlowMilliseconds(700)));
        let children: Vec<_> = (0..6)
            .map(|number| {
                let mut command = world.command(&["poll"]);
                command
                    .env("PLEO_EXPORT_CHECKPOINT", format!("{number}.sqlite3"))
                    .env("PLEO_EXPORT_BOOKS", format!("books-{number}"))
                    .stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for child in children {
            Run::of("poll", child.wait_with_output().unwrap()).exits(0);
        }
        // Whoever comes when all is done finds tokens that are good for long, or for less than a minute.
        let refreshes = world.sandbox.refreshes();
        assert!(refreshes == 1 || life == 30, "{refreshes}");
        assert_eq!(refreshes, world.token_requests());
        world.has_live_tokens();
        world.breaks_no_rule();
    }
}

#[test]
fn killed_at_every_step_of_a_refresh() {
    let mut moments = BTreeMap::new();
    for n in 1_usize.. {
        let world = connected(-60);
        let killed = world.run_with("PLEO_EXPORT_KILL_AT", &n.to_string(), &["poll"]);
        if killed.code.is_some() {
            killed.exits(0);
            break;
        }
        let line = killed
            .stderr
            .lines()
            .find(|line| line.starts_with("killed at"))
            .unwrap()
            .to_owned();
        let moment = line.rsplit(": ").next().unwrap().to_owned();
        if moment == "tokens written" {
            // Somebody sees to it before the next run, and means it.
            let world = connected(-60);
            world.run_with("PLEO_EXPORT_KILL_AT", &n.to_string(), &["poll"]);
            world.connect(3600);
            let theirs = world.token("refresh_token");
            world.run(&["poll"]).exits(0);
            assert_eq!(world.token("refresh_token"), theirs);
            world.leaves_nothing_aside();
        }
        let is_lost = world.run(&["poll"]).code != Some(0);
        *moments.entry((moment, is_lost)).or_insert(0) += 1;
        if is_lost {
            world.must_log_in();
            world.leaves_nothing_aside();
            world.connect(-60);
        }
        world.run(&["poll"]).exits(0);
        world.has_live_tokens();
        world.leaves_nothing_aside();
        world.breaks_no_rule();
    }
    let met = |name: &str, is_lost| moments.contains_key(&(name.to_owned(), is_lost));
    assert!(
        met("room for tokens", false) && met("before tokens are asked for", false),
        "{moments:?}"
    );
    // Between Pleo's answer and the end of its writing, and at no other moment.
    assert!(met("tokens answered", true), "{moments:?}");
    assert!(
        met("tokens written", false) && met("file renamed", false),
        "{moments:?}"
    );
    assert_eq!(
        moments.keys().filter(|(_, is_lost)| *is_lost).count(),
        1,
        "{moments:?}"
    );
}

#[test]
fn a_refusal_is_noted_and_a_new_login_ends_it() {
    let world = connected(-60);
    world.sandbox.revoke_all();
    world.must_log_in();
    assert_eq!(world.token_requests(), 1);
    world.connect(3600);
    world.run(&["poll"]).exits(0);
    // Pleo's own form of an error, with its word in any field.
    for from in ["\"error\"", "invalid_grant"] {
        let world = connected(-60);
        world.sandbox.revoke_all();
        let to = from.replace("error", "type").replace("invalid_grant", "INVALID");
        world.sandbox.fault(on_refresh(Trouble::OddBytes {
            from: from.to_owned(),
            to: to.into_bytes(),
        }));
        world.must_log_in();
    }
}

#[test]
fn trouble_in_the_middle_of_a_refresh_passes_or_is_told_as_what_it_is() {
    let passes = [
        vec![Trouble::Status(503), Trouble::Status(500)],
        vec![Trouble::RateLimit(RetryAfter::Seconds(0))],
        vec![Trouble::ResetBeforeEffect],
        vec![Trouble::HtmlPage],
    ];
    for troubles in passes {
        let world = connected(-60);
        let file = world.path("pleo-export.toml");
        let patient = fs::read_to_string(&file).unwrap();
        let patient = patient.replace("give_up_after_seconds = 1", "give_up_after_seconds = 30");
        fs::write(file, patient).unwrap();
        for trouble in troubles {
            world.sandbox.fault(on_refresh(trouble));
        }
        world.run(&["poll"]).exits(0);
        world.has_live_tokens();
        world.breaks_no_rule();
    }
    // It had its effect, and nobody saw the new pair: one more try, then a person.
    for trouble in [
        Trouble::LostAnswer,
        Trouble::StatusAfterEffect(503),
        Trouble::TruncatedBody,
        Trouble::BrokenJson,
    ] {
        let world = connected(-60);
        world.sandbox.fault(on_refresh(trouble));
        world.must_log_in();
        assert_eq!(world.token_requests(), 2);
    }
    // It lasts: temporary, and the old pair is still good.
    for (trouble, code) in [
        (Trouble::Status(503), 5),
        (Trouble::RateLimit(RetryAfter::Seconds(60)), 5),
        (Trouble::SlowMilliseconds(4000), 5),
        (Trouble::Page(403, "text/html".into(), "<p>Blocked".into()), 2),
        (Trouble::Redirect("https://elsewhere.example/".into()), 1),
        (Trouble::HugeBody, 1),
    ] {
        let world = connected(-60);
        world.sandbox.fault(on_refresh(trouble.clone()).always());
        world.run(&["poll"]).exits(code);
        assert!(world.tokens()["refused_at"].is_null(), "{trouble:?}");
        world.sandbox.clear_faults();
        if !matches!(trouble, Trouble::SlowMilliseconds(_)) {
            world.run(&["poll"]).exits(0);
        }
    }
}

#[test]
fn a_wrong_client_secret_says_nothing_about_the_tokens() {
    let world = connected(-60).with_variable("PLEO_CLIENT_SECRET", "wrong");
    world.run(&["poll"]).exits(2).says("PLEO_CLIENT_SECRET");
    assert!(world.tokens()["refused_at"].is_null());
    world
        .with_variable("PLEO_CLIENT_SECRET", SECRET)
        .run(&["poll"])
        .exits(0);
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let world = connected(-60);
    let before = world.token("refresh_token");
    world
        .sandbox
        .fault(on_refresh(Trouble::WithoutField("refresh_token".into())));
    world.run(&["poll"]).exits(0).says("no new refresh token");
    assert_eq!(world.token("refresh_token"), before);
    world.sandbox.expire_access_tokens();
    // Where Pleo had replaced it, the next refresh tells.
    world.must_log_in();
}

#[test]
fn tokens_that_could_not_be_kept_are_not_asked_for() {
    // No lock, and no room.
    let world = connected(-60);
    fs::create_dir(world.path("tokens.json.lock")).unwrap();
    world.run(&["poll"]).exits(2).says("tokens.json.lock");
    assert_eq!(world.token_requests(), 0);
    fs::remove_dir(world.path("tokens.json.lock")).unwrap();
    let program = world.command(&["poll"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" logout --revoke"])
        .arg(program.get_program())
        .current_dir(world.path(""))
        .env_clear()
        .envs(world.environment());
    world.run_command(&mut command).exits(2).says("could not be kept");
    assert_eq!(world.token_requests(), 0);
    world.run(&["poll"]).exits(0);
    world.has_live_tokens();
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                all_files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn tokens_and_secret_are_in_their_file_and_nowhere_else() {
    let world = connected(-60);
    fs::write(world.path("connector.sh"), "env > environment.txt\nexit 1\n").unwrap();
    let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
    world.add_mixed_job(6, 1);
    let mut secrets = vec![SECRET.to_owned()];
    let mut note = |world: &crate::support::World| {
        secrets.extend([world.token("access_token"), world.token("refresh_token")]);
    };
    note(&world);
    let mut runs = vec![world.run(&["poll", "-vv"]).exits(0)];
    note(&world);
    for echoed in ["refresh_token", "client_secret"] {
        // A server that says everything back.
        let said = if echoed == "client_secret" {
            SECRET.to_owned()
        } else {
            world.token("refresh_token")
        };
        let body =
            serde_json::json!({ "error": "invalid_request", "error_description": format!("no {said}") });
        let page = Trouble::Page(400, "application/json".into(), body.to_string());
        // In the other way of showing the client, too.
        world.sandbox.fault(on_refresh(page).times(2));
        world.sandbox.expire_access_tokens();
        runs.push(
            world
                .run(&["poll", "-vv", "--log-format", "json", "--json"])
                .exits(2),
        );
    }
    runs.push(world.run(&["poll", "-vv", "--json"]).exits(0));
    note(&world);
    let connector =
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [\"sh\", \"connector.sh\"]\n";
    let world = world.with_settings(&(settings + connector));
    world.run_with("PLEO_EXPORT_CHECKPOINT", "other.sqlite3", &["poll"]);
    assert!(world.path("environment.txt").exists());
    runs.push(world.run(&["login", "--status", "--json"]).exits(0));
    for run in &runs {
        hides(run, &secrets);
    }
    for path in all_files(&world.path(""))
        .iter()
        .filter(|path| !path.ends_with(TOKENS))
    {
        let bytes = fs::read(path).unwrap();
        for secret in &secrets {
            let is_there = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_there, "`{secret}` in {}", path.display());
        }
    }
    let lock = fs::metadata(world.path("tokens.json.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    world.has_live_tokens();
}

#[test]
fn reading_the_books_alone_needs_no_tokens() {
    let world = registered();
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(2)
        .says("PLEO_COMPANY_ID is missing");
    world.connect(-60);
    world.sandbox.revoke_all();
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(2)
        .says("no books");
    world.run(&["status"]).exits(0);
    // Tokens that name no company since they cannot be read are told for that.
    fs::set_permissions(world.path(TOKENS), fs::Permissions::from_mode(0o644)).unwrap();
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(2)
        .says("chmod 600");
    assert_eq!(world.sandbox.request_count(), 0);
}

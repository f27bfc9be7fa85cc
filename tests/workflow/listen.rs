//! The listener as Pleo, a proxy and strangers see it: the real program, raw sockets.

pub mod listener;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::interrupt::{is_event, nth_of};
use crate::sandbox::{Fault, Hook, JobStatus, Manner, Trouble};
use crate::support::{Run, World};
use listener::{Listener, eventually, now};

/// Items that are booked whatever the settings.
fn small_job(world: &World, seed: u64) -> String {
    world.add_job(crate::sandbox::seed::mixed(3, seed))
}

#[test]
fn a_job_is_booked_within_two_seconds_of_its_event() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    let mut took = Vec::new();
    for (number, manner) in [
        Manner::Proper,
        Manner::Wrapped,
        Manner::TwoSignatures,
        Manner::Twice,
        Manner::Proper,
    ]
    .into_iter()
    .enumerate()
    {
        world.sandbox.deliver(manner);
        let polls = listener.polls();
        let told = Instant::now();
        let job = small_job(&world, u64::try_from(number).unwrap());
        eventually("the job is over", || world.sandbox.job(&job).status.is_ended());
        took.push(told.elapsed());
        let deliveries = || {
            let all = world.sandbox.deliveries().into_iter();
            all.filter(|delivered| delivered.job == job && delivered.url.starts_with("http:"))
                .collect::<Vec<_>>()
        };
        let due = if manner == Manner::Twice { 2 } else { 1 };
        eventually("it was told", || deliveries().len() == due);
        assert!(
            deliveries().iter().all(|delivered| delivered.status == Some(204)),
            "{:?}",
            deliveries()
        );
        listener.rests(polls + 1);
    }
    world.books().has_nothing_twice();
    // The machine may be busy with other tests for two of them.
    took.sort();
    assert!(took[0] < Duration::from_secs(2), "{took:?}");
    assert!(
        world.sandbox.broken_rules().is_empty(),
        "{:?}",
        world.sandbox.broken_rules()
    );
    assert!(!listener.log().contains("whsec_") && !listener.log().contains(world.sandbox.api_key()));
}

#[test]
fn a_delivery_that_is_forged_or_old_starts_nothing_and_a_lost_one_is_made_good() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    for (seed, manner) in [(1, Manner::WrongSignature), (2, Manner::OldTimestamp)] {
        world.sandbox.deliver(manner);
        let job = small_job(&world, seed);
        eventually("it was refused", || {
            let deliveries = world.sandbox.deliveries();
            deliveries
                .iter()
                .any(|delivered| delivered.job == job && delivered.status == Some(401))
        });
    }
    assert_eq!(listener.polls(), 1);
    drop(listener);
    world.sandbox.deliver(Manner::Never);
    let lost = small_job(&world, 3);
    let listener = Listener::start(&world, "1s");
    listener.books(&lost);
    let lost = small_job(&world, 4);
    listener.books(&lost);
    world.books().has_nothing_twice();
}

#[test]
fn what_is_no_news_is_answered_and_starts_no_poll() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    let company = world.sandbox.company();
    let event = listener.event().to_string().into_bytes();
    let good = listener.headers("msg_1", now(), &event);
    let mut vendor = listener.event();
    vendor["eventType"] = json!("v1.vendor.created");
    let mut other = listener.event();
    other["data"]["companyId"] = json!("99999999-9999-4999-8999-999999999999");
    let too_large = vec![b' '; 64 * 1024 + 1];
    let announced =
        format!("POST /webhooks/pleo/{company} HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n");
    for (what, status, expected) in [
        ("nothing signed", listener.post(company, "", &event), 401),
        ("another body", listener.post(company, &good, b"{}"), 401),
        (
            "another id",
            listener.post(company, &good.replace("msg_1", "msg_2"), &event),
            401,
        ),
        (
            "too early",
            listener.post(company, &listener.headers("a", now() + 400, &event), &event),
            401,
        ),
        (
            "too late",
            listener.post(company, &listener.headers("b", now() - 400, &event), &event),
            401,
        ),
        (
            "a company that is not served",
            listener.post("elsewhere", &good, &event),
            204,
        ),
        ("no company", listener.post("", &good, &event), 404),
        (
            "another event",
            listener.deliver("c", vendor.to_string().as_bytes()),
            204,
        ),
        (
            "another company's event",
            listener.deliver("d", other.to_string().as_bytes()),
            204,
        ),
        ("too large", listener.deliver("e", &too_large), 413),
        (
            "too large by its own word, before it comes",
            listener.ask(announced.as_bytes()),
            413,
        ),
        (
            "no post",
            listener.ask(format!("GET /webhooks/pleo/{company} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()),
            405,
        ),
        (
            "another path",
            listener.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            404,
        ),
        ("no HTTP", listener.ask(b"\x16\x03\x01\x02\x00\r\n\r\n"), 400),
    ] {
        assert_eq!(status, expected, "{what}");
    }
    assert_eq!(listener.polls(), 1, "{}", listener.log());
    // Each reason is told, and once in a minute, however many there were.
    for reason in [
        "is not Pleo's",
        "this machine's clock is wrong",
        "not served here",
    ] {
        eventually("it is told", || listener.log().matches(reason).count() == 1);
    }
    assert_eq!(listener.log().matches("WARN").count(), 3, "{}", listener.log());

    assert_eq!(listener.post(company, &good, &event), 204);
    eventually("it polls", || listener.polls() == 2);
    for _ in 0..5 {
        assert_eq!(listener.post(company, &good, &event), 204, "the same again");
    }
    assert_eq!(listener.deliver("f", b"not what we know"), 204);
    eventually("what cannot be read may be news", || listener.polls() == 3);
    eventually("the replays are told", || {
        listener.log().contains("came once more")
    });
    assert_eq!(listener.polls(), 3);
}

#[test]
fn slow_senders_and_crowds_are_cut_off_and_pleo_gets_through() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    let began = Instant::now();
    // One drips its head, one its body: each byte comes in time, the whole never does.
    let mut slow: Vec<TcpStream> = [
        &b"POST /webhooks/pleo/x HTTP/1.1\r\nHost: x\r\nX-Slow: "[..],
        b"POST /webhooks/pleo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    ]
    .into_iter()
    .map(|head| {
        let mut stream = listener.connect();
        stream.write_all(head).unwrap();
        stream
    })
    .collect();
    while !slow.is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "a dripping sender is never cut off"
        );
        slow.retain_mut(|stream| {
            let is_over = stream.write_all(b"x").is_err() || {
                stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                matches!(stream.read(&mut [0; 1000]), Ok(0)) || stream.write_all(b"x").is_err()
            };
            !is_over
        });
    }
    assert!(
        began.elapsed() > Duration::from_secs(1),
        "a slow sender has its time"
    );

    let crowd: Vec<TcpStream> = (0..130).map(|_| listener.connect()).collect();
    let files = format!("/proc/{}/fd", listener.child.id());
    let open = fs::read_dir(files).unwrap().count();
    assert!(open < 100, "{open} files are open");
    let job = small_job(&world, 1);
    listener.books(&job);
    drop(crowd);
    assert_eq!(listener.health(), 200);
}

#[test]
fn events_during_a_run_are_for_exactly_one_more() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    let event = listener.event().to_string();
    let messages: Vec<String> = ["a", "b", "c"]
        .map(|id| {
            format!(
                "POST /webhooks/pleo/{} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{event}",
                world.sandbox.company(),
                event.len(),
                listener.headers(id, now(), event.as_bytes())
            )
        })
        .to_vec();
    let address = listener.address.clone();
    world.sandbox.on_request(move |request| {
        if !is_event(request, "started") {
            return Hook::Continue;
        }
        let (address, messages) = (address.clone(), messages.clone());
        Hook::AfterEffect(Box::new(move || {
            for message in messages {
                let mut stream = TcpStream::connect(&address).unwrap();
                stream.write_all(message.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.contains(" 204 "), "{answer}");
            }
        }))
    });
    let job = small_job(&world, 1);
    listener.books(&job);
    listener.rests(3);
    world.sandbox.on_request(|_| Hook::Continue);
    // Whatever else was waiting would have come before the poll of the next job.
    let job = small_job(&world, 2);
    listener.books(&job);
    listener.rests(4);
}

#[test]
fn another_run_on_the_checkpoint_is_waited_for() {
    let world = World::new();
    let listener = Listener::start(&world, "1h");
    let mut file = fs::File::create(world.path("checkpoint.sqlite3.lock")).unwrap();
    writeln!(file, "process 1 since {}", chrono::Utc::now().to_rfc3339()).unwrap();
    file.lock().unwrap();
    let job = small_job(&world, 1);
    eventually("it tries again and again", || listener.polls() > 3);
    assert_eq!(
        listener.log().matches("another run is at work").count(),
        1,
        "told once"
    );
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
    drop(file);
    listener.books(&job);
}

#[test]
fn a_stop_ends_an_idle_listener_with_0_and_a_run_after_the_entry_in_hand() {
    let world = World::new().with_settings("[pleo]\nbatch_size = 1\n");
    let socket = UnixDatagram::bind(world.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let told = || {
        let mut text = [0; 100];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).trim().to_owned()
    };
    let mut listener = Listener::start_with(&world, "1h", |command| {
        command.env("NOTIFY_SOCKET", world.path("notify"));
    });
    assert_eq!(told(), "READY=1");
    eventually("it is idle", || listener.health() == 200);
    listener.signal("TERM");
    assert_eq!((listener.code(), told().as_str()), (Some(0), "STOPPING=1"));
    drop(listener);

    let mut listener = Listener::start(&world, "1h");
    let (process, log) = (listener.child.id(), Arc::clone(&listener.log));
    let is_moment = nth_of("PUT", 3);
    world.sandbox.on_request(move |request| {
        if !is_moment(request) {
            return Hook::Continue;
        }
        let log = Arc::clone(&log);
        Hook::AfterEffect(Box::new(move || {
            crate::support::signal("TERM", process);
            eventually("it heard the signal", || {
                log.lock().unwrap().contains("stopping: ")
            });
        }))
    });
    let job = small_job(&world, 1);
    assert_eq!(listener.code(), Some(5), "{}", listener.log());
    world.sandbox.on_request(|_| Hook::Continue);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
    let entries = world.books().entries().len();
    assert!((1..3).contains(&entries), "{entries}");
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.books().has_nothing_twice();
}

#[test]
fn health_follows_the_last_success_and_settings_are_read_anew() {
    let world = World::new().impatient();
    world
        .sandbox
        .fault(Fault::new(Trouble::Status(503)).on("GET", "/v3/**").always());
    let listener = Listener::start_with(&world, "1s", |_| {});
    eventually("a first poll has failed", || listener.polls() > 1);
    assert_eq!(listener.health(), 503, "no success yet");
    world.sandbox.clear_faults();
    eventually("it is healthy", || listener.health() == 200);
    // A credential that is wrong, then right again: the file is read for every poll.
    drop(listener);
    fs::write(world.path("key"), world.sandbox.api_key()).unwrap();
    let world = world
        .with_settings("[pleo]\napi_key_file = 'key'\ngive_up_after_seconds = 1\n")
        .without_variable("PLEO_API_KEY");
    let listener = Listener::start(&world, "1s");
    fs::write(world.path("key"), "another-key").unwrap();
    eventually("it is not healthy", || listener.health() == 503);
    fs::write(world.path("key"), world.sandbox.api_key()).unwrap();
    eventually("it is healthy again", || listener.health() == 200);
}

#[test]
fn each_poll_of_a_listener_writes_metrics() {
    let world = World::new();
    let listener = Listener::start_with(&world, "1h", |command| {
        command.args(["--metrics-file", "pleo.prom"]);
    });
    let written = || fs::read_to_string(world.path("pleo.prom")).unwrap_or_default();
    eventually("the first poll is told", || {
        written().contains("pleo_export_exit_code{")
    });
    let job = small_job(&world, 1);
    listener.books(&job);
    let company = world.sandbox.company();
    let line = format!("pleo_export_items_total{{company_id=\"{company}\",status=\"successful\"}} 3");
    eventually("the next one is told", || written().contains(&line));
}

#[test]
fn a_listener_that_could_check_nothing_or_has_no_address_does_not_begin() {
    let world = World::new();
    let listen = ["listen", "--bind", "127.0.0.1:0"];
    world
        .run(&listen)
        .exits(2)
        .says("nothing is subscribed")
        .says("subscribe https://");
    let secrets = world.path("checkpoint.sqlite3.webhook.json");
    fs::write(&secrets, "{").unwrap();
    fs::set_permissions(&secrets, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    world.run(&listen).exits(1).says("webhook.json");
    fs::remove_file(&secrets).unwrap();
    world.run(&["subscribe", "https://example.com/"]).exits(0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    world
        .run(&["listen", "--bind", &address])
        .exits(2)
        .says("cannot listen on");
    for (flag, value) in [
        ("--every", "0s"),
        ("--every", "5"),
        ("--every", "soon"),
        ("--every", "4294967295d"),
        ("--bind", "8787"),
    ] {
        world.run(&["listen", flag, value]).exits(2).says(flag);
    }
    assert_eq!(
        world
            .sandbox
            .requests()
            .iter()
            .filter(|request| request.path.starts_with("/v3"))
            .count(),
        0
    );
}

#[test]
fn whoever_listens_to_the_whole_network_is_told_what_belongs_in_front() {
    let world = World::new();
    let url = format!(
        "https://nowhere.invalid/webhooks/pleo/{}",
        world.sandbox.company()
    );
    world.run(&["subscribe", &url]).exits(0);
    for (address, is_told) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let mut child = world.spawn(&["listen", "--bind", address]);
        let mut line = [0; 12];
        child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"Listening on");
        child.kill().unwrap();
        let run = Run::of("listen", child.wait_with_output().unwrap());
        let told = run.stderr.contains("belongs behind a reverse proxy");
        assert_eq!(told, is_told, "{address}: {run}");
    }
}

/// Whoever builds the image has the files that it copies, and a program that knows what it is started with.
#[test]
fn the_container_file_names_what_there_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = fs::read_to_string(root.join("examples/container/Containerfile")).unwrap();
    let instructions = |name: &str| {
        let lines = file
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{name} ")));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let copies = instructions("COPY");
    let sources = copies.iter().filter(|line| !line.starts_with("--from"));
    for line in sources {
        let words: Vec<&str> = line.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(root.join(source).exists(), "COPY {source}");
        }
    }
    // Cargo reads every target that the manifest names before it builds one.
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    for bench in manifest["bench"].as_array().unwrap() {
        let path = format!("benches/{}.rs", bench["name"].as_str().unwrap());
        assert!(
            root.join(&path).exists() && copies.iter().any(|line| line.starts_with("benches ")),
            "{path}"
        );
    }
    let version = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(
        instructions("FROM")[0].contains(&format!("rust:{version}")),
        "{version}"
    );
    let world = World::new();
    let command: Vec<String> = serde_json::from_str(&instructions("CMD")[0]).unwrap();
    let mut command: Vec<&str> = command.iter().map(String::as_str).collect();
    // All is known but for a secret to check deliveries by.
    world.run(&command).exits(2).says("nothing is subscribed");
    command.push("--unknown");
    world.run(&command).exits(2).says("unexpected argument");
    let port = instructions("EXPOSE")[0].clone();
    for name in ["CMD", "HEALTHCHECK"] {
        assert!(instructions(name)[0].contains(&format!(":{port}")), "{name}");
    }
    for variable in ["STATE_DIRECTORY", "PLEO_EXPORT_CONFIG"] {
        assert!(
            instructions("ENV")[0].contains(&format!("{variable}=/")),
            "{variable}"
        );
    }
}

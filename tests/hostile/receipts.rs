use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::attack::ENTRY;
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemStatus, Trouble};
use crate::support::World;

/// A host of this machine that takes connections and never says a word.
fn silent_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for connection in listener.incoming() {
            held.push(connection);
        }
    });
    format!("http://{address}")
}

#[test]
fn an_item_of_eighty_stalled_receipts_is_left_to_the_next_run_and_the_other_is_booked() {
    let world = World::new().with_settings("[receipts]\ntimeout_seconds = 1\ngive_up_after_seconds = 6\n");
    let host = silent_host();
    let mut bad = Item::card_purchase(100).id(ENTRY).build();
    bad["files"] = (0..80)
        .map(|number| json!({"url": format!("{host}/{number}.pdf"), "type": "application/pdf", "size": 7}))
        .collect();
    let good = Item::card_purchase(200).receipt("pdf").build();
    let job = world.add_job(vec![bad, good]);
    let began = Instant::now();
    world.run(&["poll"]).exits(5).says("did not come in time");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let state = world.sandbox.job(&job);
    assert_eq!(state.count(ItemStatus::Successful), 1);
    assert!(!state.item(ENTRY).status.is_final());
    assert!(!world.books().entries().contains(&ENTRY.to_owned()));
    // The job near its end, the item fails with the reason as before.
    world.sandbox.advance_clock(Duration::from_secs(50 * 60));
    world.run(&["poll"]).exits(3);
    let item = world.sandbox.job(&job).item(ENTRY).clone();
    assert_eq!(
        item.failure_reason_type.as_deref(),
        Some("receipt_download_failure")
    );
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_web_page_in_a_receipts_place_is_a_bad_moment_before_it_is_final() {
    for (times, is_booked) in [(1, true), (2, true), (3, false)] {
        let world = World::new();
        let job = world.add_job(vec![Item::card_purchase(100).id(ENTRY).receipt("pdf").build()]);
        world.sandbox.fault(
            Fault::new(Trouble::HtmlPage)
                .on("GET", "/receipts/**")
                .times(times),
        );
        world.run(&["poll"]).exits(if is_booked { 0 } else { 3 });
        let expected = if is_booked {
            ItemStatus::Successful
        } else {
            ItemStatus::Failed
        };
        assert_eq!(world.sandbox.job(&job).item(ENTRY).status, expected, "{times}");
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_pleo_on_this_machine_lifts_the_rules_for_its_own_host_alone() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    for host in ["127.0.0.2", "localhost", "0.0.0.0", "[::1]"] {
        for scheme in ["http", "https"] {
            let world = World::new().impatient();
            let url = format!("{scheme}://{host}:{port}/a.pdf");
            let job = world.add_job(vec![
                Item::card_purchase(100)
                    .id(ENTRY)
                    .file(&url, "application/pdf", 7)
                    .build(),
            ]);
            world.run(&["poll"]).exits(3);
            let reason = world.failure_reason(&job, ENTRY);
            assert!(
                reason.contains("private network") || reason.contains("https address"),
                "{url}: {reason}"
            );
        }
    }
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_proxy_does_not_hear_the_names_of_our_networks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let told = heard.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 512];
            let read = connection.read(&mut request).unwrap_or(0);
            told.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&request[..read]));
            let _ =
                connection.write_all(b"HTTP/1.1 502 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let world = World::new()
        .impatient()
        .with_variable("HTTPS_PROXY", &proxy)
        .with_variable("NO_PROXY", "127.0.0.1");
    for (host, may_be_asked) in [
        ("metadata.google.internal", false),
        ("printer", false),
        ("localhost", false),
        ("nas.local", false),
        ("127.0.0.2", false),
        ("files.example", true),
    ] {
        let url = format!("https://{host}/a.pdf");
        world.add_job(vec![
            Item::card_purchase(100).file(&url, "application/pdf", 7).build(),
        ]);
        let run = world.run(&["poll"]);
        if !may_be_asked {
            run.exits(3);
        }
        assert_eq!(heard.lock().unwrap().contains(host), may_be_asked, "{host}");
    }
}

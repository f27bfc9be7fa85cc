//! Proxies and certificates, with real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::sandbox::{Fault, JobStatus, RetryAfter, Trouble, seed};
use crate::support::{Run, World};

/// A listener whose every connection is given to `serve`; how many there were.
fn listener(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    (address, count)
}

/// A proxy that reads what it is asked and answers these words.
fn proxy(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    listener(move |mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn certificate(name: &str) -> String {
    format!(
        "{}/tests/workflow/certificates/{name}.pem",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// A Pleo behind TLS that has no jobs, with this certificate.
fn pleo_with(name: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/certificates/server.key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate(name)).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let (address, _) = listener(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            head.push(byte[0]);
        }
        let body = "{\"data\":[],\"pagination\":{\"hasNextPage\":false}}";
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.flush();
    });
    format!("https://{address}")
}

fn poll_at(world: &World, url: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = world.command(&["poll"]);
    command.env("PLEO_BASE_URL", url).envs(variables.iter().copied());
    world.run_command(&mut command)
}

#[test]
fn a_certificate_that_is_not_trusted_is_a_matter_of_settings() {
    let authority = certificate("authority");
    let trusted = [("SSL_CERT_FILE", authority.as_str())];
    let fresh = || World::new().with_settings("[pleo]\ngive_up_after_seconds = 60\n");
    poll_at(&fresh(), &pleo_with("good"), &trusted).exits(0);
    for (name, trust, says) in [
        ("good", &[][..], "UnknownIssuer"),
        ("expired", &trusted[..], "expired"),
        ("other-host", &trusted[..], "not valid for name"),
    ] {
        let world = fresh();
        let began = std::time::Instant::now();
        poll_at(&world, &pleo_with(name), trust)
            .exits(2)
            .says("SSL_CERT_FILE")
            .says(says);
        assert!(
            began.elapsed().as_secs() < 20,
            "it will be the same next time, so it is not tried again"
        );
    }
    // The same for a file of certificates that is not there, holds none or cannot be read.
    for file in ["/nowhere.pem", "/dev/null", "/"] {
        poll_at(&fresh(), &pleo_with("good"), &[("SSL_CERT_FILE", file)])
            .exits(2)
            .says("SSL_CERT_FILE");
    }
    // Also where it was good before: nothing else than a person will make it so again.
    let world = fresh();
    let url = pleo_with("good");
    poll_at(&world, &url, &trusted).exits(0);
    poll_at(&world, &url, &[]).exits(2).says("SSL_CERT_FILE");
}

#[test]
fn a_proxy_that_does_not_let_us_through_is_a_matter_of_settings_until_pleo_has_answered() {
    for (answer, says) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "407",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "proxy refuses",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy refuses"),
        ("", "cannot be reached"),
    ] {
        let (address, asked) = proxy(answer);
        let world = World::new().impatient();
        poll_at(&world, "https://pleo.example", &[("https_proxy", &address)])
            .exits(2)
            .says(says)
            .says("https_proxy");
        assert!(asked.load(Ordering::SeqCst) > 0);
    }
}

#[test]
fn a_name_or_port_that_leads_nowhere_is_a_matter_of_settings() {
    let fresh = || World::new().impatient();
    let nobody = "127.0.0.1:1";
    // A name that does not exist, a port that nobody listens on.
    poll_at(&fresh(), "https://pleo.invalid", &[])
        .exits(2)
        .says("pleo.base_url");
    poll_at(&fresh(), &format!("http://{nobody}"), &[])
        .exits(2)
        .says("nothing with these settings has reached Pleo yet");
}

#[test]
fn an_outage_after_an_answer_is_temporary_and_after_other_settings_it_is_not() {
    let mut world = World::new().impatient();
    world.run(&["poll"]).exits(0);
    let url = world.sandbox.url().to_owned();
    world.sandbox = crate::sandbox::Sandbox::start(crate::sandbox::Options::default());
    poll_at(&world, &url, &[]).exits(5);
    poll_at(&world, &url, &[("https_proxy", "http://127.0.0.1:9")]).exits(2);
    poll_at(&world, &url, &[]).exits(5);
}

#[test]
fn nothing_on_this_machine_is_asked_through_a_proxy() {
    let (address, asked) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let mut world = World::new();
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"] {
        world = world.with_variable(name, format!("http://{address}"));
    }
    let job = world.add_job(seed::quickstart());
    world.run(&["poll"]).exits(3);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::CompletedWithErrors);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn an_odoo_whose_certificate_is_not_trusted_is_told_before_a_job_is_started() {
    let authority = certificate("authority");
    for (name, trust, says) in [
        ("good", None, "UnknownIssuer"),
        ("expired", Some(&authority), "expired"),
        ("other-host", Some(&authority), "not valid for name"),
    ] {
        let mut world = World::new()
            .with_settings(&format!(
                "[pleo]\ngive_up_after_seconds = 60\n[accounting]\nsystem = \"odoo\"\n[accounting.odoo]\nurl = {:?}\n\
                 database = \"books\"\n",
                pleo_with(name)
            ))
            .with_variable("ODOO_API_KEY", "key");
        if let Some(authority) = trust {
            world = world.with_variable("SSL_CERT_FILE", authority);
        }
        let job = world.add_mixed_job(2, 1);
        let began = std::time::Instant::now();
        let poll = || world.run(&["poll"]).exits(2).says("SSL_CERT_FILE").says(says);
        poll();
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
        world
            .sandbox
            .advance_clock(std::time::Duration::from_secs(40 * 60));
        poll();
        let state = world.sandbox.job(&job);
        assert_eq!(state.status, JobStatus::Failed);
        assert_eq!(
            state.failure_reason_type.as_deref(),
            Some("invalid_configuration")
        );
        assert!(
            began.elapsed().as_secs() < 20,
            "it will be the same next time, so it is not tried again"
        );
    }
    // Whatever the certificate, an Odoo that is not there may be there in a moment.
    let nobody = "127.0.0.1:1";
    let world = World::new()
        .with_settings(&format!(
            "[pleo]\ngive_up_after_seconds = 1\n[accounting]\nsystem = \"odoo\"\n[accounting.odoo]\nurl = \
             \"https://{nobody}\"\ndatabase = \"books\"\n"
        ))
        .with_variable("ODOO_API_KEY", "key");
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(5).says("cannot be reached");
    let proxy = ("https_proxy", "socks5://127.0.0.1:9");
    world
        .run_with(proxy.0, proxy.1, &["poll"])
        .exits(2)
        .says("https_proxy");
}

#[test]
fn a_page_that_is_not_from_pleo_is_told_as_such() {
    for status in [200, 401, 403, 404, 451, 500, 501, 502, 503, 504, 520] {
        let page = || {
            Fault::new(Trouble::Page(
                status,
                "text/html".into(),
                "<h1>Blocked</h1>".into(),
            ))
            .always()
        };
        let world = World::new().impatient();
        world.sandbox.fault(page());
        let run = world
            .run(&["poll"])
            .exits(2)
            .says(if status == 200 {
                "not JSON"
            } else {
                "does not come from Pleo"
            })
            .says(&if status == 200 {
                String::new()
            } else {
                status.to_string()
            });
        assert!(!run.stderr.contains("credential"), "{run}");
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
        world.sandbox.fault(page());
        match status {
            200 => world.run(&["poll"]).exits(1).says("not JSON"),
            _ => world.run(&["poll"]).exits(5).says("does not come from Pleo"),
        };
    }
}

#[test]
fn a_way_to_pleo_that_swallows_or_breaks_every_request_is_a_matter_of_settings_until_pleo_has_answered() {
    let page = |status, text: &str| Trouble::Page(status, "text/plain".into(), text.into());
    for (trouble, code) in [
        (Trouble::ResetBeforeEffect, 5),
        (Trouble::TruncatedBody, 5),
        (Trouble::slow(std::time::Duration::from_secs(3)), 5),
        (page(407, ""), 5),
        (page(501, ""), 5),
        (page(502, ""), 5),
        (page(511, "Log in to the network."), 5),
        (Trouble::Redirect("http://portal.example/".into()), 1),
    ] {
        let world = World::new().impatient();
        let fault = || Fault::new(trouble.clone()).always();
        world.sandbox.fault(fault());
        world.run(&["poll"]).exits(2).says("has reached Pleo yet");
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
        world.sandbox.fault(fault());
        world.run(&["poll"]).exits(code);
    }
    // Pleo's own words for an outage are an answer.
    let world = World::new().impatient();
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(&["poll"]).exits(5);
}

#[test]
fn a_busy_status_is_tried_again_for_what_may_be_repeated() {
    for status in [
        408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529,
    ] {
        let world = World::new();
        let job = world.add_mixed_job(2, 1);
        for path in ["/v3/export-jobs", "/v3/export-items", "/v3/export-jobs/*/items"] {
            world
                .sandbox
                .fault(Fault::new(Trouble::Status(status)).on("GET", path));
        }
        world
            .sandbox
            .fault(Fault::new(Trouble::Status(status)).on("PUT", "/v3/export-jobs/*/items"));
        world
            .sandbox
            .fault(Fault::new(Trouble::Status(status)).on("GET", "/receipts/**"));
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(0), "{status} {run}");
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    }
}

#[test]
fn an_odd_retry_after_has_its_obvious_meaning() {
    for (text, waits) in [
        ("1.0", true),
        ("1, 1", true),
        ("1 s", true),
        ("", false),
        ("soon", false),
    ] {
        let world = World::new();
        let limit = Trouble::RateLimit(RetryAfter::Text(text.to_owned()));
        world.sandbox.fault(Fault::new(limit));
        let began = std::time::Instant::now();
        world.run(&["poll"]).exits(0);
        assert!(!waits || began.elapsed().as_millis() >= 1000, "{text}");
    }
    for text in [
        "3600.0",
        "60, 3600",
        "99999999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let world = World::new();
        let limit = Trouble::RateLimit(RetryAfter::Text(text.to_owned()));
        world.sandbox.fault(Fault::new(limit).always());
        world.run(&["poll"]).exits(5).says("asks to wait");
        assert_eq!(world.sandbox.request_count(), 1, "{text}");
    }
}

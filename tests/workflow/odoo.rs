use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::World;

fn world(url: &str, more: &str) -> World {
    World::new()
        .with_settings(&format!(
            "[accounting]\nsystem = 'odoo'\n[accounting.odoo]\nurl = '{url}'\ndatabase = 'books'\n{more}"
        ))
        .with_variable("ODOO_API_KEY", "key")
}

/// A server that answers everything with this many bytes of JSON.
fn answering(bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            // Whoever has read enough hangs up.
            let _ = write!(stream, "{head}Content-Length: {bytes}\r\n\r\n");
            let _ = stream.write_all(&vec![b' '; bytes]);
        }
    });
    url
}

#[test]
fn an_answer_that_is_too_long_is_called_so() {
    let world = world(&answering((64 << 20) + 1), "");
    let job = world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(4).says("has more than 64 MB");
    let reason = world.sandbox.job(&job).failure_reason.unwrap();
    assert!(reason.contains("batch_size"), "{reason}");
}

#[test]
fn a_login_for_an_older_odoo_is_refused_by_name() {
    let world = world("http://127.0.0.1:1", "login = 'somebody'\n");
    world
        .run(&["poll"])
        .exits(2)
        .says("accounting.odoo.login")
        .says("take the line out");
    assert_eq!(world.sandbox.request_count(), 0);
}

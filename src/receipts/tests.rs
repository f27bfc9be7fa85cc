//! Receipts fetched from a real server on this machine, which answers as badly as we like.

mod server;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use self::server::{Server, send, untrusted};
use super::*;
use crate::model::verdict::ItemFailureType;

const PDF: &[u8] = b"%PDF-1.7\nhello\n%%EOF";

fn settings(folder: &Path) -> Settings {
    Settings {
        folder: folder.join("receipts"),
        largest: 1024 * 1024,
        timeout: Duration::from_secs(20),
        give_up_after: Duration::from_secs(60),
        own_host: Some("127.0.0.1".to_owned()),
        has_proxy: false,
    }
}

fn file(url: String) -> ReceiptFile {
    ReceiptFile {
        url,
        media_type: None,
        size: None,
    }
}

/// Later than any patience.
fn far() -> Until {
    Until::at(Instant::now() + Duration::from_secs(600))
}

/// Fetches the given paths of the server as the receipts of one entry.
fn fetch(fetcher: &Fetcher, server: &Server, paths: &[&str]) -> Vec<Result<Kept, ReceiptError>> {
    let entry_id = AccountingEntryId::new("entry");
    let files: Vec<ReceiptFile> = paths
        .iter()
        .map(|path| file(format!("{}{path}", server.base)))
        .collect();
    let wanted: Vec<WantedReceipt<'_>> = files
        .iter()
        .enumerate()
        .map(|(index, file)| WantedReceipt {
            entry_id: &entry_id,
            number: index + 1,
            of: files.len(),
            file,
        })
        .collect();
    fetcher.fetch(&wanted, &far())
}

fn fetch_one(fetcher: &Fetcher, server: &Server, path: &str) -> Result<Kept, ReceiptError> {
    fetch(fetcher, server, &[path]).remove(0)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("receipts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".made-by-pleo-export")
        .collect();
    names.sort();
    names
}

#[test]
fn receipts_come_in_order_and_the_same_content_is_one_file() {
    let server = Server::start(|path, _, stream| match path {
        "/shot.png?signature=1" => send(stream, "200 OK", "", b"\x89PNG\r\n\x1a\nimage"),
        _ => send(stream, "200 OK", "", PDF),
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    let paths = [
        "/a.pdf",
        "/shot.png?signature=1",
        "/copy%20of%20a.pdf",
        "/d",
        "/e.pdf",
        "/f.pdf",
    ];
    let mut receipts: Vec<Kept> = fetch(&fetcher, &server, &paths)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let file_names: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.file_name.as_str())
        .collect();
    assert_eq!(
        file_names,
        ["a.pdf", "shot.png", "copy_of_a.pdf", "d.pdf", "e.pdf", "f.pdf"]
    );
    let pdf = &receipts[0];
    assert_eq!(
        pdf.sha256,
        "7f04c1c0e7d4a2f203722187a408a7f55f561184c38d1d2c24a87602f24bcd8f"
    );
    assert_eq!(
        (pdf.size, pdf.media_type.as_str()),
        (PDF.len() as u64, "application/pdf")
    );
    assert_eq!(std::fs::read(&pdf.path).unwrap(), PDF);
    assert_eq!(
        names(folder.path()).len(),
        2,
        "one file for each content, and nothing aside"
    );

    let path = pdf.path.clone();
    receipts.truncate(2);
    assert!(path.exists(), "still needed by the first");
    drop(receipts);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn what_may_pass_is_tried_again() {
    let server = Server::start(|path, before, stream| match (path, before) {
        ("/busy.pdf", 0) => send(stream, "503 Busy", "Retry-After: 0\r\n", b"wait"),
        ("/limit.pdf", 0) => send(stream, "429 Slow", "Retry-After: 0\r\n", b""),
        ("/reset.pdf", 0) => {}
        ("/page.pdf", 0) => send(stream, "200 OK", "", b"<!doctype html>Come back later"),
        ("/cut.pdf", 0) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%PDF-1.7 and then");
        }
        _ => send(stream, "200 OK", "", PDF),
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    let paths = ["/busy.pdf", "/limit.pdf", "/reset.pdf", "/page.pdf", "/cut.pdf"];
    let answers = fetch(&fetcher, &server, &paths);
    for (path, answer) in paths.iter().zip(&answers) {
        assert_eq!(answer.as_ref().unwrap().size, PDF.len() as u64, "{path}");
        assert_eq!(server.asked_for(path), 2, "{path}");
    }
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn patience_ends() {
    let server = Server::start(|path, _, stream| match path {
        "/later.pdf" => send(stream, "503 Busy", "Retry-After: 18446744073709551615\r\n", b""),
        _ => send(stream, "500 Broken", "", b""),
    });
    let folder = tempfile::tempdir().unwrap();
    let hasty = Settings {
        give_up_after: Duration::from_secs(2),
        ..settings(folder.path())
    };
    let fetcher = Fetcher::new(hasty, Stop::new()).unwrap();
    for (path, number) in [("/later.pdf", 503), ("/broken.pdf", 500)] {
        let error = fetch_one(&fetcher, &server, path).unwrap_err();
        assert_eq!(error.kind, ReceiptErrorKind::Temporary);
        assert_eq!(error.failure_type, ItemFailureType::ReceiptDownloadFailure);
        let text = format!("Receipt 1 of 1 could not be downloaded ({number}): export again later.");
        assert_eq!(error.reason, text);
    }
}

#[test]
fn what_will_not_change_is_asked_for_once() {
    use ItemFailureType::{ReceiptConversionFailure, ReceiptDownloadFailure};
    use ReceiptErrorKind::{Expired, Final};
    let server = Server::start(|path, _, stream| match path {
        "/expired" => send(stream, "403 Forbidden", "", b"<Error/>"),
        "/gone" => send(stream, "410 Gone", "", b""),
        "/missing" => send(stream, "404 Not Found", "", b""),
        "/empty.pdf" => send(stream, "200 OK", "", b""),
        "/login.pdf" => send(
            stream,
            "200 OK",
            "Content-Type: application/pdf\r\n",
            b"<!doctype html>Log in",
        ),
        "/film.pdf" => send(stream, "200 OK", "", b"\0\0\0 ftypmp42"),
        "/nowhere" => send(stream, "302 Found", "", b""),
        "/round" => send(stream, "302 Found", "Location: /round\r\n", b""),
        "/inward" => send(stream, "302 Found", "Location: file:///etc/passwd\r\n", b""),
        _ => send(stream, "200 OK", "", PDF),
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    let cases = [
        (
            "/expired",
            Expired,
            ReceiptDownloadFailure,
            "(403), its address has expired: export again",
        ),
        (
            "/gone",
            Expired,
            ReceiptDownloadFailure,
            "(410), its address has expired",
        ),
        (
            "/missing",
            Final,
            ReceiptDownloadFailure,
            "could not be downloaded (404): upload it again in Pleo.",
        ),
        ("/empty.pdf", Final, ReceiptDownloadFailure, "(the file is empty)"),
        (
            "/login.pdf",
            Final,
            ReceiptDownloadFailure,
            "(there was a web page in its place)",
        ),
        (
            "/film.pdf",
            Final,
            ReceiptConversionFailure,
            "is of a format that cannot be kept",
        ),
        (
            "/nowhere",
            Final,
            ReceiptDownloadFailure,
            "(its address leads nowhere)",
        ),
        (
            "/round",
            Final,
            ReceiptDownloadFailure,
            "(its address leads on and on)",
        ),
        (
            "/inward",
            Final,
            ReceiptDownloadFailure,
            "(its address is not an https address)",
        ),
    ];
    let paths: Vec<&str> = cases.iter().map(|case| case.0).collect();
    let answers = fetch(&fetcher, &server, &paths);
    for ((path, kind, failure_type, text), answer) in cases.into_iter().zip(answers) {
        let error = answer.unwrap_err();
        assert_eq!((error.kind, error.failure_type), (kind, failure_type), "{path}");
        assert!(error.reason.contains(text), "{}", error.reason);
        assert!(
            error.reason.starts_with("Receipt ") && error.reason.ends_with('.'),
            "{}",
            error.reason
        );
        let tries = match path {
            "/round" => 6,
            "/login.pdf" => 3,
            _ => 1,
        };
        assert_eq!(server.asked_for(path), tries, "{path}");
    }
    assert_eq!(names(folder.path()), [""; 0], "nothing is left behind");
}

#[test]
fn a_redirect_is_followed_without_telling_where_we_come_from() {
    let server = Server::start(|path, _, stream| match path {
        "/short" => send(stream, "302 Found", "Location: files/long.pdf?x=1\r\n", b"moved"),
        _ => send(stream, "200 OK", "", PDF),
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    let receipt = fetch_one(&fetcher, &server, "/short").unwrap();
    assert_eq!(receipt.file_name, "long.pdf");
    for head in server.heads() {
        let head = head.to_ascii_lowercase();
        for header in ["authorization", "cookie", "referer"] {
            assert!(!head.contains(&format!("\n{header}:")), "{head}");
        }
    }
}

#[test]
fn a_file_too_large_is_cut_off_whether_or_not_it_says_so() {
    let server = Server::start(|path, _, stream| {
        if path == "/announced.pdf" {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n%PDF-");
        } else {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%PDF-");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    for path in ["/announced.pdf", "/endless.pdf"] {
        let error = fetch_one(&fetcher, &server, path).unwrap_err();
        assert_eq!(error.kind, ReceiptErrorKind::Final);
        assert_eq!(error.failure_type, ItemFailureType::ReceiptFileSizeLimitExceeded);
        assert_eq!(
            error.reason,
            "Receipt 1 of 1 is larger than 1 MB: upload a smaller file in Pleo."
        );
        assert_eq!(server.asked_for(path), 1);
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn the_limit_is_kept_to_the_byte() {
    let server = Server::start(|_, _, stream| {
        // No length is announced: what is counted is what comes.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(PDF);
    });
    let folder = tempfile::tempdir().unwrap();
    for (largest, fits) in [(PDF.len() as u64, true), (PDF.len() as u64 - 1, false)] {
        let settings = Settings {
            largest,
            ..settings(folder.path())
        };
        let fetcher = Fetcher::new(settings, Stop::new()).unwrap();
        assert_eq!(fetch_one(&fetcher, &server, "/a.pdf").is_ok(), fits, "{largest}");
    }
}

#[test]
fn a_name_of_this_machine_is_refused_like_its_address() {
    let server = Server::start(|_, _, stream| send(stream, "200 OK", "", PDF));
    let folder = tempfile::tempdir().unwrap();
    let strict = Settings {
        own_host: None,
        ..settings(folder.path())
    };
    let fetcher = Fetcher::new(strict, Stop::new()).unwrap();
    let entry_id = AccountingEntryId::new("entry");
    let port = server.base.rsplit(':').next().unwrap();
    for url in [
        format!("https://localhost:{port}/a.pdf"),
        format!("https://127.0.0.1:{port}/a.pdf"),
    ] {
        let file = file(url);
        let wanted = WantedReceipt {
            entry_id: &entry_id,
            number: 1,
            of: 1,
            file: &file,
        };
        let error = fetcher.fetch(&[wanted], &far()).remove(0).unwrap_err();
        assert_eq!(error.kind, ReceiptErrorKind::Final, "{}", error.reason);
        assert!(error.reason.contains("in a private network"), "{}", error.reason);
    }
    assert!(server.heads().is_empty(), "nothing was asked");
}

#[test]
fn a_name_that_may_be_asked_is_looked_up() {
    let server = Server::start(|_, _, stream| send(stream, "200 OK", "", PDF));
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        own_host: Some("localhost".to_owned()),
        ..settings(folder.path())
    };
    let fetcher = Fetcher::new(settings, Stop::new()).unwrap();
    let server = server.called("localhost");
    assert_eq!(fetch_one(&fetcher, &server, "/a.pdf").unwrap().file_name, "a.pdf");
}

#[test]
fn a_stop_ends_the_wait_for_another_try() {
    let stop = Stop::new();
    let stopping = stop.clone();
    let server = Server::start(move |_, _, stream| {
        stopping.request();
        send(stream, "503 Busy", "Retry-After: 50\r\n", b"");
    });
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), stop).unwrap();
    for answer in fetch(&fetcher, &server, &["/a.pdf", "/b.pdf"]) {
        assert_eq!(answer.unwrap_err().kind, ReceiptErrorKind::Stopped);
    }
}

#[test]
fn a_host_that_takes_no_connection_gets_a_small_share_until_it_answers() {
    let server = Server::start(|_, _, stream| send(stream, "404 Not Found", "", b""));
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let hasty = Settings {
        give_up_after: Duration::from_millis(500),
        ..settings(folder.path())
    };
    let fetcher = Fetcher::new(hasty, Stop::new()).unwrap();
    let whole = Duration::from_secs(100);
    for _ in 0..3 {
        let nobody = Server::at(&format!("http://{closed}"));
        let error = fetch_one(&fetcher, &nobody, "/a.pdf").unwrap_err();
        assert_eq!(error.kind, ReceiptErrorKind::Temporary);
        assert!(
            error.reason.contains("127.0.0.1 cannot be reached: "),
            "{}",
            error.reason
        );
    }
    assert_eq!(fetcher.hosts.share("127.0.0.1", whole), whole / 10);
    fetch_one(&fetcher, &server, "/a.pdf").unwrap_err();
    assert_eq!(fetcher.hosts.share("127.0.0.1", whole), whole);
}

#[test]
fn a_host_with_an_untrusted_certificate_is_asked_once_and_told_why() {
    let (address, count) = untrusted();
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(settings(folder.path()), Stop::new()).unwrap();
    let error = fetch_one(&fetcher, &Server::at(&format!("https://{address}")), "/a.pdf").unwrap_err();
    assert!(error.reason.contains("is not trusted"), "{}", error.reason);
    assert!(error.reason.contains("SSL_CERT_FILE"), "{}", error.reason);
    assert!(!error.reason.contains("later"), "{}", error.reason);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn one_item_cannot_spend_the_time_of_the_others() {
    // The server never answers for the first item, and always for the second.
    let server = Server::start(|path, _, stream| match path {
        "/good.pdf" => send(stream, "200 OK", "", PDF),
        _ => drop(Stop::new().wait(Duration::from_secs(60))),
    });
    let folder = tempfile::tempdir().unwrap();
    let patient = Duration::from_secs(6);
    let hasty = Settings {
        timeout: Duration::from_secs(1),
        give_up_after: patient,
        ..settings(folder.path())
    };
    let fetcher = Fetcher::new(hasty, Stop::new()).unwrap();
    let (bad, good) = (AccountingEntryId::new("bad"), AccountingEntryId::new("good"));
    let stalled = file(format!("{}/stalled.pdf", server.base));
    let comes = file(format!("{}/good.pdf", server.base));
    let mut wanted = vec![
        WantedReceipt {
            entry_id: &bad,
            number: 1,
            of: 80,
            file: &stalled,
        };
        80
    ];
    wanted.push(WantedReceipt {
        entry_id: &good,
        number: 1,
        of: 1,
        file: &comes,
    });
    let began = Instant::now();
    let mut answers = fetcher.fetch(&wanted, &far());
    assert!(began.elapsed() < patient * 3, "{:?}", began.elapsed());
    assert!(answers.pop().unwrap().is_ok());
    assert!(answers.iter().all(|answer| {
        answer
            .as_ref()
            .is_err_and(|error| error.kind == ReceiptErrorKind::Stalled)
    }));
}

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pleo_export::host::stop::Stop;
use pleo_export::model::export_item::ReceiptFile;
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::receipts::{Fetcher, LARGEST_ON_PLEO, ReceiptErrorKind, Settings, Until, WantedReceipt};

use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

#[test]
fn receipts_that_lie_are_found_out_or_harmless() {
    // What the receipt does, and how the item fails for it; `None` where it can be kept all the same.
    for (trouble, failure) in [
        (Trouble::ContentType("text/html".to_owned()), None),
        (Trouble::ContentType("application/x-msdownload".to_owned()), None),
        (Trouble::LongerThanAnnounced, None),
        (Trouble::HtmlPage, Some("receipt_download_failure")),
        (Trouble::Endless, Some("receipt_file_size_limit_exceeded")),
        (Trouble::TruncatedBody, Some("receipt_download_failure")),
    ] {
        // A download that breaks off is tried as long; the others take their time on a slow machine.
        let patience = if trouble == Trouble::TruncatedBody { 1 } else { 60 };
        let world = World::new().with_settings(&format!(
            "[receipts]\ntimeout_seconds = 20\ngive_up_after_seconds = {patience}\n"
        ));
        let job = world.add_job(vec![Item::card_purchase(100).id(ENTRY).receipt("pdf").build()]);
        world
            .sandbox
            .fault(Fault::new(trouble.clone()).on("GET", "/receipts/**").always());
        let run = world.run(&["poll"]);
        let item = world.sandbox.job(&job).item(ENTRY).clone();
        assert_eq!(
            item.failure_reason_type.as_deref(),
            failure,
            "{trouble:?}: {item:?} {run}"
        );
        world.keeps_its_promise_and_all_rules();
    }
    for (bytes, failure) in [
        (
            b"MZ\x90\0this is a program".to_vec(),
            Some("receipt_conversion_failure"),
        ),
        (
            b"<html><script>alert(1)</script>".to_vec(),
            Some("receipt_download_failure"),
        ),
        (Vec::new(), Some("receipt_download_failure")),
    ] {
        let world = World::new().impatient();
        let url = world.sandbox.add_receipt(bytes, "application/pdf");
        let job = world.add_job(vec![
            Item::card_purchase(100)
                .id(ENTRY)
                .receipt("pdf")
                .file(&url, "application/pdf", 7)
                .build(),
        ]);
        world.run(&["poll"]).exits(3);
        assert!(
            world.kept_receipts().is_empty(),
            "the good one is not kept: {:?}",
            world.kept_receipts()
        );
        let item = world.sandbox.job(&job).item(ENTRY).clone();
        assert_eq!(item.failure_reason_type.as_deref(), failure, "{item:?}");
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn receipts_are_fetched_from_nowhere_but_the_web() {
    let world = World::new().impatient();
    for address in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.pdf",
        "../../../etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://user:secret@127.0.0.1:1/a.pdf",
        "",
    ] {
        let job = world.add_job(vec![
            Item::card_purchase(100)
                .id(ENTRY)
                .file(address, "application/pdf", 7)
                .build(),
        ]);
        world.run(&["poll"]).exits(3);
        let item = world.sandbox.job(&job).item(ENTRY).clone();
        assert_eq!(item.status, ItemStatus::Failed, "{address}");
        assert!(!item.failure_reason.unwrap().contains("secret"), "{address}");
    }
    assert_eq!(world.books().entries().len(), 0);
}

#[test]
fn with_a_pleo_elsewhere_no_receipt_is_fetched_from_this_machine_or_its_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(
        Settings {
            folder: folder.path().join("receipts"),
            largest: LARGEST_ON_PLEO,
            timeout: Duration::from_secs(2),
            give_up_after: Duration::from_secs(1),
            own_host: None,
            has_proxy: false,
        },
        Stop::new(),
    )
    .unwrap();
    let entry_id = AccountingEntryId::new(ENTRY);
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
    ] {
        for scheme in ["http", "https"] {
            let file = ReceiptFile {
                url: format!("{scheme}://{host}:{port}/a.pdf"),
                media_type: None,
                size: None,
            };
            let wanted = WantedReceipt {
                entry_id: &entry_id,
                number: 1,
                of: 1,
                file: &file,
            };
            let error = fetcher
                .fetch(&[wanted], &Until::at(Instant::now() + Duration::from_secs(60)))
                .remove(0)
                .unwrap_err();
            assert_eq!(error.kind, ReceiptErrorKind::Final, "{}: {error}", file.url);
        }
    }
    let nobody_came = listener.accept().unwrap_err();
    assert_eq!(nobody_came.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn redirects_of_receipts_that_lead_on_for_ever_end() {
    let world = World::new().impatient();
    let job = world.add_job(vec![Item::card_purchase(100).id(ENTRY).receipt("pdf").build()]);
    world.sandbox.fault(
        Fault::new(Trouble::Redirect("/receipts/again".to_owned()))
            .on("GET", "/receipts/**")
            .always(),
    );
    world.run(&["poll"]).exits(3);
    let reason = world.failure_reason(&job, ENTRY);
    assert!(reason.contains("leads on and on"), "{reason}");
}

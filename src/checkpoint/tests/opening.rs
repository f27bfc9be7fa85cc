//! Opening, refusing to open, and what survives when something goes wrong.

use super::*;

#[test]
fn a_new_checkpoint_is_private() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    checkpoint.note(None, None, "hello", "", now()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for companion in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(companion);
            assert_eq!(mode(Path::new(&name)), 0o600, "{companion}");
        }
    }
    let synchronous: i64 = checkpoint
        .connection
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    assert_eq!(synchronous, 2, "FULL");
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let (_folder, path, checkpoint) = with_items();
    drop(checkpoint);
    let checkpoint = open(&path, &owner()).unwrap();
    assert_eq!(checkpoint.counts(&job_id()).unwrap().open, 3);
}

#[test]
fn another_owner_is_refused_and_both_are_named() {
    let (_folder, path, checkpoint) = with_items();
    drop(checkpoint);
    let other = Owner {
        target: "odoo books".to_owned(),
        ..owner()
    };
    let error = open(&path, &other).unwrap_err();
    assert!(matches!(error.fault, Fault::BelongsToAnother { .. }));
    let text = error.to_string();
    for part in ["beancount /books", "odoo books", "company-1", "pleo.sqlite3"] {
        assert!(text.contains(part), "{text}");
    }
    open(&path, &owner()).unwrap();
}

#[test]
fn books_that_get_a_fuller_name_are_the_same_books() {
    let (_folder, path, checkpoint) = with_items();
    drop(checkpoint);
    let (former, fuller) = (
        owner().target,
        Owner {
            target: format!("{}, company Nordlys", owner().target),
            ..owner()
        },
    );
    Checkpoint::open(&path, &fuller, Some("another"), |_| None).unwrap_err();
    Checkpoint::open(&path, &fuller, Some(&former), |_| None).unwrap();
    // From then on they have that name, and books of another fuller name are others.
    open(&path, &fuller).unwrap();
    let other = Owner {
        target: format!("{former}, company Another"),
        ..owner()
    };
    Checkpoint::open(&path, &other, Some(&former), |_| None).unwrap_err();
}

#[test]
fn without_a_job_it_belongs_to_nobody() {
    let (_folder, path, checkpoint) = new_checkpoint();
    drop(checkpoint);
    let other = Owner {
        pleo_host: "mistyped.example".to_owned(),
        ..owner()
    };
    for owner in [other, owner()] {
        drop(open(&path, &owner).unwrap());
    }
    let reader = Checkpoint::open_read_only(&path).unwrap().unwrap();
    reader.refuse_other_company(&CompanyId::new("another")).unwrap();
}

#[test]
fn a_newer_schema_is_refused_for_writing_and_reading() {
    let (_folder, path, checkpoint) = new_checkpoint();
    drop(checkpoint);
    raw(&path).pragma_update(None, "user_version", 99).unwrap();
    for error in [
        open(&path, &owner()).unwrap_err(),
        Checkpoint::open_read_only(&path).unwrap_err(),
    ] {
        let Fault::NewerVersion { found: 99, .. } = error.fault else {
            panic!("{error}");
        };
        assert!(error.to_string().contains("later version"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.sqlite3");
    std::fs::write(
        &text,
        "this is no database, but it is long enough to be looked at",
    )
    .unwrap();
    let foreign = folder.path().join("foreign.sqlite3");
    raw(&foreign).execute_batch("CREATE TABLE theirs (x)").unwrap();
    for path in [text, foreign] {
        let before = std::fs::read(&path).unwrap();
        for error in [
            open(&path, &owner()).unwrap_err(),
            Checkpoint::open_read_only(&path).unwrap_err(),
        ] {
            assert!(matches!(error.fault, Fault::NoCheckpoint(_)), "{error}");
            assert!(error.hint().contains("name another file"), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn damage_is_found_after_an_unclean_end() {
    let (_folder, path, mut checkpoint) = with_items();
    let many: Vec<_> = (0..500)
        .map(|number| listed(&format!("entry-{number}"), ItemStatus::Pending))
        .collect();
    checkpoint.store_control_page(&job_id(), &many, now()).unwrap();
    drop(checkpoint);
    let sound = std::fs::read(&path).unwrap();
    // The index of items says less than the table: no statement notices, only a check does.
    let connection = raw(&path);
    connection.pragma_update(None, "writable_schema", true).unwrap();
    connection
        .execute("DELETE FROM sqlite_schema WHERE name = 'item_of_job'", [])
        .unwrap();
    drop(connection);
    open(&path, &owner()).expect("an orderly end is believed");
    raw(&path).execute("UPDATE meta SET clean = 0", []).unwrap();
    let error = open(&path, &owner()).unwrap_err();
    assert!(matches!(error.fault, Fault::Damaged { .. }), "{error}");
    let again = open(&path, &owner()).unwrap_err();
    assert!(matches!(again.fault, Fault::Damaged { .. }), "still: {again}");
    // A sound file passes the same check.
    std::fs::write(&path, sound).unwrap();
    raw(&path).execute("UPDATE meta SET clean = 0", []).unwrap();
    open(&path, &owner()).unwrap();
}

#[test]
fn an_end_counts_as_orderly_only_when_it_was() {
    let (_folder, path, checkpoint) = new_checkpoint();
    let clean = |path: &Path| -> bool {
        raw(path)
            .query_row("SELECT clean FROM meta", [], |row| row.get(0))
            .unwrap()
    };
    assert!(!clean(&path), "while a run writes");
    drop(checkpoint);
    assert!(clean(&path));
    let checkpoint = open(&path, &owner()).unwrap();
    checkpoint.failed(Fault::Damaged("seen".to_owned()));
    drop(checkpoint);
    assert!(!clean(&path), "after damage was met");
}

#[test]
fn a_damaged_word_names_its_row() {
    let (_folder, path, checkpoint) = with_items();
    drop(checkpoint);
    let connection = raw(&path);
    connection
        .pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    connection
        .execute("UPDATE item SET state = 'lost' WHERE entry_id = 'b'", [])
        .unwrap();
    connection
        .execute("UPDATE job SET created_at = 'yesterday'", [])
        .unwrap();
    drop(connection);
    let mut checkpoint = open(&path, &owner()).unwrap();
    let error = checkpoint.intend(&job_id(), &[entry("b")], now()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("item `b` of job `job-1` has the state `lost`"),
        "{error}"
    );
    let error = checkpoint.jobs().unwrap_err();
    assert!(
        error.to_string().contains("job `job-1` has the time `yesterday`"),
        "{error}"
    );
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let (_folder, path, mut checkpoint) = with_items();
    let pages: i64 = checkpoint
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    checkpoint
        .connection
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let long = "x".repeat(100_000);
    let error = checkpoint
        .store_payloads(&job_id(), &[data("a", &long, "2026-11-01")], now())
        .unwrap_err();
    assert!(matches!(error.fault, Fault::Storage { .. }), "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    drop(checkpoint);
    let checkpoint = open(&path, &owner()).unwrap();
    let items = checkpoint.in_scope_page(&job_id(), None, 10).unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items.first().unwrap().payload.as_deref(), Some("{}"));
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = checkpoint.claim_job(&job("job-1", 1), now()).unwrap_err();
    assert!(matches!(error.fault, Fault::Storage { .. }), "{error}");
    assert!(error.hint().contains("may write the file"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file.join("pleo.sqlite3"), &owner()).unwrap_err();
    assert!(matches!(error.fault, Fault::Storage { .. }), "{error}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let closed = folder.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        // The superuser may write everywhere, so there is nothing to see for it.
        if std::fs::write(closed.join("probe"), "").is_err() {
            let error = open(&closed.join("pleo.sqlite3"), &owner()).unwrap_err();
            assert!(matches!(error.fault, Fault::Storage { .. }), "{error}");
        }
    }
}

#[test]
fn a_reader_sees_one_moment_while_a_run_goes_on() {
    let (_folder, path, mut writer) = with_items();
    let reader = Checkpoint::open_read_only(&path).unwrap().unwrap();
    assert_eq!(reader.counts(&job_id()).unwrap().open, 3);
    writer
        .decide(&job_id(), &[(entry("a"), successful("1"))], &[].into(), now())
        .unwrap();
    assert_eq!(reader.counts(&job_id()).unwrap().open, 3, "the same moment");
    let later = Checkpoint::open_read_only(&path).unwrap().unwrap();
    assert_eq!(later.counts(&job_id()).unwrap().open, 2);
}

#[test]
fn a_reader_makes_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pleo.sqlite3");
    assert!(Checkpoint::open_read_only(&path).unwrap().is_none());
    assert!(!path.exists());
    // A run that died before it wrote anything leaves an empty file.
    std::fs::write(&path, "").unwrap();
    assert!(Checkpoint::open_read_only(&path).unwrap().is_none());
    drop(open(&path, &owner()).unwrap());
    let mut reader = Checkpoint::open_read_only(&path).unwrap().unwrap();
    assert!(reader.claim_job(&job("job-1", 1), now()).is_err());
    assert_eq!(reader.jobs().unwrap(), []);
}

#[test]
fn the_audit_trail_is_append_only() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    checkpoint
        .note(Some(&job_id()), Some(&entry("a")), "looked_up", "found", now())
        .unwrap();
    assert_eq!(audit(&checkpoint), ["a looked_up found"]);
    for sql in ["UPDATE audit SET detail = ''", "DELETE FROM audit"] {
        let error = raw(&path).execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    assert_eq!(audit(&checkpoint).len(), 1);
}

#[test]
fn a_write_of_an_item_makes_no_table_of_what_the_rules_list() {
    let (_folder, _, checkpoint) = new_checkpoint();
    let change = "UPDATE item SET state = ?1, report = ?2, pleo_status = ?3, standing = ?4 WHERE number = 1";
    let mut explained = checkpoint
        .connection
        .prepare(&format!("EXPLAIN {change}"))
        .unwrap();
    let steps = explained
        .query_map(["a"; 4], |row| row.get::<_, String>(1))
        .unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    assert!(steps.iter().any(|step| step == "Halt"), "{steps:?}");
    assert!(!steps.iter().any(|step| step == "OpenEphemeral"), "{steps:?}");
    let is_refused = checkpoint.connection.execute(
        "INSERT INTO item (job, entry_id, state, pleo_status) VALUES (1, 'a', 'lost', 'pending')",
        [],
    );
    assert!(is_refused.is_err_and(|error| error.to_string().contains("CHECK")));
}

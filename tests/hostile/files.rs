use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::attack::{
    Attack, ENTRY, STRANGER, add_item, age, each, give_away, is_debug, is_root, is_untouched, link,
    names_both, one_item, precious,
};
use crate::sandbox::ItemStatus;
use crate::support::{Run, World};

/// A name as receipts have it, of a content that nobody has.
const OURS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.pdf";

fn folders_of_receipts(world: &World) -> [PathBuf; 2] {
    [
        world.path("checkpoint.receipts"),
        world.path("checkpoint.sqlite3.pleo-export-receipts"),
    ]
}

#[test]
fn a_folder_of_the_users_keeps_its_files() {
    for folder in folders_of_receipts(&one_item()).map(|path| path.file_name().unwrap().to_owned()) {
        let world = one_item();
        let folder = world.path(folder.to_str().unwrap());
        let files = [
            "notes.txt",
            "scan.pdf",
            ".hidden",
            "0123.pdf",
            &OURS.to_uppercase(),
            ".x.part",
        ];
        for name in files {
            age(&precious(&folder.join(name)));
        }
        precious(&folder.join("deeper/below.pdf"));
        fs::create_dir(folder.join(OURS)).unwrap();
        let run = world.run(&["poll"]);
        for name in files {
            is_untouched(&folder.join(name));
        }
        is_untouched(&folder.join("deeper/below.pdf"));
        assert!(folder.join(OURS).is_dir());
        // Our own name with somebody else's files in it is refused; the first version's is only cleared of ours.
        match run.code {
            Some(0) => {}
            _ => drop(run.exits(1).says(folder.to_str().unwrap())),
        }
    }
}

#[test]
fn what_a_dead_run_left_is_cleared_from_both_folders() {
    for folder in folders_of_receipts(&one_item()).map(|path| path.file_name().unwrap().to_owned()) {
        let world = one_item();
        let folder = world.path(folder.to_str().unwrap());
        let young = OURS.replace("0123", "abcd");
        for name in [OURS, ".77-3.part", ".pleo-export-0123456789abcdef.part"] {
            age(&precious(&folder.join(name)));
        }
        precious(&folder.join(&young));
        world.run(&["poll"]).exits(0);
        let mut left: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".made-by-pleo-export")
            .collect();
        left.sort();
        assert_eq!(left, [young]);
    }
}

#[test]
fn two_checkpoints_never_share_a_folder_of_receipts() {
    let world = one_item();
    for name in ["acme.dk", "acme.se"] {
        // What the other one has fetched and not attached yet.
        world.run_with("PLEO_EXPORT_CHECKPOINT", name, &["poll"]).exits(0);
    }
    let folders: Vec<_> = fs::read_dir(world.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("receipts"))
        .collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
}

/// Lets the books have the entry's receipt, then says that it lies at `place`.
fn named_elsewhere(world: &World, place: &str) -> Run {
    world.run(&["poll"]).exits(0);
    world.books().edit("PLEO-2026-000001-receipts.beancount", |text| {
        let (before, rest) = text.split_once("\"../../documents/").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        format!("{before}\"{place}\"{after}")
    });
    add_item(world);
    world.run(&["poll"])
}

#[test]
fn the_books_never_say_where_to_write() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = precious(&elsewhere.path().join("home/.ssh/authorized_keys"));
    let absent = elsewhere.path().join("home/absent");
    for place in [&target, &absent] {
        for way in [
            place.to_str().unwrap().to_owned(),
            format!("../../documents/../../../../../../../../../..{}", place.display()),
        ] {
            let world = one_item();
            let run = named_elsewhere(&world, &way);
            is_untouched(&target);
            assert!(!absent.exists(), "{run}");
            // The receipt is in the books all the same, and the second time nothing changes any more.
            let run = run.exits(0);
            let files = world.books().files();
            add_item(&world);
            world.run(&["poll"]).exits(0);
            assert_eq!(world.books().files(), files, "{run}");
            let receipts = world.books().folder.join("documents");
            let lies = walk(&receipts).into_iter().filter(|path| path.is_file()).count();
            assert_eq!(lies, 1);
            world.keeps_its_promise_and_all_rules();
        }
    }
}

#[test]
fn a_receipt_elsewhere_that_is_whole_is_left_as_it_is() {
    let world = one_item();
    world.run(&["poll"]).exits(0);
    let [receipt] = &walk(&world.books().folder.join("documents"))
        .into_iter()
        .filter(|path| path.is_file())
        .collect::<Vec<_>>()[..]
    else {
        panic!("one receipt")
    };
    let scans = world.path("scans/mine.pdf");
    fs::create_dir_all(scans.parent().unwrap()).unwrap();
    fs::rename(receipt, &scans).unwrap();
    let files = world.books().files().len();
    let run = named_elsewhere(&world, scans.to_str().unwrap()).exits(0);
    assert_eq!(world.books().files().len(), files, "{run}");
}

#[test]
fn a_receipt_is_trusted_by_its_content_not_its_size() {
    let world = one_item();
    world.run(&["poll"]).exits(0);
    let documents = world.books().folder.join("documents");
    let receipt = walk(&documents).into_iter().find(|path| path.is_file()).unwrap();
    let content = fs::read(&receipt).unwrap();
    fs::write(&receipt, vec![b'x'; content.len()]).unwrap();
    add_item(&world);
    world.run(&["poll"]).exits(0);
    assert!(fs::read(&receipt).unwrap() == content);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(walk(&path));
        }
        paths.push(path);
    }
    paths
}

fn victim(world: &World) -> PathBuf {
    precious(&world.path("home/victim"))
}

/// A link of this name to a file that nobody may touch.
macro_rules! refused {
    ($name:literal) => {
        Attack {
            name: concat!("a link at ", $name),
            plant: |world| link(&victim(world), &world.path($name)),
            stands: |world, run| {
                is_untouched(&world.path("home/victim"));
                names_both(run, &world.path($name), &world.path("home/victim"));
                assert_eq!(run.code, Some(1), "{run}");
                assert_eq!(world.books().entries().len(), 0);
            },
        }
    };
}

#[test]
fn a_link_where_a_file_of_ours_should_be_is_refused() {
    each(&[
        refused!("checkpoint.sqlite3"),
        refused!("checkpoint.sqlite3.lock"),
        refused!("checkpoint.sqlite3-wal"),
        refused!("checkpoint.sqlite3-shm"),
        refused!("checkpoint.sqlite3-journal"),
        refused!("books/.pleo-export.lock"),
    ]);
}

#[test]
fn links_that_lie_in_the_way_are_not_followed() {
    each(&[
        Attack {
            name: "a link that leads nowhere, at the name of the next batch",
            plant: |world| {
                link(
                    &world.path("home/made"),
                    &world.path("books/pleo/2026/PLEO-2026-000001.beancount"),
                );
            },
            stands: |world, run| {
                assert!(!world.path("home/made").exists(), "{run}");
            },
        },
        Attack {
            name: "a link that leads nowhere, at the name of the ledger",
            plant: |world| link(&world.path("home/made"), &world.path("books/main.beancount")),
            stands: |world, run| assert!(!world.path("home/made").exists(), "{run}"),
        },
        Attack {
            name: "links at the names that part files had in the first version",
            plant: |world| {
                for name in [
                    "books/.main.beancount.part",
                    "books/.accounts.beancount.part",
                    "books/pleo/.about.beancount.part",
                    "books/pleo/2026/.PLEO-2026-000001.beancount.part",
                ] {
                    link(&victim(world), &world.path(name));
                }
            },
            stands: |world, run| {
                is_untouched(&world.path("home/victim"));
                assert_eq!(run.code, Some(0), "{run}");
                assert_eq!(world.books().entries(), [ENTRY]);
            },
        },
        Attack {
            name: "a link of the user's own in the place of a folder in between",
            plant: |world| {
                fs::create_dir(world.path("disk")).unwrap();
                link(&world.path("disk"), &world.path("books/documents"));
            },
            stands: |world, run| {
                assert_eq!(run.code, Some(0), "{run}");
                assert_eq!(fs::read_dir(world.path("disk")).unwrap().count(), 1);
            },
        },
    ]);
}

#[test]
fn a_link_at_a_receipt_is_not_written_through() {
    let world = one_item();
    world.run(&["poll"]).exits(0);
    let documents = world.books().folder.join("documents");
    let receipt = walk(&documents).into_iter().find(|path| path.is_file()).unwrap();
    fs::remove_file(&receipt).unwrap();
    link(&victim(&world), &receipt);
    let job = add_item(&world);
    let run = world.run(&["poll"]);
    is_untouched(&world.path("home/victim"));
    let reason = world.sandbox.job(&job).item(ENTRY).failure_reason.clone();
    assert!(
        reason
            .unwrap_or_else(|| panic!("{run}"))
            .starts_with("Booked as PLEO-2026-000001:"),
        "{run}"
    );
}

#[test]
fn links_of_strangers_are_not_followed() {
    if !is_root("links_of_strangers_are_not_followed") {
        return;
    }
    // Whose the link is, whose the folder is that it leads to, and what becomes of the run.
    for (of_link, of_target, follows) in [(0, 0, true), (STRANGER, 0, false), (0, STRANGER, false)] {
        for name in ["books/documents", "books/pleo/2026", "books/pleo"] {
            let world = one_item();
            let (name, target) = (world.path(name), world.path("disk"));
            fs::create_dir(&target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o777)).unwrap();
            link(&target, &name);
            give_away(&name, of_link);
            give_away(&target, of_target);
            let run = world.run(&["poll"]);
            // `documents` is resolved once at the start, as the books' own folder is: people put it on another disk.
            let is_named = name.ends_with("documents");
            assert_eq!(
                walk(&target).is_empty(),
                !(follows || is_named),
                "{}: {run}",
                name.display()
            );
            if !follows && !is_named {
                names_both(&run, &name, &target);
            }
        }
    }
}

#[test]
fn folders_that_the_settings_name_may_be_links() {
    let world = one_item();
    for (name, target) in [("books", "disk/books"), ("state", "disk/state")] {
        fs::create_dir_all(world.path(target)).unwrap();
        link(&world.path(target), &world.path(name));
    }
    world
        .run_with("PLEO_EXPORT_CHECKPOINT", "state/c.sqlite3", &["poll"])
        .exits(0);
    assert!(world.path("disk/state/c.sqlite3").is_file());
    assert_eq!(world.sandbox.jobs()[0].count(ItemStatus::Successful), 1);
    assert_eq!(world.books().entries(), [ENTRY]);
}

#[test]
fn the_lock_of_the_books_is_not_emptied_before_it_is_held() {
    let world = one_item();
    let lock = precious(&world.path("books/.pleo-export.lock"));
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let mut child = world.spawn(&["poll", "-v"]);
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("waiting for another process")));
    is_untouched(&lock);
    drop(held);
    let _rest = log.count();
    assert!(child.wait().unwrap().success());
}

#[test]
fn part_files_have_names_that_nobody_can_guess() {
    if !is_debug("part_files_have_names_that_nobody_can_guess") {
        return;
    }
    // The number of a process is 1 in every container: two of them must never write one part file.
    let world = one_item();
    let mut seen = std::collections::BTreeSet::new();
    for kill_at in 1..60 {
        let run = world.run_with("PLEO_EXPORT_KILL_AT", &kill_at.to_string(), &["poll"]);
        for path in walk(&world.path("")) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(random) = name
                .strip_prefix(".pleo-export-")
                .and_then(|rest| rest.strip_suffix(".part"))
            {
                assert!(
                    random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{name}"
                );
                seen.insert(name);
            } else {
                assert!(!name.contains(".part"), "{name}");
            }
        }
        if run.code.is_some() {
            break;
        }
    }
    assert!(seen.len() > 1, "{seen:?}");
    // What the dead left beside the books goes when the next run has the books for itself.
    add_item(&world);
    world.run(&["poll"]).exits(0);
    let left: Vec<_> = walk(&world.path("books"))
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

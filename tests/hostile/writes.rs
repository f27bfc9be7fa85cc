//! Over a whole job nothing outside the checkpoint, the books and the files beside them is opened for writing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::attack::{add_item, one_item};
use crate::support::World;

/// Where strace is, if it is.
fn strace() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("strace"))
        .find(|program| program.is_file())
}

/// Every call by which a file is opened, made, renamed or removed, with all paths in it.
fn touched(world: &World, strace: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let program = world.command(&["poll"]);
    let output = Command::new(strace)
        .args(["-f", "-y", "-s", "4096", "-e"])
        .arg("trace=openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,symlinkat,rmdir,truncate,chmod,fchmodat,chown,fchownat,mknod,mknodat")
        .arg("-o")
        .arg(log.path())
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .envs(world.environment())
        .current_dir(world.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(log.path()).unwrap();
    text.lines()
        .filter(|line| !line.contains("<... ") && !line.contains("+++") && !line.contains("---"))
        .filter_map(|line| {
            let call = line.split_once(' ')?.1.trim_start();
            let name = call.split(['(', ' ']).next()?.to_owned();
            let paths = call.split('"').skip(1).step_by(2).map(PathBuf::from).collect();
            let is_reading = name == "openat"
                && !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
                    .iter()
                    .any(|flag| call.contains(flag));
            (!is_reading).then_some((call.to_owned(), paths))
        })
        .collect()
}

#[test]
fn nothing_outside_checkpoint_and_books_is_opened_for_writing() {
    let Some(strace) = strace() else {
        println!("writes: did NOT run, because strace is not installed (Debian package `strace`)");
        return;
    };
    let world = one_item();
    add_item(&world);
    let root = world.path("").canonicalize().unwrap();
    let is_named = |path: &Path| {
        let path = root.join(path);
        let inside = path.strip_prefix(&root).unwrap_or(Path::new("elsewhere"));
        let first = inside
            .iter()
            .next()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        first == "books" || first.starts_with("checkpoint.sqlite3")
    };
    for is_first in [true, false] {
        let calls = touched(&world, &strace);
        for seen in [
            "checkpoint.sqlite3.lock",
            "books/.pleo-export.lock",
            ".made-by-pleo-export",
            "PLEO-2026-000001",
        ] {
            let is_seen = calls.iter().any(|(call, _)| call.contains(seen));
            assert!(is_seen || !is_first, "no {seen} in {calls:#?}");
        }
        for (call, paths) in calls {
            // A descriptor that is printed with its path is no name that was given.
            let strangers: Vec<_> = paths.iter().filter(|path| !is_named(path)).collect();
            assert!(strangers.is_empty(), "{strangers:?} in {call}");
        }
        add_item(&world);
    }
}

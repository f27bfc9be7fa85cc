//! An attack is a row of a table: what is planted before a run, and what must stand after it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::seed::Item;
use crate::support::{Run, World};

/// The entry of [`World::one_item`].
pub const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

/// The content of a file that nobody may touch.
pub const PRECIOUS: &str = "precious\n";

/// A user who is neither we nor root.
pub const STRANGER: u32 = 65534;

/// One attack.
pub struct Attack {
    pub name: &'static str,
    pub plant: fn(&World),
    pub stands: fn(&World, &Run),
}

/// Plants each, runs `poll`, and looks.
#[track_caller]
pub fn each(attacks: &[Attack]) {
    for attack in attacks {
        println!("attack: {}", attack.name);
        let world = one_item();
        (attack.plant)(&world);
        let run = world.run(&["poll"]);
        println!("{run}");
        (attack.stands)(&world, &run);
    }
}

/// A world with an expense that has a receipt, waiting for export.
pub fn one_item() -> World {
    let world = World::new().impatient();
    add_item(&world);
    world
}

pub fn add_item(world: &World) -> String {
    let item = Item::card_purchase(12_500).numbered(1).id(ENTRY);
    world.add_job(vec![item.receipt("pdf").build()])
}

/// A file that nobody may touch, with its folders.
pub fn precious(path: &Path) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, PRECIOUS).unwrap();
    path.to_owned()
}

#[track_caller]
pub fn is_untouched(path: &Path) {
    assert_eq!(fs::read_to_string(path).unwrap(), PRECIOUS, "{}", path.display());
}

/// Makes a link where a file or folder of ours should be.
pub fn link(target: &Path, name: &Path) {
    fs::create_dir_all(name.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, name).unwrap();
}

/// The text names both ends of a link.
#[track_caller]
pub fn names_both(run: &Run, name: &Path, target: &Path) {
    for path in [name, target] {
        let path = path.to_str().unwrap();
        assert!(
            run.stderr.contains(path) || run.stdout.contains(path),
            "no `{path}` in {run}"
        );
    }
}

/// Makes a file as old as something that a dead run left.
pub fn age(path: &Path) {
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 3600);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(old).unwrap();
}

/// Whether files can be given to another user; says so where not.
pub fn is_root(test: &str) -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        println!("{test}: did NOT run, because only root can give files to another user");
    }
    is_root
}

/// Gives a file, or a link itself, to another user.
pub fn give_away(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
}

/// Whether the program is a debug build, which tests steer; says so where not.
pub fn is_debug(test: &str) -> bool {
    if !cfg!(debug_assertions) {
        println!("{test}: did NOT run, because only debug builds can be steered so");
    }
    cfg!(debug_assertions)
}

use std::process::Command;

use crate::support::{Run, World};

/// Runs the program where no file may grow beyond so many blocks: as on a disk that is full, in any place.
pub fn with_little_room(world: &World, blocks: u32) -> Run {
    without_room(world, "poll", blocks)
}

/// A command that may make files no larger than this.
pub fn without_room(world: &World, subcommand: &str, blocks: u32) -> Run {
    let program = world.command(&[subcommand]);
    let mut command = Command::new("sh");
    command
        // Ignored, so that writing fails as on a full disk; without it the process would die of the signal.
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {subcommand}"),
        ])
        .arg(program.get_program())
        .current_dir(world.path(""))
        .env_clear()
        .envs(world.environment());
    world.run_command(&mut command)
}

#[test]
fn a_disk_that_is_full_at_any_moment_loses_nothing() {
    let mut failed = 0;
    for blocks in (0..200).step_by(7) {
        let world = World::new().impatient();
        let job = world.add_mixed_job(12, 1);
        let run = with_little_room(&world, blocks);
        if run.code == Some(0) {
            break;
        }
        failed += 1;
        assert!(matches!(run.code, Some(1 | 3 | 5)), "{run}");
        let says = run.stderr.to_lowercase();
        assert!(
            says.contains("disk") || says.contains("written") || says.contains("write"),
            "{run}"
        );
        let after = world.run(&["poll"]);
        assert!(matches!(after.code, Some(0 | 3)), "{after}");
        world.keeps_its_promise_and_all_rules();
        let state = world.sandbox.job(&job);
        assert!(
            state.items.iter().all(|item| item.status.is_final()),
            "{state:#?}"
        );
        world.books().are_clean();
    }
    assert!(failed > 3, "there was room all the time");
}

//! Whether a file of settings that was found, and not named by anybody, may steer us: it must be the user's own or
//! root's, and nobody else may be able to write it.

use std::path::Path;

/// What is wrong with the file, with the command that cures it; `None` where it may be trusted or is not there.
#[cfg(unix)]
pub(super) fn distrust(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    let file = std::fs::metadata(path).ok()?;
    let link = std::fs::symlink_metadata(path).ok()?;
    if is_read_only(path) {
        return None;
    }
    let shown = path.display();
    let own = rustix::process::geteuid().as_raw();
    if let Some(owner) = [link.uid(), file.uid()]
        .into_iter()
        .find(|owner| !is_trusted(*owner))
    {
        let change = if link.is_symlink() { "chown -h" } else { "chown" };
        let as_owner = format!(
            "`{shown}` was found here, but it belongs to another user (number {owner}): run pleo-export as that user (`sudo -u \
             '#{owner}' pleo-export ...`)"
        );
        // To root every file is open, and whom it belongs to would be shut out.
        return Some(if own == 0 {
            as_owner
        } else {
            format!(
                "{as_owner}; where it is meant for this user and its content is right, run  sudo {change} {own} {shown}"
            )
        });
    }
    let by_all = file.mode() & 0o002 != 0;
    let by_group = file.mode() & 0o020 != 0 && !is_private_group(file.uid(), file.gid());
    (by_all || by_group).then(|| {
        let who = if by_all { "everybody" } else { "its group" };
        format!(
            "`{shown}` was found here, but {who} may write it: if its content is right, run  chmod go-w {shown}"
        )
    })
}

#[cfg(not(unix))]
pub(super) fn distrust(_path: &Path) -> Option<String> {
    None
}

#[cfg(unix)]
use crate::host::ownership::is_trusted;

/// Nobody writes through a mount that is read-only; in containers the numbers of users mean little there.
#[cfg(unix)]
fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path)
        .is_ok_and(|system| system.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Whether a group is a user's own, with nobody else in it: it has the user's name, or their number where neither has
/// a name here.
#[cfg(unix)]
fn is_private_group(user: u32, group: u32) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    is_private_by(&read("/etc/passwd"), &read("/etc/group"), user, group)
}

#[cfg(unix)]
fn is_private_by(passwd: &str, groups: &str, user: u32, group: u32) -> bool {
    let line_of = |text: &str, number: u32| {
        text.lines()
            .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
            .find(|fields| fields.get(2).is_some_and(|field| *field == number.to_string()))
    };
    match (line_of(passwd, user), line_of(groups, group)) {
        (Some(user), Some(group)) => {
            let members = group.get(3).map(String::as_str).unwrap_or_default();
            let mut members = members.split(',').filter(|member| !member.is_empty());
            user.first() == group.first()
                && members.all(|member| user.first().is_some_and(|name| name == member))
        }
        (None, None) => user == group,
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_private_when_it_is_the_users_own_and_nobody_else_is_in_it() {
        let passwd = "root:x:0:0::/root:/bin/sh\nida:x:1000:1000::/home/ida:/bin/sh\nbo:x:1001:100::/home/bo:/bin/sh\n";
        let groups = "root:x:0:\nida:x:1000:ida\nbo:x:2001:bo,ida\nusers:x:100:\n";
        for (user, group, is_private) in [
            (0, 0, true),
            (1000, 1000, true),
            (1001, 100, false),
            (1001, 2001, false),
            (1000, 100, false),
            (4242, 4242, true),
            (4242, 4243, false),
            (1000, 4242, false),
            (4242, 100, false),
        ] {
            assert_eq!(
                is_private_by(passwd, groups, user, group),
                is_private,
                "{user} {group}"
            );
        }
    }
}

//! What programs that we start get of our environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What programs need to find files, people, places and the network. All else may be a secret.
const NEEDED: [&str; 23] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "VIRTUAL_ENV",
];

/// With this begin the names of the settings of the language.
const LANGUAGE: &str = "LC_";

/// The program of the settings, in their folder, in a process group of its own, and with nothing of our environment but what
/// programs need and what begins with `own`, which is meant for it.
///
/// A path is relative to the folder; a bare name is looked for in `PATH`. In its group it does not get the terminal's SIGINT,
/// and everything that it starts can be killed with it.
pub fn program(folder: &Path, program: &str, arguments: &[String], own: &str) -> Command {
    let mut command = Command::new(found_from(folder, program));
    command.args(arguments).current_dir(folder).env_clear();
    command.envs(std::env::vars_os().filter(|(variable, _)| is_needed(variable, own)));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Why the program cannot be started, as far as that shows beforehand.
pub fn program_problem(folder: &Path, program: &str) -> Option<String> {
    let path = found_from(folder, program);
    if path.components().nth(1).is_some() {
        return file_problem(&path);
    }
    // Without one the system has its own.
    let folders = std::env::var_os("PATH")?;
    let is_there = std::env::split_paths(&folders).any(|folder| file_problem(&folder.join(&path)).is_none());
    (!is_there).then(|| "there is no such program in any folder of PATH".to_owned())
}

fn file_problem(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Err(error) => Some(format!("`{}`: {error}", path.display())),
        Ok(file) if file.is_dir() => Some(format!("`{}` is a folder", path.display())),
        Ok(_) if !is_executable(path) => Some(format!(
            "`{0}` is not executable: run  chmod +x {0}",
            path.display()
        )),
        Ok(_) => interpreter_problem(path),
    }
}

/// Why the system cannot start a file of text: what its first line names is not there, or it names nothing.
#[cfg(unix)]
fn interpreter_problem(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut head = Vec::new();
    // What cannot be read may still be started.
    std::fs::File::open(path)
        .ok()?
        .take(256)
        .read_to_end(&mut head)
        .ok()?;
    let text = std::str::from_utf8(&head)
        .ok()
        .filter(|text| !text.contains('\0'))?;
    let first_line = text.split('\n').next().unwrap_or_default();
    let blanks = [' ', '\t'];
    let named = first_line
        .strip_prefix("#!")
        .map(|line| line.trim_matches(blanks));
    let interpreter = named
        .and_then(|line| line.split(blanks).next())
        .unwrap_or_default();
    let shown = path.display();
    if interpreter.trim().is_empty() {
        Some(format!(
            "`{shown}` is no program: a script begins with a line that names its interpreter, such as #!/bin/sh"
        ))
    } else if first_line.ends_with('\r') {
        Some(format!(
            "`{shown}` has Windows line ends, so the system takes its first line for another one: save it with those of Unix"
        ))
    } else if !Path::new(interpreter).exists() {
        Some(format!(
            "`{shown}` asks for the interpreter `{interpreter}`, which is not there"
        ))
    } else {
        None
    }
}

/// Elsewhere the system decides.
#[cfg(not(unix))]
fn interpreter_problem(_path: &Path) -> Option<String> {
    None
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// Elsewhere the name decides.
#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}

fn found_from(folder: &Path, program: &str) -> PathBuf {
    if Path::new(program).components().nth(1).is_some() {
        folder.join(program)
    } else {
        PathBuf::from(program)
    }
}

fn is_needed(variable: &OsStr, own: &str) -> bool {
    let variable = variable.to_string_lossy();
    let is_meant = [own, LANGUAGE].iter().any(|prefix| variable.starts_with(prefix));
    is_meant || NEEDED.contains(&&*variable)
}

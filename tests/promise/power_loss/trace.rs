//! What a process did to the disk and whom it told, in order, as strace saw it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every call that can change a file, and those by which requests leave. One that is not asked for here would show
/// when the model is compared with the disk.
const CALLS: &str = "openat,close,write,writev,pwrite64,pwritev,lseek,ftruncate,fallocate,copy_file_range,sendfile,\
                     fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,\
                     dup,dup2,dup3,sendto,sendmsg";

/// Where strace is, if it is.
pub fn strace() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("strace"))
        .find(|program| program.is_file())
}

/// The same command under strace, which writes into `log`.
pub fn traced(strace: &Path, command: &Command, log: &Path) -> Command {
    let mut traced = Command::new(strace);
    traced
        .args([
            "-f",
            "-xx",
            "-s",
            "100000000",
            "-e",
            &format!("trace={CALLS}"),
            "-o",
        ])
        .arg(log)
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        traced.env(name, value.unwrap());
    }
    traced
}

/// A call that succeeded.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    /// Texts are decoded, numbers and flags are as strace writes them.
    pub arguments: Vec<Argument>,
    pub result: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Argument {
    Text(Vec<u8>),
    Other(String),
}

impl Call {
    pub fn path(&self, position: usize) -> PathBuf {
        let Some(Argument::Text(bytes)) = self.arguments.get(position) else {
            panic!("no path in {self:?}")
        };
        PathBuf::from(String::from_utf8(bytes.clone()).unwrap())
    }

    pub fn other(&self, position: usize) -> &str {
        match self.arguments.get(position) {
            Some(Argument::Other(text)) => text,
            _ => "",
        }
    }

    pub fn number(&self, position: usize) -> usize {
        let text = self.other(position);
        text.parse().unwrap_or_else(|_| panic!("no number in {self:?}"))
    }

    /// All texts as one, as `writev` writes them; only as much of them as the call took.
    pub fn data(&self) -> Vec<u8> {
        let texts = self.arguments.iter().filter_map(|argument| match argument {
            Argument::Text(bytes) => Some(bytes.as_slice()),
            Argument::Other(_) => None,
        });
        let mut data = texts.collect::<Vec<_>>().concat();
        data.truncate(usize::try_from(self.result).unwrap());
        data
    }

    /// Whether with it a request to the export API leaves.
    pub fn is_request(&self) -> bool {
        let sends = ["write", "writev", "sendto", "sendmsg"].contains(&self.name.as_str());
        let starts = [b"GET /v3".as_slice(), b"PUT /v3", b"POST /v3"];
        sends && starts.iter().any(|start| self.data().starts_with(start))
    }
}

/// Reads the log. Calls of several threads lie between each other; each counts when it was finished.
pub fn read(log: &str) -> Vec<Call> {
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, begun);
        } else if let Some((_, end)) = rest
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"))
        {
            let begun = unfinished.remove(thread).unwrap();
            calls.extend(call(&format!("{begun}{end}")));
        } else {
            calls.extend(call(rest));
        }
    }
    calls
}

/// `None` for what failed, and for signals and ends of threads.
fn call(text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") ")?;
    let result = result.trim_start().strip_prefix("= ")?;
    let result: i64 = result.split_whitespace().next()?.parse().ok()?;
    (result >= 0).then(|| Call {
        name: name.to_owned(),
        arguments: split(arguments),
        result,
    })
}

/// Texts are hexadecimal throughout, so that no comma or quote in them can be taken for one of strace.
fn split(arguments: &str) -> Vec<Argument> {
    let pieces = arguments.split([',', '[', ']', '{', '}']).map(str::trim);
    pieces.filter(|piece| !piece.is_empty()).map(argument).collect()
}

fn argument(piece: &str) -> Argument {
    let text = piece.strip_prefix("iov_base=").unwrap_or(piece);
    let Some(hex) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        assert!(!text.starts_with('"'), "strace cut a text short");
        return Argument::Other(piece.to_owned());
    };
    let bytes = hex
        .split("\\x")
        .skip(1)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap());
    Argument::Text(bytes.collect())
}

//! The machine we run on, each thing in one place: the clock, chance, the request to stop, waits that are told, how HTTP is
//! spoken and tried again, to which servers a credential may go, what programs get of our environment and the group they run
//! in, files that survive a power cut, locks, disks, whose a file is, digests, numbers with their noun, text from outside made
//! harmless, what others may read of the process, and the points at which tests kill it.

pub mod chance;
pub mod clock;
pub mod counted;
pub mod digest;
pub mod disk;
pub mod environment;
mod file_error;
pub mod files;
pub mod foreign_text;
pub mod http;
pub mod kill;
pub mod lock_file;
pub mod ownership;
pub mod privacy;
pub mod process_group;
pub mod retry;
pub mod server_url;
pub mod stop;
pub mod waiting;

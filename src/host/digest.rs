//! SHA-256, and how it is written.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// A digest in the making, for what comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The digest in 64 hexadecimal digits, in lower case.
    pub fn hex(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.bytes() {
            // Writing into a text never fails.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The digest itself.
    pub fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The SHA-256 of the bytes in 64 hexadecimal digits, in lower case.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    of(bytes).hex()
}

/// The digest of bytes that are all there.
pub fn of(bytes: impl AsRef<[u8]>) -> Hash {
    let mut hash = Hash::default();
    hash.update(bytes);
    hash
}

//! The key in a secret as Pleo writes it: the base64 behind `whsec_`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};

/// Base64, whether it is padded or not.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key of fewer bytes is none of Pleo's: the scheme has 24 to 64, and fewer could be guessed.
const SHORTEST: usize = 16;

/// The key in a secret; `None` where it is none.
pub(super) fn key(secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret().trim();
    let key = BASE64.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
    Some(key).filter(|key| key.len() >= SHORTEST)
}

/// Whether a secret is one by which deliveries can be checked.
pub fn is_usable(secret: &SecretString) -> bool {
    key(secret).is_some()
}

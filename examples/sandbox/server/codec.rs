//! Base32 for cursors and base64 for the basic credential: the same packing with another alphabet.

/// The alphabet of RFC 4648 base32, as cursors use it.
pub const BASE32: (&[u8], usize) = (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5);
/// The alphabet of RFC 4648 base64, as the basic credential uses it.
pub const BASE64: (&[u8], usize) = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    6,
);

/// Packs bytes into text, without padding.
pub fn encode(bytes: &[u8], (alphabet, width): (&[u8], usize)) -> String {
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    bits.chunks(width)
        .map(|chunk| {
            let value = chunk.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit));
            char::from(alphabet[value << (width - chunk.len())])
        })
        .collect()
}

/// Unpacks text into bytes; `None` for a character outside the alphabet. Padding is passed over.
pub fn decode(text: &str, (alphabet, width): (&[u8], usize)) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for character in text.trim_end_matches('=').bytes() {
        let value = alphabet.iter().position(|letter| *letter == character)?;
        bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    }
    let whole = bits.chunks_exact(8);
    Some(
        whole
            .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit)))
            .collect(),
    )
}

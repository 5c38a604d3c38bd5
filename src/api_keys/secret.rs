//! What a key looks like: `hsk_live_`, 30 random characters, and a checksum that tells a typo from a key before
//! anybody is asked.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

pub const PREFIX: &str = "hsk_live_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
/// How much of it is shown in lists: enough to tell one by, of 178 random bits.
const SHOWN: usize = PREFIX.len() + 4;

/// The text somebody calls with. It has no `Debug`: it belongs in no log.
#[derive(Clone, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// `None` where the randomness was not enough, which it is but once in 10^60.
    pub fn new(random: [u8; 64]) -> Option<Self> {
        // Bytes above the last whole 62 would make some characters likelier.
        let digits = random.iter().filter(|byte| **byte < 248).filter_map(|byte| DIGITS.get(usize::from(byte % 62)));
        let signed: String = PREFIX.chars().chain(digits.take(RANDOM).map(|digit| char::from(*digit))).collect();
        (signed.len() == PREFIX.len() + RANDOM).then(|| Secret(format!("{signed}{}", checksum(&signed))))
    }

    pub fn read(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let whole = random.len() == RANDOM + CHECKSUM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (signed, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
        (whole && checksum(signed) == sum).then(|| Secret(text.to_owned()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the database knows of it. It is random enough that no slow hash is needed.
    pub fn hash(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(&self.0))
    }

    pub fn prefix(&self) -> &str {
        self.0.get(..SHOWN).unwrap_or_default()
    }

    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

/// CRC-32 in base 62, with leading zeros.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// The CRC of zip, PNG and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> String {
        Secret::new(std::array::from_fn(|at| at as u8)).map(|secret| secret.0).unwrap_or_default()
    }

    #[test]
    fn the_checksum_is_the_one_everybody_computes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn a_key_is_read_back_and_nothing_near_it() {
        let text = secret();
        let signed = "hsk_live_0123456789ABCDEFGHIJKLMNOPQRST";
        assert_eq!(text, format!("{signed}{}", checksum(signed)));
        assert!(Secret::read(&text).is_some());
        for wrong in 0..text.len() {
            let other = |(at, c)| {
                if at != wrong {
                    c
                } else if c == 'x' {
                    'y'
                } else {
                    'x'
                }
            };
            assert!(Secret::read(&text.chars().enumerate().map(other).collect::<String>()).is_none(), "{wrong}");
        }
        let (upper, longer, other) = (text.to_uppercase(), format!("{text}0"), text.replace("live", "test"));
        for bad in
            ["", PREFIX, &upper, &longer, &other, signed, "hsk_live_ééé", "hsk_live_000000000000000000000000000000ééé"]
        {
            assert!(Secret::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn no_character_is_likelier_than_another() {
        assert!(Secret::new([255; 64]).is_none());
        assert!(Secret::new([247; 64]).is_some_and(|secret| secret.0.starts_with("hsk_live_zzzz")));
    }

    #[test]
    fn what_is_shown_is_the_beginning_and_the_end() {
        let secret = Secret(secret());
        assert_eq!((secret.prefix(), secret.last_four().len()), ("hsk_live_0123", 4));
        assert!(secret.text().ends_with(secret.last_four()));
    }
}

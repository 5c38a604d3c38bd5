//! What is kept so that whoever reads the database cannot: sealed with XChaCha20-Poly1305 under `SESSION_SECRET`.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::token::Keys;

const NONCE_BYTES: usize = 24;

impl Keys {
    /// `about` is what it belongs to: moved elsewhere it cannot be opened. The nonce is new for each.
    pub fn seal(&self, purpose: &str, about: &[&[u8]], nonce: [u8; NONCE_BYTES], open: &[u8]) -> Option<String> {
        let closed = self.cipher(purpose, about).encrypt(XNonce::from_slice(&nonce), open).ok()?;
        Some(Base64UrlUnpadded::encode_string(&[nonce.as_slice(), &closed].concat()))
    }

    /// `None` for what is not sealed, not by this secret, or belongs to something else.
    pub fn unseal(&self, purpose: &str, about: &[&[u8]], sealed: &str) -> Option<Vec<u8>> {
        let bytes = Base64UrlUnpadded::decode_vec(sealed).ok()?;
        let (nonce, closed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher(purpose, about).decrypt(XNonce::from_slice(nonce), closed).ok()
    }

    fn cipher(&self, purpose: &str, about: &[&[u8]]) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.digest(purpose, about).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(session: &str) -> Keys {
        Keys::new("kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA", None, session)
    }

    #[test]
    fn what_is_sealed_opens_only_where_it_belongs() {
        let ours = keys("G5tR8nK2vX6qZ1wM4bJ7yC3fP9hL0sDa");
        let sealed = ours.seal("thing", &[b"1"], [7; 24], b"a secret").unwrap_or_default();
        assert_eq!(ours.unseal("thing", &[b"1"], &sealed).as_deref(), Some(b"a secret".as_slice()));
        assert_eq!(ours.unseal("thing", &[b"2"], &sealed), None);
        assert_eq!(ours.unseal("other", &[b"1"], &sealed), None);
        assert_eq!(keys("zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG").unseal("thing", &[b"1"], &sealed), None);
        for bad in ["", "AAAA", "a secret", &sealed.to_lowercase()] {
            assert_eq!(ours.unseal("thing", &[b"1"], bad), None, "{bad}");
        }
    }
}

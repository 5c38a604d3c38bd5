//! Access tokens as an attacker would make them.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha512};

pub struct Jwt {
    pub header: Value,
    pub payload: Value,
}

impl Jwt {
    pub fn read(token: &str) -> Jwt {
        let part =
            |i| serde_json::from_slice(&Base64UrlUnpadded::decode_vec(token.split('.').nth(i).unwrap()).unwrap());
        Jwt { header: part(0).unwrap(), payload: part(1).unwrap() }
    }

    pub fn header(mut self, name: &str, value: Value) -> Jwt {
        self.header[name] = value;
        self
    }

    pub fn claim(mut self, name: &str, value: Value) -> Jwt {
        self.payload[name] = value;
        self
    }

    pub fn without_header(mut self, name: &str) -> Jwt {
        self.header.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn without_claim(mut self, name: &str) -> Jwt {
        self.payload.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn unsigned(&self) -> String {
        let part = |json: &Value| Base64UrlUnpadded::encode_string(json.to_string().as_bytes());
        format!("{}.{}", part(&self.header), part(&self.payload))
    }

    /// HS256, whatever the header says.
    pub fn signed(&self, secret: &str) -> String {
        self.with_mac(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap())
    }

    pub fn signed_hs512(&self, secret: &str) -> String {
        self.with_mac(Hmac::<Sha512>::new_from_slice(secret.as_bytes()).unwrap())
    }

    fn with_mac(&self, mut mac: impl Mac) -> String {
        let signed = self.unsigned();
        mac.update(signed.as_bytes());
        let signature = mac.finalize().into_bytes();
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature))
    }
}

mod calling;
mod limits;
mod listing;
mod making;
mod regenerating;

use crate::support::*;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key of the right form that nobody was given.
fn made_up(random: &str) -> String {
    let signed = format!("hsk_live_{random:0>30}");
    let mut crc = !0_u32;
    for byte in signed.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = !crc;
    let mut sum = Vec::new();
    for _ in 0..6 {
        sum.insert(0, char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
    signed + &sum.into_iter().collect::<String>()
}

fn create(who: &Person, name: &str) -> Call {
    who.post("/api-keys").json(json!({ "name": name }))
}

fn key_of(reply: &Reply) -> &str {
    reply.data()["key"].as_str().expect("a key")
}

/// The path of a key that was just made.
fn path_of(reply: &Reply) -> String {
    format!("/api-keys/{}", reply.data()["id"].as_str().expect("an id"))
}

fn regenerate(who: &Person, path: &str, overlap: i64) -> Call {
    who.post(&format!("{path}/regenerate")).json(json!({ "overlap_seconds": overlap }))
}

fn in_time(world: &World, seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(world.clock().now() + seconds * 1000).unwrap();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

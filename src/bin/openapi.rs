//! Prints the contract: `cargo run --bin openapi > openapi.json`.

fn main() {
    println!("{:#}", hivesync_api::openapi::document());
}

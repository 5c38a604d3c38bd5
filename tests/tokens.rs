use base64ct::{Base64UrlUnpadded, Encoding};

use crate::support::*;

const OTHER_SECRET: &str = "zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG";

fn token(person: &Person) -> &str {
    person.access_token.as_deref().unwrap()
}

fn jwt(person: &Person) -> Jwt {
    Jwt::read(token(person))
}

async fn refused(person: &Person, token: &str) {
    let reply = person.bearing(token).get("/auth/me").refused_with(401, "AUTH_INVALID").await;
    assert!(reply.header("www-authenticate").starts_with("Bearer"), "{reply:?}");
}

#[tokio::test]
async fn an_access_token_says_little_and_lives_15_minutes() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let Jwt { header, payload } = jwt(&ada);
    assert_eq!(header["alg"], "HS256");
    assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()), "{header}");
    assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 900);
    assert_eq!(payload["sub"], ada.id().to_string());
    assert_eq!(keys(&payload), ["exp", "iat", "sid", "sub", "tier", "type"]);
}

#[tokio::test]
async fn our_own_signature_is_made_like_this() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let forged = jwt(&ada).signed(JWT_SECRET);
    ada.bearing(&forged).get("/auth/me").await;
}

#[tokio::test]
async fn a_token_works_for_15_minutes_and_not_longer() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    world.clock().advance(Duration::from_secs(14 * 60 + 50));
    ada.get("/auth/me").await;
    world.clock().advance(Duration::from_secs(20));
    ada.get("/auth/me").refused_with(401, "AUTH_EXPIRED").await;
    ada.get("/projects").refused_with(401, "AUTH_EXPIRED").await;
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = jwt(&ada).header("alg", json!(alg)).unsigned();
        for token in [format!("{unsigned}."), unsigned.clone()] {
            refused(&ada, &token).await;
        }
        refused(&ada, &jwt(&ada).header("alg", json!(alg)).signed(JWT_SECRET)).await;
    }
    refused(&ada, &format!("{}.", jwt(&ada).unsigned())).await;
}

#[tokio::test]
async fn another_algorithm_is_refused_even_with_our_key() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    refused(&ada, &jwt(&ada).header("alg", json!("HS512")).signed_hs512(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).signed_hs512(JWT_SECRET)).await;
    for alg in ["HS512", "HS384", "RS256", "ES256", "EdDSA"] {
        refused(&ada, &jwt(&ada).header("alg", json!(alg)).signed(JWT_SECRET)).await;
    }
    refused(&ada, &jwt(&ada).without_header("alg").signed(JWT_SECRET)).await;
}

#[tokio::test]
async fn a_key_that_is_not_ours_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    refused(&ada, &jwt(&ada).signed(OTHER_SECRET)).await;
    refused(&ada, &jwt(&ada).signed("")).await;
    refused(&ada, &jwt(&ada).header("kid", json!("another")).signed(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).header("kid", json!("")).signed(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).header("kid", json!("../../dev/null")).signed("")).await;
    refused(&ada, &jwt(&ada).without_header("kid").signed(JWT_SECRET)).await;
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let signature = token(&ada).rsplit('.').next().unwrap().to_owned();
    let as_bob = jwt(&ada).claim("sub", json!(bob.id().to_string())).unsigned();
    refused(&ada, &format!("{as_bob}.{signature}")).await;
    let premium = jwt(&ada).claim("tier", json!("premium")).unsigned();
    refused(&ada, &format!("{premium}.{signature}")).await;

    let mut bytes = Base64UrlUnpadded::decode_vec(&signature).unwrap();
    for i in [0, 15, 31] {
        bytes[i] ^= 1;
        let flipped = Base64UrlUnpadded::encode_string(&bytes);
        bytes[i] ^= 1;
        refused(&ada, &format!("{}.{flipped}", jwt(&ada).unsigned())).await;
    }
    let short = Base64UrlUnpadded::encode_string(&bytes[..16]);
    refused(&ada, &format!("{}.{short}", jwt(&ada).unsigned())).await;
}

#[tokio::test]
async fn even_a_well_signed_token_must_say_what_ours_say() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    for claim in ["sub", "sid", "exp", "type"] {
        refused(&ada, &jwt(&ada).without_claim(claim).signed(JWT_SECRET)).await;
    }
    refused(&ada, &jwt(&ada).claim("type", json!("refresh")).signed(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).claim("sub", json!("1 OR 1=1")).signed(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).claim("sub", json!(bob.id().to_string())).signed(JWT_SECRET)).await;
    refused(&ada, &jwt(&ada).claim("sid", json!(bob.session())).signed(JWT_SECRET)).await;
    let nobody = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";
    refused(&ada, &jwt(&ada).claim("sid", json!(nobody)).signed(JWT_SECRET)).await;
    let long_ago = jwt(&ada).claim("exp", json!(1_700_000_000)).signed(JWT_SECRET);
    ada.bearing(&long_ago).get("/auth/me").refused_with(401, "AUTH_EXPIRED").await;
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for garbage in ["x", "a.b", "a.b.c", "a.b.c.d", "...", "e30.e30.e30", &"x".repeat(9000), &ada.refresh_token] {
        refused(&ada, garbage).await;
    }
    let anyone = world.anonymous();
    for header in ["", "Bearer", "Bearer ", "Basic YWRhOnB3", token(&ada)] {
        anyone.get("/auth/me").header("authorization", header).refused(401).await;
    }
    anyone.get(&format!("/auth/me?access_token={}", token(&ada))).refused_with(401, "UNAUTHORIZED").await;
    anyone.get("/auth/me").refused_with(401, "UNAUTHORIZED").await;
    anyone.get("/auth/me").header("authorization", format!("bearer {}", token(&ada))).await;
}

#[tokio::test]
async fn after_a_key_rotation_the_previous_key_still_reads() {
    let (old, new) = (("JWT_SECRET", OTHER_SECRET), ("JWT_SECRET", JWT_SECRET));
    let rotated = [new, ("JWT_PREVIOUS_SECRET", OTHER_SECRET)];
    let world = World::set_up().isolates(&[&[old], &rotated, &[new]]).open().await;
    let mut ada = world.sign_up("ada").await;
    let old_kid = jwt(&ada).header["kid"].clone();
    ada.through(1).get("/auth/me").await;
    ada.through(2).get("/auth/me").refused_with(401, "AUTH_INVALID").await;

    ada = ada.through(1);
    ada.refresh().await;
    assert_ne!(jwt(&ada).header["kid"], old_kid);
    ada.through(1).get("/auth/me").await;
    ada.through(2).get("/auth/me").await;
    ada.through(0).get("/auth/me").refused_with(401, "AUTH_INVALID").await;
}

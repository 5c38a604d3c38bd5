//! The pages as people meet them, in a browser: from the login link to the paid plan, and the operators' desk.

use std::process::Command;

use crate::support::*;

/// Walks through it with Chromium; the pictures it takes stay in `target/screenshots`.
#[tokio::test]
async fn somebody_at_their_limit_upgrades_in_the_browser() {
    let shop = Shop::with(World::set_up().assets().without("LIMIT_PROJECTS_FREE")).await;
    let ada = shop.world.sign_up("ada").await;
    for name in ["One", "Two", "Three"] {
        ada.project(name).await;
    }
    ada.post("/projects").json(json!({ "name": "Four" })).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    let (used, token) = ada.login_link().await;
    ada.post("/auth/session-exchange").json(json!({ "token": token })).await;
    let (link, _) = ada.login_link().await;
    let screenshots = pictures();
    let options = json!({
        "site": shop.world.url(0), "login": link, "usedLogin": used, "screenshots": screenshots,
    });
    walk("upgrade.mjs", options).await;
    assert!(std::fs::read_dir(screenshots).unwrap().count() >= 10);
    assert_eq!(ada.me().await["tier"], "pro");
}

#[tokio::test]
async fn operators_look_around_and_switch_in_the_browser() {
    let world = World::set_up().assets().open().await;
    let (root, ada) = (world.operator("root").await, world.sign_up("ada").await);
    for _ in 0..3 {
        ada.try_password("not this one").refused(401).await;
    }
    for i in 0..30 {
        ada.project(&format!("Project {i}")).await;
    }
    ada.post("/support/question").json(json!({ "question": "Zyx wvut tsrq ponm?" })).await;
    world.drain().await;
    let options = json!({
        "site": world.url(0), "operator": root.email, "user": ada.email, "password": PASSWORD,
        "screenshots": pictures(),
    });
    walk("admin.mjs", options).await;
    let looks = "SELECT count(*) FROM events WHERE kind = 'admin.viewed' AND actor_id <> ?1";
    assert_eq!(world.one(looks, &[json!(root.id())]).await, 0, "nobody else saw anything");
    let left = "SELECT count(*) FROM sessions WHERE user_id = ?1 AND revoked_at IS NULL AND refresh_hash <> ''";
    assert_eq!(world.one(left, &[json!(root.id())]).await, 1, "the page's own logins ended, but for the test's");
}

/// What they saw.
fn pictures() -> std::path::PathBuf {
    root().join("target/screenshots")
}

/// Takes a script's steps with Chromium.
async fn walk(script: &'static str, options: Value) {
    let walk = tokio::task::spawn_blocking(move || {
        let mut node = Command::new(node());
        node.arg(format!("tests/browser/{script}")).arg(options.to_string()).current_dir(root()).output()
    });
    let walked = walk.await.unwrap().expect("Node starts");
    let said = String::from_utf8_lossy(&walked.stdout) + String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{said}");
}

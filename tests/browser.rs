//! The upgrade flow as people meet it: in a browser, from the link to the paid plan.

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
    let screenshots = root().join("target/screenshots");
    let options = json!({
        "site": shop.world.url(0), "login": link, "usedLogin": used, "screenshots": screenshots,
    });
    let walk = tokio::task::spawn_blocking(move || {
        let mut node = Command::new(node());
        node.arg("tests/browser/upgrade.mjs").arg(options.to_string()).current_dir(root()).output()
    });
    let walked = walk.await.unwrap().expect("Node starts");
    let said = String::from_utf8_lossy(&walked.stdout) + String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{said}");
    assert!(std::fs::read_dir(screenshots).unwrap().count() >= 10, "{said}");
    assert_eq!(ada.me().await["tier"], "pro");
}

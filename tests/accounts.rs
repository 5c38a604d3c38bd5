use crate::support::*;

#[tokio::test]
async fn whoever_registers_can_log_in_and_is_themselves() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let me = ada.get("/auth/me").await;
    assert_eq!(me.data()["email"], "ada@example.com");
    assert_eq!(me.data()["id"], ada.id());
}

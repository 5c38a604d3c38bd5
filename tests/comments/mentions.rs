use super::*;

fn mentioned(comment: &Value) -> Vec<&str> {
    pluck(comment["mentions"].as_array().unwrap(), "username")
}

#[tokio::test]
async fn a_comment_mentions_those_of_the_team_it_names() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    world.sign_up("eve").await;
    world.sql("UPDATE users SET username = 'eve' WHERE email = 'eve@example.com'", &[]).await;
    let body = "@BOB, ask (@cyd) and @bob again; @eve and @nobody are not here, bob@cyd.example is an address";
    let comment = say(&ada, &project, json!({ "body": body })).await;
    assert_eq!(mentioned(&comment), ["bob", "cyd"]);
    let person = json!({ "id": bob.id(), "username": "bob", "display_name": "bob", "avatar_url": null });
    assert_eq!(comment["mentions"][0], person);
    assert_eq!(list(&cyd, &project, "").await, [comment]);
    assert_eq!(mentioned(&say(&ada, &project, json!({ "body": "me: @ada" })).await), ["ada"]);
}

#[tokio::test]
async fn an_edit_mentions_anew() {
    let world = World::new().await;
    let (project, [ada, ..]) = team(&world, ["ada", "bob", "cyd"]).await;
    let comment = say(&ada, &project, json!({ "body": "@bob" })).await;
    for (body, expected) in [("@bob @cyd", vec!["bob", "cyd"]), ("@cyd", vec!["cyd"]), ("nobody", vec![])] {
        let edited = ada.patch(&path_of(&comment)).json(json!({ "body": body })).await;
        assert_eq!(mentioned(edited.data()), expected);
        assert_eq!(list(&ada, &project, "").await, [edited.data().clone()]);
    }
    assert_eq!(world.one("SELECT count(*) FROM comment_mentions", &[]).await, 0);
}

#[tokio::test]
async fn a_text_of_nothing_but_at_signs_is_a_text() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    for body in ["@".repeat(10_000), "@ada".repeat(2_500), "@ada ".repeat(2_000)] {
        let comment = say(&ada, &project, json!({ "body": body })).await;
        assert!(mentioned(&comment).len() <= 1);
    }
}

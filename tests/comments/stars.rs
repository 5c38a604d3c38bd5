use super::*;

#[tokio::test]
async fn a_star_is_ones_own_and_starring_twice_changes_nothing() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let comment = say(&ada, &project, json!({ "body": "Good." })).await;
    let star = format!("{}/star", path_of(&comment));
    for _ in 0..2 {
        let starred = ada.post(&star).status(200).await;
        let mut expected = comment.clone();
        (expected["is_starred"], expected["star_count"]) = (json!(true), json!(1));
        assert_eq!(*starred.data(), expected, "a star is no change");
    }
    assert_eq!(bob.post(&star).await.data()["star_count"], 2);
    assert_eq!(list(&bob, &project, "starred=true").await.len(), 1);
    for _ in 0..2 {
        ada.delete(&star).status(204).await;
    }
    let (seen_by_ada, seen_by_bob) = (list(&ada, &project, "").await, list(&bob, &project, "").await);
    assert_eq!((&seen_by_ada[0]["is_starred"], &seen_by_ada[0]["star_count"]), (&json!(false), &json!(1)));
    assert_eq!((&seen_by_bob[0]["is_starred"], &seen_by_bob[0]["star_count"]), (&json!(true), &json!(1)));
    assert_eq!(list(&ada, &project, "starred=true").await.len(), 0);
}

#[tokio::test]
async fn starring_many_times_at_once_is_one_star() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let comment = say(&ada, &project, json!({ "body": "Good." })).await;
    let star = format!("{}/star", path_of(&comment));
    join_all((0..6).map(|_| ada.post(&star).status(200))).await;
    assert_eq!(list(&ada, &project, "").await[0]["star_count"], 1);
    ada.delete(&path_of(&comment)).status(204).await;
    ada.post(&star).refused_with(404, "COMMENT_NOT_FOUND").await;
    ada.delete(&star).refused_with(404, "COMMENT_NOT_FOUND").await;
    assert_eq!(world.one("SELECT count(*) FROM comment_stars", &[]).await, 0);
}

use super::*;

async fn snippet_of(world: &World, ada: &Person, project: &str, number: u32, body: &str, q: &str) -> String {
    world.add_comments(project, number, ada, &[body]).await;
    let found = ada.search("comments", q).await;
    let item = found.items().iter().find(|item| item["id"] == id(number)).expect("the comment");
    item["snippet"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_snippet_marks_the_matches_and_escapes_all_else() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Snippets").await;
    for (number, (body, q, expected)) in [
        ("We launch, LAUNCH!", "launch", "We <mark>launch</mark>, <mark>LAUNCH</mark>!"),
        (
            "<script>alert('x')</script> & \"launch1\"",
            "launch1",
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;<mark>launch1</mark>&quot;",
        ),
        ("<mark>mine</mark>", "mine", "&lt;mark&gt;<mark>mine</mark>&lt;/mark&gt;"),
        ("a </mark><b>", "</mark><b>", "a <mark>&lt;/mark&gt;&lt;b&gt;</mark>"),
        ("Le Café", "cafe", "Le <mark>Café</mark>"),
        ("新しい計画です", "計画", "新しい<mark>計画</mark>です"),
        ("launch2 it in spring", "it launch2", "<mark>launch2</mark> <mark>it</mark> in spring"),
        ("Straße", "strasse", "<mark>Straße</mark>"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(snippet_of(&world, &ada, &project, number as u32, body, q).await, expected, "{q} in {body}");
    }
}

#[tokio::test]
async fn a_snippet_of_a_long_text_is_the_part_around_the_first_match() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Snippets").await;
    let body = format!("{}needle {}", "hay ".repeat(1000), "hay ".repeat(1000));
    let snippet = snippet_of(&world, &ada, &project, 1, &body, "needle").await;
    assert!(snippet.starts_with("…hay ") && snippet.ends_with(" hay…") && snippet.len() < 300, "{snippet}");
    assert!(snippet.contains(" <mark>needle</mark> "), "{snippet}");
    let snippet = snippet_of(&world, &ada, &project, 2, &"計画".repeat(2000), "計画計").await;
    assert!(snippet.starts_with("<mark>計画") && snippet.ends_with("</mark>…"), "{snippet}");
}

#[tokio::test]
async fn a_tasks_snippet_is_its_title_or_what_the_title_has_not() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Snippets").await;
    let tasks = [("Launch <1>", "the launch"), ("Plan", "Launch <2>"), ("Launch 3", "in spring")];
    world.add_tasks(&project, 1, &tasks).await;
    let found = ada.search("tasks", "launch").await;
    let mut snippets = pluck(found.items(), "snippet");
    snippets.sort_unstable();
    assert_eq!(snippets, ["<mark>Launch</mark> &lt;1&gt;", "<mark>Launch</mark> &lt;2&gt;", "<mark>Launch</mark> 3"]);
    let both = ada.search("tasks", "launch spring").await;
    assert_eq!(pluck(both.items(), "snippet"), ["in <mark>spring</mark>"]);
    let short = ada.search("tasks", "in la").await;
    assert_eq!(pluck(short.items(), "snippet"), ["<mark>in</mark> spr<mark>in</mark>g"]);
}

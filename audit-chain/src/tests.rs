use super::*;

fn event() -> Event {
    Event {
        id: "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77".into(),
        kind: "task.updated".into(),
        actor_id: Some(7),
        project_id: None,
        entity_id: "9".into(),
        data: r#"{"assignee_id":{"from":null,"to":8},"mentions":[7],"size":5}"#.into(),
        created_at: "2026-03-01T09:30:00.000Z".into(),
    }
}

fn openings(persons: &[i64]) -> Openings {
    persons.iter().map(|person| (*person, Some(opening(&format!("salt of {person}"), &event().id)))).collect()
}

#[test]
fn nothing_chained_tells_whom_it_is_about() {
    assert_eq!(event().persons(), [7, 8, 9]);
    let entry = event().entry(true, &openings(&[7, 8, 9]), &[0; 32]);
    assert_eq!((entry.actor.as_ref().map(String::len), entry.entity.len()), (Some(64), 71));
    assert_eq!(entry.data.split(' ').map(str::len).collect::<Vec<_>>(), [64; 4]);
    assert_eq!(event().entry(false, &openings(&[7, 8, 9]), &[0; 32]).entity, "9");
    let other = Event { id: "another".into(), ..event() };
    let others = [7, 8, 9].map(|person| (person, Some(opening(&format!("salt of {person}"), "another")))).into();
    assert_ne!(other.entry(true, &others, &[0; 32]).actor, entry.actor);
}

#[test]
fn what_was_changed_does_not_fit_and_what_is_erased_fits_as_far_as_can_be_told() {
    let all = openings(&[7, 8, 9]);
    let entry = event().entry(true, &all, &[0; 32]);
    assert_eq!(event().fits(&entry, &all), Fit::Whole);
    for erased in [7, 8, 9] {
        let mut some = all.clone();
        some.insert(erased, None);
        assert_eq!(event().fits(&entry, &some), Fit::Erased);
        some.remove(&erased);
        assert_eq!(event().fits(&entry, &some), Fit::Changed, "nobody says that {erased} is erased");
    }
    for changed in [
        Event { actor_id: Some(8), ..event() },
        Event { actor_id: None, ..event() },
        Event { entity_id: "8".into(), ..event() },
        Event { entity_id: entry.entity.clone(), ..event() },
        Event { data: event().data.replace('5', "6"), ..event() },
        Event { data: event().data.replace('8', "9"), ..event() },
        Event { data: "{}".into(), ..event() },
    ] {
        assert_eq!(changed.fits(&entry, &all), Fit::Changed, "{changed:?}");
    }
}

#[test]
fn of_the_erased_only_who_they_are_is_forgotten() {
    let mut openings = openings(&[7, 8, 9]);
    let entry = event().entry(true, &openings, &[0; 32]);
    openings.insert(8, None);
    for (from, to) in [("5", "6"), ("[7]", "[9]"), ("\"to\"", "\"of\""), ("8", "null"), ("8", "7"), ("}", " }")] {
        let data = event().data.replace(from, to);
        assert_eq!(Event { data, ..event() }.fits(&entry, &openings), Fit::Changed, "{from} is {to}");
    }
    let twice = event().data.replace("\"size\":5", "\"size\":6,\"size\":5");
    assert_eq!(Event { data: twice, ..event() }.fits(&entry, &openings), Fit::Changed);
}

#[test]
fn a_number_that_is_nobodys_is_chained_as_it_is() {
    let known = openings(&[7, 9]);
    let entry = event().entry(true, &known, &[1; 32]);
    assert_eq!(event().fits(&entry, &known), Fit::Whole);
    assert_eq!(event().fits(&entry, &openings(&[7, 8, 9])), Fit::Whole, "who is somebody only later");
    for changed in [
        Event { actor_id: Some(999_999), ..event() },
        Event { entity_id: "999999".into(), ..event() },
        Event { data: event().data.replace('8', "999999"), ..event() },
    ] {
        assert_eq!(changed.fits(&entry, &known), Fit::Changed, "{changed:?}");
    }
}

/// Whoever makes it otherwise cannot check what was made before.
#[test]
fn the_format_is_what_it_was() {
    let entry = event().entry(true, &openings(&[7, 8, 9]), &[0; 32]);
    assert_eq!(link(START, 1, &entry), "16f2d04db7f56c6bda51a77223b2a3c70a65dbf0966406d5f6c1ebf005a408a9");
}

#[test]
fn every_part_is_in_the_hash() {
    let entry = event().entry(true, &openings(&[7, 8, 9]), &[0; 32]);
    let hash = link(START, 1, &entry);
    assert_eq!((hash.as_str(), hash.len()), (link(START, 1, &entry.clone()).as_str(), 64));
    let x = || "x".to_owned();
    for other in [
        Entry { event_id: x(), ..entry.clone() },
        Entry { kind: x(), ..entry.clone() },
        Entry { project_id: Some(String::new()), ..entry.clone() },
        Entry { created_at: x(), ..entry.clone() },
        Entry { actor: None, ..entry.clone() },
        Entry { entity: x(), ..entry.clone() },
        Entry { data: x(), ..entry.clone() },
    ] {
        assert_ne!(link(START, 1, &other), hash, "{other:?}");
    }
    assert_ne!(link(START, 2, &entry), hash);
    assert_ne!(link(&hash, 1, &entry), hash);
}

#[test]
fn only_of_the_last_minute_may_an_event_be_without_a_link() {
    let mut export = Export::default();
    for id in ["0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "0198c5f3-67a0-7c41-9b52-1f0e6a2d9c77", "none"] {
        let event = serde_json::to_value(Event { id: id.into(), ..event() }).unwrap_or_default();
        assert_eq!(export.line(&event.to_string()), Ok(()));
    }
    let verdict = export.end(true, &[]);
    assert_eq!((verdict.events, verdict.unlinked, verdict.young), (3, 1 + 1, 1));
}

//! Templates: projects to start from.

mod catalog;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Project;
use super::tags::Tag;
use crate::app::{By, Change};
use crate::db::{Id, Patch, Text, Time};
use crate::error::{Code, Result};
use crate::limits::Quota;
use crate::sql;

pub use catalog::CATALOG;

/// What a project can start from.
#[derive(Serialize, JsonSchema)]
pub struct Template {
    #[schemars(example = &"software-release")]
    pub id: &'static str,
    #[schemars(example = &"Software release")]
    pub name: &'static str,
    #[schemars(example = &"From the first issue to the announcement.")]
    pub description: &'static str,
    pub tags: &'static [TemplateMark],
    pub labels: &'static [TemplateMark],
    /// In the order they are meant to be done.
    pub tasks: &'static [TemplateTask],
}

/// A tag or a label.
#[derive(Serialize, JsonSchema)]
pub struct TemplateMark {
    #[schemars(example = &"release")]
    pub name: &'static str,
    #[schemars(example = &"#0ea5e9")]
    pub color: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub struct TemplateTask {
    #[schemars(example = &"Write the release notes")]
    pub title: &'static str,
    #[schemars(example = &"What changes for users, in their words.")]
    pub description: &'static str,
    /// Names of the template's labels.
    pub labels: &'static [&'static str],
}

#[derive(Deserialize, JsonSchema)]
pub struct FromTemplate {
    #[schemars(example = &"software-release")]
    template_id: Text<1, 64>,
    /// The template's, if absent.
    name: Option<Text<1, 160>>,
    /// The template's, if absent; none, if `null`.
    #[serde(default)]
    description: Patch<Text<0, 4000>>,
}

impl FromTemplate {
    /// `id` makes one of the time it gets.
    pub fn create(self, owner: i64, quota: Quota, by: &By, id: impl Fn(Time) -> Result<Id>) -> Result<Change<Project>> {
        let wanted = self.template_id.as_ref();
        let template = CATALOG.iter().find(|template| template.id == wanted).ok_or(Code::TemplateNotFound)?;
        let name = self.name.as_ref().map_or(template.name, Text::as_ref).to_owned();
        let description = match &self.description {
            Patch::Keep => Some(template.description.to_owned()),
            Patch::Clear => None,
            Patch::Set(text) => Some(text.to_string()),
        };
        let tags = template.tags(by.at, &id)?;
        let (labels, tasks, links) = template.board(by.at, &id)?;
        let project = Project { tags, ..Project::new(id(by.at)?, owner, name, description, by.at) };
        let (project_id, tags) = (project.id.clone(), json!(project.tags));
        Ok(project
            .create(json!({ "template": template.id }), quota, by)
            .run(sql!(
                "INSERT INTO project_tags (id, project_id, name, color, created_at)
                 SELECT value ->> 'id', ?1, value ->> 'name', value ->> 'color', value ->> 'created_at' FROM json_each(?2)",
                project_id,
                tags,
            ))
            .run(sql!(
                "INSERT INTO task_labels (id, project_id, name, color, created_at)
                 SELECT value ->> 'id', ?1, value ->> 'name', value ->> 'color', ?3 FROM json_each(?2)",
                project_id,
                labels,
                by.at,
            ))
            .run(sql!(
                "INSERT INTO tasks (id, project_id, title, description, created_by, created_at, updated_at)
                 SELECT value ->> 'id', ?1, value ->> 'title', value ->> 'description', ?3, value ->> 'at', value ->> 'at'
                 FROM json_each(?2)",
                project_id,
                tasks,
                owner,
            ))
            .run(sql!(
                "INSERT INTO task_label_links (task_id, label_id)
                 SELECT value ->> 'task', value ->> 'label' FROM json_each(?1)",
                links,
            )))
    }
}

impl Template {
    /// As a project shows them: by name.
    fn tags(&self, at: Time, id: impl Fn(Time) -> Result<Id>) -> Result<Vec<Tag>> {
        let tag = |mark: &TemplateMark| {
            let (name, color) = (mark.name.to_owned(), Some(mark.color.to_owned()));
            Ok(Tag { id: id(at)?, name, color, created_at: at })
        };
        let mut tags = self.tags.iter().map(tag).collect::<Result<Vec<Tag>>>()?;
        tags.sort_by_key(|tag| tag.name.to_lowercase());
        Ok(tags)
    }

    /// Rows of labels, of tasks, and of which stands on which.
    fn board(&self, at: Time, id: impl Fn(Time) -> Result<Id>) -> Result<(Value, Value, Value)> {
        let (mut labels, mut tasks, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for mark in self.labels {
            labels.push((mark, id(at)?));
        }
        // Each a moment before the last: what shows the newest first begins with the first.
        for (earlier, task) in (0..).zip(self.tasks) {
            let at = at.plus(-earlier);
            let task_id = id(at)?;
            let on = labels.iter().filter(|(mark, _)| task.labels.contains(&mark.name));
            links.extend(on.map(|(_, label)| json!({ "task": task_id, "label": label })));
            tasks.push(json!({ "id": task_id, "title": task.title, "description": task.description, "at": at }));
        }
        let label = |(mark, id): &(&TemplateMark, Id)| json!({ "id": id, "name": mark.name, "color": mark.color });
        Ok((labels.iter().map(label).collect(), tasks.into(), links.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What a template holds must be what the API would take.
    fn fits<T: for<'de> Deserialize<'de>>(text: &str) -> bool {
        serde_json::from_value::<T>(text.into()).is_ok()
    }

    #[test]
    fn every_template_holds_what_could_be_typed() {
        let ids: HashSet<&str> = CATALOG.iter().map(|template| template.id).collect();
        assert_eq!(ids.len(), CATALOG.len());
        for template in &CATALOG {
            assert!(fits::<Text<1, 64>>(template.id) && fits::<Text<1, 160>>(template.name));
            assert!(fits::<Text<1, 4000>>(template.description) && !template.tasks.is_empty());
            for marks in [template.tags, template.labels] {
                let names: HashSet<String> = marks.iter().map(|mark| mark.name.to_lowercase()).collect();
                assert_eq!(names.len(), marks.len(), "{}", template.id);
                assert!(marks.iter().all(|mark| fits::<Text<1, 50>>(mark.name)));
                assert!(marks.iter().all(|mark| fits::<crate::db::Color>(mark.color)));
            }
            for task in template.tasks {
                assert!(fits::<Text<1, 200>>(task.title) && fits::<Text<1, 4000>>(task.description), "{}", task.title);
                let known = |name: &&str| template.labels.iter().any(|label| label.name == *name);
                assert!(task.labels.iter().all(known), "{}", task.title);
            }
        }
    }
}

use super::{Template, TemplateMark, TemplateTask};

const fn mark(name: &'static str, color: &'static str) -> TemplateMark {
    TemplateMark { name, color }
}

const fn task(title: &'static str, description: &'static str, labels: &'static [&'static str]) -> TemplateTask {
    TemplateTask { title, description, labels }
}

const RED: &str = "#ef4444";
const AMBER: &str = "#f59e0b";
const GREEN: &str = "#22c55e";
const BLUE: &str = "#0ea5e9";
const VIOLET: &str = "#8b5cf6";
const GRAY: &str = "#64748b";

pub const CATALOG: [Template; 5] = [
    Template {
        id: "software-release",
        name: "Software release",
        description: "From the frozen scope to the announcement, and back if need be.",
        tags: &[mark("release", BLUE), mark("engineering", VIOLET)],
        labels: &[mark("blocker", RED), mark("code", BLUE), mark("quality", GREEN), mark("communication", AMBER)],
        tasks: &[
            task(
                "Freeze the scope",
                "List what goes into this release, and move everything else to the next.",
                &["code"],
            ),
            task("Cut the release branch", "Tag the commit the release candidate is built from.", &["code"]),
            task(
                "Run the full test suite",
                "On every platform that is supported. A failure is a blocker.",
                &["quality"],
            ),
            task("Test the upgrade", "From the last two versions, with a copy of real data.", &["quality", "blocker"]),
            task(
                "Write the release notes",
                "What changes for users, in their words. Breaking changes first.",
                &["communication"],
            ),
            task("Rehearse the rollback", "Who decides, how long it takes, what happens to new data.", &["quality"]),
            task("Deploy to production", "Watch errors and response times for an hour.", &["code", "blocker"]),
            task("Announce the release", "Changelog, mail, status page.", &["communication"]),
            task("Look back", "What went well, what to change before the next one.", &[]),
        ],
    },
    Template {
        id: "bug-tracker",
        name: "Bug tracker",
        description: "Reports come in, get sorted, reproduced, fixed and verified.",
        tags: &[mark("engineering", VIOLET), mark("support", AMBER)],
        labels: &[
            mark("critical", RED),
            mark("major", AMBER),
            mark("minor", GRAY),
            mark("needs reproduction", BLUE),
            mark("regression", VIOLET),
        ],
        tasks: &[
            task(
                "Example: the app crashes when a file is empty",
                "Steps to reproduce, what was expected, what happened instead, version and platform.",
                &["major", "needs reproduction"],
            ),
            task(
                "Agree on severities",
                "Critical: data loss or nobody can work. Major: no way around it. Minor: the rest.",
                &[],
            ),
            task(
                "Decide who sorts new reports",
                "A name for each week; every report gets a severity within a working day.",
                &[],
            ),
            task("Write the report template", "What to ask for, so that nobody has to ask twice.", &[]),
            task("Verify fixes before closing", "Whoever reported it, or someone who did not fix it.", &[]),
        ],
    },
    Template {
        id: "content-calendar",
        name: "Content calendar",
        description: "What is published when, where and by whom.",
        tags: &[mark("marketing", AMBER), mark("editorial", GREEN)],
        labels: &[
            mark("idea", GRAY),
            mark("article", BLUE),
            mark("newsletter", VIOLET),
            mark("social", AMBER),
            mark("video", RED),
        ],
        tasks: &[
            task("Collect ideas for the month", "Questions customers ask are a good start.", &["idea"]),
            task("Choose topics and dates", "Give each piece a due date: the day it is published.", &[]),
            task("Write the first article", "Outline, draft, review, pictures.", &["article"]),
            task("Cut the article into posts", "One thought a post, with a link back.", &["social"]),
            task("Assemble the newsletter", "Three items are enough.", &["newsletter"]),
            task("Record the video", "Script first; two minutes at most.", &["video"]),
            task("Read the numbers", "What was read, what was shared, what to do more of.", &[]),
        ],
    },
    Template {
        id: "onboarding",
        name: "Onboarding",
        description: "The first month of someone new: from the laptop to the first own project.",
        tags: &[mark("people", GREEN)],
        labels: &[
            mark("before day one", VIOLET),
            mark("first day", RED),
            mark("first week", AMBER),
            mark("first month", BLUE),
        ],
        tasks: &[
            task("Order equipment", "Laptop, screen, badge; ready a week ahead.", &["before day one"]),
            task(
                "Create accounts",
                "Mail, calendar, chat, code, this tool. Only what the work needs.",
                &["before day one"],
            ),
            task("Name a buddy", "Someone of the team who has time to be asked anything.", &["before day one"]),
            task("Welcome and a tour", "Who is who, where things are, how decisions are made.", &["first day"]),
            task("Set up the workplace", "Follow the guide, and mend it where it is wrong.", &["first day"]),
            task("Meet the team one by one", "Half an hour each.", &["first week"]),
            task("Finish a first small task", "From start to release, to see every step once.", &["first week"]),
            task("Agree on goals", "What is expected after three months, in writing.", &["first month"]),
            task("Talk about the first month", "What was good, what was missing, what surprised.", &["first month"]),
        ],
    },
    Template {
        id: "personal-kanban",
        name: "Personal kanban",
        description: "Everything on one board, and little of it at once.",
        tags: &[mark("personal", BLUE)],
        labels: &[mark("today", RED), mark("this week", AMBER), mark("someday", GRAY), mark("waiting for", VIOLET)],
        tasks: &[
            task("Write down everything on your mind", "A task each. Sorting comes later.", &["today"]),
            task("Choose three things for today", "Label them, and leave the rest alone.", &["today"]),
            task("Have at most two in progress", "Finish one before the next is started.", &["this week"]),
            task("Look through the board on Friday", "Delete what does not matter any more.", &["this week"]),
        ],
    },
];

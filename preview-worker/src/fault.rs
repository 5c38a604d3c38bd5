//! Why a job gave no preview.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The page, or all of the job, took longer than it may.
    Timeout,
    /// More memory than a job may have.
    Memory,
    /// The page's process died.
    Crashed,
    /// The browser is gone.
    Closed,
    /// The browser says no.
    Refused(String),
    /// The browser does not start.
    Browser(String),
    /// A picture that is too large even with few pixels.
    TooLarge,
    /// The project has no page to show.
    Unsupported,
    /// A file of the project did not come as it was said to be.
    Files(String),
    /// A picture or the layout could not be handed in.
    Upload(String),
    /// The worker ends before the job does.
    Stopped,
}

impl Fault {
    /// As the API knows it. `timeout` is what it tries once more.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Timeout | Fault::Stopped => "timeout",
            Fault::Memory => "memory",
            Fault::Crashed => "crashed",
            Fault::Closed | Fault::Refused(_) | Fault::Browser(_) => "browser_failed",
            Fault::TooLarge => "picture_too_large",
            Fault::Unsupported => "unsupported",
            Fault::Files(_) => "files_unavailable",
            Fault::Upload(_) => "upload_failed",
        }
    }

    /// For whoever asked for the preview: nothing of how this machine is made.
    pub fn message(&self) -> &'static str {
        match self {
            Fault::Timeout => "The page took too long to load or to draw.",
            Fault::Memory => "The page needs more memory than a preview may have.",
            Fault::Crashed => "The page crashed.",
            Fault::Closed | Fault::Refused(_) | Fault::Browser(_) => "The browser failed.",
            Fault::TooLarge => "The page makes a larger picture than a preview may have.",
            Fault::Unsupported => "There is no HTML or Markdown file to show.",
            Fault::Files(_) => "The files of the project could not be read.",
            Fault::Upload(_) => "The pictures could not be stored.",
            Fault::Stopped => "The worker was stopped.",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(why) | Fault::Browser(why) | Fault::Files(why) | Fault::Upload(why) => f.write_str(why),
            other => f.write_str(other.message()),
        }
    }
}

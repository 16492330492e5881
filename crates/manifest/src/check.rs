//! The check of a deployment before it goes out: can a picture leave, can a count get lost?
//!
//! Documents are merged as IoT Hub merges a fleet's deployments ([`layers`]), then each rule looks
//! at the whole. All that is wrong is told in one run, each with its file, its path, what stands
//! there and the cure. `docs/manifests.md` has a section for each [`Rule`].
//!
//! A rule that cannot decide refuses. What is checked is the document: whether a module of somebody
//! else opens a connection of its own is beyond it.

mod hub;
mod images;
mod layers;
mod modules;
mod privacy;
mod routing;
mod rule;
mod secrets;
mod spelling;
mod store;
mod volumes;

use std::fmt;

use serde_json::Value;

use crate::error::ManifestError;
use crate::manifest::{self, Form};
use crate::reader::At;
use crate::unique;
use crate::variables;
use layers::Merged;
pub use rule::{Rule, Severity};

/// What the deployment must hold to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The name of the counting module in the deployment.
    pub module: String,
    /// How long, at least, a picture must wait for the module, in seconds.
    pub pictures_secs: u32,
    /// How long, at least, a report must wait for the cloud, in seconds.
    pub counts_secs: u32,
}

impl Default for Terms {
    /// `FruitCounter`, 2 hours for pictures, 30 days for counts.
    fn default() -> Self {
        Self {
            module: "FruitCounter".to_owned(),
            pictures_secs: 2 * 60 * 60,
            counts_secs: 30 * 24 * 60 * 60,
        }
    }
}

/// A template or a manifest that is to be checked.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    form: Form,
    value: Value,
}

impl Document {
    /// Read `text`, called `name` in findings.
    ///
    /// It is a template if it has `$schema-template`. Of that, `variables` are put in only where
    /// JSON needs them (`"timeToLiveSecs": $SECONDS`); what stands in a string is judged as it is
    /// written.
    ///
    /// # Errors
    /// [`ManifestError`] if it is not JSON, names a member twice, or has no `modulesContent`. It does not
    /// repeat `name`.
    pub fn parse(
        name: &str,
        text: &str,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ManifestError> {
        // Windows tools put a mark before UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let bare = variables::expand_bare(text, variables);
        let broken = |source| ManifestError::Json {
            what: "document".to_owned(),
            hint: "",
            source,
        };
        unique::check(&bare).map_err(broken)?;
        let value: Value = serde_json::from_str(&bare).map_err(broken)?;
        let content = manifest::content(&value)?;
        content.object()?;
        if value.get("content").is_some() && value.get("modulesContent").is_some() {
            // One tool reads this one, another the other.
            return Err(content.refused("either modulesContent or content, not both"));
        }
        let is_template = value.get("$schema-template").is_some();
        Ok(Self {
            name: name.to_owned(),
            form: if is_template {
                Form::Template
            } else {
                Form::Manifest
            },
            value,
        })
    }

    /// Its `modulesContent`, with the path to it.
    fn content(&self) -> Result<At<'_>, ManifestError> {
        manifest::content(&self.value)
    }
}

/// One thing that is wrong, or that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule says so.
    pub rule: Rule,
    /// The document that it stands in.
    pub document: String,
    /// Where in it.
    pub path: String,
    /// What stands there, and what is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub cure: String,
}

impl Finding {
    /// Whether the deployment is refused for it.
    pub fn is_refusal(&self) -> bool {
        self.rule.severity() == Severity::Refusal
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.rule.severity() {
            Severity::Refusal => "refused",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity} [{}] {}", self.rule, self.document)?;
        writeln!(f, "  at   {}", self.path)?;
        writeln!(f, "  is   {}", indented(&self.problem))?;
        write!(f, "  cure {}", indented(&self.cure))
    }
}

/// Further lines (an error in a route has three) stay under the first.
fn indented(text: &str) -> String {
    text.replace('\n', "\n       ")
}

/// Check documents that apply to one device, in the order of rising priority.
///
/// Refusals come before warnings; otherwise findings keep the order of the rules. An empty list is
/// a deployment that nothing can be said against.
pub fn check(documents: &[Document], terms: &Terms) -> Vec<Finding> {
    let mut findings = Findings::default();
    for document in documents {
        secrets::check(document, &mut findings);
    }
    if let Some(merged) = layers::merge(documents, &mut findings) {
        let modules = modules::read(&merged, terms, &mut findings);
        spelling::check(&merged, &mut findings);
        store::check(&merged, &mut findings);
        let routes = routing::read(&merged, &mut findings);
        hub::check(&merged, &modules, &mut findings);
        privacy::check(&routes, terms, &mut findings);
        routing::check(&merged, &routes, &modules, terms, &mut findings);
        volumes::check(&merged, &modules, terms, &mut findings);
        images::check(&merged, &modules, &mut findings);
    }
    findings.0.sort_by_key(|finding| !finding.is_refusal());
    findings.0
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    document: String,
    path: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        rule: Rule,
        place: &Place,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.0.push(Finding {
            rule,
            document: place.document.clone(),
            path: place.path.clone(),
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    /// A value that could not be read.
    fn add_error(&mut self, rule: Rule, place: &Place, error: &ManifestError) {
        let (path, problem, cure) = match error {
            ManifestError::Value {
                path,
                found,
                expected,
            } => (
                path.clone(),
                format!("found {found}"),
                format!("write {expected}"),
            ),
            ManifestError::Json { source, .. } => (
                place.path.clone(),
                format!("{error}: {source}"),
                "mend the text, or let `devhub manifest build` write it from a template".to_owned(),
            ),
            ManifestError::CreateOptionsTooLong { .. }
            | ManifestError::Platform { .. }
            | ManifestError::ModuleFile { .. } => {
                (place.path.clone(), error.to_string(), "mend it".to_owned())
            }
        };
        let place = Place {
            document: place.document.clone(),
            path,
        };
        self.add(rule, &place, problem, cure);
    }
}

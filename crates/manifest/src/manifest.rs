//! A manifest, or a template, as a hub and an agent read it.

use routes::RouteSpec;
use serde_json::Value;

use crate::build;
use crate::create_options;
use crate::error::ManifestError;
use crate::module::{ImagePullPolicy, LAST_STARTUP_ORDER, Module, RestartPolicy, Status};
use crate::reader::At;

/// The hub's time to live, in seconds, where a document of schema 1.0 states none.
pub const DEFAULT_TIME_TO_LIVE_SECS: u32 = 7200;

/// What a negative time to live of the hub means: messages are kept for ever.
pub const FOREVER_SECS: u32 = u32::MAX;

/// A full deployment manifest, checked where it is read from.
///
/// It is checked for what a hub and an agent need of it, not against the whole
/// schema. Layered manifests are not full ones and are refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    content: Value,
    modules: Vec<Module>,
    system_modules: Vec<Module>,
    routes: Vec<(String, RouteSpec)>,
    time_to_live_secs: u32,
}

impl Manifest {
    /// Read a manifest as `az iot edge set-modules` takes it.
    ///
    /// # Errors
    /// [`ManifestError`] with the path, what stands there and what is accepted.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let value = serde_json::from_str(text).map_err(|source| ManifestError::Json {
            what: "manifest".to_owned(),
            hint: "",
            source,
        })?;
        Self::from_value(&value)
    }

    /// Read a manifest that is parsed already, such as [`crate::build`]'s.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn from_value(manifest: &Value) -> Result<Self, ManifestError> {
        Self::read(manifest, Form::Manifest)
    }

    /// Read a template without building it: known variables are put in,
    /// `createOptions` may be objects, image placeholders stay as they are.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn from_template(
        text: &str,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ManifestError> {
        Self::read(&build::parsed(text, variables)?.to_value(), Form::Template)
    }

    /// The modules, in the order of their names; start them by
    /// [`Module::startup_order`].
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module of that name.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// `edgeAgent` and `edgeHub`, as far as the document names them.
    pub fn system_modules(&self) -> &[Module] {
        &self.system_modules
    }

    /// The routes with their names, in the order of these. They are not parsed
    /// here; give them to [`routes::RouteSet::parse`].
    pub fn routes(&self) -> &[(String, RouteSpec)] {
        &self.routes
    }

    /// How long the hub keeps a message whose route states nothing else, in
    /// seconds. 0 keeps nothing; [`FOREVER_SECS`] keeps for ever.
    pub fn time_to_live_secs(&self) -> u32 {
        self.time_to_live_secs
    }

    /// The desired properties that the document gives to a module's twin,
    /// without `$version`; `None` if it gives none.
    pub fn module_desired(&self, name: &str) -> Option<&Value> {
        self.content.get(name)?.get(DESIRED)
    }

    fn read(document: &Value, form: Form) -> Result<Self, ManifestError> {
        let content = content(document)?;
        let agent = content.require("$edgeAgent", "an object")?;
        let agent = desired(&agent)?;
        schema_version(&agent, &AGENT_VERSIONS)?;
        let modules = agent.require("modules", "an object")?.members()?;
        let modules = modules
            .iter()
            .map(|(name, at)| module(name, at, form))
            .collect::<Result<_, _>>()?;
        let system_modules = match agent.get("systemModules")? {
            None => Vec::new(),
            Some(group) => group
                .members()?
                .iter()
                .map(|(name, at)| module(name, at, form))
                .collect::<Result<_, _>>()?,
        };
        let hub = content.require("$edgeHub", "an object")?;
        let (routes, time_to_live_secs) = hub_terms(&desired(&hub)?)?;
        for (_, twin) in content.members()? {
            if let Some(desired) = twin.get(DESIRED)? {
                desired.object()?;
            }
        }
        Ok(Self {
            content: content.value.clone(),
            modules,
            system_modules,
            routes,
            time_to_live_secs,
        })
    }
}

pub(crate) const DESIRED: &str = "properties.desired";

/// What kind of document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Template,
    Manifest,
}

/// `modulesContent`, at the root or under `content`.
pub(crate) fn content(document: &Value) -> Result<At<'_>, ManifestError> {
    let root = At::root(document);
    let around = root.get("content")?.unwrap_or(root);
    if around.get("moduleContent")?.is_some() {
        return Err(around.refused("the member modulesContent (not moduleContent)"));
    }
    around.require("modulesContent", "an object")
}

fn desired<'v>(twin: &At<'v>) -> Result<At<'v>, ManifestError> {
    twin.require(
        DESIRED,
        "an object; a layer with dotted keys is no full manifest and needs its base",
    )
}

pub(crate) fn schema_version<'v>(
    twin: &At<'v>,
    accepted: &[&str],
) -> Result<&'v str, ManifestError> {
    let expected = format!("one of \"{}\"", accepted.join("\", \""));
    let version = twin.require("schemaVersion", &expected)?;
    match version.value.as_str() {
        Some(text) if accepted.contains(&text) => Ok(text),
        _ => Err(version.refused(expected)),
    }
}

/// The versions of `$edgeAgent` that are read.
pub(crate) const AGENT_VERSIONS: [&str; 2] = ["1.0", "1.1"];

/// The versions of `$edgeHub` that are read; the first has routes as text alone.
pub(crate) const HUB_VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

/// Routes and time to live of `$edgeHub`.
fn hub_terms(hub: &At<'_>) -> Result<(Vec<(String, RouteSpec)>, u32), ManifestError> {
    let is_first = schema_version(hub, &HUB_VERSIONS)? == "1.0";
    let mut routes = Vec::new();
    for (name, at) in route_members(hub, is_first)? {
        routes.push((name.to_owned(), route(&at, is_first)?));
    }
    Ok((routes, time_to_live(hub, is_first)?))
}

/// The routes of `$edgeHub`, not yet read.
pub(crate) fn route_members<'v>(
    hub: &At<'v>,
    is_first: bool,
) -> Result<Vec<(&'v str, At<'v>)>, ManifestError> {
    let mut found = match hub.get("routes")? {
        None if is_first => Vec::new(),
        None => hub.require("routes", "an object")?.members()?,
        Some(routes) => routes.members()?,
    };
    // The first schema left blank routes out; so does the hub.
    let is_blank = |at: &At<'_>| at.value.as_str().is_some_and(|text| text.trim().is_empty());
    found.retain(|(_, at)| !(is_first && is_blank(at)));
    Ok(found)
}

/// The time to live of `$edgeHub`, in seconds.
pub(crate) fn time_to_live(hub: &At<'_>, is_first: bool) -> Result<u32, ManifestError> {
    let store = match hub.get("storeAndForwardConfiguration")? {
        None if is_first => return Ok(DEFAULT_TIME_TO_LIVE_SECS),
        None => hub.require("storeAndForwardConfiguration", "an object")?,
        Some(store) => store,
    };
    let time_to_live = store.require("timeToLiveSecs", "an integer")?;
    let is_negative = time_to_live
        .value
        .as_i64()
        .is_some_and(|seconds| seconds < 0);
    if is_negative {
        Ok(FOREVER_SECS)
    } else {
        // The hub reads a signed 32-bit number here, unlike in a route.
        time_to_live.integer(i32::MAX.unsigned_abs())
    }
}

pub(crate) fn route(at: &At<'_>, is_first_schema: bool) -> Result<RouteSpec, ManifestError> {
    if at.value.is_string() {
        return Ok(RouteSpec::new(at.text()?));
    }
    if is_first_schema || !at.value.is_object() {
        let forms = if is_first_schema {
            "a route as text (an object from schemaVersion 1.1 on)"
        } else {
            "a route as text, or an object with route, priority, timeToLiveSecs"
        };
        return Err(at.refused(forms));
    }
    const KNOWN: [&str; 3] = ["route", "priority", "timeToLiveSecs"];
    if let Some((_, other)) = at.members()?.iter().find(|(key, _)| !KNOWN.contains(key)) {
        return Err(other.refused(format!("only {}", KNOWN.join(", "))));
    }
    let time_to_live = at
        .get("timeToLiveSecs")?
        .map(|at| at.integer(u32::MAX))
        .transpose()?;
    Ok(RouteSpec {
        route: at.require("route", "a route as text")?.text()?.to_owned(),
        priority: at.get("priority")?.map(|at| at.integer(9)).transpose()?,
        time_to_live_secs: time_to_live.filter(|seconds| *seconds > 0),
    })
}

pub(crate) fn module(name: &str, at: &At<'_>, form: Form) -> Result<Module, ManifestError> {
    if let Some(kind) = at.get("type")?
        && kind.value.as_str() != Some("docker")
    {
        return Err(kind.refused("\"docker\""));
    }
    let is_agent = name == "edgeAgent";
    let status = match at.get("status")? {
        Some(status) => status.spelled()?,
        None if is_agent => Status::Running,
        None => at.require("status", "one of running, stopped")?.spelled()?,
    };
    let restart_policy = match at.get("restartPolicy")? {
        Some(policy) => policy.spelled()?,
        None if is_agent => RestartPolicy::Always,
        None => at
            .require(
                "restartPolicy",
                "one of never, on-failure, on-unhealthy, always",
            )?
            .spelled()?,
    };
    let image_pull_policy = at.get("imagePullPolicy")?.map(|policy| policy.spelled());
    let startup_order = at.get("startupOrder")?.map(|order| order.integer(u32::MAX));
    let settings = at.require("settings", "an object with image and createOptions")?;
    if form == Form::Manifest
        && let Some(options) = settings.get("createOptions")?
    {
        options.text()?;
    }
    Ok(Module {
        name: name.to_owned(),
        image: settings
            .require("image", "the image's name")?
            .text()?
            .to_owned(),
        status,
        restart_policy,
        image_pull_policy: image_pull_policy
            .transpose()?
            .unwrap_or(ImagePullPolicy::OnCreate),
        startup_order: startup_order.transpose()?.unwrap_or(LAST_STARTUP_ORDER),
        env: at
            .get("env")?
            .map(|env| environment(&env))
            .transpose()?
            .unwrap_or_default(),
        create_options: create_options::join(&settings)?,
    })
}

fn environment(env: &At<'_>) -> Result<Vec<(String, String)>, ManifestError> {
    let variable = |(name, at): (&str, At<'_>)| {
        let value = at.require("value", "text, a number or a truth value")?;
        let text = match value.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(value.refused("text, a number or a truth value"));
            }
        };
        Ok((name.to_owned(), text))
    };
    env.members()?.into_iter().map(variable).collect()
}

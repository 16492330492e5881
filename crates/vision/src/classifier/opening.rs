//! Opens a session with the provider that was asked for, or says why not.
//!
//! Two ways lead back to the CPU without a word, and both are closed here. A library that lacks the
//! provider, or cannot start it, is an error. And a provider takes the parts of a model that it
//! knows, perhaps none, and the CPU runs the rest: so the session is first opened with that
//! forbidden, and where only the second way opens it, that is told.

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::ModelError;
use crate::provider::{Provider, providers};
use crate::{ModelPackage, RuntimeError, RuntimeOptions, runtime};

/// The oldest operator set that ONNX Runtime promises to read.
const OLDEST_OPSET: i64 = 7;

/// A session that was opened.
pub(super) struct Opened {
    pub(super) session: Session,
    /// Whether the provider that was asked for runs every part of the model.
    pub(super) whole: bool,
}

/// Opens a session for a package's model.
pub(super) fn open(package: &ModelPackage, options: &RuntimeOptions) -> Result<Opened, ModelError> {
    let environment = runtime::environment(options.library.as_deref())?;
    let provider = options.provider;
    if provider == Provider::Cpu {
        let plan = Plan::new(options, vec![]);
        return match plan.commit(environment, package.model()) {
            Ok(session) => Ok(Opened {
                session,
                whole: true,
            }),
            Err(source) => Err(refused(package, source)),
        };
    }
    let present = providers(options.library.as_deref())?;
    if !present.contains(&provider) {
        return Err(RuntimeError::NoProvider { provider, present }.into());
    }
    let mut plan = Plan::new(options, provider.to_register(options.threads));
    // Apart from the model, so that a missing driver is not taken for a bad model.
    let alone = plan.builder(environment).map(drop);
    alone.map_err(|source| RuntimeError::Provider { provider, source })?;
    plan.cpu_may_help = false;
    if let Ok(session) = plan.commit(environment, package.model()) {
        return Ok(Opened {
            session,
            whole: true,
        });
    }
    plan.cpu_may_help = true;
    match plan.commit(environment, package.model()) {
        Ok(session) => {
            let name = package.name();
            tracing::warn!(
                "the provider {provider} does not take all of the model {name}; the processor runs the rest"
            );
            Ok(Opened {
                session,
                whole: false,
            })
        }
        Err(source) => Err(ModelError::NotStarted {
            name: package.name().to_owned(),
            provider,
            source,
        }),
    }
}

/// How a session is made: all optimisations. Several threads of one spin while a picture is in hand,
/// since waking them at each step costs a fifth of its time, and not between pictures.
struct Plan {
    threads: usize,
    providers: Vec<ExecutionProviderDispatch>,
    cpu_may_help: bool,
}

impl Plan {
    fn new(options: &RuntimeOptions, providers: Vec<ExecutionProviderDispatch>) -> Self {
        let threads = match options.provider.has_its_own_threads() {
            true => 1,
            false => options.threads.max(1),
        };
        Self {
            threads,
            providers,
            cpu_may_help: true,
        }
    }

    fn builder(&self, environment: &Environment) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(environment)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?
            .with_intra_op_spinning(self.threads > 1)?
            .with_config_entry("session.force_spinning_stop", "1")?
            .with_inter_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_execution_providers(&self.providers)?;
        match self.cpu_may_help {
            true => Ok(builder),
            false => Ok(builder.with_disable_cpu_fallback()?),
        }
    }

    fn commit(&self, environment: &Environment, model: &[u8]) -> ort::Result<Session> {
        self.builder(environment)?.commit_from_memory(model)
    }
}

fn refused(package: &ModelPackage, source: ort::Error) -> ModelError {
    let name = package.name().to_owned();
    match package.opset() {
        Some(opset) if opset < OLDEST_OPSET => ModelError::TooOld {
            name,
            opset,
            oldest: OLDEST_OPSET,
            source,
        },
        _ => ModelError::Refused { name, source },
    }
}

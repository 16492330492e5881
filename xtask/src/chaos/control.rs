//! Orders and questions to the hub, over its control socket: one line of JSON each way.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// How long an answer may take; a hub under load answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the hub, which need not run.
#[derive(Debug)]
pub(super) struct Control {
    socket: PathBuf,
}

impl Control {
    pub(super) fn new(state: &Path) -> Self {
        Self {
            socket: state.join("control.sock"),
        }
    }

    fn ask(&self, request: &Value) -> anyhow::Result<Value> {
        let asked = || format!("the hub was asked {request}");
        let mut stream = UnixStream::connect(&self.socket).with_context(asked)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream
            .write_all(format!("{request}\n").as_bytes())
            .with_context(asked)?;
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .with_context(asked)?;
        let mut answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("{} and answered {line:?}", asked()))?;
        match answer.get_mut("ok") {
            Some(value) => Ok(value.take()),
            None => bail!("{} and refused: {line}", asked()),
        }
    }

    /// Makes the hub do something wrong, or right again.
    pub(super) fn fault(&self, fault: &Value) -> anyhow::Result<()> {
        self.ask(&json!({ "fault": fault })).map(drop)
    }

    /// Whether the module is connected.
    pub(super) fn module_is_connected(&self) -> anyhow::Result<bool> {
        let status = self.ask(&json!("status"))?;
        let connected = status["connected"].as_array();
        Ok(connected.is_some_and(|all| all.iter().any(|id| id == "edge-dev/FruitCounter")))
    }

    /// Messages in all queues.
    pub(super) fn queued(&self) -> anyhow::Result<u64> {
        let queues = self.ask(&json!("queues"))?;
        let messages = |queue: &Value| queue["messages"].as_u64();
        let all = queues.as_array().into_iter().flatten();
        Ok(all.filter_map(messages).sum())
    }
}

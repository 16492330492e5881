//! What the module's log says (`FRUIT_COUNTER_LOG=debug`): each outcome that it made durable, one
//! line each, written after the commit and before the PUBACK.

use std::collections::BTreeMap;

use anyhow::Context;

use super::journal::Frame;

/// The event of the pipeline.
const RECORDED: &str = "[DBG] - recorded ";

/// The outcomes of one picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    /// As a picture that was not seen before.
    pub(super) counted: u64,
    /// As one that was.
    pub(super) duplicate: u64,
}

impl Outcomes {
    /// Both together.
    pub(super) fn all(self) -> u64 {
        self.counted + self.duplicate
    }
}

/// What one line says, if it is about an outcome.
pub(super) fn outcome(line: &str) -> anyhow::Result<Option<(Frame, Outcomes)>> {
    let Some((_, said)) = line.split_once(RECORDED) else {
        return Ok(None);
    };
    let field = |name: &str| {
        let (_, rest) = said.rsplit_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let broken = || format!("a line of the module's log cannot be understood: {line}");
    let frame = (
        field("camera").with_context(broken)?,
        field("id").with_context(broken)?,
    );
    let outcomes = if said.contains("recorded=Counted") {
        Outcomes {
            counted: 1,
            duplicate: 0,
        }
    } else if said.contains("recorded=Duplicate") {
        Outcomes {
            counted: 0,
            duplicate: 1,
        }
    } else {
        anyhow::bail!(broken());
    };
    Ok(Some((frame, outcomes)))
}

/// Outcomes by picture.
pub(super) type Words = BTreeMap<Frame, Outcomes>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_with_its_picture() {
        let line = |recorded: &str| {
            format!(
                "<7> 2026-11-26 10:00:00.000 +00:00 [DBG] - recorded outcome=Classified {{ label: \"ripe\" }} recorded={recorded} camera=\"cam-007\" id=\"cam-007-0a-3\""
            )
        };
        let frame = ("cam-007".to_owned(), "cam-007-0a-3".to_owned());
        let counted = outcome(&line("Counted { reused_id: false }")).unwrap();
        assert_eq!(counted.unwrap().0, frame);
        let (_, duplicate) = outcome(&line("Duplicate { reply: None }"))
            .unwrap()
            .unwrap();
        assert_eq!((duplicate.counted, duplicate.duplicate), (0, 1));
        assert_eq!(outcome("<6> x [INF] - sealed").unwrap(), None);
        assert!(outcome(&line("Lost")).is_err());
    }
}

//! The log as the module sets it up, on a page of its own.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tracing::{debug, error, info, info_span, warn};

use super::limit::{OF_A_PLACE, Rate};
use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn count(&self, text: &str) -> usize {
        self.text().matches(text).count()
    }
}

/// What is written while `act` runs.
fn written(level: Level, format: LogFormat, act: impl FnOnce(&LogControl, &Paper)) -> String {
    written_at(OF_A_PLACE, level, format, act)
}

fn written_at(
    rate: Rate,
    level: Level,
    format: LogFormat,
    act: impl FnOnce(&LogControl, &Paper),
) -> String {
    let paper = Paper::default();
    let page = Page::new(format, rate, Box::new(paper.clone()));
    let (subscriber, control) = assemble(level, page);
    tracing::subscriber::with_default(subscriber, || act(&control, &paper));
    paper.text()
}

fn lines_of(level: Level, act: impl FnOnce()) -> String {
    written(level, LogFormat::Runtime, |_, _| act())
}

#[test]
fn checklist_40_a_line_has_the_prefix_that_the_agent_filters_on() {
    let line = lines_of(Level::Info, || warn!(port = 8883, "refused"));
    assert!(line.starts_with("<4> 20"), "{line}");
    let (_, rest) = line.split_once(" +00:00 ").unwrap();
    assert_eq!(rest, "[WRN] - refused port=8883\n");
    assert_eq!(
        line.find('[').unwrap(),
        "<4> 2026-11-23 10:00:00.000 +00:00 ".len()
    );
}

#[test]
fn an_event_with_line_breaks_stays_one_line() {
    let line = lines_of(Level::Info, || info!("first\nsecond\r\n<3> forged"));
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn a_span_adds_its_fields_also_those_that_it_learns_later() {
    let line = lines_of(Level::Info, || {
        let frame = info_span!("frame", camera = "cam-01", id = tracing::field::Empty).entered();
        frame.record("id", "7");
        info!("counted");
    });
    assert!(
        line.ends_with("[INF] - counted camera=\"cam-01\" id=\"7\"\n"),
        "{line}"
    );
}

#[test]
fn less_severe_events_than_the_level_are_left_out() {
    let page = lines_of(Level::Warning, || {
        info!("not this");
        error!("this");
    });
    assert!(page.contains("<3> ") && page.contains("this") && !page.contains("not this"));
}

#[test]
fn a_level_that_is_set_holds_at_once_both_ways() {
    let page = written(Level::Info, LogFormat::Runtime, |control, _| {
        let told = |text: &str| debug!("{text}");
        told("before");
        control.set_level(Level::Debug);
        told("between");
        control.clone().set_level(Level::Error);
        told("after");
        warn!("no warning");
        error!("an error");
    });
    let texts: Vec<&str> = page.lines().map(|line| &line[41..]).collect();
    assert_eq!(texts, ["- between", "- an error"]);
}

#[test]
fn a_json_line_has_the_fields_of_its_spans() {
    let page = written(Level::Info, LogFormat::Json, |_, _| {
        let _frame = info_span!("frame", camera = "cam-01").entered();
        warn!(bytes = 12_u64, why = %"too \"short\"\n", "picture rejected");
    });
    let line: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page.lines().count(), 1, "{page}");
    assert_eq!(line["level"], "warning");
    assert_eq!(line["message"], "picture rejected");
    let fields = serde_json::json!({"bytes": 12, "camera": "cam-01", "why": "too \"short\"\n"});
    assert_eq!(line["fields"], fields);
}

#[test]
fn a_place_that_repeats_itself_is_cut_short_and_the_last_sums_say_how_often() {
    let page = written(Level::Info, LogFormat::Runtime, |control, _| {
        for number in 0..67 {
            warn!(number, "no disk");
        }
        control.write_last_sums();
        control.write_last_sums();
    });
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines.len(), 11, "{page}");
    assert!(lines[9].ends_with("[WRN] - no disk number=9"), "{page}");
    assert!(lines[10].starts_with("<4> "), "{page}");
    let sum = "[WRN] - … 57 more like this were left out in the last minute left_out=57 \
               like=\"no disk number=66\"";
    assert!(lines[10].ends_with(sum), "{page}");
}

#[test]
fn information_is_not_limited_nor_is_what_must_be_said_whole() {
    let page = lines_of(Level::Info, || {
        for number in 0..40 {
            info!(number, "a step");
            error!(target: EVERY_ONE, number, "a mistake");
        }
    });
    assert_eq!(page.matches("a step").count(), 40);
    assert_eq!(page.matches("a mistake").count(), 40);
}

#[test]
fn the_sum_of_a_fault_that_stops_is_written_though_nothing_else_is_said() {
    let rate = Rate {
        lines: 2,
        within: Duration::from_millis(100),
    };
    written_at(rate, Level::Info, LogFormat::Json, |control, paper| {
        page::start_telling(Arc::clone(&control.page)).unwrap();
        for round in 1..=2 {
            for number in 0..50 {
                error!(number, "broken");
            }
            let asked = std::time::Instant::now();
            // So slow a machine may have written more than one sum.
            while told(&paper.text()) < 50 * round {
                assert!(
                    asked.elapsed() < Duration::from_secs(30),
                    "{}",
                    paper.text()
                );
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(told(&paper.text()), 50 * round, "{}", paper.text());
        }
        assert!(paper.count("left_out") >= 2, "{}", paper.text());
    });
}

/// Events of which a page of JSON tells: written, or in a sum.
fn told(page: &str) -> u64 {
    let lines = page.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["fields"]["left_out"].as_u64().unwrap_or(1)
    });
    lines.sum()
}

#[test]
fn all_threads_write_whole_lines() {
    let paper = Paper::default();
    let page = Page::new(LogFormat::Json, OF_A_PLACE, Box::new(paper.clone()));
    let (subscriber, _control) = assemble(Level::Info, page);
    let dispatch = tracing::Dispatch::new(subscriber);
    thread::scope(|scope| {
        for name in 0..8 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for number in 0..100 {
                        info!(name, number, "at work");
                        warn!("the same place");
                    }
                });
            });
        }
    });
    assert_eq!(paper.count("at work"), 800);
    assert_eq!(paper.count("the same place"), 10);
    assert_eq!(told(&paper.text()), 810);
}

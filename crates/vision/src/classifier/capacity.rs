//! How many pictures a second a session can run: a measurement, with its clock from outside.

use std::time::{Duration, Instant};

use super::{Classifier, InferenceError};
use crate::Pixels;

/// A measurement ends after so long,
const LONG_ENOUGH: Duration = Duration::from_millis(200);

/// or after so many runs; whichever comes first.
const MOST_RUNS: u32 = 50;

impl Classifier {
    /// Measures how many pictures a second this session can run. The model only: no decoding, no
    /// preparing, no disk, and no other session beside it, which would share the cores.
    ///
    /// Runs on a picture that is made up, in the model's own input shape: once to warm up, then until
    /// 200 ms are over or 50 runs are done, and once at least. So it takes about 200 ms, or two runs
    /// of a model that is slower than that. `now` is a clock that never goes back.
    ///
    /// # Errors
    /// [`InferenceError`], if a run fails.
    pub fn pictures_per_second(
        &mut self,
        now: impl FnMut() -> Instant,
    ) -> Result<f64, InferenceError> {
        let tensor = self.prepare(&chequered());
        self.run(&tensor)?;
        rate(now, || self.run(&tensor).map(drop))
    }
}

/// Runs until it was long enough; runs in a second.
fn rate<E>(
    mut now: impl FnMut() -> Instant,
    mut run: impl FnMut() -> Result<(), E>,
) -> Result<f64, E> {
    let start = now();
    let mut runs = 0;
    loop {
        run()?;
        runs += 1;
        let took = now().saturating_duration_since(start);
        if runs >= MOST_RUNS || took >= LONG_ENOUGH {
            // A clock that stands still gives a very high rate, and no infinite one.
            let took = took.max(Duration::from_nanos(1));
            return Ok(f64::from(runs) / took.as_secs_f64());
        }
    }
}

/// Strong colours, so that no part of a network has only zeros to multiply. Square, so that a model
/// whose input may grow with the picture gets the least.
fn chequered() -> Pixels {
    const SIDE: u32 = 2;
    let rgb = vec![250, 20, 90, 10, 200, 30, 60, 40, 240, 230, 220, 15];
    Pixels::from_rgb8(SIDE, SIDE, rgb).expect("four pixels of three bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that is read, and runs that take so long by it; what was measured, and in how many runs.
    fn measured(each: Duration) -> (f64, u32) {
        let start = Instant::now();
        let elapsed = std::cell::Cell::new(Duration::ZERO);
        let mut runs = 0;
        let rate = rate(
            || start + elapsed.get(),
            || {
                runs += 1;
                elapsed.set(elapsed.get() + each);
                Ok::<_, InferenceError>(())
            },
        );
        (rate.unwrap(), runs)
    }

    #[test]
    fn a_measurement_ends_after_200_ms_or_50_runs_and_has_one_run_at_least() {
        for (each_ms, runs) in [(1, 50), (4, 50), (5, 40), (70, 3), (200, 1), (5000, 1)] {
            let (rate, found) = measured(Duration::from_millis(each_ms));
            assert_eq!(found, runs, "{each_ms} ms");
            let expected = 1000.0 / f64::from(u32::try_from(each_ms).unwrap());
            assert!((rate - expected).abs() < 1e-6, "{each_ms} ms: {rate}");
        }
    }

    #[test]
    fn a_clock_that_stands_still_gives_a_finite_rate() {
        let (rate, runs) = measured(Duration::ZERO);
        assert!(rate.is_finite(), "{rate}");
        assert_eq!(runs, 50);
    }

    #[test]
    fn a_run_that_fails_ends_the_measurement() {
        let mut runs = 0;
        let result = rate(Instant::now, || {
            runs += 1;
            if runs == 3 { Err("broken") } else { Ok(()) }
        });
        assert_eq!(result, Err("broken"));
        assert_eq!(runs, 3);
    }
}

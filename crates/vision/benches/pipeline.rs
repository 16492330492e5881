//! What a picture costs from bytes to verdict, beside its parts.
//!
//! `cargo bench -p vision` measures, in one run and on one thread: the bare
//! decode, the bare `session.run` of the bundled model (a session of its own,
//! made with nothing but one thread), preparation, and the whole. Then it times
//! them in turns, so that other work on the machine falls on all of them,
//! and prints whole ÷ (decode + run), which is to stay at or below 1.15. The picture is
//! drawn here, 640x480, with noise and shapes, so that its JPEG is as long as a
//! camera's (about 75 KB).

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use ort::session::Session;
use ort::value::TensorRef;
use vision::{Classifier, DecodeLimits, ModelPackage, RuntimeOptions, decode};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// The bar of the issue that asked for this crate.
const BAR: f64 = 1.15;

/// Soft shapes under noise; every pixel by whole numbers and a fixed seed.
fn camera_jpeg() -> Vec<u8> {
    let mut state = 7_u64;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i64::try_from(state >> 59).unwrap_or_default() - 16
    };
    let mut rgb = Vec::new();
    for y in 0..i64::from(HEIGHT) {
        for x in 0..i64::from(WIDTH) {
            let fruit = (x - 300).pow(2) / 3 + (y - 220).pow(2) < 20_000;
            let base = if fruit {
                [220, 190 - y / 8, 40]
            } else {
                [60 + x / 8, 90 + y / 6, 70 + (x + y) / 16 % 64]
            };
            let grain = noise();
            rgb.extend(base.map(|value| u8::try_from((value + grain).clamp(0, 255)).unwrap_or(0)));
        }
    }
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 80)
        .write_image(&rgb, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .expect("a plain picture can be encoded");
    file
}

fn bare_decode(jpeg: &[u8]) -> image::DynamicImage {
    image::load(Cursor::new(jpeg), ImageFormat::Jpeg).expect("the picture decodes")
}

/// A session as anybody would make it, on one thread.
fn bare_session(model: &Path) -> Session {
    let environment = vision::environment(None).expect("the runtime is set up");
    let builder = Session::builder(environment).expect("the runtime makes options");
    let builder = builder.with_intra_threads(1);
    let mut builder = builder.expect("one thread is allowed");
    builder
        .commit_from_file(model)
        .expect("the bundled model loads")
}

fn bare_run(session: &mut Session, shape: [usize; 4], values: &[f32]) -> f32 {
    let input = TensorRef::from_array_view((shape, values)).expect("the shape fits");
    let outputs = session.run(ort::inputs![input]).expect("the model runs");
    let (_, scores) = outputs[0]
        .try_extract_tensor::<f32>()
        .expect("the scores are numbers");
    scores[0]
}

fn whole(classifier: &mut Classifier, jpeg: &[u8]) -> vision::Verdict {
    let pixels = decode(jpeg, &DecodeLimits::default()).expect("the picture decodes");
    let scores = classifier.classify(&pixels).expect("the model runs");
    scores.verdict(0.5)
}

fn pipeline(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../model");
    let package = ModelPackage::open(&folder).expect("the bundled model reads");
    let options = RuntimeOptions::default();
    let mut classifier = Classifier::load(&package, &options).expect("the bundled model loads");
    let mut session = bare_session(&folder.join("model.onnx"));
    let jpeg = camera_jpeg();
    println!("JPEG of {WIDTH}x{HEIGHT}, {} bytes", jpeg.len());
    let pixels = decode(&jpeg, &DecodeLimits::default()).expect("the picture decodes");
    let tensor = classifier.prepare(&pixels);
    let shape = tensor.shape();

    let mut group = criterion.benchmark_group("640x480 JPEG");
    group.bench_function("bare decode", |b| b.iter(|| bare_decode(black_box(&jpeg))));
    group.bench_function("bare run", |b| {
        b.iter(|| bare_run(&mut session, shape, black_box(tensor.values())));
    });
    let limits = DecodeLimits::default();
    group.bench_function("decode", |b| b.iter(|| decode(black_box(&jpeg), &limits)));
    group.bench_function("prepare", |b| {
        b.iter(|| classifier.prepare(black_box(&pixels)));
    });
    group.bench_function("run", |b| b.iter(|| classifier.run(black_box(&tensor))));
    group.bench_function("whole", |b| {
        b.iter(|| whole(&mut classifier, black_box(&jpeg)));
    });
    group.finish();

    const ROUNDS: usize = 400;
    let mut times: [Vec<Duration>; 6] = Default::default();
    for _ in 0..ROUNDS {
        let round = [
            timed(|| bare_decode(black_box(&jpeg))),
            timed(|| bare_run(&mut session, shape, black_box(tensor.values()))),
            timed(|| decode(black_box(&jpeg), &limits)),
            timed(|| classifier.prepare(black_box(&pixels))),
            timed(|| classifier.run(black_box(&tensor))),
            timed(|| whole(&mut classifier, black_box(&jpeg))),
        ];
        for (all, time) in times.iter_mut().zip(round) {
            all.push(time);
        }
    }
    let [decoding, running, decode, prepare, run, together] = times.map(median);
    let ratio = together.as_secs_f64() / (decoding + running).as_secs_f64();
    let verdict = if ratio <= BAR { "holds" } else { "IS EXCEEDED" };
    println!("in turns, medians of {ROUNDS}:");
    println!("  ours: decode {decode:.2?}, prepare {prepare:.2?}, run {run:.2?}");
    println!("  bare decode {decoding:.2?} + bare run {running:.2?}; whole {together:.2?}");
    println!("  ratio {ratio:.3}; the bar of {BAR} {verdict}");
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(60).measurement_time(Duration::from_secs(3));
    targets = pipeline
}
criterion_main!(benches);

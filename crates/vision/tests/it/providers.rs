//! What the loaded library can carry a model out with, and what is said where it cannot.
//!
//! The library of the tests has the CPU alone. With another (`ORT_DYLIB_PATH`), such as that of the
//! wheel `onnxruntime-openvino`, the last tests here try its providers on the bundled model.

use std::error::Error as _;
use std::time::Instant;

use vision::{
    Classifier, ModelError, ModelPackage, Pixels, Provider, RuntimeError, RuntimeOptions, Scores,
    providers,
};

use crate::shared::{bundled, model};

/// Scores of another provider may differ by so much: other kernels add in another order.
const ROUNDING: f32 = 1e-4;

fn with(provider: Provider) -> RuntimeOptions {
    RuntimeOptions {
        provider,
        ..RuntimeOptions::default()
    }
}

fn package() -> ModelPackage {
    ModelPackage::open(&bundled()).unwrap()
}

fn absent() -> impl Iterator<Item = Provider> {
    let present = providers(None).unwrap();
    Provider::ALL
        .into_iter()
        .filter(move |provider| !present.contains(provider))
}

/// The providers beside the CPU; says so where there are none.
fn others() -> Vec<Provider> {
    let mut present = providers(None).unwrap();
    present.retain(|provider| *provider != Provider::Cpu);
    if present.is_empty() {
        println!("skipped: this ONNX Runtime has no provider beside the CPU's");
    }
    present
}

/// Scenes of three colours that a model has an opinion on.
fn pictures() -> impl Iterator<Item = Pixels> {
    let colours = [[240, 220, 40], [40, 160, 50], [200, 20, 30], [90, 80, 200]];
    colours.into_iter().map(|colour: [u8; 3]| {
        let pixels: Vec<u8> = (0..300 * 200_u32)
            .flat_map(|at| colour.map(|one| one ^ (u8::from((at / 9) % 3 == 0) * 24)))
            .collect();
        Pixels::from_rgb8(300, 200, pixels).unwrap()
    })
}

fn scores_of(classifier: &mut Classifier) -> Vec<Scores> {
    let scores = pictures().map(|picture| classifier.classify(&picture).unwrap());
    scores.collect()
}

#[test]
fn every_library_has_the_cpu_and_names_none_twice() {
    let present = providers(None).unwrap();
    assert_eq!(present[0], Provider::Cpu);
    let mut once = present.clone();
    once.dedup();
    assert_eq!(present, once);
}

#[test]
fn a_provider_that_the_library_lacks_is_refused_with_those_it_has() {
    let package = package();
    let mut refused = 0;
    for provider in absent() {
        let error = Classifier::load(&package, &with(provider)).unwrap_err();
        let ModelError::Runtime(RuntimeError::NoProvider { present, .. }) = &error else {
            panic!("{error}");
        };
        assert_eq!(present, &providers(None).unwrap());
        let text = error.to_string();
        assert!(
            text.contains(&format!("without the provider {provider} here, it has cpu")),
            "{text}"
        );
        refused += 1;
    }
    assert!(refused > 0, "no library has all providers");
}

#[test]
fn the_cpu_is_the_default_and_runs_the_whole_model() {
    let classifier = Classifier::load(&package(), &RuntimeOptions::default()).unwrap();
    assert_eq!(classifier.provider(), Provider::Cpu);
    assert!(classifier.provider_runs_whole_model());
}

/// A model whose scores come as a map: an operation that other providers leave to the CPU.
fn with_a_map() -> (tempfile::TempDir, ModelPackage) {
    let folder = crate::shared::folder(&[("model.onnx", &model("map_output.onnx"))]);
    let package = ModelPackage::open(folder.path()).unwrap();
    (folder, package)
}

#[test]
fn a_provider_gives_the_scores_of_the_cpu_or_an_error_that_names_it() {
    let (_folder, with_a_map) = with_a_map();
    for provider in others() {
        for package in [&package(), &with_a_map] {
            check(package, provider);
        }
    }
}

fn check(package: &ModelPackage, provider: Provider) {
    let mut classifier = match Classifier::load(package, &with(provider)) {
        Ok(classifier) => classifier,
        Err(error) => {
            let text = error.to_string();
            let source = error.source().map(ToString::to_string);
            println!("{provider} does not start: {text}: {source:?}");
            assert!(text.contains(&format!("the provider {provider}")), "{text}");
            return;
        }
    };
    assert_eq!(classifier.provider(), provider);
    let mut cpu = Classifier::load(package, &RuntimeOptions::default()).unwrap();
    let (found, expected) = (scores_of(&mut classifier), scores_of(&mut cpu));
    let mut furthest = 0.0_f32;
    for (found, expected) in found.iter().zip(&expected) {
        for ((label, found), (_, expected)) in found.iter().zip(expected.iter()) {
            furthest = furthest.max((found - expected).abs());
            assert!(
                (found - expected).abs() < ROUNDING,
                "{provider} {label}: {found}, and the CPU {expected}"
            );
        }
    }
    let rate = classifier.pictures_per_second(Instant::now).unwrap();
    let of_the_cpu = cpu.pictures_per_second(Instant::now).unwrap();
    println!(
        "{}: {provider} runs the whole model: {}, scores within {furthest:e}, {rate:.0} pictures a \
         second, the CPU {of_the_cpu:.0}",
        package.name(),
        classifier.provider_runs_whole_model()
    );
}

//! `camera compare` between two modules that stand alone: one asked as a container, one as the
//! cloud, with a key.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use end_to_end::{Alone, Binary, binary};
use serde_json::Value;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const CLOUD_PATH: &str =
    "/customvision/v3.0/Prediction/6f1c3d5e/classify/iterations/Iteration1/image";

struct Two {
    _folder: tempfile::TempDir,
    _modules: [Alone; 2],
    /// Asks for no key.
    container: SocketAddr,
    /// Asks for the key.
    cloud: SocketAddr,
}

fn two() -> Two {
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str, environment: &[(&str, &str)]| {
        let own = folder.path().join(name);
        std::fs::create_dir(&own).unwrap();
        let mut module = Alone::start(&own, environment).unwrap();
        let address = module.address().unwrap();
        (module, address)
    };
    let (one, container) = start("container", &[]);
    let (other, cloud) = start("cloud", &[("FRUIT_COUNTER_HTTP_KEY", KEY)]);
    Two {
        _modules: [one, other],
        container,
        cloud,
        _folder: folder,
    }
}

fn compare(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary(Binary::Camera).unwrap());
    for name in ["KEY", "LEFT_KEY", "RIGHT_KEY"] {
        command.env_remove(format!("CAMERA_COMPARE_{name}"));
    }
    command
        .arg("compare")
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// Two rendered pictures of each truth, one that is torn, and a text.
fn pictures(folder: &Path) {
    let rendered = Command::new(binary(Binary::Camera).unwrap())
        .args(["render", "--quiet", "--count", "4", "--size", "320x240"])
        .args(["--out".as_ref(), folder.as_os_str()])
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{rendered:?}");
    let whole = std::fs::read(folder.join("ripe/ripe_1_000000.jpg")).unwrap();
    std::fs::write(folder.join("torn.jpg"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.join("notes.txt"), "no picture").unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn two_modules_agree_and_the_key_goes_to_the_clouds_path_alone() {
    let two = two();
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    pictures(&photos);
    let photos = photos.to_str().unwrap();
    let details = folder.path().join("details.jsonl");
    let left = format!("http://{}", two.container);
    let right = format!("http://{}{CLOUD_PATH}", two.cloud);
    let arguments = [
        "--left",
        &left,
        "--right",
        &right,
        "--repeat",
        "3",
        "--json",
        "--min-agreement",
        "1",
        "--max-difference",
        "0.00000002",
        "--details",
        details.to_str().unwrap(),
        photos,
    ];
    let output = compare(&arguments, &[("CAMERA_COMPARE_KEY", KEY)]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["pictures"], 5, "{found}");
    assert_eq!(found["leftOut"], 1, "{found}");
    assert_eq!(found["agreement"]["share"], 1.0, "{found}");
    assert_eq!(found["agreement"]["both"], 4, "{found}");
    assert_eq!(found["agreement"]["neither"], 1, "{found}");
    assert_eq!(found["left"]["url"], format!("{left}/image"), "{found}");
    assert_eq!(found["left"]["keySent"], false, "{found}");
    assert_eq!(found["right"]["keySent"], true, "{found}");
    for side in ["left", "right"] {
        let side = &found[side];
        assert_eq!(side["milliseconds"]["samples"], 12, "{found}");
        assert_eq!(side["connections"]["opened"], 1, "{found}");
        let refused = side["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{found}");
        assert_eq!(refused[0]["code"], "BadRequestImageFormat", "{found}");
    }
    let lines = std::fs::read_to_string(&details).unwrap();
    let agree: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["agree"].clone())
        .collect();
    let both = Value::from(true);
    assert_eq!(
        agree,
        [both.clone(), both.clone(), Value::Null, both.clone(), both]
    );
    assert!(!format!("{out}{err}{lines}").contains(KEY));

    // The page, with the sides changed.
    let swapped = ["--left", &right, "--right", &left, "--key", KEY, photos];
    let output = compare(&swapped, &[]);
    let page = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{page}\n{}",
        text(&output.stderr)
    );
    assert!(
        page.contains("4 of 4 pictures have the same top label (100.0 %)"),
        "{page}"
    );
    assert!(
        text(&output.stderr).contains("notes.txt is left out"),
        "{output:?}"
    );
}

#[test]
fn endpoints_that_fail_end_it_with_1_and_wrong_arguments_with_2() {
    let two = two();
    let left = format!("http://{}", two.container);
    let cloud = format!("http://{}{CLOUD_PATH}", two.cloud);
    let wrong_path = format!("http://{}/no/such/path", two.container);
    let none = "http://127.0.0.1:1/image";
    let some = ["--rendered", "1", "--size", "64x48"];
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&["--right", none], 1, &["right", none, "cannot be reached"]),
        (
            &["--right", &wrong_path],
            1,
            &[&wrong_path, "404", "/image"],
        ),
        (&["--right", &cloud], 1, &[&cloud, "401", "--right-key"]),
        (
            &["--right", &cloud, "--right-key", "wrong-key"],
            1,
            &[&cloud, "401"],
        ),
        (&["--right", &left, "--key", KEY], 2, &["--left-key"]),
        (&["--right", "box"], 2, &["http://"]),
        (&["--right", &left, "a.jpg"], 2, &["--rendered"]),
        (
            &["--right", &left, "--right-key", "two words"],
            2,
            &["--right-key"],
        ),
    ];
    for (arguments, code, said) in cases {
        let arguments = [&["--left", &left], arguments, &some].concat();
        let output = compare(&arguments, &[]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{err}");
        for said in said {
            assert!(err.contains(said), "{said} is not in: {err}");
        }
        for secret in ["wrong-key", "two words", KEY] {
            assert!(!err.contains(secret), "{err}");
        }
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
    let missing = compare(&["--left", &left, "--right", &left, "no-such-folder"], &[]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(
        text(&missing.stderr).contains("no-such-folder"),
        "{missing:?}"
    );
}

//! `docker/library.sh`, which says what file of Debian's packages goes into the image.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn asked(debian: &Path, name: &str) -> String {
    let output = Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/library.sh"))
        .arg(debian)
        .args(["x-linux-gnu", name])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_library_is_the_packages_own_and_never_that_of_the_machine_that_builds() {
    let folder = tempfile::tempdir().unwrap();
    let machine = folder.path().join("loader.so");
    fs::write(&machine, "of the machine").unwrap();
    let debian = folder.path().canonicalize().unwrap().join("debian");
    let (lib, usr) = (
        debian.join("lib/x-linux-gnu"),
        debian.join("usr/lib/x-linux-gnu"),
    );
    for place in [&lib, &usr, &debian.join("lib64")] {
        fs::create_dir_all(place).unwrap();
    }
    fs::write(lib.join("loader.so"), "of the package").unwrap();
    symlink(&machine, debian.join("lib64/loader.so")).unwrap();
    symlink(&machine, lib.join("away.so")).unwrap();
    fs::write(usr.join("libc++.so.6.0"), "").unwrap();
    symlink("libc++.so.6.0", usr.join("libc++.so.6")).unwrap();

    let expected = lib.join("loader.so");
    assert_eq!(asked(&debian, "loader.so"), expected.display().to_string());
    let expected = usr.join("libc++.so.6.0");
    assert_eq!(
        asked(&debian, "libc++.so.6"),
        expected.display().to_string()
    );
    assert_eq!(asked(&debian, "away.so"), "");
    assert_eq!(asked(&debian, "absent.so"), "");
}

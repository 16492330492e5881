use super::*;

const LEDGER: &str = "/var/lib/fruit-counter";

/// Docker on Debian: the layers, and the files that every container gets.
const DOCKER: &str = "\
513 406 0:52 / / rw,relatime master:190 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B,upperdir=/var/lib/docker/overlay2/1/diff,workdir=/var/lib/docker/overlay2/1/work
514 513 0:55 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
515 513 0:56 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
516 515 0:57 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666
517 513 0:58 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
520 515 0:54 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw
521 515 0:59 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k
522 513 8:1 /var/lib/docker/containers/1/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
523 513 8:1 /var/lib/docker/containers/1/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
524 513 8:1 /var/lib/docker/containers/1/hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
";

/// The same with the volume of the deployment template.
const VOLUME: &str = "\
525 513 8:1 /var/lib/docker/volumes/fruit-counter/_data /var/lib/fruit-counter rw,relatime master:1 - ext4 /dev/sda1 rw,errors=remount-ro
";

/// The same with the image's own volume, which the deployment gives no name.
const UNNAMED: &str = "\
525 513 8:1 /var/lib/docker/volumes/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/_data /var/lib/fruit-counter rw,relatime master:1 - ext4 /dev/sda1 rw,errors=remount-ro
";

/// Podman without root.
const PODMAN: &str = "\
720 640 0:61 / / rw,relatime - fuse-overlayfs fuse-overlayfs rw,user_id=0,group_id=0,default_permissions,allow_other
721 720 0:64 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
722 720 0:65 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,uid=1000,gid=1000,inode64
735 720 0:50 /containers/overlay-containers/1/userdata/.containerenv /run/.containerenv rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=1630768k,mode=700
";

/// A Debian host.
const HOST: &str = "\
22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
26 28 0:24 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=1630772k,mode=755
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
96 28 259:1 / /boot/efi rw,relatime shared:33 - vfat /dev/nvme0n1p1 rw,fmask=0077
410 28 0:52 / /var/lib/docker/overlay2/1/merged rw,relatime shared:190 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
";

fn check(mounts: &str, folder: &str, marked: bool, expected: Option<Fleeting>) {
    let found = fleeting(mounts, Path::new(folder), marked);
    assert_eq!(found, expected, "{folder} in\n{mounts}");
}

#[test]
fn a_folder_in_a_containers_own_layer_is_fleeting() {
    check(DOCKER, LEDGER, true, Some(Fleeting::Container));
    check(PODMAN, LEDGER, true, Some(Fleeting::Container));
    check(DOCKER, LEDGER, false, Some(Fleeting::Container));
}

#[test]
fn a_folder_on_a_volume_without_a_name_is_fleeting() {
    let mounts = [DOCKER, UNNAMED].concat();
    check(&mounts, LEDGER, true, Some(Fleeting::Unnamed));
    check(
        &mounts,
        "/var/lib/fruit-counter/line-2",
        true,
        Some(Fleeting::Unnamed),
    );
    // A name of the deployment's own may have digits, too.
    for name in ["0123456789abcdef", "0123456789abcdef-of-the-line"] {
        let named = VOLUME.replace("/volumes/fruit-counter/", &format!("/volumes/{name}/"));
        check(&[DOCKER, &named].concat(), LEDGER, true, None);
    }
    let elsewhere = UNNAMED.replace("/_data ", "/_data/counts ");
    check(&[DOCKER, &elsewhere].concat(), LEDGER, true, None);
}

#[test]
fn a_folder_on_a_volume_is_not_and_neither_is_one_below_it() {
    let mounts = [DOCKER, VOLUME].concat();
    check(&mounts, LEDGER, true, None);
    check(&mounts, "/var/lib/fruit-counter/line-2", true, None);
    check(
        &mounts,
        "/var/lib/fruit-counter-2",
        true,
        Some(Fleeting::Container),
    );
}

#[test]
fn a_container_whose_root_is_no_overlay_is_known_by_its_mark() {
    let mounts = DOCKER.replace("overlay overlay", "btrfs /dev/sda1");
    check(&mounts, LEDGER, true, Some(Fleeting::Container));
}

#[test]
fn a_folder_in_memory_is_fleeting_in_a_container() {
    check(DOCKER, "/dev/shm/counts", true, Some(Fleeting::Memory));
    check(HOST, "/run/counts", false, None);
}

#[test]
fn on_a_host_nothing_is_said() {
    check(HOST, LEDGER, false, None);
    check(HOST, "/home/grower/counts", false, None);
}

#[test]
fn a_volume_whose_name_has_a_blank_is_found() {
    let mounts = [
        DOCKER,
        &VOLUME.replace("/var/lib/fruit-counter", "/var/lib/fruit\\040counter"),
    ]
    .concat();
    check(&mounts, "/var/lib/fruit counter", true, None);
}

#[test]
fn a_list_that_makes_no_sense_says_nothing() {
    for mounts in ["", "\n\n", "1 2 3 - ", "no such thing", " - - - "] {
        check(mounts, LEDGER, true, None);
    }
}

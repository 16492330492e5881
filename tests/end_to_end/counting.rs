//! Pictures in, counts out.

use end_to_end::Site;

use crate::faults::send_steadily;

#[test]
fn every_rendered_picture_arrives_upstream_as_one_count() {
    let site = Site::builder()
        .device("cam-ripe")
        .device("cam-unripe")
        .start()
        .unwrap();
    let mut cameras: Vec<_> = [("cam-ripe", "ripe"), ("cam-unripe", "unripe")]
        .map(|(device, truth)| {
            let arguments = [
                "--rendered",
                "--truth",
                truth,
                "--count",
                "12",
                "--rate",
                "20",
                "--seed",
                "7",
            ];
            (device, site.camera(device, &arguments).unwrap())
        })
        .into();
    for (device, camera) in &mut cameras {
        assert_eq!(camera.confirmed().unwrap(), 12, "{device}");
        site.wait_until_counted(device, 12).unwrap();
        let sums = site.upstream().camera(device).unwrap();
        assert_eq!(sums.distinct(), 12, "{device}: {sums:?}");
        let fruits: u64 = sums.counts.values().sum();
        assert_eq!(fruits + sums.unsure, 12, "{device}: {sums:?}");
    }
}

#[test]
fn checklist_35_only_counts_go_upstream() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "10");
    camera.confirmed().unwrap();
    site.wait_until_counted("cam-01", 10).unwrap();
    for message in site.upstream().messages().unwrap() {
        assert_eq!(message["moduleId"], "FruitCounter", "{message}");
        assert_eq!(message["output"], "counts", "{message}");
        let body = &message["body"];
        assert_eq!(body["schema"], "fruit-counts/1", "{message}");
        let properties = &message["systemProperties"];
        assert_eq!(properties["messageId"], body["reportId"], "{message}");
        assert_eq!(properties["contentType"], "application/json", "{message}");
        assert_eq!(properties["contentEncoding"], "utf-8", "{message}");
    }
}

#[test]
fn sequences_have_no_gap_and_totals_are_the_sum_of_the_reports() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "20");
    camera.confirmed().unwrap();
    site.wait_until_counted("cam-01", 20).unwrap();
    let reports = site.upstream().reports().unwrap();
    let mut received = 0;
    for (at, report) in reports.iter().enumerate() {
        assert_eq!(report["sequence"].as_u64().unwrap(), at as u64 + 1);
        received += report["frames"]["received"].as_u64().unwrap();
        assert_eq!(
            report["totals"]["frames"]["received"].as_u64().unwrap(),
            received
        );
    }
}

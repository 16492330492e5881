//! `mistakes.txt`: what people get wrong most often, and every word of the
//! message they get.

use routes::Route;

#[test]
fn the_likeliest_mistakes_get_a_message_that_says_what_to_write() {
    let table = include_str!("../cases/mistakes.txt");
    let blocks: Vec<_> = table
        .split("\n\n")
        .filter(|block| !block.starts_with('#'))
        .collect();
    assert!(blocks.len() >= 10, "only {} mistakes", blocks.len());
    for block in blocks {
        let (route, expected) = block
            .trim_end()
            .split_once('\n')
            .expect("route and message");
        let error = Route::parse(route).expect_err(route);
        assert_eq!(error.to_string(), expected, "{route}");
    }
}

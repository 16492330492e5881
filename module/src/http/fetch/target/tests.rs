use super::*;

fn whole(target: &Target) -> String {
    format!(
        "{}://{}{}",
        target.scheme.name(),
        target.authority(),
        target.path_and_query()
    )
}

#[test]
fn a_body_names_its_picture_in_either_spelling() {
    for body in [
        r#"{"url":"http://a/b"}"#,
        r#"{"Url":"http://a/b"}"#,
        r#" {"more": [1], "url": "http:\/\/a\/b"} "#,
    ] {
        assert_eq!(named_in(body.as_bytes()).unwrap(), "http://a/b", "{body}");
    }
    for body in [
        "",
        "{}",
        "null",
        "\"http://a/b\"",
        "[\"http://a/b\"]",
        r#"{"url":7}"#,
        r#"{"url":null}"#,
        r#"{"URL":"http://a/b"}"#,
        r#"{"url":"http://a/b","Url":"http://c/d"}"#,
        r#"{"url":"http://a/b""#,
        "url=http://a/b",
    ] {
        assert_eq!(named_in(body.as_bytes()), Err(TargetError::Body), "{body}");
    }
    assert_eq!(named_in(b"{\"url\":\"\xff\"}"), Err(TargetError::Body));
}

#[test]
fn an_address_is_read_into_its_parts() {
    for (text, host, port, authority, path) in [
        ("http://a.example", "a.example", 80, "a.example", "/"),
        (
            "https://a.example/b?c=d#e",
            "a.example",
            443,
            "a.example",
            "/b?c=d",
        ),
        ("HTTP://a:8080/b", "a", 8080, "a:8080", "/b"),
        ("http://a:443/", "a", 443, "a:443", "/"),
        ("http://a:/b", "a", 80, "a", "/b"),
        ("http://a?b", "a", 80, "a", "/?b"),
        ("https://[::1]:8443/b", "::1", 8443, "[::1]:8443", "/b"),
        ("http://10.0.0.1/", "10.0.0.1", 80, "10.0.0.1", "/"),
        (" http://a/b%20c ", "a", 80, "a", "/b%20c"),
        ("http://a/@b:c", "a", 80, "a", "/@b:c"),
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((target.host(), target.port()), (host, port), "{text}");
        assert_eq!(target.authority(), authority, "{text}");
        assert_eq!(target.path_and_query(), path, "{text}");
    }
}

#[test]
fn another_address_is_refused_with_what_is_wrong() {
    let long = format!("http://a/{}", "b".repeat(LONGEST));
    let long_host = format!("http://{}/", "a".repeat(254));
    for (text, error) in [
        ("", TargetError::Malformed),
        ("a.example/b", TargetError::Malformed),
        ("/b", TargetError::Malformed),
        ("http://a/b c", TargetError::Malformed),
        ("http://a/b\r\nHost: c", TargetError::Malformed),
        ("http://ä/b", TargetError::Malformed),
        ("ftp://a/b", TargetError::Scheme),
        ("file:///etc/passwd", TargetError::Scheme),
        ("gopher://a", TargetError::Scheme),
        ("data:image/png;base64,AA", TargetError::Scheme),
        ("http://user@a/b", TargetError::UserInfo),
        ("http://user:word@a/b", TargetError::UserInfo),
        ("http://a%2eb/", TargetError::Host),
        ("http://a*b/", TargetError::Host),
        ("http://a:0/", TargetError::Port),
        ("http://a:65536/", TargetError::Port),
        ("http://a:+80/", TargetError::Port),
        (
            &long,
            TargetError::Long {
                length: 9 + LONGEST,
            },
        ),
        (&long_host, TargetError::Host),
    ] {
        let found = Target::parse(text).unwrap_err();
        // Hosts and ports may not even pass the first parser.
        let first = matches!(error, TargetError::Host | TargetError::Port)
            && found == TargetError::Malformed;
        let known = found == error || first;
        assert!(known, "{text}: {found:?}");
    }
    for text in [
        "http://",
        "http:",
        "http:/b",
        "http:80",
        "https:80/b",
        "http:///b",
        "http://:80/",
        "http://[::1/",
        "http://[::1]b/",
        "http://[fe80::1%25e]/",
        "http://[a]/",
        "http://a\\@b/",
    ] {
        assert!(Target::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_redirect_is_followed_from_where_one_is() {
    let here = Target::parse("http://a:81/b/c/d?q").unwrap();
    for (location, there) in [
        ("http://x/y", "http://x/y"),
        ("https://x", "https://x/"),
        ("//x/y", "http://x/y"),
        ("/y", "http://a:81/y"),
        ("/y?z#f", "http://a:81/y?z"),
        ("y", "http://a:81/b/c/y"),
        ("./y", "http://a:81/b/c/y"),
        ("../y", "http://a:81/b/y"),
        ("../../../y", "http://a:81/y"),
        ("..", "http://a:81/b/"),
        (".", "http://a:81/b/c/"),
        ("y/", "http://a:81/b/c/y/"),
        ("?z", "http://a:81/b/c/d?z"),
        ("", "http://a:81/b/c/d?q"),
        ("#f", "http://a:81/b/c/d?q"),
        ("y?z=http://n", "http://a:81/b/c/y?z=http://n"),
    ] {
        let moved = here.moved_to(location);
        let moved = moved.unwrap_or_else(|error| panic!("{location}: {error}"));
        assert_eq!(whole(&moved), there, "{location}");
    }
    assert_eq!(here.moved_to("file:///x"), Err(TargetError::Scheme));
    assert_eq!(here.moved_to("//u@x/y"), Err(TargetError::UserInfo));
    assert_eq!(here.moved_to("/y z"), Err(TargetError::Malformed));
}

#[test]
fn a_signature_in_an_address_is_not_shown() {
    let target = Target::parse("https://a/b?sig=secret").unwrap();
    assert_eq!(format!("{target:?}"), "Target(https://a)");
}

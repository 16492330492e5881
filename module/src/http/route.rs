//! Which request is meant for whom, by method and path.
//!
//! Pure. Pictures come under the paths of the exported Custom Vision container and under those of
//! the cloud's prediction service, as its SDKs write them; what is answered differs.

use hyper::Method;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// A picture.
    Picture(Asked),
    /// Is the process alive?
    Alive,
    /// Is it ready?
    Ready,
    /// What does it count?
    Metrics,
    /// The page for people.
    Front,
}

/// How a picture comes, and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) source: Source,
    pub(super) family: Family,
    /// False under `/nostore`, whatever else the request says.
    pub(super) may_count: bool,
    /// As the path has it, which means percent-encoded and of any length that a head may have.
    pub(super) project: Option<String>,
}

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The picture.
    Body,
    /// Its address.
    Address,
}

/// Whose paths, and so whose answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// The exported container's.
    Container,
    /// The cloud's.
    Cloud,
}

/// Nobody takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unrouted {
    /// There is no such path.
    Path,
    /// There is, for other methods.
    Method {
        /// Those, as the header `Allow` has them.
        allowed: &'static str,
    },
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Result<Route, Unrouted> {
    let (route, allowed): (_, &[Method]) = match path {
        "/healthz" => (Route::Alive, &[Method::GET, Method::HEAD]),
        "/readyz" => (Route::Ready, &[Method::GET, Method::HEAD]),
        "/metrics" => (Route::Metrics, &[Method::GET, Method::HEAD]),
        "/" => (Route::Front, &[Method::GET, Method::HEAD]),
        _ => (Route::Picture(picture(path)?), &[Method::POST]),
    };
    if allowed.contains(method) {
        return Ok(route);
    }
    let allowed = match route {
        Route::Picture(_) => "POST",
        Route::Alive | Route::Ready | Route::Metrics | Route::Front => "GET, HEAD",
    };
    Err(Unrouted::Method { allowed })
}

/// Whose path to a picture this is, and what its body is.
fn picture(path: &str) -> Result<Asked, Unrouted> {
    let path = path.strip_prefix('/').ok_or(Unrouted::Path)?;
    let segments: Vec<&str> = path.split('/').take(LONGEST + 1).collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(Unrouted::Path);
    }
    let (family, rest) = match segments.as_slice() {
        ["customvision", version, prediction, rest @ ..]
            if version.starts_with("v3.") && prediction.eq_ignore_ascii_case("prediction") =>
        {
            (Family::Cloud, rest)
        }
        rest => (Family::Container, rest),
    };
    // Whether a picture is kept is the cloud's question; here none is, and this one leaves no count.
    let (rest, may_count) = match rest {
        [before @ .., "nostore"] => (before, false),
        rest => (rest, true),
    };
    let (source, before) = match rest {
        [before @ .., "image"] => (Source::Body, before),
        [before @ .., "url"] => (Source::Address, before),
        _ => return Err(Unrouted::Path),
    };
    let project = match (family, before) {
        (_, [project, "classify" | "detect", "iterations", _]) | (Family::Container, [project]) => {
            Some((*project).to_owned())
        }
        (Family::Container, []) => None,
        _ => return Err(Unrouted::Path),
    };
    Ok(Asked {
        source,
        family,
        may_count,
        project,
    })
}

/// Segments of the longest path:
/// `customvision/v3.1/prediction/PROJECT/classify/iterations/NAME/image/nostore`.
const LONGEST: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str) -> Result<Route, Unrouted> {
        find(&Method::POST, path)
    }

    /// The same path for a picture and for its address.
    fn check(path: &str, family: Family, project: Option<&str>) {
        for (last, source) in [("image", Source::Body), ("url", Source::Address)] {
            let path = path.replace("WHAT", last);
            let asked = Asked {
                source,
                family,
                may_count: !path.ends_with("/nostore"),
                project: project.map(str::to_owned),
            };
            assert_eq!(post(&path), Ok(Route::Picture(asked)), "{path}");
        }
    }

    #[test]
    fn a_path_has_its_methods_and_no_other() {
        assert_eq!(find(&Method::HEAD, "/healthz"), Ok(Route::Alive));
        assert_eq!(find(&Method::GET, "/readyz"), Ok(Route::Ready));
        assert_eq!(find(&Method::GET, "/metrics"), Ok(Route::Metrics));
        assert_eq!(find(&Method::GET, "/"), Ok(Route::Front));
        for path in ["/image", "/p/image", "/url"] {
            let only = Unrouted::Method { allowed: "POST" };
            assert_eq!(find(&Method::GET, path), Err(only));
        }
        let get = Unrouted::Method {
            allowed: "GET, HEAD",
        };
        assert_eq!(find(&Method::DELETE, "/"), Err(get));
    }

    #[test]
    fn the_containers_paths_with_project_iteration_and_nostore_take_a_picture() {
        for path in ["/WHAT", "/WHAT/nostore"] {
            check(path, Family::Container, None);
        }
        for path in [
            "/PROJECT/WHAT",
            "/PROJECT/WHAT/nostore",
            "/PROJECT/classify/iterations/Iteration%201/WHAT",
            "/PROJECT/classify/iterations/NAME/WHAT/nostore",
            "/PROJECT/detect/iterations/NAME/WHAT",
        ] {
            check(path, Family::Container, Some("PROJECT"));
        }
    }

    #[test]
    fn the_clouds_paths_are_answered_as_the_cloud_does() {
        for path in [
            "/customvision/v3.0/Prediction/P/classify/iterations/N/WHAT",
            "/customvision/v3.1/prediction/P/classify/iterations/N/WHAT/nostore",
            "/customvision/v3.1/prediction/P/detect/iterations/N/WHAT",
        ] {
            check(path, Family::Cloud, Some("P"));
        }
    }

    #[test]
    fn other_paths_are_nobodys() {
        for path in [
            "/image/",
            "/Image",
            "//image",
            "",
            "/images",
            "*",
            "/nostore",
            "/nostore/image/nostore/nostore",
            "/P/classify/iterations/image",
            "/P/segment/iterations/N/image",
            "/customvision/v3.1/prediction/P/image",
            "/customvision/v2.0/prediction/P/classify/iterations/N/image",
            "/customvision/v3.1/prediction/P/classify/iterations/N/image/nostore/x",
        ] {
            assert_eq!(post(path), Err(Unrouted::Path), "{path:?}");
        }
    }
}
